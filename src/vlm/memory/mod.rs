//! What a model needs in memory, by arithmetic before anything is loaded, and what there is.

mod activations;
mod machine;
mod need;
mod plan;
mod precision;

pub use activations::Activations;
pub(crate) use machine::{MemorySize, machine_memory};
pub use need::{Fit, MemoryNeed, gigabytes, gigabytes_of, parameters_text};
pub(crate) use plan::memory_plan;
pub use plan::{MemoryPlan, usual_context};
pub(crate) use precision::choose_precision;
pub use precision::{likely_precision, why_this_precision};
