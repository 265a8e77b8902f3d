//! From a tensor of a file to what a device holds, on worker threads.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{DType, TensorData};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::checkpoint::{FileDtype, RawTensor};
use crate::nn::{
    BLOCK, BlockFormat, BlockRows, HostArena, HostBytes, HostMatrix, Table, TableValues, pack_rows,
};
use crate::vlm::storage::{Role, Storage};
use crate::vlm::tower::is_of_a_block;
use crate::vlm::weights::Expected;
use crate::vlm::{ComputeDevice, ModelError, Precision};

/// A tensor on its way from the file to the device.
pub(crate) struct Prepared {
    pub(crate) matrix: Option<PreparedMatrix>,
    pub(crate) vector: Option<Vec<f32>>,
    pub(crate) table: Option<Table>,
}

/// A matrix on its way.
pub(crate) enum PreparedMatrix {
    /// Pieces of whole rows, for tensors of the device.
    Dense(Vec<TensorData>),
    /// Blocks in the CPU's order.
    Host(HostMatrix),
    /// Pieces of whole rows of blocks in a card's order.
    Card(Vec<BlockRows>),
}

/// How tensors are converted for a device.
#[derive(Clone, Debug)]
pub(crate) struct Conversion {
    pub(crate) device: ComputeDevice,
    pub(crate) precision: Precision,
    /// Whether the blocks of the tower are in eight bits.
    pub(crate) has_rounded_tower: bool,
    /// Where blocks in the CPU's order lie.
    arena: Arc<Mutex<HostArena>>,
    /// Where those of fourteen bits lie, which may be given up for others.
    exact_arena: Arc<Mutex<HostArena>>,
}

impl Conversion {
    pub(crate) fn new(device: ComputeDevice, precision: Precision) -> Self {
        let has_rounded_tower = false;
        let (arena, exact_arena) = (Arc::default(), Arc::default());
        Self { device, precision, has_rounded_tower, arena, exact_arena }
    }

    /// How a matrix of this name is stored.
    pub(crate) fn storage(&self, name: &str) -> Storage {
        match self.storage_of(Role::of(name)) {
            Storage::Host(BlockFormat::Q14) if self.has_rounded_tower && is_of_a_block(name) => {
                Storage::Host(BlockFormat::Q8)
            }
            storage => storage,
        }
    }

    /// How a matrix of this part is stored.
    pub(crate) fn storage_of(&self, role: Role) -> Storage {
        Storage::of(role, self.precision, self.device.kind())
    }

    /// Runs on worker threads: conversion only, nothing of the device.
    pub(crate) fn prepare(
        &self,
        name: &str,
        expected: &Expected,
        raw: RawTensor<'_>,
    ) -> Result<Prepared, ModelError> {
        let columns = expected.shape.get(1).copied().unwrap_or(1);
        let table = expected.is_table.then(|| {
            let values = match raw.dtype {
                FileDtype::Bf16 => TableValues::Bf16(raw.to_bf16()),
                FileDtype::F16 => TableValues::F16(raw.to_f16()),
                _ => TableValues::F32(raw.to_f32()),
            };
            Table::new(values, columns)
        });
        let vector = expected.is_vector.then(|| raw.to_f32());
        let matrix = match expected.is_matrix {
            true => Some(self.matrix(name, columns, raw)?),
            false => None,
        };
        Ok(Prepared { matrix, vector, table })
    }

    fn matrix(
        &self,
        name: &str,
        columns: usize,
        raw: RawTensor<'_>,
    ) -> Result<PreparedMatrix, ModelError> {
        match self.storage(name) {
            Storage::Dense(dtype) => {
                Ok(PreparedMatrix::Dense(self.pieces(name, columns, dtype, raw)?))
            }
            Storage::Host(format) => {
                Ok(PreparedMatrix::Host(self.host_matrix(format, columns, raw)?))
            }
            Storage::Card(format) => {
                Ok(PreparedMatrix::Card(self.card_rows(name, format, columns, raw)?))
            }
        }
    }

    /// Memory for blocks in the CPU's order.
    pub(crate) fn host_bytes(
        &self,
        format: BlockFormat,
        len: usize,
    ) -> Result<HostBytes, ModelError> {
        let arena = if format == BlockFormat::Q14 { &self.exact_arena } else { &self.arena };
        let mut arena = arena.lock().unwrap_or_else(PoisonError::into_inner);
        arena.take(len).map_err(|error| ModelError::Device {
            device: self.device.label(),
            doing: "asking for memory for the weights",
            reason: error.to_string(),
        })
    }

