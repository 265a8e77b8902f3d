//! The graphics adapters of this machine, in the order burn will number them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::DeviceKind;
use serde::{Deserialize, Serialize};
use wgpu::{Adapter, AdapterInfo, DeviceType};

use crate::vlm::device::heaps::{lays_out_shared_memory, own_memory};
use crate::vlm::memory::machine_memory;

/// A graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuInfo {
    /// As its driver names it.
    pub name: String,
    /// "Vulkan", "Metal", "Dx12".
    pub backend: String,
    /// Name and version of its driver, as far as they are told.
    pub driver: String,
    /// A rasteriser that computes on the CPU.
    pub is_software: bool,
    /// Shares the machine's memory.
    pub is_integrated: bool,
    /// Largest tensor it can bind, in bytes.
    pub max_binding_bytes: u64,
    /// Whether it computes in f16.
    pub has_f16: bool,
    /// Whether it can be given programs in SPIR-V.
    pub takes_spirv: bool,
    /// The largest heap its driver names; says little where memory is shared.
    pub heap_bytes: Option<u64>,
    /// Its memory, or the machine's where it has none of its own; not every driver says.
    pub memory_bytes: Option<u64>,
    /// What other programs leave of it.
    pub free_bytes: Option<u64>,
}

/// All adapters, real ones first, in the order burn numbers them.
#[must_use]
pub fn detect_gpus() -> Vec<GpuInfo> {
    enumerate().into_iter().map(|(gpu, _)| gpu).collect()
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
pub(super) fn enumerate() -> Vec<(GpuInfo, DeviceKind)> {
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
        found.push((gpu_info(&adapter, info, &kind), kind));
    }
    found.sort_by_key(|(_, kind)| match kind {
        DeviceKind::DiscreteGpu(_) => 0,
        DeviceKind::IntegratedGpu(_) => 1,
        DeviceKind::VirtualGpu(_) => 2,
        _ => 3,
    });
    found
}

fn gpu_info(adapter: &Adapter, info: AdapterInfo, kind: &DeviceKind) -> GpuInfo {
    let is_software = *kind == DeviceKind::Cpu;
    let is_integrated = matches!(kind, DeviceKind::IntegratedGpu(_));
    let own = own_memory(adapter);
    let memory = if is_software || is_integrated { machine_memory() } else { own };
    GpuInfo {
        driver: driver_of(&info),
        name: info.name,
        backend: format!("{:?}", info.backend),
        is_software,
        is_integrated,
        max_binding_bytes: adapter.limits().max_storage_buffer_binding_size,
        has_f16: adapter.features().contains(wgpu::Features::SHADER_F16),
        takes_spirv: lays_out_shared_memory(adapter),
        heap_bytes: own.total_bytes,
        memory_bytes: memory.total_bytes,
        free_bytes: memory.free_bytes,
    }
}

/// "NVIDIA 550.54.14": name and version, each once.
fn driver_of(info: &AdapterInfo) -> String {
    let (name, version) = (info.driver.trim(), info.driver_info.trim());
    if version.contains(name) {
        return version.to_owned();
    }
    format!("{name} {version}").trim_end().to_owned()
}
