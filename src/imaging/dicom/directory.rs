//! The directory records of a DICOMDIR (PS3.3 F.3): what they name, whatever their offsets say.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use dicom_core::Tag;

use super::{
    super::source::Source,
    file::DicomFile,
    scan::{Node, Scan},
};

const MEDIA_STORAGE_DIRECTORY: &str = "1.2.840.10008.1.3.10";
const FIRST_RECORD: Tag = Tag(0x0004, 0x1200);
const RECORDS: Tag = Tag(0x0004, 0x1220);
const NEXT_RECORD: Tag = Tag(0x0004, 0x1400);
const IN_USE: Tag = Tag(0x0004, 0x1410);
const LOWER_RECORD: Tag = Tag(0x0004, 0x1420);
const FILE_ID: Tag = Tag(0x0004, 0x1500);

/// What a DICOMDIR says.
pub(in super::super) struct Directory {
    /// Components of Referenced File IDs, in the order of the records.
    pub(in super::super) references: Vec<Vec<String>>,
    /// What is wrong with it, though it can be used.
    pub(in super::super) fault: Option<String>,
}

/// Read a DICOMDIR, or say why it is of no use.
pub(in super::super) fn read_directory(path: &Path) -> Result<Directory, String> {
    let unreadable = |_error| "it can't be read".to_owned();
    let source = Source::open(path).map_err(unreadable)?;
    let (file, bytes, scan) =
        DicomFile::open_with_elements(source, path).map_err(|_error| "it is damaged".to_owned())?;
    if file.sop_class_uid != MEDIA_STORAGE_DIRECTORY {
        return Err("it is not a directory of files".to_owned());
    }
    if scan.truncated {
        return Err("it ends early".to_owned());
    }
    let records = Records::new(&bytes, &scan);
    let (in_order, are_linked) = records.in_order();
    let references: Vec<Vec<String>> =
        in_order.into_iter().filter_map(|record| record.file_id.clone()).collect();
    if references.is_empty() {
        return Err("it names no file".to_owned());
    }
    let fault = (!are_linked).then(|| {
        "The records of the DICOMDIR are linked in a circle, to nowhere or not at all; every file in them is taken"
            .to_owned()
    });
    Ok(Directory { references, fault })
}

/// One directory record.
#[derive(Default)]
struct Record {
    next: u64,
    lower: u64,
    is_in_use: bool,
    file_id: Option<Vec<String>>,
}

struct Records {
    first: u64,
    /// By the offset of their items.
    all: BTreeMap<u64, Record>,
}

impl Records {
    fn new(bytes: &[u8], scan: &Scan) -> Self {
        let value = |node: &Node| bytes.get(node.start..node.start + node.len).unwrap_or_default();
        let mut records = Self { first: 0, all: BTreeMap::new() };
        let mut idx = 0;
        while let Some(node) = scan.nodes.get(idx) {
            if node.tag == FIRST_RECORD {
                records.first = offset(node, value(node));
            }
            if node.tag == RECORDS && node.is_sequence {
                let mut item_idx = idx + 1;
                while let Some(item) = scan.nodes.get(item_idx).filter(|_| item_idx < node.past) {
                    let elements = scan.nodes.get(item_idx + 1..item.past).unwrap_or_default();
                    // offsets are those of the item's own tag, eight bytes before what is in it
                    let at = (item.start as u64).saturating_sub(8);
                    records.all.insert(at, record(elements, value));
                    item_idx = item.past.max(item_idx + 1);
                }
            }
            idx = node.past.max(idx + 1);
        }
        records
    }

    /// The records that are in use, and whether their links are as they should be. Where they are
    /// not, the records come as they lie in the file.
    fn in_order(&self) -> (Vec<&Record>, bool) {
        let mut seen = BTreeSet::new();
        let mut in_order = Vec::new();
        let mut open = vec![self.first];
        let mut are_linked = self.first != 0;
        while let Some(at) = open.pop() {
            if at == 0 {
                continue;
            }
            let Some(record) = self.all.get(&at).filter(|_| seen.insert(at)) else {
                are_linked = false;
                break;
            };
            open.push(record.next);
            if record.is_in_use {
                in_order.push(record);
                open.push(record.lower);
            }
        }
        let in_use = || self.all.values().filter(|record| record.is_in_use);
        let named = |record: &&Record| record.file_id.is_some();
        let reached = in_order.iter().copied().filter(named).count();
        // deleted records are no longer linked, but hardly ever most of them
        are_linked &= reached * 2 >= in_use().filter(named).count();
        if !are_linked {
            in_order = in_use().collect();
        }
        (in_order, are_linked)
    }
}

fn record<'a>(elements: &'a [Node], value: impl Fn(&'a Node) -> &'a [u8]) -> Record {
    let mut record = Record { is_in_use: true, ..Record::default() };
    let mut idx = 0;
    while let Some(node) = elements.get(idx) {
        match node.tag {
            NEXT_RECORD => record.next = offset(node, value(node)),
            LOWER_RECORD => record.lower = offset(node, value(node)),
            // retired, but discs are old: 0 is a record that was taken out
            IN_USE => record.is_in_use = node.form.u16(value(node), 0) != Some(0),
            FILE_ID => record.file_id = file_id(value(node)),
            _ => {}
        }
        idx += 1;
    }
    record
}

fn offset(node: &Node, value: &[u8]) -> u64 {
    node.form.u32(value, 0).map_or(0, u64::from)
}

fn file_id(value: &[u8]) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(value);
    let parts: Vec<String> =
        text.split('\\').map(|part| part.trim_matches(['\0', ' ']).to_owned()).collect();
    parts.iter().any(|part| !part.is_empty()).then_some(parts)
}
