//! What is decided about a graphics adapter before its first computation.

use std::sync::Once;

use burn::tensor::{Device, DeviceKind};
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::device::{WgpuDevice, WgpuDeviceKind};

use crate::vlm::device::wgsl;
use crate::vlm::{ComputeDevice, ComputeKind};

/// Says in which language shaders are written: `spirv` or `wgsl`.
const SHADERS: &str = "READING_ROOM_SHADERS";

/// Launches handed to an adapter at once while a window shares it. What is handed over runs
/// without a pause, so it should take a few milliseconds: a step of a large model is some two
/// hundred launches, on a card within some ten milliseconds, on a graphics part within a hundred.
const BESIDE_A_WINDOW: usize = 16;
const BESIDE_A_WINDOW_ON_ITS_PART: usize = 6;

/// A process computes on one adapter, and what is said here counts for its first computation.
static STARTED: Once = Once::new();

impl ComputeDevice {
    /// Before the first tensor: how an adapter is told what to do, and how much at once.
    pub(crate) fn start(&self, beside_window: bool) {
        let Some(kind) = &self.adapter else { return };
        let at_once = beside_window.then(|| match self.kind() {
            ComputeKind::Gpu => BESIDE_A_WINDOW,
            _ => BESIDE_A_WINDOW_ON_ITS_PART,
        });
        STARTED.call_once(|| {
            // what fails here fails again, and is told, at the first computation
            if self.needs_wgsl() {
                wgsl::open(engine_kind(kind), at_once).ok();
            } else if let Some(at_once) = at_once {
                Device::wgpu_options().device_kind(kind.clone()).tasks_max(at_once).init().ok();
            }
        });
    }

    /// Where tensors are put; opens the adapter.
    #[must_use]
    pub fn open(&self) -> Device {
        self.start(false);
        self.device.clone()
    }

    /// The language of the adapter's programs: "spirv", "wgsl"; opens the adapter.
    #[must_use]
    pub fn shader_language(&self) -> Option<&'static str> {
        let kind = engine_kind(self.adapter.as_ref()?);
        self.start(false);
        Some(match CubeDevice::Wgpu(WgpuDevice::new(kind)).client().name() {
            wgsl::WRITES_SPIRV => "spirv",
            "wgpu<msl>" => "msl",
            _ => "wgsl",
        })
    }

    /// Whether shaders of Vulkan are written in WGSL: where the adapter does not take SPIR-V, on
    /// software, which is there to be right, and where someone asks for it.
    fn needs_wgsl(&self) -> bool {
        let is_software = self.kind() == ComputeKind::SoftwareGpu;
        self.gpu.as_ref().is_some_and(|gpu| {
            let usual = if is_software { "wgsl" } else { "spirv" };
            let asked = std::env::var(SHADERS).unwrap_or_default();
            let language = if asked.is_empty() { usual } else { asked.as_str() };
            gpu.backend == "Vulkan" && (!gpu.takes_spirv || language == "wgsl")
        })
    }
}

fn engine_kind(kind: &DeviceKind) -> WgpuDeviceKind {
    match kind {
        DeviceKind::DiscreteGpu(index) => WgpuDeviceKind::DiscreteGpu(*index),
        DeviceKind::IntegratedGpu(index) => WgpuDeviceKind::IntegratedGpu(*index),
        DeviceKind::VirtualGpu(index) => WgpuDeviceKind::VirtualGpu(*index),
        DeviceKind::Cpu => WgpuDeviceKind::Cpu,
        DeviceKind::DefaultDevice => WgpuDeviceKind::DefaultDevice,
        DeviceKind::Existing(id) => WgpuDeviceKind::Existing(*id),
    }
}
