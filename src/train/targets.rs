//! Codes of the pictures that are to be drawn: computed once, and kept beside the states.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::train::pictures::read_picture;
use crate::train::{Record, TrainError};
use crate::vlm::Trainee;

/// Codes by the pictures' paths as records name them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets(BTreeMap<PathBuf, Vec<u32>>);

/// A line of the file they are kept in.
#[derive(Serialize, Deserialize)]
struct Line {
    /// SHA-256 of the codec's weights: the codes of another are of no use.
    codec: String,
    picture: PathBuf,
    codes: Vec<u32>,
}

impl Targets {
    /// Of all pictures that these records ask for; `file` keeps them for the next start.
    pub(crate) fn of<'a>(
        trainee: &Trainee,
        records: impl Iterator<Item = &'a Record>,
        images: &Path,
        file: &Path,
    ) -> Result<Self, TrainError> {
        let wanted: Vec<(&Record, &PathBuf)> =
            records.filter_map(|record| Some((record, record.target.as_ref()?))).collect();
        let codec = trainee.target_codec()?;
        let mut known = read(file, codec.weights_sha256());
        let open = std::fs::OpenOptions::new().create(true).append(true).open(file);
        let mut kept = open.map_err(TrainError::io(file))?;
        for (record, target) in wanted {
            if known.contains_key(target) {
                continue;
            }
            let picture = read_picture(&images.join(target)).map_err(|source| {
                let id = record.id.clone();
                TrainError::Picture { id, source }
            })?;
            let codes = codec.codes(&picture)?;
            let line = Line {
                codec: codec.weights_sha256().to_owned(),
                picture: target.clone(),
                codes: codes.clone(),
            };
            // a line that a killed run left half written stands alone
            let text = format!("\n{}", serde_json::to_string(&line).unwrap_or_default());
            kept.write_all(text.as_bytes()).map_err(TrainError::io(file))?;
            known.insert(target.clone(), codes);
        }
        Ok(Self(known))
    }

    pub(crate) fn get(&self, picture: &Path) -> Option<&[u32]> {
        self.0.get(picture).map(Vec::as_slice)
    }
}

/// What an earlier start kept; lines that are not whole are computed again.
fn read(file: &Path, codec: &str) -> BTreeMap<PathBuf, Vec<u32>> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let own = lines.filter(|line| line.codec == codec);
    own.map(|line| (line.picture, line.codes)).collect()
}
