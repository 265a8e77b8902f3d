//! Where in the open studies an image is that a document refers to.

use std::collections::HashMap;

use super::super::state::AppState;
use super::super::viewport::Place;
use crate::imaging::ReferencedImage;

/// The first frame of each instance of the open studies, by SOP Instance UID.
pub(super) struct Places<'a>(HashMap<&'a str, First<'a>>);

struct First<'a> {
    study_key: &'a str,
    series_key: &'a str,
    frame_idx: usize,
    num_frames: u32,
}

impl<'a> Places<'a> {
    pub(super) fn of(state: &'a AppState) -> Self {
        let mut places = HashMap::new();
        for open in state.studies.open() {
            for series in &open.study.series {
                let mut frame_idx = 0;
                for instance in &series.instances {
                    let num_frames = instance.num_frames;
                    let (study_key, series_key) = (open.study.key.as_str(), series.key.as_str());
                    let first = First { study_key, series_key, frame_idx, num_frames };
                    if !instance.sop_instance_uid.is_empty() {
                        places.entry(instance.sop_instance_uid.as_str()).or_insert(first);
                    }
                    frame_idx += num_frames as usize;
                }
            }
        }
        Self(places)
    }

    /// None where it is not open, or is no picture.
    pub(super) fn find(&self, image: &ReferencedImage) -> Option<Place> {
        let first = self.0.get(image.sop_instance_uid.as_str())?;
        let within = image.frame_number.unwrap_or(1).checked_sub(1)?;
        (within < first.num_frames).then(|| Place {
            study_key: first.study_key.to_owned(),
            series_key: first.series_key.to_owned(),
            frame_idx: first.frame_idx + within as usize,
        })
    }
}
