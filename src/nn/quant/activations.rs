//! Inputs of a product as whole numbers, in blocks as the weights are.

use crate::nn::quant::BLOCK;

/// Rows of inputs in tiles: some rows at a time, as many as a kernel multiplies at once.
///
/// A tile is `[blocks][groups][rows][columns of a group]`: the order in which it is read.
#[derive(Debug, Default)]
pub(super) struct Activations {
    /// Blocks of a row.
    blocks: usize,
    words: Vec<i16>,
    bytes: Vec<i8>,
    /// What a step stands for, `[blocks][rows]` in every tile.
    scales: Vec<f32>,
    /// Of the codes of a block, `[blocks][rows]` in every tile.
    sums: Vec<i32>,
    /// What code 0 stands for, where that is not 0: `[blocks][rows]` in every tile.
    minima: Vec<f32>,
}

/// How inputs are coded for a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// 14 bits in groups of two columns: products with Q14 add up in 32 bits.
    Pairs14,
    /// 16 bits in groups of four columns, of which the even ones come first.
    EvenOdd16,
    /// 8 bits in groups of four columns.
    Fours8,
    /// 7 bits without a sign, counted from the smallest number of the block, in groups of four
    /// columns: two products with 8 bits add up in 16.
    Fours7,
}

impl Coding {
    #[inline(always)]
    fn steps(self) -> f32 {
        match self {
            Self::Pairs14 => 8191.0,
            Self::EvenOdd16 => 32767.0,
            Self::Fours8 => 127.0,
            Self::Fours7 => 127.0,
        }
    }
}

/// One tile: groups of `N` codes for each of `M` rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<'a, T, const N: usize, const M: usize> {
    pub(super) groups: &'a [[[T; N]; M]],
    pub(super) scales: &'a [[f32; M]],
    pub(super) sums: &'a [[i32; M]],
    /// Nothing where code 0 stands for 0.
    pub(super) minima: &'a [[f32; M]],
}

/// Rows of the tiles that `count` rows are cut in, the largest first.
pub(super) fn tile_rows(largest: usize, count: usize) -> impl Iterator<Item = usize> {
    let mut left = count;
    std::iter::from_fn(move || {
        let rows = [8, 4, 2, 1].into_iter().find(|rows| *rows <= largest && *rows <= left)?;
        left -= rows;
        Some(rows)
    })
}

impl Activations {
    /// `values` is `[rows, columns]`; a last block that is not full is filled with zeros.
    #[inline(always)]
    pub(super) fn fill(&mut self, coding: Coding, largest: usize, values: &[f32], columns: usize) {
        let columns = columns.max(1);
        let count = values.len() / columns;
        self.blocks = columns.div_ceil(BLOCK);
        let codes = count * self.blocks * BLOCK;
        match coding {
            Coding::Fours8 | Coding::Fours7 => self.bytes.resize(codes, 0),
            Coding::EvenOdd16 | Coding::Pairs14 => self.words.resize(codes, 0),
        }
        self.scales.resize(count * self.blocks, 0.0);
        self.sums.resize(count * self.blocks, 0);
        self.minima.resize(if coding == Coding::Fours7 { count * self.blocks } else { 0 }, 0.0);
        let mut first = 0;
        for rows in tile_rows(largest, count) {
            for row in 0..rows {
                let from = (first + row) * columns;
                let values = values.get(from..from + columns).unwrap_or_default();
                self.fill_row(coding, values, first * self.blocks, rows, row);
            }
            first += rows;
        }
    }

    /// A row of a tile of `rows` rows that begins with block `start`.
    #[inline(always)]
    fn fill_row(&mut self, coding: Coding, values: &[f32], start: usize, rows: usize, row: usize) {
        let (blocks, rest) = values.as_chunks::<BLOCK>();
        for (at, block) in blocks.iter().enumerate() {
            self.fill_block(coding, block, start + at * rows, rows, row);
        }
        if !rest.is_empty() {
            let mut block = [0.0; BLOCK];
            for (place, value) in block.iter_mut().zip(rest) {
                *place = *value;
            }
            self.fill_block(coding, &block, start + blocks.len() * rows, rows, row);
        }
    }

