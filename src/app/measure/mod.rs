//! Measuring and marking: tools, what is drawn with them, the list of it, and tables of its figures.
//!
//! A pass of the mouse goes `pen` (what the reader is at) → `draft` (points on the way to a shape) or
//! `hit` (what lies under the cursor) → a command → `run`, which keeps it in `state`. Figures are
//! computed there once for every change and kept beside the shape; `draw` only paints them. What is
//! drawn lasts: `keep` takes it to and from a file that names nobody.

mod draft;
mod draw;
mod hit;
mod keep;
mod keeper;
mod kept_file;
mod list_ui;
mod pen;
mod rows;
mod run;
mod state;
mod table;
mod tool;
mod tools_ui;
mod typed_ui;
mod words;

pub(super) use draw::measurements_ui;
pub(super) use hit::ui_from_point;
pub use keep::Kept;
pub(super) use keeper::Keeper;
pub use kept_file::KeptStudies;
pub(super) use list_ui::list_panel_ui;
pub(super) use pen::{Pen, are_shown, pen_ui};
pub use state::{Edit, Measurement, Measurements};
pub use table::{MeasurementRow, measurements_table};
pub use tool::Tool;
pub(super) use tools_ui::{measure_menu_ui, tools_menu_ui, tools_ui};
pub(super) use typed_ui::{TextField, typed_ui};
pub(super) use words::{label_of, suv_text};
