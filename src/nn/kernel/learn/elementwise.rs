//! Activations, there and back.

use burn::backend::TensorMetadata as _;
use burn::tensor::TensorData;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::nn::Activation;
use crate::nn::kernel::host::{Gated, Vector, Work, exp, run};

/// Numbers a thread takes at once.
const AT_ONCE: usize = 1 << 13;

/// Which activations have a kernel.
pub(super) fn knows(activation: Activation) -> bool {
    matches!(activation, Activation::Silu | Activation::QuickGelu | Activation::GeluNew)
}

/// Every number's activation.
pub(super) fn activated(x: &FlexTensor, activation: Activation) -> FlexTensor {
    let x = x.to_contiguous();
    let values = x.storage::<f32>();
    let mut out = vec![0.0; values.len()];
    out.par_chunks_mut(AT_ONCE).zip(values.par_chunks(AT_ONCE)).for_each(|(out, gate)| {
        run(Gated { activation, gate, up: None, out });
    });
    FlexTensor::from_data(TensorData::new(out, x.shape()))
}

/// The gradient of x.
pub(super) fn activated_back(
    x: &FlexTensor,
    activation: Activation,
    gradient: &FlexTensor,
) -> FlexTensor {
    let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
    let values = x.storage::<f32>();
    let mut out = vec![0.0; values.len()];
    out.par_chunks_mut(AT_ONCE)
        .zip(values.par_chunks(AT_ONCE))
        .zip(gradient.storage::<f32>().par_chunks(AT_ONCE))
        .for_each(|((out, x), gradient)| run(Back { activation, x, gradient, out }));
    FlexTensor::from_data(TensorData::new(out, x.shape()))
}

struct Back<'a> {
    activation: Activation,
    x: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Back<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { activation, x, gradient, out } = self;
        let sigmoid = |x: f32| 1.0 / (1.0 + exp::<V>(-x));
        match activation {
            Activation::QuickGelu => each(x, gradient, out, |x| {
                let share = sigmoid(1.702 * x);
                share * (1.0 + 1.702 * x * (1.0 - share))
            }),
            // x·sigmoid(2y), y = √(2/π)·(x + 0.044715 x³)
            Activation::GeluNew => each(x, gradient, out, |x| {
                let share = sigmoid(2.0 * 0.797_884_6 * x * (1.0 + 0.044_715 * x * x));
                let inner = 2.0 * 0.797_884_6 * (1.0 + 3.0 * 0.044_715 * x * x);
                share * (1.0 + x * (1.0 - share) * inner)
            }),
            _ => each(x, gradient, out, |x| {
                let share = sigmoid(x);
                share * (1.0 + x * (1.0 - share))
            }),
        }
    }
}

#[inline(always)]
fn each(x: &[f32], gradient: &[f32], out: &mut [f32], slope: impl Fn(f32) -> f32) {
    for ((out, x), gradient) in out.iter_mut().zip(x).zip(gradient) {
        *out = gradient * slope(*x);
    }
}
