//! Keys and values of the positions read so far.

use burn::tensor::{Device, Tensor};

/// Positions by which the cache grows.
const STEP: usize = 256;

/// One conversation's keys and values, a pair a layer.
///
/// The tensors are longer than what is filled and each has one owner, so that a further position
/// is written in place: a second owner would turn every write into a copy.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<Option<(Tensor<3>, Tensor<3>)>>,
    kv_heads: usize,
    head_dim: usize,
    len: usize,
    capacity: usize,
    device: Device,
}

impl KvCache {
    pub(crate) fn new(layers: usize, kv_heads: usize, head_dim: usize, device: Device) -> Self {
        let layers = (0..layers).map(|_| None).collect();
        Self { layers, kv_heads, head_dim, len: 0, capacity: 0, device }
    }

    /// Positions filled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is filled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Positions there is memory for when there is room for this many.
    pub(crate) fn capacity_for(positions: usize) -> usize {
        positions.next_multiple_of(STEP)
    }

    /// Make room for this many positions in all.
    pub fn reserve(&mut self, positions: usize) {
        if positions <= self.capacity {
            return;
        }
        let capacity = Self::capacity_for(positions);
        let mut layers = std::mem::take(&mut self.layers);
        for layer in &mut layers {
            *layer = layer.take().map(|(k, v)| (self.grown(k, capacity), self.grown(v, capacity)));
        }
        self.layers = layers;
        self.capacity = capacity;
    }

    /// Forget the positions from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn empty(&self, capacity: usize) -> Tensor<3> {
        Tensor::zeros([self.kv_heads, capacity, self.head_dim], &self.device)
    }

    fn grown(&self, old: Tensor<3>, capacity: usize) -> Tensor<3> {
        if self.len == 0 {
            return self.empty(capacity);
        }
        let filled = old.narrow(1, 0, self.len);
        self.empty(capacity).slice_assign([0..self.kv_heads, 0..self.len, 0..self.head_dim], filled)
    }

    /// Write the next positions of a layer and give all of it; [`Self::advance`] follows once
    /// all layers are written.
    ///
    /// # Shapes
    /// `[kv_heads, seq, head_dim]` twice → `[kv_heads, past + seq, head_dim]` twice.
    pub(crate) fn write(
        &mut self,
        layer: usize,
        k: Tensor<3>,
        v: Tensor<3>,
    ) -> (Tensor<3>, Tensor<3>) {
        let [_, seq, _] = k.dims();
        let (all_k, all_v) = self.take(layer, seq);
        let end = self.len + seq;
        let place = [0..self.kv_heads, self.len..end, 0..self.head_dim];
        let all_k = all_k.slice_assign(place.clone(), k);
        let all_v = all_v.slice_assign(place, v);
        let filled = (all_k.clone().narrow(1, 0, end), all_v.clone().narrow(1, 0, end));
        self.put(layer, all_k, all_v);
        filled
    }

    /// The tensors of a layer with room for `seq` further positions; [`Self::put`] puts them back.
    ///
    /// # Shapes
    /// `[kv_heads, capacity, head_dim]` twice.
    pub(crate) fn take(&mut self, layer: usize, seq: usize) -> (Tensor<3>, Tensor<3>) {
        self.reserve(self.len + seq);
        match self.layers.get_mut(layer).and_then(Option::take) {
            Some(pair) => pair,
            None => (self.empty(self.capacity), self.empty(self.capacity)),
        }
    }

    pub(crate) fn put(&mut self, layer: usize, k: Tensor<3>, v: Tensor<3>) {
        if let Some(slot) = self.layers.get_mut(layer) {
            *slot = Some((k, v));
        }
    }

    pub(crate) fn advance(&mut self, seq: usize) {
        self.len += seq;
    }
}
