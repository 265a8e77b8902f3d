//! What the reader may ask for: a device, and numbers to compute in.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the reader asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceChoice {
    /// The best real GPU, else the CPU.
    #[default]
    Auto,
    /// A GPU, and be it a software one.
    Gpu,
    /// The CPU.
    Cpu,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "gpu" => Ok(Self::Gpu),
            "cpu" => Ok(Self::Cpu),
            _ => Err(format!("{text} is none of auto, gpu, cpu")),
        }
    }
}

/// How weights are stored and multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits, small range.
    F16,
    /// 16 bits, range of f32.
    Bf16,
    /// The decoder in blocks of 32 numbers of 8 bits; tower and adapters in 16.
    Q8,
    /// The decoder's layers in blocks of 32 numbers of 4 bits, its head in 8.
    Q4,
}

impl Precision {
    /// The exact one first.
    pub const ALL: [Self; 5] = [Self::F32, Self::F16, Self::Bf16, Self::Q8, Self::Q4];

    /// `f32`, `f16`, `bf16`, `q8`, `q4`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }
}

/// What the reader asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrecisionChoice {
    /// What fits and is fast on the device.
    #[default]
    Auto,
    /// This one or an error.
    Exactly(Precision),
}

impl FromStr for PrecisionChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let named = Precision::ALL.into_iter().find(|precision| precision.as_str() == text);
        named
            .map(Self::Exactly)
            .ok_or_else(|| format!("{text} is none of auto, f32, f16, bf16, q8, q4"))
    }
}