    #[inline(always)]
    fn fill_block(
        &mut self,
        coding: Coding,
        block: &[f32; BLOCK],
        start: usize,
        rows: usize,
        row: usize,
    ) {
        let (codes, scale) = match coding {
            Coding::Fours7 => {
                let (codes, scale, minimum) = coded_from_minimum(block, coding.steps());
                if let Some(place) = self.minima.get_mut(start + row) {
                    *place = minimum;
                }
                (codes, scale)
            }
            Coding::Pairs14 | Coding::EvenOdd16 | Coding::Fours8 => coded(block, coding.steps()),
        };
        if let Some(place) = self.scales.get_mut(start + row) {
            *place = scale;
        }
        if let Some(place) = self.sums.get_mut(start + row) {
            *place = codes.iter().fold(0, |sum: i32, code| sum.wrapping_add(*code));
        }
        let range = start * BLOCK..(start + rows) * BLOCK;
        match coding {
            Coding::Fours8 | Coding::Fours7 => {
                let places = self.bytes.get_mut(range).unwrap_or_default();
                let places = places.as_chunks_mut::<4>().0.iter_mut().skip(row).step_by(rows);
                for (place, four) in places.zip(codes.as_chunks::<4>().0) {
                    *place = four.map(|code| code as i8);
                }
            }
            Coding::EvenOdd16 => {
                let places = self.words.get_mut(range).unwrap_or_default();
                let places = places.as_chunks_mut::<4>().0.iter_mut().skip(row).step_by(rows);
                for (place, four) in places.zip(codes.as_chunks::<4>().0) {
                    let [a, b, c, d] = four.map(|code| code as i16);
                    *place = [a, c, b, d];
                }
            }
            Coding::Pairs14 => {
                let places = self.words.get_mut(range).unwrap_or_default();
                let places = places.as_chunks_mut::<2>().0.iter_mut().skip(row).step_by(rows);
                for (place, two) in places.zip(codes.as_chunks::<2>().0) {
                    *place = two.map(|code| code as i16);
                }
            }
        }
    }

    /// The tile of codes of 16 bits that begins with row `first`.
    #[inline(always)]
    pub(super) fn words<const N: usize, const M: usize>(
        &self,
        first: usize,
    ) -> Tile<'_, i16, N, M> {
        self.tile(&self.words, first)
    }

    /// The tile of codes of 8 bits that begins with row `first`.
    #[inline(always)]
    pub(super) fn bytes<const M: usize>(&self, first: usize) -> Tile<'_, i8, 4, M> {
        self.tile(&self.bytes, first)
    }

    #[inline(always)]
    fn tile<'a, T, const N: usize, const M: usize>(
        &'a self,
        codes: &'a [T],
        first: usize,
    ) -> Tile<'a, T, N, M> {
        let range = first * self.blocks..(first + M) * self.blocks;
        let codes = codes.get(range.start * BLOCK..range.end * BLOCK).unwrap_or_default();
        Tile {
            groups: codes.as_chunks::<N>().0.as_chunks::<M>().0,
            scales: self.scales.get(range.clone()).unwrap_or_default().as_chunks::<M>().0,
            sums: self.sums.get(range.clone()).unwrap_or_default().as_chunks::<M>().0,
            minima: self.minima.get(range).unwrap_or_default().as_chunks::<M>().0,
        }
    }
}

/// Codes and the scale of a block.
#[inline(always)]
fn coded(block: &[f32; BLOCK], steps: f32) -> ([i32; BLOCK], f32) {
    let mut lanes = [0.0_f32; 8];
    // zero for numbers, NaN when one of them is none
    let mut faults = [0.0_f32; 8];
    for eight in block.as_chunks::<8>().0 {
        for ((lane, fault), value) in lanes.iter_mut().zip(&mut faults).zip(eight) {
            *lane = if value.abs() > *lane { value.abs() } else { *lane };
            *fault += value * 0.0;
        }
    }
    let largest = lanes.iter().fold(0.0_f32, |a, b| if *b > a { *b } else { a });
    let fault: f32 = faults.iter().sum();
    let inverse = if largest > 0.0 && fault == 0.0 { steps / largest } else { 0.0 };
    // adding this number leaves the nearest whole one in the low bits
    let codes =
        block.map(|value| (value * inverse + ROUNDER).to_bits().wrapping_sub(ROUNDER_BITS) as i32);
    (codes, largest / steps + fault)
}

/// Codes from 0 on, the scale, and what code 0 stands for.
#[inline(always)]
fn coded_from_minimum(block: &[f32; BLOCK], steps: f32) -> ([i32; BLOCK], f32, f32) {
    let (mut low, mut high) = ([f32::INFINITY; 8], [f32::NEG_INFINITY; 8]);
    let mut faults = [0.0_f32; 8];
    for eight in block.as_chunks::<8>().0 {
        let lanes = low.iter_mut().zip(&mut high).zip(&mut faults);
        for (((low, high), fault), value) in lanes.zip(eight) {
            *low = if *value < *low { *value } else { *low };
            *high = if *value > *high { *value } else { *high };
            *fault += value * 0.0;
        }
    }
    let low = low.iter().fold(f32::INFINITY, |a, b| if *b < a { *b } else { a });
    let high = high.iter().fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    let (fault, range) = (faults.iter().sum::<f32>(), high - low);
    let is_sound = range > 0.0 && range < f32::INFINITY && fault == 0.0;
    let one = block.first().copied().unwrap_or_default();
    let (inverse, low) = if is_sound { (steps / range, low) } else { (0.0, one) };
    let codes = block.map(|value| {
        ((value - low) * inverse + ROUNDER).to_bits().wrapping_sub(ROUNDER_BITS) as i32
    });
    // of one number there is no range; what is no number shows in the scale
    let scale = if range > 0.0 { range / steps + fault } else { fault };
    (codes.map(|code| code.clamp(0, 127)), scale, low)
}

/// 1.5 · 2²³
const ROUNDER: f32 = 12_582_912.0;
const ROUNDER_BITS: u32 = 0x4B40_0000;
