//! A chat as JSON, with everything in it; and back.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::super::Conversation;
use super::super::record::{ChatRecord, picture_name};
use super::{NOTICE, NOTICE_CHINESE};
use crate::imaging::DisplayImage;

const FORMAT: &str = "reading-room-chat";
const VERSION: u32 = 1;
/// Larger files are no chats.
const MAX_BYTES: u64 = 1 << 30;

/// Why a chat could not be written to a file or read from one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// Out.
    #[error("the chat could not be written: {0}")]
    NotWritten(String),
    /// In.
    #[error("the file could not be read: {0}")]
    NotRead(String),
    /// Something else.
    #[error("this is not a chat that Reading Room exported as JSON: {0}")]
    NotAChat(String),
    /// Of a later program.
    #[error(
        "this chat was exported by a newer version of this program (its form is {0}, this version \
         knows {VERSION}): update Reading Room"
    )]
    Newer(u32),
}

impl From<serde_json::Error> for TransferError {
    fn from(error: serde_json::Error) -> Self {
        Self::NotAChat(error.to_string())
    }
}

/// A chat that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// All that was in the file.
    pub chat: Conversation,
    /// Pictures that were missing or damaged.
    pub missing: usize,
    /// The history had it already.
    pub was_there: bool,
}

#[derive(Serialize, Deserialize)]
struct Export {
    format: String,
    version: u32,
    program: String,
    notice: String,
    chat: ChatRecord,
    /// PNG in base64, by name.
    pictures: BTreeMap<String, String>,
}

/// What has to be known before the rest is looked at.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

pub(super) fn write(chat: &Conversation) -> Result<String, TransferError> {
    let mut pictures = BTreeMap::new();
    let mut keep = |picture: &DisplayImage| {
        let name = picture_name(picture);
        if !pictures.contains_key(&name) {
            let png = picture.to_png();
            let png = png.map_err(|error| TransferError::NotWritten(error.to_string()))?;
            pictures.insert(name.clone(), STANDARD.encode(png));
        }
        Ok::<String, TransferError>(name)
    };
    let chat = ChatRecord::new(chat, &mut keep)?;
    let export = Export {
        format: FORMAT.to_owned(),
        version: VERSION,
        program: format!("Reading Room {}", env!("CARGO_PKG_VERSION")),
        notice: format!("{NOTICE} {NOTICE_CHINESE}"),
        chat,
        pictures,
    };
    let mut text = serde_json::to_string_pretty(&export)?;
    text.push('\n');
    Ok(text)
}

/// A chat with everything in it but the pictures themselves.
///
/// # Errors
/// When a number in it cannot be written.
pub fn described(chat: &Conversation) -> Result<serde_json::Value, TransferError> {
    let mut name = |picture: &DisplayImage| Ok::<_, TransferError>(picture_name(picture));
    Ok(serde_json::to_value(ChatRecord::new(chat, &mut name)?)?)
}

/// Reads a chat from a file; pictures that are missing or damaged are counted and left out.
///
/// # Errors
/// When the file cannot be read or is something else.
pub fn read(path: &Path) -> Result<Imported, TransferError> {
    // the kind says what is wrong without naming the file
    let not_read = |error: std::io::Error| TransferError::NotRead(error.kind().to_string());
    let mut text = String::new();
    let file = File::open(path).map_err(not_read)?;
    let length = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(not_read)?;
    if length as u64 > MAX_BYTES {
        return Err(TransferError::NotRead("it is larger than a gigabyte".to_owned()));
    }
    let head: Head = serde_json::from_str(&text)?;
    if head.format != FORMAT {
        return Err(TransferError::NotAChat("its format is another".to_owned()));
    }
    if head.version > VERSION {
        return Err(TransferError::Newer(head.version));
    }
    let export: Export = serde_json::from_str(&text)?;
    let mut missing = HashSet::new();
    let mut find = |name: &str| {
        let picture = export.pictures.get(name).and_then(|data| picture_of(name, data));
        if picture.is_none() {
            missing.insert(name.to_owned());
        }
        picture
    };
    let chat = export.chat.into_conversation(&mut find)?;
    Ok(Imported { chat, missing: missing.len(), was_there: false })
}

/// The picture, if it is the one of this name.
fn picture_of(name: &str, data: &str) -> Option<DisplayImage> {
    let png = STANDARD.decode(data).ok()?;
    let picture = DisplayImage::from_png(&png).ok()?;
    (picture_name(&picture) == name).then_some(picture)
}
