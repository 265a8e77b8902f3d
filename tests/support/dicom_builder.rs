//! Small DICOM files, built element by element in the order of their tags.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A file under construction: explicit VR, little endian unless said otherwise.
#[derive(Clone, Debug)]
pub(crate) struct DicomBuilder {
    transfer_syntax: String,
    elements: BTreeMap<(u16, u16), Vec<u8>>,
}

/// One explicit-VR element.
pub(crate) fn element(tag: (u16, u16), vr: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(tag.0.to_le_bytes());
    bytes.extend(tag.1.to_le_bytes());
    bytes.extend(vr.as_bytes());
    let padded = value.len().next_multiple_of(2);
    if ["OB", "OW", "OF", "OD", "SQ", "UN", "UT"].contains(&vr) {
        bytes.extend([0, 0]);
        bytes.extend(u32::try_from(padded).unwrap().to_le_bytes());
    } else {
        bytes.extend(u16::try_from(padded).unwrap().to_le_bytes());
    }
    bytes.extend(value);
    if padded > value.len() {
        bytes.push(if ["OB", "OW", "UI", "UN"].contains(&vr) { 0 } else { b' ' });
    }
    bytes
}

/// An item of a sequence or a fragment.
pub(crate) fn item(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xFE, 0xFF, 0x00, 0xE0];
    bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    bytes.extend(content);
    bytes
}

impl DicomBuilder {
    /// A monochrome picture without pixels yet.
    pub(crate) fn new(rows: u16, columns: u16, bits: u16) -> Self {
        let builder =
            Self { transfer_syntax: "1.2.840.10008.1.2.1".to_owned(), elements: BTreeMap::new() };
        builder
            .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.7")
            .text((0x0008, 0x0018), "UI", "1.2.3.4")
            .text((0x0008, 0x0060), "CS", "CT")
            .text((0x0020, 0x000D), "UI", "1.2.3")
            .text((0x0020, 0x000E), "UI", "1.2.3.1")
            .text((0x0028, 0x0004), "CS", "MONOCHROME2")
            .words((0x0028, 0x0002), &[1])
            .words((0x0028, 0x0010), &[rows])
            .words((0x0028, 0x0011), &[columns])
            .bits(bits, bits, false)
    }

    pub(crate) fn transfer_syntax(mut self, uid: &str) -> Self {
        uid.clone_into(&mut self.transfer_syntax);
        self
    }

    /// Bits Allocated, Bits Stored (at the bottom), Pixel Representation.
    pub(crate) fn bits(self, allocated: u16, stored: u16, signed: bool) -> Self {
        self.words((0x0028, 0x0100), &[allocated])
            .words((0x0028, 0x0101), &[stored])
            .words((0x0028, 0x0102), &[stored - 1])
            .words((0x0028, 0x0103), &[u16::from(signed)])
    }

    pub(crate) fn words(self, tag: (u16, u16), words: &[u16]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(tag, "US", &bytes)
    }

    pub(crate) fn text(self, tag: (u16, u16), vr: &str, text: &str) -> Self {
        self.bytes(tag, vr, text.as_bytes())
    }

    pub(crate) fn bytes(mut self, tag: (u16, u16), vr: &str, value: &[u8]) -> Self {
        self.elements.insert(tag, element(tag, vr, value));
        self
    }

    /// One slice of a stack: position, orientation, spacing, number.
    pub(crate) fn slice(self, number: i32, position: [f64; 3], orientation: [f64; 6]) -> Self {
        let join =
            |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join("\\");
        self.text((0x0020, 0x0013), "IS", &number.to_string())
            .text((0x0020, 0x0032), "DS", &join(&position))
            .text((0x0020, 0x0037), "DS", &join(&orientation))
            .text((0x0028, 0x0030), "DS", "0.5\\0.5")
    }

    pub(crate) fn pixels(self, bytes: &[u8]) -> Self {
        self.bytes((0x7FE0, 0x0010), "OW", bytes)
    }

    /// Encapsulated pixels with an empty offset table.
    pub(crate) fn fragments(mut self, fragments: &[&[u8]]) -> Self {
        let mut bytes = vec![0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF];
        bytes.extend(item(&[]));
        fragments.iter().for_each(|fragment| bytes.extend(item(fragment)));
        bytes.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        self.elements.insert((0x7FE0, 0x0010), bytes);
        self
    }

    /// The file's bytes.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        bytes.extend(element((0x0002, 0x0010), "UI", self.transfer_syntax.as_bytes()));
        bytes.extend(self.elements.values().flatten());
        bytes
    }

    pub(crate) fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, self.build()).unwrap();
        path
    }
}
