//! What a shape measures on a frame.

use super::super::frame::Frame;
use super::scale::Scale;
use super::shape::{Point, Shape, polygon_area};
use super::spread::{Spread, spread_inside};
use super::uptake::Uptake;

/// The unit of regions of colour pictures: how light, from 0 to 255 (ITU-R BT.601).
const LUMINANCE: &str = "luminance";

/// What was measured, in full precision, and in what units.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// What a pixel is worth.
    pub scale: Scale,
    /// The number or numbers.
    pub quantity: Quantity,
    /// Unit of values, such as `HU`; `luminance` for regions of colour pictures; may be empty.
    pub value_unit: String,
    /// How SUV come of values; none where there are none, or not of a PET picture.
    pub uptake: Option<Box<Uptake>>,
}

/// What kind of number it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// In the scale's unit.
    Length(f64),
    /// In degrees.
    Angle(f64),
    /// An area and the values in it.
    Region(Region),
    /// One pixel, by column and row from 0.
    Probe {
        /// From the left.
        column: u32,
        /// From the top.
        row: u32,
        /// What it holds.
        value: ProbeValue,
    },
    /// Nothing: an arrow or words.
    Mark,
}

/// An area and the values in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Of the shape as drawn, in the scale's unit squared.
    pub area: f64,
    /// Pixels whose centres lie inside, without padding.
    pub num_pixels: u64,
    /// How their values are spread; none when there are none.
    pub spread: Option<Spread>,
}

/// What one pixel holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProbeValue {
    /// A modality value.
    Grey(f64),
    /// Red, green, blue.
    Colour([u8; 3]),
    /// The place is outside the frame.
    Nothing,
}

impl Figures {
    /// Measures a shape: every pixel inside a region is looked at.
    #[must_use]
    pub fn of(frame: &Frame, shape: &Shape) -> Self {
        let scale = Scale::at(frame.info(), shape);
        let unit = frame.unit().to_owned();
        let (quantity, value_unit) = match shape {
            Shape::Length([from, to]) => {
                (Quantity::Length(length(*from, *to, scale.pixel())), String::new())
            }
            Shape::Angle(points) => {
                (Quantity::Angle(angle_deg(*points, scale.proportions())), String::new())
            }
            Shape::Rectangle(_) | Shape::Ellipse(_) | Shape::Freehand(_) => {
                let (num_pixels, spread) = spread_inside(frame, shape);
                let unit = if frame.is_monochrome() { unit } else { LUMINANCE.to_owned() };
                (Quantity::Region(Region { area: area(shape, scale), num_pixels, spread }), unit)
            }
            Shape::Probe(at) => (probe(frame, *at), unit),
            Shape::Arrow(_) | Shape::Text(_) => (Quantity::Mark, String::new()),
        };
        let has_values = matches!(quantity, Quantity::Region(_) | Quantity::Probe { .. });
        let uptake = frame.info().uptake.clone().filter(|_| has_values && frame.is_monochrome());
        Self { scale, quantity, value_unit, uptake }
    }

    /// How many pixels [`Self::of`] would look at, at most.
    #[must_use]
    pub fn num_pixels_at_most(shape: &Shape) -> f64 {
        match shape {
            Shape::Rectangle(_) | Shape::Ellipse(_) | Shape::Freehand(_) => {
                let [low, high] = shape.bounds();
                (high.x - low.x + 1.0) * (high.y - low.y + 1.0)
            }
            _ => 1.0,
        }
    }
}

fn length(from: Point, to: Point, [height, width]: [f64; 2]) -> f64 {
    ((to.x - from.x) * width).hypot((to.y - from.y) * height)
}

/// At the vertex, from 0 to 180.
fn angle_deg([a, vertex, b]: [Point; 3], [height, width]: [f64; 2]) -> f64 {
    let leg = |end: Point| ((end.x - vertex.x) * width, (end.y - vertex.y) * height);
    let ((ax, ay), (bx, by)) = (leg(a), leg(b));
    (ax * by - ay * bx).abs().atan2(ax * bx + ay * by).to_degrees()
}

fn area(shape: &Shape, scale: Scale) -> f64 {
    let in_pixels = match shape {
        Shape::Rectangle([a, b]) => (b.x - a.x) * (b.y - a.y),
        Shape::Ellipse([a, b]) => (b.x - a.x) * (b.y - a.y) * std::f64::consts::FRAC_PI_4,
        Shape::Freehand(points) => polygon_area(points),
        _ => 0.0,
    };
    let [height, width] = scale.pixel();
    in_pixels * height * width
}

fn probe(frame: &Frame, at: Point) -> Quantity {
    let column = pixel_at(at.x, frame.columns());
    let row = pixel_at(at.y, frame.rows());
    let grey = frame.modality_value(column, row).map(ProbeValue::Grey);
    let value = grey.or_else(|| frame.rgb(column, row).map(ProbeValue::Colour));
    Quantity::Probe { column, row, value: value.unwrap_or(ProbeValue::Nothing) }
}

/// The pixel a place lies in; the far edge belongs to the last one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the frame before"
)]
fn pixel_at(place: f64, len: u32) -> u32 {
    place.floor().clamp(0.0, f64::from(len.saturating_sub(1))) as u32
}
