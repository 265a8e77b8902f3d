//! Codes → rows of the codebook.

use crate::nn::vqgan::VqganConfig;
use crate::nn::{MissingTensor, Table, WeightSource};

/// `quantize.embed`.
#[derive(Clone, Debug)]
pub struct Codebook {
    embed: Table,
    rows: usize,
    columns: usize,
}

impl Codebook {
    /// # Errors
    /// When the tensor is not there.
    pub fn init(
        config: &VqganConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (rows, columns) = (config.n_embed, config.embed_dim);
        Ok(Self { embed: weights.table("quantize.embed.weight", rows, columns)?, rows, columns })
    }

    /// Rows it has.
    #[must_use]
    pub fn num_codes(&self) -> usize {
        self.rows
    }

    /// The rows of these codes one after the other; a place without a code gets the mean of all
    /// rows, which is no code's and nearest to every one.
    #[must_use]
    pub fn lookup(&self, codes: &[Option<u32>]) -> Vec<f32> {
        let mean = if codes.contains(&None) { self.mean() } else { Vec::new() };
        let mut out = Vec::with_capacity(codes.len() * self.columns);
        for code in codes {
            match code {
                Some(code) => self.embed.push_row(*code as usize, &mut out),
                None => out.extend(&mean),
            }
        }
        out
    }

    fn mean(&self) -> Vec<f32> {
        let mut sums = vec![0.0_f64; self.columns];
        let mut row = Vec::with_capacity(self.columns);
        for code in 0..self.rows {
            row.clear();
            self.embed.push_row(code, &mut row);
            for (sum, value) in sums.iter_mut().zip(&row) {
                *sum += f64::from(*value);
            }
        }
        sums.iter().map(|sum| (sum / self.rows.max(1) as f64) as f32).collect()
    }
}
