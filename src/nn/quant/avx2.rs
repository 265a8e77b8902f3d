//! Products of blocks with 256-bit vectors: every x86 processor of the last ten years.
//!
//! Q8 and Q14 multiply 16-bit numbers in pairs; inputs keep 16 (14) bits, so that only the weights
//! are rounded. Q4 multiplies bytes: fifteen times 127, eight times two, stays below 2¹⁵. So does
//! Q8 when there are many rows, with inputs of seven bits: 127 times 127, twice. These are counted
//! from the smallest of their block, which costs a product with the sum of the block's weights and
//! gains a bit where most inputs have one sign, as after an activation.
#![expect(unsafe_code, reason = "vector loads, and functions that ask for what `new` found")]

use std::arch::x86_64::{
    __m256, __m256i, _mm_loadu_si128, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256,
    _mm256_cvtepi32_ps, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_srli_epi16,
    _mm256_storeu_ps, _mm256_xor_si256,
};
use std::hint::black_box;

use half::f16;

use crate::nn::quant::activations::{Activations, Coding, Tile};
use crate::nn::quant::kernel::{Kernel, Panel, Sums};
use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, BlockFormat};

/// The kernels of this file, on a processor that has what they ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn new() -> Option<Self> {
        let is_there = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        is_there.then_some(Self(()))
    }
}

impl Kernel for Avx2 {
    const ROWS: usize = 4;

    fn coding(self, format: BlockFormat, is_many: bool) -> Coding {
        match format {
            BlockFormat::Q14 => Coding::Pairs14,
            BlockFormat::Q8 if is_many => Coding::Fours7,
            BlockFormat::Q8 => Coding::EvenOdd16,
            BlockFormat::Q4 => Coding::Fours8,
        }
    }

    fn fill(self, x: &mut Activations, coding: Coding, values: &[f32], columns: usize) {
        // SAFETY: `new` found the features
        unsafe { fill(x, coding, values, columns) }
    }

    fn totals(self, panel: Panel<'_>, coding: Coding, out: &mut Vec<Sums>) {
        out.clear();
        if coding == Coding::Fours7 {
            // SAFETY: `new` found the features
            unsafe { q8_totals(panel, out) };
        }
    }

