//! The CLIP image processor: shortest edge, centre crop, one plane a channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::vlm::preprocess::sample_values::SampleValues;
use crate::vlm::preprocess::{RgbPixels, center_crop, resize_bicubic};

/// `preprocessor_config.json` of a CLIP repository, in its old and its new form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageProcessor {
    resize: Option<Resize>,
    crop: Option<(usize, usize)>,
    samples: SampleValues,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            samples: SampleValues::default(),
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
        Ok(Self {
            resize: size.filter(|_| wants("do_resize")),
            crop: crop.filter(|_| wants("do_center_crop")),
            samples: SampleValues::from_json(json)?,
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
        self.samples.mean_color()
    }

    /// Width and height a picture of this size is resized to, before it is cropped.
    pub(crate) fn resized(&self, width: usize, height: usize) -> (usize, usize) {
        match self.resize {
            Some(Resize::Exactly { height, width }) => (width, height),
            Some(Resize::ShortestEdge(edge)) => {
                let (short, long) = (width.min(height).max(1), width.max(height));
                let other = (edge as u64 * long as u64 / short as u64) as usize;
                if width > height { (other, edge) } else { (edge, other) }
            }
            None => (width, height),
        }
    }

    /// Width and height of the part that is kept; all of it when nothing is cropped.
    pub(crate) fn kept(&self) -> Option<(usize, usize)> {
        self.crop.map(|(height, width)| (width, height))
    }

    /// Resize and crop.
    #[must_use]
    pub fn pixels(&self, image: &RgbPixels) -> RgbPixels {
        let (width, height) = self.resized(image.width, image.height);
        let resized = match self.resize {
            Some(_) => resize_bicubic(image, width, height),
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
        for (channel, value) in self.samples.by_channel().iter().enumerate() {
            let samples = image.pixels.iter().skip(channel).step_by(3);
            out.extend(samples.map(|sample| value(*sample)));
        }
        out
    }

    /// The picture that values denote: [`Self::values`] taken back.
    #[must_use]
    pub fn picture(&self, values: &[f32], width: usize, height: usize) -> RgbPixels {
        let mut pixels = vec![0; values.len()];
        for (channel, plane) in values.chunks((width * height).max(1)).enumerate() {
            let places = pixels.iter_mut().skip(channel).step_by(3);
            for (place, value) in places.zip(plane) {
                *place = self.samples.sample(channel, *value);
            }
        }
        RgbPixels { width, height, pixels }
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
