//! One block: 32 numbers become codes, a scale and, in four bits, a minimum.

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use serde::{Deserialize, Serialize};

/// Numbers in a block.
pub const BLOCK: usize = 32;

/// How a block is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BlockFormat {
    /// 13 bits and a sign, in 16: closer to the number than f16 where it matters, and multiplied
    /// as whole numbers. For what must not lose anything: the vision tower.
    Q14,
    /// 8 bits: `scale · (code − 128)`.
    Q8,
    /// 4 bits: `scale · code + minimum`.
    Q4,
}

impl BlockFormat {
    /// Bytes of the codes of one block.
    #[must_use]
    pub fn code_bytes(self) -> usize {
        match self {
            Self::Q14 => 2 * BLOCK,
            Self::Q8 => BLOCK,
            Self::Q4 => BLOCK / 2,
        }
    }

    /// 16-bit numbers beside the codes of one block.
    #[must_use]
    pub fn scales(self) -> usize {
        if self == Self::Q4 { 2 } else { 1 }
    }

    /// Bytes of one block.
    #[must_use]
    pub fn block_bytes(self) -> usize {
        self.code_bytes() + 2 * self.scales()
    }
}

/// One block on its way into a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// 0…15, 0…255, or −8191…8191 by format.
    pub codes: [i16; BLOCK],
    /// Of a step.
    pub scale: f16,
    /// What code 0 stands for; 0 unless the format has one.
    pub minimum: f16,
}

impl Block {
    /// The codes that stand for these numbers best.
    #[must_use]
    pub fn quantise(format: BlockFormat, values: &[f32; BLOCK]) -> Self {
        let mut lanes = Lanes::default();
        lanes.quantise(format, &values.map(|value| [value]));
        let Lanes { codes, scale: [scale], minimum: [minimum] } = lanes;
        Self { codes: codes.map(|[code]| code as i16), scale, minimum }
    }

    /// The numbers the codes stand for.
    #[must_use]
    pub fn values(&self, format: BlockFormat) -> [f32; BLOCK] {
        let offset = if format == BlockFormat::Q8 { 128 } else { 0 };
        let (scale, minimum) = (self.scale.to_f32(), self.minimum.to_f32());
        self.codes.map(|code| scale * f32::from(code - offset) + minimum)
    }
}

/// One block of each of several rows: every step is the same for all rows, so that it becomes
/// vector instructions of whatever width the caller may use.
pub(crate) struct Lanes<const L: usize> {
    /// Of each column, those of all rows.
    pub(crate) codes: [[i32; L]; BLOCK],
    pub(crate) scale: [f16; L],
    pub(crate) minimum: [f16; L],
}

impl<const L: usize> Default for Lanes<L> {
    fn default() -> Self {
        let (scale, minimum) = ([f16::ZERO; L], [f16::ZERO; L]);
        Self { codes: [[0; L]; BLOCK], scale, minimum }
    }
}

/// Added and taken away again, it rounds to the nearest whole number, ties to even; in between the
/// lower bits are that number.
const ROUNDER: f32 = 12_582_912.0;

#[inline(always)]
fn rounded(value: f32) -> f32 {
    (value + ROUNDER) - ROUNDER
}

#[inline(always)]
fn code(value: f32) -> i32 {
    (value + ROUNDER).to_bits() as i32 - ROUNDER.to_bits() as i32
}

#[inline(always)]
fn within(value: f32, low: f32, high: f32) -> f32 {
    let value = if value > low { value } else { low };
    if value < high { value } else { high }
}

/// In f16, and what that is.
#[inline(always)]
fn halves<const L: usize>(values: &[f32; L]) -> ([f16; L], [f32; L]) {
    let (mut half, mut back) = ([f16::ZERO; L], [0.0; L]);
    half.convert_from_f32_slice(values);
    half.convert_to_f32_slice(&mut back);
    (half, back)
}

/// 0 for blocks without extent.
#[inline(always)]
fn inverse(scale: f32) -> f32 {
    if scale > 0.0 { 1.0 / scale } else { 0.0 }
}

/// What codes 0 to 15 stand for.
#[derive(Clone, Copy)]
struct Range<const L: usize> {
    scale: [f32; L],
    minimum: [f32; L],
}

impl<const L: usize> Lanes<L> {
    /// `values` are those of each column, of all rows.
    #[inline(always)]
    pub(crate) fn quantise(&mut self, format: BlockFormat, values: &[[f32; L]; BLOCK]) {
        match format {
            BlockFormat::Q14 => self.symmetric(values, 8191.0, 0),
            BlockFormat::Q8 => self.symmetric(values, 127.0, 128),
            BlockFormat::Q4 => self.with_minimum(values),
        }
    }

    #[inline(always)]
    fn symmetric(&mut self, values: &[[f32; L]; BLOCK], steps: f32, offset: i32) {
        let mut largest = [0.0_f32; L];
        for column in values {
            for (largest, value) in largest.iter_mut().zip(column) {
                *largest = if value.abs() > *largest { value.abs() } else { *largest };
            }
        }
        // the nearest f16 that is not smaller: codes stay within their range
        let wanted = largest.map(|largest| largest / steps);
        let (mut scale, mut back) = halves(&wanted);
        for ((scale, back), wanted) in scale.iter_mut().zip(&mut back).zip(wanted) {
            if *back < wanted {
                *scale = f16::from_bits(scale.to_bits() + 1);
                *back = scale.to_f32();
            }
        }
        let inverse = back.map(inverse);
        for (codes, column) in self.codes.iter_mut().zip(values) {
            for ((out, value), inverse) in codes.iter_mut().zip(column).zip(&inverse) {
                *out = code(within(value * inverse, -steps, steps)) + offset;
            }
        }
        (self.scale, self.minimum) = (scale, [f16::ZERO; L]);
    }

