//! The file measurements are kept in. Studies, series and frames stand there under keyed hashes
//! (see [`crate::chat::Marker`]); what a reader typed stands there as typed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::{from_exact, to_exact};
use crate::imaging::Shape;

const FILE_NAME: &str = "measurements.json";
const SET_ASIDE: &str = "measurements-damaged.json";
const FORM: &str = "reading-room-measurements";
const VERSION: u32 = 1;
/// Nobody draws so much.
const MAX_BYTES: u64 = 256 << 20;

/// Measurements by the mark of their study.
pub type KeptStudies = BTreeMap<String, Vec<KeptMeasurement>>;

/// One thing drawn, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptMeasurement {
    /// The mark of its series.
    pub series: String,
    /// The mark of its frame.
    pub frame: String,
    /// The shape, every number as it was.
    shape: Value,
    /// What the reader wrote to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    form: String,
    version: u32,
    studies: KeptStudies,
}

impl KeptMeasurement {
    pub(super) fn new(series: String, frame: String, shape: &Shape, text: &str) -> Option<Self> {
        let shape = to_exact(shape).ok()?;
        Some(Self { series, frame, shape, text: text.to_owned() })
    }

    /// The shape; none where somebody made something else of it.
    pub(super) fn shape(&self) -> Option<Shape> {
        let shape: Shape = from_exact(self.shape.clone()).ok()?;
        Shape::from_points(shape.kind(), shape.points())
    }
}

/// What is kept; a file that is damaged is set aside. The error is one sentence.
pub(super) fn read(folder: &Path) -> Result<KeptStudies, String> {
    let read = read_file(folder);
    if let Err(Trouble::Damaged(why)) = &read {
        let moved = fs::rename(folder.join(FILE_NAME), folder.join(SET_ASIDE));
        let now =
            if moved.is_ok() { format!(": it is kept as {SET_ASIDE}") } else { String::new() };
        return Err(format!("The file of measurements is damaged ({why}){now}"));
    }
    read.map_err(Trouble::sentence)
}

/// Puts these studies in the place of what is kept of them; others stay as they are.
pub(super) fn write(folder: &Path, changed: KeptStudies) -> Result<(), String> {
    // another window may have written since
    let mut studies = read_file(folder).map_err(Trouble::sentence)?;
    studies.extend(changed);
    studies.retain(|_, items| !items.is_empty());
    let file = File { form: FORM.to_owned(), version: VERSION, studies };
    let written = (|| -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let text = serde_json::to_string(&file).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE_NAME)).map_err(|error| error.error)?;
        Ok(())
    })();
    written.map_err(|error| format!("Measurements are not being kept: {}", error.kind()))
}

enum Trouble {
    Damaged(String),
    Other(String),
}

impl Trouble {
    fn sentence(self) -> String {
        match self {
            Self::Damaged(why) => format!("Measurements are not being kept: {why}"),
            Self::Other(sentence) => sentence,
        }
    }
}

fn read_file(folder: &Path) -> Result<KeptStudies, Trouble> {
    let path = folder.join(FILE_NAME);
    let unread = |error: io::Error| {
        Trouble::Other(format!("The file of measurements could not be read: {}", error.kind()))
    };
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KeptStudies::new()),
        Err(error) => return Err(unread(error)),
        Ok(facts) if facts.len() > MAX_BYTES => {
            return Err(Trouble::Damaged("it is too large".to_owned()));
        }
        Ok(_) => {}
    }
    let text = fs::read(&path).map_err(unread)?;
    let file: File =
        serde_json::from_slice(&text).map_err(|error| Trouble::Damaged(error.to_string()))?;
    if file.form != FORM {
        return Err(Trouble::Damaged("its form is another".to_owned()));
    }
    if file.version > VERSION {
        let text = "The file of measurements was written by a newer version of this program: \
                    update Reading Room";
        return Err(Trouble::Other(text.to_owned()));
    }
    Ok(file.studies)
}
