//! A device in words and numbers, as it is shown and sent about; nothing is started for it.

use serde::{Deserialize, Serialize};

use crate::nn::CacheType;
use crate::vlm::memory::MemorySize;
use crate::vlm::{GpuInfo, Precision, gigabytes, gigabytes_of};

/// What kind of device computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComputeKind {
    /// The processor.
    Cpu,
    /// A card with memory of its own.
    Gpu,
    /// A graphics part that shares the machine's memory.
    IntegratedGpu,
    /// A rasteriser that computes on the processor.
    SoftwareGpu,
}

impl ComputeKind {
    /// Of an adapter.
    #[must_use]
    pub fn of(gpu: &GpuInfo) -> Self {
        match gpu {
            GpuInfo { is_software: true, .. } => Self::SoftwareGpu,
            GpuInfo { is_integrated: true, .. } => Self::IntegratedGpu,
            _ => Self::Gpu,
        }
    }

    /// Short name for scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::IntegratedGpu => "integrated-gpu",
            Self::SoftwareGpu => "software-gpu",
        }
    }

    /// Where its memory is.
    #[must_use]
    pub fn memory_name(self) -> &'static str {
        if self == Self::Gpu { "on the GPU" } else { "on this computer" }
    }

    /// How keys and values are stored beside weights of a precision.
    #[must_use]
    pub fn cache_type(self, precision: Precision) -> CacheType {
        match (self, precision) {
            (_, Precision::F32) => CacheType::F32,
            // rounded once, far less than the weights were
            (Self::Cpu, _) => CacheType::F16,
            (_, Precision::Bf16) => CacheType::F32,
            // an adapter that stores weights so computes in f16
            (_, Precision::F16 | Precision::Q8 | Precision::Q4) => CacheType::F16,
        }
    }

    /// Positions of a prompt read at once: large enough to use the device, small enough to keep
    /// the scores of a layer within its largest tensor.
    #[must_use]
    pub fn chunk_len(self) -> usize {
        match self {
            Self::Gpu | Self::IntegratedGpu => 512,
            Self::SoftwareGpu => 128,
            // half a layer of a 7B model takes a tenth of a second, and between halves one can
            // stop; 16-bit weights are widened once a chunk
            Self::Cpu => 256,
        }
    }
}

/// A device and its memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// "gpu: NVIDIA … (Vulkan)", "cpu: 2 threads".
    pub label: String,
    /// As its driver or the system names it.
    pub name: String,
    /// What it is.
    pub kind: ComputeKind,
    /// All of its memory, where that is known.
    pub memory_bytes: Option<u64>,
    /// What is free of it.
    pub free_bytes: Option<u64>,
    /// In what it computes.
    pub precisions: Vec<Precision>,
}

impl DeviceInfo {
    /// Whether weights can be stored and multiplied in this precision.
    #[must_use]
    pub fn supports(&self, precision: Precision) -> bool {
        self.precisions.contains(&precision)
    }

    /// "22.3 of 24.0 GB free on the GPU"; `None` where its memory is not known.
    #[must_use]
    pub fn room(&self) -> Option<String> {
        let place = self.kind.memory_name();
        let all = self.memory_bytes?;
        Some(match self.free_bytes {
            Some(free) => format!("{} free {place}", gigabytes_of(free, all)),
            None => format!("{} {place}", gigabytes(all)),
        })
    }

    /// Whether it has memory apart from the machine's.
    #[must_use]
    pub fn has_own_memory(&self) -> bool {
        self.kind == ComputeKind::Gpu
    }

    pub(super) fn of_gpu(label: String, gpu: &GpuInfo) -> Self {
        let mut precisions = vec![Precision::F32];
        // WGSL has no bf16, and few cards; beside blocks there are matrices in f16
        if gpu.has_f16 {
            precisions.extend([Precision::F16, Precision::Q8, Precision::Q4]);
        }
        Self {
            label,
            name: gpu.name.clone(),
            kind: ComputeKind::of(gpu),
            memory_bytes: gpu.memory_bytes,
            free_bytes: gpu.free_bytes,
            precisions,
        }
    }

    pub(super) fn of_cpu(label: String, memory: MemorySize) -> Self {
        Self {
            label,
            name: cpu_name().unwrap_or_else(|| "CPU".to_owned()),
            kind: ComputeKind::Cpu,
            memory_bytes: memory.total_bytes,
            free_bytes: memory.free_bytes,
            precisions: Precision::ALL.to_vec(),
        }
    }
}

/// Where the system tells.
fn cpu_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
