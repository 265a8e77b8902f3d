//! Markers and their segments (ISO 10918-1 annex B).

use super::{
    super::{super::error::Fault, Expected},
    Tables,
    huffman::Table,
};

/// A marker and what it holds.
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) data: &'a [u8],
}

/// The segments of a stream in turn.
pub(super) struct Segments<'a> {
    stream: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    pub(super) fn new(stream: &'a [u8]) -> Result<Self, Fault> {
        let start = stream.windows(3).take(1024).position(|bytes| bytes == [0xFF, 0xD8, 0xFF]);
        match start {
            Some(start) => Ok(Self { stream, at: start + 2 }),
            None => Err(Fault::damaged("it does not begin as JPEG")),
        }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.stream.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// The next segment; stray bytes before it are skipped.
    pub(super) fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let ahead = self.stream.get(self.at..)?;
            let skip = ahead.windows(2).position(|pair| matches!(pair, [0xFF, 1..=0xFE]))?;
            let marker = *ahead.get(skip + 1)?;
            self.at += skip + 2;
            match marker {
                0xD0..=0xD8 | 0x01 => continue,
                0xD9 => return Some(Segment { marker, data: &[] }),
                _ => {}
            }
            let len = usize::from(u16::from_be_bytes(*self.rest().first_chunk()?)).max(2);
            let data = self.rest().get(2..len)?;
            self.at += len;
            return Some(Segment { marker, data });
        }
    }
}

/// Which of the four kinds of coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    Sequential,
    Progressive,
    Lossless,
}

/// One component of a frame.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors.
    pub(super) h: usize,
    pub(super) v: usize,
    pub(super) quantization: usize,
}

/// SOF.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) process: Process,
    pub(super) bits: u32,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) components: Vec<Component>,
    pub(super) h_max: usize,
    pub(super) v_max: usize,
}

impl Frame {
    pub(super) fn read(
        marker: u8,
        data: &[u8],
        expected: &Expected,
        transfer_syntax: &str,
    ) -> Result<Self, Fault> {
        let process = match marker {
            0xC0 | 0xC1 => Process::Sequential,
            0xC2 => Process::Progressive,
            0xC3 => Process::Lossless,
            _ => {
                let kind =
                    if marker < 0xC8 { "hierarchical JPEG" } else { "arithmetic-coded JPEG" };
                let uid = transfer_syntax.to_owned();
                return Err(Fault::UnsupportedCodec { name: kind.to_owned(), uid });
            }
        };
        let cut = || Fault::damaged("its frame header is cut off");
        let (&[bits, y1, y0, x1, x0, count], rest) = data.split_first_chunk().ok_or_else(cut)?;
        let rows = match u32::from(u16::from_be_bytes([y1, y0])) {
            // told later, by a DNL marker
            0 => expected.rows,
            rows => rows,
        };
        let columns = u32::from(u16::from_be_bytes([x1, x0]));
        expected.check((columns, rows), u16::from(count), u16::from(bits))?;
        let bits = u32::from(bits);
        if process != Process::Lossless && bits != 8 && bits != 12 {
            return Err(Fault::Unsupported(format!("{bits}-bit DCT JPEG")));
        }
        let parts = rest.as_chunks::<3>().0.get(..usize::from(count)).ok_or_else(cut)?;
        let component = |&[id, sampling, quantization]: &[u8; 3]| Component {
            id,
            h: usize::from(sampling >> 4),
            v: usize::from(sampling & 15),
            quantization: usize::from(quantization),
        };
        let mut components: Vec<Component> = parts.iter().map(component).collect();
        if let [only] = components.as_mut_slice() {
            // sampling factors of a single component mean nothing (A.2.2)
            (only.h, only.v) = (1, 1);
        }
        let fits = |factor: usize| (1..=4).contains(&factor);
        if !components.iter().all(|part| fits(part.h) && fits(part.v)) {
            return Err(Fault::damaged("impossible sampling factors"));
        }
        let h_max = components.iter().map(|part| part.h).max().unwrap_or(1);
        let v_max = components.iter().map(|part| part.v).max().unwrap_or(1);
        Ok(Self { process, bits, rows, columns, components, h_max, v_max })
    }
}

