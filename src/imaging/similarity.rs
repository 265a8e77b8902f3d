//! How much two pictures of one size differ.

use crate::imaging::DisplayImage;

/// Highest sample.
const RANGE: f64 = 255.0;

/// Standard deviation of the window that SSIM looks through, in pixels.
const SIGMA: f64 = 1.5;

/// Pixels on either side of its middle.
const RADIUS: usize = 5;
const WINDOW: usize = 2 * RADIUS + 1;

/// Measures of one picture against another, over red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Similarity {
    /// Mean of absolute differences, in 8-bit levels.
    pub mae: f64,
    /// Peak signal to noise in decibels; `None` for pictures that are equal, where it is infinite.
    pub psnr_db: Option<f64>,
    /// Structural similarity after Wang et al. 2004, 1 for equal pictures; `None` for pictures
    /// smaller than its window of 11 × 11 pixels.
    pub ssim: Option<f64>,
}

impl Similarity {
    /// `None` when the sizes differ or there are no pixels.
    #[must_use]
    pub fn between(a: &DisplayImage, b: &DisplayImage) -> Option<Self> {
        let (width, height) = (a.width as usize, a.height as usize);
        let (a_samples, b_samples) = (a.to_rgb8(), b.to_rgb8());
        let count = width.checked_mul(height)?.checked_mul(3)?;
        let fits = (a.width, a.height) == (b.width, b.height)
            && a_samples.len() == count
            && b_samples.len() == count;
        if !fits || count == 0 {
            return None;
        }
        let difference = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b));
        let differences = || a_samples.iter().zip(&b_samples).map(difference);
        let squares = differences().map(|value| value * value).sum::<f64>() / count as f64;
        let psnr_db = (squares > 0.0).then(|| 10.0 * (RANGE * RANGE / squares).log10());
        let channel = |samples: &[u8], channel: usize| -> Vec<f64> {
            samples.iter().skip(channel).step_by(3).map(|sample| f64::from(*sample)).collect()
        };
        let ssim = (width >= WINDOW && height >= WINDOW).then(|| {
            let of_channel =
                |at: usize| ssim(&channel(&a_samples, at), &channel(&b_samples, at), width);
            (0..3).map(of_channel).sum::<f64>() / 3.0
        });
        Some(Self { mae: differences().sum::<f64>() / count as f64, psnr_db, ssim })
    }
}

/// The mean over all places where the window lies inside the picture.
fn ssim(a: &[f64], b: &[f64], width: usize) -> f64 {
    let kernel = gaussian();
    let seen = |values: &[f64]| through_window(values, width, &kernel);
    let product = |a: &[f64], b: &[f64]| -> Vec<f64> {
        seen(&a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>())
    };
    let (mean_a, mean_b) = (seen(a), seen(b));
    let (aa, bb, ab) = (product(a, a), product(b, b), product(a, b));
    let (c1, c2) = ((0.01 * RANGE).powi(2), (0.03 * RANGE).powi(2));
    let means = mean_a.iter().zip(&mean_b);
    let products = aa.iter().zip(&bb).zip(&ab);
    let sum: f64 = means
        .zip(products)
        .map(|((mean_a, mean_b), ((aa, bb), ab))| {
            let (var_a, var_b) = (aa - mean_a * mean_a, bb - mean_b * mean_b);
            let covariance = ab - mean_a * mean_b;
            let luminance = (2.0 * mean_a * mean_b + c1) / (mean_a.powi(2) + mean_b.powi(2) + c1);
            luminance * (2.0 * covariance + c2) / (var_a + var_b + c2)
        })
        .sum();
    sum / mean_a.len().max(1) as f64
}

/// Weights of the window along one side; they add up to 1.
fn gaussian() -> [f64; WINDOW] {
    let mut weights = [0.0; WINDOW];
    for (at, weight) in weights.iter_mut().enumerate() {
        let distance = at.abs_diff(RADIUS) as f64;
        *weight = (-0.5 * (distance / SIGMA).powi(2)).exp();
    }
    let total: f64 = weights.iter().sum();
    weights.map(|weight| weight / total)
}

/// Weighted means of the windows that lie inside, along rows and then along columns.
fn through_window(values: &[f64], width: usize, kernel: &[f64]) -> Vec<f64> {
    let weighted =
        |window: &[f64]| window.iter().zip(kernel).map(|(value, weight)| value * weight).sum();
    let rows: Vec<f64> =
        values.chunks(width.max(1)).flat_map(|row| row.windows(WINDOW).map(weighted)).collect();
    let across = (width + 1).saturating_sub(WINDOW).max(1);
    let lines: Vec<&[f64]> = rows.chunks(across).collect();
    let mut out = Vec::with_capacity(rows.len());
    for lines in lines.windows(WINDOW) {
        let mut sums = vec![0.0; across];
        for (line, weight) in lines.iter().zip(kernel) {
            for (sum, value) in sums.iter_mut().zip(*line) {
                *sum += value * weight;
            }
        }
        out.extend(sums);
    }
    out
}
