//! The bytes of one frame: a slice of native Pixel Data, or the fragments of one frame (PS3.5 A.4).

use dicom_core::Tag;

use super::{
    super::error::Fault,
    file::DicomFile,
    header::{MAX_FRAME_BYTES, PixelDescription, is_word_swapped},
    scan::PixelElement,
    transfer_syntax::Codec,
};

/// Fragments of one file.
const MAX_FRAGMENTS: usize = 4_000_000;

/// One frame as it lies in the file.
pub(super) struct FrameBytes {
    pub(super) bytes: Vec<u8>,
    /// Native 1-bit frames may start inside a byte.
    pub(super) first_bit: u32,
    /// The file ends before the frame does.
    pub(super) cut: bool,
}

/// Cut one frame, counted from 0, out of native Pixel Data.
pub(super) fn native_frame(
    file: &mut DicomFile,
    pixels: PixelElement,
    description: &PixelDescription,
    frame_idx: u32,
) -> Result<FrameBytes, Fault> {
    let bits = description.native_frame_bits();
    let first = bits.checked_mul(u64::from(frame_idx)).ok_or(Fault::Truncated)?;
    let (from, to) = (first / 8, (first + bits).div_ceil(8));
    let held = pixels.len.unwrap_or(0);
    let swapped = is_word_swapped(file, description.bits_allocated);
    let there = |from: u64, to: u64| to.min(held).saturating_sub(from);
    let bytes = if swapped {
        // words do not end where odd frames do
        let (even, past) = (from & !1, to.next_multiple_of(2));
        let mut bytes = file.source.read(pixels.start + even, there(even, past))?;
        bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
        let skip = usize::from(even < from).min(bytes.len());
        bytes.drain(..skip);
        bytes.truncate(usize::try_from(to - from).unwrap_or(usize::MAX));
        bytes
    } else {
        file.source.read(pixels.start + from, there(from, to))?
    };
    let row = (bits / 8 / u64::from(description.rows)).max(1);
    let cut = (bytes.len() as u64) < to - from;
    if cut && (bytes.len() as u64) < row {
        return Err(Fault::Truncated);
    }
    Ok(FrameBytes { bytes, first_bit: u32::try_from(first % 8).unwrap_or(0), cut })
}

/// Join the fragments of one frame, counted from 0.
pub(super) fn encapsulated_frame(
    file: &mut DicomFile,
    pixels: PixelElement,
    description: &PixelDescription,
    frame_idx: u32,
) -> Result<FrameBytes, Fault> {
    let mut reader = Fragments { file, at: pixels.start };
    let table = reader.next_head()?.ok_or(Fault::Truncated)?;
    let first_fragment = table.end;
    let span = match extended_offsets(reader.file, frame_idx) {
        Some(span) => Some(span),
        None => reader.basic_offsets(&table, description.num_frames, frame_idx)?,
    };
    if let Some((from, to)) = span {
        reader.at = first_fragment + from;
        if let Some(frame) = reader.join_until(to.map(|to| first_fragment + to))? {
            return Ok(frame);
        }
    }
    reader.at = first_fragment;
    reader.join_by_counting(description, frame_idx)
}

/// Where a fragment lies.
struct FragmentHead {
    start: u64,
    /// First byte after it, within the file.
    end: u64,
    cut: bool,
}

impl FragmentHead {
    fn len(&self) -> u64 {
        self.end - self.start
    }
}

struct Fragments<'a> {
    file: &'a mut DicomFile,
    at: u64,
}

