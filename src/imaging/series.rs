//! Instances → series in reading order → studies.
