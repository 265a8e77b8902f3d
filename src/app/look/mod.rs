//! The look of a picture: colours for grey levels with their bar, and a bar of known length.

mod color_bar_ui;
mod colors_menu_ui;
mod scale_bar_ui;

pub(crate) use color_bar_ui::color_bar_ui;
pub(crate) use colors_menu_ui::colors_menu_ui;
pub(crate) use scale_bar_ui::scale_bar_ui;
