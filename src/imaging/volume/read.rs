//! The slices of a stack, decoded and put on top of each other.

use std::ops::ControlFlow;

use super::super::frame::Frame;
use super::super::frame_info::FrameInfo;
use super::super::grayscale::{VoiChoice, VoiLut};
use super::super::open::read_frame;
use super::super::samples::Samples;
use super::error::{NoVolume, VolumeError};
use super::grid::VolumeGrid;
use super::stack::Stack;
use super::values::Values;

/// Modality values on a grid in the patient.
#[derive(Clone, Debug)]
pub struct Volume {
    pub(super) grid: VolumeGrid,
    pub(super) values: Values,
    /// What the middle slice says of itself.
    pub(super) info: FrameInfo,
    /// Its ways to be shown; the volume's whole range where it has none.
    pub(super) voi_choices: Vec<VoiChoice>,
    /// Smallest and largest value.
    pub(super) range: (f32, f32),
    /// How many slices are damaged, where some are.
    pub(super) incomplete: Option<String>,
}

impl Volume {
    /// Decodes every slice; `progress` is told how many are done.
    ///
    /// # Errors
    /// When a slice cannot be decoded, does not fit its header, or `progress` breaks off.
    pub fn read(
        stack: &Stack,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Self, VolumeError> {
        let mut values = Values::for_grid(&stack.grid);
        let mut described = None;
        let mut damaged = 0;
        for (idx, frame_ref) in stack.frames.iter().enumerate() {
            if progress(idx).is_break() {
                return Err(VolumeError::Cancelled);
            }
            let frame = read_frame(frame_ref)?;
            values.push(&modality_values(&frame, &stack.grid)?, &stack.grid)?;
            damaged += usize::from(frame.incomplete().is_some());
            if idx == stack.frames.len() / 2 {
                described = Some((frame.info().clone(), frame.voi_choices().to_vec()));
            }
        }
        let (info, mut voi_choices) = described.ok_or(NoVolume::TooFew { slices: 0 })?;
        let range = values.range();
        if voi_choices.is_empty() {
            // one range for all planes: they would flicker otherwise
            let (min, max) = (f64::from(range.0), f64::from(range.1));
            let voi_lut = VoiLut::Range { min, max };
            voi_choices.push(VoiChoice { name: "Full range".to_owned(), voi_lut });
        }
        let incomplete = (damaged > 0)
            .then(|| format!("{damaged} of {} slices are damaged", stack.frames.len()));
        Ok(Self { grid: stack.grid.clone(), values, info, voi_choices, range, incomplete })
    }

    /// Where the voxels lie.
    #[must_use]
    pub fn grid(&self) -> &VolumeGrid {
        &self.grid
    }

    /// Memory held by the values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values.bytes()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "planes are resampled in single precision")]
fn modality_values(frame: &Frame, grid: &VolumeGrid) -> Result<Vec<f32>, NoVolume> {
    if matches!(frame.samples(), Samples::Rgb8(_)) {
        return Err(NoVolume::Colour);
    }
    let [columns, rows, _] = grid.size;
    if (frame.columns() as usize, frame.rows() as usize) != (columns, rows) {
        return Err(NoVolume::Sizes);
    }
    let lut = frame.modality_lut();
    Ok(frame.samples().values().map(|stored| lut.apply(stored) as f32).collect())
}
