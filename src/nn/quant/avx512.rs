//! Products of blocks with 512-bit vectors and the instructions made for them (AVX-512 VNNI).
//!
//! Inputs of Q4, and of Q8 where there are many rows, are bytes: four products and their sum are
//! one instruction. Few rows of Q8 go through the kernel of 256 bits, whose inputs keep 16.
#![expect(unsafe_code, reason = "vector loads, and functions that ask for what `new` found")]

use std::arch::x86_64::{
    __m512, __m512i, _mm256_loadu_si256, _mm512_and_si512, _mm512_cvtepi32_ps, _mm512_cvtph_ps,
    _mm512_dpbusd_epi32, _mm512_dpwssd_epi32, _mm512_fmadd_ps, _mm512_loadu_si512, _mm512_mul_ps,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_srli_epi16, _mm512_storeu_ps,
};

use half::f16;

use crate::nn::quant::activations::{Activations, Coding, Tile};
use crate::nn::quant::avx2;
use crate::nn::quant::kernel::{Kernel, Panel, Sums};
use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, BlockFormat};

/// The kernels of this file, on a processor that has what they ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn new() -> Option<Self> {
        let is_there = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        is_there.then_some(Self(()))
    }
}

impl Kernel for Avx512 {
    const ROWS: usize = 8;

    fn coding(self, format: BlockFormat, is_many: bool) -> Coding {
        match format {
            BlockFormat::Q14 => Coding::Pairs14,
            // reading the weights is what takes the time: the inputs keep their bits
            BlockFormat::Q8 if !is_many => Coding::EvenOdd16,
            BlockFormat::Q8 | BlockFormat::Q4 => Coding::Fours8,
        }
    }

