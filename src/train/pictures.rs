//! Examples of records: pictures read, distorted and made into numbers.

use std::path::Path;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::imaging::{DisplayImage, FrameRef, OpenError, parse_image_path, read_frame};
use crate::train::batch::Example;
use crate::train::labels::{LabelSet, Labelled};
use crate::train::targets::Targets;
use crate::train::{Augment, Record, TrainError};
use crate::vlm::{LossOn, ModelError, Sequence, TowerPicture, Trainee};

/// How records become examples.
pub(crate) struct Preparation<'a> {
    pub(crate) trainee: &'a Trainee,
    pub(crate) images: &'a Path,
    pub(crate) augment: Augment,
    pub(crate) loss_on: LossOn,
    /// Codes of the pictures to be drawn, in a stage that teaches to draw.
    pub(crate) targets: Option<&'a Targets>,
    /// Positions a sequence may have.
    pub(crate) max_length: usize,
}

impl Preparation<'_> {
    /// All examples of these records; `seeds` are those of their distortions, one a record.
    pub(crate) fn examples(
        &self,
        records: &[(&Record, Option<u64>)],
    ) -> Result<Vec<Example>, TrainError> {
        let all: Result<Vec<Vec<Example>>, TrainError> =
            records.par_iter().map(|(record, seed)| self.example(record, *seed)).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// The first pictures of these records with their labels.
    pub(crate) fn labelled(
        &self,
        records: &[(&Record, Option<u64>)],
        set: &LabelSet,
    ) -> Result<Vec<Labelled>, TrainError> {
        let labelled = |(record, seed): &(&Record, Option<u64>)| {
            let first = record.images.first()?;
            let picture = self.distorted(record, 0, first, *seed);
            Some(picture.map(|picture| Labelled::new(picture, record, set)))
        };
        records.par_iter().filter_map(labelled).collect()
    }

    fn example(&self, record: &Record, seed: Option<u64>) -> Result<Vec<Example>, TrainError> {
        // a distorted picture would no longer be the one that is drawn
        let seed = seed.filter(|_| self.targets.is_none());
        let mut pictures = Vec::new();
        for (index, path) in record.images.iter().enumerate() {
            pictures.push(self.distorted(record, index, path, seed)?);
        }
        let sequences = self.sequences(record, &pictures)?;
        let fits = sequences.into_iter().filter(|one| one.places.len() <= self.max_length);
        Ok(fits.map(|sequence| Example { sequence, pictures: pictures.clone() }).collect())
    }

    fn sequences(
        &self,
        record: &Record,
        pictures: &[TowerPicture],
    ) -> Result<Vec<Sequence>, TrainError> {
        let Some(targets) = self.targets else {
            return Ok(self.trainee.sequences(&record.exchanges, pictures, self.loss_on)?);
        };
        let codes = record.target.as_ref().and_then(|target| targets.get(target));
        let Some((exchange, codes)) = record.exchanges.first().zip(codes) else {
            return Ok(Vec::new());
        };
        Ok(vec![self.trainee.drawing(exchange, codes)?])
    }

    /// A picture of a record as the tower takes it.
    fn distorted(
        &self,
        record: &Record,
        index: usize,
        path: &Path,
        seed: Option<u64>,
    ) -> Result<TowerPicture, TrainError> {
        let mut picture = read_picture(&self.images.join(path)).map_err(|source| {
            let id = record.id.clone();
            TrainError::Picture { id, source }
        })?;
        if let Some(seed) = seed {
            let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_add(index as u64));
            picture = self.augment.apply(&picture, &mut random);
        }
        self.trainee.picture(&picture).map_err(|error| match error {
            ModelError::BadPicture { reason } => {
                TrainError::Unfit { id: record.id.clone(), reason }
            }
            other => other.into(),
        })
    }
}

/// A picture as it is shown; `FILE#N` is frame N.
pub(crate) fn read_picture(path: &Path) -> Result<DisplayImage, OpenError> {
    let (path, frame_number) = parse_image_path(path);
    let frame_number = frame_number.unwrap_or(1);
    let frame = read_frame(&FrameRef { path, sop_instance_uid: String::new(), frame_number })?;
    Ok(frame.default_grayscale().render(&frame))
}
