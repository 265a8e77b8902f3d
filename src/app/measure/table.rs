//! Measurements as a table of text, in full precision. Names nobody: a study is known by its alias
//! and by keyed hashes of its identifiers.

use crate::chat::Marks;
use crate::imaging::{Figures, Point, ProbeValue, Quantity, Region, Shape, SuvKind};

const HEADER: [&str; 33] = [
    "case",
    "study",
    "series",
    "frame",
    "modality",
    "slice",
    "slices",
    "kind",
    "text",
    "length",
    "length_unit",
    "angle_deg",
    "area",
    "area_unit",
    "pixels",
    "mean",
    "sd_population",
    "min",
    "max",
    "median",
    "value",
    "value_unit",
    "suv",
    "suv_unit",
    "suv_mean",
    "suv_sd_population",
    "suv_min",
    "suv_max",
    "suv_median",
    "suv_value",
    "suv_missing",
    "points_column_row",
    "note",
];

const NOTE: &str = "research use only";

/// One measurement and where it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurementRow {
    /// Alias of the study.
    pub case: String,
    /// What stands for its identifiers; none before the history is open and for pasted pictures.
    pub marks: Option<Marks>,
    /// What it was drawn on, where that is no slice of a file: a plane cut through several.
    pub plane: Option<String>,
    /// `CT`, `MR` …
    pub modality: String,
    /// From 1.
    pub slice: usize,
    /// How many the series has.
    pub num_slices: usize,
    /// What was drawn.
    pub shape: Shape,
    /// What the reader wrote to it.
    pub text: String,
    /// What it measures.
    pub figures: Option<Figures>,
    /// Which SUV stand beside the values of PET pictures.
    pub suv: SuvKind,
}

/// A header and a line each, parted by commas (CSV, RFC 4180) or by tabs.
#[must_use]
pub fn measurements_table(rows: &[MeasurementRow], separator: char) -> String {
    let line = |fields: &[String]| {
        let fields: Vec<String> = fields.iter().map(|field| quoted(field, separator)).collect();
        let end = if separator == ',' { "\r\n" } else { "\n" };
        format!("{}{end}", fields.join(&separator.to_string()))
    };
    let header = HEADER.map(str::to_owned);
    std::iter::once(line(&header)).chain(rows.iter().map(|row| line(&fields(row)))).collect()
}

fn fields(row: &MeasurementRow) -> [String; HEADER.len()] {
    let mut fields = [const { String::new() }; HEADER.len()];
    let mut set = |name: &str, value: String| {
        let column = HEADER.iter().position(|header| *header == name);
        if let Some(field) = column.and_then(|column| fields.get_mut(column)) {
            *field = value;
        }
    };
    set("case", row.case.clone());
    if let Some(marks) = &row.marks {
        set("study", marks.study.clone());
        set("series", marks.series.clone());
        set("frame", marks.frame.clone());
    }
    set("modality", harmless(&row.modality));
    set("slice", row.slice.to_string());
    set("slices", row.num_slices.to_string());
    set("kind", row.shape.kind().as_str().to_lowercase());
    set("text", harmless(&row.text));
    set("points_column_row", points_text(row.shape.points()));
    let plane = row.plane.iter().map(String::as_str);
    set("note", plane.chain([NOTE]).collect::<Vec<_>>().join("; "));
    if let Some(figures) = &row.figures {
        set_figures(figures, &mut set);
        set_suv(figures, row.suv, &mut set);
    }
    fields
}

fn set_figures(figures: &Figures, set: &mut impl FnMut(&str, String)) {
    match &figures.quantity {
        Quantity::Length(length) => {
            set("length", length.to_string());
            set("length_unit", figures.scale.unit().to_owned());
        }
        Quantity::Angle(degrees) => set("angle_deg", degrees.to_string()),
        Quantity::Region(region) => {
            set("area", region.area.to_string());
            set("area_unit", figures.scale.area_unit().to_owned());
            set("pixels", region.num_pixels.to_string());
            set("value_unit", harmless(&figures.value_unit));
            if let Some(spread) = region.spread {
                for (name, value) in [
                    ("mean", spread.mean),
                    ("sd_population", spread.sd),
                    ("min", spread.min),
                    ("max", spread.max),
                    ("median", spread.median),
                ] {
                    set(name, value.to_string());
                }
            }
        }
        Quantity::Mark => {}
        Quantity::Probe { value, .. } => {
            set("value_unit", harmless(&figures.value_unit));
            match value {
                ProbeValue::Grey(value) => set("value", value.to_string()),
                ProbeValue::Colour([r, g, b]) => set("value", format!("{r} {g} {b}")),
                ProbeValue::Nothing => {}
            }
        }
    }
}

fn set_suv(figures: &Figures, kind: SuvKind, set: &mut impl FnMut(&str, String)) {
    let Some(uptake) = &figures.uptake else { return };
    let Ok(factor) = uptake.factor(kind) else {
        return set("suv_missing", uptake.why_not(kind).unwrap_or_default());
    };
    set("suv", kind.as_str().to_owned());
    set("suv_unit", kind.unit().to_owned());
    match &figures.quantity {
        Quantity::Region(Region { spread: Some(spread), .. }) => {
            for (name, value) in [
                ("suv_mean", spread.mean),
                ("suv_sd_population", spread.sd),
                ("suv_min", spread.min),
                ("suv_max", spread.max),
                ("suv_median", spread.median),
            ] {
                set(name, (value * factor).to_string());
            }
        }
        Quantity::Probe { value: ProbeValue::Grey(value), .. } => {
            set("suv_value", (value * factor).to_string());
        }
        _ => {}
    }
}

fn points_text(points: &[Point]) -> String {
    let pairs: Vec<String> =
        points.iter().map(|point| format!("{} {}", point.x, point.y)).collect();
    pairs.join("; ")
}

/// Words out of a file that a spreadsheet would take for a formula are marked as words.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn quoted(field: &str, separator: char) -> String {
    if field.contains([separator, '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
