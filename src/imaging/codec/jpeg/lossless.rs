//! Lossless JPEG: Huffman-coded differences from a predictor (ISO 10918-1 annex H).

use super::{
    super::{super::error::Fault, Expected},
    Tables,
    bits::BitReader,
    header::{Frame, ScanHeader},
    huffman::Table,
};

/// The samples of a frame, pixel after pixel.
pub(super) struct Samples {
    pub(super) frame: Frame,
    pub(super) samples: Vec<u16>,
}

impl Samples {
    pub(super) fn new(frame: Frame, expected: &Expected) -> Self {
        Self { frame, samples: vec![0; expected.samples()] }
    }

    /// Decode one scan; bytes used, and whether it was whole.
    pub(super) fn scan(
        &mut self,
        data: &[u8],
        scan: &ScanHeader,
        tables: &Tables,
    ) -> Result<(usize, bool), Fault> {
        if self.frame.components.iter().any(|part| (part.h, part.v) != (1, 1)) {
            return Err(Fault::Unsupported("subsampled lossless JPEG".to_owned()));
        }
        let missing = || Fault::damaged("a Huffman table is missing");
        let parts: Vec<(usize, &Table)> = scan
            .components
            .iter()
            .map(|part| {
                let table = tables.dc.get(part.dc).and_then(Option::as_ref).ok_or_else(missing)?;
                Ok((part.component, table))
            })
            .collect::<Result<_, Fault>>()?;
        let (columns, count) = (self.frame.columns as usize, self.frame.components.len());
        if !(1..=7).contains(&scan.first) || scan.low >= self.frame.bits {
            return Err(Fault::damaged("an unknown predictor"));
        }
        let start = 1_i32 << (self.frame.bits - scan.low - 1);
        let predictor = Predictor { kind: scan.first, start, low: scan.low };
        let mut bits = BitReader::new(data);
        let row_len = columns * count;
        // restarts come at the start of lines, after which prediction starts anew
        let lines_per_restart = tables.restart_interval.checked_div(columns).unwrap_or(0);
        for y in 0..self.frame.rows as usize {
            let restarted = lines_per_restart > 0 && y > 0 && y.is_multiple_of(lines_per_restart);
            if restarted && !bits.restart() {
                return Ok((bits.position(), false));
            }
            let (above, rest) = self.samples.split_at_mut(y * row_len);
            let above = above.get(above.len().saturating_sub(row_len)..).unwrap_or_default();
            let above = if restarted { &[] } else { above };
            let Some(line) = rest.get_mut(..row_len) else { break };
            for x in 0..columns {
                for &(component, table) in &parts {
                    let size = u32::from(table.decode(&mut bits)).min(16);
                    let difference = if size == 16 { 1 << 15 } else { bits.read_signed(size) };
                    let idx = x * count + component;
                    predictor.place(above, line, (idx, count), difference);
                }
            }
            if bits.is_exhausted() {
                line.fill(0);
                return Ok((bits.position(), false));
            }
        }
        Ok((bits.position(), true))
    }
}

/// Table H.1.
struct Predictor {
    kind: usize,
    /// The prediction of the very first sample.
    start: i32,
    /// Point transform.
    low: u32,
}

impl Predictor {
    fn place(
        &self,
        above: &[u16],
        line: &mut [u16],
        (idx, count): (usize, usize),
        difference: i32,
    ) {
        let down = |value: Option<&u16>| value.map(|&value| i32::from(value) >> self.low);
        let left = idx.checked_sub(count).and_then(|left| down(line.get(left)));
        let predicted = match (left, down(above.get(idx))) {
            (None, None) => self.start,
            (Some(a), None) => a,
            (None, Some(b)) => b,
            (Some(a), Some(b)) => {
                let c = || down(above.get(idx - count)).unwrap_or(0);
                match self.kind {
                    1 => a,
                    2 => b,
                    3 => c(),
                    4 => a + b - c(),
                    5 => a + ((b - c()) >> 1),
                    6 => b + ((a - c()) >> 1),
                    _ => (a + b) >> 1,
                }
            }
        };
        let [low, high, ..] = ((predicted + difference) << self.low).to_le_bytes();
        if let Some(slot) = line.get_mut(idx) {
            *slot = u16::from_le_bytes([low, high]);
        }
    }
}
