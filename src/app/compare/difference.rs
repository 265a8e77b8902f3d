//! What one picture has more or less than another, as a picture.

use crate::imaging::{Channels, DisplayImage};

/// Which difference is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// How much, whichever way.
    Absolute,
    /// Brighter one colour, darker another.
    Signed,
}

/// Where `drawn` is brighter than the original.
pub(crate) const BRIGHTER: [u8; 3] = [255, 166, 64];
/// Where it is darker.
pub(crate) const DARKER: [u8; 3] = [72, 152, 255];

/// The difference of two pictures of one size, in grey levels times `gain`; black where they are
/// equal. `None` when the sizes differ.
#[must_use]
pub fn difference(
    original: &DisplayImage,
    drawn: &DisplayImage,
    kind: DifferenceKind,
    gain: f32,
) -> Option<DisplayImage> {
    if (original.width, original.height) != (drawn.width, drawn.height) {
        return None;
    }
    let levels = |image: &DisplayImage| -> Vec<f32> {
        image
            .to_rgb8()
            .chunks_exact(3)
            .map(|rgb| rgb.iter().copied().map(f32::from).sum())
            .collect()
    };
    let amounts = levels(original).into_iter().zip(levels(drawn));
    let amounts = amounts.map(|(before, after)| (after - before) / 3.0 * gain);
    let (channels, pixels) = match kind {
        DifferenceKind::Absolute => {
            (Channels::Gray, amounts.map(|amount| amount.abs().min(255.0) as u8).collect())
        }
        DifferenceKind::Signed => (Channels::Rgb, amounts.flat_map(signed_color).collect()),
    };
    Some(DisplayImage { width: original.width, height: original.height, channels, pixels })
}

/// The colour of a signed amount between −255 and 255.
pub(crate) fn signed_color(amount: f32) -> [u8; 3] {
    let share = (amount.abs() / 255.0).min(1.0);
    let color = if amount < 0.0 { DARKER } else { BRIGHTER };
    color.map(|level| (f32::from(level) * share) as u8)
}