    fn host_matrix(
        &self,
        format: BlockFormat,
        columns: usize,
        raw: RawTensor<'_>,
    ) -> Result<HostMatrix, ModelError> {
        let rows = raw.bytes.len() / (columns * raw.dtype.size()).max(1);
        self.packed(format, [rows, columns], &|row, out| raw.copy_row(row, out))
    }

    /// The numbers of a matrix in another format.
    pub(crate) fn repacked(
        &self,
        format: BlockFormat,
        matrix: &HostMatrix,
    ) -> Result<HostMatrix, ModelError> {
        let row = |row: usize, out: &mut [f32]| {
            for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                for (out, value) in out.iter_mut().zip(matrix.block_values(row, block)) {
                    *out = value;
                }
            }
        };
        self.packed(format, [matrix.rows(), matrix.columns()], &row)
    }

    fn packed(
        &self,
        format: BlockFormat,
        [rows, columns]: [usize; 2],
        row: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Result<HostMatrix, ModelError> {
        let mut bytes = self.host_bytes(format, HostMatrix::bytes_of(format, rows, columns))?;
        pack_rows(format, rows, columns, row, &mut bytes);
        // a block that is out of the range of its scale
        let doing = "converting weights to blocks";
        let matrix = HostMatrix::from_bytes(format, rows, columns, bytes);
        matrix.filter(HostMatrix::is_finite).ok_or(ModelError::NotFinite { doing })
    }

    /// The matrix in pieces of whole rows of blocks that the card can hold.
    fn card_rows(
        &self,
        name: &str,
        format: BlockFormat,
        columns: usize,
        raw: RawTensor<'_>,
    ) -> Result<Vec<BlockRows>, ModelError> {
        let limit = self.device.max_tensor_bytes();
        let rows_a_piece = BlockRows::rows_within(format, columns, limit);
        if rows_a_piece == 0 {
            let [bytes, _] = BlockRows::bytes_of(format, 1, columns, true);
            return Err(self.too_large(name, bytes as u64));
        }
        let file_row = columns * raw.dtype.size();
        let pieces = raw.bytes.chunks(file_row.saturating_mul(rows_a_piece).max(1));
        let doing = "converting weights to blocks";
        pieces
            .map(|bytes| {
                let part = RawTensor { bytes, ..raw };
                let rows = bytes.len() / file_row.max(1);
                let row = |row: usize, out: &mut [f32]| part.copy_row(row, out);
                let rows = BlockRows::quantise(format, rows, columns, &row);
                rows.filter(BlockRows::is_finite).ok_or(ModelError::NotFinite { doing })
            })
            .collect()
    }

    fn too_large(&self, name: &str, bytes: u64) -> ModelError {
        ModelError::TensorTooLarge {
            device: self.device.label(),
            what: format!("a row of {name}"),
            bytes,
            limit: self.device.max_tensor_bytes(),
        }
    }

    /// The matrix in pieces of whole rows that the device can hold.
    fn pieces(
        &self,
        name: &str,
        columns: usize,
        dtype: DType,
        raw: RawTensor<'_>,
    ) -> Result<Vec<TensorData>, ModelError> {
        let row_bytes = (columns * dtype.size()) as u64;
        let limit = self.device.max_tensor_bytes();
        let rows_a_piece = usize::try_from(limit / row_bytes.max(1)).unwrap_or(usize::MAX);
        if rows_a_piece == 0 {
            return Err(self.too_large(name, row_bytes));
        }
        let file_row = columns * raw.dtype.size();
        let pieces = raw.bytes.chunks(file_row.saturating_mul(rows_a_piece).max(1));
        pieces
            .map(|bytes| {
                let part = RawTensor { bytes, ..raw };
                piece(dtype, part, [bytes.len() / file_row.max(1), columns])
            })
            .collect()
    }
}

fn piece(dtype: DType, part: RawTensor<'_>, shape: [usize; 2]) -> Result<TensorData, ModelError> {
    match dtype {
        DType::F16 => {
            let values = part.to_f16();
            if values.par_iter().any(|value| !value.is_finite()) {
                return Err(ModelError::NotFinite { doing: "converting weights to f16" });
            }
            Ok(TensorData::new::<f16, _>(values, shape))
        }
        DType::BF16 => Ok(TensorData::new::<bf16, _>(part.to_bf16(), shape)),
        _ => Ok(TensorData::new(part.to_f32(), shape)),
    }
}
