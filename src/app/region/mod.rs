//! Questions about a region of the view, and whether an answer minds its picture.
//!
//! `run` makes the pictures: a crop or a mark goes with the next question as its attachment, an
//! erased region asks the last question about the view again. `blind` asks an answer's question
//! on a blank picture and on noise. What came of an experiment is shown by `beside_ui`, next to
//! the answer it repeats.

mod bar_ui;
mod beside_ui;
mod blind;
mod run;

pub(super) use bar_ui::{bar_ui, region_menu_ui};
pub(super) use beside_ui::{Beside, beside_ui, reliance_ui};
