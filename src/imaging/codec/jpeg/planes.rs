//! Coefficients → samples: dequantisation, inverse DCT, upsampling (ISO 10918-1 A.3).

use super::{
    super::{super::error::Fault, Expected},
    Tables,
    dct::{Block, Coefficients, Plane, ZIGZAG},
    header::Component,
};

/// Samples still to be interpolated keep four more bits, so that they are rounded once.
const FINE: f32 = 16.0;

/// Decode every component and put the samples of a pixel side by side.
pub(super) fn samples_from(
    coefficients: &Coefficients,
    tables: &Tables,
    expected: &Expected,
) -> Result<Vec<u16>, Fault> {
    let frame = &coefficients.frame;
    let count = frame.components.len();
    let (columns, rows) = (frame.columns as usize, frame.rows as usize);
    let basis = Basis::new();
    let mut samples = vec![0; expected.samples()];
    for (idx, (component, plane)) in frame.components.iter().zip(&coefficients.planes).enumerate() {
        let table = tables
            .quantization
            .get(component.quantization)
            .and_then(Option::as_ref)
            .ok_or_else(|| Fault::damaged("a quantisation table is missing"))?;
        let is_full = (component.h, component.v) == (frame.h_max, frame.v_max);
        let fine = if is_full { 1.0 } else { FINE };
        let decoded = SampledPlane::decode(plane, table, &basis, (frame.bits, fine));
        let size = sampled_size(component, (columns, rows), (frame.h_max, frame.v_max));
        for (y, line) in samples.chunks_exact_mut(columns * count).enumerate() {
            let slots = line.iter_mut().skip(idx).step_by(count);
            if is_full {
                let row = decoded.row(y, columns);
                slots.zip(row).for_each(|(slot, value)| *slot = *value);
            } else {
                let factor = |max: usize, own: usize| max as f32 / own as f32;
                let scale = (factor(frame.h_max, component.h), factor(frame.v_max, component.v));
                let at = |x: usize| decoded.between(x, y, scale, size);
                slots.enumerate().for_each(|(x, slot)| *slot = at(x));
            }
        }
    }
    Ok(samples)
}

/// Samples of a component that stand for pixels.
fn sampled_size(
    component: &Component,
    (columns, rows): (usize, usize),
    (h_max, v_max): (usize, usize),
) -> (usize, usize) {
    ((columns * component.h).div_ceil(h_max), (rows * component.v).div_ceil(v_max))
}

/// One component after the inverse DCT.
struct SampledPlane {
    width: usize,
    samples: Vec<u16>,
}

impl SampledPlane {
    fn decode(plane: &Plane, table: &[u16; 64], basis: &Basis, (bits, fine): (u32, f32)) -> Self {
        let width = plane.blocks_wide * 8;
        let mut samples = vec![0; plane.blocks.len() * 64];
        if width == 0 {
            return Self { width, samples };
        }
        let (middle, top) = (f32::from(1_u16 << (bits - 1)), f32::from((1_u16 << bits) - 1));
        for (band, blocks) in
            samples.chunks_exact_mut(width * 8).zip(plane.blocks.chunks(plane.blocks_wide))
        {
            for (x, block) in blocks.iter().enumerate() {
                let pixels = basis.inverse(block, table);
                for (line, row) in band.chunks_exact_mut(width).zip(&pixels) {
                    let slots = line.iter_mut().skip(x * 8);
                    slots
                        .zip(row)
                        .for_each(|(slot, v)| *slot = rounded((v + middle) * fine, top * fine));
                }
            }
        }
        Self { width, samples }
    }

    fn row(&self, y: usize, len: usize) -> &[u16] {
        self.samples.get(y * self.width..y * self.width + len).unwrap_or_default()
    }

    /// Interpolate between the four nearest samples, whose centres lie between pixels.
    fn between(
        &self,
        x: usize,
        y: usize,
        scale: (f32, f32),
        (width, height): (usize, usize),
    ) -> u16 {
        let (x0, x1, mut fx) = neighbours(x, scale.0, width);
        if x % 8 == 1 && (fx - 0.25).abs() < 1e-3 {
            // the reference decoder (libjpeg of ISO 18477) has 3/16 here, not 4/16
            fx = 0.1875;
        }
        let (y0, y1, fy) = neighbours(y, scale.1, height);
        let at = |x: usize, y: usize| {
            self.samples.get(y * self.width + x).map_or(0.0, |&value| f32::from(value))
        };
        let above = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * fx;
        let below = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * fx;
        rounded((above + (below - above) * fy) / FINE, f32::from(u16::MAX))
    }
}

/// The samples on both sides of a pixel and how far it is from the first.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "positions are at most 65535"
)]
fn neighbours(pixel: usize, scale: f32, len: usize) -> (usize, usize, f32) {
    let position = ((pixel as f32 + 0.5) / scale - 0.5).max(0.0);
    let first = (position as usize).min(len.saturating_sub(1));
    let second = (first + 1).min(len.saturating_sub(1));
    (first, second, position - first as f32)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn rounded(value: f32, top: f32) -> u16 {
    (value + 0.5).floor().clamp(0.0, top) as u16
}

/// Cosines of the 8-point DCT.
struct Basis([[f32; 8]; 8]);

impl Basis {
    fn new() -> Self {
        let mut basis = [[0.0; 8]; 8];
        for (u, row) in (0_u8..).zip(basis.iter_mut()) {
            let scale = if u == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 } / 2.0;
            for (x, value) in (0_u8..).zip(row.iter_mut()) {
                let angle = f64::from(2 * x + 1) * f64::from(u) * std::f64::consts::PI / 16.0;
                *value = narrow(scale * angle.cos());
            }
        }
        Self(basis)
    }

    /// Rows of samples around zero.
    fn inverse(&self, block: &Block, table: &[u16; 64]) -> [[f32; 8]; 8] {
        let mut dequantized = [[0.0_f32; 8]; 8];
        let mut is_flat = true;
        for (k, ((&value, &step), &place)) in block.iter().zip(table).zip(&ZIGZAG).enumerate() {
            if value != 0 {
                is_flat &= k == 0;
                let (v, u) = (usize::from(place / 8), usize::from(place % 8));
                dequantized[v][u] = f32::from(value) * f32::from(step);
            }
        }
        if is_flat {
            return [[dequantized[0][0] / 8.0; 8]; 8];
        }
        // rows first, then columns
        let mut rows = [[0.0_f32; 8]; 8];
        for (out, coefficients) in rows.iter_mut().zip(&dequantized) {
            for (coefficient, basis) in coefficients.iter().zip(&self.0) {
                if *coefficient != 0.0 {
                    out.iter_mut().zip(basis).for_each(|(o, b)| *o += coefficient * b);
                }
            }
        }
        let mut pixels = [[0.0_f32; 8]; 8];
        for (coefficients, basis) in rows.iter().zip(&self.0) {
            for (out, weight) in pixels.iter_mut().zip(basis) {
                out.iter_mut().zip(coefficients).for_each(|(o, c)| *o += weight * c);
            }
        }
        pixels
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a cosine")]
fn narrow(value: f64) -> f32 {
    value as f32
}
