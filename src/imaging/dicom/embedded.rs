//! The file inside a file: Encapsulated Document (PS3.3 C.24).

use std::path::Path;

use dicom_core::Tag;

use super::{
    super::{
        contents::Embedded,
        error::{Fault, OpenError},
        source::Source,
    },
    file::DicomFile,
    object::{integer_of, text},
    scan::Node,
};

/// Larger ones do not cross the pipe from the worker.
const MAX_BYTES: usize = 512 << 20;
const ENCAPSULATED_DOCUMENT: Tag = Tag(0x0042, 0x0011);

/// The bytes of the document.
pub(in super::super) fn read_embedded(path: &Path) -> Result<Vec<u8>, OpenError> {
    let (file, bytes, scan) = DicomFile::open_with_elements(Source::open(path)?, path)?;
    let Some(node) = document_node(&scan.nodes) else {
        let none = Fault::Unsupported("it holds no encapsulated document".to_owned());
        return Err(none.at(path));
    };
    let len = true_len(&file, &bytes, node);
    if len > MAX_BYTES {
        let mebibytes = len >> 20;
        return Err(
            Fault::Unsupported(format!("its document is too large: {mebibytes} MiB")).at(path)
        );
    }
    Ok(bytes.get(node.start..node.start + len).unwrap_or_default().to_vec())
}

/// What is known of the document without looking into it.
pub(super) fn embedded(file: &DicomFile, bytes: &[u8], nodes: &[Node]) -> Option<Embedded> {
    let node = document_node(nodes)?;
    let media_type = text(&file.object, Tag(0x0042, 0x0012)).unwrap_or_default();
    Some(Embedded { media_type, bytes: true_len(file, bytes, node) as u64 })
}

fn document_node(nodes: &[Node]) -> Option<&Node> {
    let mut idx = 0;
    while let Some(node) = nodes.get(idx) {
        if node.tag == ENCAPSULATED_DOCUMENT && !node.is_sequence {
            return Some(node);
        }
        idx = node.past.max(idx + 1);
    }
    None
}

/// Without the byte that makes the length even: as the file says, or where it is a zero.
fn true_len(file: &DicomFile, bytes: &[u8], node: &Node) -> usize {
    let told = integer_of(&file.object, Tag(0x0042, 0x0015));
    let told = told.and_then(|len| usize::try_from(len).ok());
    if let Some(len) = told.filter(|len| *len <= node.len && *len > 0) {
        return len;
    }
    let last = (node.start + node.len).checked_sub(1).and_then(|at| bytes.get(at));
    if node.len > 0 && last == Some(&0) { node.len - 1 } else { node.len }
}
