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
}

impl Precision {
    /// The exact one first.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// Bytes of one number.
    #[must_use]
    pub fn bytes(self) -> u64 {
        if self == Self::F32 { 4 } else { 2 }
    }

    /// `f32`, `f16`, `bf16`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
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
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::Exactly(Precision::F32)),
            "f16" => Ok(Self::Exactly(Precision::F16)),
            "bf16" => Ok(Self::Exactly(Precision::Bf16)),
            "q8" | "q4" => Err(format!("{text} is not supported yet, choose f16")),
            _ => Err(format!("{text} is none of auto, f32, f16, bf16")),
        }
    }
}
