//! How the program's allocator treats memory that is given back to it.
#![expect(unsafe_code, reason = "an option of a library in C")]

/// `mi_option_purge_delay`, which the library's Rust side does not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keep what is given back. Layer after layer of a network asks for the same tens of megabytes,
/// and pages that went back to the system would have to be cleared each time.
pub fn keep_freed_memory() {
    // SAFETY: sets a number; unknown options are ignored
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}