    /// Of some ranges a little narrower than the numbers' own, the one with the least squares:
    /// an outermost number costs less than a finer step gains.
    #[inline(always)]
    fn with_minimum(&mut self, values: &[[f32; L]; BLOCK]) {
        let (mut low, mut high, mut sum) = ([f32::INFINITY; L], [f32::NEG_INFINITY; L], [0.0; L]);
        for column in values {
            for (((low, high), sum), value) in
                low.iter_mut().zip(&mut high).zip(&mut sum).zip(column)
            {
                *low = if *value < *low { *value } else { *low };
                *high = if *value > *high { *value } else { *high };
                *sum += value;
            }
        }
        let mut best = Range::between(&low, &high);
        let mut least = best.squares(values);
        for (below, above) in CUTS.iter().flat_map(|below| CUTS.iter().map(move |cut| (below, cut)))
        {
            let (mut from, mut to) = (low, high);
            for (from, to) in from.iter_mut().zip(&mut to) {
                let width = *to - *from;
                (*from, *to) = (*from + width * below, *to - width * above);
            }
            let tried = Range::between(&from, &to).fitted(values, &sum);
            best.take_better(&mut least, &tried, &tried.squares(values));
        }
        (self.scale, self.minimum) = (halves(&best.scale).0, halves(&best.minimum).0);
        let (inverse, low) = (best.scale.map(inverse), best.minimum);
        for (codes, column) in self.codes.iter_mut().zip(values) {
            for (((out, value), inverse), low) in
                codes.iter_mut().zip(column).zip(&inverse).zip(&low)
            {
                *out = code(within((value - low) * inverse, 0.0, 15.0));
            }
        }
    }
}

/// Shares of the range of a block that are tried without, at either end.
const CUTS: [f32; 3] = [0.0, 0.04, 0.08];

impl<const L: usize> Range<L> {
    #[inline(always)]
    fn between(low: &[f32; L], high: &[f32; L]) -> Self {
        let mut scale = [0.0; L];
        for ((scale, low), high) in scale.iter_mut().zip(low).zip(high) {
            *scale = (high - low) / 15.0;
        }
        Self { scale: halves(&scale).1, minimum: halves(low).1 }
    }

    /// With these codes, the scale and the minimum of least squares.
    #[inline(always)]
    fn fitted(self, values: &[[f32; L]; BLOCK], sum: &[f32; L]) -> Self {
        let inverse = self.scale.map(inverse);
        let (mut codes, mut squares, mut product) = ([0.0_f32; L], [0.0_f32; L], [0.0_f32; L]);
        for column in values {
            let own = column.iter().zip(&inverse).zip(&self.minimum);
            let sums = codes.iter_mut().zip(&mut squares).zip(&mut product);
            for (((codes, squares), product), ((value, inverse), low)) in sums.zip(own) {
                let code = rounded(within((value - low) * inverse, 0.0, 15.0));
                *codes += code;
                *squares += code * code;
                *product += code * value;
            }
        }
        let count = BLOCK as f32;
        let (mut scale, mut minimum) = ([0.0; L], [0.0; L]);
        let sums = codes.iter().zip(&squares).zip(&product).zip(sum);
        for ((scale, minimum), (((codes, squares), product), sum)) in
            scale.iter_mut().zip(&mut minimum).zip(sums)
        {
            let spread = count * squares - codes * codes;
            if spread > 0.0 {
                *scale = (count * product - codes * sum) / spread;
                *minimum = (sum - *scale * codes) / count;
            }
        }
        let mut fitted = Self { scale: halves(&scale).1, minimum: halves(&minimum).1 };
        let own = self.scale.iter().zip(&self.minimum);
        for ((scale, minimum), (own_scale, own_minimum)) in
            fitted.scale.iter_mut().zip(&mut fitted.minimum).zip(own)
        {
            if *scale <= 0.0 {
                (*scale, *minimum) = (*own_scale, *own_minimum);
            }
        }
        fitted
    }

    /// Of the differences between the numbers and what stands for them.
    #[inline(always)]
    fn squares(&self, values: &[[f32; L]; BLOCK]) -> [f32; L] {
        let inverse = self.scale.map(inverse);
        let mut squares = [0.0; L];
        for column in values {
            let own = self.scale.iter().zip(&self.minimum).zip(&inverse);
            for ((squares, value), ((scale, low), inverse)) in
                squares.iter_mut().zip(column).zip(own)
            {
                let code = rounded(within((value - low) * inverse, 0.0, 15.0));
                let off = scale * code + low - value;
                *squares += off * off;
            }
        }
        squares
    }

    /// The other's where its squares are less.
    #[inline(always)]
    fn take_better(&mut self, least: &mut [f32; L], other: &Self, squares: &[f32; L]) {
        let own = self.scale.iter_mut().zip(&mut self.minimum).zip(least);
        let others = other.scale.iter().zip(&other.minimum).zip(squares);
        for (((scale, minimum), least), ((other, other_minimum), squares)) in own.zip(others) {
            if *squares < *least {
                (*scale, *minimum, *least) = (*other, *other_minimum, *squares);
            }
        }
    }
}
