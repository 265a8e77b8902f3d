//! A file → what is asked for of it.

use std::path::Path;

use dicom_core::VR;

use super::{
    super::{
        deidentify::identifies,
        dicom::{RawRow, RowKind, read_document, read_embedded, read_rows, read_segmentation},
        error::OpenError,
    },
    Aspect, Contents, ElementRow, FileElements,
};

/// Read what is asked for of a DICOM file.
///
/// # Errors
/// When the file cannot be read, is not DICOM, or holds nothing of that kind.
pub fn read_contents(path: &Path, aspect: Aspect) -> Result<Contents, OpenError> {
    Ok(match aspect {
        Aspect::Elements => {
            let (raw, left_out) = read_rows(path)?;
            Contents::Elements(FileElements { rows: rows(raw), left_out })
        }
        Aspect::Document => Contents::Document(Box::new(read_document(path)?)),
        Aspect::Embedded => Contents::Embedded(read_embedded(path)?),
        Aspect::Segmentation => Contents::Segmentation(Box::new(read_segmentation(path)?)),
    })
}

/// What the profile hides is hidden in all that lies inside it, and so is what is private.
fn rows(raw: Vec<RawRow>) -> Vec<ElementRow> {
    let mut rows: Vec<ElementRow> = Vec::with_capacity(raw.len());
    // of each depth: whether what is around is private, and whether it identifies
    let mut around: Vec<(bool, bool)> = Vec::new();
    for one in raw {
        around.truncate(one.depth);
        let (outer_private, outer_identifies) = around.last().copied().unwrap_or_default();
        let is_item = matches!(one.kind, RowKind::Item(_));
        let is_sequence = matches!(one.kind, RowKind::Sequence(_));
        let is_private = outer_private || one.tag.group() % 2 == 1;
        let own = !is_item && identifies(one.tag, one.vr, is_sequence);
        let is_hidden = outer_identifies || own;
        around.push((is_private, is_hidden));
        let (name, value) = match one.kind {
            RowKind::Item(number) => (format!("Item {number}"), String::new()),
            RowKind::Sequence(1) => (one.name, "1 item".to_owned()),
            RowKind::Sequence(items) => (one.name, format!("{items} items")),
            RowKind::Value => (one.name, one.value),
        };
        rows.push(ElementRow {
            depth: one.depth,
            number: [one.tag.group(), one.tag.element()],
            vr: if is_item { String::new() } else { vr_text(one.vr) },
            name,
            keyword: one.keyword,
            value,
            length: one.length,
            is_private,
            // how many items there are says nothing of anybody
            identifies: is_hidden && !is_item && !is_sequence,
        });
    }
    rows
}

fn vr_text(vr: VR) -> String {
    VR::to_string(vr).to_owned()
}
