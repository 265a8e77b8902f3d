//! All of preprocessing for a tower that takes squares of one size.

use serde::{Deserialize, Serialize};

use crate::vlm::preprocess::{ImageProcessor, Prepared, RgbPixels, pad_to_square};

/// The published processor, and what the model's own program does before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Squares {
    pub(crate) processor: ImageProcessor,
    /// Pictures are made square before anything else, whatever the processor does.
    pub(crate) pads_to_square: bool,
}

impl Squares {
    /// As the tower takes it.
    pub(crate) fn prepare(&self, image: &RgbPixels) -> Prepared {
        let pixels = if self.pads_to_square {
            self.processor.pixels(&pad_to_square(image, self.processor.pad_color()))
        } else {
            self.processor.pixels(image)
        };
        Prepared {
            shape: vec![3, pixels.height, pixels.width],
            values: self.processor.values(&pixels),
            size: [pixels.height, pixels.width],
        }
    }
}
