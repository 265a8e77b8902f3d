//! The model's eye: the very numbers a tower is given of a picture, and the picture they denote.
//!
//! Preprocessing is the one that answers use. Its numbers come from 8-bit samples, so the way back
//! is exact: normalised again, the picture gives the same numbers to the last bit.
//!
//! Checked against: `tests/model_eye.rs`.

mod facts;
mod report;

use serde::{Deserialize, Serialize};

use crate::imaging::DisplayImage;
use crate::vlm::config::VlmConfig;
use crate::vlm::parts::Parts;
use crate::vlm::preprocess::{Prepared, Squares, square_margins};
use crate::vlm::{ImageProcessor, ModelError, ModelSpec, QwenImageProcessor, RgbPixels};

pub use facts::{Cells, EyeFacts, Padded};
pub use report::EyeReport;

/// Largest picture on the way: a thin strip made square, or enlarged, would take all memory.
const MAX_PIXELS: usize = 1 << 27;

/// All that a model does to a picture before its tower sees it, and nothing of its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Eye(Way);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Way {
    /// Squares of one size, which take so many positions.
    Squares(Squares, usize),
    /// About their own size, in patches.
    Patches(QwenImageProcessor),
}

/// What a model is given of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// What the tensor denotes.
    pub picture: DisplayImage,
    /// How it came about.
    pub facts: EyeFacts,
}

impl Eye {
    /// For squares that take so many positions; `pads_to_square` does so before the processor.
    #[must_use]
    pub fn squares(processor: ImageProcessor, pads_to_square: bool, tokens: usize) -> Self {
        Self::of_squares(Squares { processor, pads_to_square }, tokens)
    }

    pub(crate) fn of_squares(squares: Squares, tokens: usize) -> Self {
        Self(Way::Squares(squares, tokens))
    }

    /// For pictures in patches.
    #[must_use]
    pub fn patches(processor: QwenImageProcessor) -> Self {
        Self(Way::Patches(processor))
    }

    /// Of a model on disk; reads its JSON files only.
    ///
    /// # Errors
    /// When the family is not supported, or a file is missing or makes no sense.
    pub fn of(spec: &ModelSpec) -> Result<Self, ModelError> {
        if !spec.is_supported() {
            let (title, path) = (spec.title.clone(), spec.path.clone());
            return Err(ModelError::NotSupportedYet { title, path });
        }
        let parts = Parts::find(&spec.path, spec.family)?;
        Ok(VlmConfig::read(&parts, spec.family)?.vision.eye())
    }

    /// What the model is given of a picture.
    ///
    /// # Errors
    /// When the model takes no picture of this form.
    pub fn look(&self, image: &DisplayImage) -> Result<Sight, ModelError> {
        let prepared = self.prepare(image)?;
        let picture = self.picture(&prepared.values, prepared.size);
        let facts = self.facts([image.width, image.height], &prepared);
        Ok(Sight { picture, facts })
    }

    /// The picture of so many rows and columns that the values of a tensor denote.
    #[must_use]
    pub fn picture(&self, values: &[f32], [height, width]: [usize; 2]) -> DisplayImage {
        let pixels = match &self.0 {
            Way::Squares(squares, _) => squares.processor.picture(values, width, height),
            Way::Patches(processor) => {
                let grid = [height, width].map(|side| side / processor.patch_size().max(1));
                processor.picture(values, grid)
            }
        };
        pixels.into()
    }

    /// Extents and values of the tensor itself.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub fn tensor(&self, image: &DisplayImage) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
        self.prepare(image).map(|prepared| (prepared.shape, prepared.values))
    }

    fn prepare(&self, image: &DisplayImage) -> Result<Prepared, ModelError> {
        self.check(image)?;
        let pixels = RgbPixels::from(image);
        match &self.0 {
            Way::Squares(squares, _) => Ok(squares.prepare(&pixels)),
            Way::Patches(processor) => {
                processor.prepare(&pixels).map_err(|reason| ModelError::BadPicture { reason })
            }
        }
    }

    fn check(&self, image: &DisplayImage) -> Result<(), ModelError> {
        let Way::Squares(squares, _) = &self.0 else { return Ok(()) };
        let (width, height) = (image.width as usize, image.height as usize);
        let [left, top, right, bottom] = match squares.pads_to_square {
            true => square_margins(width, height),
            false => [0; 4],
        };
        let padded = (width + left + right, height + top + bottom);
        let resized = squares.processor.resized(padded.0, padded.1);
        let is_huge = |(width, height): (usize, usize)| width.saturating_mul(height) > MAX_PIXELS;
        if width * height == 0 || is_huge(padded) || is_huge(resized) {
            let reason = format!("a picture of {width}×{height} pixels cannot be made a square");
            return Err(ModelError::BadPicture { reason });
        }
        Ok(())
    }

    /// How a picture of this width and height was prepared.
    pub(crate) fn facts(&self, given: [u32; 2], prepared: &Prepared) -> EyeFacts {
        match &self.0 {
            Way::Squares(squares, tokens) => facts::of_square(squares, *tokens, given, prepared),
            Way::Patches(processor) => facts::of_patches(processor, given, prepared),
        }
    }
}
