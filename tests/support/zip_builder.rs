//! ZIP archives, built record by record, honest or not.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::DeflateEncoder};

/// One entry; its fields may lie.
#[derive(Clone, Debug)]
pub(crate) struct ZipEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) size: u32,
    pub(crate) data: Vec<u8>,
    /// Lies at the place of this earlier entry.
    pub(crate) at_place_of: Option<usize>,
}

impl ZipEntry {
    pub(crate) fn packed(name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        let data = encoder.finish().unwrap();
        Self { method: 8, data, ..Self::stored(name, content) }
    }

    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        let mut sum = crc32fast::Hasher::new();
        sum.update(content);
        Self {
            name: name.as_bytes().to_vec(),
            flags: 0,
            method: 0,
            crc32: sum.finalize(),
            size: u32::try_from(content.len()).unwrap(),
            data: content.to_vec(),
            at_place_of: None,
        }
    }

    /// What the local header and the list of contents have in common.
    fn fields(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(20_u16.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.crc32.to_le_bytes());
        bytes.extend(u32::try_from(self.data.len()).unwrap().to_le_bytes());
        bytes.extend(self.size.to_le_bytes());
        bytes.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        bytes.extend([0; 2]);
        bytes
    }
}

/// The archive's bytes.
pub(crate) fn zip_bytes(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut bytes, mut list, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let place = match entry.at_place_of {
            Some(earlier) => places[earlier],
            None => {
                let place = u32::try_from(bytes.len()).unwrap();
                bytes.extend(b"PK\x03\x04");
                bytes.extend(entry.fields());
                bytes.extend(&entry.name);
                bytes.extend(&entry.data);
                place
            }
        };
        places.push(place);
        list.extend(b"PK\x01\x02\x14\x00");
        list.extend(entry.fields());
        list.extend([0; 10]);
        list.extend(place.to_le_bytes());
        list.extend(&entry.name);
    }
    let start = u32::try_from(bytes.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    bytes.extend(&list);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(u32::try_from(list.len()).unwrap().to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

pub(crate) fn write_zip(folder: &Path, name: &str, entries: &[ZipEntry]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, zip_bytes(entries)).unwrap();
    path
}
