//! What identifies the person in one file, to find it again in texts that the profile keeps.

use std::collections::BTreeSet;

use dicom_core::{Tag, VR};

use super::super::dicom::{Element, Value};

/// Shorter ones are found everywhere.
const MIN_LEN: usize = 4;

/// Ids, places and devices; names are known by their VR.
const IDENTIFYING: &[Tag] = &[
    Tag(0x0008, 0x0050), // Accession Number
    Tag(0x0008, 0x0080), // Institution Name
    Tag(0x0008, 0x0081), // Institution Address
    Tag(0x0008, 0x1010), // Station Name
    Tag(0x0010, 0x0020), // Patient ID
    Tag(0x0010, 0x1000), // Other Patient IDs
    Tag(0x0010, 0x1040), // Patient's Address
    Tag(0x0010, 0x2154), // Patient's Telephone Numbers
    Tag(0x0018, 0x1000), // Device Serial Number
    Tag(0x0020, 0x0010), // Study ID
    Tag(0x0038, 0x0010), // Admission ID
];

/// Identifying texts of a file, in lower case.
pub(super) struct Traces(BTreeSet<String>);

impl Traces {
    pub(super) fn of(elements: &[Element]) -> Self {
        let mut found = BTreeSet::new();
        collect(elements, &mut found);
        Self(found)
    }

    /// Whether a text repeats one of them as a word or several.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0.iter().any(|trace| {
            text.match_indices(trace.as_str()).any(|(at, _)| {
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                let after = text.get(at + trace.len()..).and_then(|after| after.chars().next());
                !before.is_some_and(char::is_alphanumeric)
                    && !after.is_some_and(char::is_alphanumeric)
            })
        })
    }
}

fn collect(elements: &[Element], found: &mut BTreeSet<String>) {
    for element in elements {
        match &element.value {
            Value::Items(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Bytes(_) if is_identifying(element) => {
                let text = element.text().to_lowercase();
                let parts = text.split('\\').map(str::trim);
                let name_parts = text.split(['^', '=', '\\', ' ']);
                let is_name = element.vr == VR::PN;
                let words = name_parts.filter(|_| is_name).chain(parts);
                found.extend(words.filter(|word| word.len() >= MIN_LEN).map(str::to_owned));
            }
            Value::Bytes(_) => {}
        }
    }
}

fn is_identifying(element: &Element) -> bool {
    let standard_uid = || element.text().starts_with("1.2.840.10008.");
    match element.vr {
        VR::PN => true,
        VR::UI => !standard_uid(),
        _ => IDENTIFYING.contains(&element.tag),
    }
}
