//! Reading Room: open a study, ask a local medical vision-language model, see the answer.

pub mod imaging;

pub mod checkpoint;
pub mod nn;
pub mod text;

pub mod vlm;

pub mod eval;
pub mod train;

pub mod chat;
pub mod worker;

pub mod app;
pub mod cli;
