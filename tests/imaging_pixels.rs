//! Pixels: filled in by and by.
