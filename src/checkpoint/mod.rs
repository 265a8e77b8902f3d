//! Files become weights.
