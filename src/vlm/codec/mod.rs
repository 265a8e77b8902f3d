//! The codec of reconstructed pictures: a grid of codes becomes a picture, and a picture a grid
//! of codes (HealthGPT's VQGAN).

mod files;
mod load;
mod resample;
mod trainee;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::{Tensor, TensorData};

use crate::nn::{VqganConfig, VqganEncoder, WeightSource};
use crate::vlm::codec::load::Networks;
use crate::vlm::config::config_error;
use crate::vlm::{ComputeDevice, LoadProgress, ModelError, RgbPixels};

pub use resample::resize_lanczos;
pub use trainee::CodecTrainee;

/// A codec on a device, in f32.
pub struct Codec {
    config: VqganConfig,
    networks: Networks,
    device: ComputeDevice,
    weights_sha256: String,
}

/// A picture made of codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// `[3, height, width]`, about −1 to 1, nothing clamped.
    pub values: Vec<f32>,
    /// The same in 8 bits: clamped, and truncated as the published program does.
    pub picture: RgbPixels,
}

impl Codec {
    /// The codec's folder: this one, or the published `taming_transformers/ckpt` inside or beside
    /// it; `None` when no `model.yaml` is there.
    #[must_use]
    pub fn find(folder: &Path) -> Option<PathBuf> {
        files::find(folder)
    }

    /// Files that a codec's folder lacks, by their published names.
    #[must_use]
    pub fn missing(folder: &Path) -> Vec<String> {
        files::missing(folder)
    }

    /// Its files in a folder that lacks none.
    #[must_use]
    pub fn files(folder: &Path) -> Vec<PathBuf> {
        files::weights(folder).into_iter().chain([folder.join(files::CONFIG)]).collect()
    }

    /// The numbers in a codec's folder, without loading anything.
    ///
    /// # Errors
    /// When `model.yaml` is not there, damaged, or describes no network.
    pub fn config(folder: &Path) -> Result<VqganConfig, ModelError> {
        files::read_config(folder)
    }

    /// Read `model.yaml` and the weights (`last.ckpt`, or a SafeTensors file) of a codec's folder.
    ///
    /// A file without an encoder is a codec that only decodes.
    ///
    /// # Errors
    /// When a file or a tensor is missing or damaged, or the device cannot hold a picture.
    pub fn load(
        folder: &Path,
        device: &ComputeDevice,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let missing = files::missing(folder);
        if !missing.is_empty() {
            return Err(ModelError::Incomplete { missing, path: folder.to_owned() });
        }
        let config = files::read_config(folder)?;
        check_device(&config, device)?;
        device.start(false);
        let (networks, weights_sha256) = load::load(folder, &config, device, progress)?;
        Ok(Self { config, networks, device: device.clone(), weights_sha256 })
    }

    /// With tensors from elsewhere, of which there is no hash.
    ///
    /// # Errors
    /// When the numbers describe no network or a tensor is not there.
    pub fn init(
        config: VqganConfig,
        device: &ComputeDevice,
        weights: &mut impl WeightSource,
    ) -> Result<Self, ModelError> {
        let refuse = |error: &dyn std::fmt::Display| config_error(Path::new(""), "codec", error);
        config.check().map_err(|error| refuse(&error))?;
        check_device(&config, device)?;
        let networks = Networks::init(&config, config.can_encode(), weights)
            .map_err(|error| refuse(&error))?;
        Ok(Self { config, networks, device: device.clone(), weights_sha256: String::new() })
    }

    /// Rows and columns of codes.
    #[must_use]
    pub fn grid(&self) -> [usize; 2] {
        [self.config.grid(); 2]
    }

    /// Rows and columns of pixels.
    #[must_use]
    pub fn side(&self) -> usize {
        self.config.ddconfig.resolution
    }

    /// Codes there are.
    #[must_use]
    pub fn num_codes(&self) -> usize {
        self.networks.codebook.num_codes()
    }

    /// Whether its file has an encoder.
    #[must_use]
    pub fn can_encode(&self) -> bool {
        self.networks.encoder.is_some()
    }

    /// Of the weight file; empty when there was none.
    #[must_use]
    pub fn weights_sha256(&self) -> &str {
        &self.weights_sha256
    }

    /// Times `decode` asks `between`.
    #[must_use]
    pub fn decode_steps(&self) -> usize {
        self.networks.decoder.steps()
    }

    /// Times `encode` asks `between`.
    #[must_use]
    pub fn encode_steps(&self) -> usize {
        self.networks.encoder.as_ref().map_or(0, VqganEncoder::steps)
    }

