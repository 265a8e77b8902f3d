//! Small parts that several panels share.

mod buttons;
mod chips;
mod inert_markdown;

pub(crate) use buttons::{
    command_icon_ui, icon_button_ui, icon_toggle_ui, menu_item_ui, primary_button_ui,
    rest_of_row_ui, row_from_right_ui, tick_text,
};
pub(crate) use chips::{badge_ui, evidence_chip_ui, thumbnail_ui};
pub use inert_markdown::inert_markdown;
