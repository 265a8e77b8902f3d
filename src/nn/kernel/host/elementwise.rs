//! Activations on the CPU, number by number.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::nn::Activation;
use crate::nn::kernel::host::HostRows;
use crate::nn::kernel::host::processor::{Vector, Work, exp, run};

/// Numbers a thread takes at once.
const AT_ONCE: usize = 1 << 14;

/// The activation of every number; `None` where the plain operations do as well.
pub(crate) fn activated(activation: Activation, x: &Tensor<2>) -> Option<Tensor<2>> {
    let ([rows, columns], device) = (x.dims(), x.device());
    if !is_known(activation) {
        return None;
    }
    let x = HostRows::of(x.clone())?;
    let mut out = x.packed(rows).into_owned();
    let parts = out.par_chunks_mut(AT_ONCE);
    parts.for_each(|gate| run(Gated { activation, gate, up: None }));
    Some(Tensor::from_data(TensorData::new(out, [rows, columns]), &device))
}

/// The activation of `gate`, times `up`; `None` where the plain operations do as well.
pub(crate) fn gated(activation: Activation, gate: &Tensor<2>, up: &Tensor<2>) -> Option<Tensor<2>> {
    let ([rows, columns], device) = (gate.dims(), gate.device());
    if !is_known(activation) {
        return None;
    }
    let (gate, up) = (HostRows::of(gate.clone())?, HostRows::of(up.clone())?);
    let mut out = gate.packed(rows).into_owned();
    let lines = out.par_chunks_mut(columns.max(1)).enumerate();
    lines.with_min_len((AT_ONCE / columns.max(1)).max(1)).for_each(|(row, gate)| {
        run(Gated { activation, gate, up: Some(up.row(row)) });
    });
    Some(Tensor::from_data(TensorData::new(out, [rows, columns]), &device))
}

fn is_known(activation: Activation) -> bool {
    matches!(activation, Activation::Silu | Activation::QuickGelu | Activation::GeluNew)
}

struct Gated<'a> {
    activation: Activation,
    gate: &'a mut [f32],
    up: Option<&'a [f32]>,
}

impl Work for Gated<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { activation, gate, up } = self;
        match activation {
            Activation::QuickGelu => each(gate, up, |x| x / (1.0 + exp::<V>(-1.702 * x))),
            // x·½(1 + tanh(y)) = x·sigmoid(2y)
            Activation::GeluNew => each(gate, up, |x| {
                let inner = x * (1.0 + 0.044_715 * x * x);
                x / (1.0 + exp::<V>(-2.0 * 0.797_884_6 * inner))
            }),
            _ => each(gate, up, |x| x / (1.0 + exp::<V>(-x))),
        }
    }
}

#[inline(always)]
fn each(gate: &mut [f32], up: Option<&[f32]>, activation: impl Fn(f32) -> f32) {
    match up {
        None => gate.iter_mut().for_each(|x| *x = activation(*x)),
        Some(up) => gate.iter_mut().zip(up).for_each(|(x, up)| *x = activation(*x) * up),
    }
}
