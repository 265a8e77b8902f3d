//! Pictures to learn from: those of records, of lists and of folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Deserialize;

use crate::imaging::parse_image_path;
use crate::train::pictures::read_picture;
use crate::train::{Augment, TrainError};
use crate::vlm::{CodecTrainee, RgbPixels};

/// Ends of the names of files that are pictures in a folder.
const PICTURES: &[&str] = &["png", "jpg", "jpeg", "tif", "tiff", "dcm"];

/// Of a record only what it shows.
#[derive(Deserialize)]
struct Shown {
    #[serde(default, alias = "images")]
    image: Option<OneOrMore>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(PathBuf),
    More(Vec<PathBuf>),
}

/// The pictures of some sources, each once, in their order; all are there.
pub(super) fn list(sources: &[PathBuf], images: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let (mut seen, mut listed) = (BTreeSet::new(), Vec::new());
    for source in sources {
        let found = if source.is_dir() { of_folder(source)? } else { of_file(source, images)? };
        let fault = |reason: String| TrainError::Data { reason, path: source.clone() };
        if found.is_empty() {
            return Err(fault("there are no pictures".to_owned()));
        }
        let missing = || found.iter().filter(|path| !parse_image_path(path).0.is_file());
        if let Some(first) = missing().next() {
            let (count, of) = (missing().count(), found.len());
            let first = first.display();
            return Err(fault(format!("{count} of {of} pictures are missing, first {first}")));
        }
        listed.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
    }
    Ok(listed)
}

fn of_file(file: &Path, images: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let text = std::fs::read_to_string(file).map_err(TrainError::io(file))?;
    let fault = |reason: String| TrainError::Data { reason, path: file.to_owned() };
    let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    if file.extension().is_some_and(|extension| extension == "txt") {
        return Ok(lines().map(|(_, line)| images.join(line.trim())).collect());
    }
    let records: Vec<Shown> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
            .map_err(|error| fault(format!("not a list of records: {error}")))?
    } else {
        let record = |(at, line): (usize, &str)| {
            serde_json::from_str(line)
                .map_err(|error| fault(format!("line {} is no record: {error}", at + 1)))
        };
        lines().map(record).collect::<Result<_, _>>()?
    };
    let shown = records.into_iter().flat_map(|record| match record.image {
        None => Vec::new(),
        Some(OneOrMore::One(image)) => vec![image],
        Some(OneOrMore::More(images)) => images,
    });
    Ok(shown.map(|path| images.join(path)).collect())
}

/// All pictures in a folder and its folders, by name.
fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(TrainError::io(&folder))? {
            let path = entry.map_err(TrainError::io(&folder))?.path();
            let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
            if path.is_dir() {
                folders.push(path);
            } else if extension.is_some_and(|own| PICTURES.iter().any(|known| own == *known)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Pictures read, distorted when there is a seed, and brought to the codec's square.
pub(super) fn squares(
    trainee: &CodecTrainee,
    augment: Augment,
    chosen: &[(&PathBuf, Option<u64>)],
) -> Result<Vec<RgbPixels>, TrainError> {
    let square = |(path, seed): &(&PathBuf, Option<u64>)| {
        let mut picture = read_picture(path).map_err(|source| {
            let id = path.display().to_string();
            TrainError::Picture { id, source }
        })?;
        if let Some(seed) = seed {
            picture = augment.apply(&picture, &mut ChaCha8Rng::seed_from_u64(*seed));
        }
        Ok(trainee.square(&picture))
    };
    chosen.par_iter().map(square).collect()
}
