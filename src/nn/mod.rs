//! Networks: configuration, weights, forward.
