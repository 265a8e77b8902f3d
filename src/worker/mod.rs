//! Both ends of the process boundary.
//!
//! The window and the headless commands hold a [`DecodeClient`] and an [`EngineClient`]; each owns
//! one child process of this same executable (`reading-room worker decode|engine|copies`). Untrusted
//! files are parsed in the first, the model runs in the second, so an abort, a stack overflow, a
//! lost GPU or a `kill -9` ends a child and becomes an event, never a dead window.
//!
//! ```text
//!  client ──order──▶ supervisor thread ──request──▶ writer thread ══stdin══▶ child
//!    ▲                    ▲    │                                              │
//!    └──────event─────────┘────┘◀────────reply────── reader thread ◀══stdout══┘
//! ```
//!
//! Messages are framed postcard ([`pipe`]), one closed enum each way ([`protocol`]). Every job
//! ends with exactly one `Finished` or `Failed`, whatever happens to the child.

mod allocator;
mod child;
mod copies_client;
mod copies_main;
mod decode_client;
mod decode_main;
mod decode_pool;
mod engine_client;
mod engine_main;
mod engine_pool;
mod job;
mod limits;
mod manners;
mod own_window;
mod pipe;
mod protocol;
mod scan;
mod supervisor;
mod volumes;

pub use allocator::keep_freed_memory;
pub use child::use_executable;
pub use copies_client::{CopiesClient, CopiesEvent};
pub use copies_main::run_copying_worker;
pub use decode_client::{DecodeClient, DecodeEvent};
pub use decode_main::run_decode_worker;
pub use decode_pool::DecodePool;
pub use engine_client::{EngineClient, EngineEvent};
pub use engine_main::run_engine_worker;
pub use engine_pool::EnginePool;
pub use job::{JobId, Wake};
pub use limits::{peak_rss_mb, peak_rss_mb_of};
pub use own_window::run_window;
pub use protocol::LoadRequest;
pub use scan::scan_models;