/// One component of a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanComponent {
    pub(super) component: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// SOS.
#[derive(Clone, Debug)]
pub(super) struct ScanHeader {
    pub(super) components: Vec<ScanComponent>,
    /// First coefficient, or the predictor of a lossless scan.
    pub(super) first: usize,
    /// Last coefficient.
    pub(super) last: usize,
    /// Bit position before this scan; 0 for the first.
    pub(super) high: u32,
    /// Bit position of this scan, or the point transform.
    pub(super) low: u32,
}

impl ScanHeader {
    pub(super) fn read(data: &[u8], frame: &Frame) -> Result<Self, Fault> {
        let cut = || Fault::damaged("its scan header is cut off");
        let (&count, rest) = data.split_first().ok_or_else(cut)?;
        let count = usize::from(count);
        let selectors = rest.get(..count * 2).ok_or_else(cut)?.as_chunks::<2>().0;
        let &[first, last, approximation] =
            rest.get(count * 2..).and_then(<[u8]>::first_chunk).ok_or_else(cut)?;
        let mut components: Vec<ScanComponent> = Vec::with_capacity(count);
        for &[id, tables] in selectors {
            let component = frame.components.iter().position(|part| part.id == id);
            let component = component.ok_or_else(|| Fault::damaged("an unknown component"))?;
            if components.iter().any(|seen| seen.component == component) {
                return Err(Fault::damaged("a component occurs twice in a scan"));
            }
            let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
            components.push(ScanComponent { component, dc, ac });
        }
        if components.is_empty() {
            return Err(Fault::damaged("a scan without components"));
        }
        let (first, last) = (usize::from(first), usize::from(last));
        let (high, low) = (u32::from(approximation >> 4), u32::from(approximation & 15));
        Ok(Self { components, first, last, high, low })
    }
}

/// DHT.
pub(super) fn read_huffman_tables(mut data: &[u8], tables: &mut Tables) -> Result<(), Fault> {
    while let Some((&[kind], rest)) = data.split_first_chunk() {
        let Some((counts, rest)) = rest.split_first_chunk::<16>() else { break };
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        let symbols = rest
            .get(..total)
            .filter(|symbols| symbols.len() <= 256)
            .ok_or_else(|| Fault::damaged("a Huffman table is cut off"))?;
        let set = if kind >> 4 == 0 { &mut tables.dc } else { &mut tables.ac };
        if let Some(slot) = set.get_mut(usize::from(kind & 15)) {
            *slot = Some(Table::new(counts, symbols)?);
        }
        data = rest.get(total..).unwrap_or_default();
    }
    Ok(())
}

/// DQT, in zigzag order.
pub(super) fn read_quantization_tables(mut data: &[u8], tables: &mut Tables) {
    while let Some((&[kind], rest)) = data.split_first_chunk() {
        let wide = kind >> 4 != 0;
        let len = if wide { 128 } else { 64 };
        let Some(values) = rest.get(..len) else { break };
        let mut table = [1; 64];
        for (idx, slot) in table.iter_mut().enumerate() {
            let value = if wide {
                values.as_chunks::<2>().0.get(idx).map(|pair| u16::from_be_bytes(*pair))
            } else {
                values.get(idx).map(|&value| u16::from(value))
            };
            *slot = value.unwrap_or(1);
        }
        if let Some(slot) = tables.quantization.get_mut(usize::from(kind & 15)) {
            *slot = Some(table);
        }
        data = rest.get(len..).unwrap_or_default();
    }
}

/// DRI.
pub(super) fn restart_interval(data: &[u8]) -> usize {
    data.first_chunk().map_or(0, |pair| usize::from(u16::from_be_bytes(*pair)))
}

/// Transform flag of an Adobe APP14 segment.
pub(super) fn adobe_transform(data: &[u8]) -> Option<u8> {
    if data.starts_with(b"Adobe") { data.get(11).copied() } else { None }
}
