//! A picture becomes pixel values, to the last bit as Pillow and the published processors do it.
//!
//! Checked against: `tests/model_text.rs` (fixtures made with Pillow 10.4), `tests/model_nets.rs`,
//! and the pixels of every case in `tests/model_parity.rs`.

mod bicubic;
mod clip;
mod pixels;
mod prepared;
mod qwen;
mod sample_values;
mod squares;

pub use bicubic::resize_bicubic;
pub use clip::ImageProcessor;
pub use pixels::{RgbPixels, center_crop, pad_to_square};
pub(crate) use pixels::{middle, square_margins};
pub(crate) use prepared::Prepared;
pub use qwen::QwenImageProcessor;
pub(crate) use squares::Squares;
