//! A picture becomes pixel values, to the last bit as Pillow and the CLIP processor do it.
//!
//! Checked against: `tests/model_text.rs` (fixtures made with Pillow 10.4) and the pixels of every
//! case in `tests/model_parity.rs`.

use serde_json::Value;

use crate::imaging::DisplayImage;

/// Fractional bits of the quantised weights.
const PRECISION_BITS: u32 = 22;

/// 8-bit RGB, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbPixels {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`
    pub pixels: Vec<u8>,
}

impl From<&DisplayImage> for RgbPixels {
    fn from(image: &DisplayImage) -> Self {
        Self { width: image.width as usize, height: image.height as usize, pixels: image.to_rgb8() }
    }
}

/// `preprocessor_config.json` of a CLIP repository, in its old and its new form.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageProcessor {
    resize: Option<Resize>,
    crop: Option<(usize, usize)>,
    rescale_factor: Option<f64>,
    mean_std: Option<([f64; 3], [f64; 3])>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resize {
    ShortestEdge(usize),
    Exactly { height: usize, width: usize },
}

impl ImageProcessor {
    /// The published CLIP processor for this side.
    #[must_use]
    pub fn clip(side: usize) -> Self {
        Self {
            resize: Some(Resize::ShortestEdge(side)),
            crop: Some((side, side)),
            rescale_factor: Some(1.0 / 255.0),
            mean_std: Some((
                [0.481_454_66, 0.457_827_5, 0.408_210_73],
                [0.268_629_54, 0.261_302_58, 0.275_777_11],
            )),
        }
    }

    /// From the file; what it leaves out is as in [`Self::clip`].
    ///
    /// # Errors
    /// When a value makes no sense or another resampling is asked for.
    pub fn from_json(json: &Value) -> Result<Self, String> {
        let default = Self::clip(224);
        let wants = |key: &str| json.get(key).and_then(Value::as_bool).unwrap_or(true);
        if json.get("resample").and_then(Value::as_u64).is_some_and(|filter| filter != 3) {
            return Err("resample is not 3 (bicubic)".to_owned());
        }
        let size =
            json.get("size").map_or(Ok(default.resize), |size| parse_size(size).map(Some))?;
        let crop = match json.get("crop_size") {
            Some(crop) => match parse_size(crop)? {
                Resize::ShortestEdge(side) => Some((side, side)),
                Resize::Exactly { height, width } => Some((height, width)),
            },
            None => default.crop,
        };
        let factor = json.get("rescale_factor").and_then(Value::as_f64);
        let (mean, std) = default.mean_std.unwrap_or_default();
        let mean_std = (
            parse_triple(json.get("image_mean"), mean)?,
            parse_triple(json.get("image_std"), std)?,
        );
        Ok(Self {
            resize: size.filter(|_| wants("do_resize")),
            crop: crop.filter(|_| wants("do_center_crop")),
            rescale_factor: factor.or(default.rescale_factor).filter(|_| wants("do_rescale")),
            mean_std: Some(mean_std).filter(|_| wants("do_normalize")),
        })
    }

    /// The side of what comes out, when it is a square.
    #[must_use]
    pub fn side(&self) -> Option<usize> {
        match (self.crop, self.resize) {
            (Some((height, width)), _) | (None, Some(Resize::Exactly { height, width })) => {
                Some(height).filter(|_| height == width)
            }
            _ => None,
        }
    }

    /// The grey that stands around a picture made square: the mean colour, cut to whole numbers.
    #[must_use]
    pub fn pad_color(&self) -> [u8; 3] {
        let (mean, _) = self.mean_std.or(Self::clip(224).mean_std).unwrap_or_default();
        mean.map(|mean| (mean * 255.0) as u8)
    }

    /// Resize and crop.
    #[must_use]
    pub fn pixels(&self, image: &RgbPixels) -> RgbPixels {
        let resized = match self.resize {
            Some(Resize::Exactly { height, width }) => resize_bicubic(image, width, height),
            Some(Resize::ShortestEdge(edge)) => {
                let (short, long) =
                    (image.width.min(image.height).max(1), image.width.max(image.height));
                let other = (edge as u64 * long as u64 / short as u64) as usize;
                let is_wide = image.width > image.height;
                let (width, height) = if is_wide { (other, edge) } else { (edge, other) };
                resize_bicubic(image, width, height)
            }
            None => image.clone(),
        };
        match self.crop {
            Some((height, width)) => center_crop(&resized, width, height),
            None => resized,
        }
    }

    /// Rescale and normalise: `[3, height, width]`.
    #[must_use]
    pub fn values(&self, image: &RgbPixels) -> Vec<f32> {
        let mut out = Vec::with_capacity(image.pixels.len());
        for channel in 0..3 {
            let samples = image.pixels.iter().skip(channel).step_by(3);
            let normalise = self.mean_std.and_then(|(mean, std)| {
                Some((*mean.get(channel)? as f32, *std.get(channel)? as f32))
            });
            out.extend(samples.map(|sample| {
                let scaled = (f64::from(*sample) * self.rescale_factor.unwrap_or(1.0)) as f32;
                normalise.map_or(scaled, |(mean, std)| (scaled - mean) / std)
            }));
        }
        out
    }
}

