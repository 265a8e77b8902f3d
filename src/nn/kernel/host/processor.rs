//! Plain loops compiled for what the processor has.
//!
//! The program is built for every processor of its kind; work given to [`run`] is compiled several
//! times and the widest vectors that are there are used.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "instructions and functions for features that were found")
)]

use half::f16;
use half::slice::HalfFloatSliceExt as _;

/// Numbers of a [`Vector`].
pub(crate) const LANES: usize = 16;

/// Sixteen numbers side by side.
pub(crate) trait Vector: Copy {
    /// Whether a product and a sum are one instruction.
    const FMA: bool;

    /// The same number everywhere.
    fn splat(value: f32) -> Self;

    /// From memory.
    fn load(values: &[f32; LANES]) -> Self;

    /// From numbers of 16 bits in memory; each is exactly one of 32.
    fn load_halves(values: &[f16; LANES]) -> Self;

    /// `self + a·b`
    fn plus_product(self, a: Self, b: Self) -> Self;

    /// To memory.
    fn store(self, to: &mut [f32; LANES]);
}

/// Loops worth compiling for wide vectors. `run` must be `#[inline(always)]`, and so must be what
/// it calls.
pub(crate) trait Work {
    /// What it gives.
    type Out;

    /// With this kind of vectors.
    fn run<V: Vector>(self) -> Self::Out;
}

/// Name of the widest vectors that [`run`] uses here.
pub(crate) fn vectors_of_this_processor() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() {
            return "avx512";
        }
        if x86::has_avx2() {
            return "avx2";
        }
    }
    "portable"
}

/// With the widest vectors there are.
pub(crate) fn run<W: Work>(work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() {
            // SAFETY: the features are there
            return unsafe { x86::with_avx512(work) };
        }
        if x86::has_avx2() {
            // SAFETY: the features are there
            return unsafe { x86::with_avx2(work) };
        }
    }
    work.run::<Plain>()
}

/// Vectors as the compiler makes them of loops.
#[derive(Clone, Copy)]
struct Plain([f32; LANES]);

impl Vector for Plain {
    const FMA: bool = cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn load_halves(values: &[f16; LANES]) -> Self {
        let mut out = [0.0; LANES];
        values.convert_to_f32_slice(&mut out);
        Self(out)
    }

    #[inline(always)]
    fn plus_product(mut self, a: Self, b: Self) -> Self {
        for (sum, (a, b)) in self.0.iter_mut().zip(a.0.into_iter().zip(b.0)) {
            *sum = fma::<Self>(a, b, *sum);
        }
        self
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        *to = self.0;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _mm_loadu_si128, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_loadu_si256, _mm256_set1_ps, _mm256_storeu_ps, _mm512_cvtph_ps, _mm512_fmadd_ps,
        _mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps,
    };

    use half::f16;

    use super::{LANES, Vector, Work};

    pub(super) fn has_avx512() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
    }

    pub(super) fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn with_avx2<W: Work>(work: W) -> W::Out {
        work.run::<Two>()
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
    pub(super) fn with_avx512<W: Work>(work: W) -> W::Out {
        work.run::<One>()
    }

    /// Two vectors of eight; made by [`with_avx2`] alone.
    #[derive(Clone, Copy)]
    struct Two([__m256; 2]);

    impl Vector for Two {
        const FMA: bool = true;

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: this type is only used where the features are
            unsafe { Self([_mm256_set1_ps(value); 2]) }
        }

        #[inline(always)]
        fn load(values: &[f32; LANES]) -> Self {
            let start = values.as_ptr();
            // SAFETY: as above, and twice eight numbers
            unsafe { Self([_mm256_loadu_ps(start), _mm256_loadu_ps(start.add(8))]) }
        }

        #[inline(always)]
        fn load_halves(values: &[f16; LANES]) -> Self {
            let start: *const f16 = values.as_ptr();
            // SAFETY: as above, and twice eight numbers of 16 bits
            unsafe {
                Self([
                    _mm256_cvtph_ps(_mm_loadu_si128(start.cast())),
                    _mm256_cvtph_ps(_mm_loadu_si128(start.add(8).cast())),
                ])
            }
        }

        #[inline(always)]
        fn plus_product(self, a: Self, b: Self) -> Self {
            let Self([low, high]) = self;
            let (Self([a_low, a_high]), Self([b_low, b_high])) = (a, b);
            // SAFETY: as above
            unsafe {
                Self([_mm256_fmadd_ps(a_low, b_low, low), _mm256_fmadd_ps(a_high, b_high, high)])
            }
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; LANES]) {
            let start = to.as_mut_ptr();
            // SAFETY: as above, and twice eight numbers
            unsafe {
                _mm256_storeu_ps(start, self.0[0]);
                _mm256_storeu_ps(start.add(8), self.0[1]);
            }
        }
    }

    /// One vector of sixteen; made by [`with_avx512`] alone.
    #[derive(Clone, Copy)]
    struct One(__m512);

    impl Vector for One {
        const FMA: bool = true;

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: this type is only used where the features are
            unsafe { Self(_mm512_set1_ps(value)) }
        }

        #[inline(always)]
        fn load(values: &[f32; LANES]) -> Self {
            // SAFETY: as above, and sixteen numbers
            unsafe { Self(_mm512_loadu_ps(values.as_ptr())) }
        }

        #[inline(always)]
        fn load_halves(values: &[f16; LANES]) -> Self {
            // SAFETY: as above, and sixteen numbers of 16 bits
            unsafe { Self(_mm512_cvtph_ps(_mm256_loadu_si256(values.as_ptr().cast()))) }
        }

        #[inline(always)]
        fn plus_product(self, a: Self, b: Self) -> Self {
            // SAFETY: as above
            unsafe { Self(_mm512_fmadd_ps(a.0, b.0, self.0)) }
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; LANES]) {
            // SAFETY: as above, and sixteen numbers
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
        }
    }
}

/// a·b + c
#[inline(always)]
pub(crate) fn fma<V: Vector>(a: f32, b: f32, c: f32) -> f32 {
    if V::FMA { a.mul_add(b, c) } else { a * b + c }
}

/// 1.5 · 2²³: adding it leaves the nearest whole number in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// eˣ to the last bit or two, without a branch (the polynomial is that of Cephes' `expf`).
#[inline(always)]
pub(crate) fn exp<V: Vector>(x: f32) -> f32 {
    // comparisons rather than `clamp`, which NaN passes here
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = fma::<V>(x, std::f32::consts::LOG2_E, ROUNDER);
    let whole = shifted - ROUNDER;
    let rest = fma::<V>(whole, -0.693_359_4, x);
    let rest = fma::<V>(whole, 2.121_944_4e-4, rest);
    let mut sum = 1.987_569_1e-4;
    for factor in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = fma::<V>(sum, rest, factor);
    }
    let sum = fma::<V>(sum, rest * rest, rest + 1.0);
    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127) << 23;
    sum * f32::from_bits(exponent)
}
