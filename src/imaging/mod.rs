//! A file on disk becomes a picture.

mod display_image;

pub use display_image::{Channels, DisplayImage};
