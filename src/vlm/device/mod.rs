//! Where a model computes: a real GPU, the CPU, or, only when asked for, a software rasteriser.

mod adapters;
mod choice;
mod heaps;
mod info;
mod start;
mod wgsl;

use burn::tensor::{DType, Device, DeviceKind, Tensor, Transaction};

use crate::nn::{kernels_of_this_processor, vectors_of_this_processor};
use crate::vlm::ModelError;
use crate::vlm::memory::machine_memory;
use adapters::enumerate;

pub use adapters::{GpuInfo, detect_gpus};
pub use choice::{DeviceChoice, Precision, PrecisionChoice};
pub use info::{ComputeKind, DeviceInfo};

/// A chosen device, ready to hold tensors.
#[derive(Clone, Debug)]
pub struct ComputeDevice {
    pub(crate) device: Device,
    gpu: Option<GpuInfo>,
    /// burn's number of it.
    adapter: Option<DeviceKind>,
    threads: usize,
}

impl ComputeDevice {
    /// The CPU.
    #[must_use]
    pub fn cpu() -> Self {
        let threads = rayon::current_num_threads();
        Self { device: Device::flex(), gpu: None, adapter: None, threads }
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

    /// What runs its programs: name and version of an adapter's driver, of the CPU the widest
    /// instructions that are used.
    #[must_use]
    pub fn driver(&self) -> String {
        match &self.gpu {
            Some(gpu) => gpu.driver.clone(),
            None => instructions_used(),
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

    /// What kind of device it is.
    #[must_use]
    pub fn kind(&self) -> ComputeKind {
        self.gpu.as_ref().map_or(ComputeKind::Cpu, ComputeKind::of)
    }

    /// The device in words and numbers. Its memory is that of the moment it was chosen, on the
    /// CPU that of now.
    #[must_use]
    pub fn info(&self) -> DeviceInfo {
        match &self.gpu {
            Some(gpu) => DeviceInfo::of_gpu(self.label(), gpu),
            None => DeviceInfo::of_cpu(self.label(), machine_memory()),
        }
    }

    /// Whether weights can be stored and multiplied in this precision.
    #[must_use]
    pub fn supports(&self, precision: Precision) -> bool {
        let dtype = match precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 if self.gpu.is_some() => return false,
            Precision::Bf16 => DType::BF16,
            // beside blocks there are matrices in f16
            Precision::Q8 | Precision::Q4 => DType::F16,
        };
        self.open().supports_dtype(dtype)
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

    /// Read several results back, waiting once for all.
    pub(crate) fn read_all<const D: usize>(
        &self,
        tensors: Vec<Tensor<D>>,
        doing: &'static str,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let failed = |reason: String| ModelError::Device { device: self.label(), doing, reason };
        let all = tensors.into_iter().fold(Transaction::default(), Transaction::register);
        let all = all.try_execute().map_err(|error| failed(error.to_string()))?;
        all.into_iter()
            .map(|data| data.try_into_vec_as::<f32>().map_err(|error| failed(error.to_string())))
            .collect()
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

/// Compute on this many threads, and say how many it became: 0 for as many as the machine has.
///
/// The first computation of a process decides for good, so this comes before it, and on the thread
/// that computes: it is one of them, for waking another at every product would cost as much as the
/// product of one row. Alone it is not, since others hand work over while it waits for them.
pub fn set_threads(count: usize) -> usize {
    let mut pool = rayon::ThreadPoolBuilder::new().num_threads(count);
    if count != 1 && available_threads() > 1 {
        pool = pool.use_current_thread();
    }
    // an error means that the threads are there already
    pool.build_global().ok();
    rayon::current_num_threads()
}

fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
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
    let device = Device::wgpu(kind.clone());
    ComputeDevice { device, gpu: Some(gpu), adapter: Some(kind), threads: 0 }
}

/// "avx512", or "avx512, avx2 for weights in blocks" where these have kernels of another kind.
fn instructions_used() -> String {
    let (vectors, blocks) = (vectors_of_this_processor(), kernels_of_this_processor());
    if vectors == blocks {
        vectors.to_owned()
    } else {
        format!("{vectors}, {blocks} for weights in blocks")
    }
}