fn parse_size(value: &Value) -> Result<Resize, String> {
    let side = |value: &Value| {
        value
            .as_u64()
            .and_then(|side| usize::try_from(side).ok())
            .filter(|side| (1..=4096).contains(side))
            .ok_or_else(|| format!("a side of {value}"))
    };
    if let Some(edge) = value.get("shortest_edge") {
        return side(edge).map(Resize::ShortestEdge);
    }
    match (value.get("height"), value.get("width")) {
        (Some(height), Some(width)) => {
            Ok(Resize::Exactly { height: side(height)?, width: side(width)? })
        }
        _ => side(value).map(Resize::ShortestEdge),
    }
}

fn parse_triple(value: Option<&Value>, default: [f64; 3]) -> Result<[f64; 3], String> {
    let Some(value) = value else { return Ok(default) };
    let numbers: Vec<f64> =
        value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    <[f64; 3]>::try_from(numbers).map_err(|_wrong| format!("{value} is not three numbers"))
}

/// The picture in the middle of a square of this colour; where it cannot be, one pixel to the
/// upper left.
#[must_use]
pub fn pad_to_square(image: &RgbPixels, color: [u8; 3]) -> RgbPixels {
    let side = image.width.max(image.height);
    if image.width == image.height {
        return image.clone();
    }
    let (left, top) = ((side - image.width) / 2, (side - image.height) / 2);
    let mut pixels = color.repeat(side * side);
    let rows = image.pixels.chunks_exact((image.width * 3).max(1));
    for (row, line) in rows.enumerate() {
        let from = ((top + row) * side + left) * 3;
        if let Some(place) = pixels.get_mut(from..from + line.len()) {
            place.copy_from_slice(line);
        }
    }
    RgbPixels { width: side, height: side, pixels }
}

/// The middle of the picture; beyond its edge there is black.
#[must_use]
pub fn center_crop(image: &RgbPixels, width: usize, height: usize) -> RgbPixels {
    if (image.width, image.height) == (width, height) {
        return image.clone();
    }
    let middle = |outer: usize, inner: usize| (outer as i64 - inner as i64).div_euclid(2);
    let (left, top) = (middle(image.width, width), middle(image.height, height));
    let mut pixels = vec![0; width * height * 3];
    for (index, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((index % width) as i64 + left, (index / width) as i64 + top);
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { continue };
        let from = (y * image.width + x) * 3;
        if let (true, Some(source)) = (x < image.width, image.pixels.get(from..from + 3)) {
            pixel.copy_from_slice(source);
        }
    }
    RgbPixels { width, height, pixels }
}

/// Pillow's bicubic on 8 bits: integer weights, columns first, rounded between the passes.
#[must_use]
pub fn resize_bicubic(image: &RgbPixels, width: usize, height: usize) -> RgbPixels {
    let (width, height) = (width.max(1), height.max(1));
    let across = if width == image.width { image.clone() } else { resize_rows(image, width) };
    if height == across.height {
        return across;
    }
    let taps = taps(across.height, height);
    let row_len = across.width * 3;
    let mut pixels = Vec::with_capacity(row_len * height);
    let mut sums = vec![0_i64; row_len];
    for tap in &taps {
        sums.fill(1 << (PRECISION_BITS - 1));
        let rows = across.pixels.chunks_exact(row_len.max(1)).skip(tap.from);
        for (row, weight) in rows.zip(&tap.weights) {
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += weight * i64::from(*sample);
            }
        }
        pixels.extend(sums.iter().map(|sum| clip8(*sum)));
    }
    RgbPixels { width: across.width, height, pixels }
}

fn resize_rows(image: &RgbPixels, width: usize) -> RgbPixels {
    let taps = taps(image.width, width);
    let mut pixels = Vec::with_capacity(width * image.height * 3);
    for row in image.pixels.chunks_exact((image.width * 3).max(1)) {
        for tap in &taps {
            let mut sums = [1_i64 << (PRECISION_BITS - 1); 3];
            for (pixel, weight) in row.chunks_exact(3).skip(tap.from).zip(&tap.weights) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    *sum += weight * i64::from(*sample);
                }
            }
            pixels.extend(sums.map(clip8));
        }
    }
    RgbPixels { width, height: image.height, pixels }
}

fn clip8(sum: i64) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Which samples make one sample of the result.
struct Tap {
    from: usize,
    weights: Vec<i64>,
}

fn taps(input: usize, output: usize) -> Vec<Tap> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    (0..output)
        .map(|index| {
            let centre = (index as f64 + 0.5) * scale;
            let from = (centre - support + 0.5).max(0.0) as usize;
            let to = ((centre + support + 0.5).max(0.0) as usize).min(input);
            let kernel = |sample: usize| cubic((sample as f64 - centre + 0.5) / stretch);
            let weights: Vec<f64> = (from..to).map(kernel).collect();
            let total: f64 = weights.iter().sum();
            let quantise = |weight: &f64| {
                let weight = if total == 0.0 { *weight } else { weight / total };
                let scaled = weight * f64::from(1_u32 << PRECISION_BITS);
                (scaled + 0.5_f64.copysign(scaled)) as i64
            };
            Tap { from, weights: weights.iter().map(quantise).collect() }
        })
        .collect()
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}
