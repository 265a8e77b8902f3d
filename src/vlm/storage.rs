//! How a matrix is stored: by the part of the model it belongs to, the precision and the device.

use burn::tensor::DType;
use serde::{Deserialize, Serialize};

use crate::nn::{BLOCK, BlockFormat, HostMatrix};
use crate::vlm::parts::GENERATION;
use crate::vlm::{ComputeKind, Precision};

/// What a matrix is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Tower and projector.
    Vision,
    /// The layers of the decoder, where most numbers are.
    Layers,
    /// Scores of the vocabulary.
    Head,
    /// What a task adds to the layers.
    Adapters,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Vision, Self::Layers, Self::Head, Self::Adapters];

    /// By the matrix's name. What is nothing else is stored as carefully as the tower.
    pub(crate) fn of(name: &str) -> Self {
        let name = name.strip_prefix(GENERATION).unwrap_or(name);
        let begins = |beginning: &str| name.starts_with(beginning);
        match () {
            () if name.contains(".lora_") => Self::Adapters,
            () if begins("model.layers.") => Self::Layers,
            () if begins("lm_head.") || begins("model.embed_tokens.") => Self::Head,
            () => Self::Vision,
        }
    }
}

/// Numbers, or blocks in the order of what multiplies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Tensors of the device.
    Dense(DType),
    /// Blocks in the CPU's order.
    Host(BlockFormat),
    /// Blocks in a card's order.
    Card(BlockFormat),
}

impl Storage {
    /// What becomes of a matrix.
    ///
    /// Only the decoder's layers are stored in the four bits of q4: the head decides between
    /// words and keeps eight, tower and projector lose nothing (the tower may turn out to bear
    /// eight bits, which is seen when it is loaded), and adapters, which are small corrections of
    /// what was rounded, are not rounded themselves.
    pub(crate) fn of(role: Role, precision: Precision, device: ComputeKind) -> Self {
        let of_layers = match precision {
            Precision::F32 => return Self::Dense(DType::F32),
            Precision::F16 => return Self::Dense(DType::F16),
            Precision::Bf16 => return Self::Dense(DType::BF16),
            Precision::Q8 => BlockFormat::Q8,
            Precision::Q4 => BlockFormat::Q4,
        };
        let format = match role {
            Role::Adapters => return Self::Dense(DType::F16),
            Role::Vision if device == ComputeKind::Cpu => BlockFormat::Q14,
            Role::Vision => return Self::Dense(DType::F16),
            Role::Layers => of_layers,
            Role::Head => BlockFormat::Q8,
        };
        if device == ComputeKind::Cpu { Self::Host(format) } else { Self::Card(format) }
    }

    /// Bytes of matrices of these sizes.
    pub(crate) fn bytes(self, sizes: MatrixSizes) -> u64 {
        match self {
            Self::Dense(dtype) => sizes.numbers.saturating_mul(dtype.size() as u64),
            Self::Host(format) | Self::Card(format) => {
                sizes.blocks.saturating_mul(format.block_bytes() as u64)
            }
        }
    }
}

/// Sizes of some matrices together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixSizes {
    /// Numbers in them.
    pub numbers: u64,
    /// Blocks they are stored in, those included that only fill up rows and columns.
    pub blocks: u64,
}

impl MatrixSizes {
    /// Of one matrix.
    #[must_use]
    pub fn of(rows: usize, columns: usize) -> Self {
        let format = BlockFormat::Q8;
        let bytes = HostMatrix::bytes_of(format, rows, columns);
        Self {
            numbers: (rows as u64).saturating_mul(columns as u64),
            blocks: (bytes / format.block_bytes()) as u64,
        }
    }

    /// Of matrices without anything to fill up.
    #[must_use]
    pub fn of_numbers(numbers: u64) -> Self {
        Self { numbers, blocks: numbers.div_ceil(BLOCK as u64) }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.numbers = self.numbers.saturating_add(other.numbers);
        self.blocks = self.blocks.saturating_add(other.blocks);
    }
}
