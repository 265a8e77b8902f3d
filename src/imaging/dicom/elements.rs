//! Every element of a file as a row: number, VR, name, value as text, length.

use std::{collections::HashMap, path::Path};

use dicom_core::{PrimitiveValue, Tag, VR};

use super::{
    super::{error::OpenError, privacy::printable_up_to, source::Source},
    encoding::{Form, dictionary_keyword, element_head},
    file::DicomFile,
    object::{charset_of, value_of},
    scan::{Node, PixelElement},
    text::CharacterSet,
};

/// A file that has more is not read by people.
const MAX_ROWS: usize = 20_000;
/// Characters of a value.
const MAX_TEXT: usize = 1024;
/// Numbers of a value.
const MAX_NUMBERS: usize = 64;
/// Longer binary values are told by their length alone.
const MAX_BINARY: usize = 32;
/// Group 0002 is not longer than this.
const META_READ: u64 = 128 << 10;

const ITEM: Tag = Tag(0xFFFE, 0xE000);

/// What a row is.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum RowKind {
    Value,
    /// With so many items.
    Sequence(usize),
    /// The n-th, from 1.
    Item(usize),
}

/// One element or item.
#[derive(Clone, Debug)]
pub(in super::super) struct RawRow {
    pub(in super::super) depth: usize,
    pub(in super::super) tag: Tag,
    pub(in super::super) vr: VR,
    pub(in super::super) kind: RowKind,
    pub(in super::super) name: String,
    pub(in super::super) keyword: String,
    pub(in super::super) value: String,
    pub(in super::super) length: Option<u64>,
}

/// All rows of a file up to a limit, and how many were left out.
pub(in super::super) fn read_rows(path: &Path) -> Result<(Vec<RawRow>, usize), OpenError> {
    let mut source = Source::open(path)?;
    let head = source.read(0, META_READ).map_err(|fault| fault.at(path))?;
    let (file, bytes, scan) = DicomFile::open_with_elements(source, path)?;
    let charset = charset_of(&bytes, &scan.nodes);
    let mut list = List { bytes: &bytes, charset, rows: meta_rows(&head), left_out: 0 };
    list.add_all(&scan.nodes);
    if let Some(pixels) = file.pixels {
        list.rows.push(pixel_row(&pixels));
    }
    Ok((list.rows, list.left_out))
}

/// Group 0002, which lies before the data set and is explicit and little endian whatever it is.
fn meta_rows(head: &[u8]) -> Vec<RawRow> {
    let mut at: usize = match (head.get(128..132), head.get(..4)) {
        (Some(b"DICM"), _) => 132,
        (_, Some(b"DICM")) => 4,
        _ => 0,
    };
    let charset = CharacterSet::default();
    let mut rows = Vec::new();
    while head.get(at..at.saturating_add(2)) == Some(&[2, 0]) {
        let Some(element) = element_head(head, at, Form::EXPLICIT) else { break };
        let len = element.len.map_or(usize::MAX, |len| len as usize);
        let end = element.value.saturating_add(len);
        if end > head.len() {
            break;
        }
        let node = Node {
            tag: element.tag,
            vr: element.vr,
            form: Form::EXPLICIT,
            start: element.value,
            len,
            is_sequence: false,
            past: 0,
        };
        rows.push(value_row(head, &charset, &node, 0, None));
        at = end;
    }
    rows
}

fn pixel_row(pixels: &PixelElement) -> RawRow {
    let (name, keyword) = names(pixels.tag, None);
    let value = if pixels.len.is_none() { "compressed, in fragments" } else { "" };
    RawRow {
        depth: 0,
        tag: pixels.tag,
        vr: pixels.vr,
        kind: RowKind::Value,
        name,
        keyword,
        value: value.to_owned(),
        length: pixels.len,
    }
}

/// One level of nesting.
#[derive(Default)]
struct Level {
    /// Place after its last node.
    past: usize,
    items: usize,
    /// Private creators, by group and block.
    creators: HashMap<(u16, u16), String>,
}

struct List<'a> {
    bytes: &'a [u8],
    charset: CharacterSet,
    rows: Vec<RawRow>,
    left_out: usize,
}

impl List<'_> {
    fn add_all(&mut self, nodes: &[Node]) {
        let mut open = vec![Level { past: nodes.len(), ..Level::default() }];
        for (idx, node) in nodes.iter().enumerate() {
            while open.len() > 1 && open.last().is_some_and(|level| level.past <= idx) {
                open.pop();
            }
            let depth = open.len() - 1;
            let Some(level) = open.last_mut() else { return };
            if self.rows.len() >= MAX_ROWS {
                self.left_out += 1;
            } else {
                let row = self.row(nodes, idx, node, depth, level);
                self.rows.push(row);
            }
            if node.past > idx + 1 {
                open.push(Level { past: node.past, ..Level::default() });
            }
        }
    }

    fn row(
        &self,
        nodes: &[Node],
        idx: usize,
        node: &Node,
        depth: usize,
        level: &mut Level,
    ) -> RawRow {
        if node.tag == ITEM {
            level.items += 1;
            let kind = RowKind::Item(level.items);
            return RawRow { kind, length: None, ..bare_row(node, depth, None) };
        }
        let Tag(group, element) = node.tag;
        let creator = level.creators.get(&(group, element >> 8)).map(String::as_str);
        if node.is_sequence {
            let kind = RowKind::Sequence(count_items(nodes, idx, node.past));
            let row = bare_row(node, depth, creator);
            return RawRow { kind, vr: VR::SQ, length: None, ..row };
        }
        let row = value_row(self.bytes, &self.charset, node, depth, creator);
        if group % 2 == 1 && (0x0010..=0x00FF).contains(&element) {
            level.creators.insert((group, element), row.value.clone());
        }
        row
    }
}

