//! The image processor of Qwen2-VL and Qwen2.5-VL: a picture of about its own size, in patches.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::vlm::preprocess::sample_values::SampleValues;
use crate::vlm::preprocess::{Prepared, RgbPixels, resize_bicubic};

/// How many times longer than wide a picture may be.
const MAX_RATIO: usize = 200;

/// The most a picture may be enlarged to; a larger minimum is a mistake.
const MAX_MIN_PIXELS: usize = 1 << 24;

/// `preprocessor_config.json` of a Qwen2-VL repository, with its old keys and its new ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QwenImageProcessor {
    min_pixels: usize,
    max_pixels: usize,
    patch_size: usize,
    temporal_patch_size: usize,
    merge_size: usize,
    do_resize: bool,
    samples: SampleValues,
}

impl Default for QwenImageProcessor {
    /// What the published class takes for what a file leaves out.
    fn default() -> Self {
        Self {
            min_pixels: 56 * 56,
            max_pixels: 28 * 28 * 1280,
            patch_size: 14,
            temporal_patch_size: 2,
            merge_size: 2,
            do_resize: true,
            samples: SampleValues::default(),
        }
    }
}

impl QwenImageProcessor {
    /// From the file; what it leaves out is as in [`Self::default`].
    ///
    /// # Errors
    /// When a value makes no sense or another resampling is asked for.
    pub fn from_json(json: &Value) -> Result<Self, String> {
        let default = Self::default();
        if json.get("resample").and_then(Value::as_u64).is_some_and(|filter| filter != 3) {
            return Err("resample is not 3 (bicubic)".to_owned());
        }
        let count = |value: Option<&Value>, name: &str, default: usize, most: usize| match value {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value
                .as_u64()
                .and_then(|count| usize::try_from(count).ok())
                .filter(|count| (1..=most).contains(count))
                .ok_or_else(|| format!("{name} is {value}")),
        };
        let of = |name: &str, default, most| count(json.get(name), name, default, most);
        // newer files say it twice, and the published class listens to the old keys first
        let pixels = |name: &str, edge: &str, default, most| {
            let size = count(json.pointer(&format!("/size/{edge}")), edge, default, most)?;
            of(name, size, most)
        };
        let read = Self {
            min_pixels: pixels("min_pixels", "shortest_edge", default.min_pixels, MAX_MIN_PIXELS)?,
            max_pixels: pixels("max_pixels", "longest_edge", default.max_pixels, usize::MAX)?,
            patch_size: of("patch_size", default.patch_size, 1024)?,
            temporal_patch_size: of("temporal_patch_size", default.temporal_patch_size, 16)?,
            merge_size: of("merge_size", default.merge_size, 16)?,
            do_resize: json.get("do_resize").and_then(Value::as_bool).unwrap_or(true),
            samples: SampleValues::from_json(json)?,
        };
        if read.min_pixels > read.max_pixels {
            let (min, max) = (read.min_pixels, read.max_pixels);
            return Err(format!("min_pixels {min} is more than max_pixels {max}"));
        }
        Ok(read)
    }

    /// No picture gets larger than this many pixels, whatever the file says.
    #[must_use]
    pub fn with_max_pixels(mut self, max_pixels: usize) -> Self {
        self.max_pixels = self.max_pixels.min(max_pixels.max(1));
        self.min_pixels = self.min_pixels.min(self.max_pixels);
        self
    }

    /// Side of a patch in pixels.
    #[must_use]
    pub fn patch_size(&self) -> usize {
        self.patch_size
    }

    /// Frames of a patch; a picture is repeated that often.
    #[must_use]
    pub fn temporal_patch_size(&self) -> usize {
        self.temporal_patch_size
    }

    /// Side in patches of a cell, of which the model sees one row of features.
    #[must_use]
    pub fn merge_size(&self) -> usize {
        self.merge_size
    }

    /// Side of a cell in pixels.
    pub(crate) fn cell(&self) -> usize {
        self.patch_size * self.merge_size
    }

    /// Height and width a picture is resized to: whole cells, about as many pixels as it has.
    ///
    /// # Errors
    /// When the picture has no pixels or is too long for its width.
    pub fn smart_resize(&self, height: usize, width: usize) -> Result<(usize, usize), String> {
        let (long, short) = (height.max(width), height.min(width));
        if short == 0 {
            return Err(format!("a picture of {width}×{height} pixels has nothing to see"));
        }
        if long as f64 / short as f64 > MAX_RATIO as f64 {
            return Err(format!(
                "a picture of {width}×{height} pixels is too narrow: this model takes pictures up \
                 to {MAX_RATIO} times as long as wide"
            ));
        }
        let cell = self.cell();
        let sides = [height, width];
        let whole = |cells: f64| (cells as usize).max(1) * cell;
        // halves go to the even neighbour, as Python rounds
        let near = sides.map(|side| whole((side as f64 / cell as f64).round_ties_even()));
        let pixels = height as f64 * width as f64;
        let [height, width] = match near.iter().product::<usize>() {
            area if area > self.max_pixels => {
                let shrink = (pixels / self.max_pixels as f64).sqrt();
                sides.map(|side| whole((side as f64 / shrink / cell as f64).floor()))
            }
            area if area < self.min_pixels => {
                let grow = (self.min_pixels as f64 / pixels).sqrt();
                sides.map(|side| whole((side as f64 * grow / cell as f64).ceil()))
            }
            _ => near,
        };
        Ok((height, width))
    }

