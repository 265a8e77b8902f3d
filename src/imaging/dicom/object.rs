//! The walk's elements as a `dicom-object` data set, and lenient access to its values.

use dicom_core::{
    DataElement, Length, PrimitiveValue, Tag, VR,
    value::{C, DataSetSequence, Value},
};
use dicom_object::InMemDicomObject;

use super::{
    encoding::Form,
    scan::{Node, Scan},
    text::CharacterSet,
};

/// Longer values are left out, unless they are tables.
const MAX_VALUE_LEN: usize = 1 << 16;

/// Build the data set from what the walk found. Every length was checked there, and the depth of
/// the recursion is the walk's, at most 64.
pub(super) fn object_from_scan(bytes: &[u8], scan: &Scan) -> InMemDicomObject {
    let charset = charset_of(bytes, &scan.nodes);
    Builder { bytes, nodes: &scan.nodes, charset }.object(0, scan.nodes.len())
}

/// Specific Character Set of the data set.
pub(super) fn charset_of(bytes: &[u8], nodes: &[Node]) -> CharacterSet {
    nodes
        .iter()
        .take_while(|node| node.tag <= Tag(0x0008, 0x0005))
        .find(|node| node.tag == Tag(0x0008, 0x0005))
        .and_then(|node| bytes.get(node.start..node.start + node.len))
        .map(CharacterSet::parse)
        .unwrap_or_default()
}

/// The value of one element that is no sequence.
pub(super) fn value_of(bytes: &[u8], charset: &CharacterSet, node: &Node) -> PrimitiveValue {
    Builder { bytes, nodes: &[], charset: charset.clone() }.value(node)
}

struct Builder<'a> {
    bytes: &'a [u8],
    nodes: &'a [Node],
    charset: CharacterSet,
}

impl Builder<'_> {
    fn object(&self, from: usize, to: usize) -> InMemDicomObject {
        let mut object = InMemDicomObject::new_empty();
        let mut idx = from;
        while let Some(node) = self.nodes.get(idx).filter(|_| idx < to) {
            if is_wanted(node.tag) && object.get(node.tag).is_none() {
                if node.is_sequence {
                    let items = self.items(idx + 1, node.past);
                    let sequence = DataSetSequence::new(items, Length::UNDEFINED);
                    let value = Value::from(sequence);
                    object.put(DataElement::new(node.tag, VR::SQ, value));
                } else if node.len <= MAX_VALUE_LEN || is_table(node.tag) {
                    let value = self.value(node);
                    object.put(DataElement::new(node.tag, node.vr, value));
                }
            }
            idx = node.past.max(idx + 1);
        }
        object
    }

    fn items(&self, from: usize, to: usize) -> Vec<InMemDicomObject> {
        let mut items = Vec::new();
        let mut idx = from;
        while let Some(node) = self.nodes.get(idx).filter(|_| idx < to) {
            items.push(self.object(idx + 1, node.past));
            idx = node.past.max(idx + 1);
        }
        items
    }

    fn value(&self, node: &Node) -> PrimitiveValue {
        let bytes = self.bytes.get(node.start..node.start + node.len).unwrap_or_default();
        let form = node.form;
        match node.vr {
            VR::US | VR::OW => PrimitiveValue::U16(numbers(bytes, form, u16::from_le_bytes)),
            VR::SS => PrimitiveValue::I16(numbers(bytes, form, i16::from_le_bytes)),
            VR::UL | VR::OL | VR::AT => {
                PrimitiveValue::U32(numbers(bytes, form, u32::from_le_bytes))
            }
            VR::SL => PrimitiveValue::I32(numbers(bytes, form, i32::from_le_bytes)),
            VR::UV | VR::OV => PrimitiveValue::U64(numbers(bytes, form, u64::from_le_bytes)),
            VR::SV => PrimitiveValue::I64(numbers(bytes, form, i64::from_le_bytes)),
            VR::FL | VR::OF => PrimitiveValue::F32(numbers(bytes, form, f32::from_le_bytes)),
            VR::FD | VR::OD => PrimitiveValue::F64(numbers(bytes, form, f64::from_le_bytes)),
            VR::OB | VR::UN | VR::SQ => PrimitiveValue::U8(C::from_slice(bytes)),
            VR::PN => self.strings(bytes, b"\\^="),
            VR::LO | VR::SH | VR::UC => self.strings(bytes, b"\\"),
            VR::ST | VR::LT | VR::UT | VR::UR => {
                PrimitiveValue::Str(self.charset.decode(bytes, b"\r\n\t\x0C"))
            }
            _ => {
                let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
                PrimitiveValue::Strs(split(&text))
            }
        }
    }

    fn strings(&self, bytes: &[u8], delimiters: &[u8]) -> PrimitiveValue {
        PrimitiveValue::Strs(split(&self.charset.decode(bytes, delimiters)))
    }
}

fn split(text: &str) -> C<String> {
    text.split('\\').map(|part| part.trim_matches(['\0', ' ']).to_owned()).collect()
}

fn numbers<const N: usize, T>(bytes: &[u8], form: Form, from_le: fn([u8; N]) -> T) -> C<T> {
    let (words, _odd) = bytes.as_chunks::<N>();
    words
        .iter()
        .map(|word| {
            let mut word = *word;
            if form.big_endian {
                word.reverse();
            }
            from_le(word)
        })
        .collect()
}

