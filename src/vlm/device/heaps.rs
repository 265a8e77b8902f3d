//! The memory of a graphics card and what else only its driver can tell.
#![cfg_attr(
    any(target_os = "linux", windows),
    expect(unsafe_code, reason = "wgpu does not pass on all that the driver says")
)]

use wgpu::Adapter;

use crate::vlm::memory::MemorySize;

/// What a card has of its own; unknown where its graphics interface is not Vulkan.
#[cfg(any(target_os = "linux", windows))]
pub(super) fn own_memory(adapter: &Adapter) -> MemorySize {
    vulkan::largest_heap(adapter).unwrap_or_default()
}

/// Whether programs may say how the memory that a group shares is laid out. The engine's SPIR-V is
/// right only where they do: elsewhere it declares that memory as a pointer to itself.
#[cfg(any(target_os = "linux", windows))]
pub(super) fn lays_out_shared_memory(adapter: &Adapter) -> bool {
    vulkan::lays_out_shared_memory(adapter)
}

/// Nobody to ask.
#[cfg(not(any(target_os = "linux", windows)))]
pub(super) fn lays_out_shared_memory(_adapter: &Adapter) -> bool {
    false
}

/// Nobody to ask.
#[cfg(not(any(target_os = "linux", windows)))]
pub(super) fn own_memory(_adapter: &Adapter) -> MemorySize {
    MemorySize::default()
}

#[cfg(any(target_os = "linux", windows))]
mod vulkan {
    use ash::{ext, khr, vk};
    use wgpu::hal;

    use super::{Adapter, MemorySize};

    /// The largest heap of the device itself: tensors live there.
    pub(super) fn largest_heap(adapter: &Adapter) -> Option<MemorySize> {
        // SAFETY: the adapter is asked and not changed, and nothing of it outlives this function.
        let adapter = unsafe { adapter.as_hal::<hal::api::Vulkan>() }?;
        let (heaps, free) = if has_budget(&adapter) {
            let (heaps, free) = heaps_and_budget(&adapter);
            (heaps, Some(free))
        } else {
            (heaps(&adapter), None)
        };
        let is_own = |heap: &vk::MemoryHeap| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL);
        let own = heaps.memory_heaps_as_slice().iter().enumerate().filter(|(_, heap)| is_own(heap));
        let (index, heap) = own.max_by_key(|(_, heap)| heap.size)?;
        let free_bytes = free.and_then(|free| free.get(index).map(|free| (*free).min(heap.size)));
        Some(MemorySize { total_bytes: Some(heap.size), free_bytes })
    }

    pub(super) fn lays_out_shared_memory(adapter: &Adapter) -> bool {
        // SAFETY: as above.
        let adapter = unsafe { adapter.as_hal::<hal::api::Vulkan>() };
        adapter.is_some_and(|adapter| {
            let capabilities = adapter.physical_device_capabilities();
            capabilities.supports_extension(khr::workgroup_memory_explicit_layout::NAME)
        })
    }

    /// Whether the driver also says what other programs leave.
    fn has_budget(adapter: &hal::vulkan::Adapter) -> bool {
        let capabilities = adapter.physical_device_capabilities();
        let instance_version = adapter.shared_instance().instance_api_version();
        capabilities.supports_extension(ext::memory_budget::NAME)
            && instance_version.min(capabilities.properties().api_version) >= vk::API_VERSION_1_1
    }

    fn heaps(adapter: &hal::vulkan::Adapter) -> vk::PhysicalDeviceMemoryProperties {
        let instance = adapter.shared_instance().raw_instance();
        // SAFETY: the device was listed by this instance, which the adapter keeps alive.
        unsafe { instance.get_physical_device_memory_properties(adapter.raw_physical_device()) }
    }

    /// The heaps, and what this program may still take of each, in bytes.
    fn heaps_and_budget(
        adapter: &hal::vulkan::Adapter,
    ) -> (vk::PhysicalDeviceMemoryProperties, [u64; vk::MAX_MEMORY_HEAPS]) {
        let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
        let mut asked = vk::PhysicalDeviceMemoryProperties2::default().push_next(&mut budget);
        let (instance, device) =
            (adapter.shared_instance().raw_instance(), adapter.raw_physical_device());
        // SAFETY: as above; besides, both are of version 1.1 or later, the device has the
        // extension (`has_budget`), and both structures outlive the call.
        unsafe { instance.get_physical_device_memory_properties2(device, &mut asked) };
        let heaps = asked.memory_properties;
        let mut free = budget.heap_budget;
        for (free, used) in free.iter_mut().zip(budget.heap_usage) {
            *free = free.saturating_sub(used);
        }
        (heaps, free)
    }
}
