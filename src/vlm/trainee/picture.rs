//! A picture as training gives it to a tower.

use crate::imaging::DisplayImage;
use crate::vlm::config::{ImageExtent, VisionConfig};
use crate::vlm::trainee::Trainee;
use crate::vlm::{ModelError, RgbPixels};

/// A picture's numbers, and what it takes in a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TowerPicture {
    /// `[3, height, width]`, or `[patches, features]` where pictures keep about their own size.
    pub values: Vec<f32>,
    /// Positions it takes.
    pub rows: usize,
    /// Rows and columns of these positions, where the decoder is told of them.
    pub cells: Option<[usize; 2]>,
}

impl TowerPicture {
    pub(super) fn extent(&self) -> ImageExtent {
        ImageExtent { rows: self.rows, grid: self.cells }
    }
}

impl Trainee {
    /// A picture as the tower takes it.
    ///
    /// # Errors
    /// When the tower takes no picture of this form.
    pub fn picture(&self, image: &DisplayImage) -> Result<TowerPicture, ModelError> {
        let image = RgbPixels::from(image);
        match &self.config.vision {
            VisionConfig::Clip(clip) => {
                let (values, rows) = (clip.squares.prepare(&image).values, clip.rows());
                Ok(TowerPicture { values, rows, cells: None })
            }
            VisionConfig::Qwen(qwen) => {
                let bad = |reason| ModelError::BadPicture { reason };
                let prepared = qwen.processor.prepare(&image).map_err(bad)?;
                let cells = prepared.size.map(|side| side / qwen.processor.cell());
                let rows = cells.iter().product();
                Ok(TowerPicture { values: prepared.values, rows, cells: Some(cells) })
            }
        }
    }

    /// What so many pictures of one size take; nothing where every picture is of its own.
    pub(super) fn extents(&self, count: usize) -> Vec<ImageExtent> {
        match &self.config.vision {
            VisionConfig::Clip(clip) => {
                vec![ImageExtent { rows: clip.rows(), grid: None }; count]
            }
            VisionConfig::Qwen(_) => Vec::new(),
        }
    }

    /// Width of the tower's rows.
    #[must_use]
    pub fn tower_width(&self) -> usize {
        match &self.config.vision {
            VisionConfig::Clip(clip) => clip.config.hidden_size,
            VisionConfig::Qwen(qwen) => qwen.vit.hidden_size,
        }
    }
}
