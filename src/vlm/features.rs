//! Features of pictures, kept while the conversation is about them.

use burn::tensor::Tensor;
use sha2::{Digest as _, Sha256};

use crate::imaging::{Channels, DisplayImage};
use crate::vlm::Task;
use crate::vlm::slots::ImageKey;

/// Pictures whose features are kept: two questions with the most pictures.
pub(crate) const KEPT_PICTURES: usize = 12;

/// Projected features by picture, the latest last.
#[derive(Debug, Default)]
pub(crate) struct FeatureCache {
    entries: Vec<(ImageKey, Tensor<2>)>,
}

impl FeatureCache {
    /// # Shapes
    /// → `[tokens, hidden]`.
    pub(crate) fn get(&mut self, key: &ImageKey) -> Option<Tensor<2>> {
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        let entry = self.entries.remove(at);
        let features = entry.1.clone();
        self.entries.push(entry);
        Some(features)
    }

    pub(crate) fn insert(&mut self, key: ImageKey, features: Tensor<2>) {
        self.entries.retain(|(known, _)| *known != key);
        if self.entries.len() == KEPT_PICTURES {
            self.entries.remove(0);
        }
        self.entries.push((key, features));
    }
}

/// Size, colours, samples and task: preprocessing is the same for all pictures of a loaded model.
pub(crate) fn image_key(image: &DisplayImage, task: Task) -> ImageKey {
    let mut hash = Sha256::new();
    hash.update([u8::from(task == Task::Reconstruction)]);
    hash.update(image.width.to_le_bytes());
    hash.update(image.height.to_le_bytes());
    hash.update([u8::from(image.channels == Channels::Rgb)]);
    hash.update(&image.pixels);
    hash.finalize().into()
}
