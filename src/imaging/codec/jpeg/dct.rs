//! DCT scans → coefficients, sequential; blocks in the order of scans (ISO 10918-1 A.2, F.2).

use super::{
    super::super::error::Fault,
    Tables,
    bits::BitReader,
    header::{Frame, Process, ScanComponent, ScanHeader},
    huffman::Table,
    progressive::{self, Band},
};

/// Zigzag order → place in a row-major block.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// 64 coefficients in zigzag order.
pub(super) type Block = [i16; 64];

/// The blocks of one component.
pub(super) struct Plane {
    pub(super) blocks_wide: usize,
    /// Blocks that hold pixels; the rest fill the last MCU.
    used: (usize, usize),
    pub(super) blocks: Vec<Block>,
}

/// All coefficients of a frame.
pub(super) struct Coefficients {
    pub(super) frame: Frame,
    pub(super) planes: Vec<Plane>,
    mcus: (usize, usize),
}

impl Coefficients {
    pub(super) fn new(frame: Frame) -> Self {
        let (columns, rows) = (frame.columns as usize, frame.rows as usize);
        let mcus = (columns.div_ceil(8 * frame.h_max), rows.div_ceil(8 * frame.v_max));
        let plane = |h: usize, v: usize| {
            let blocks_wide = mcus.0 * h;
            let used = (
                (columns * h).div_ceil(frame.h_max).div_ceil(8),
                (rows * v).div_ceil(frame.v_max).div_ceil(8),
            );
            Plane { blocks_wide, used, blocks: vec![[0; 64]; blocks_wide * mcus.1 * v] }
        };
        let planes = frame.components.iter().map(|part| plane(part.h, part.v)).collect();
        Self { frame, planes, mcus }
    }

    /// Decode one scan; bytes used, and whether it was whole.
    pub(super) fn scan(
        &mut self,
        data: &[u8],
        scan: &ScanHeader,
        tables: &Tables,
    ) -> Result<(usize, bool), Fault> {
        let coder = BlockCoder::new(&self.frame, scan, tables)?;
        let mut state = ScanState::new(data);
        let single = scan.components.len() == 1;
        let (wide, high) = match (single, scan.components.first()) {
            (true, Some(part)) => self.planes.get(part.component).map_or((0, 0), |p| p.used),
            _ => self.mcus,
        };
        let mut left = tables.restart_interval;
        for unit in 0..wide * high {
            if tables.restart_interval > 0 && left == 0 {
                if !state.bits.restart() {
                    return Ok((state.bits.position(), false));
                }
                state.predictions = [0; 4];
                state.end_of_band_run = 0;
                left = tables.restart_interval;
            }
            left = left.saturating_sub(1);
            let (x, y) = (unit % wide, unit / wide);
            for (idx, part) in scan.components.iter().enumerate() {
                self.unit(&coder, &mut state, (idx, part), (x, y), single);
            }
            if state.bits.is_exhausted() && state.end_of_band_run == 0 {
                let is_last = unit + 1 == wide * high;
                let whole = is_last || (single && coder.is_band());
                if !whole {
                    return Ok((state.bits.position(), false));
                }
            }
        }
        Ok((state.bits.position(), true))
    }

    /// The blocks of one component in one MCU.
    fn unit(
        &mut self,
        coder: &BlockCoder<'_>,
        state: &mut ScanState<'_>,
        (idx, part): (usize, &ScanComponent),
        (x, y): (usize, usize),
        single: bool,
    ) {
        let Some(component) = self.frame.components.get(part.component) else { return };
        let (h, v) = if single { (1, 1) } else { (component.h, component.v) };
        let Some(plane) = self.planes.get_mut(part.component) else { return };
        for block_y in y * v..(y + 1) * v {
            for block_x in x * h..(x + 1) * h {
                if let Some(block) = plane.blocks.get_mut(block_y * plane.blocks_wide + block_x) {
                    coder.decode(state, idx, block);
                }
            }
        }
    }
}

/// What changes from block to block.
pub(super) struct ScanState<'a> {
    pub(super) bits: BitReader<'a>,
    pub(super) predictions: [i32; 4],
    pub(super) end_of_band_run: u32,
}

