//! Keys and values of one layer in the CPU's order.

use half::f16;

use crate::nn::CacheType;
use crate::nn::kernel::{Number, Numbers, put_key};

/// What is in the cache of a layer.
#[derive(Debug)]
pub(crate) struct HostLayer {
    held: Held,
    kv_heads: usize,
    head_dim: usize,
}

#[derive(Debug)]
enum Held {
    F32(Pair<f32>),
    F16(Pair<f16>),
}

#[derive(Debug, Default)]
struct Pair<T> {
    /// `[kv_heads][tiles][head_dim][16]`
    keys: Vec<T>,
    /// `[kv_heads][capacity][head_dim]`
    values: Vec<T>,
}

impl HostLayer {
    pub(super) fn new(number: CacheType, kv_heads: usize, head_dim: usize) -> Self {
        let held = match number {
            CacheType::F32 => Held::F32(Pair::default()),
            CacheType::F16 => Held::F16(Pair::default()),
        };
        Self { held, kv_heads, head_dim }
    }

    /// Room for `capacity` positions, a multiple of the keys of a tile.
    pub(super) fn grow(&mut self, capacity: usize) {
        let (heads, a_head) = (self.kv_heads, capacity * self.head_dim);
        match &mut self.held {
            Held::F32(pair) => pair.grow(heads, a_head),
            Held::F16(pair) => pair.grow(heads, a_head),
        }
    }

    /// Memory it takes.
    pub(super) fn bytes(&self) -> usize {
        match &self.held {
            Held::F32(pair) => pair.bytes(),
            Held::F16(pair) => pair.bytes(),
        }
    }

    /// Write a position of one head.
    pub(crate) fn put(&mut self, head: usize, position: usize, key: &[f32], value: &[f32]) {
        match &mut self.held {
            Held::F32(pair) => pair.put(self.kv_heads, head, position, key, value),
            Held::F16(pair) => pair.put(self.kv_heads, head, position, key, value),
        }
    }

    /// Keys and values of one head.
    pub(crate) fn head(&self, head: usize) -> (Numbers<'_>, Numbers<'_>) {
        match &self.held {
            Held::F32(pair) => {
                let (keys, values) = pair.head(self.kv_heads, head);
                (Numbers::F32(keys), Numbers::F32(values))
            }
            Held::F16(pair) => {
                let (keys, values) = pair.head(self.kv_heads, head);
                (Numbers::F16(keys), Numbers::F16(values))
            }
        }
    }
}

impl<T: Number> Pair<T> {
    fn grow(&mut self, heads: usize, a_head: usize) {
        for part in [&mut self.keys, &mut self.values] {
            let before = part.len() / heads.max(1);
            let mut grown = vec![T::default(); heads * a_head];
            for (new, old) in grown.chunks_mut(a_head.max(1)).zip(part.chunks(before.max(1))) {
                if let Some(place) = new.get_mut(..old.len()) {
                    place.copy_from_slice(old);
                }
            }
            *part = grown;
        }
    }

    fn bytes(&self) -> usize {
        (self.keys.len() + self.values.len()) * size_of::<T>()
    }

    fn put(&mut self, heads: usize, head: usize, position: usize, key: &[f32], value: &[f32]) {
        let a_head = self.keys.len() / heads.max(1);
        if let Some(tiles) = self.keys.get_mut(head * a_head..(head + 1) * a_head) {
            put_key(tiles, position, key);
        }
        let from = head * a_head + position * value.len();
        if let Some(places) = self.values.get_mut(from..from + value.len()) {
            for (place, value) in places.iter_mut().zip(value) {
                *place = T::of(*value);
            }
        }
    }

    fn head(&self, heads: usize, head: usize) -> (&[T], &[T]) {
        let a_head = self.keys.len() / heads.max(1);
        let range = head * a_head..(head + 1) * a_head;
        let keys = self.keys.get(range.clone()).unwrap_or_default();
        (keys, self.values.get(range).unwrap_or_default())
    }
}
