//! A picture as numbers, ready for a tower.

use sha2::{Digest as _, Sha256};

/// What preprocessing gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prepared {
    /// `[3, height, width]`, or `[patches, features]`
    pub(crate) shape: Vec<usize>,
    /// Row-major.
    pub(crate) values: Vec<f32>,
    /// Rows and columns of pixels that went in.
    pub(crate) size: [usize; 2],
}

impl Prepared {
    /// SHA-256 of the values as little-endian bytes, lower-case hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let mut bytes = Vec::with_capacity(4 * 1024);
        for values in self.values.chunks(1024) {
            bytes.clear();
            values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            hash.update(&bytes);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