    fn fill(self, x: &mut Activations, coding: Coding, values: &[f32], columns: usize) {
        // SAFETY: `new` found the features
        unsafe { fill(x, coding, values, columns) }
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
                BlockFormat::Q8 if coding == Coding::EvenOdd16 => {
                    avx2::q8(panel, x.words::<4, M>(first))
                }
                BlockFormat::Q8 => q8(panel, x.bytes::<M>(first)),
                BlockFormat::Q4 => q4(panel, x.bytes::<M>(first)),
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn fill(x: &mut Activations, coding: Coding, values: &[f32], columns: usize) {
    x.fill(coding, Avx512::ROWS, values, columns);
}

#[target_feature(enable = "avx512f")]
fn load(group: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes, and no alignment asked for
    unsafe { _mm512_loadu_si512(group.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn scales(of_block: &[f16; PANEL]) -> __m512 {
    // SAFETY: sixteen numbers of 16 bits, and no alignment asked for
    unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(of_block.as_ptr().cast())) }
}

#[target_feature(enable = "avx512f")]
fn store(sums: __m512) -> Sums {
    let mut out = [0.0_f32; PANEL];
    // SAFETY: sixteen numbers of 32 bits, and no alignment asked for
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sums) };
    out
}

/// Adds what the whole numbers of a block stand for.
#[target_feature(enable = "avx512f")]
fn add(to: &mut __m512, sums: __m512i, scales: __m512, scale: f32) {
    let scales = _mm512_mul_ps(scales, _mm512_set1_ps(scale));
    *to = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scales, *to);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn q8<const M: usize>(panel: Panel<'_>, x: Tile<'_, i8, 4, M>) -> [Sums; M] {
    let mut out = [_mm512_setzero_ps(); M];
    let groups = BLOCK / 4;
    let codes = panel.codes.as_chunks::<64>().0.chunks_exact(groups);
    let inputs = x.groups.chunks_exact(groups).zip(x.scales.iter().zip(x.sums));
    let scales_of = panel.scales.as_chunks().0.iter();
    for ((codes, of_rows), (inputs, (of_inputs, sums))) in codes.zip(scales_of).zip(inputs) {
        // codes are 128 too large
        let mut sums = sums.map(|sum| _mm512_set1_epi32(sum.wrapping_mul(-128)));
        for (bytes, inputs) in codes.iter().zip(inputs) {
            let weights = load(bytes);
            for (sum, input) in sums.iter_mut().zip(inputs) {
                let input = _mm512_set1_epi32(bytemuck::cast(*input));
                *sum = _mm512_dpbusd_epi32(*sum, weights, input);
            }
        }
        let of_rows = scales(of_rows);
        for ((out, sums), scale) in out.iter_mut().zip(sums).zip(of_inputs) {
            add(out, sums, of_rows, *scale);
        }
    }
    out.map(|sums| store(sums))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn q14<const M: usize>(panel: Panel<'_>, x: Tile<'_, i16, 2, M>) -> [Sums; M] {
    let mut out = [_mm512_setzero_ps(); M];
    let groups = BLOCK / 2;
    let codes = panel.codes.as_chunks::<64>().0.chunks_exact(groups);
    let inputs = x.groups.chunks_exact(groups).zip(x.scales);
    let scales_of = panel.scales.as_chunks().0.iter();
    for ((codes, of_rows), (inputs, of_inputs)) in codes.zip(scales_of).zip(inputs) {
        let mut sums = [_mm512_setzero_si512(); M];
        for (bytes, inputs) in codes.iter().zip(inputs) {
            let weights = load(bytes);
            for (sum, input) in sums.iter_mut().zip(inputs) {
                let input = _mm512_set1_epi32(bytemuck::cast(*input));
                *sum = _mm512_dpwssd_epi32(*sum, weights, input);
            }
        }
        let of_rows = scales(of_rows);
        for ((out, sums), scale) in out.iter_mut().zip(sums).zip(of_inputs) {
            add(out, sums, of_rows, *scale);
        }
    }
    out.map(|sums| store(sums))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn q4<const M: usize>(panel: Panel<'_>, x: Tile<'_, i8, 4, M>) -> [Sums; M] {
    let mut out = [_mm512_setzero_ps(); M];
    let low = _mm512_set1_epi8(15);
    let groups = BLOCK / 8;
    let codes = panel.codes.as_chunks::<64>().0.chunks_exact(groups);
    let scales_of = panel.scales.as_chunks::<PANEL>().0.as_chunks::<2>().0;
    let inputs = x.groups.chunks_exact(2 * groups).zip(x.scales.iter().zip(x.sums));
    for ((codes, [of_rows, minima]), (inputs, (of_inputs, totals))) in
        codes.zip(scales_of).zip(inputs)
    {
        let mut sums = [_mm512_setzero_si512(); M];
        let (of_low, of_high) = inputs.split_at(groups);
        for (bytes, (of_low, of_high)) in codes.iter().zip(of_low.iter().zip(of_high)) {
            let both = load(bytes);
            let first = _mm512_and_si512(both, low);
            let second = _mm512_and_si512(_mm512_srli_epi16::<4>(both), low);
            for ((sum, of_low), of_high) in sums.iter_mut().zip(of_low).zip(of_high) {
                let of_low = _mm512_set1_epi32(bytemuck::cast(*of_low));
                let of_high = _mm512_set1_epi32(bytemuck::cast(*of_high));
                *sum = _mm512_dpbusd_epi32(*sum, first, of_low);
                *sum = _mm512_dpbusd_epi32(*sum, second, of_high);
            }
        }
        let (of_rows, minima) = (scales(of_rows), scales(minima));
        let of_inputs = of_inputs.iter().zip(totals);
        for ((out, sums), (scale, total)) in out.iter_mut().zip(sums).zip(of_inputs) {
            add(out, sums, of_rows, *scale);
            *out = _mm512_fmadd_ps(_mm512_set1_ps(*total as f32 * scale), minima, *out);
        }
    }
    out.map(|sums| store(sums))
}
