//! Activations on the CPU, number by number.

use burn::tensor::{Device, Tensor, TensorData};
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
    let lines =
        |out: &mut [f32], row: usize| run(Gated { activation, gate: x.row(row), up: None, out });
    Some(by_rows([rows, columns], &device, lines))
}

/// The activation of `gate`, times `up`; `None` where the plain operations do as well.
pub(crate) fn gated(activation: Activation, gate: &Tensor<2>, up: &Tensor<2>) -> Option<Tensor<2>> {
    let ([rows, columns], device) = (gate.dims(), gate.device());
    if !is_known(activation) {
        return None;
    }
    let (gate, up) = (HostRows::of(gate.clone())?, HostRows::of(up.clone())?);
    let lines = |out: &mut [f32], row: usize| {
        run(Gated { activation, gate: gate.row(row), up: Some(up.row(row)), out });
    };
    Some(by_rows([rows, columns], &device, lines))
}

/// A tensor whose rows `line` fills.
fn by_rows(
    [rows, columns]: [usize; 2],
    device: &Device,
    line: impl Fn(&mut [f32], usize) + Sync,
) -> Tensor<2> {
    let mut out = vec![0.0; rows * columns];
    let lines = out.par_chunks_mut(columns.max(1)).enumerate();
    let at_once = (AT_ONCE / columns.max(1)).max(1);
    lines.with_min_len(at_once).for_each(|(row, out)| line(out, row));
    Tensor::from_data(TensorData::new(out, [rows, columns]), device)
}

fn is_known(activation: Activation) -> bool {
    matches!(activation, Activation::Silu | Activation::QuickGelu | Activation::GeluNew)
}

/// The activation of `gate`, times `up` where there is one.
pub(crate) struct Gated<'a> {
    pub(crate) activation: Activation,
    pub(crate) gate: &'a [f32],
    pub(crate) up: Option<&'a [f32]>,
    pub(crate) out: &'a mut [f32],
}

impl Work for Gated<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { activation, gate, up, out } = self;
        match activation {
            Activation::QuickGelu => each(gate, up, out, |x| x / (1.0 + exp::<V>(-1.702 * x))),
            // x·½(1 + tanh(y)) = x·sigmoid(2y)
            Activation::GeluNew => each(gate, up, out, |x| {
                let inner = x * (1.0 + 0.044_715 * x * x);
                x / (1.0 + exp::<V>(-2.0 * 0.797_884_6 * inner))
            }),
            _ => each(gate, up, out, |x| x / (1.0 + exp::<V>(-x))),
        }
    }
}

#[inline(always)]
fn each(gate: &[f32], up: Option<&[f32]>, out: &mut [f32], activation: impl Fn(f32) -> f32) {
    let outs = out.iter_mut().zip(gate);
    match up {
        None => outs.for_each(|(out, x)| *out = activation(*x)),
        Some(up) => outs.zip(up).for_each(|((out, x), up)| *out = activation(*x) * up),
    }
}
