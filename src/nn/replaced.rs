//! A source of which some tensors are replaced: another task on the same base network.

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor};

use crate::nn::{Linear, MissingTensor, Table, WeightSource};

/// Gives the tensors that stand under a prefix in the place of those without it.
pub struct Replaced<'a, S> {
    inner: &'a mut S,
    prefix: &'static str,
    /// Names under the prefix, and beginnings of names that are taken from there in any case.
    names: &'a BTreeSet<String>,
    always: &'static [&'static str],
}

impl<'a, S: WeightSource> Replaced<'a, S> {
    /// `names` are those that stand under `prefix`, which is part of them; a tensor whose name
    /// holds one of `always` is never taken from elsewhere.
    pub fn new(
        inner: &'a mut S,
        prefix: &'static str,
        names: &'a BTreeSet<String>,
        always: &'static [&'static str],
    ) -> Self {
        Self { inner, prefix, names, always }
    }

    fn name(&self, name: &str, ending: &str) -> String {
        let replaced = format!("{}{name}", self.prefix);
        let is_there = self.names.contains(&format!("{replaced}{ending}"));
        if is_there || self.always.iter().any(|part| name.contains(part)) {
            return replaced;
        }
        name.to_owned()
    }
}

impl<S: WeightSource> WeightSource for Replaced<'_, S> {
    fn device(&self) -> Device {
        self.inner.device()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let name = self.name(name, ".weight");
        self.inner.linear(&name, outputs, inputs, has_bias)
    }

    fn vector(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        let name = self.name(name, "");
        self.inner.vector(&name, shape)
    }

    fn table(&mut self, name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        let name = self.name(name, "");
        self.inner.table(&name, rows, columns)
    }
}
