//! 8-bit pictures as preprocessing takes them, and their padding and cropping.

use crate::imaging::{Channels, DisplayImage};

/// 8-bit RGB, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbPixels {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`
    pub pixels: Vec<u8>,
}

impl From<&DisplayImage> for RgbPixels {
    fn from(image: &DisplayImage) -> Self {
        Self { width: image.width as usize, height: image.height as usize, pixels: image.to_rgb8() }
    }
}

impl From<RgbPixels> for DisplayImage {
    fn from(pixels: RgbPixels) -> Self {
        let (width, height) = (pixels.width as u32, pixels.height as u32);
        Self { width, height, channels: Channels::Rgb, pixels: pixels.pixels }
    }
}

/// What a picture of this size lacks to a square: left, above, right, below; where it cannot be
/// the same on both sides, one pixel less at the left or above.
pub(crate) fn square_margins(width: usize, height: usize) -> [usize; 4] {
    let side = width.max(height);
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    [left, top, side - width - left, side - height - top]
}

/// Where the middle of a side begins; below 0 when it is longer than the side.
pub(crate) fn middle(outer: usize, inner: usize) -> i64 {
    (outer as i64 - inner as i64).div_euclid(2)
}

/// The picture in the middle of a square of this colour; where it cannot be, one pixel to the
/// upper left.
#[must_use]
pub fn pad_to_square(image: &RgbPixels, color: [u8; 3]) -> RgbPixels {
    let side = image.width.max(image.height);
    if image.width == image.height {
        return image.clone();
    }
    let [left, top, _, _] = square_margins(image.width, image.height);
    let mut pixels = color.repeat(side * side);
    let rows = image.pixels.chunks_exact((image.width * 3).max(1));
    for (row, line) in rows.enumerate() {
        let from = ((top + row) * side + left) * 3;
        if let Some(place) = pixels.get_mut(from..from + line.len()) {
            place.copy_from_slice(line);
        }
    }
    RgbPixels { width: side, height: side, pixels }
}

/// The middle of the picture; beyond its edge there is black.
#[must_use]
pub fn center_crop(image: &RgbPixels, width: usize, height: usize) -> RgbPixels {
    if (image.width, image.height) == (width, height) {
        return image.clone();
    }
    let (left, top) = (middle(image.width, width), middle(image.height, height));
    let mut pixels = vec![0; width * height * 3];
    for (index, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((index % width) as i64 + left, (index / width) as i64 + top);
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { continue };
        let from = (y * image.width + x) * 3;
        if let (true, Some(source)) = (x < image.width, image.pixels.get(from..from + 3)) {
            pixel.copy_from_slice(source);
        }
    }
    RgbPixels { width, height, pixels }
}
