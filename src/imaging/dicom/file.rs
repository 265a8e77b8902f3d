//! One DICOM file, read as far as its Pixel Data.

use std::path::Path;

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::{
        error::{Fault, OpenError},
        source::Source,
    },
    encoding::{Form, form_of, read_meta, sniff},
    object::{object_from_scan, text},
    scan::{PixelElement, Scan, Walk, walk},
};

/// Most headers fit into the first read.
const FIRST_READ: u64 = 16 << 10;
const DEFLATED: [&str; 2] = ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"];

/// The header of a file, and the way to its pixels.
pub(super) struct DicomFile {
    pub(super) source: Source,
    pub(super) object: InMemDicomObject,
    pub(super) form: Form,
    /// UID; empty when the file does not say.
    pub(super) transfer_syntax: String,
    pub(super) sop_class_uid: String,
    pub(super) pixels: Option<PixelElement>,
    pub(super) truncated: bool,
}

impl DicomFile {
    /// Read the header; the pixels stay where they are.
    pub(super) fn open(mut source: Source, path: &Path) -> Result<Self, OpenError> {
        let first = source.read(0, FIRST_READ).map_err(|fault| fault.at(path))?;
        let (file, ..) = Self::read(source, first).map_err(|fault| fault.at(path))?;
        Ok(file)
    }

    /// Read the header, and keep its bytes and where each of its elements lies in them.
    pub(super) fn open_with_elements(
        mut source: Source,
        path: &Path,
    ) -> Result<(Self, Vec<u8>, Scan), OpenError> {
        let first = source.read(0, FIRST_READ).map_err(|fault| fault.at(path))?;
        Self::read(source, first).map_err(|fault| fault.at(path))
    }

    fn read(mut source: Source, mut bytes: Vec<u8>) -> Result<(Self, Vec<u8>, Scan), Fault> {
        let mut meta = read_meta(&bytes)?;
        if meta.data_set >= bytes.len() && (bytes.len() as u64) < source.len() {
            bytes = source.read(0, FIRST_READ * 8)?;
            meta = read_meta(&bytes)?;
        }
        let mut start = meta.data_set;
        let deflated = DEFLATED.contains(&meta.transfer_syntax.as_str());
        let mut inflated_more = false;
        if deflated {
            (bytes, inflated_more) = source.inflate(start as u64, FIRST_READ * 4)?;
            start = 0;
        }
        let total = if deflated { u64::MAX >> 1 } else { source.len() };
        let form = match sniff(&bytes, start, total) {
            Some(form) => form,
            None if start > 0 || deflated => form_of(&meta.transfer_syntax),
            None => return Err(Fault::NotAPicture),
        };
        let scan = loop {
            let total = match deflated {
                true if inflated_more => u64::MAX >> 1,
                true => bytes.len() as u64,
                false => source.len(),
            };
            let needed = match walk(&bytes, start, total, form)? {
                Walk::Done(scan) => break scan,
                Walk::NeedsMore(needed) => needed.max(bytes.len() as u64 * 4),
            };
            if deflated {
                (bytes, inflated_more) = source.inflate(meta.data_set as u64, needed)?;
            } else {
                bytes = source.read(0, needed)?;
            }
        };
        let object = object_from_scan(&bytes, &scan);
        if scan.nodes.is_empty() && scan.pixels.is_none() {
            return Err(Fault::Structure("it ends before its first element".to_owned()));
        }
        if deflated {
            let everything = source.inflate(meta.data_set as u64, u64::MAX);
            let whole = if scan.pixels.is_some() { everything?.0 } else { bytes.clone() };
            source = Source::Memory(whole);
        }
        let sop_class_uid = text(&object, Tag(0x0008, 0x0016)).unwrap_or(meta.sop_class_uid);
        let transfer_syntax = meta.transfer_syntax;
        let (pixels, truncated) = (scan.pixels, scan.truncated);
        let file = Self { source, object, form, transfer_syntax, sop_class_uid, pixels, truncated };
        Ok((file, bytes, scan))
    }
}
