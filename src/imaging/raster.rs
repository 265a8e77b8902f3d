//! PNG, JPEG and TIFF → frames.

use super::{
    error::{Fault, OpenError},
    frame::Frame,
};

/// A pasted or dropped picture.
///
/// # Errors
/// When the bytes are not a PNG, JPEG or TIFF of bearable size.
pub fn frame_from_picture_bytes(bytes: &[u8]) -> Result<Frame, OpenError> {
    let _ = bytes.len();
    Err(OpenError::Pasted(Fault::NotAPicture))
}

/// A picture from the clipboard; its transparency is dropped.
///
/// # Errors
/// When the number of bytes is not `width × height × 4`.
pub fn frame_from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<Frame, OpenError> {
    let _ = (width, height, rgba);
    Err(OpenError::Pasted(Fault::NotAPicture))
}
