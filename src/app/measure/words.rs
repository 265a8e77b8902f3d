//! Figures in words, as they stand beside shapes and in the list.

use super::super::viewport::number;
use crate::imaging::{Figures, ProbeValue, Quantity, Region, Spread};

/// Figures that are still to come.
const UNKNOWN: &str = "…";
/// Below this values are given with three decimals: a tenth would say nothing.
const SMALL: f64 = 10.0;

/// One line, to stand at the shape.
pub(super) fn label(figures: Option<&Figures>) -> String {
    let Some(figures) = figures else { return UNKNOWN.to_owned() };
    match &figures.quantity {
        Quantity::Length(length) => format!("{} {}", decimals(*length, 1), figures.scale.unit()),
        Quantity::Angle(degrees) => format!("{}°", decimals(*degrees, 1)),
        Quantity::Region(region) => {
            format!("{} · {}", mean_text(figures, region), area_text(figures, region))
        }
        Quantity::Probe { column, row, value } => {
            let value = match value {
                ProbeValue::Grey(value) => with_unit(number(*value), &figures.value_unit),
                ProbeValue::Colour([r, g, b]) => format!("R {r} G {g} B {b}"),
                ProbeValue::Nothing => "nothing".to_owned(),
            };
            format!("x {column} y {row} · {value}")
        }
    }
}

/// The same of figures that are there.
pub(crate) fn figures_text(figures: &Figures) -> String {
    label(Some(figures))
}

/// What the list says, in lines that fit beside a picture.
pub(super) fn details(figures: Option<&Figures>) -> Vec<String> {
    let Some(figures) = figures else { return vec![UNKNOWN.to_owned()] };
    let Quantity::Region(region) = &figures.quantity else { return vec![label(Some(figures))] };
    let mut lines = vec![mean_text(figures, region)];
    if let Some(spread) = &region.spread {
        let places = |value: f64| if value.fract() == 0.0 { 0 } else { places(spread) };
        let value = |value: f64| decimals(value, places(value));
        lines.push(format!("min {} · max {}", value(spread.min), value(spread.max)));
        lines.push(format!("median {} · n {}", value(spread.median), region.num_pixels));
    }
    lines.push(area_text(figures, region));
    lines
}

fn mean_text(figures: &Figures, region: &Region) -> String {
    let Some(spread) = &region.spread else { return "no pixels".to_owned() };
    let places = places(spread);
    let (mean, sd) = (decimals(spread.mean, places), decimals(spread.sd, places));
    with_unit(format!("mean {mean} ± {sd}"), &figures.value_unit)
}

fn area_text(figures: &Figures, region: &Region) -> String {
    let places = if region.area < 100.0 { 1 } else { 0 };
    format!("area {} {}", decimals(region.area, places), figures.scale.area_unit())
}

fn with_unit(text: String, unit: &str) -> String {
    if unit.is_empty() { text } else { format!("{text} {unit}") }
}

fn places(spread: &Spread) -> usize {
    let is_whole = [spread.min, spread.max, spread.median].iter().all(|v| v.fract() == 0.0);
    if !is_whole && spread.min.abs().max(spread.max.abs()) < SMALL { 3 } else { 1 }
}

/// With a true minus sign, which zero does without.
fn decimals(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().any(|b| (b'1'..=b'9').contains(&b)) => format!("−{digits}"),
        Some(digits) => digits.to_owned(),
        None => text,
    }
}
