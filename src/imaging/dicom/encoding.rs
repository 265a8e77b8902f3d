//! File meta information and how the data set is encoded: decided by looking, not by trying.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::super::error::Fault;

/// Group 0002 may not be longer.
const MAX_META_LEN: usize = 64 << 10;

/// Byte order and whether elements carry their VR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) explicit: bool,
    pub(super) big_endian: bool,
}

impl Form {
    pub(super) const IMPLICIT: Self = Self { explicit: false, big_endian: false };
    pub(super) const EXPLICIT: Self = Self { explicit: true, big_endian: false };

    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let pair: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let quad: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(quad) } else { u32::from_le_bytes(quad) })
    }

    pub(super) fn tag(self, bytes: &[u8], at: usize) -> Option<Tag> {
        Some(Tag(self.u16(bytes, at)?, self.u16(bytes, at.checked_add(2)?)?))
    }
}

/// The head of one element: everything but its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct ElementHead {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    /// Where the value starts.
    pub(super) value: usize,
    /// `None`: undefined.
    pub(super) len: Option<u32>,
}

/// Read an element's head; `None` when the bytes end before it does.
pub(super) fn element_head(bytes: &[u8], at: usize, form: Form) -> Option<ElementHead> {
    let tag = form.tag(bytes, at)?;
    let defined = |len: u32| (len != u32::MAX).then_some(len);
    if tag.group() == 0xFFFE {
        let len = defined(form.u32(bytes, at + 4)?);
        return Some(ElementHead { tag, vr: VR::UN, value: at + 8, len });
    }
    let letters: [u8; 2] = bytes.get(at + 4..at + 6)?.try_into().ok()?;
    let is_vr = letters.iter().all(u8::is_ascii_uppercase);
    if form.explicit && is_vr {
        // an unknown VR is short, as most readers have it (PS3.5 7.1.2)
        let vr = VR::from_binary(letters);
        if vr.is_some_and(is_long) {
            let len = defined(form.u32(bytes, at + 8)?);
            return Some(ElementHead { tag, vr: vr.unwrap_or(VR::UN), value: at + 12, len });
        }
        let len = u32::from(form.u16(bytes, at + 6)?);
        return Some(ElementHead { tag, vr: vr.unwrap_or(VR::UN), value: at + 8, len: Some(len) });
    }
    let len = defined(form.u32(bytes, at + 4)?);
    Some(ElementHead { tag, vr: dictionary_vr(tag), value: at + 8, len })
}

/// VRs with a 32-bit length (PS3.5 table 7.1-1).
pub(super) fn is_long(vr: VR) -> bool {
    use VR::{OB, OD, OF, OL, OV, OW, SQ, SV, UC, UN, UR, UT, UV};
    matches!(vr, OB | OD | OF | OL | OV | OW | SQ | SV | UC | UN | UR | UT | UV)
}

/// What the dictionary says; UN for what it does not know.
pub(in super::super) fn dictionary_vr(tag: Tag) -> VR {
    use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
    if tag.element() == 0 {
        return VR::UL;
    }
    StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed())
}

/// `PatientName`; none for what the dictionary does not know.
pub(super) fn dictionary_keyword(tag: Tag) -> Option<String> {
    use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
    StandardDataDictionary.by_tag(tag).map(|entry| entry.alias().to_owned())
}

/// What comes before the data set.
#[derive(Clone, Debug, Default)]
pub(super) struct Meta {
    /// Transfer Syntax UID; empty when the file does not say.
    pub(super) transfer_syntax: String,
    /// Media Storage SOP Class UID.
    pub(super) sop_class_uid: String,
    /// Where the data set starts.
    pub(super) data_set: usize,
}

/// Read the preamble and group 0002 where there are any (PS3.10 7.1).
pub(super) fn read_meta(bytes: &[u8]) -> Result<Meta, Fault> {
    let mut meta = Meta::default();
    let starts_with_group = |at: usize| bytes.get(at..at + 2) == Some(&[2, 0]);
    if bytes.get(128..132) == Some(b"DICM") {
        meta.data_set = 132;
    } else if bytes.starts_with(b"DICM") {
        meta.data_set = 4;
    } else if !starts_with_group(0) {
        return Ok(meta);
    }
    let first = meta.data_set;
    while starts_with_group(meta.data_set) {
        let Some(head) = element_head(bytes, meta.data_set, Form::EXPLICIT) else { break };
        let len = head.len.map_or(usize::MAX, |len| len as usize);
        let end = head.value.saturating_add(len);
        if end.saturating_sub(first) > MAX_META_LEN {
            return Err(Fault::Structure("group 0002 is longer than 64 KiB".to_owned()));
        }
        let Some(value) = bytes.get(head.value..end) else {
            meta.data_set = bytes.len();
            break;
        };
        let text = || String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned();
        match head.tag.element() {
            0x0002 => meta.sop_class_uid = text(),
            0x0010 => meta.transfer_syntax = text(),
            _ => {}
        }
        meta.data_set = end;
    }
    Ok(meta)
}

/// Look at the first elements: is this a data set, and in which form?
pub(super) fn sniff(bytes: &[u8], start: usize, total: u64) -> Option<Form> {
    let little = u16::from_le_bytes(bytes.get(start..start + 2)?.try_into().ok()?);
    let big_endian = little.swap_bytes() < little;
    [true, false].into_iter().map(|explicit| Form { explicit, big_endian }).find(|&form| {
        let (mut at, mut last) = (start, Tag(0, 0));
        for seen in 0..3 {
            let Some(head) = element_head(bytes, at, form) else { return seen > 0 };
            let vr_fits = !form.explicit || has_known_vr(bytes, at);
            let known = form.explicit || is_known(head.tag);
            let group_fits = (2..=0x7FE0).contains(&head.tag.group());
            if !vr_fits || !known || !group_fits || (seen > 0 && head.tag <= last) {
                return false;
            }
            let Some(len) = head.len else { return seen > 0 || head.vr == VR::SQ };
            if head.value as u64 + u64::from(len) > total {
                // a value cut short is believable only after a sound element
                return seen > 0;
            }
            (at, last) = (head.value + len as usize, head.tag);
        }
        true
    })
}

fn has_known_vr(bytes: &[u8], at: usize) -> bool {
    let letters = bytes.get(at + 4..at + 6).and_then(|pair| <[u8; 2]>::try_from(pair).ok());
    letters.is_some_and(|pair| VR::from_binary(pair).is_some())
}

fn is_known(tag: Tag) -> bool {
    use dicom_core::dictionary::DataDictionary as _;
    tag.element() == 0 || tag.group() % 2 == 1 || StandardDataDictionary.by_tag(tag).is_some()
}

/// The form a transfer syntax promises.
pub(super) fn form_of(transfer_syntax: &str) -> Form {
    match transfer_syntax {
        "1.2.840.10008.1.2" => Form::IMPLICIT,
        "1.2.840.10008.1.2.2" => Form { explicit: true, big_endian: true },
        _ => Form::EXPLICIT,
    }
}
