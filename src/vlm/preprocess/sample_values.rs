//! How an 8-bit sample becomes a number: rescaled, then normalised by channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `rescale_factor`, `image_mean` and `image_std` of a `preprocessor_config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SampleValues {
    rescale_factor: Option<f64>,
    mean_std: Option<([f64; 3], [f64; 3])>,
}

impl Default for SampleValues {
    /// Those of CLIP.
    fn default() -> Self {
        Self {
            rescale_factor: Some(1.0 / 255.0),
            mean_std: Some((
                [0.481_454_66, 0.457_827_5, 0.408_210_73],
                [0.268_629_54, 0.261_302_58, 0.275_777_11],
            )),
        }
    }
}

impl SampleValues {
    /// From the file; what it leaves out is as in CLIP.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub(super) fn from_json(json: &Value) -> Result<Self, String> {
        let wants = |key: &str| json.get(key).and_then(Value::as_bool).unwrap_or(true);
        let default = Self::default();
        let factor = json.get("rescale_factor").and_then(Value::as_f64);
        let (mean, std) = default.mean_std.unwrap_or_default();
        let mean = parse_triple(json.get("image_mean"), mean)?;
        let std = parse_triple(json.get("image_std"), std)?;
        if std.iter().any(|std| *std as f32 == 0.0) {
            return Err("image_std has a zero".to_owned());
        }
        Ok(Self {
            rescale_factor: factor.or(default.rescale_factor).filter(|_| wants("do_rescale")),
            mean_std: Some((mean, std)).filter(|_| wants("do_normalize")),
        })
    }

    /// The mean colour, cut to whole numbers.
    pub(super) fn mean_color(&self) -> [u8; 3] {
        let (mean, _) = self.mean_std.or(Self::default().mean_std).unwrap_or_default();
        mean.map(|mean| (mean * 255.0) as u8)
    }

    /// The value of a sample of each channel, computed as the processors do: scaled in f64, the
    /// rest in f32.
    pub(super) fn by_channel(&self) -> [impl Fn(u8) -> f32 + use<>; 3] {
        [0, 1, 2].map(|channel| {
            let factor = self.rescale_factor.unwrap_or(1.0);
            let mean_std = self.mean_std.and_then(|(mean, std)| {
                Some((*mean.get(channel)? as f32, *std.get(channel)? as f32))
            });
            let values: [f32; 256] = std::array::from_fn(|sample| {
                let scaled = (sample as f64 * factor) as f32;
                mean_std.map_or(scaled, |(mean, std)| (scaled - mean) / std)
            });
            move |sample: u8| values.get(usize::from(sample)).copied().unwrap_or_default()
        })
    }

    /// The sample that a value of a channel was computed from: [`Self::by_channel`] taken back.
    pub(super) fn sample(&self, channel: usize, value: f32) -> u8 {
        let mean_std = self
            .mean_std
            .and_then(|(mean, std)| Some((*mean.get(channel)? as f32, *std.get(channel)? as f32)));
        let scaled = mean_std.map_or(f64::from(value), |(mean, std)| {
            f64::from(value) * f64::from(std) + f64::from(mean)
        });
        (scaled / self.rescale_factor.unwrap_or(1.0)).round().clamp(0.0, 255.0) as u8
    }
}

fn parse_triple(value: Option<&Value>, default: [f64; 3]) -> Result<[f64; 3], String> {
    let Some(value) = value else { return Ok(default) };
    let numbers: Vec<f64> =
        value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    <[f64; 3]>::try_from(numbers).map_err(|_wrong| format!("{value} is not three numbers"))
}
