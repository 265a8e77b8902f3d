//! A tensor as it lies in a file.

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use rayon::prelude::*;

/// Numbers of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileDtype {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float, small range.
    F16,
    /// 16-bit float, range of f32.
    Bf16,
    /// Not a float: positions, counters.
    Other {
        /// Bytes of one.
        size: usize,
    },
}

impl FileDtype {
    /// Bytes of one number.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other { size } => size,
        }
    }
}

/// Bytes of one tensor, row-major, little-endian.
#[derive(Clone, Copy, Debug)]
pub struct RawTensor<'a> {
    /// How to read them.
    pub dtype: FileDtype,
    /// Outermost first.
    pub shape: &'a [usize],
    /// As in the file.
    pub bytes: &'a [u8],
}

/// A tensor read by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedTensor {
    /// How to read its bytes.
    pub dtype: FileDtype,
    /// Outermost first.
    pub shape: Vec<usize>,
    /// Row-major, little-endian.
    pub bytes: Vec<u8>,
}

impl OwnedTensor {
    /// The same, borrowed.
    #[must_use]
    pub fn raw(&self) -> RawTensor<'_> {
        RawTensor { dtype: self.dtype, shape: &self.shape, bytes: &self.bytes }
    }
}

/// Numbers handled by one thread at a time.
const BLOCK: usize = 1 << 16;

impl RawTensor<'_> {
    /// How many values are not finite.
    #[must_use]
    pub fn count_not_finite(self) -> usize {
        let size = self.dtype.size();
        let blocks = self.bytes.par_chunks(BLOCK * size);
        match self.dtype {
            FileDtype::Bf16 => blocks.map(|block| count_16(block, 0x7f80)).sum(),
            FileDtype::F16 => blocks.map(|block| count_16(block, 0x7c00)).sum(),
            FileDtype::F32 => blocks
                .map(|block| {
                    words::<4>(block).filter(|w| !f32::from_le_bytes(*w).is_finite()).count()
                })
                .sum(),
            FileDtype::F64 => blocks
                .map(|block| {
                    words::<8>(block).filter(|w| !f64::from_le_bytes(*w).is_finite()).count()
                })
                .sum(),
            FileDtype::Other { .. } => 0,
        }
    }

    /// The values in f32.
    #[must_use]
    pub fn to_f32(self) -> Vec<f32> {
        match self.dtype {
            FileDtype::Bf16 => self.convert::<2, f32>(|w| bf16::from_le_bytes(w).to_f32()),
            FileDtype::F16 => self.convert::<2, f32>(|w| f16::from_le_bytes(w).to_f32()),
            FileDtype::F32 => self.convert::<4, f32>(f32::from_le_bytes),
            FileDtype::F64 => self.convert::<8, f32>(|w| f64::from_le_bytes(w) as f32),
            FileDtype::Other { .. } => Vec::new(),
        }
    }

    /// One row of `out.len()` values in f32; a row that is not there leaves `out` as it is.
    pub fn copy_row(self, row: usize, out: &mut [f32]) {
        let len = out.len() * self.dtype.size();
        let Some(bytes) = self.bytes.get(row * len..(row + 1) * len) else { return };
        match self.dtype {
            FileDtype::Bf16 => put(out, bytes, |w| bf16::from_le_bytes(w).to_f32()),
            FileDtype::F16 => match bytemuck::try_cast_slice::<u8, f16>(bytes) {
                // with vector instructions
                Ok(values) if cfg!(target_endian = "little") => values.convert_to_f32_slice(out),
                _ => put(out, bytes, |w| f16::from_le_bytes(w).to_f32()),
            },
            FileDtype::F32 => put(out, bytes, f32::from_le_bytes),
            FileDtype::F64 => put(out, bytes, |w| f64::from_le_bytes(w) as f32),
            FileDtype::Other { .. } => {}
        }
    }

    /// The values in f16; those beyond its range become infinite.
    #[must_use]
    pub fn to_f16(self) -> Vec<f16> {
        if self.dtype == FileDtype::F16 {
            return self.convert::<2, f16>(f16::from_le_bytes);
        }
        // by blocks, which the library narrows with vector instructions
        let size = self.dtype.size();
        let mut out = vec![f16::ZERO; self.bytes.len() / size];
        out.par_chunks_mut(BLOCK).zip(self.bytes.par_chunks(BLOCK * size)).for_each(
            |(out, bytes)| {
                let wide = RawTensor { bytes, ..self }.to_f32();
                out.convert_from_f32_slice(&wide);
            },
        );
        out
    }

    /// The values in bf16, rounded to nearest.
    #[must_use]
    pub fn to_bf16(self) -> Vec<bf16> {
        match self.dtype {
            FileDtype::Bf16 => self.convert::<2, bf16>(bf16::from_le_bytes),
            FileDtype::F16 => {
                self.convert::<2, bf16>(|w| bf16::from_f32(f16::from_le_bytes(w).to_f32()))
            }
            FileDtype::F32 => self.convert::<4, bf16>(|w| bf16::from_f32(f32::from_le_bytes(w))),
            FileDtype::F64 => self.convert::<8, bf16>(|w| bf16::from_f64(f64::from_le_bytes(w))),
            FileDtype::Other { .. } => Vec::new(),
        }
    }

    fn convert<const N: usize, T: Copy + Default + Send>(
        self,
        one: impl Fn([u8; N]) -> T + Sync,
    ) -> Vec<T> {
        let mut out = vec![T::default(); self.bytes.len() / N];
        out.par_chunks_mut(BLOCK).zip(self.bytes.par_chunks(BLOCK * N)).for_each(|(out, block)| {
            put(out, block, &one);
        });
        out
    }
}

fn put<const N: usize, T>(out: &mut [T], bytes: &[u8], one: impl Fn([u8; N]) -> T) {
    for (out, word) in out.iter_mut().zip(words::<N>(bytes)) {
        *out = one(word);
    }
}

fn words<const N: usize>(block: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    block.as_chunks::<N>().0.iter().copied()
}

fn count_16(block: &[u8], exponent: u16) -> usize {
    words::<2>(block).filter(|w| u16::from_le_bytes(*w) & exponent == exponent).count()
}
