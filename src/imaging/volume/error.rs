//! Why slices make no volume, in one sentence each.

use thiserror::Error;

use super::super::error::OpenError;
use super::{LEAST_SLICES, MAX_VOLUME_BYTES};

/// What is wrong with a series as a stack.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum NoVolume {
    /// A single picture, or little more.
    #[error("Planes need at least {} slices, and this series has {slices}", LEAST_SLICES)]
    TooFew {
        /// How many there are.
        slices: usize,
    },
    /// Some slice cannot be decoded.
    #[error("A slice of this series can't be shown, so the series makes no volume")]
    CannotShow,
    /// More than one sample a pixel.
    #[error("Pictures in colour make no volume")]
    Colour,
    /// Position, orientation or spacing are not in the files.
    #[error("The files do not say where every slice lies (position, orientation, pixel spacing)")]
    NoGeometry,
    /// Rows and columns are not at right angles.
    #[error("The files give rows and columns that are not at right angles")]
    Skewed,
    /// Not one number of rows and columns.
    #[error("The slices differ in their number of rows and columns")]
    Sizes,
    /// Not one pixel spacing.
    #[error("The slices differ in pixel spacing")]
    Spacings,
    /// Not one direction.
    #[error("The slices differ in orientation")]
    Orientations,
    /// Several slices at one place.
    #[error("Two slices lie at the same place, as in a series of several phases")]
    SamePlace,
    /// Gaps of several sizes.
    #[error("The slices are unevenly spaced: gaps of {least:.2} to {most:.2} mm")]
    Uneven {
        /// Smallest gap.
        least: f64,
        /// Largest gap.
        most: f64,
    },
    /// The stack leans.
    #[error(
        "The slices are shifted against each other by {shift:.1} mm along the stack (gantry tilt)"
    )]
    Sheared {
        /// Between the first and the last slice.
        shift: f64,
    },
    /// More memory than planned for.
    #[error(
        "The volume of {} × {} × {} values needs {mebibytes} MiB, more than the {} MiB planned for one",
        .size[0], .size[1], .size[2], MAX_VOLUME_BYTES >> 20
    )]
    TooLarge {
        /// Columns, rows, slices.
        size: [usize; 3],
        /// What it would take.
        mebibytes: u64,
    },
}

/// Why a volume could not be read.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum VolumeError {
    /// The reader pressed Cancel.
    #[error("Building the volume was cancelled")]
    Cancelled,
    /// A slice could not be decoded.
    #[error(transparent)]
    Slice(#[from] OpenError),
    /// The slices are not what their headers said.
    #[error(transparent)]
    NoVolume(#[from] NoVolume),
    /// No such plane.
    #[error("There is no plane {number}: the volume has {count} {plane} ones")]
    NoPlane {
        /// Asked for, from 1.
        number: usize,
        /// How many there are.
        count: usize,
        /// Across which axis.
        plane: &'static str,
    },
}
