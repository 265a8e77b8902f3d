//! Where picture pixels fall on the screen.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::imaging::Turned;

/// Smallest and largest zoom, in screen pixels per picture pixel.
pub(crate) const ZOOM_RANGE: std::ops::RangeInclusive<f32> = 0.05..=32.0;

/// Zoom, position and orientation of a picture in its viewport.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewTransform {
    /// Screen pixels per picture pixel; none fits the picture to the viewport.
    pub zoom: Option<f32>,
    /// Offset of the picture's middle from the viewport's, in points.
    pub pan: Vec2,
    /// Mirrorings and quarter turns.
    pub turned: Turned,
}

impl Default for ViewTransform {
    fn default() -> Self {
        Self { zoom: None, pan: Vec2::ZERO, turned: Turned::default() }
    }
}

/// A [`ViewTransform`] for one picture in one rectangle of the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    centre_in_ui: Pos2,
    size_in_image: Vec2,
    /// Points per picture pixel, along columns and along rows.
    scale: Vec2,
    turned: Turned,
    /// Screen pixels per picture pixel.
    pub(crate) zoom: f32,
}

impl ViewTransform {
    /// `pixel_aspect` is the height of a picture pixel over its width.
    pub(crate) fn place(
        &self,
        rect_in_ui: Rect,
        size_in_image: Vec2,
        pixel_aspect: f32,
        pixels_per_point: f32,
    ) -> Placed {
        let upright = vec2(size_in_image.x, size_in_image.y * pixel_aspect);
        let seen = if self.turned.is_sideways() { upright.yx() } else { upright };
        let fit = (rect_in_ui.size() / seen).min_elem().max(1e-4);
        let points_per_pixel = self.zoom.map_or(fit, |zoom| zoom / pixels_per_point);
        Placed {
            centre_in_ui: rect_in_ui.center() + self.pan,
            size_in_image,
            scale: vec2(points_per_pixel, points_per_pixel * pixel_aspect),
            turned: self.turned,
            zoom: points_per_pixel * pixels_per_point,
        }
    }
}

impl Placed {
    pub(crate) fn ui_from_image(&self, pos_in_image: Pos2) -> Pos2 {
        let from_centre = (pos_in_image.to_vec2() - self.size_in_image / 2.0) * self.scale;
        let axis = |(x, y): (i8, i8)| vec2(f32::from(x), f32::from(y));
        self.centre_in_ui
            + axis(self.turned.column()) * from_centre.x
            + axis(self.turned.row()) * from_centre.y
    }

    pub(crate) fn image_from_ui(&self, pos_in_ui: Pos2) -> Pos2 {
        let offset = pos_in_ui - self.centre_in_ui;
        let along = |(x, y): (i8, i8)| offset.x * f32::from(x) + offset.y * f32::from(y);
        let from_centre = vec2(along(self.turned.column()), along(self.turned.row())) / self.scale;
        (self.size_in_image / 2.0 + from_centre).to_pos2()
    }

    /// Points of the screen per picture pixel, along columns.
    pub(crate) fn points_per_pixel(&self) -> f32 {
        self.scale.x
    }

    /// The corners on the screen: top left, top right, bottom right, bottom left of the picture.
    pub(crate) fn corners_in_ui(&self) -> [Pos2; 4] {
        let size = self.size_in_image;
        [pos2(0.0, 0.0), pos2(size.x, 0.0), size.to_pos2(), pos2(0.0, size.y)]
            .map(|corner| self.ui_from_image(corner))
    }

    /// Zooms to `zoom` while the point under `fixed_in_ui` stays there; gives the new pan.
    pub(crate) fn pan_for_zoom(&self, zoom: f32, fixed_in_ui: Pos2, rect_in_ui: Rect) -> Vec2 {
        let ratio = zoom / self.zoom;
        let centre = fixed_in_ui + (self.centre_in_ui - fixed_in_ui) * ratio;
        centre - rect_in_ui.center()
    }
}
