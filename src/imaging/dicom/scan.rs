//! The walk over a data set: one pass, no recursion, nothing allocated by a declared length.
//!
//! The result is a flat list of elements in file order. Every value lies inside its parent and
//! inside the bytes at hand.

use dicom_core::{Tag, VR};

use super::{
    super::error::Fault,
    encoding::{ElementHead, Form, dictionary_vr, element_head},
};

/// Sequences inside sequences.
const MAX_DEPTH: usize = 64;
/// Elements and items of one data set.
const MAX_NODES: usize = 1_000_000;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);

/// An element, a sequence or an item.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    pub(super) form: Form,
    /// Where the value starts.
    pub(super) start: usize,
    /// Length of a plain value.
    pub(super) len: usize,
    pub(super) is_sequence: bool,
    /// Position in the list after the last descendant.
    pub(super) past: usize,
}

/// Pixel Data of the data set itself; its bytes may lie beyond those read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PixelElement {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    pub(super) start: u64,
    /// `None`: encapsulated.
    pub(super) len: Option<u64>,
}

/// What a walk found.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    pub(super) nodes: Vec<Node>,
    pub(super) pixels: Option<PixelElement>,
    /// The data set ends in the middle of an element.
    pub(super) truncated: bool,
}

/// How a walk ended.
pub(super) enum Walk {
    Done(Scan),
    /// The prefix read so far is too short: this many bytes are needed at least.
    NeedsMore(u64),
}

enum Kind {
    Root,
    Sequence,
    Item,
    Fragments,
}

struct Open {
    kind: Kind,
    form: Form,
    /// First byte that does not belong to it.
    end: u64,
    /// Whether it ends at `end` rather than at a delimiter.
    defined: bool,
    node: Option<usize>,
}

/// Walk over `bytes`, the first part of a data set file that is `total` bytes long.
pub(super) fn walk(bytes: &[u8], start: usize, total: u64, form: Form) -> Result<Walk, Fault> {
    let root = Open { kind: Kind::Root, form, end: total, defined: true, node: None };
    let mut walker = Walker { bytes, total, at: start, open: vec![root], scan: Scan::default() };
    walker.run()
}

struct Walker<'a> {
    bytes: &'a [u8],
    total: u64,
    at: usize,
    open: Vec<Open>,
    scan: Scan,
}

/// What to do after one element.
enum Step {
    On,
    Stop,
    NeedsMore(u64),
}

