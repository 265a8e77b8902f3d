//! What was said, and about which picture.
//!
//! A [`Conversation`] is a list of [`Turn`]s. A turn holds one question, the pictures it was asked
//! about ([`Evidence`]) and every answer it ever got: asking again adds an [`Answer`], and none is
//! overwritten. Asked for a picture, an answer holds a [`Drawing`]. The [`history`] keeps them on
//! disk, and [`transfer`] takes one chat out or in.

mod again;
mod answer;
mod asked;
mod branches;
mod capsule;
mod conversation;
mod difference;
mod drawing;
mod evidence;
mod exact;
mod examples;
mod id;
mod made;
mod marks;
mod record;
mod slices;
mod tokens;
mod words;

pub mod history;
pub mod transfer;

pub use again::{Altered, Reliance};
pub use answer::{Answer, AnswerState, Finish, Meter, Provenance, short_hash};
pub use asked::{HowAsked, told_before};
pub use capsule::capsule;
pub use conversation::{Conversation, Turn, forked};
pub use difference::{Agreement, Marked, agreement, differences, likeness};
pub use drawing::{CodecAlone, Drawing};
pub use evidence::Evidence;
pub(crate) use exact::{from_exact, to_exact};
pub use examples::{ExampleQuestion, NANO_QUESTIONS, example_questions};
pub use id::chat_id_text;
pub use marks::{Marker, Marks, hmac_sha256};
pub use slices::{SliceAnswer, Slices};
pub use tokens::{Sameness, Token, Tokens};
pub use words::WordKind;
