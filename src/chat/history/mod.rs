//! Chats that last: one SQLite database in the data folder.
//!
//! A thread of its own owns the [`Database`], so that nobody who draws waits for a disk. It is
//! reached through [`History`]: requests go in and never block, events come out. A chat is handed
//! over whole and often; what differs from what was written before is written in one transaction,
//! so that at any moment the file holds everything up to the last save.
//!
//! No patient is named in it: a study is known by an alias and by a hash of its identifiers with a
//! key that lies beside the database. Rows have numbers that no other program draws, so two windows
//! may write at once and neither overwrites what the other added.
//!
//! What can go wrong leaves the chats in memory and says so: a newer database is not touched, a
//! damaged one is renamed and kept, a full disk or a folder that may not be written is tried again.

mod calendar;
mod client;
mod database;
mod error;
mod files;
mod index;
mod load;
mod query;
mod save;
mod schema;
mod search;
mod store;

pub use super::id::now_ms;
pub use calendar::{Calendar, Date};
pub use client::{History, Wake};
pub use database::{Database, Summary};
pub use error::HistoryError;
pub use query::Query;
pub use search::Hit;
pub use store::{HistoryEvent, Opened, Request};
