//! Huffman tables (ISO 10918-1 annexes C and F).

use super::{super::super::error::Fault, bits::BitReader};

/// Codes up to this length are found in one step.
const QUICK_BITS: u32 = 9;

/// A table ready for decoding.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next nine bits: length and symbol; length 0 when the code is longer.
    quick: Vec<(u8, u8)>,
    /// First code beyond each length, moved to 16 bits.
    limits: [u32; 17],
    /// From a code to its place among the symbols.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From the number of codes of each length and their symbols.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Fault> {
        let mut table = Self {
            quick: vec![(0, 0); 1 << QUICK_BITS],
            limits: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_i32);
        for (len, &count) in (1_u32..).zip(counts) {
            if let Some(offset) = table.offsets.get_mut(len as usize) {
                *offset = place - code.cast_signed();
            }
            for _ in 0..count {
                if code >= 1 << len {
                    return Err(Fault::damaged("a Huffman table does not add up"));
                }
                let symbol = usize::try_from(place).ok().and_then(|place| symbols.get(place));
                if len <= QUICK_BITS {
                    let first = (code << (QUICK_BITS - len)) as usize;
                    let entries = 1 << (QUICK_BITS - len);
                    let entry = (u8::try_from(len).unwrap_or(0), symbol.copied().unwrap_or(0));
                    table.quick.iter_mut().skip(first).take(entries).for_each(|e| *e = entry);
                }
                code += 1;
                place += 1;
            }
            if let Some(limit) = table.limits.get_mut(len as usize) {
                *limit = code << (16 - len);
            }
            code <<= 1;
        }
        Ok(table)
    }

    /// The next symbol; 0 where no code fits.
    pub(super) fn decode(&self, bits: &mut BitReader<'_>) -> u8 {
        let ahead = bits.peek16();
        let quick = self.quick.get(usize::from(ahead >> (16 - QUICK_BITS)));
        if let Some(&(len @ 1.., symbol)) = quick {
            bits.skip(u32::from(len));
            return symbol;
        }
        let ahead = u32::from(ahead);
        for (len, (&limit, &offset)) in (0_u32..).zip(self.limits.iter().zip(&self.offsets)).skip(1)
        {
            if ahead < limit {
                bits.skip(len);
                let place = (ahead >> (16 - len)).cast_signed() + offset;
                let symbol = usize::try_from(place).ok().and_then(|place| self.symbols.get(place));
                return symbol.copied().unwrap_or(0);
            }
        }
        bits.skip(16);
        0
    }
}
