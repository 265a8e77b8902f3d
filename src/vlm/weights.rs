//! The two sources of a network's tensors: the list of what it expects, and a checkpoint.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{DType, Device, Tensor, TensorData};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::checkpoint::{FileDtype, RawTensor};
use crate::nn::{Linear, MissingTensor, Table, TableValues, WeightSource};
use crate::vlm::{ComputeDevice, ModelError, Precision};

/// What becomes of a tensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Outermost first; of a matrix only the first extent and the product of the rest count.
    pub(crate) shape: Vec<usize>,
    pub(crate) is_matrix: bool,
    pub(crate) is_vector: bool,
    pub(crate) is_table: bool,
}

impl Expected {
    /// Numbers in it.
    pub(crate) fn numbers(&self) -> u64 {
        self.shape.iter().map(|extent| *extent as u64).product()
    }

    /// Whether a tensor of the file fits.
    pub(crate) fn fits(&self, shape: &[usize]) -> bool {
        if !self.is_matrix || shape.len() <= 2 {
            return self.shape == shape;
        }
        let rest: usize = shape.iter().skip(1).product();
        shape.first() == self.shape.first() && self.shape.get(1) == Some(&rest)
    }
}

/// Collects what a network asks for.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) expected: BTreeMap<String, Expected>,
}

impl WeightSource for Plan {
    fn device(&self) -> Device {
        Device::flex()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let entry = self.expected.entry(format!("{name}.weight")).or_default();
        entry.shape = vec![outputs, inputs];
        entry.is_matrix = true;
        if has_bias {
            self.vector(&format!("{name}.bias"), &[outputs])?;
        }
        Ok(Linear::dense(Vec::new(), None))
    }

    fn vector(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        let entry = self.expected.entry(name.to_owned()).or_default();
        entry.shape = shape.to_vec();
        entry.is_vector = true;
        let len = shape.iter().product::<usize>();
        Ok(Tensor::zeros([len], &self.device()))
    }

    fn table(&mut self, name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        let entry = self.expected.entry(name.to_owned()).or_default();
        entry.shape = vec![rows, columns];
        entry.is_table = true;
        Ok(Table::new(TableValues::F32(Vec::new()), columns))
    }
}

/// A tensor on its way from the file to the device.
pub(crate) struct Prepared {
    matrix: Option<Vec<TensorData>>,
    vector: Option<Vec<f32>>,
    table: Option<(TableValues, usize)>,
}

/// How tensors are converted for a device.
#[derive(Clone, Debug)]
pub(crate) struct Conversion {
    pub(crate) device: ComputeDevice,
    pub(crate) precision: Precision,
}

impl Conversion {
    fn dtype(&self) -> DType {
        match self.precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
        }
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
            (values, columns)
        });
        let vector = expected.is_vector.then(|| raw.to_f32());
        let matrix = if expected.is_matrix { Some(self.pieces(name, columns, raw)?) } else { None };
        Ok(Prepared { matrix, vector, table })
    }

    /// The matrix in pieces of whole rows that the device can hold.
    fn pieces(
        &self,
        name: &str,
        columns: usize,
        raw: RawTensor<'_>,
    ) -> Result<Vec<TensorData>, ModelError> {
        let row_bytes = (columns * self.dtype().size()) as u64;
        let limit = self.device.max_tensor_bytes();
        let rows_a_piece = usize::try_from(limit / row_bytes.max(1)).unwrap_or(usize::MAX);
        if rows_a_piece == 0 {
            return Err(ModelError::TensorTooLarge {
                device: self.device.label(),
                what: format!("a row of {name}"),
                bytes: row_bytes,
                limit,
            });
        }
        let file_row = columns * raw.dtype.size();
        let pieces = raw.bytes.chunks(file_row.saturating_mul(rows_a_piece).max(1));
        pieces
            .map(|bytes| {
                let part = RawTensor { bytes, ..raw };
                let shape = [bytes.len() / file_row.max(1), columns];
                match self.precision {
                    Precision::F32 => Ok(TensorData::new(part.to_f32(), shape)),
                    Precision::Bf16 => Ok(TensorData::new::<bf16, _>(part.to_bf16(), shape)),
                    Precision::F16 => {
                        let values = part.to_f16();
                        if values.par_iter().any(|value| !value.is_finite()) {
                            return Err(ModelError::NotFinite {
                                doing: "converting weights to f16",
                            });
                        }
                        Ok(TensorData::new::<f16, _>(values, shape))
                    }
                }
            })
            .collect()
    }
}

/// Tensors of a checkpoint, on the device.
pub(crate) struct Loaded {
    conversion: Conversion,
    matrices: HashMap<String, Vec<Tensor<2>>>,
    vectors: HashMap<String, Tensor<1>>,
    tables: HashMap<String, Table>,
}

impl Loaded {
    pub(crate) fn new(conversion: Conversion) -> Self {
        Self {
            conversion,
            matrices: HashMap::new(),
            vectors: HashMap::new(),
            tables: HashMap::new(),
        }
    }

    pub(crate) fn conversion(&self) -> &Conversion {
        &self.conversion
    }

    /// Put a tensor onto the device.
    pub(crate) fn place(&mut self, name: &str, prepared: Prepared) {
        let device = self.device();
        if let Some(pieces) = prepared.matrix {
            let dtype = self.conversion.dtype();
            let pieces = pieces
                .into_iter()
                .map(|piece| Tensor::from_data(piece, (&device, dtype)))
                .collect();
            self.matrices.insert(name.to_owned(), pieces);
        }
        if let Some(values) = prepared.vector {
            let len = values.len();
            let tensor = Tensor::from_data(TensorData::new(values, [len]), &device);
            self.vectors.insert(name.to_owned(), tensor);
        }
        if let Some((values, columns)) = prepared.table {
            self.tables.insert(name.to_owned(), Table::new(values, columns));
        }
    }
}

/// Tasks share tensors: what is given is a handle, not a copy.
fn shared<T: Clone>(map: &HashMap<String, T>, name: &str) -> Result<T, MissingTensor> {
    map.get(name).cloned().ok_or_else(|| MissingTensor(name.to_owned()))
}

impl WeightSource for Loaded {
    fn device(&self) -> Device {
        self.conversion.device.device.clone()
    }

    fn linear(
        &mut self,
        name: &str,
        _outputs: usize,
        _inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let pieces = shared(&self.matrices, &format!("{name}.weight"))?;
        let bias =
            if has_bias { Some(shared(&self.vectors, &format!("{name}.bias"))?) } else { None };
        Ok(Linear::dense(pieces, bias))
    }

    fn vector(&mut self, name: &str, _shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        shared(&self.vectors, name)
    }

    fn table(&mut self, name: &str, _rows: usize, _columns: usize) -> Result<Table, MissingTensor> {
        shared(&self.tables, name)
    }
}
