//! What models can run on, as `inspect` describes it.

use std::io::Write;

use serde::Serialize;

use crate::vlm::{DeviceInfo, GpuInfo, gigabytes};

use super::super::terminal::one_line;

/// The device a model would be loaded on.
#[derive(Serialize)]
pub(super) struct DeviceReport {
    name: String,
    kind: &'static str,
    memory_bytes: Option<u64>,
    free_bytes: Option<u64>,
}

impl From<&DeviceInfo> for DeviceReport {
    fn from(device: &DeviceInfo) -> Self {
        Self {
            name: device.name.clone(),
            kind: device.kind.as_str(),
            memory_bytes: device.memory_bytes,
            free_bytes: device.free_bytes,
        }
    }
}

/// One of the machine's graphics adapters.
#[derive(Serialize)]
pub(super) struct GpuReport {
    name: String,
    backend: String,
    driver: String,
    software: bool,
    integrated: bool,
    f16: bool,
    memory_bytes: Option<u64>,
    free_bytes: Option<u64>,
}

impl From<GpuInfo> for GpuReport {
    fn from(gpu: GpuInfo) -> Self {
        Self {
            name: gpu.name,
            backend: gpu.backend,
            driver: gpu.driver,
            software: gpu.is_software,
            integrated: gpu.is_integrated,
            f16: gpu.has_f16,
            memory_bytes: gpu.memory_bytes,
            free_bytes: gpu.free_bytes,
        }
    }
}

pub(super) fn write_gpu(out: &mut impl Write, gpu: &GpuReport) -> anyhow::Result<()> {
    let kind = if gpu.software { ", a software rasteriser" } else { "" };
    write!(out, "GPU {} ({}{kind})", one_line(&gpu.name), gpu.backend)?;
    let own = !gpu.software && !gpu.integrated;
    let of = if own { "" } else { " of the machine's memory" };
    match (gpu.memory_bytes, gpu.free_bytes) {
        (Some(all), Some(free)) => {
            writeln!(out, ": {}{of}, {} free", gigabytes(all), gigabytes(free))?;
        }
        (Some(all), None) => writeln!(out, ": {}{of}", gigabytes(all))?,
        (None, _) => writeln!(out)?,
    }
    Ok(())
}
