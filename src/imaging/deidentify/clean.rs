//! The walk over a data set that does what was decided, on every level.

use dicom_core::{Tag, VR};

use super::{
    super::dicom::{Element, Value, dictionary_vr, find},
    DeidentifyOptions,
    action::{Action, action},
    dummy::dummy,
    profile::rule_of,
    traces::Traces,
    uids::UidMap,
};

/// Shared and Per-Frame Functional Groups Sequence.
const FUNCTIONAL_GROUPS: [Tag; 2] = [Tag(0x5200, 0x9229), Tag(0x5200, 0x9230)];

/// Terms without which nothing can be drawn; they are never looked through.
const NEEDED_TERMS: &[Tag] = &[
    Tag(0x0008, 0x0005), // Specific Character Set
    Tag(0x0008, 0x0008), // Image Type
    Tag(0x0008, 0x0060), // Modality
    Tag(0x0028, 0x0004), // Photometric Interpretation
];

/// Clean the elements of an object.
pub(super) fn clean(
    elements: Vec<Element>,
    options: &DeidentifyOptions,
    uids: &UidMap,
) -> Vec<Element> {
    let enhanced = FUNCTIONAL_GROUPS.iter().any(|tag| find(&elements, *tag).is_some());
    let traces = Traces::of(&elements);
    Cleaner { options, uids, enhanced, traces }.level(elements)
}

struct Cleaner<'a> {
    options: &'a DeidentifyOptions,
    uids: &'a UidMap,
    enhanced: bool,
    traces: Traces,
}

impl Cleaner<'_> {
    fn level(&self, elements: Vec<Element>) -> Vec<Element> {
        elements.into_iter().filter_map(|element| self.element(element)).collect()
    }

    fn element(&self, element: Element) -> Option<Element> {
        match action(&element, self.enhanced, self.options) {
            Action::Keep => Some(self.kept(element)),
            Action::Remove => None,
            Action::Empty => Some(emptied(element)),
            Action::NewUid => {
                let uids = self.uids.new_uids(&element.text());
                Some(Element::new(element.tag, VR::UI, uids))
            }
            Action::Dummy => {
                let Value::Bytes(bytes) = &element.value else { return Some(emptied(element)) };
                if bytes.is_empty() {
                    return Some(emptied(element));
                }
                let value = dummy(element.vr, bytes.len())?;
                Some(Element::new(element.tag, element.vr, value))
            }
        }
    }

    /// Kept, unless its value is not what it should be or repeats what was taken away.
    fn kept(&self, element: Element) -> Element {
        let value = match element.value {
            Value::Items(items) => {
                Value::Items(items.into_iter().map(|item| self.level(item)).collect())
            }
            Value::Bytes(bytes) => Value::Bytes(bytes),
        };
        let element = Element { value, ..element };
        if self.fits(&element) { element } else { emptied(element) }
    }

    /// By what the dictionary says of an attribute that the table does not list.
    fn fits(&self, element: &Element) -> bool {
        match dictionary_vr(element.tag) {
            VR::DS | VR::IS => element.text().chars().all(|c| "0123456789+-.eE\\ \0".contains(c)),
            // what an option retains repeats itself
            _ if rule_of(element.tag).is_some() => true,
            VR::CS if NEEDED_TERMS.contains(&element.tag) => true,
            VR::CS | VR::LO | VR::SH | VR::UC => !self.traces.are_in(&element.text()),
            _ => true,
        }
    }
}

fn emptied(element: Element) -> Element {
    let value = match element.value {
        Value::Items(_) => Value::Items(Vec::new()),
        Value::Bytes(_) => Value::Bytes(Vec::new()),
    };
    Element { value, ..element }
}
