//! The two sources of a network's tensors: the list of what it expects, and what was read.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, Tensor, TensorData};

use crate::nn::{
    BlockFormat, BlockMatrix, HostMatrix, Linear, MissingTensor, Table, TableValues, WeightSource,
};
use crate::vlm::ModelError;
use crate::vlm::conversion::{Conversion, Prepared, PreparedMatrix};
use crate::vlm::storage::MatrixSizes;
use crate::vlm::tower::is_of_a_block;

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

    /// Of a matrix.
    pub(crate) fn matrix_sizes(&self) -> MatrixSizes {
        match self.shape.as_slice() {
            [rows, columns] => MatrixSizes::of(*rows, *columns),
            _ => MatrixSizes::of_numbers(self.numbers()),
        }
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

/// Tensors that were read, on the device.
pub(crate) struct Loaded {
    conversion: Conversion,
    matrices: HashMap<String, Matrix>,
    vectors: HashMap<String, Tensor<1>>,
    tables: HashMap<String, Table>,
}

/// A matrix as it is multiplied.
#[derive(Clone)]
pub(crate) enum Matrix {
    /// Pieces of whole rows.
    Dense(Vec<Tensor<2>>),
    /// Blocks in the CPU's order.
    Host(HostMatrix),
    /// Pieces of whole rows of blocks in a card's order.
    Card(Vec<BlockMatrix>),
}

/// All that is loaded of one name: handles, not copies.
pub(crate) struct Held {
    pub(crate) matrix: Option<Matrix>,
    pub(crate) vector: Option<Tensor<1>>,
    pub(crate) table: Option<Table>,
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

    /// Say that the blocks of the tower come in eight bits.
    pub(crate) fn expect_rounded_tower(&mut self, is_rounded: bool) {
        self.conversion.has_rounded_tower = is_rounded;
    }

    /// Store the blocks of the tower in eight bits; what they were is given.
    pub(crate) fn round_tower(&mut self) -> Result<Vec<(String, Matrix)>, ModelError> {
        let mut before: Vec<(String, Matrix)> = self
            .matrices
            .iter()
            .filter(|(name, _)| is_of_a_block(name))
            .map(|(name, matrix)| (name.clone(), matrix.clone()))
            .collect();
        before.sort_by(|(a, _), (b, _)| a.cmp(b));
        // of its own, to be given back whole
        let other = Conversion::new(self.conversion.device.clone(), self.conversion.precision);
        for (name, matrix) in &before {
            if let Matrix::Host(matrix) = matrix {
                let rounded = other.repacked(BlockFormat::Q8, matrix)?;
                self.matrices.insert(name.clone(), Matrix::Host(rounded));
            }
        }
        self.conversion.has_rounded_tower = true;
        Ok(before)
    }

    /// Undo [`Self::round_tower`].
    pub(crate) fn put_back(&mut self, before: Vec<(String, Matrix)>) {
        self.matrices.extend(before);
        self.conversion.has_rounded_tower = false;
    }

    /// What was placed under a name.
    pub(crate) fn held(&self, name: &str) -> Held {
        Held {
            matrix: self.matrices.get(name).cloned(),
            vector: self.vectors.get(name).cloned(),
            table: self.tables.get(name).cloned(),
        }
    }

    /// Put a tensor onto the device.
    pub(crate) fn place(&mut self, name: &str, prepared: Prepared) {
        let device = self.device();
        let matrix = prepared.matrix.map(|matrix| match matrix {
            PreparedMatrix::Dense(pieces) => Matrix::Dense(
                pieces
                    .into_iter()
                    .map(|piece| {
                        let dtype = piece.dtype();
                        Tensor::from_data(piece, (&device, dtype))
                    })
                    .collect(),
            ),
            PreparedMatrix::Host(matrix) => Matrix::Host(matrix),
            PreparedMatrix::Card(pieces) => Matrix::Card(
                pieces.into_iter().map(|rows| BlockMatrix::new(rows, &device)).collect(),
            ),
        });
        if let Some(matrix) = matrix {
            self.matrices.insert(name.to_owned(), matrix);
        }
        if let Some(values) = prepared.vector {
            let len = values.len();
            let tensor = Tensor::from_data(TensorData::new(values, [len]), &device);
            self.vectors.insert(name.to_owned(), tensor);
        }
        if let Some(table) = prepared.table {
            self.tables.insert(name.to_owned(), table);
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
        let matrix = shared(&self.matrices, &format!("{name}.weight"))?;
        let bias =
            if has_bias { Some(shared(&self.vectors, &format!("{name}.bias"))?) } else { None };
        Ok(match matrix {
            Matrix::Dense(pieces) => Linear::dense(pieces, bias),
            Matrix::Host(matrix) => Linear::host(matrix, bias),
            Matrix::Card(pieces) => Linear::blocks(pieces, bias),
        })
    }

    fn vector(&mut self, name: &str, _shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        shared(&self.vectors, name)
    }

    fn table(&mut self, name: &str, _rows: usize, _columns: usize) -> Result<Table, MissingTensor> {
        shared(&self.tables, name)
    }
}