fn count_items(nodes: &[Node], sequence: usize, past: usize) -> usize {
    let (mut idx, mut items) = (sequence + 1, 0);
    while let Some(node) = nodes.get(idx).filter(|_| idx < past) {
        items += 1;
        idx = node.past.max(idx + 1);
    }
    items
}

fn bare_row(node: &Node, depth: usize, creator: Option<&str>) -> RawRow {
    let (name, keyword) = names(node.tag, creator);
    let (tag, vr) = (node.tag, node.vr);
    let length = Some(node.len as u64);
    RawRow { depth, tag, vr, kind: RowKind::Value, name, keyword, value: String::new(), length }
}

fn value_row(
    bytes: &[u8],
    charset: &CharacterSet,
    node: &Node,
    depth: usize,
    creator: Option<&str>,
) -> RawRow {
    let value = value_text(bytes, charset, node);
    RawRow { value, ..bare_row(node, depth, creator) }
}

/// Name and keyword.
fn names(tag: Tag, creator: Option<&str>) -> (String, String) {
    let Tag(group, element) = tag;
    if element == 0 && group != 0x0002 {
        return ("Group Length".to_owned(), String::new());
    }
    if group % 2 == 1 {
        let name = match element {
            0x0010..=0x00FF => "Private Creator".to_owned(),
            _ => creator.map_or_else(|| "Private".to_owned(), |creator| format!("[{creator}]")),
        };
        return (name, String::new());
    }
    match dictionary_keyword(tag) {
        Some(keyword) => (in_words(&keyword), keyword),
        None => ("Unknown".to_owned(), String::new()),
    }
}

/// `SOPInstanceUID` → `SOP Instance UID`.
fn in_words(keyword: &str) -> String {
    let letters: Vec<char> = keyword.chars().collect();
    let mut words = String::new();
    for (idx, letter) in letters.iter().enumerate() {
        let before = idx.checked_sub(1).and_then(|idx| letters.get(idx));
        let after_small = before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit());
        let ends_capitals = before.is_some_and(|c| c.is_uppercase())
            && letters.get(idx + 1).is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && (after_small || ends_capitals) {
            words.push(' ');
        }
        words.push(*letter);
    }
    words
}

fn value_text(bytes: &[u8], charset: &CharacterSet, node: &Node) -> String {
    let value = bytes.get(node.start..node.start + node.len).unwrap_or_default();
    match node.vr {
        VR::OB | VR::UN if value.len() <= MAX_BINARY => bytes_text(value),
        VR::OB | VR::UN | VR::OW | VR::OF | VR::OD | VR::OL | VR::OV => String::new(),
        VR::AT => tags_text(value, node.form),
        _ => {
            // a character takes four bytes at most, and a number eight
            let len = node.len.min(MAX_TEXT * 4);
            let part = value_of(bytes, charset, &Node { len, ..node.clone() });
            shortened(&part, len < node.len)
        }
    }
}

fn shortened(value: &PrimitiveValue, is_cut: bool) -> String {
    let (text, is_cut) = match value {
        PrimitiveValue::Strs(parts) => (parts.join("\\"), is_cut),
        PrimitiveValue::Str(whole) => (whole.clone(), is_cut),
        numbers => {
            let all = numbers.to_multi_str();
            let shown = all.get(..MAX_NUMBERS).unwrap_or(&all);
            (shown.join("\\"), is_cut || shown.len() < all.len())
        }
    };
    let is_cut = is_cut || text.chars().count() > MAX_TEXT;
    let clean = printable_up_to(text.trim_end_matches(['\0', ' ']), MAX_TEXT).unwrap_or_default();
    if is_cut { format!("{clean}…") } else { clean }
}

/// Letters where they are all letters, else hexadecimal.
fn bytes_text(value: &[u8]) -> String {
    let is_text = |byte: &u8| (0x20..0x7F).contains(byte);
    let letters = value.strip_suffix(&[0]).unwrap_or(value);
    if letters.len() > 1 && letters.iter().all(is_text) {
        return String::from_utf8_lossy(letters).trim_end().to_owned();
    }
    value.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

fn tags_text(value: &[u8], form: Form) -> String {
    let starts = (0..value.len()).step_by(4).take(MAX_NUMBERS);
    let tags = starts.filter_map(|at| form.tag(value, at));
    let texts = tags.map(|Tag(group, element)| format!("({group:04X},{element:04X})"));
    texts.collect::<Vec<_>>().join("\\")
}
