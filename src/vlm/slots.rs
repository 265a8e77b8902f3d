//! What stands at each position of the sequence, and where the decoder is told it stands.

use crate::nn::Position;
use crate::vlm::config::ImageExtent;

/// Hash of a picture and of all that preprocessing depends on.
pub(crate) type ImageKey = [u8; 32];

/// What a position of the sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A token.
    Id(u32),
    /// A row of a picture.
    Row { key: ImageKey, image: usize, row: usize },
}

impl Slot {
    /// Whether it puts the same into the sequence, wherever the picture stands in the list.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Id(a), Self::Id(b)) => a == b,
            (Self::Row { key: a, row: x, .. }, Self::Row { key: b, row: y, .. }) => {
                a == b && x == y
            }
            _ => false,
        }
    }
}

/// A position for every slot, and the one after the last.
pub(crate) fn positions(slots: &[Slot], extents: &[ImageExtent]) -> (Vec<Position>, u32) {
    let row_of = |slot: &Slot| match slot {
        Slot::Row { image, row, .. } => Some((*image, *row)),
        Slot::Id(_) => None,
    };
    positions_of(slots.iter().map(row_of), extents)
}

/// The same of places that are said as a row of a picture, or none.
///
/// Text counts up. The rows of a picture do as well, unless the decoder knows their grid: then
/// all of them have one time and their own row and column, and text goes on after the largest
/// (M-RoPE, Qwen2-VL section 2.1).
pub(crate) fn positions_of(
    places: impl Iterator<Item = Option<(usize, usize)>>,
    extents: &[ImageExtent],
) -> (Vec<Position>, u32) {
    let mut next = 0;
    let mut positions = Vec::new();
    for place in places {
        let extent = place.and_then(|(image, row)| Some((extents.get(image)?, row)));
        let Some((ImageExtent { rows, grid: Some([height, width]) }, row)) = extent else {
            positions.push([next; 3]);
            next += 1;
            continue;
        };
        let width = (*width).max(1);
        positions.push([next, next + (row / width) as u32, next + (row % width) as u32]);
        if row + 1 == *rows {
            next += (*height).max(width) as u32;
        }
    }
    (positions, next)
}
