//! One block: 32 numbers become codes, a scale and, in four bits, a minimum.

use half::f16;

/// Numbers in a block.
pub const BLOCK: usize = 32;

/// How a block is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        match format {
            BlockFormat::Q14 => Self::symmetric(values, 8191.0, 0),
            BlockFormat::Q8 => Self::symmetric(values, 127.0, 128),
            BlockFormat::Q4 => Self::with_minimum(values),
        }
    }

    /// The numbers the codes stand for.
    #[must_use]
    pub fn values(&self, format: BlockFormat) -> [f32; BLOCK] {
        let offset = if format == BlockFormat::Q8 { 128 } else { 0 };
        let (scale, minimum) = (self.scale.to_f32(), self.minimum.to_f32());
        self.codes.map(|code| scale * f32::from(code - offset) + minimum)
    }

    fn symmetric(values: &[f32; BLOCK], steps: f32, offset: i16) -> Self {
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = rounded_up(largest / steps);
        let inverse = if scale > f16::ZERO { scale.to_f32().recip() } else { 0.0 };
        let codes = values
            .map(|value| (value * inverse).round_ties_even().clamp(-steps, steps) as i16 + offset);
        Self { codes, scale, minimum: f16::ZERO }
    }

    /// Of some ranges a little narrower than the numbers' own, the one with the least squares:
    /// the few outermost numbers cost less than a finer step gains.
    fn with_minimum(values: &[f32; BLOCK]) -> Self {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut best = Self::in_range(values, low, high);
        let mut least = best.squares(values);
        for cut in 1..=6 {
            let less = (high - low) * 0.02 * cut as f32;
            let tried = Self::in_range(values, low + less, high - less).fitted(values);
            let squares = tried.squares(values);
            if squares < least {
                (best, least) = (tried, squares);
            }
        }
        best
    }

    fn in_range(values: &[f32; BLOCK], low: f32, high: f32) -> Self {
        let (scale, minimum) = (f16::from_f32((high - low) / 15.0), f16::from_f32(low));
        Self::coded(values, scale, minimum)
    }

    fn coded(values: &[f32; BLOCK], scale: f16, minimum: f16) -> Self {
        let inverse = if scale > f16::ZERO { scale.to_f32().recip() } else { 0.0 };
        let low = minimum.to_f32();
        let codes =
            values.map(|value| ((value - low) * inverse).round_ties_even().clamp(0.0, 15.0) as i16);
        Self { codes, scale, minimum }
    }

    /// With these codes, the scale and the minimum of least squares.
    fn fitted(self, values: &[f32; BLOCK]) -> Self {
        let (mut codes, mut squares, mut sum, mut product) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
        for (code, value) in self.codes.iter().zip(values) {
            let code = f32::from(*code);
            codes += code;
            squares += code * code;
            sum += value;
            product += code * value;
        }
        let count = BLOCK as f32;
        let spread = count * squares - codes * codes;
        if spread <= 0.0 {
            return self;
        }
        let scale = (count * product - codes * sum) / spread;
        let minimum = (sum - scale * codes) / count;
        let (scale, minimum) = (f16::from_f32(scale), f16::from_f32(minimum));
        if scale > f16::ZERO { Self::coded(values, scale, minimum) } else { self }
    }

    fn squares(&self, values: &[f32; BLOCK]) -> f32 {
        let own = self.values(BlockFormat::Q4);
        own.iter().zip(values).map(|(own, value)| (own - value) * (own - value)).sum()
    }
}

/// The nearest f16 that is not smaller: codes stay within their range.
fn rounded_up(value: f32) -> f16 {
    let near = f16::from_f32(value);
    if near.to_f32() < value { f16::from_bits(near.to_bits() + 1) } else { near }
}
