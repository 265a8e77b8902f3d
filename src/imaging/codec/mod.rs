//! Compressed pictures → samples.
