//! A codec as training sees it: names and shapes of its tensors, the numbers in its files, and
//! what its encoder is shown.

use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::imaging::DisplayImage;
use crate::nn::VqganConfig;
use crate::vlm::codec::load::{Networks, check_fit};
use crate::vlm::codec::{files, resize_lanczos, values_of};
use crate::vlm::config::config_error;
use crate::vlm::trainee::{PlaceTensor, TensorShape};
use crate::vlm::weights::Plan;
use crate::vlm::{ModelError, RgbPixels};

/// Ends of the names of convolutions that see one pixel; the others see nine.
const POINTWISE: &[&str] =
    &["quant_conv", "quantize.proj", "nin_shortcut", ".q", ".k", ".v", ".proj_out"];

/// A codec's folder, whose weights need not be there yet.
pub struct CodecTrainee {
    folder: PathBuf,
    config: VqganConfig,
}

impl CodecTrainee {
    /// The codec of a folder: this one, or the published `taming_transformers/ckpt` inside it.
    ///
    /// # Errors
    /// When there is none, its `model.yaml` is damaged, or it could not encode.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let Some(folder) = files::find(folder) else {
            let missing = vec![files::CONFIG.to_owned()];
            return Err(ModelError::Incomplete { missing, path: folder.to_owned() });
        };
        let config = files::read_config(&folder)?;
        if !config.can_encode() {
            let (own, z) = (config.embed_dim, config.ddconfig.z_channels);
            let reason = format!("embed_dim is {own} and z_channels {z}: it could not encode");
            return Err(config_error(&folder, files::CONFIG, &reason));
        }
        Ok(Self { folder, config })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The numbers of its `model.yaml`.
    #[must_use]
    pub fn config(&self) -> &VqganConfig {
        &self.config
    }

    /// All tensors in the published shapes.
    ///
    /// # Errors
    /// When the configuration describes no networks.
    pub fn tensors(&self) -> Result<Vec<TensorShape>, ModelError> {
        let plan = self.plan()?;
        let shape_of = |name: &str, shape: &[usize]| {
            let stem = name.strip_suffix(".weight").unwrap_or(name);
            match shape {
                [outputs, inputs] if POINTWISE.iter().any(|end| stem.ends_with(end)) => {
                    vec![*outputs, *inputs, 1, 1]
                }
                [outputs, inputs] => vec![*outputs, inputs / 9, 3, 3],
                _ => shape.to_vec(),
            }
        };
        let entries = plan.expected.iter();
        Ok(entries
            .map(|(name, expected)| TensorShape {
                name: name.clone(),
                shape: match expected.is_matrix {
                    true => shape_of(name, &expected.shape),
                    false => expected.shape.clone(),
                },
                is_matrix: expected.is_matrix,
            })
            .collect())
    }

    /// Every tensor of the weight file in f32.
    ///
    /// # Errors
    /// When it is missing, damaged or does not fit.
    pub fn read_weights(&self, place: PlaceTensor<'_>) -> Result<(), ModelError> {
        let missing = files::missing(&self.folder);
        if !missing.is_empty() {
            return Err(ModelError::Incomplete { missing, path: self.folder.clone() });
        }
        let present = files::weights(&self.folder).into_iter().collect();
        let weights = WeightFiles { present, missing: Vec::new() };
        let checkpoint = Checkpoint::open(&self.folder, &weights)?;
        check_fit(&checkpoint, &self.plan()?, true)?;
        for TensorShape { name, shape, .. } in self.tensors()? {
            if let Some(tensor) = checkpoint.read_tensor(&name)? {
                place(&name, shape, tensor.raw().to_f32());
            }
        }
        Ok(())
    }

    /// Copy what is not weights to the folder of a finished codec.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn copy_files(&self, to: &Path) -> Result<(), ModelError> {
        let target = to.join(files::CONFIG);
        std::fs::copy(self.folder.join(files::CONFIG), &target)
            .map(drop)
            .map_err(|source| ModelError::Io { source, path: target })
    }

    /// A picture brought to the codec's square, without regard to its shape.
    #[must_use]
    pub fn square(&self, picture: &DisplayImage) -> RgbPixels {
        let side = self.config.ddconfig.resolution;
        resize_lanczos(&RgbPixels::from(picture), side, side)
    }

    /// What the encoder sees of a square: `[pixels, 3]` from −1 to 1.
    #[must_use]
    pub fn pixel_values(square: &RgbPixels) -> Vec<f32> {
        values_of(square)
    }

    /// The part a tensor belongs to: "encoder", "codebook" or "decoder".
    #[must_use]
    pub fn part_of(name: &str) -> &'static str {
        match name {
            _ if name.starts_with("quantize.") => "codebook",
            _ if name.starts_with("encoder.") || name.starts_with("quant_conv.") => "encoder",
            _ => "decoder",
        }
    }

    fn plan(&self) -> Result<Plan, ModelError> {
        let mut plan = Plan::default();
        Networks::init(&self.config, true, &mut plan)
            .map_err(|error| config_error(&self.folder, files::CONFIG, &error))?;
        Ok(plan)
    }
}
