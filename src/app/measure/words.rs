//! Figures in words, as they stand beside shapes and in the list.

use super::super::viewport::number;
use super::state::Measurement;
use crate::imaging::{Figures, ProbeValue, Quantity, Region, Spread, SuvKind};

/// Figures that are still to come.
const UNKNOWN: &str = "…";
/// What is said of an arrow without words.
pub(super) const NO_TEXT: &str = "no text";
/// Below this values are given with three decimals: a tenth would say nothing.
const SMALL: f64 = 10.0;

/// What stands at a measurement: its figures, or what was written to it.
pub(in super::super) fn label_of(item: &Measurement, suv: SuvKind) -> String {
    if item.shape.kind().has_text() {
        return item.text.clone();
    }
    label(item.figures.as_ref(), suv)
}

/// The lines of the list.
pub(super) fn lines_of(item: &Measurement, suv: SuvKind) -> Vec<String> {
    match item.text.as_str() {
        _ if !item.shape.kind().has_text() => details(item.figures.as_ref(), suv),
        "" => vec![NO_TEXT.to_owned()],
        text => vec![text.to_owned()],
    }
}

/// One line, to stand at the shape.
pub(super) fn label(figures: Option<&Figures>, suv: SuvKind) -> String {
    let Some(figures) = figures else { return UNKNOWN.to_owned() };
    let own = own_label(figures);
    suv_label(figures, suv).map_or(own.clone(), |suv| format!("{own} · {suv}"))
}

fn own_label(figures: &Figures) -> String {
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
        Quantity::Mark => String::new(),
    }
}

/// What the values are as SUV, for one line.
fn suv_label(figures: &Figures, kind: SuvKind) -> Option<String> {
    let factor = figures.uptake.as_ref()?.factor(kind).ok()?;
    let name = kind.as_str();
    match &figures.quantity {
        Quantity::Region(region) => {
            let spread = region.spread?;
            let (mean, max) = (spread.mean * factor, spread.max * factor);
            Some(format!("{name} mean {} max {}", suv_text(mean), suv_text(max)))
        }
        Quantity::Probe { value: ProbeValue::Grey(value), .. } => {
            Some(format!("{name} {}", suv_text(value * factor)))
        }
        _ => None,
    }
}

/// SUV as they are reported.
pub(in super::super) fn suv_text(suv: f64) -> String {
    decimals(suv, 2)
}

/// The lines of the list about SUV: what they are, or why there are none.
fn suv_details(figures: &Figures, kind: SuvKind) -> Vec<String> {
    let Some(uptake) = &figures.uptake else { return Vec::new() };
    let Ok(factor) = uptake.factor(kind) else {
        return uptake.why_not(kind).into_iter().collect();
    };
    let Quantity::Region(Region { spread: Some(spread), .. }) = &figures.quantity else {
        return suv_label(figures, kind).into_iter().collect();
    };
    let [mean, sd, min, max, median] =
        [spread.mean, spread.sd, spread.min, spread.max, spread.median]
            .map(|value| suv_text(value * factor));
    let name = kind.as_str();
    vec![
        format!("{name} mean {mean} ± {sd} {}", kind.unit()),
        format!("{name} min {min} · max {max}"),
        format!("{name} median {median}"),
    ]
}

/// What the list says, in lines that fit beside a picture.
fn details(figures: Option<&Figures>, suv: SuvKind) -> Vec<String> {
    let Some(figures) = figures else { return vec![UNKNOWN.to_owned()] };
    let mut lines = own_details(figures);
    lines.extend(suv_details(figures, suv));
    lines
}

fn own_details(figures: &Figures) -> Vec<String> {
    let Quantity::Region(region) = &figures.quantity else { return vec![own_label(figures)] };
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
