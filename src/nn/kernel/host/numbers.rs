//! Keys and values as they are held: in 32 bits, or in 16 where the weights are rounded as well.

use std::ops::Range;

use half::f16;

use crate::nn::kernel::host::attention::KEYS;
use crate::nn::kernel::host::processor::{LANES, Vector};

/// A number as it is held.
pub(crate) trait Number: Copy + Default {
    /// The nearest to a value.
    fn of(value: f32) -> Self;
}

impl Number for f32 {
    fn of(value: f32) -> Self {
        value
    }
}

impl Number for f16 {
    /// What is beyond the range becomes its end; what is no number stays none.
    fn of(value: f32) -> Self {
        let ends = Self::MIN.to_f32()..=Self::MAX.to_f32();
        let is_beyond = value.is_finite() && !ends.contains(&value);
        Self::from_f32(if is_beyond { ends.end().copysign(value) } else { value })
    }
}

/// Numbers of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numbers<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
}

/// Some tiles of a head in 32 bits.
#[derive(Clone, Copy)]
pub(super) struct Tiles<'a> {
    pub(super) head_dim: usize,
    /// The tile they begin with.
    first: usize,
    numbers: &'a [f32],
}

impl<'a> Numbers<'a> {
    /// Some tiles, for which there is room in `widened` if they are held in 16 bits.
    #[inline(always)]
    pub(super) fn tiles<'b, V: Vector>(
        self,
        head_dim: usize,
        tiles: Range<usize>,
        widened: &'b mut Vec<f32>,
    ) -> Tiles<'b>
    where
        'a: 'b,
    {
        let (a_tile, first) = (KEYS * head_dim, tiles.start);
        let within = |len: usize| (tiles.start * a_tile).min(len)..(tiles.end * a_tile).min(len);
        let numbers = match self {
            Self::F32(all) => all.get(within(all.len())).unwrap_or_default(),
            Self::F16(all) => {
                let halves = all.get(within(all.len())).unwrap_or_default();
                widened.resize(halves.len(), 0.0);
                widen::<V>(halves, widened);
                widened.as_slice()
            }
        };
        Tiles { head_dim, first, numbers }
    }
}

#[inline(always)]
fn widen<V: Vector>(halves: &[f16], out: &mut [f32]) {
    let (vectors, rest) = halves.as_chunks::<LANES>();
    let (places, last) = out.as_chunks_mut::<LANES>();
    for (place, halves) in places.iter_mut().zip(vectors) {
        V::load_halves(halves).store(place);
    }
    for (place, half) in last.iter_mut().zip(rest) {
        *place = half.to_f32();
    }
}

impl<'a> Tiles<'a> {
    /// One of them, counted as in the head; what is there of it.
    #[inline(always)]
    pub(super) fn tile(self, tile: usize) -> &'a [f32] {
        let a_tile = KEYS * self.head_dim;
        let from = (tile.wrapping_sub(self.first) * a_tile).min(self.numbers.len());
        let end = (from + a_tile).min(self.numbers.len());
        self.numbers.get(from..end).unwrap_or_default()
    }
}