    fn tile<const M: usize>(
        self,
        format: BlockFormat,
        coding: Coding,
        panel: Panel<'_>,
        x: &Activations,
        first: usize,
    ) -> [Sums; M] {
        // SAFETY: `new` found the features
        unsafe {
            match format {
                BlockFormat::Q14 => q14(panel, x.words::<2, M>(first)),
                BlockFormat::Q8 if coding == Coding::Fours7 => {
                    q8_of_many(panel, x.bytes::<M>(first))
                }
                BlockFormat::Q8 => q8(panel, x.words::<4, M>(first)),
                BlockFormat::Q4 => q4(panel, x.bytes::<M>(first)),
            }
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn fill(x: &mut Activations, coding: Coding, values: &[f32], columns: usize) {
    x.fill(coding, Avx2::ROWS, values, columns);
}

/// Sums of eight rows of a panel in each half.
type Halves<T> = [T; 2];

#[target_feature(enable = "avx2")]
fn halves(group: &[u8; 64]) -> Halves<__m256i> {
    let start = group.as_ptr();
    // SAFETY: 64 bytes, and no alignment asked for
    unsafe { [_mm256_loadu_si256(start.cast()), _mm256_loadu_si256(start.add(32).cast())] }
}

#[target_feature(enable = "avx2,f16c")]
fn scales(of_block: &[f16; PANEL]) -> Halves<__m256> {
    let start: *const f16 = of_block.as_ptr();
    // SAFETY: twice eight numbers of 16 bits, and no alignment asked for
    unsafe {
        [
            _mm256_cvtph_ps(_mm_loadu_si128(start.cast())),
            _mm256_cvtph_ps(_mm_loadu_si128(start.add(8).cast())),
        ]
    }
}

#[target_feature(enable = "avx2")]
fn numbers(values: &Sums) -> Halves<__m256> {
    let start = values.as_ptr();
    // SAFETY: twice eight numbers of 32 bits, and no alignment asked for
    unsafe { [_mm256_loadu_ps(start), _mm256_loadu_ps(start.add(8))] }
}

#[target_feature(enable = "avx2")]
fn store(halves: Halves<__m256>) -> Sums {
    let mut out = [0.0_f32; PANEL];
    let start = out.as_mut_ptr();
    // SAFETY: twice eight numbers of 32 bits, and no alignment asked for
    unsafe {
        _mm256_storeu_ps(start, halves[0]);
        _mm256_storeu_ps(start.add(8), halves[1]);
    }
    out
}

/// A number of steps that the compiler cannot know: of a loop that it unrolls it adds up in
/// another order, and for several rows the vectors no longer stay in registers.
#[inline(always)]
fn steps<const M: usize>(steps: usize) -> usize {
    if M == 1 { steps } else { black_box(steps) }
}

/// Two neighbouring 16-bit codes everywhere.
#[target_feature(enable = "avx2")]
fn pair(codes: [i16; 2]) -> __m256i {
    _mm256_set1_epi32(bytemuck::cast(codes))
}

/// Adds what the whole numbers of a block stand for.
#[target_feature(enable = "avx2,fma")]
fn add(to: &mut Halves<__m256>, sums: Halves<__m256i>, scales: Halves<__m256>, scale: f32) {
    let scale = _mm256_set1_ps(scale);
    for ((to, sums), of_rows) in to.iter_mut().zip(sums).zip(scales) {
        *to = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), _mm256_mul_ps(of_rows, scale), *to);
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q8<const M: usize>(panel: Panel<'_>, x: Tile<'_, i16, 4, M>) -> [Sums; M] {
    let mut out = [[_mm256_setzero_ps(); 2]; M];
    let low = _mm256_set1_epi16(0xFF);
    let groups = steps::<M>(BLOCK / 4);
    let codes = panel.codes.as_chunks::<64>().0.chunks_exact(groups);
    let inputs = x.groups.chunks_exact(groups).zip(x.scales.iter().zip(x.sums));
    for ((codes, of_rows), (inputs, (of_inputs, sums))) in
        codes.zip(panel.scales.as_chunks().0).zip(inputs)
    {
        // codes are 128 too large
        let mut sums = sums.map(|sum| [_mm256_set1_epi32(sum.wrapping_mul(-128)); 2]);
        for (bytes, inputs) in codes.iter().zip(inputs) {
            let both = halves(bytes);
            let even = both.map(|codes| _mm256_and_si256(codes, low));
            let odd = both.map(|codes| _mm256_srli_epi16::<8>(codes));
            for (sums, [a, b, c, d]) in sums.iter_mut().zip(inputs) {
                let (of_even, of_odd) = (pair([*a, *b]), pair([*c, *d]));
                for ((sums, even), odd) in sums.iter_mut().zip(even).zip(odd) {
                    *sums = _mm256_add_epi32(*sums, _mm256_madd_epi16(even, of_even));
                    *sums = _mm256_add_epi32(*sums, _mm256_madd_epi16(odd, of_odd));
                }
            }
        }
        let of_rows = scales(of_rows);
        for ((out, sums), scale) in out.iter_mut().zip(sums).zip(of_inputs) {
            add(out, sums, of_rows, *scale);
        }
    }
    out.map(|halves| store(halves))
}

/// The sums of the codes of a block's weights.
#[target_feature(enable = "avx2")]
fn q8_totals(panel: Panel<'_>, out: &mut Vec<Sums>) {
    let (sign, ones) = (_mm256_set1_epi8(-128), _mm256_set1_epi16(1));
    for codes in panel.codes.as_chunks::<{ BLOCK * PANEL }>().0 {
        let mut sums = [_mm256_setzero_si256(); 2];
        for bytes in codes.as_chunks::<64>().0 {
            let weights = halves(bytes).map(|codes| _mm256_xor_si256(codes, sign));
            for (sum, weights) in sums.iter_mut().zip(weights) {
                let pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), weights);
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
            }
        }
        out.push(store(sums.map(|sums| _mm256_cvtepi32_ps(sums))));
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn q8_of_many<const M: usize>(panel: Panel<'_>, x: Tile<'_, i8, 4, M>) -> [Sums; M] {
    let mut out = [[_mm256_setzero_ps(); 2]; M];
    let (sign, ones) = (_mm256_set1_epi8(-128), _mm256_set1_epi16(1));
    let groups = steps::<M>(BLOCK / 4);
    let codes = panel.codes.as_chunks::<64>().0.chunks_exact(groups);
    let of_panel = panel.scales.as_chunks().0.iter().zip(panel.totals);
    let inputs = x.groups.chunks_exact(groups).zip(x.scales.iter().zip(x.minima));
    for ((codes, (of_rows, totals)), (inputs, (of_inputs, minima))) in
        codes.zip(of_panel).zip(inputs)
    {
        let mut sums = [[_mm256_setzero_si256(); 2]; M];
        for (bytes, inputs) in codes.iter().zip(inputs) {
            let weights = halves(bytes).map(|codes| _mm256_xor_si256(codes, sign));
            for (sums, input) in sums.iter_mut().zip(inputs) {
                let input = _mm256_set1_epi32(bytemuck::cast(*input));
                for (sums, weights) in sums.iter_mut().zip(weights) {
                    let pairs = _mm256_maddubs_epi16(input, weights);
                    *sums = _mm256_add_epi32(*sums, _mm256_madd_epi16(pairs, ones));
                }
            }
        }
        let (of_rows, totals) = (scales(of_rows), numbers(totals));
        let of_inputs = of_inputs.iter().zip(minima);
        for ((out, sums), (scale, minimum)) in out.iter_mut().zip(sums).zip(of_inputs) {
            let (scale, minimum) = (_mm256_set1_ps(*scale), _mm256_set1_ps(*minimum));
            let parts = sums.into_iter().zip(totals).zip(of_rows);
            for (out, ((sums, totals), of_rows)) in out.iter_mut().zip(parts) {
                let below = _mm256_mul_ps(totals, minimum);
                let sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scale, below);
                *out = _mm256_fmadd_ps(sum, of_rows, *out);
            }
        }
    }
    out.map(|halves| store(halves))
}

#[target_feature(enable = "avx2,fma,f16c")]
fn q14<const M: usize>(panel: Panel<'_>, x: Tile<'_, i16, 2, M>) -> [Sums; M] {
    let mut out = [[_mm256_setzero_ps(); 2]; M];
    let groups = steps::<M>(BLOCK / 2);
    let codes = panel.codes.as_chunks::<64>().0.chunks_exact(groups);
    let inputs = x.groups.chunks_exact(groups).zip(x.scales);
    for ((codes, of_rows), (inputs, of_inputs)) in codes.zip(panel.scales.as_chunks().0).zip(inputs)
    {
        let mut sums = [[_mm256_setzero_si256(); 2]; M];
        for (bytes, inputs) in codes.iter().zip(inputs) {
            let weights = halves(bytes);
            for (sums, input) in sums.iter_mut().zip(inputs) {
                let input = pair(*input);
                for (sums, weights) in sums.iter_mut().zip(weights) {
                    *sums = _mm256_add_epi32(*sums, _mm256_madd_epi16(weights, input));
                }
            }
        }
        let of_rows = scales(of_rows);
        for ((out, sums), scale) in out.iter_mut().zip(sums).zip(of_inputs) {
            add(out, sums, of_rows, *scale);
        }
    }
    out.map(|halves| store(halves))
}

#[target_feature(enable = "avx2,fma,f16c")]
fn q4<const M: usize>(panel: Panel<'_>, x: Tile<'_, i8, 4, M>) -> [Sums; M] {
    let mut out = [[_mm256_setzero_ps(); 2]; M];
    let (low, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let groups = steps::<M>(BLOCK / 8);
    let codes = panel.codes.as_chunks::<64>().0.chunks_exact(groups);
    let of_rows = panel.scales.as_chunks::<PANEL>().0.as_chunks::<2>().0;
    let inputs = x.groups.chunks_exact(2 * groups).zip(x.scales.iter().zip(x.sums));
    for ((codes, [of_rows, minima]), (inputs, (of_inputs, totals))) in
        codes.zip(of_rows).zip(inputs)
    {
        let mut sums = [[_mm256_setzero_si256(); 2]; M];
        let (of_low, of_high) = inputs.split_at(groups);
        for (bytes, (of_low, of_high)) in codes.iter().zip(of_low.iter().zip(of_high)) {
            let both = halves(bytes);
            let first = both.map(|codes| _mm256_and_si256(codes, low));
            let second = both.map(|codes| _mm256_and_si256(_mm256_srli_epi16::<4>(codes), low));
            for ((sums, of_first), of_second) in sums.iter_mut().zip(of_low).zip(of_high) {
                let of_first = _mm256_set1_epi32(bytemuck::cast(*of_first));
                let of_second = _mm256_set1_epi32(bytemuck::cast(*of_second));
                for ((sums, first), second) in sums.iter_mut().zip(first).zip(second) {
                    *sums = _mm256_add_epi16(*sums, _mm256_maddubs_epi16(first, of_first));
                    *sums = _mm256_add_epi16(*sums, _mm256_maddubs_epi16(second, of_second));
                }
            }
        }
        let (of_rows, minima) = (scales(of_rows), scales(minima));
        let of_inputs = of_inputs.iter().zip(totals);
        for ((out, sums), (scale, total)) in out.iter_mut().zip(sums).zip(of_inputs) {
            add(out, sums.map(|sums| _mm256_madd_epi16(sums, ones)), of_rows, *scale);
            let total = _mm256_set1_ps(*total as f32 * scale);
            for (out, minima) in out.iter_mut().zip(minima) {
                *out = _mm256_fmadd_ps(total, minima, *out);
            }
        }
    }
    out.map(|halves| store(halves))
}
