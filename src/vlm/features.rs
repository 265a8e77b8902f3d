//! Features of pictures, kept while the conversation is about them.

use std::sync::Arc;

use burn::tensor::Tensor;
use sha2::{Digest as _, Sha256};

use crate::imaging::{Channels, DisplayImage};
use crate::vlm::slots::ImageKey;
use crate::vlm::{EyeFacts, Task};

/// Pictures whose features are kept: two questions with the most pictures.
pub(crate) const KEPT_PICTURES: usize = 12;

/// A picture after the tower.
#[derive(Clone, Debug)]
pub(crate) struct SeenPicture {
    /// Projected, `[tokens, hidden]`.
    pub(crate) features: Tensor<2>,
    /// How it was prepared, where that is told.
    pub(crate) facts: Option<Arc<EyeFacts>>,
}

/// Pictures that were seen, the latest last.
#[derive(Debug, Default)]
pub(crate) struct FeatureCache {
    entries: Vec<(ImageKey, SeenPicture)>,
}

impl FeatureCache {
    pub(crate) fn get(&mut self, key: &ImageKey) -> Option<SeenPicture> {
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        let entry = self.entries.remove(at);
        let seen = entry.1.clone();
        self.entries.push(entry);
        Some(seen)
    }

    pub(crate) fn insert(&mut self, key: ImageKey, seen: SeenPicture) {
        self.entries.retain(|(known, _)| *known != key);
        if self.entries.len() == KEPT_PICTURES {
            self.entries.remove(0);
        }
        self.entries.push((key, seen));
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
