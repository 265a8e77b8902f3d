//! What was said, and about which picture.
