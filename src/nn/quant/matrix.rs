//! A matrix of blocks in the order in which the CPU reads it.

use std::sync::Arc;

use crate::nn::quant::{BLOCK, BlockFormat, HostBytes};

/// Rows that lie beside each other: one vector of 16 sums, or two of 8, or four of 4.
pub(crate) const PANEL: usize = 16;

/// A weight `[rows, columns]` in blocks.
///
/// Sixteen rows make a panel. Within a panel block follows block; within a block the codes of all
/// sixteen rows lie in groups as wide as the widest vector, 64 bytes:
///
/// - Q14: pairs of neighbouring columns, `[16 groups][16 rows][2]`, 16 bits each;
/// - Q8: fours of neighbouring columns, `[8 groups][16 rows][4]`;
/// - Q4: `[4 groups][16 rows][4]`, columns `4·group + i` in the low half of byte `i` and
///   `16 + 4·group + i` in the high half.
///
/// After all codes follow the scales as f16: `[panels][blocks][16 rows]`, in Q4
/// `[panels][blocks][scale, minimum][16 rows]`. What rows and columns lack to whole panels and
/// blocks is filled with blocks of zeros.
#[derive(Clone, Debug)]
pub struct HostMatrix {
    format: BlockFormat,
    rows: usize,
    columns: usize,
    bytes: Arc<HostBytes>,
}

impl HostMatrix {
    /// Bytes of a matrix.
    #[must_use]
    pub fn bytes_of(format: BlockFormat, rows: usize, columns: usize) -> usize {
        let blocks = rows.next_multiple_of(PANEL).saturating_mul(columns.div_ceil(BLOCK));
        blocks.saturating_mul(format.code_bytes() + 2 * format.scales())
    }

    /// From bytes in the layout above; `None` when their number is another.
    #[must_use]
    pub fn from_bytes(
        format: BlockFormat,
        rows: usize,
        columns: usize,
        bytes: HostBytes,
    ) -> Option<Self> {
        (bytes.len() == Self::bytes_of(format, rows, columns)).then(|| Self {
            format,
            rows,
            columns,
            bytes: Arc::new(bytes),
        })
    }

    /// Its layout, codes first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How its blocks are stored.
    #[must_use]
    pub fn format(&self) -> BlockFormat {
        self.format
    }

    /// Outputs.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Blocks of a row.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.columns.div_ceil(BLOCK)
    }

    /// Groups of sixteen rows.
    #[must_use]
    pub fn panels(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    /// The codes, and after them the scales.
    pub(crate) fn parts(&self) -> (&[u8], &[half::f16]) {
        let codes = self.panels() * self.blocks() * PANEL * self.format.code_bytes();
        let (codes, scales) = self.bytes.split_at(codes.min(self.bytes.len()));
        (codes, bytemuck::cast_slice(scales))
    }
}
