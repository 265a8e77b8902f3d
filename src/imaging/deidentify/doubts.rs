//! What the reader should look at: text in pixels, faces in slices.

use dicom_core::Tag;

use super::super::dicom::{Element, Value, WholeFile, find};
use super::super::frame_info::{SECONDARY_CAPTURE, TEXT_IN_PIXELS};

/// Why the pixels may have text burned in; `None` where the file says that they have not.
pub(super) fn burned_in(file: &WholeFile) -> Option<&'static str> {
    file.pixels.as_ref()?;
    let value = |tag: Tag| find(&file.elements, tag).map(Element::text).unwrap_or_default();
    let modality = value(Tag(0x0008, 0x0060));
    let secondary = file.sop_class_uid.starts_with(SECONDARY_CAPTURE);
    let converted = !value(Tag(0x0008, 0x0064)).is_empty();
    if has_overlay_in_pixels(&file.elements) {
        return Some("may have an overlay drawn into unused bits of its pixels");
    }
    match value(Tag(0x0028, 0x0301)).as_str() {
        "YES" => Some("has text burned into its pixels, as its files say"),
        _ if secondary || converted || TEXT_IN_PIXELS.contains(&modality.as_str()) => {
            Some("may have text burned into its pixels, as pictures of this kind often have")
        }
        "NO" => None,
        _ => Some("may have text burned into its pixels; its files do not say"),
    }
}

/// A retired way to keep an overlay: in the bits above the stored ones.
fn has_overlay_in_pixels(elements: &[Element]) -> bool {
    elements.iter().any(|element| {
        let is_position =
            element.tag.element() == 0x0102 && matches!(element.tag.group(), 0x6000..=0x60FF);
        let non_zero = match &element.value {
            Value::Bytes(bytes) => bytes.iter().any(|byte| *byte != 0),
            Value::Items(_) => false,
        };
        is_position && non_zero
    })
}

/// Whether a face could be built from the slices of a head.
pub(super) fn shows_a_face(file: &WholeFile) -> bool {
    let value = |tag: Tag| find(&file.elements, tag).map(Element::text).unwrap_or_default();
    let part = value(Tag(0x0018, 0x0015)).to_uppercase();
    let sliced = ["CT", "MR", "PT"].contains(&value(Tag(0x0008, 0x0060)).as_str());
    let head = ["HEAD", "BRAIN", "FACE", "SKULL", "NECK"].iter().any(|word| part.contains(word));
    file.pixels.is_some() && sliced && head
}
