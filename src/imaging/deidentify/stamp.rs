//! What the profile asks a cleaned object to say about itself (PS3.15 E.1.1, PS3.3 C.12.1.1.1).

use dicom_core::{Tag, VR};

use super::{
    super::dicom::{Element, Value},
    DeidentifyOptions,
};

/// Longest value of an LO.
const MAX_LO: usize = 64;

/// Add what was done; what the object said about an earlier time goes.
pub(super) fn stamp(elements: &mut Vec<Element>, options: &DeidentifyOptions, has_pixels: bool) {
    let codes = options.method_codes();
    let names = codes.iter().map(|(_, name)| name.get(..MAX_LO).unwrap_or(name));
    let program = concat!("Reading Room ", env!("CARGO_PKG_VERSION"), ", PS3.15 Annex E");
    let method = names.chain([program]).collect::<Vec<_>>().join("\\");
    let times = if options.keep_dates { "UNMODIFIED" } else { "REMOVED" };
    put(elements, Element::new(Tag(0x0012, 0x0062), VR::CS, "YES"));
    put(elements, Element::new(Tag(0x0012, 0x0063), VR::LO, method));
    let items = codes.into_iter().map(|(code, name)| item(code, name)).collect();
    let sequence = Value::Items(items);
    put(elements, Element { tag: Tag(0x0012, 0x0064), vr: VR::SQ, value: sequence });
    put(elements, Element::new(Tag(0x0028, 0x0303), VR::CS, times));
    if has_pixels && !options.blackout.is_empty() {
        put(elements, Element::new(Tag(0x0028, 0x0301), VR::CS, "NO"));
    }
}

fn item(code: &str, name: &str) -> Vec<Element> {
    vec![
        Element::new(Tag(0x0008, 0x0100), VR::SH, code),
        Element::new(Tag(0x0008, 0x0102), VR::SH, "DCM"),
        Element::new(Tag(0x0008, 0x0104), VR::LO, name),
    ]
}

/// Put an element in the place of its tag.
pub(super) fn put(elements: &mut Vec<Element>, element: Element) {
    match elements.binary_search_by_key(&element.tag, |other| other.tag) {
        Ok(idx) => {
            if let Some(old) = elements.get_mut(idx) {
                *old = element;
            }
        }
        Err(idx) => elements.insert(idx, element),
    }
}