/// Private groups and those that say nothing about pictures are left out, but for what leads to
/// SUV.
fn is_wanted(tag: Tag) -> bool {
    let group = tag.group();
    if matches!(group, 0x0009 | 0x7053) {
        let is_creator = matches!(tag.element(), 0x0010..=0x00FF);
        return is_creator || matches!(tag.element() & 0xFF, 0x00 | 0x09 | 0x0D);
    }
    group.is_multiple_of(2)
        && (matches!(group, 0x0008..=0x0062 | 0x0070 | 0x2050 | 0x3004 | 0x5200)
            || tag.group() == 0x7FE0)
}

/// Palettes, LUT Data and offset tables may be long.
fn is_table(tag: Tag) -> bool {
    matches!(
        tag,
        Tag(0x0028, 0x1201..=0x1203 | 0x1221..=0x1223 | 0x3006) | Tag(0x7FE0, 0x0001..=0x0002)
    )
}

/// The first value as text, without padding; `None` when empty.
pub(super) fn text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    match object.get(tag)?.value().primitive()? {
        PrimitiveValue::Strs(parts) => parts.first().cloned(),
        PrimitiveValue::Str(whole) => Some(whole.clone()),
        PrimitiveValue::U8(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
    .map(|text| text.trim_matches(['\0', ' ']).to_owned())
    .filter(|text| !text.is_empty())
}

/// Every value as text, without padding.
pub(super) fn texts_of(object: &InMemDicomObject, tag: Tag) -> Vec<String> {
    let value = object.get(tag).and_then(|element| element.value().primitive());
    let parts = value.map(|value| value.to_multi_str().to_vec()).unwrap_or_default();
    parts.iter().map(|part| part.trim_matches(['\0', ' ']).to_owned()).collect()
}

/// Every value as text; empty ones are left out.
pub(super) fn texts(object: &InMemDicomObject, tag: Tag) -> Vec<String> {
    let value = object.get(tag).and_then(|element| element.value().primitive());
    let parts = match value {
        Some(PrimitiveValue::Strs(parts)) => parts.to_vec(),
        Some(PrimitiveValue::Str(whole)) => split(whole).to_vec(),
        Some(PrimitiveValue::U8(bytes)) => split(&String::from_utf8_lossy(bytes)).to_vec(),
        _ => Vec::new(),
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// Where a private element is that belongs to this creator (PS3.5 7.8.1).
pub(super) fn private(
    object: &InMemDicomObject,
    group: u16,
    creator: &str,
    element: u8,
) -> Option<Tag> {
    let is_creators = |block: &u16| text(object, Tag(group, *block)).as_deref() == Some(creator);
    let block = (0x0010..=0x00FF).find(is_creators)?;
    Some(Tag(group, (block << 8) | u16::from(element)))
}

/// Every value as a number; words that are none are left out.
pub(super) fn numbers_of(object: &InMemDicomObject, tag: Tag) -> Vec<f64> {
    let Some(value) = object.get(tag).and_then(|element| element.value().primitive()) else {
        return Vec::new();
    };
    match value {
        PrimitiveValue::Strs(parts) => parts.iter().filter_map(|text| number(text)).collect(),
        PrimitiveValue::Str(whole) => whole.split('\\').filter_map(number).collect(),
        PrimitiveValue::U8(bytes) => {
            String::from_utf8_lossy(bytes).split('\\').filter_map(number).collect()
        }
        PrimitiveValue::U16(v) => v.iter().map(|&v| f64::from(v)).collect(),
        PrimitiveValue::I16(v) => v.iter().map(|&v| f64::from(v)).collect(),
        PrimitiveValue::U32(v) => v.iter().map(|&v| f64::from(v)).collect(),
        PrimitiveValue::I32(v) => v.iter().map(|&v| f64::from(v)).collect(),
        PrimitiveValue::F32(v) => v.iter().map(|&v| f64::from(v)).collect(),
        PrimitiveValue::F64(v) => v.to_vec(),
        _ => Vec::new(),
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim_matches(['\0', ' ']).parse().ok().filter(|value: &f64| value.is_finite())
}

/// The first number.
pub(super) fn number_of(object: &InMemDicomObject, tag: Tag) -> Option<f64> {
    numbers_of(object, tag).first().copied()
}

/// The first number as an integer; `None` when it is none.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within ±2^53")]
pub(super) fn integer_of(object: &InMemDicomObject, tag: Tag) -> Option<i64> {
    let value = number_of(object, tag)?;
    (value.abs() < 9e15 && value.fract() == 0.0).then_some(value as i64)
}

/// Exactly `N` numbers.
pub(super) fn vector_of<const N: usize>(object: &InMemDicomObject, tag: Tag) -> Option<[f64; N]> {
    numbers_of(object, tag).get(..N)?.try_into().ok()
}

/// 16-bit words of a table, whichever way it was written.
pub(super) fn words_of(object: &InMemDicomObject, tag: Tag) -> Option<(Vec<u16>, usize)> {
    match object.get(tag)?.value().primitive()? {
        PrimitiveValue::U16(words) => Some((words.to_vec(), words.len() * 2)),
        PrimitiveValue::I16(words) => {
            Some((words.iter().map(|&word| word.cast_unsigned()).collect(), words.len() * 2))
        }
        PrimitiveValue::U8(bytes) => {
            let words = bytes.chunks(2).map(|pair| match *pair {
                [low, high] => u16::from_le_bytes([low, high]),
                [low] => u16::from(low),
                _ => 0,
            });
            Some((words.collect(), bytes.len()))
        }
        _ => None,
    }
}

/// The items of a sequence.
pub(super) fn items_of(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).and_then(|element| element.items()).unwrap_or_default()
}
