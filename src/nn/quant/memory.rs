//! Memory for weights, in large pages where the system gives them.
//!
//! With pages of 4 KiB a core misses the address of every page it reads; with pages of 2 MiB it
//! reads half as fast again.
#![expect(unsafe_code, reason = "parts of one mapping that do not overlap, handed out one by one")]

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::MmapMut;

/// Large pages begin and end at multiples of this.
const LARGE_PAGE: usize = 2 << 20;

/// Reserved at once; only what is written takes memory.
const REGION: usize = 64 << 20;

/// Every part begins at a multiple of this: a line of the cache, and the widest vector.
const ALIGN: usize = 64;

/// Gives parts of large regions.
#[derive(Debug, Default)]
pub struct HostArena {
    region: Option<Arc<Region>>,
    used: usize,
}

/// A mapping and where its first large page begins.
#[derive(Debug)]
struct Region {
    start: NonNull<u8>,
    len: usize,
    _map: MmapMut,
}

// SAFETY: a region only keeps the mapping alive; its bytes are reached through `HostBytes`, of
// which no two share a byte.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

/// A part of a region, of one owner.
#[derive(Debug)]
pub struct HostBytes {
    region: Arc<Region>,
    start: usize,
    len: usize,
}

impl HostArena {
    /// `len` zero bytes.
    ///
    /// # Errors
    /// When the system has no memory left.
    pub fn take(&mut self, len: usize) -> std::io::Result<HostBytes> {
        let start = self.used.next_multiple_of(ALIGN);
        if let Some(region) = self.region.as_ref().filter(|region| start + len <= region.len) {
            self.used = start + len;
            return Ok(HostBytes { region: Arc::clone(region), start, len });
        }
        let region = Arc::new(Region::new(len.max(REGION))?);
        // a part as large as a region of its own leaves the half-filled one in use
        if len < REGION {
            (self.region, self.used) = (Some(Arc::clone(&region)), len);
        }
        Ok(HostBytes { region, start: 0, len })
    }
}

impl Region {
    fn new(len: usize) -> std::io::Result<Self> {
        let len = len.next_multiple_of(LARGE_PAGE);
        let mut map = MmapMut::map_anon(len + LARGE_PAGE)?;
        let offset = map.as_ptr().align_offset(LARGE_PAGE).min(LARGE_PAGE);
        advise(&map, offset, len);
        // SAFETY: `offset` is at most the page by which the mapping is longer than `len`
        let start = unsafe { NonNull::new_unchecked(map.as_mut_ptr().add(offset)) };
        Ok(Self { start, len, _map: map })
    }
}

/// Without large pages everything works, more slowly.
#[cfg(target_os = "linux")]
fn advise(map: &MmapMut, offset: usize, len: usize) {
    drop(map.advise_range(memmap2::Advice::HugePage, offset, len));
}

#[cfg(not(target_os = "linux"))]
fn advise(_map: &MmapMut, _offset: usize, _len: usize) {}

impl Deref for HostBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: within the region, which lives as long as `self`, and of this owner alone
        unsafe { std::slice::from_raw_parts(self.region.start.add(self.start).as_ptr(), self.len) }
    }
}

impl DerefMut for HostBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed uniquely
        unsafe {
            std::slice::from_raw_parts_mut(self.region.start.add(self.start).as_ptr(), self.len)
        }
    }
}
