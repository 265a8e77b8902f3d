//! Where a model computes: a real GPU, the CPU, or, only when asked for, a software rasteriser.

use std::pin::pin;
use std::str::FromStr;
use std::task::{Context, Poll, Waker};

use burn::tensor::{DType, Device, DeviceKind, Tensor};
use serde::{Deserialize, Serialize};
use wgpu::DeviceType;

use crate::vlm::ModelError;

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

/// A graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuInfo {
    /// As its driver names it.
    pub name: String,
    /// "Vulkan", "Metal", "Dx12".
    pub backend: String,
    /// A rasteriser that computes on the CPU.
    pub is_software: bool,
    /// Shares the machine's memory.
    pub is_integrated: bool,
    /// Largest tensor it can bind, in bytes.
    pub max_binding_bytes: u64,
}

/// A chosen device, ready to hold tensors.
#[derive(Clone, Debug)]
pub struct ComputeDevice {
    pub(crate) device: Device,
    gpu: Option<GpuInfo>,
    threads: usize,
}

impl ComputeDevice {
    /// The CPU.
    #[must_use]
    pub fn cpu() -> Self {
        Self { device: Device::flex(), gpu: None, threads: rayon::current_num_threads() }
    }

    /// "gpu: NVIDIA … (Vulkan)", "cpu: 2 threads".
    #[must_use]
    pub fn label(&self) -> String {
        match &self.gpu {
            Some(gpu) => format!("gpu: {} ({})", gpu.name, gpu.backend),
            None if self.threads == 1 => "cpu: 1 thread".to_owned(),
            None => format!("cpu: {} threads", self.threads),
        }
    }

    /// "gpu" or "cpu".
    #[must_use]
    pub fn short(&self) -> &'static str {
        if self.gpu.is_some() { "gpu" } else { "cpu" }
    }

    /// The adapter, when it is one.
    #[must_use]
    pub fn gpu(&self) -> Option<&GpuInfo> {
        self.gpu.as_ref()
    }

    /// Threads of the CPU; 0 on a GPU.
    #[must_use]
    pub fn threads(&self) -> usize {
        if self.gpu.is_some() { 0 } else { self.threads }
    }

    /// Whether weights can be stored and multiplied in this precision.
    #[must_use]
    pub fn supports(&self, precision: Precision) -> bool {
        let dtype = match precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
        };
        self.device.supports_dtype(dtype)
    }

    /// Read a result back, which is where faults of the device show themselves.
    pub(crate) fn read<const D: usize>(
        &self,
        tensor: Tensor<D>,
        doing: &'static str,
    ) -> Result<Vec<f32>, ModelError> {
        let failed = |reason: String| ModelError::Device { device: self.label(), doing, reason };
        let data = tensor.try_into_data().map_err(|error| failed(error.to_string()))?;
        data.try_into_vec_as::<f32>().map_err(|error| failed(error.to_string()))
    }

    /// Wait until everything submitted is done.
    pub(crate) fn sync(&self, doing: &'static str) -> Result<(), ModelError> {
        self.device.sync().map_err(|error| ModelError::Device {
            device: self.label(),
            doing,
            reason: error.to_string(),
        })
    }

    /// Largest tensor in one piece.
    #[must_use]
    pub fn max_tensor_bytes(&self) -> u64 {
        self.gpu.as_ref().map_or(u64::MAX, |gpu| gpu.max_binding_bytes)
    }
}

/// All adapters, real ones first, in the order burn numbers them.
#[must_use]
pub fn detect_gpus() -> Vec<GpuInfo> {
    enumerate().into_iter().map(|(gpu, _)| gpu).collect()
}

/// # Errors
/// When a GPU is demanded and there is none.
pub fn choose_device(choice: DeviceChoice) -> Result<ComputeDevice, ModelError> {
    if choice == DeviceChoice::Cpu {
        return Ok(ComputeDevice::cpu());
    }
    let best = enumerate().into_iter().next();
    match best {
        Some((gpu, kind)) if choice == DeviceChoice::Gpu || !gpu.is_software => {
            Ok(open_gpu(gpu, kind))
        }
        _ if choice == DeviceChoice::Gpu => Err(ModelError::NoGpu),
        _ => Ok(ComputeDevice::cpu()),
    }
}

fn open_gpu(gpu: GpuInfo, kind: DeviceKind) -> ComputeDevice {
    let device = Device::wgpu(kind);
    ComputeDevice { device, gpu: Some(gpu), threads: 0 }
}

/// The value of a future that never waits: outside of browsers listing adapters does not.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Adapters of the graphics interface burn will use, with burn's number for each.
///
/// burn asks its interfaces in a fixed order and takes the first that has any adapter
/// (`cubecl-wgpu`, `resolve_backend`); each kind of adapter is counted from 0.
fn enumerate() -> Vec<(GpuInfo, DeviceKind)> {
    let backends = if cfg!(target_os = "macos") {
        [wgpu::Backends::METAL, wgpu::Backends::VULKAN]
    } else if cfg!(target_os = "windows") {
        [wgpu::Backends::VULKAN, wgpu::Backends::DX12]
    } else {
        [wgpu::Backends::VULKAN, wgpu::Backends::empty()]
    };
    let adapters = backends.into_iter().filter(|b| !b.is_empty()).find_map(|backends| {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = backends;
        let instance = wgpu::Instance::new(descriptor);
        let adapters = ready(instance.enumerate_adapters(backends)).unwrap_or_default();
        (!adapters.is_empty()).then_some(adapters)
    });
    let mut found = Vec::new();
    let (mut discrete, mut integrated, mut virtuals) = (0, 0, 0);
    let next = |count: &mut usize| std::mem::replace(count, *count + 1);
    for adapter in adapters.unwrap_or_default() {
        let info = adapter.get_info();
        let kind = match info.device_type {
            DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(next(&mut discrete)),
            DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(next(&mut integrated)),
            DeviceType::VirtualGpu => DeviceKind::VirtualGpu(next(&mut virtuals)),
            DeviceType::Cpu => DeviceKind::Cpu,
            DeviceType::Other => continue,
        };
        let gpu = GpuInfo {
            name: info.name,
            backend: format!("{:?}", info.backend),
            is_software: kind == DeviceKind::Cpu,
            is_integrated: matches!(kind, DeviceKind::IntegratedGpu(_)),
            max_binding_bytes: adapter.limits().max_storage_buffer_binding_size,
        };
        found.push((gpu, kind));
    }
    found.sort_by_key(|(_, kind)| match kind {
        DeviceKind::DiscreteGpu(_) => 0,
        DeviceKind::IntegratedGpu(_) => 1,
        DeviceKind::VirtualGpu(_) => 2,
        _ => 3,
    });
    found
}