impl Walker<'_> {
    fn run(&mut self) -> Result<Walk, Fault> {
        loop {
            self.close_finished();
            let Some(top) = self.open.last() else { break };
            let (form, left) = (top.form, top.end.saturating_sub(self.at as u64));
            if left < 8 {
                if left > 0 && !matches!(top.kind, Kind::Root) && self.open.len() > 1 {
                    // a few stray bytes at the end of an item
                    self.at = usize::try_from(top.end).unwrap_or(usize::MAX);
                    if top.end < self.total {
                        self.pop();
                        continue;
                    }
                }
                self.scan.truncated |= self.open.len() > 1;
                break;
            }
            let Some(head) = element_head(self.bytes, self.at, form) else {
                if (self.bytes.len() as u64) < self.total {
                    return Ok(Walk::NeedsMore(self.at as u64 + 12));
                }
                self.scan.truncated = true;
                break;
            };
            if self.scan.nodes.len() >= MAX_NODES {
                return Err(Fault::Structure("it holds more than a million elements".to_owned()));
            }
            match self.step(head)? {
                Step::On => {}
                Step::Stop => break,
                Step::NeedsMore(bytes) => return Ok(Walk::NeedsMore(bytes)),
            }
        }
        while self.open.len() > 1 {
            self.pop();
        }
        Ok(Walk::Done(std::mem::take(&mut self.scan)))
    }

    /// Containers of defined length end where they said.
    fn close_finished(&mut self) {
        while self.open.len() > 1
            && self.open.last().is_some_and(|top| top.defined && self.at as u64 >= top.end)
        {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(node) = self.open.pop().and_then(|top| top.node) {
            let past = self.scan.nodes.len();
            if let Some(node) = self.scan.nodes.get_mut(node) {
                node.past = past;
            }
        }
    }

    fn step(&mut self, head: ElementHead) -> Result<Step, Fault> {
        let Some(top) = self.open.last() else { return Ok(Step::Stop) };
        let in_fragments = matches!(top.kind, Kind::Fragments);
        let in_sequence = matches!(top.kind, Kind::Sequence);
        match head.tag {
            ITEM if in_fragments => return Ok(self.skip_value(head)),
            ITEM if in_sequence => return self.open_item(head),
            ITEM_END => {
                if matches!(top.kind, Kind::Item) {
                    self.pop();
                }
                self.at = head.value;
                return Ok(Step::On);
            }
            SEQUENCE_END => {
                self.close_sequence();
                self.at = head.value;
                return Ok(Step::On);
            }
            tag if tag.group() == 0xFFFE => {
                self.at = head.value;
                return Ok(Step::On);
            }
            _ => {}
        }
        if in_sequence || in_fragments {
            // not an item: the sequence has ended without saying so
            if top.defined {
                self.at = usize::try_from(top.end).unwrap_or(usize::MAX);
            }
            self.pop();
            return Ok(Step::On);
        }
        self.element(head)
    }

    fn close_sequence(&mut self) {
        let in_item = self.open.last().is_some_and(|top| matches!(top.kind, Kind::Item));
        if in_item && self.open.len() > 2 {
            self.pop();
        }
        if self.open.len() > 1 {
            self.pop();
        }
    }

    fn open_item(&mut self, head: ElementHead) -> Result<Step, Fault> {
        let Some(top) = self.open.last() else { return Ok(Step::Stop) };
        let (form, parent_end) = (top.form, top.end);
        let end = head.len.map_or(parent_end, |len| head.value as u64 + u64::from(len));
        self.push(head, form, Kind::Item, end.min(parent_end), head.len.is_some())?;
        Ok(Step::On)
    }

    fn push(
        &mut self,
        head: ElementHead,
        form: Form,
        kind: Kind,
        end: u64,
        defined: bool,
    ) -> Result<(), Fault> {
        if self.open.len() > MAX_DEPTH * 2 {
            let fault = format!("its sequences are nested more than {MAX_DEPTH} deep");
            return Err(Fault::Structure(fault));
        }
        let is_sequence = matches!(kind, Kind::Sequence);
        self.scan.nodes.push(Node {
            tag: head.tag,
            vr: head.vr,
            form,
            start: head.value,
            len: 0,
            is_sequence,
            past: self.scan.nodes.len() + 1,
        });
        self.open.push(Open { kind, form, end, defined, node: Some(self.scan.nodes.len() - 1) });
        self.at = head.value;
        Ok(())
    }

    fn element(&mut self, head: ElementHead) -> Result<Step, Fault> {
        let Some(top) = self.open.last() else { return Ok(Step::Stop) };
        let (form, parent_end, at_root) = (top.form, top.end, matches!(top.kind, Kind::Root));
        if at_root && is_pixel_data(head.tag) {
            let left = self.total.saturating_sub(head.value as u64);
            let len = head.len.map(u64::from);
            self.scan.truncated |= len.is_some_and(|len| len > left);
            let len = len.map(|len| len.min(left));
            let start = head.value as u64;
            self.scan.pixels = Some(PixelElement { tag: head.tag, vr: head.vr, start, len });
            return Ok(Step::Stop);
        }
        // UN of known kind is read as the dictionary has it, in implicit form (PS3.5 6.2.2)
        let unknown = head.vr == VR::UN && form.explicit;
        let vr = if unknown { dictionary_vr(head.tag) } else { head.vr };
        let head = ElementHead { vr, ..head };
        let Some(len) = head.len else {
            let is_bytes = matches!(vr, VR::OB | VR::OW) && (is_pixel_data(head.tag) || !unknown);
            let kind = if is_bytes { Kind::Fragments } else { Kind::Sequence };
            let form = if unknown { Form::IMPLICIT } else { form };
            self.push(head, form, kind, parent_end, false)?;
            return Ok(Step::On);
        };
        let end = head.value as u64 + u64::from(len);
        if vr == VR::SQ {
            let form = if unknown { Form::IMPLICIT } else { form };
            self.scan.truncated |= end > self.total;
            self.push(head, form, Kind::Sequence, end.min(parent_end), true)?;
            return Ok(Step::On);
        }
        if end > parent_end {
            return Ok(self.overlong(parent_end, at_root));
        }
        if end > self.bytes.len() as u64 {
            return Ok(Step::NeedsMore(end.saturating_add(12)));
        }
        let (tag, start) = (head.tag, head.value);
        let past = self.scan.nodes.len() + 1;
        let len = len as usize;
        self.scan.nodes.push(Node { tag, vr, form, start, len, is_sequence: false, past });
        self.at = start + len;
        Ok(Step::On)
    }

    /// A value longer than what holds it: leave the item, or end here.
    fn overlong(&mut self, parent_end: u64, at_root: bool) -> Step {
        let defined = self.open.iter().rev().find(|open| open.defined);
        let end = defined.map_or(self.total, |open| open.end).min(parent_end);
        self.scan.truncated |= end >= self.total;
        if at_root || end >= self.total {
            return Step::Stop;
        }
        self.at = usize::try_from(end).unwrap_or(usize::MAX);
        while self.open.len() > 1 && self.open.last().is_some_and(|top| !top.defined) {
            self.pop();
        }
        Step::On
    }

    /// Step over a fragment that does not belong to the data set's own pixels.
    fn skip_value(&mut self, head: ElementHead) -> Step {
        let end = head.value as u64 + u64::from(head.len.unwrap_or(0));
        let parent_end = self.open.last().map_or(0, |top| top.end);
        if end > parent_end {
            return self.overlong(parent_end, false);
        }
        if end > self.bytes.len() as u64 {
            return Step::NeedsMore(end + 8);
        }
        self.at = usize::try_from(end).unwrap_or(usize::MAX);
        Step::On
    }
}

/// Pixel Data, Float Pixel Data, Double Float Pixel Data.
fn is_pixel_data(tag: Tag) -> bool {
    matches!(tag, Tag(0x7FE0, 0x0008..=0x0010))
}
