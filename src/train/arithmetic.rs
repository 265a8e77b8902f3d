//! In what numbers a training multiplies, and the scale of losses where these have a small range.

use burn::tensor::{DType, Device};
use serde::{Deserialize, Serialize};

/// The highest factor; f32 itself ends not far above what it is multiplied with.
const MOST: u64 = 1 << 48;
/// Where a run begins, as the usual programs do.
const FIRST: u64 = 1 << 16;
/// Steps in a row after which the factor is tried at twice its size.
const PATIENCE: u64 = 2000;

/// `arithmetic`: numbers that matrices are multiplied in. Weights, sums, gradients, moments,
/// normalisation, shares of attention and losses are f32 whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arithmetic {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, small range.
    F16,
    /// 16 bits, range of f32.
    Bf16,
}

impl Arithmetic {
    /// As tensors name it.
    #[must_use]
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// Whether a device multiplies so.
    pub(crate) fn check(self, device: &Device) -> Result<(), String> {
        let name = self.name();
        if self == Self::F32 {
            return Ok(());
        }
        if *device == Device::flex() {
            return Err(format!(
                "arithmetic = \"{name}\": training on the CPU computes in 32 bits; leave the key \
                 out, or train on a graphics card that has 16 bits (--device gpu)"
            ));
        }
        if !device.supports_dtype(self.dtype()) {
            return Err(format!(
                "arithmetic = \"{name}\": this graphics card does not offer {name}; leave the key \
                 out to train in 32 bits"
            ));
        }
        Ok(())
    }
}

/// What losses are multiplied by so that their gradients do not vanish in f16: halved when one of
/// them outgrows it, doubled after many steps in which none did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossScale {
    /// A power of two.
    factor: u64,
    /// Steps since it was changed.
    good: u64,
}

impl LossScale {
    /// Where a run begins; the usual factor when none is said.
    #[must_use]
    pub fn begin(factor: Option<u64>) -> Self {
        Self { factor: factor.unwrap_or(FIRST), good: 0 }
    }

    /// What a loss is multiplied by.
    #[must_use]
    pub fn factor(self) -> u64 {
        self.factor
    }

    /// After a step whose gradients are numbers.
    #[must_use]
    pub fn kept(self) -> Self {
        match self.good + 1 {
            PATIENCE if self.factor < MOST => Self { factor: 2 * self.factor, good: 0 },
            good => Self { good: good.min(PATIENCE), ..self },
        }
    }

    /// After a step whose gradients are not; `None` when it is no matter of range.
    #[must_use]
    pub fn halved(self) -> Option<Self> {
        (self.factor > 1).then_some(Self { factor: self.factor / 2, good: 0 })
    }

    pub(crate) fn check(factor: u64) -> Result<(), String> {
        if factor.is_power_of_two() && factor <= MOST {
            return Ok(());
        }
        Err(format!("loss_scale is {factor}, not a power of two from 1 to 2^48"))
    }
}
