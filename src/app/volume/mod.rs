//! Orthogonal planes of a series whose slices make a volume.
//!
//! Every plane is a frame of a series of its own, cut by the decode worker: what is shown, measured
//! and given to a model takes the same way as any slice of a file.

mod crosshair;
mod crosshair_ui;
mod menu_ui;
mod run;
mod state;

pub(crate) use crosshair_ui::{crosshair_ui, plane_edge_ui, reference_lines_ui};
pub(crate) use menu_ui::planes_menu_ui;
pub use state::{Planes, Reformatted};
