//! The networks of a model, built from whatever gives their tensors.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};

use crate::nn::{Adapted, ClipVit, Decoder, InitError, Projector, QwenVit, WeightSource};
use crate::vlm::ModelError;
use crate::vlm::config::{ClipVision, VisionConfig, VlmConfig};
use crate::vlm::parts::{PROJECTOR, VISION_PREFIX};
use crate::vlm::preprocess::{RgbPixels, pad_to_square};

/// Everything with weights.
pub(crate) struct Networks {
    pub(crate) vision: Vision,
    pub(crate) decoder: Decoder,
}

/// A picture becomes rows of the decoder's width.
#[expect(clippy::large_enum_variant, reason = "one a model")]
pub(crate) enum Vision {
    /// CLIP and a projector.
    Clip { tower: ClipVit, projector: Projector },
    /// Qwen2.5-VL's, which has its projector inside.
    Qwen(QwenVit),
}

/// A picture on its way: extents and values.
pub(crate) struct Encoded {
    /// `[3, height, width]`, or `[patches, features]`
    pub(crate) pixel_values: (Vec<usize>, Vec<f32>),
    /// `[patches, width]`
    pub(crate) seen: Tensor<2>,
    /// `[rows, hidden]`
    pub(crate) projected: Tensor<2>,
}

impl Networks {
    pub(crate) fn init(
        config: &VlmConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, InitError> {
        let vision = match &config.vision {
            VisionConfig::Clip(clip) => Vision::Clip {
                tower: ClipVit::init(
                    VISION_PREFIX,
                    &clip.config,
                    clip.blocks,
                    clip.select_feature,
                    weights,
                )?,
                projector: Projector::init(
                    PROJECTOR,
                    clip.projector,
                    clip.config.hidden_size,
                    config.decoder.hidden_size,
                    weights,
                )?,
            },
            VisionConfig::Qwen(qwen) => Vision::Qwen(QwenVit::init("visual.", &qwen.vit, weights)?),
        };
        let decoder = match config.hlora {
            Some(hlora) => Decoder::init(&config.decoder, &mut Adapted::new(weights, hlora))?,
            None => Decoder::init(&config.decoder, weights)?,
        };
        Ok(Self { vision, decoder })
    }
}

impl Vision {
    /// `between` is asked before every block.
    pub(crate) fn encode(
        &self,
        config: &VisionConfig,
        image: &RgbPixels,
        pads_to_square: bool,
        device: &Device,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Encoded>, ModelError> {
        match (self, config) {
            (Self::Clip { tower, projector }, VisionConfig::Clip(clip)) => {
                let pixels = clip.pixels(image, pads_to_square);
                let values = clip.processor.values(&pixels);
                let seen = match tower.forward(&values, device, between) {
                    ControlFlow::Continue(seen) => seen,
                    ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                };
                let projected = projector.forward(seen.clone());
                let pixel_values = (vec![3, pixels.height, pixels.width], values);
                Ok(ControlFlow::Continue(Encoded { pixel_values, seen, projected }))
            }
            (Self::Qwen(vit), VisionConfig::Qwen(qwen)) => {
                let bad = |reason| ModelError::BadPicture { reason };
                let pixels = qwen.processor.pixels(image).map_err(bad)?;
                let (values, grid) = qwen.processor.values(&pixels);
                let seen = match vit.forward(&values, grid, device, between) {
                    ControlFlow::Continue(seen) => seen,
                    ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                };
                let patches = grid.iter().product::<usize>();
                let features = values.len() / patches.max(1);
                Ok(ControlFlow::Continue(Encoded {
                    pixel_values: (vec![patches, features], values),
                    seen: seen.pre_merger,
                    projected: seen.merged,
                }))
            }
            // both are built from one configuration
            _ => Err(ModelError::NotFinite { doing: "encoding a picture" }),
        }
    }
}

impl ClipVision {
    fn pixels(&self, image: &RgbPixels, pads_to_square: bool) -> RgbPixels {
        if pads_to_square {
            self.processor.pixels(&pad_to_square(image, self.processor.pad_color()))
        } else {
            self.processor.pixels(image)
        }
    }
}
