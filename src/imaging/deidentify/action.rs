//! What happens to one attribute.

use dicom_core::{Tag, VR};

use super::{
    super::dicom::{Element, Value, dictionary_vr},
    DeidentifyOptions,
    profile::{Code, rule_of},
};

/// The decision about an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Stays; inside a sequence everything is decided anew.
    Keep,
    Remove,
    Empty,
    Dummy,
    NewUid,
}

/// Optional (Type 3) in every kind of object that pictures come as: removed where the table leaves
/// the choice.
const OPTIONAL: &[Tag] = &[
    Tag(0x0008, 0x0012), // Instance Creation Date
    Tag(0x0008, 0x0013), // Instance Creation Time
    Tag(0x0008, 0x0021), // Series Date
    Tag(0x0008, 0x0031), // Series Time
    Tag(0x0008, 0x0080), // Institution Name
    Tag(0x0008, 0x0082), // Institution Code Sequence
    Tag(0x0008, 0x1010), // Station Name
    Tag(0x0008, 0x1070), // Operators' Name
    Tag(0x0018, 0x1030), // Protocol Name
    Tag(0x0018, 0x1400), // Acquisition Device Processing Description
    Tag(0x0018, 0x700A), // Detector ID
    Tag(0x0018, 0x700C), // Date of Last Detector Calibration
    Tag(0x0018, 0x700E), // Time of Last Detector Calibration
    Tag(0x0018, 0x9516), // Start Acquisition DateTime
    Tag(0x0018, 0x9517), // End Acquisition DateTime
    Tag(0x0032, 0x1060), // Requested Procedure Description
];

/// Required (Type 1) in multi-frame objects with functional groups, not in the others.
const REQUIRED_IN_ENHANCED: &[Tag] = &[
    Tag(0x0008, 0x0023), // Content Date
    Tag(0x0008, 0x0033), // Content Time
    Tag(0x0008, 0x002A), // Acquisition DateTime
    Tag(0x0018, 0x1000), // Device Serial Number
];

/// UIDs of kinds and vocabularies rather than of things: they identify nobody.
const CLASS_UIDS: &[Tag] = &[
    Tag(0x0008, 0x0016), // SOP Class UID
    Tag(0x0008, 0x001A), // Related General SOP Class UID
    Tag(0x0008, 0x001B), // Original Specialized SOP Class UID
    Tag(0x0008, 0x0062), // SOP Classes in Study
    Tag(0x0008, 0x010C), // Coding Scheme UID
    Tag(0x0008, 0x0117), // Context UID
    Tag(0x0008, 0x0118), // Mapping Resource UID
    Tag(0x0008, 0x1150), // Referenced SOP Class UID
    Tag(0x0008, 0x115A), // SOP Classes Supported
    Tag(0x0008, 0x3002), // Available Transfer Syntax UID
];

/// Messages, file meta information, media directories, hanging protocols, printing.
fn is_foreign_group(group: u16) -> bool {
    matches!(group, 0x0000..=0x0006 | 0x0072 | 0x2000..=0x2040 | 0x2100..=0x2130 | 0x4000 | 0x4008)
}

/// Decide about an element; `enhanced` tells of functional groups in its object.
pub(super) fn action(element: &Element, enhanced: bool, options: &DeidentifyOptions) -> Action {
    let (tag, known_vr) = (element.tag, dictionary_vr(element.tag));
    let group = tag.group();
    let repeating = matches!(group, 0x5000..=0x50FF | 0x6000..=0x60FF);
    if group % 2 == 1 || tag.element() == 0 || repeating || is_foreign_group(group) {
        return Action::Remove;
    }
    // what lies in nested pixels can't be seen, and what is not what it should be can't be judged
    if tag > Tag(0x7FE0, 0x0002) || !same_kind(element, known_vr) {
        return Action::Remove;
    }
    match rule_of(tag) {
        Some(rule) if rule.is_kept(options) => Action::Keep,
        Some(rule) => chosen(rule.code, element, enhanced),
        None => unlisted(tag, known_vr, options),
    }
}

/// Elements of the file meta information that name an instance, a program or its place.
const META: &[u16] = &[0x0003, 0x0016, 0x0017, 0x0018, 0x0026, 0x0027, 0x0028, 0x0100, 0x0102];

/// Whether the Basic Profile would not leave a value as it is; what it does not know counts as such.
pub(in super::super) fn identifies(tag: Tag, vr: VR, is_sequence: bool) -> bool {
    if tag.group() == 0x0002 {
        return META.contains(&tag.element());
    }
    if tag.element() == 0 {
        return false;
    }
    let value = if is_sequence { Value::Items(Vec::new()) } else { Value::Bytes(Vec::new()) };
    let decided = action(&Element { tag, vr, value }, false, &DeidentifyOptions::default());
    decided != Action::Keep || vr == VR::PN
}

/// A row's action; of combined codes the one that keeps the object whole.
fn chosen(code: Code, element: &Element, enhanced: bool) -> Action {
    let optional = OPTIONAL.contains(&element.tag);
    let required = enhanced && REQUIRED_IN_ENHANCED.contains(&element.tag);
    if matches!(element.value, Value::Items(_)) {
        return match code {
            Code::RemoveEmptyOrUids => Action::Keep,
            // a made-up item would say nothing
            Code::Empty | Code::Dummy | Code::EmptyOrDummy => Action::Empty,
            Code::RemoveOrEmpty if !optional => Action::Empty,
            _ => Action::Remove,
        };
    }
    match code {
        Code::Remove | Code::RemoveEmptyOrUids => Action::Remove,
        Code::Empty => Action::Empty,
        Code::Dummy => Action::Dummy,
        Code::NewUid => Action::NewUid,
        Code::EmptyOrDummy | Code::RemoveEmptyOrDummy if required => Action::Dummy,
        Code::RemoveOrEmpty | Code::RemoveOrDummy | Code::RemoveEmptyOrDummy if optional => {
            Action::Remove
        }
        Code::RemoveOrDummy => Action::Dummy,
        Code::RemoveOrEmpty | Code::EmptyOrDummy | Code::RemoveEmptyOrDummy => Action::Empty,
    }
}

/// An attribute of the standard that the table does not list.
fn unlisted(tag: Tag, vr: VR, options: &DeidentifyOptions) -> Action {
    match vr {
        VR::UI if CLASS_UIDS.contains(&tag) || options.keep_uids => Action::Keep,
        VR::UI => Action::NewUid,
        VR::DA | VR::DT | VR::TM if options.keep_dates => Action::Keep,
        // dates, names, titles, addresses and free text
        VR::DA | VR::DT | VR::TM | VR::PN | VR::AE | VR::UR | VR::ST | VR::LT | VR::UT => {
            Action::Remove
        }
        _ => Action::Keep,
    }
}

/// Whether the value is of the kind that the dictionary says, and is in the dictionary at all.
fn same_kind(element: &Element, known_vr: VR) -> bool {
    let is_sequence = matches!(element.value, Value::Items(_));
    known_vr != VR::UN
        && is_sequence == (known_vr == VR::SQ)
        && (is_sequence || is_binary(element.vr) == is_binary(known_vr))
}

fn is_binary(vr: VR) -> bool {
    use VR::{AT, FD, FL, OB, OD, OF, OL, OV, OW, SL, SS, SV, UL, UN, US, UV};
    matches!(vr, AT | FD | FL | OB | OD | OF | OL | OV | OW | SL | SS | SV | UL | UN | US | UV)
}
