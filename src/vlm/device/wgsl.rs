//! Shaders in WGSL, checked and translated by wgpu, where the engine would write SPIR-V itself.
//!
//! The engine decides for a language by what the adapter can, and has no switch for it. So the
//! adapter is opened as it would be, under a name that nobody uses, and a second service is put
//! onto the same device under the usual name, which is told that there is nothing but WGSL.

use std::sync::Arc;

use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::WgpuCompilationOptions;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::device::{DeviceId, WgpuBackend, WgpuDevice, WgpuDeviceKind};
use burn_cubecl::cubecl::features::{AtomicUsage, Features, Plane, TypeUsage};
use burn_cubecl::cubecl::ir::{
    AddressType, DeviceProperties, ElemType, FloatKind, IntKind, MemoryDeviceProperties,
    TargetProperties, Type, UIntKind,
};
use burn_cubecl::cubecl::logging::ServerLogger;
use burn_cubecl::cubecl::server::ServerUtilities;
use burn_cubecl::cubecl::wgpu::{
    AutoCompiler, AutoGraphicsApi, MemoryConfiguration, RuntimeOptions, WgpuInitError, WgpuServer,
    WgpuSetup, try_init_setup,
};
use cubecl_server::allocator::ContiguousMemoryLayoutPolicy;

/// What the engine calls an adapter whose shaders it writes itself.
pub(super) const WRITES_SPIRV: &str = "wgpu<spirv>";

/// Open an adapter of Vulkan so that its shaders are WGSL, with so many launches at once.
pub(super) fn open(kind: WgpuDeviceKind, tasks_max: Option<usize>) -> Result<(), WgpuInitError> {
    let unused = WgpuDevice::new(kind.clone()).on(WgpuBackend::Vulkan);
    let setup = try_init_setup::<AutoGraphicsApi>(&unused, RuntimeOptions::with_tasks_max(None)?)?;
    let client = CubeDevice::Wgpu(unused).client();
    if client.name() != WRITES_SPIRV {
        return Ok(());
    }
    let properties = properties(&setup, client.properties());
    let mut service = client.service_id();
    // the same but for the name of the interface, which is in the upper bits
    service.device = DeviceId::new(service.device.type_id, index_of(&kind));
    let options = RuntimeOptions::with_tasks_max(tasks_max)?;
    let alignment = properties.memory.alignment as usize;
    let (memory, timing) = (properties.memory.clone(), properties.timing_method);
    let (utilities, captures) = ServerUtilities::init(
        service,
        "wgpu<wgsl>",
        properties,
        TargetProperties { mma: Default::default() },
        Arc::new(ServerLogger::default()),
        ContiguousMemoryLayoutPolicy::new(alignment),
    );
    let supports_u64 = setup.adapter.features().contains(wgpu::Features::SHADER_INT64);
    let server = WgpuServer::<AutoCompiler>::new(
        memory,
        MemoryConfiguration::default(),
        WgpuCompilationOptions { supports_u64, ..WgpuCompilationOptions::default() },
        setup.device,
        setup.queue,
        options.tasks_max,
        setup.backend,
        timing,
        utilities,
        captures,
    );
    match Client::try_init(service.device, server) {
        Ok(_) => Ok(()),
        Err(error) => Err(WgpuInitError::Registration { message: format!("{error:?}") }),
    }
}

fn index_of(kind: &WgpuDeviceKind) -> u16 {
    match kind {
        WgpuDeviceKind::DiscreteGpu(index)
        | WgpuDeviceKind::IntegratedGpu(index)
        | WgpuDeviceKind::VirtualGpu(index)
        | WgpuDeviceKind::Other(index) => *index as u16,
        _ => 0,
    }
}

/// What the adapter can do in WGSL, as the engine lists it where it cannot write SPIR-V.
fn properties(setup: &WgpuSetup, native: &DeviceProperties) -> DeviceProperties {
    let (limits, features) = (setup.adapter.limits(), setup.adapter.features());
    let mut properties = native.clone();
    let page = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    properties.memory = MemoryDeviceProperties::new(page, native.memory.alignment)
        .with_max_memory(native.memory.max_memory().unwrap_or(0));
    properties.hardware.max_vector_size = 4;
    properties.hardware.cube_mma_reserved_shared_memory = 0;
    properties.io_width_override = None;
    properties.features =
        Features { plane: native.features.plane & Plane::Ops, ..Features::default() };
    properties.register_address_type(AddressType::U32);
    let always = [
        ElemType::Index,
        ElemType::UInt(UIntKind::U32),
        ElemType::Int(IntKind::I32),
        ElemType::Float(FloatKind::F32),
        ElemType::Float(FloatKind::Flex32),
        ElemType::Bool,
    ];
    let sometimes = [
        (wgpu::Features::SHADER_INT64, ElemType::Int(IntKind::I64)),
        (wgpu::Features::SHADER_INT64, ElemType::UInt(UIntKind::U64)),
        (wgpu::Features::SHADER_F64, ElemType::Float(FloatKind::F64)),
        (wgpu::Features::SHADER_F16, ElemType::Float(FloatKind::F16)),
    ];
    let there = sometimes.into_iter().filter(|(needs, _)| features.contains(*needs));
    for kind in always.into_iter().chain(there.map(|(_, kind)| kind)) {
        properties.register_type_usage(kind, TypeUsage::all());
    }
    for kind in [FloatKind::E4M3, FloatKind::E5M2, FloatKind::UE8M0] {
        properties.register_type_usage(ElemType::Float(kind), TypeUsage::Conversion);
    }
    let usage = AtomicUsage::LoadStore | AtomicUsage::Exchange | AtomicUsage::Add;
    for kind in [ElemType::Int(IntKind::I32), ElemType::UInt(UIntKind::U32)] {
        properties.register_atomic_type_usage(Type::atomic(kind), usage);
    }
    if features.contains(wgpu::Features::SHADER_FLOAT32_ATOMIC) {
        let kind = Type::atomic(ElemType::Float(FloatKind::F32));
        properties.register_atomic_type_usage(kind, usage);
    }
    properties
}
