//! The content tree of a structured report as lines (PS3.3 C.17.3).

use dicom_core::{Tag, VR};
use dicom_object::InMemDicomObject;

use super::{
    super::{
        contents::{DocumentLine, LineKind},
        deidentify::identifies,
        privacy::printable,
    },
    document::{Pages, line, lines_of},
    object::{items_of, numbers_of, text, texts_of},
};

const CONTENT: Tag = Tag(0x0040, 0xA730);
const CONCEPT_NAME: Tag = Tag(0x0040, 0xA043);
const CONCEPT: Tag = Tag(0x0040, 0xA168);
const REFERENCED: Tag = Tag(0x0008, 0x1199);

/// Value types whose value is one attribute of text.
const PLAIN: &[(&str, Tag, VR)] = &[
    ("TEXT", Tag(0x0040, 0xA160), VR::UT),
    ("DATETIME", Tag(0x0040, 0xA120), VR::DT),
    ("DATE", Tag(0x0040, 0xA121), VR::DA),
    ("TIME", Tag(0x0040, 0xA122), VR::TM),
    ("PNAME", Tag(0x0040, 0xA123), VR::PN),
    ("UIDREF", Tag(0x0040, 0xA124), VR::UI),
];

/// All content items below the root, which names the document.
pub(super) fn report(root: &InMemDicomObject, pages: &mut Pages) {
    // the depth of the recursion is the walk's over the file, at most 64
    for item in items_of(root, CONTENT) {
        content_item(item, 0, pages);
    }
}

/// The meaning of the code that names a content item.
pub(super) fn concept_name(item: &InMemDicomObject) -> Option<String> {
    meaning(item, CONCEPT_NAME)
}

fn meaning(item: &InMemDicomObject, sequence: Tag) -> Option<String> {
    let code = items_of(item, sequence).first()?;
    // code value, long code value, URN code value
    let values =
        [Tag(0x0008, 0x0104), Tag(0x0008, 0x0100), Tag(0x0008, 0x0119), Tag(0x0008, 0x0120)];
    values.into_iter().find_map(|tag| text(code, tag)).and_then(|words| printable(&words))
}

fn content_item(item: &InMemDicomObject, depth: usize, pages: &mut Pages) {
    let kind = text(item, Tag(0x0040, 0xA040)).unwrap_or_default();
    let name = concept_name(item).unwrap_or_default();
    match kind.as_str() {
        "CONTAINER" => {
            let name = if name.is_empty() { "Section".to_owned() } else { name };
            let (kind, value) = (LineKind::Heading, String::new());
            let heading =
                DocumentLine { depth, kind, name, value, identifies: false, reference: None };
            pages.push(heading);
        }
        "IMAGE" | "COMPOSITE" | "WAVEFORM" => {
            let name = if name.is_empty() { capitalised(&kind) } else { name };
            for referenced in items_of(item, REFERENCED) {
                pages.refer(depth, &name, referenced);
            }
        }
        _ => {
            if let Some((value, identifies)) = value(item, &kind) {
                pages.push(line(depth, name, value, identifies));
            }
        }
    }
    for inner in items_of(item, CONTENT) {
        content_item(inner, depth + 1, pages);
    }
}

/// The value as text, and whether it identifies.
fn value(item: &InMemDicomObject, kind: &str) -> Option<(String, bool)> {
    if let Some((_, tag, vr)) = PLAIN.iter().find(|(name, ..)| *name == kind) {
        let value = texts_of(item, *tag).join("\\");
        let value = lines_of(&if *vr == VR::PN { value.replace('^', " ") } else { value })?;
        return Some((value, identifies(*tag, *vr, false)));
    }
    match kind {
        "CODE" => Some((meaning(item, CONCEPT)?, false)),
        "NUM" => Some((measured(item), false)),
        "SCOORD" | "SCOORD3D" => Some((shape(item), false)),
        "TCOORD" => Some((capitalised(&text(item, Tag(0x0040, 0xA130))?), false)),
        // a content item said elsewhere, by its place in the tree
        "" => {
            let path = texts_of(item, Tag(0x0040, 0xDB73)).join(".");
            (!path.is_empty()).then(|| (format!("see item {path}"), false))
        }
        other => Some((printable(other)?, false)),
    }
}

/// `1.7 cm2`; a number that is missing says why.
fn measured(item: &InMemDicomObject) -> String {
    let Some(measured) = items_of(item, Tag(0x0040, 0xA300)).first() else {
        let why = meaning(item, Tag(0x0040, 0xA301));
        return why.map_or_else(|| "no value".to_owned(), |why| format!("no value: {why}"));
    };
    let number = texts_of(measured, Tag(0x0040, 0xA30A)).join("\\");
    let number = printable(&number).unwrap_or_else(|| "no value".to_owned());
    match unit(measured) {
        Some(unit) => format!("{number} {unit}"),
        None => number,
    }
}

/// The unit's UCUM code; annotations in braces and other schemes by their meaning.
fn unit(measured: &InMemDicomObject) -> Option<String> {
    let sequence = Tag(0x0040, 0x08EA);
    let code = items_of(measured, sequence).first()?;
    let value = text(code, Tag(0x0008, 0x0100)).and_then(|value| printable(&value));
    let scheme = text(code, Tag(0x0008, 0x0102)).unwrap_or_default();
    match value.as_deref() {
        Some("1") if scheme == "UCUM" => None,
        Some(value) if scheme == "UCUM" && !value.contains('{') => Some(value.to_owned()),
        _ => meaning(measured, sequence),
    }
}

/// `circle, 2 points`.
fn shape(item: &InMemDicomObject) -> String {
    let kind = text(item, Tag(0x0070, 0x0023)).and_then(|kind| printable(&kind));
    let is_in_space = text(item, Tag(0x0040, 0xA040)).as_deref() == Some("SCOORD3D");
    let per_point = if is_in_space { 3 } else { 2 };
    let points = numbers_of(item, Tag(0x0070, 0x0022)).len() / per_point;
    let kind = kind.unwrap_or_else(|| "SHAPE".to_owned()).to_lowercase();
    let many = if points == 1 { "point" } else { "points" };
    format!("{kind}, {points} {many}")
}

/// `WAVEFORM` → `Waveform`.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().to_lowercase()
}
