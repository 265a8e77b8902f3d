//! What the left mouse button does on a picture.

use super::super::icons;
use crate::imaging::ShapeKind;

/// One tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Window and level.
    #[default]
    Window,
    /// Larger and smaller.
    Zoom,
    /// Elsewhere.
    Pan,
    /// Moves the point that all planes go through.
    Crosshair,
    /// Draws and measures.
    Measure(ShapeKind),
}

impl Tool {
    /// In the order they stand in.
    pub(super) const ALL: [Self; 12] = [
        Self::Window,
        Self::Zoom,
        Self::Pan,
        Self::Crosshair,
        Self::Measure(ShapeKind::Length),
        Self::Measure(ShapeKind::Angle),
        Self::Measure(ShapeKind::Rectangle),
        Self::Measure(ShapeKind::Ellipse),
        Self::Measure(ShapeKind::Freehand),
        Self::Measure(ShapeKind::Probe),
        Self::Measure(ShapeKind::Arrow),
        Self::Measure(ShapeKind::Text),
    ];

    /// What it draws, if it does.
    pub(crate) fn kind(self) -> Option<ShapeKind> {
        match self {
            Self::Measure(kind) => Some(kind),
            Self::Window | Self::Zoom | Self::Pan | Self::Crosshair => None,
        }
    }

    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::Window => icons::SUN,
            Self::Zoom => icons::SEARCH,
            Self::Pan => icons::HAND,
            Self::Crosshair => icons::CROSSHAIR_WIDE,
            Self::Measure(kind) => icon_of(kind),
        }
    }
}

/// What stands for a kind of shape.
pub(super) fn icon_of(kind: ShapeKind) -> &'static str {
    match kind {
        ShapeKind::Length => icons::RULER,
        ShapeKind::Angle => icons::ANGLE,
        ShapeKind::Rectangle => icons::RECTANGLE,
        ShapeKind::Ellipse => icons::CIRCLE,
        ShapeKind::Freehand => icons::LASSO,
        ShapeKind::Probe => icons::CROSSHAIR,
        ShapeKind::Arrow => icons::ARROW_TO,
        ShapeKind::Text => icons::TEXT,
    }
}
