//! The stored values of one frame, in the narrowest type that holds them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Stored values, rows from the top. Serialised as little-endian bytes: quick through a pipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Samples {
    /// Unsigned, up to 8 bits.
    U8(#[serde(with = "le_bytes")] Vec<u8>),
    /// Unsigned, up to 16 bits.
    U16(#[serde(with = "le_bytes")] Vec<u16>),
    /// Signed, up to 16 bits.
    I16(#[serde(with = "le_bytes")] Vec<i16>),
    /// Unsigned, up to 32 bits.
    U32(#[serde(with = "le_bytes")] Vec<u32>),
    /// Signed, up to 32 bits.
    I32(#[serde(with = "le_bytes")] Vec<i32>),
    /// Float Pixel Data.
    F32(#[serde(with = "le_bytes")] Vec<f32>),
    /// Double Float Pixel Data.
    F64(#[serde(with = "le_bytes")] Vec<f64>),
    /// Colour, already 8 bits a sample: red, green, blue.
    Rgb8(#[serde(with = "le_bytes")] Vec<u8>),
}

impl Samples {
    /// The value at a position in the buffer; `None` for colour.
    #[must_use]
    pub fn get(&self, idx: usize) -> Option<f64> {
        match self {
            Self::U8(v) => v.get(idx).map(|&x| f64::from(x)),
            Self::U16(v) => v.get(idx).map(|&x| f64::from(x)),
            Self::I16(v) => v.get(idx).map(|&x| f64::from(x)),
            Self::U32(v) => v.get(idx).map(|&x| f64::from(x)),
            Self::I32(v) => v.get(idx).map(|&x| f64::from(x)),
            Self::F32(v) => v.get(idx).map(|&x| f64::from(x)),
            Self::F64(v) => v.get(idx).copied(),
            Self::Rgb8(_) => None,
        }
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) | Self::Rgb8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there is no sample at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let width = match self {
            Self::U8(_) | Self::Rgb8(_) => 1,
            Self::U16(_) | Self::I16(_) => 2,
            Self::U32(_) | Self::I32(_) | Self::F32(_) => 4,
            Self::F64(_) => 8,
        };
        self.len() * width
    }

    /// Every value in order; nothing for colour.
    pub(super) fn values(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        match self {
            Self::U8(v) => Box::new(v.iter().map(|&x| f64::from(x))),
            Self::U16(v) => Box::new(v.iter().map(|&x| f64::from(x))),
            Self::I16(v) => Box::new(v.iter().map(|&x| f64::from(x))),
            Self::U32(v) => Box::new(v.iter().map(|&x| f64::from(x))),
            Self::I32(v) => Box::new(v.iter().map(|&x| f64::from(x))),
            Self::F32(v) => Box::new(v.iter().map(|&x| f64::from(x))),
            Self::F64(v) => Box::new(v.iter().copied()),
            Self::Rgb8(_) => Box::new(std::iter::empty()),
        }
    }

    /// Smallest and largest finite value.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        fn of<T: Copy + Ord + Into<f64>>(v: &[T]) -> Option<(f64, f64)> {
            let low = v.iter().min().copied()?;
            let high = v.iter().max().copied()?;
            Some((low.into(), high.into()))
        }
        match self {
            Self::U8(v) => of(v),
            Self::U16(v) => of(v),
            Self::I16(v) => of(v),
            Self::U32(v) => of(v),
            Self::I32(v) => of(v),
            Self::F32(_) | Self::F64(_) => {
                self.values().filter(|v| v.is_finite()).fold(None, |range, v| match range {
                    None => Some((v, v)),
                    Some((low, high)) => Some((v.min(low), v.max(high))),
                })
            }
            Self::Rgb8(_) => None,
        }
    }
}

/// A number with a fixed little-endian form.
trait LeSample: Copy {
    const WIDTH: usize;
    fn put(self, out: &mut Vec<u8>);
    fn take(bytes: &[u8]) -> Self;
}

macro_rules! le_sample {
    ($($kind:ty),*) => {$(
        impl LeSample for $kind {
            const WIDTH: usize = size_of::<Self>();
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(bytes: &[u8]) -> Self {
                bytes.try_into().map_or_else(|_| Self::default(), Self::from_le_bytes)
            }
        }
    )*};
}
le_sample!(u8, u16, i16, u32, i32, f32, f64);

/// Serde's `with` functions for vectors of numbers.
mod le_bytes {
    use std::{fmt, marker::PhantomData};

    use super::{Deserializer, LeSample, Serializer, de};

    pub(super) fn serialize<T: LeSample, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(values.len() * T::WIDTH);
        values.iter().for_each(|value| value.put(&mut bytes));
        serializer.serialize_bytes(&bytes)
    }

    pub(super) fn deserialize<'de, T: LeSample, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        struct Bytes<T>(PhantomData<T>);
        impl<T: LeSample> de::Visitor<'_> for Bytes<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("little-endian samples")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(bytes.chunks_exact(T::WIDTH).map(T::take).collect())
            }
        }
        deserializer.deserialize_bytes(Bytes(PhantomData))
    }
}
