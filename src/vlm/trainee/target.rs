//! Pictures as the codes that a model is to draw them with.

use std::ops::ControlFlow;

use crate::imaging::DisplayImage;
use crate::vlm::codec::Codec;
use crate::vlm::config::config_error;
use crate::vlm::reconstruct::square;
use crate::vlm::trainee::Trainee;
use crate::vlm::{ComputeDevice, ModelError, Task};

/// The codec of a model that draws, on the CPU.
pub struct TargetCodec {
    codec: Codec,
    pad_color: [u8; 3],
}

impl Trainee {
    /// The codec whose codes it is taught.
    ///
    /// # Errors
    /// When the model does not draw, or its codec is missing, damaged, cannot encode, or has other
    /// codes than the vocabulary.
    pub fn target_codec(&self) -> Result<TargetCodec, ModelError> {
        let (Some(parts), Some(known)) = (&self.parts.generation, self.codes) else {
            return Err(ModelError::TaskNotLoaded { task: Task::Reconstruction.title() });
        };
        let go_on = &mut |_| ControlFlow::Continue(());
        let codec = Codec::load(&parts.vqgan, &ComputeDevice::cpu(), go_on)?;
        let refuse = |reason: String| config_error(&parts.vqgan, "model.yaml", &reason);
        if !codec.can_encode() {
            return Err(refuse("this codec has no encoder, pictures to draw need one".to_owned()));
        }
        if codec.num_codes() != known.count as usize {
            let (own, words) = (codec.num_codes(), known.count);
            let reason = format!("it has {own} codes and the vocabulary has words for {words}");
            return Err(refuse(reason));
        }
        Ok(TargetCodec { codec, pad_color: self.config.vision.pad_color() })
    }
}

impl TargetCodec {
    /// Of the codec's weights.
    #[must_use]
    pub fn weights_sha256(&self) -> &str {
        self.codec.weights_sha256()
    }

    /// Codes of a picture, row by row, as of the square that a reconstruction is compared with.
    ///
    /// # Errors
    /// When the computation fails.
    pub fn codes(&self, picture: &DisplayImage) -> Result<Vec<u32>, ModelError> {
        let square = square(self.pad_color, &self.codec, picture);
        match self.codec.encode(&square, &mut || ControlFlow::Continue(()))? {
            ControlFlow::Continue(codes) => Ok(codes),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        }
    }
}
