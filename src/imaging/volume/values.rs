//! Modality values of a volume, in 16 bits as long as they are whole numbers that fit.

use super::error::NoVolume;
use super::grid::VolumeGrid;
use super::stack::check_size;

/// Slice after slice, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    I16(Vec<i16>),
    F32(Vec<f32>),
}

impl Values {
    pub(super) fn for_grid(grid: &VolumeGrid) -> Self {
        let n = usize::try_from(grid.num_voxels()).unwrap_or(usize::MAX);
        Self::I16(Vec::with_capacity(n))
    }

    /// Adds a slice; the first that holds other numbers makes all of them 32 bits wide.
    pub(super) fn push(&mut self, slice: &[f32], grid: &VolumeGrid) -> Result<(), NoVolume> {
        if let Self::I16(values) = self {
            if slice.iter().all(|value| is_narrow(*value)) {
                values.extend(slice.iter().map(|value| narrowed(*value)));
                return Ok(());
            }
            check_size(grid, 4)?;
            let mut wide = Vec::with_capacity(values.capacity());
            wide.extend(values.iter().map(|value| f32::from(*value)));
            *self = Self::F32(wide);
        }
        if let Self::F32(values) = self {
            values.extend_from_slice(slice);
        }
        Ok(())
    }

    /// Smallest and largest finite value.
    pub(super) fn range(&self) -> (f32, f32) {
        let range = match self {
            Self::I16(values) => {
                let low = values.iter().min().copied().unwrap_or_default();
                let high = values.iter().max().copied().unwrap_or_default();
                (f32::from(low), f32::from(high))
            }
            Self::F32(values) => {
                let finite = values.iter().copied().filter(|value| value.is_finite());
                finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                    (low.min(value), high.max(value))
                })
            }
        };
        if range.0 <= range.1 { range } else { (0.0, 0.0) }
    }

    /// Memory held.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::I16(values) => values.len() * 2,
            Self::F32(values) => values.len() * 4,
        }
    }
}

fn is_narrow(value: f32) -> bool {
    value == value.trunc() && (f32::from(i16::MIN)..=f32::from(i16::MAX)).contains(&value)
}

#[expect(clippy::cast_possible_truncation, reason = "asked for numbers that fit")]
fn narrowed(value: f32) -> i16 {
    value as i16
}
