//! JPEG-LS, lossless and near-lossless (ISO 14495-1): markers and scans.

mod bits;
mod contexts;
mod lines;

use super::{super::error::Fault, Decoded, Expected};
use contexts::{Coding, Presets};
use lines::{Interleave, decode_scan};

/// SOF55.
struct FrameHeader {
    bits: u16,
    components: Vec<u8>,
}

/// Decode a codestream whose header agrees with what is expected.
pub(in super::super) fn decode(stream: &[u8], expected: Expected) -> Result<Decoded, Fault> {
    // some writers put a byte or two before the start
    let start = stream.windows(3).take(64).position(|bytes| bytes == [0xFF, 0xD8, 0xFF]);
    let mut at = start.ok_or_else(|| Fault::damaged("it does not begin as JPEG-LS"))? + 2;
    let mut header: Option<FrameHeader> = None;
    let mut presets = Presets::default();
    let mut samples: Vec<u16> = Vec::new();
    let (mut done, mut complete) = (0, true);
    while let Some((marker, segment)) = next_segment(stream, &mut at) {
        match marker {
            0xF7 => {
                let found = frame_header(segment, &expected)?;
                samples = vec![0; expected.samples()];
                header = Some(found);
            }
            0xF8 => presets = read_presets(segment, presets)?,
            0xDA => {
                let Some(header) = &header else { break };
                let scan = scan_header(segment, header)?;
                let data = stream.get(at..).unwrap_or_default();
                let coding = Coding::new(header.bits, scan.near, presets)?;
                let (read, whole) = decode_scan(
                    data,
                    &coding,
                    scan.interleave,
                    &scan.components,
                    &expected,
                    &mut samples,
                );
                at += read;
                done += scan.components.len();
                complete &= whole;
                if done >= header.components.len() || !whole {
                    break;
                }
            }
            0xD9 => break,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(Fault::Mismatch("it is JPEG, not JPEG-LS".to_owned()));
            }
            _ => {}
        }
    }
    let components = header.map_or(0, |header| header.components.len());
    if components == 0 || done == 0 {
        return Err(Fault::damaged("it has no scan"));
    }
    complete &= done >= components;
    let incomplete = (!complete).then(|| "shown in part: the compressed data end early".to_owned());
    Ok(Decoded { samples, is_rgb: None, incomplete })
}

/// The next marker and what it holds; stray bytes in between are skipped.
fn next_segment<'a>(stream: &'a [u8], at: &mut usize) -> Option<(u8, &'a [u8])> {
    loop {
        let ahead = stream.get(*at..)?;
        let skip = ahead.windows(2).position(|pair| matches!(pair, [0xFF, 0x80..=0xFE]))?;
        let marker = *ahead.get(skip + 1)?;
        *at += skip + 2;
        if matches!(marker, 0xD0..=0xD8) {
            continue;
        }
        if marker == 0xD9 {
            return Some((marker, &[]));
        }
        let len = usize::from(u16::from_be_bytes(*stream.get(*at..)?.first_chunk()?));
        let segment = stream.get(*at + 2..*at + len.max(2))?;
        *at += len.max(2);
        return Some((marker, segment));
    }
}

fn frame_header(segment: &[u8], expected: &Expected) -> Result<FrameHeader, Fault> {
    let cut = || Fault::damaged("its frame header is cut off");
    let (&[bits, y1, y0, x1, x0, count], rest) = segment.split_first_chunk().ok_or_else(cut)?;
    let rows = u32::from(u16::from_be_bytes([y1, y0]));
    let columns = u32::from(u16::from_be_bytes([x1, x0]));
    expected.check((columns, rows), u16::from(count), u16::from(bits))?;
    if bits < 2 {
        return Err(Fault::damaged("one bit a sample"));
    }
    let parts = rest.as_chunks::<3>().0;
    if parts.len() < usize::from(count) || parts.iter().any(|[_, sampling, _]| *sampling != 0x11) {
        return Err(Fault::damaged("subsampled JPEG-LS"));
    }
    let components = parts.iter().take(usize::from(count)).map(|[id, ..]| *id).collect();
    Ok(FrameHeader { bits: u16::from(bits), components })
}

/// LSE: preset coding parameters (C.2.4.1.1).
fn read_presets(segment: &[u8], before: Presets) -> Result<Presets, Fault> {
    match segment.split_first() {
        Some((1, values)) => {
            let values = values.as_chunks::<2>().0;
            let [max, t1, t2, t3, reset] = *values
                .first_chunk::<5>()
                .ok_or_else(|| Fault::damaged("its coding parameters are cut off"))?;
            let number = |pair: [u8; 2]| i32::from(u16::from_be_bytes(pair));
            Ok(Presets {
                max_value: number(max),
                thresholds: [number(t1), number(t2), number(t3)],
                reset: number(reset),
            })
        }
        Some((2 | 3, _)) => Err(Fault::Unsupported("JPEG-LS with a palette".to_owned())),
        Some((4, _)) => {
            Err(Fault::Unsupported("JPEG-LS of more than 65535 pixels a side".to_owned()))
        }
        _ => Ok(before),
    }
}

struct ScanHeader {
    components: Vec<usize>,
    near: i32,
    interleave: Interleave,
}

fn scan_header(segment: &[u8], header: &FrameHeader) -> Result<ScanHeader, Fault> {
    let cut = || Fault::damaged("its scan header is cut off");
    let (&count, rest) = segment.split_first().ok_or_else(cut)?;
    let count = usize::from(count);
    let selectors = rest.get(..count * 2).ok_or_else(cut)?;
    let &[near, interleave, ..] = rest.get(count * 2..).ok_or_else(cut)? else {
        return Err(cut());
    };
    let position = |pair: &[u8; 2]| header.components.iter().position(|id| *id == pair[0]);
    let mut components: Vec<usize> =
        selectors.as_chunks::<2>().0.iter().filter_map(position).collect();
    components.dedup();
    if components.is_empty() || components.len() != count {
        return Err(Fault::damaged("its scan names unknown components"));
    }
    let interleave = match (interleave, count) {
        (_, 1) | (0, _) => Interleave::None,
        (1, _) => Interleave::Line,
        (2, _) => Interleave::Sample,
        _ => return Err(Fault::damaged("unknown interleave mode")),
    };
    if matches!(interleave, Interleave::None) && count > 1 {
        return Err(Fault::damaged("several components without interleave"));
    }
    Ok(ScanHeader { components, near: i32::from(near), interleave })
}
