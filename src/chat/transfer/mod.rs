//! One chat as a file: to be read by people (Markdown, HTML) or by a history (JSON).
//!
//! Every form says that it is for research only and holds the model, the weights' hash and the
//! hash of every picture, so that an answer can be traced. None names a patient or a file.

mod html;
mod json;
mod markdown;

use std::fmt::Write as _;
use std::path::Path;

use super::history::Calendar;
use super::{Answer, AnswerState, Conversation, Provenance, Turn};

pub use json::{Imported, TransferError, described, read};

const NOTICE: &str = "Research use only — not for diagnosis or treatment. Model output is \
    unverified and can be wrong while sounding sure.";
const NOTICE_CHINESE: &str = "仅供研究使用，不得用于诊断或治疗；模型输出未经核实，可能有误。";

/// Form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people and their notes; without pictures.
    Markdown,
    /// Everything, to be imported again.
    Json,
    /// For people: one page with its pictures.
    Html,
}

impl Format {
    /// What the name of such a file ends in.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Json => "json",
            Self::Html => "html",
        }
    }

    /// What it is called.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Json => "JSON",
            Self::Html => "HTML",
        }
    }
}

/// A chat in one of the forms.
///
/// # Errors
/// When a picture cannot be encoded.
pub fn write(
    chat: &Conversation,
    format: Format,
    calendar: Calendar,
) -> Result<String, TransferError> {
    match format {
        Format::Markdown => Ok(markdown::write(chat, calendar)),
        Format::Json => json::write(chat),
        Format::Html => html::write(chat, calendar),
    }
}

/// The same into a file, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_file(
    chat: &Conversation,
    format: Format,
    calendar: Calendar,
    path: &Path,
) -> Result<(), TransferError> {
    let text = write(chat, format, calendar)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).and_then(|mut file| {
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.persist(path).map_err(|error| error.error)
        });
    written.map(|_| ()).map_err(|error| TransferError::NotWritten(error.to_string()))
}

/// What model and sampling an answer came of, on one line.
fn source_of(answer: &Answer) -> String {
    answer.provenance.as_ref().map_or_else(String::new, made_by)
}

/// The same of how it was asked.
fn made_by(provenance: &Provenance) -> String {
    format!("{} · weights SHA-256 {}", provenance.line(), provenance.weights_sha256)
}

/// What a question is called that stands in the place of one that is shown, or after such a one.
fn aside_name(idx: usize) -> String {
    format!("Question {}, another version", idx + 1)
}

/// How an answer ended, where it did not end by itself.
fn end_of(answer: &Answer) -> Option<String> {
    match &answer.state {
        AnswerState::Done(_) => None,
        AnswerState::Stopped => Some("Stopped by the reader".to_owned()),
        AnswerState::Interrupted(why) => Some(format!("Interrupted: {why}")),
        AnswerState::Failed(why) => Some(format!("No answer: {why}")),
        AnswerState::Waiting | AnswerState::Reading(_) | AnswerState::Streaming => {
            Some("Not ended when this was written".to_owned())
        }
    }
}

/// "Answer 2 of 3 (shown)".
fn name_of(turn: &Turn, idx: usize) -> String {
    let mut name = "Answer".to_owned();
    if turn.answers.len() > 1 {
        let shown = if idx == turn.shown_idx { " (shown)" } else { "" };
        // writing to a string cannot fail
        write!(name, " {} of {}{shown}", idx + 1, turn.answers.len()).ok();
    }
    name
}

/// What a drawing is, in words.
fn drawing_text(answer: &Answer) -> Option<String> {
    let drawing = answer.drawing.as_ref()?;
    let mut text = format!("AI-generated picture: {}", drawing.count());
    if let Some(similarity) = &drawing.similarity {
        let psnr = similarity.psnr_db.map_or("∞".to_owned(), |db| format!("{db:.2}"));
        let mae = similarity.mae;
        write!(text, "; against the original: MAE {mae:.2}, PSNR {psnr} dB").ok();
        if let Some(ssim) = similarity.ssim {
            write!(text, ", SSIM {ssim:.3}").ok();
        }
        text.push_str(" (likeness, not correctness)");
    }
    Some(text)
}
