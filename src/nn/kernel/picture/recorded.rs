//! The same operations made of ones whose gradients are known, for graphics adapters.

use burn::tensor::{Int, Tensor, TensorData, activation::sigmoid};

use crate::nn::kernel::picture::{TAPS, Windows};

pub(super) fn windows(x: Tensor<2>, windows: Windows) -> Tensor<2> {
    let [pixels, channels] = x.dims();
    let device = x.device();
    let count = windows.count().iter().product::<usize>();
    // beyond the edges there is a row of zeros
    let places: Vec<i64> = (0..count)
        .flat_map(|window| (0..TAPS).map(move |tap| windows.pixel(window, tap)))
        .map(|pixel| pixel.unwrap_or(pixels) as i64)
        .collect();
    let places = TensorData::new(places, [count * TAPS]);
    let places = Tensor::<1, Int>::from_data(places, &device.clone().without_autodiff());
    let zeros = Tensor::zeros([1, channels], &device.without_autodiff());
    Tensor::cat(vec![x, zeros], 0).select(0, places).reshape([count, TAPS * channels])
}

pub(super) fn group_norm(
    x: Tensor<2>,
    [weight, bias]: [Tensor<1>; 2],
    groups: usize,
    eps: f32,
    swish: bool,
) -> Tensor<2> {
    let [pixels, channels] = x.dims();
    let len = channels / groups.max(1);
    let of_group: Tensor<3> = x.reshape([pixels, groups, len]);
    let of_group: Tensor<2> = of_group.swap_dims(0, 1).reshape([groups, pixels * len]);
    let centred = of_group.clone() - of_group.mean_dim(1);
    let variance = centred.clone().powi_scalar(2).mean_dim(1);
    let normed: Tensor<3> =
        (centred * (variance + eps).sqrt().recip()).reshape([groups, pixels, len]);
    let normed: Tensor<2> = normed.swap_dims(0, 1).reshape([pixels, channels]);
    let normed = normed * weight.unsqueeze() + bias.unsqueeze();
    if swish { normed.clone() * sigmoid(normed) } else { normed }
}