impl<'a> ScanState<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { bits: BitReader::new(data), predictions: [0; 4], end_of_band_run: 0 }
    }
}

/// How the blocks of a scan are coded.
enum BlockCoder<'a> {
    Sequential(Vec<(&'a Table, &'a Table)>),
    FirstDc(Vec<&'a Table>, u32),
    NextDc(u32),
    FirstAc(&'a Table, Band),
    NextAc(&'a Table, Band),
}

impl<'a> BlockCoder<'a> {
    fn new(frame: &Frame, scan: &ScanHeader, tables: &'a Tables) -> Result<Self, Fault> {
        let missing = || Fault::damaged("a Huffman table is missing");
        let table = |set: &'a [Option<Table>; 4], idx: usize| {
            set.get(idx).and_then(Option::as_ref).ok_or_else(missing)
        };
        let dc = |part: &ScanComponent| table(&tables.dc, part.dc);
        let ac = |part: &ScanComponent| table(&tables.ac, part.ac);
        if frame.process == Process::Sequential {
            let both = |part| Ok((dc(part)?, ac(part)?));
            return Ok(Self::Sequential(
                scan.components.iter().map(both).collect::<Result<_, _>>()?,
            ));
        }
        let band = Band { first: scan.first, last: scan.last, low: scan.low };
        let sound = scan.first <= scan.last && scan.last < 64 && scan.low < 14;
        match (scan.first, scan.high, scan.components.as_slice()) {
            _ if !sound => Err(Fault::damaged("an impossible progressive scan")),
            (0, 0, parts) => {
                Ok(Self::FirstDc(parts.iter().map(dc).collect::<Result<_, _>>()?, scan.low))
            }
            (0, _, _) => Ok(Self::NextDc(scan.low)),
            (_, 0, [part]) => Ok(Self::FirstAc(ac(part)?, band)),
            (_, _, [part]) => Ok(Self::NextAc(ac(part)?, band)),
            _ => Err(Fault::damaged("an impossible progressive scan")),
        }
    }

    fn is_band(&self) -> bool {
        matches!(self, Self::FirstAc(..) | Self::NextAc(..))
    }

    fn decode(&self, state: &mut ScanState<'_>, idx: usize, block: &mut Block) {
        match self {
            Self::Sequential(tables) => {
                if let Some((dc, ac)) = tables.get(idx) {
                    sequential_block(state, (dc, ac), idx, block);
                }
            }
            Self::FirstDc(tables, low) => {
                if let Some(table) = tables.get(idx) {
                    let value = next_dc(state, table, idx);
                    block[0] = clamp_16(value << low);
                }
            }
            Self::NextDc(low) => {
                if state.bits.read(1) == 1 {
                    block[0] |= 1 << low;
                }
            }
            Self::FirstAc(table, band) => progressive::first_ac(state, table, band, block),
            Self::NextAc(table, band) => progressive::next_ac(state, table, band, block),
        }
    }
}

/// DC is coded as the difference from the block before (F.2.2.1).
fn next_dc(state: &mut ScanState<'_>, table: &Table, idx: usize) -> i32 {
    let size = u32::from(table.decode(&mut state.bits)).min(16);
    let difference = state.bits.read_signed(size);
    let Some(prediction) = state.predictions.get_mut(idx) else { return 0 };
    *prediction = prediction.saturating_add(difference).clamp(-(1 << 16), 1 << 16);
    *prediction
}

/// F.2.2.2
fn sequential_block(
    state: &mut ScanState<'_>,
    (dc, ac): (&Table, &Table),
    idx: usize,
    block: &mut Block,
) {
    block[0] = clamp_16(next_dc(state, dc, idx));
    let mut k = 1;
    while k < 64 {
        let symbol = ac.decode(&mut state.bits);
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                break;
            }
            k += 16;
            continue;
        }
        k += run;
        let value = state.bits.read_signed(size);
        if let Some(slot) = block.get_mut(k) {
            *slot = clamp_16(value);
        }
        k += 1;
    }
}

/// Saturate.
pub(super) fn clamp_16(value: i32) -> i16 {
    i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX })
}
