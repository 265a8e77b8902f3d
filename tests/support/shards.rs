//! The tensors of SafeTensors files, as numbers by name and as a network's weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use half::bf16;
use reading_room::nn::{Linear, MissingTensor, Table, TableValues, WeightSource};
use safetensors::{Dtype, SafeTensors};

/// Extents and numbers of a tensor.
pub(crate) type Numbers = (Vec<usize>, Vec<f32>);

/// Every tensor of a file; whole numbers too, which are small in the cases.
pub(crate) fn read(path: &Path) -> BTreeMap<String, Numbers> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .map(|(name, view)| {
            let number = |bytes: &[u8]| match view.dtype() {
                Dtype::U8 => f32::from(bytes[0]),
                Dtype::I32 => i32::from_le_bytes(bytes.try_into().unwrap()) as f32,
                Dtype::I64 => i64::from_le_bytes(bytes.try_into().unwrap()) as f32,
                Dtype::F32 => f32::from_le_bytes(bytes.try_into().unwrap()),
                Dtype::BF16 => bf16::from_le_bytes(bytes.try_into().unwrap()).to_f32(),
                other => panic!("{name} is {other:?}"),
            };
            let values = view.data().chunks_exact(view.dtype().bitsize() / 8).map(number);
            (name.to_owned(), (view.shape().to_vec(), values.collect()))
        })
        .collect()
}

/// The weights of a model's folder, in f32.
pub(crate) struct Shards {
    device: Device,
    tensors: BTreeMap<String, Numbers>,
}

impl Shards {
    pub(crate) fn open(folder: &Path, device: &Device) -> Self {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|e| e == "safetensors")).collect();
        let tensors = files.iter().flat_map(|file| read(file)).collect();
        Self { device: device.clone(), tensors }
    }

    /// Names that nobody asked for.
    pub(crate) fn left(&self, prefix: &str) -> Vec<&String> {
        self.tensors.keys().filter(|name| name.starts_with(prefix)).collect()
    }

    /// The first extent and the product of the others must be those asked for.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, MissingTensor> {
        let found = self.tensors.remove(name);
        let (found, values) = found.ok_or_else(|| MissingTensor(name.to_owned()))?;
        assert_eq!(found[0], shape[0], "{name}");
        assert_eq!(found.iter().product::<usize>(), shape.iter().product::<usize>(), "{name}");
        Ok(values)
    }
}

impl WeightSource for Shards {
    fn device(&self) -> Device {
        self.device.clone()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let values = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let weight = TensorData::new(values, [outputs, inputs]);
        let weight = Tensor::from_data(weight, &self.device);
        let bias = has_bias.then(|| self.vector(&format!("{name}.bias"), &[outputs]));
        Ok(Linear::dense(vec![weight], bias.transpose()?))
    }

    fn vector(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        let values = self.take(name, shape)?;
        let len = values.len();
        Ok(Tensor::from_data(TensorData::new(values, [len]), &self.device))
    }

    fn table(&mut self, name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        Ok(Table::new(TableValues::F32(self.take(name, &[rows, columns])?), columns))
    }
}
