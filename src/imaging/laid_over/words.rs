//! Words over a picture, and how numbers are written there.

use super::super::{
    frame::Frame,
    geometry::OrientationLabels,
    grayscale::{Grayscale, VoiLut},
};
use super::canvas::{Canvas, Spot, places};
use super::{DIM, INK};

/// So many values are written beside a colour bar.
const MARKS: u32 = 5;
/// Widest words of a corner, as a share of the picture.
const WIDEST: f64 = 0.46;
/// From line to line, in heights of letters.
pub(super) const LINE: f64 = 1.35;
/// A line with fewer letters than these says nothing.
const FEWEST: usize = 4;

/// Around everything, in heights of letters.
pub(super) fn margin(canvas: &Canvas) -> f64 {
    canvas.letters * 0.8
}

/// The letters at the middle of each edge.
pub(super) fn directions(canvas: &mut Canvas, labels: &OrientationLabels) {
    let (width, height, margin) = (canvas.width(), canvas.height(), margin(canvas));
    let places = [
        (&labels.left, [0.0, 0.5], Spot::new(margin, height / 2.0)),
        (&labels.right, [1.0, 0.5], Spot::new(width - margin, height / 2.0)),
        (&labels.top, [0.5, 0.0], Spot::new(width / 2.0, margin)),
        (&labels.bottom, [0.5, 1.0], Spot::new(width / 2.0, height - margin)),
    ];
    for (text, anchor, at) in places {
        canvas.words(at, anchor, text, INK);
    }
}

/// Lines in the corner that `place` names; gives how many there are, and how wide the widest is.
pub(super) fn corner(canvas: &mut Canvas, lines: &[String], place: [f64; 2]) -> (usize, f64) {
    let (width, height, margin) = (canvas.width(), canvas.height(), margin(canvas));
    let line = canvas.letters * LINE;
    let [x, y] = [width, height].map(|len| len - 2.0 * margin);
    let (x, y) = (margin + x * place[0], margin + y * place[1]);
    // the letters of the directions and the other corner keep their room
    let most = places((height / 2.0 - margin - 2.0 * line) / line);
    let lines = lines.get(..lines.len().min(most)).unwrap_or_default();
    let (mut count, mut widest) = (0, 0.0_f64);
    for (idx, text) in lines.iter().enumerate() {
        let Some(text) = shortened(canvas, text, width * WIDEST) else { continue };
        let row = if place[1] < 0.5 { idx as f64 } else { idx as f64 + 1.0 - lines.len() as f64 };
        let at = Spot::new(x, y + row * line);
        canvas.words(at, place, &text, if idx == 0 { INK } else { DIM });
        widest = widest.max(canvas.width_of(&text));
        count = lines.len();
    }
    (count, widest)
}

/// As much of a text as there is room for; none when that would be next to nothing.
fn shortened(canvas: &Canvas, text: &str, room: f64) -> Option<String> {
    if canvas.width_of(text) <= room {
        return Some(text.to_owned());
    }
    let mut cut: String = text.to_owned();
    while cut.pop().is_some() {
        let with_dots = format!("{}…", cut.trim_end());
        if canvas.width_of(&with_dots) <= room {
            return (cut.chars().count() >= FEWEST).then_some(with_dots);
        }
    }
    None
}

/// Levels on a colour bar, and the values that are shown there.
#[must_use]
pub fn bar_values(grayscale: &Grayscale, frame: &Frame) -> Vec<(f64, f64)> {
    let (low, high) = match &grayscale.voi_lut {
        VoiLut::Window(window) => {
            (window.center - window.width / 2.0, window.center + window.width / 2.0)
        }
        VoiLut::Table(table) => table.input_range(),
        VoiLut::Range { min, max } => (*min, *max),
    };
    let inverted = grayscale.inverted != frame.is_monochrome1();
    let mark = |n: u32| {
        let value = low + (high - low) * f64::from(n) / f64::from(MARKS - 1);
        let level = grayscale.voi_lut.brightness(value).clamp(0.0, 255.0);
        (if inverted { 255.0 - level } else { level }, value)
    };
    (0..MARKS).map(mark).collect()
}

/// "W 400 L 40", "VOI table", "full range".
#[must_use]
pub fn window_words(grayscale: &Grayscale) -> String {
    match &grayscale.voi_lut {
        VoiLut::Window(window) => format!("W {} L {}", number(window.width), number(window.center)),
        VoiLut::Table(_) => "VOI table".to_owned(),
        VoiLut::Range { .. } => "full range".to_owned(),
    }
}

/// The largest of 1, 2, 5 and their tenfolds that is not longer.
#[must_use]
pub fn round_length(most: f64) -> Option<f64> {
    if !most.is_finite() || most <= 0.0 {
        return None;
    }
    let ten = 10_f64.powf(most.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|n| n * ten).find(|length| *length <= most * (1.0 + 1e-9))
}

/// "5 cm", "2 mm", "50 mm at detector".
#[must_use]
pub fn scale_label(mm: f64, unit: &str) -> String {
    if mm >= 100.0 && unit == "mm" {
        return format!("{} cm", mm / 10.0);
    }
    // tens have no decimals, tenths have what they need
    let digits = places((-mm.log10().floor()).max(0.0));
    format!("{mm:.digits$} {unit}")
}

/// Numbers as they stand over pictures: no decimals unless the values are small.
#[must_use]
pub fn number(value: f64) -> String {
    let text = if value.abs() >= 100.0 || (value - value.round()).abs() < 1e-6 {
        format!("{value:.0}")
    } else if value.abs() >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    };
    // a true minus sign, as wide as the digits beside it
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().any(|b| b.is_ascii_digit() && b != b'0') => {
            format!("−{digits}")
        }
        Some(digits) => digits.to_owned(),
        None => text,
    }
}
