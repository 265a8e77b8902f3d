//! Compressed pictures → samples. Nothing here knows DICOM; nothing here trusts its input.

pub(super) mod jpeg;
pub(super) mod jpeg2000;
pub(super) mod jpeg_ls;
pub(super) mod rle;

use super::error::Fault;

/// What the file's header promises about a compressed frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) components: u16,
    /// Bits Allocated: the codestream may not be deeper.
    pub(super) max_bits: u16,
}

/// A decompressed frame.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Pixel after pixel; signed samples as two's complement in the lowest `bits`.
    pub(super) samples: Vec<u16>,
    /// Whether colour is RGB, where the codestream says so.
    pub(super) is_rgb: Option<bool>,
    /// What is missing.
    pub(super) incomplete: Option<String>,
}

impl Expected {
    /// Compare a codestream's own header with the file's.
    pub(super) fn check(
        &self,
        (columns, rows): (u32, u32),
        components: u16,
        bits: u16,
    ) -> Result<(), Fault> {
        if (columns, rows) != (self.columns, self.rows) {
            return Err(Fault::Mismatch(format!(
                "{columns} × {rows} pixels instead of {} × {}",
                self.columns, self.rows
            )));
        }
        if components != self.components {
            return Err(Fault::Mismatch(format!(
                "{components} samples a pixel instead of {}",
                self.components
            )));
        }
        if bits == 0 || bits > self.max_bits.min(16) {
            let allocated = self.max_bits;
            return Err(Fault::Mismatch(format!("{bits} bits a sample in {allocated}")));
        }
        Ok(())
    }

    /// Samples of the whole frame.
    pub(super) fn samples(&self) -> usize {
        self.columns as usize * self.rows as usize * usize::from(self.components)
    }
}