    /// Cells of a picture, rows and columns.
    ///
    /// # Errors
    /// As [`Self::smart_resize`].
    pub fn cells(&self, height: usize, width: usize) -> Result<[usize; 2], String> {
        let (new_height, new_width) = self.smart_resize(height, width)?;
        let sides = if self.do_resize { [new_height, new_width] } else { [height, width] };
        Ok(sides.map(|side| side / self.cell()))
    }

    /// Cells of the largest picture.
    #[must_use]
    pub fn max_cells(&self) -> usize {
        self.max_pixels / (self.cell() * self.cell())
    }

    /// Resize to whole cells.
    ///
    /// # Errors
    /// When the picture has no pixels or is too long for its width, or is not to be resized and
    /// has no whole cells.
    pub fn pixels(&self, image: &RgbPixels) -> Result<RgbPixels, String> {
        let (height, width) = self.smart_resize(image.height, image.width)?;
        if self.do_resize {
            return Ok(resize_bicubic(image, width, height));
        }
        let cell = self.cell();
        if image.height.is_multiple_of(cell) && image.width.is_multiple_of(cell) {
            return Ok(image.clone());
        }
        let (width, height) = (image.width, image.height);
        Err(format!(
            "do_resize is off, and a picture of {width}×{height} pixels is no whole number of \
             {cell} pixels"
        ))
    }

    /// Rescale, normalise and cut into patches: `[patches, features]` and the grid of patches,
    /// rows and columns.
    ///
    /// Cells go row by row, inside a cell its patches row by row. Features are `[channel, frame,
    /// row, column]` of the patch, the one frame repeated. Pixels beyond the last whole cell are
    /// left out.
    #[must_use]
    pub fn values(&self, image: &RgbPixels) -> (Vec<f32>, [usize; 2]) {
        let (patch, merge) = (self.patch_size, self.merge_size);
        let (rows, columns) = (image.height / self.cell(), image.width / self.cell());
        let by_channel = self.samples.by_channel();
        let frames = self.temporal_patch_size;
        let per_patch = by_channel.len() * frames * patch * patch;
        let mut out = Vec::with_capacity(rows * columns * merge * merge * per_patch);
        for (row, column) in in_order(rows, columns) {
            for (inner_row, inner_column) in in_order(merge, merge) {
                let top = (row * merge + inner_row) * patch;
                let left = (column * merge + inner_column) * patch;
                for (channel, value) in by_channel.iter().enumerate() {
                    let start = out.len();
                    for y in top..top + patch {
                        let from = (y * image.width + left) * 3;
                        let line = image.pixels.get(from..from + patch * 3).unwrap_or_default();
                        out.extend(line.iter().skip(channel).step_by(3).map(|s| value(*s)));
                    }
                    let end = out.len();
                    (1..frames).for_each(|_| out.extend_from_within(start..end));
                }
            }
        }
        (out, [rows * merge, columns * merge])
    }

    /// As the tower takes it.
    pub(crate) fn prepare(&self, image: &RgbPixels) -> Result<Prepared, String> {
        let (values, grid) = self.values(&self.pixels(image)?);
        let patches = grid.iter().product::<usize>();
        let features = values.len() / patches.max(1);
        let size = grid.map(|patches| patches * self.patch_size);
        Ok(Prepared { shape: vec![patches, features], values, size })
    }

    /// The picture that values denote, of so many rows and columns of patches: [`Self::values`]
    /// taken back. Of repeated frames the first is taken.
    #[must_use]
    pub fn picture(&self, values: &[f32], [rows, columns]: [usize; 2]) -> RgbPixels {
        let (patch, merge) = (self.patch_size, self.merge_size);
        let (width, height) = (columns * patch, rows * patch);
        let mut pixels = vec![0; width * height * 3];
        let per_channel = self.temporal_patch_size * patch * patch;
        let mut patches = values.chunks(3 * per_channel);
        for (row, column) in in_order(rows / merge, columns / merge) {
            for (inner_row, inner_column) in in_order(merge, merge) {
                let top = (row * merge + inner_row) * patch;
                let left = (column * merge + inner_column) * patch;
                let Some(features) = patches.next() else { break };
                for (channel, frames) in features.chunks(per_channel).enumerate() {
                    for ((y, x), value) in in_order(patch, patch).zip(frames) {
                        let at = ((top + y) * width + left + x) * 3 + channel;
                        if let Some(place) = pixels.get_mut(at) {
                            *place = self.samples.sample(channel, *value);
                        }
                    }
                }
            }
        }
        RgbPixels { width, height, pixels }
    }
}

/// Row by row.
fn in_order(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}
