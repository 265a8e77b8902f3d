//! The tensors of a model while it learns, by name.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use crate::train::first_values::first_values;
use crate::train::{Arithmetic, LossScale, Part, TrainError};
use crate::vlm::{Task, TensorShape, Trainee};

/// One tensor.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// As the files have it, outermost first.
    pub shape: Vec<usize>,
    /// Row-major, f32, recording nothing.
    pub value: Tensor<1>,
    /// The same, recording, while a stage trains it.
    leaf: Option<Tensor<1>>,
}

impl Parameter {
    /// What networks are built of.
    #[must_use]
    pub fn tensor(&self) -> Tensor<1> {
        self.leaf.clone().unwrap_or_else(|| self.value.clone())
    }

    /// What gradients are asked for by; `None` when it does not learn.
    #[must_use]
    pub fn leaf(&self) -> Option<&Tensor<1>> {
        self.leaf.as_ref()
    }

    /// Give it another value.
    pub fn set(&mut self, value: Tensor<1>) {
        if self.leaf.is_some() {
            self.leaf = Some(value.clone().autodiff().require_grad());
        }
        self.value = value;
    }

    /// Numbers in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no numbers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Parameters {
    by_name: BTreeMap<String, Parameter>,
    device: Device,
    /// Numbers that networks are built of.
    arithmetic: Arithmetic,
    /// What losses are multiplied by before the way back.
    loss_scale: Option<u64>,
}

impl Parameters {
    /// With values of the seed. Every tensor has its own numbers, whatever others there are.
    #[must_use]
    pub fn random(tensors: &[TensorShape], seed: u64, device: &Device) -> Self {
        let (by_name, device) = (BTreeMap::new(), device.clone());
        let arithmetic = Arithmetic::default();
        let mut parameters = Self { by_name, device, arithmetic, loss_scale: None };
        for TensorShape { name, shape, .. } in tensors {
            let values = first_values(name, shape, seed);
            parameters.insert(name, shape.clone(), values);
        }
        parameters
    }

    /// Put a tensor in its place.
    pub fn insert(&mut self, name: &str, shape: Vec<usize>, values: Vec<f32>) {
        let data = TensorData::new(values, [shape.iter().product::<usize>()]);
        let value = Tensor::from_data(data, &self.device);
        self.by_name.insert(name.to_owned(), Parameter { shape, value, leaf: None });
    }

    /// Where they live.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Multiply in these numbers from now on, with losses multiplied by a factor.
    pub fn compute_in(&mut self, arithmetic: Arithmetic, loss_scale: Option<LossScale>) {
        self.arithmetic = arithmetic;
        self.loss_scale = loss_scale.map(LossScale::factor);
    }

    /// A matrix as networks multiply with it.
    pub(crate) fn matrix(&self, matrix: Tensor<2>) -> Tensor<2> {
        match self.arithmetic {
            Arithmetic::F32 => matrix,
            shorter => matrix.cast(shorter.dtype()),
        }
    }

    /// What losses are multiplied by.
    pub(crate) fn loss_scale(&self) -> Option<u64> {
        self.loss_scale
    }

    /// By name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.by_name.get(name)
    }

    /// Give a tensor other numbers; whether it learns stays as it is.
    pub(crate) fn change(&mut self, name: &str, values: Vec<f32>) {
        let data = TensorData::new(values, [self.get(name).map_or(0, Parameter::len)]);
        if let Some(parameter) = self.by_name.get_mut(name) {
            parameter.set(Tensor::from_data(data, &self.device));
        }
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Parameter)> {
        self.by_name.iter()
    }

    /// All, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut Parameter)> {
        self.by_name.iter_mut()
    }

    /// Only these parts learn from now on.
    pub fn learn(&mut self, parts: &[Part]) {
        self.learn_as(parts, Trainee::part_of);
    }

    /// Only these parts of a task learn from now on.
    pub fn learn_for(&mut self, task: Task, parts: &[Part]) {
        self.learn_where(|name| {
            Trainee::is_of_task(name, task) && is_one_of(Trainee::part_of(name), parts)
        });
    }

    /// The same where tensors belong to other parts.
    pub(crate) fn learn_as(&mut self, parts: &[Part], part_of: fn(&str) -> &'static str) {
        self.learn_where(|name| is_one_of(part_of(name), parts));
    }

    fn learn_where(&mut self, learns: impl Fn(&str) -> bool) {
        for (name, parameter) in &mut self.by_name {
            let leaf = || parameter.value.clone().autodiff().require_grad();
            parameter.leaf = learns(name).then(leaf);
        }
    }

    /// The same numbers, whose gradients are recorded apart from these.
    #[must_use]
    pub(crate) fn apart(&self) -> Self {
        let mut apart = self.clone();
        for parameter in apart.by_name.values_mut().filter(|one| one.leaf.is_some()) {
            parameter.set(parameter.value.clone());
        }
        apart
    }

    /// Nothing learns: what is computed records nothing.
    pub fn rest(&mut self) {
        self.learn(&[]);
    }

    /// Numbers that learn.
    #[must_use]
    pub fn learning(&self) -> usize {
        self.by_name.values().filter(|one| one.leaf.is_some()).map(Parameter::len).sum()
    }

    /// The values of a tensor on the host.
    ///
    /// # Errors
    /// When the device fails.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, TrainError> {
        let value = self.by_name.get(name).map(|parameter| parameter.value.clone());
        value.map_or_else(|| Ok(Vec::new()), host_values)
    }
}

fn is_one_of(part: &str, parts: &[Part]) -> bool {
    parts.iter().any(|wanted| wanted.name() == part)
}

/// Numbers of a tensor on the host.
pub(crate) fn host_values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TrainError> {
    tensor.into_data().try_to_vec().map_err(|error| {
        let (device, doing) = ("the device".to_owned(), "reading a tensor back");
        crate::vlm::ModelError::Device { device, doing, reason: format!("{error:?}") }.into()
    })
}