    /// The picture of a grid of codes, row by row from the top left; a place without a code is
    /// neutral. `between` is asked before every block.
    ///
    /// # Errors
    /// When the codes do not fill the grid, one is not in the codebook, or the computation fails.
    pub fn decode(
        &self,
        codes: &[Option<u32>],
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Decoded>, ModelError> {
        const DOING: &str = "decoding the picture";
        self.check_codes(codes)?;
        let rows = self.networks.codebook.lookup(codes);
        let shape = [codes.len(), self.config.embed_dim];
        let z_q = Tensor::from_data(TensorData::new(rows, shape), &self.device.device);
        let ControlFlow::Continue(pixels) = self.networks.decoder.forward(z_q, between) else {
            return Ok(ControlFlow::Break(()));
        };
        let pixels = self.device.read(pixels, DOING)?;
        if pixels.iter().any(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite { doing: DOING });
        }
        Ok(ControlFlow::Continue(Decoded::new(&pixels, self.side())))
    }

    fn check_codes(&self, codes: &[Option<u32>]) -> Result<(), ModelError> {
        let ([rows, columns], found) = (self.grid(), codes.len());
        if found != rows * columns {
            let reason = format!("{found} codes are not a grid of {rows} × {columns}");
            return Err(ModelError::BadPicture { reason });
        }
        let count = self.num_codes();
        match codes.iter().flatten().find(|code| **code as usize >= count) {
            Some(code) => Err(ModelError::BadPicture {
                reason: format!("code {code} is not in the codebook of {count}"),
            }),
            None => Ok(()),
        }
    }

    /// The codes of a picture, row by row from the top left. The picture is brought to the
    /// codec's square without regard to its shape; `between` is asked before every block.
    ///
    /// # Errors
    /// When the file has no encoder or the computation fails.
    pub fn encode(
        &self,
        picture: &RgbPixels,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Vec<u32>>, ModelError> {
        const DOING: &str = "encoding the picture";
        let Some(encoder) = &self.networks.encoder else {
            let reason = "this codec has no encoder".to_owned();
            return Err(ModelError::BadPicture { reason });
        };
        let values = self.pixel_values(picture)?;
        let shape = [values.len() / 3, 3];
        let pixels = Tensor::from_data(TensorData::new(values, shape), &self.device.device);
        let ControlFlow::Continue(x) = encoder.forward(pixels, between) else {
            return Ok(ControlFlow::Break(()));
        };
        let logits = self.device.read(encoder.logits(x), DOING)?;
        if logits.iter().any(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite { doing: DOING });
        }
        let codes = logits.chunks(self.num_codes().max(1)).map(highest).collect();
        Ok(ControlFlow::Continue(codes))
    }

    /// What the encoder sees: a row a pixel, red, green, blue from −1 to 1.
    ///
    /// # Errors
    /// When the picture has no pixels.
    pub fn pixel_values(&self, picture: &RgbPixels) -> Result<Vec<f32>, ModelError> {
        let count = picture.width.checked_mul(picture.height).and_then(|n| n.checked_mul(3));
        if picture.pixels.is_empty() || count != Some(picture.pixels.len()) {
            return Err(ModelError::BadPicture { reason: "it has no pixels".to_owned() });
        }
        let square = resize_lanczos(picture, self.side(), self.side());
        Ok(values_of(&square))
    }
}

/// Samples from −1 to 1.
fn values_of(square: &RgbPixels) -> Vec<f32> {
    let value = |sample: &u8| 2.0 * (f32::from(*sample) / 255.0) - 1.0;
    square.pixels.iter().map(value).collect()
}

/// The first of the highest.
pub(crate) fn highest(scores: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (code, score) in scores.iter().enumerate() {
        if *score > best.1 {
            best = (code as u32, *score);
        }
    }
    best.0
}

fn check_device(config: &VqganConfig, device: &ComputeDevice) -> Result<(), ModelError> {
    let (bytes, limit) = (config.largest_activation() as u64 * 4, device.max_tensor_bytes());
    if bytes <= limit {
        return Ok(());
    }
    let what = format!("a picture of {} pixels a side in the codec", config.ddconfig.resolution);
    Err(ModelError::TensorTooLarge { device: device.label(), what, bytes, limit })
}

impl Decoded {
    /// From `[pixels, 3]` of a square.
    #[must_use]
    pub fn new(pixels: &[f32], side: usize) -> Self {
        let channel = |channel: usize| pixels.iter().skip(channel).step_by(3).copied();
        let level = |value: &f32| (255.0 * ((value.clamp(-1.0, 1.0) + 1.0) / 2.0)) as u8;
        Self {
            values: (0..3).flat_map(channel).collect(),
            picture: RgbPixels {
                width: side,
                height: side,
                pixels: pixels.iter().map(level).collect(),
            },
        }
    }
}
