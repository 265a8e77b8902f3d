//! Keys and values of the positions read so far.

use burn::tensor::{DType, Device, Tensor};

use crate::nn::host_layer::HostLayer;

/// Positions by which the cache grows.
const STEP: usize = 256;

/// How keys and values are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheType {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits: half the memory, and half of what a step reads. Keys and values are results of
    /// products, far within the range, and are rounded once.
    F16,
}

impl CacheType {
    /// Bytes of a number.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.dtype().size()
    }

    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
        }
    }
}

/// One conversation's keys and values, a pair a layer.
#[derive(Debug)]
pub struct KvCache {
    layers: Layers,
    kv_heads: usize,
    head_dim: usize,
    len: usize,
    capacity: usize,
    device: Device,
    numbers: CacheType,
}

#[derive(Debug)]
enum Layers {
    /// The tensors are longer than what is filled and each has one owner, so that a further
    /// position is written in place: a second owner would turn every write into a copy.
    Device(Vec<Option<(Tensor<3>, Tensor<3>)>>),
    Host(Vec<HostLayer>),
}

impl KvCache {
    pub(crate) fn new(
        layers: usize,
        [kv_heads, head_dim]: [usize; 2],
        numbers: CacheType,
        device: Device,
    ) -> Self {
        let layers = if device == Device::flex() {
            let empty = |_| HostLayer::new(numbers, kv_heads, head_dim);
            Layers::Host((0..layers).map(empty).collect())
        } else {
            Layers::Device((0..layers).map(|_| None).collect())
        };
        Self { layers, kv_heads, head_dim, len: 0, capacity: 0, device, numbers }
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

    /// Memory its keys and values take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of_tensors = 2 * self.kv_heads * self.capacity * self.head_dim * self.numbers.bytes();
        match &self.layers {
            Layers::Host(layers) => layers.iter().map(HostLayer::bytes).sum(),
            Layers::Device(layers) => layers.iter().flatten().count() * of_tensors,
        }
    }

    /// Make room for this many positions in all.
    pub fn reserve(&mut self, positions: usize) {
        if positions <= self.capacity {
            return;
        }
        let capacity = Self::capacity_for(positions);
        let mut layers = std::mem::replace(&mut self.layers, Layers::Host(Vec::new()));
        match &mut layers {
            Layers::Host(layers) => layers.iter_mut().for_each(|layer| layer.grow(capacity)),
            Layers::Device(layers) => {
                for layer in layers {
                    *layer = layer
                        .take()
                        .map(|(k, v)| (self.grown(k, capacity), self.grown(v, capacity)));
                }
            }
        }
        self.layers = layers;
        self.capacity = capacity;
    }

    /// Forget the positions from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn empty(&self, capacity: usize) -> Tensor<3> {
        let options = (&self.device, self.numbers.dtype());
        Tensor::zeros([self.kv_heads, capacity, self.head_dim], options)
    }

    fn grown(&self, old: Tensor<3>, capacity: usize) -> Tensor<3> {
        if self.len == 0 {
            return self.empty(capacity);
        }
        let filled = old.narrow(1, 0, self.len);
        self.empty(capacity).slice_assign([0..self.kv_heads, 0..self.len, 0..self.head_dim], filled)
    }

    /// A layer that lives on the CPU, with room for `seq` further positions.
    pub(crate) fn host_layer(&mut self, layer: usize, seq: usize) -> Option<&mut HostLayer> {
        if !matches!(self.layers, Layers::Host(_)) {
            return None;
        }
        self.reserve(self.len + seq);
        match &mut self.layers {
            Layers::Host(layers) => layers.get_mut(layer),
            Layers::Device(_) => None,
        }
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
        let dtype = all_k.dtype();
        let all_k = all_k.slice_assign(place.clone(), k.cast(dtype));
        let all_v = all_v.slice_assign(place, v.cast(dtype));
        let filled = |all: &Tensor<3>| all.clone().narrow(1, 0, end).cast(DType::F32);
        let both = (filled(&all_k), filled(&all_v));
        self.put(layer, all_k, all_v);
        both
    }

    /// The tensors of a layer of a device, with room for `seq` further positions; [`Self::put`]
    /// puts them back.
    ///
    /// # Shapes
    /// `[kv_heads, capacity, head_dim]` twice.
    pub(crate) fn take(&mut self, layer: usize, seq: usize) -> (Tensor<3>, Tensor<3>) {
        self.reserve(self.len + seq);
        let taken = match &mut self.layers {
            Layers::Device(layers) => layers.get_mut(layer).and_then(Option::take),
            Layers::Host(_) => None,
        };
        taken.unwrap_or_else(|| (self.empty(self.capacity), self.empty(self.capacity)))
    }

    pub(crate) fn put(&mut self, layer: usize, k: Tensor<3>, v: Tensor<3>) {
        if let Layers::Device(layers) = &mut self.layers
            && let Some(slot) = layers.get_mut(layer)
        {
            *slot = Some((k, v));
        }
    }

    pub(crate) fn advance(&mut self, seq: usize) {
        self.len += seq;
    }
}
