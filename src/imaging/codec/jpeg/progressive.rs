//! Progressive scans of AC coefficients: first bits and refinements (ISO 10918-1 G.1.2).

use super::{
    dct::{Block, ScanState, clamp_16},
    huffman::Table,
};

/// Which coefficients a scan holds, and at which bit.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) low: u32,
}

/// G.1.2.2
pub(super) fn first_ac(state: &mut ScanState<'_>, table: &Table, band: &Band, block: &mut Block) {
    if state.end_of_band_run > 0 {
        state.end_of_band_run -= 1;
        return;
    }
    let mut k = band.first;
    while k <= band.last {
        let symbol = table.decode(&mut state.bits);
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                state.end_of_band_run = (1 << run) - 1 + state.bits.read(run);
                return;
            }
            k += 16;
            continue;
        }
        k += run as usize;
        let value = state.bits.read_signed(size);
        if let Some(slot) = block.get_mut(k) {
            *slot = clamp_16(value << band.low);
        }
        k += 1;
    }
}

/// G.1.2.3
pub(super) fn next_ac(state: &mut ScanState<'_>, table: &Table, band: &Band, block: &mut Block) {
    let bit = 1_i16 << band.low;
    let mut k = band.first;
    while state.end_of_band_run == 0 && k <= band.last {
        let symbol = table.decode(&mut state.bits);
        let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
        let mut new = 0;
        if size == 0 {
            if zeros < 15 {
                state.end_of_band_run = (1 << zeros) + state.bits.read(zeros);
                break;
            }
        } else {
            new = if state.bits.read(1) == 1 { bit } else { -bit };
        }
        while let Some(slot) = block.get_mut(k).filter(|_| k <= band.last) {
            if *slot != 0 {
                refine(state, slot, bit);
            } else if zeros == 0 {
                *slot = new;
                break;
            } else {
                zeros -= 1;
            }
            k += 1;
        }
        k += 1;
    }
    if state.end_of_band_run > 0 {
        while let Some(slot) = block.get_mut(k).filter(|_| k <= band.last) {
            if *slot != 0 {
                refine(state, slot, bit);
            }
            k += 1;
        }
        state.end_of_band_run -= 1;
    }
}

fn refine(state: &mut ScanState<'_>, slot: &mut i16, bit: i16) {
    if state.bits.read(1) == 1 && (*slot & bit) == 0 {
        *slot = slot.saturating_add(if *slot > 0 { bit } else { -bit });
    }
}
