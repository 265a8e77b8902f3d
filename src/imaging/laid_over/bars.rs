//! A line of known length, and what values the colours stand for.

use super::super::{color_map::ColorMap, frame::Frame, grayscale::Grayscale, measure::Scale};
use super::canvas::{Canvas, Spot};
use super::words::{LINE, bar_values, margin, number, round_length, scale_label};
use super::{DIM, INK};

/// The line is at most this part of the picture's width.
const MOST_OF_WIDTH: f64 = 0.3;
/// And no longer than so many heights of letters.
const MOST_LETTERS: f64 = 15.0;
/// All in heights of letters.
const BAR_WIDTH: f64 = 1.1;
const BAR_HEIGHT: f64 = 15.0;
/// Of the letters at the right edge.
const BAR_RIGHT: f64 = 2.6;
/// A picture less high has no room for a bar between the words in its corners.
const LEAST_HEIGHT: f64 = 16.0;

/// Above the letter at the lower edge, and so many lines further up; `mm` is from one pixel of the
/// canvas to the next. Without a spacing in the file it says that lengths are in pixels.
pub(super) fn scale_bar(canvas: &mut Canvas, scale: Scale, mm: Option<f64>, up: usize) {
    let line = canvas.letters * LINE;
    let above = margin(canvas) + line * (up as f64).max(1.0) + canvas.letters * 0.5;
    // the middle of a row, so that the line is sharp
    let row = (canvas.height() - above).floor() + 0.5;
    let foot = Spot::new(canvas.width() / 2.0, row);
    let Some(mm) = mm else {
        canvas.words(foot, [0.5, 1.0], "px", DIM);
        return;
    };
    let most = (canvas.width() * MOST_OF_WIDTH).min(canvas.letters * MOST_LETTERS);
    let Some(length_mm) = round_length(most * mm) else { return };
    // whole pixels, so that the line can be measured
    let length = (length_mm / mm).round();
    let left = (foot.x - length / 2.0).round();
    let ends = [Spot::new(left, foot.y), Spot::new(left + length, foot.y)];
    let tick = canvas.letters * 0.4;
    let line = [
        Spot::new(ends[0].x, foot.y - tick),
        ends[0],
        ends[1],
        Spot::new(ends[1].x, foot.y - tick),
    ];
    canvas.edged_line(&line, INK);
    let at = Spot::new(foot.x, foot.y - canvas.letters * 0.5);
    canvas.words(at, [0.5, 1.0], &scale_label(length_mm, scale.unit()), INK);
}

/// At the right of the picture, from the darkest to the brightest level.
pub(super) fn color_bar(canvas: &mut Canvas, map: ColorMap, grayscale: &Grayscale, frame: &Frame) {
    let letters = canvas.letters;
    if canvas.height() < letters * LEAST_HEIGHT {
        return;
    }
    let height = (letters * BAR_HEIGHT).min(canvas.height() - letters * 10.0).round();
    let right = (canvas.width() - letters * BAR_RIGHT).round();
    let left = (right - letters * BAR_WIDTH).round();
    let bottom = (f64::midpoint(canvas.height(), height)).round();
    let top = bottom - height;
    let edge = (letters / 14.0).round().max(1.0);
    let (from, to) = (Spot::new(left - edge, top - edge), Spot::new(right + edge, bottom + edge));
    canvas.fill(from, to, DIM, 1.0);
    for level in 0..=u8::MAX {
        let step = height / 256.0;
        let high = bottom - (f64::from(level) + 1.0) * step;
        let low = bottom - f64::from(level) * step;
        canvas.fill(Spot::new(left, high), Spot::new(right, low), map.color(level), 1.0);
    }
    for (level, value) in bar_values(grayscale, frame) {
        let y = bottom - height * level / 255.0;
        let tick =
            [Spot::new(left - letters * 0.35, y - edge / 2.0), Spot::new(left, y + edge / 2.0)];
        canvas.fill(tick[0], tick[1], DIM, 1.0);
        let at = Spot::new(left - letters * 0.6, y);
        canvas.words(at, [1.0, 0.5], &number(value), INK);
    }
    if !frame.unit().is_empty() {
        let at = Spot::new(right, top - letters * 0.7);
        canvas.words(at, [1.0, 1.0], frame.unit(), DIM);
    }
}