impl Fragments<'_> {
    /// The next item's head; `None` at the delimiter or at the end of the file.
    fn next_head(&mut self) -> Result<Option<FragmentHead>, Fault> {
        let head = self.file.source.read(self.at, 8)?;
        let form = self.file.form;
        if form.tag(&head, 0) != Some(Tag(0xFFFE, 0xE000)) {
            return Ok(None);
        }
        let Some(len) = form.u32(&head, 4) else { return Ok(None) };
        let start = self.at + 8;
        let declared = start + u64::from(len);
        let end = declared.min(self.file.source.len());
        self.at = end;
        Ok(Some(FragmentHead { start, end, cut: declared > end }))
    }

    /// Where a frame starts and ends after the Basic Offset Table.
    fn basic_offsets(
        &mut self,
        table: &FragmentHead,
        num_frames: u32,
        frame_idx: u32,
    ) -> Result<Option<(u64, Option<u64>)>, Fault> {
        if table.len() < 4 || table.len() / 4 < u64::from(num_frames) {
            return Ok(None);
        }
        let entry = u64::from(frame_idx) * 4;
        let pair = self.file.source.read(table.start + entry, (table.len() - entry).min(8))?;
        let Some(from) = self.file.form.u32(&pair, 0) else { return Ok(None) };
        let to = self.file.form.u32(&pair, 4).filter(|to| *to > from).map(u64::from);
        let is_last = frame_idx + 1 == num_frames;
        if to.is_none() && !is_last {
            return Ok(None);
        }
        Ok(Some((u64::from(from), to.filter(|_| !is_last))))
    }

    /// Join the fragments from here to a position; `None` when none starts here.
    fn join_until(&mut self, end: Option<u64>) -> Result<Option<FrameBytes>, Fault> {
        let mut joined = Joined::default();
        while end.is_none_or(|end| self.at < end) {
            let Some(head) = self.next_head()? else { break };
            joined.add(self.file, &head)?;
        }
        Ok(joined.finish())
    }

    /// No usable table: one fragment a frame, or frames that start with a codestream's start.
    fn join_by_counting(
        &mut self,
        description: &PixelDescription,
        frame_idx: u32,
    ) -> Result<FrameBytes, Fault> {
        let mut heads = Vec::new();
        while let Some(head) = self.next_head()? {
            if head.len() > 0 {
                heads.push(head);
            }
            if heads.len() > MAX_FRAGMENTS {
                return Err(Fault::Structure("it holds millions of fragments".to_owned()));
            }
        }
        let num_frames = description.num_frames as usize;
        let one_each = heads.len() <= num_frames || description.codec == Codec::Rle;
        let mut joined = Joined::default();
        if num_frames == 1 && description.codec != Codec::Rle {
            heads.iter().try_for_each(|head| joined.add(self.file, head))?;
        } else if one_each {
            if let Some(head) = heads.get(frame_idx as usize) {
                joined.add(self.file, head)?;
            }
        } else {
            let mut frames_begun = 0_u64;
            for head in &heads {
                let start = self.file.source.read(head.start, 4)?;
                frames_begun += u64::from(starts_codestream(&start));
                if frames_begun == u64::from(frame_idx) + 1 {
                    joined.add(self.file, head)?;
                }
            }
        }
        joined.finish().ok_or(Fault::Truncated)
    }
}

/// SOI of JPEG and JPEG-LS, SOC of JPEG 2000.
fn starts_codestream(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xD8, 0xFF]) || bytes.starts_with(&[0xFF, 0x4F, 0xFF, 0x51])
}

#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    any: bool,
    cut: bool,
}

impl Joined {
    fn add(&mut self, file: &mut DicomFile, head: &FragmentHead) -> Result<(), Fault> {
        if self.bytes.len() as u64 + head.len() > MAX_FRAME_BYTES {
            return Err(Fault::Structure("one frame is longer than 1 GiB".to_owned()));
        }
        let bytes = file.source.read(head.start, head.len())?;
        self.cut |= head.cut;
        self.any = true;
        if self.bytes.is_empty() {
            self.bytes = bytes;
        } else {
            self.bytes.extend_from_slice(&bytes);
        }
        Ok(())
    }

    fn finish(self) -> Option<FrameBytes> {
        let usable = self.any && !self.bytes.is_empty();
        usable.then_some(FrameBytes { bytes: self.bytes, first_bit: 0, cut: self.cut })
    }
}

/// Extended Offset Table (PS3.3 C.7.6.3.1.8).
fn extended_offsets(file: &DicomFile, frame_idx: u32) -> Option<(u64, Option<u64>)> {
    use dicom_core::PrimitiveValue;
    let element = file.object.get(Tag(0x7FE0, 0x0001))?;
    let at = |idx: usize| match element.value().primitive()? {
        PrimitiveValue::U64(words) => words.get(idx).copied(),
        PrimitiveValue::U8(bytes) => {
            let bytes = bytes.get(idx.checked_mul(8)?..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        }
        _ => None,
    };
    let from = at(frame_idx as usize)?;
    let to = at(frame_idx as usize + 1);
    // offsets beyond the file lead nowhere
    (from < file.source.len()).then_some((from, to.filter(|to| *to > from)))
}
