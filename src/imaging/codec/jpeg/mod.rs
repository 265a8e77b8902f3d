//! JPEG: baseline, extended and progressive DCT of 8 and 12 bits, and lossless (ISO 10918-1).

mod bits;
mod dct;
mod header;
mod huffman;
mod lossless;
mod planes;
mod progressive;

use super::{super::error::Fault, Decoded, Expected};
use dct::Coefficients;
use header::{Frame, Process, ScanHeader, Segment, Segments};
use huffman::Table;

/// More scans than any encoder writes.
const MAX_SCANS: usize = 200;

/// Tables and intervals that hold from one scan to the next.
#[derive(Default)]
struct Tables {
    quantization: [Option<[u16; 64]>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_interval: usize,
}

/// Decode a stream whose frame header agrees with what is expected.
pub(in super::super) fn decode(
    stream: &[u8],
    expected: Expected,
    transfer_syntax: &str,
) -> Result<Decoded, Fault> {
    let mut segments = Segments::new(stream)?;
    let mut tables = Tables::default();
    let mut colors = ColorFacts::default();
    let mut picture: Option<Picture> = None;
    let (mut scans, mut whole, mut ended) = (0, true, false);
    while let Some(Segment { marker, data }) = segments.next() {
        match marker {
            0xC4 => header::read_huffman_tables(data, &mut tables)?,
            0xDB => header::read_quantization_tables(data, &mut tables),
            0xDD => tables.restart_interval = header::restart_interval(data),
            0xE0 => colors.jfif |= data.starts_with(b"JFIF\0"),
            0xEE => colors.adobe = header::adobe_transform(data).or(colors.adobe),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                if picture.is_some() {
                    return Err(Fault::damaged("it holds two frames"));
                }
                let frame = Frame::read(marker, data, &expected, transfer_syntax)?;
                check_amount(stream, &frame)?;
                picture = Some(Picture::new(frame, &expected));
            }
            0xDA => {
                let picture = picture.as_mut().ok_or_else(|| Fault::damaged("no frame header"))?;
                let scan = ScanHeader::read(data, picture.frame())?;
                let (used, complete) = picture.scan(segments.rest(), &scan, &tables)?;
                segments.skip(used);
                whole &= complete;
                scans += 1;
                if scans > MAX_SCANS {
                    return Err(Fault::damaged("it holds hundreds of scans"));
                }
            }
            0xD9 => {
                ended = true;
                break;
            }
            _ => {}
        }
    }
    let picture = picture.filter(|_| scans > 0).ok_or_else(|| Fault::damaged("it has no scan"))?;
    whole &= ended || picture.is_complete();
    let is_rgb = colors.is_rgb(picture.frame());
    let samples = picture.finish(&tables, &expected)?;
    let incomplete = (!whole).then(|| "shown in part: the compressed data end early".to_owned());
    Ok(Decoded { samples, is_rgb, incomplete })
}

/// A frame under way.
enum Picture {
    Dct(Coefficients),
    Lossless(lossless::Samples),
}

impl Picture {
    fn new(frame: Frame, expected: &Expected) -> Self {
        match frame.process {
            Process::Lossless => Self::Lossless(lossless::Samples::new(frame, expected)),
            Process::Sequential | Process::Progressive => Self::Dct(Coefficients::new(frame)),
        }
    }

    fn frame(&self) -> &Frame {
        match self {
            Self::Dct(coefficients) => &coefficients.frame,
            Self::Lossless(samples) => &samples.frame,
        }
    }

    /// Bytes used, and whether the scan was whole.
    fn scan(
        &mut self,
        data: &[u8],
        scan: &ScanHeader,
        tables: &Tables,
    ) -> Result<(usize, bool), Fault> {
        match self {
            Self::Dct(coefficients) => coefficients.scan(data, scan, tables),
            Self::Lossless(samples) => samples.scan(data, scan, tables),
        }
    }

    /// Whether every component was seen, even without an end marker.
    fn is_complete(&self) -> bool {
        match self {
            Self::Dct(coefficients) => coefficients.frame.process == Process::Sequential,
            Self::Lossless(_) => true,
        }
    }

    fn finish(self, tables: &Tables, expected: &Expected) -> Result<Vec<u16>, Fault> {
        match self {
            Self::Dct(coefficients) => planes::samples_from(&coefficients, tables, expected),
            Self::Lossless(samples) => Ok(samples.samples),
        }
    }
}

/// A block of 64 samples takes at least two bits; half a file may be missing, not nearly all.
fn check_amount(stream: &[u8], frame: &Frame) -> Result<(), Fault> {
    let pixels = u64::from(frame.columns) * u64::from(frame.rows);
    let least = match frame.process {
        Process::Lossless => pixels / 8 / 64,
        Process::Sequential | Process::Progressive => pixels / 64 / 4 / 64,
    };
    if (stream.len() as u64) < least {
        return Err(Fault::damaged("far too few bytes for so many pixels"));
    }
    Ok(())
}

/// What a stream says about its colours.
#[derive(Default)]
struct ColorFacts {
    jfif: bool,
    /// Transform flag of an Adobe segment.
    adobe: Option<u8>,
}

impl ColorFacts {
    fn is_rgb(&self, frame: &Frame) -> Option<bool> {
        if frame.components.len() != 3 || frame.process == Process::Lossless {
            return None;
        }
        match self.adobe {
            Some(0) => return Some(true),
            Some(_) => return Some(false),
            None => {}
        }
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        if ids == *b"RGB" {
            return Some(true);
        }
        let subsampled = frame.components.iter().any(|part| (part.h, part.v) != (1, 1));
        (self.jfif || subsampled).then_some(false)
    }
}
