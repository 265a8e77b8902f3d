//! One DICOM file with every element of its header and its pixels as they lie there, for writing it
//! again.

use std::{collections::BTreeMap, path::Path};

use dicom_core::{Tag, VR};

use super::{
    super::{
        error::{Fault, OpenError},
        source::Source,
    },
    encoding::{Form, form_of},
    file::DicomFile,
    scan::{Node, PixelElement},
    transfer_syntax::{Codec, codec_of},
};

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);

/// An element with its value; numbers are little endian whatever the file's form.
#[derive(Clone, Debug)]
pub(in super::super) struct Element {
    pub(in super::super) tag: Tag,
    pub(in super::super) vr: VR,
    pub(in super::super) value: Value,
}

/// Bytes, or the items of a sequence.
#[derive(Clone, Debug)]
pub(in super::super) enum Value {
    Bytes(Vec<u8>),
    Items(Vec<Vec<Element>>),
}

impl Element {
    pub(in super::super) fn new(tag: Tag, vr: VR, bytes: impl Into<Vec<u8>>) -> Self {
        Self { tag, vr, value: Value::Bytes(bytes.into()) }
    }

    /// The value as text, every byte a letter, without padding; empty for a sequence.
    pub(in super::super) fn text(&self) -> String {
        let Value::Bytes(bytes) = &self.value else { return String::new() };
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        text.trim_matches(['\0', ' ']).to_owned()
    }
}

/// An element of one level by its tag.
pub(in super::super) fn find(elements: &[Element], tag: Tag) -> Option<&Element> {
    elements.iter().find(|element| element.tag == tag)
}

/// Pixel Data as it lies in the file.
pub(in super::super) struct Pixels {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    /// The value, or all items up to the delimiter and with it.
    pub(super) bytes: Vec<u8>,
    pub(super) encapsulated: bool,
}

/// A file in memory. What follows its pixels is left out: signatures and padding.
pub(in super::super) struct WholeFile {
    /// By tag, without Pixel Data.
    pub(in super::super) elements: Vec<Element>,
    pub(in super::super) pixels: Option<Pixels>,
    /// As it will be written.
    pub(in super::super) transfer_syntax: String,
    pub(in super::super) sop_class_uid: String,
    pub(super) file: DicomFile,
}

impl WholeFile {
    /// Read all of a file.
    pub(in super::super) fn open(path: &Path) -> Result<Self, OpenError> {
        let (file, bytes, scan) = DicomFile::open_with_elements(Source::open(path)?, path)?;
        Self::read(file, &bytes, &scan.nodes).map_err(|fault| fault.at(path))
    }

    fn read(mut file: DicomFile, bytes: &[u8], nodes: &[Node]) -> Result<Self, Fault> {
        if file.truncated {
            return Err(Fault::Structure("it ends in the middle of an element".to_owned()));
        }
        let transfer_syntax = written_syntax(&file)?;
        let pixels = file.pixels.map(|pixels| read_pixels(&mut file, pixels)).transpose()?;
        let elements = Tree { bytes, nodes }.elements(0, nodes.len());
        let sop_class_uid = file.sop_class_uid.clone();
        Ok(Self { elements, pixels, transfer_syntax, sop_class_uid, file })
    }
}

/// The file's own transfer syntax, unless its label does not say what the file is.
fn written_syntax(file: &DicomFile) -> Result<String, Fault> {
    let uid = file.transfer_syntax.as_str();
    let known = uid.is_empty() || uid.starts_with("1.2.840.10008.1.2");
    let encapsulated = file.pixels.is_some_and(|pixels| pixels.len.is_none());
    if !known || (uid.is_empty() && encapsulated) {
        return Err(Fault::NotDeidentified("its transfer syntax is not the standard's".to_owned()));
    }
    let kept = !uid.is_empty() && form_of(uid) == file.form;
    if kept || (codec_of(uid) != Codec::Native && !file.form.big_endian) {
        return Ok(uid.to_owned());
    }
    Ok(match file.form {
        Form { explicit: false, .. } => "1.2.840.10008.1.2",
        Form { big_endian: true, .. } => "1.2.840.10008.1.2.2",
        Form { .. } => "1.2.840.10008.1.2.1",
    }
    .to_owned())
}

fn read_pixels(file: &mut DicomFile, pixels: PixelElement) -> Result<Pixels, Fault> {
    let end = match pixels.len {
        Some(len) => pixels.start + len,
        None => end_of_fragments(file, pixels.start)?,
    };
    let bytes = file.source.read(pixels.start, end - pixels.start)?;
    if (bytes.len() as u64) < end - pixels.start {
        return Err(Fault::Truncated);
    }
    let encapsulated = pixels.len.is_none();
    Ok(Pixels { tag: pixels.tag, vr: pixels.vr, bytes, encapsulated })
}

/// First byte after the delimiter that ends encapsulated pixels.
fn end_of_fragments(file: &mut DicomFile, start: u64) -> Result<u64, Fault> {
    let mut at = start;
    loop {
        let head = file.source.read(at, 8)?;
        let (tag, len) = (file.form.tag(&head, 0), file.form.u32(&head, 4));
        match (tag, len) {
            (Some(ITEM), Some(len)) => at += 8 + u64::from(len),
            (Some(SEQUENCE_END), Some(_)) => return Ok(at + 8),
            _ => return Err(Fault::Structure("its pixels have no end".to_owned())),
        }
    }
}

struct Tree<'a> {
    bytes: &'a [u8],
    nodes: &'a [Node],
}

impl Tree<'_> {
    /// By tag; of two with one tag the first counts. The depth is the walk's, at most 64.
    fn elements(&self, from: usize, to: usize) -> Vec<Element> {
        let mut elements = BTreeMap::new();
        let mut idx = from;
        while let Some(node) = self.nodes.get(idx).filter(|_| idx < to) {
            let value = if node.is_sequence {
                Value::Items(self.items(idx + 1, node.past))
            } else {
                let bytes = self.bytes.get(node.start..node.start + node.len);
                let mut bytes = bytes.unwrap_or_default().to_vec();
                if node.form.big_endian {
                    swap(&mut bytes, node.vr);
                }
                Value::Bytes(bytes)
            };
            let vr = if node.is_sequence { VR::SQ } else { node.vr };
            elements.entry(node.tag).or_insert(Element { tag: node.tag, vr, value });
            idx = node.past.max(idx + 1);
        }
        elements.into_values().collect()
    }

    fn items(&self, from: usize, to: usize) -> Vec<Vec<Element>> {
        let mut items = Vec::new();
        let mut idx = from;
        while let Some(node) = self.nodes.get(idx).filter(|_| idx < to) {
            items.push(self.elements(idx + 1, node.past));
            idx = node.past.max(idx + 1);
        }
        items
    }
}

/// Turn the bytes of every number round.
pub(super) fn swap(bytes: &mut [u8], vr: VR) {
    let width = match vr {
        VR::US | VR::SS | VR::OW | VR::AT => 2,
        VR::UL | VR::SL | VR::FL | VR::OF | VR::OL => 4,
        VR::FD | VR::OD | VR::SV | VR::UV | VR::OV => 8,
        _ => return,
    };
    bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
}
