//! The studies that are open, and what they are called.

use std::collections::HashMap;
use std::sync::Arc;

use super::viewport::Place;
use super::volume::Reformatted;
use crate::chat::Marker;
use crate::imaging::{
    Cut, DisplayImage, DocumentKind, FrameRef, NoVolume, Series, Stack, Study, alias,
};

/// How the keys of pasted pictures begin; they mean nothing beyond this run.
pub(crate) const PASTED: &str = "pasted-";

/// A study with its alias.
#[derive(Debug)]
pub struct OpenStudy {
    /// What was found in the files.
    pub study: Study,
    /// "Case 01"; the same whenever the study is opened.
    pub alias: String,
    /// The volumes that series make, or why they make none.
    stacks: HashMap<String, Result<Arc<Stack>, NoVolume>>,
}

/// A small picture of a series.
#[derive(Clone, Debug)]
pub enum Thumbnail {
    /// Being made.
    Pending,
    /// Here.
    Ready(Arc<DisplayImage>),
    /// Cannot be made, and why.
    Failed(String),
}

/// All open studies.
#[derive(Debug, Default)]
pub struct Studies {
    open: Vec<OpenStudy>,
    case_numbers: HashMap<String, usize>,
    /// Numbers of earlier runs, by the studies' marks.
    known: HashMap<String, usize>,
    marker: Option<Marker>,
    thumbnails: HashMap<FrameRef, Thumbnail>,
    volumes: Vec<Reformatted>,
}

impl Studies {
    /// Newest first.
    pub fn open(&self) -> &[OpenStudy] {
        &self.open
    }

    /// The study with this key.
    pub fn get(&self, study_key: &str) -> Option<&OpenStudy> {
        self.open.iter().find(|open| open.study.key == study_key)
    }

    /// A series of a study, or planes cut through one.
    pub fn series(&self, study_key: &str, series_key: &str) -> Option<(&OpenStudy, &Series)> {
        let open = self.get(study_key)?;
        let volumes = self.volumes.iter().filter(|volume| volume.study_key == study_key);
        let planes = volumes.flat_map(Reformatted::planes);
        let series = open.study.series.iter().chain(planes).find(|s| s.key == series_key)?;
        Some((open, series))
    }

    /// The volume a series makes, or why it makes none.
    pub(crate) fn stack(&self, place: &Place) -> Option<&Result<Arc<Stack>, NoVolume>> {
        self.get(&place.study_key)?.stacks.get(&place.series_key)
    }

    /// Series that planes are cut from.
    pub fn volumes(&self) -> &[Reformatted] {
        &self.volumes
    }

    pub(crate) fn volumes_mut(&mut self) -> impl Iterator<Item = &mut Reformatted> {
        self.volumes.iter_mut()
    }

    /// The worker keeps one volume; planes of another are cut after it was built again.
    pub(crate) fn add_volume(&mut self, volume: Reformatted) {
        let is_same = |old: &Reformatted| {
            old.study_key == volume.study_key && old.source.key == volume.source.key
        };
        self.volumes.retain(|old| !is_same(old));
        self.volumes.push(volume);
    }

    /// The volume that a series or its planes belong to.
    pub(crate) fn volume_of(&self, place: &Place) -> Option<&Reformatted> {
        self.volumes.iter().find(|volume| volume.holds(place))
    }

    /// Whether a place is in planes cut through a series.
    pub(crate) fn is_plane(&self, place: &Place) -> bool {
        self.volumes.iter().any(|volume| volume.is_plane(place))
    }

    /// What a frame is cut from; none for those of files.
    pub(crate) fn cut_of(&self, frame_ref: &FrameRef) -> Option<(&Stack, Cut)> {
        let mut volumes = self.volumes.iter();
        volumes.find_map(|volume| Some((volume.stack.as_ref(), volume.cut_of(frame_ref)?)))
    }

    /// Says whether there were any.
    pub(crate) fn forget_volumes(&mut self, study_key: &str) -> bool {
        let before = self.volumes.len();
        self.volumes.retain(|volume| volume.study_key != study_key);
        self.volumes.len() < before
    }

    /// Gives studies their aliases in this order; says which are new to the history.
    pub(crate) fn number<'a>(
        &mut self,
        study_keys: impl Iterator<Item = &'a str>,
    ) -> Vec<(String, u32)> {
        let mut fresh = Vec::new();
        for key in study_keys {
            if self.case_numbers.contains_key(key) {
                continue;
            }
            let marker = self.marker.as_ref().filter(|_| !key.starts_with(PASTED));
            let mark = marker.map(|marker| marker.study(key));
            let known = mark.as_ref().and_then(|mark| self.known.get(mark).copied());
            let number = known.unwrap_or_else(|| self.next_number());
            if let (Some(mark), None) = (mark, known) {
                self.known.insert(mark.clone(), number);
                fresh.extend(u32::try_from(number).ok().map(|number| (mark, number)));
            }
            self.case_numbers.insert(key.to_owned(), number);
        }
        fresh
    }

    /// The number in a study's alias.
    pub(crate) fn number_of(&self, study_key: &str) -> Option<usize> {
        self.case_numbers.get(study_key).copied()
    }

    fn next_number(&self) -> usize {
        self.known.values().chain(self.case_numbers.values()).max().map_or(1, |last| last + 1)
    }

    /// The history was opened: studies have the aliases they had before.
    pub(crate) fn learn(
        &mut self,
        marker: Marker,
        known: Vec<(String, u32)>,
    ) -> Vec<(String, u32)> {
        self.marker = Some(marker);
        self.known = known.into_iter().map(|(mark, number)| (mark, number as usize)).collect();
        let mut keys: Vec<(usize, String)> =
            self.case_numbers.drain().map(|(key, number)| (number, key)).collect();
        keys.sort();
        let fresh = self.number(keys.iter().map(|(_, key)| key.as_str()));
        self.name_open();
        fresh
    }

    /// A study has this number, whatever it was called before.
    pub(crate) fn renumber(&mut self, mark: &str, number: u32) {
        self.known.insert(mark.to_owned(), number as usize);
        let Some(marker) = &self.marker else { return };
        for open in &self.open {
            if marker.study(&open.study.key) == mark {
                self.case_numbers.insert(open.study.key.clone(), number as usize);
            }
        }
        self.name_open();
    }

    fn name_open(&mut self) {
        for open in &mut self.open {
            let number = self.case_numbers.get(&open.study.key);
            open.alias = alias(number.copied().unwrap_or_default());
        }
    }

    /// Puts a study on top; series it already had are replaced, others stay.
    pub(crate) fn insert(&mut self, mut study: Study) -> Vec<(String, u32)> {
        if let Some(idx) = self.open.iter().position(|open| open.study.key == study.key) {
            let old = self.open.remove(idx);
            for series in old.study.series {
                if !study.series.iter().any(|new| new.key == series.key) {
                    study.series.push(series);
                }
            }
        }
        let fresh = self.number(std::iter::once(study.key.as_str()));
        let number = self.case_numbers.get(&study.key).copied().unwrap_or_default();
        let kept = |volume: &Reformatted| {
            volume.study_key != study.key || study.series.contains(&volume.source)
        };
        self.volumes.retain(kept);
        let stack = |series: &Series| (series.key.clone(), Stack::of(series).map(Arc::new));
        let is_pasted = study.key.starts_with(PASTED);
        let stacks = study.series.iter().filter(|_| !is_pasted).map(stack).collect();
        self.open.insert(0, OpenStudy { study, alias: alias(number), stacks });
        fresh
    }

    pub(crate) fn close(&mut self, study_key: &str) -> Option<Study> {
        let idx = self.open.iter().position(|open| open.study.key == study_key)?;
        Some(self.open.remove(idx).study)
    }

    /// Where the picture of a series stands.
    pub fn thumbnail(&self, series: &Series) -> Option<&Thumbnail> {
        self.thumbnails.get(&thumbnail_frame(series)?)
    }

    pub(crate) fn set_thumbnail(&mut self, frame_ref: FrameRef, thumbnail: Thumbnail) {
        self.thumbnails.insert(frame_ref, thumbnail);
    }

    /// Series whose picture nobody asked for yet.
    pub(crate) fn thumbnails_to_make(&self) -> Vec<FrameRef> {
        let all = self.open.iter().flat_map(|open| &open.study.series);
        all.filter(|series| cannot_show(series).is_none())
            .filter_map(thumbnail_frame)
            .filter(|frame_ref| !self.thumbnails.contains_key(frame_ref))
            .collect()
    }
}

impl OpenStudy {
    /// Whether it is a picture from the clipboard, which has no file.
    pub(crate) fn is_pasted(&self) -> bool {
        self.study.key.starts_with(PASTED)
    }

    /// The patient's name, or the alias.
    pub fn title(&self, privacy: bool) -> &str {
        let name = self.study.patient.name.as_deref().filter(|name| !name.is_empty());
        if privacy { &self.alias } else { name.unwrap_or(&self.alias) }
    }

    /// Date and description as far as they may be shown.
    pub(crate) fn subtitle(&self, privacy: bool) -> String {
        let date = if privacy { None } else { self.study.study_date.clone() };
        let parts: Vec<String> =
            [date, self.study.description.clone()].into_iter().flatten().collect();
        parts.join(" · ")
    }
}

/// The frame that stands for a series: the middle one.
pub(crate) fn middle_frame_idx(series: &Series) -> usize {
    series.num_frames() / 2
}

fn thumbnail_frame(series: &Series) -> Option<FrameRef> {
    series.frame_ref(middle_frame_idx(series))
}

/// Why nothing of a series can be shown, if so.
pub(crate) fn cannot_show(series: &Series) -> Option<&str> {
    let mut reasons = series.instances.iter().map(|instance| instance.cannot_show.as_deref());
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}

/// What a series without pictures is, where it is something to read.
pub(crate) fn document_kind(series: &Series) -> Option<DocumentKind> {
    let first = series.instances.first().filter(|_| series.num_frames() == 0)?;
    DocumentKind::of(&first.sop_class_uid)
}

/// What a series is called: its description, or what stands for one.
pub(crate) fn series_name(series: &Series, privacy: bool) -> String {
    // the description of a picture is its file name, which may well be a person's
    if series.modality == "PIC" && privacy && !series.key.starts_with("pasted") {
        return "Picture".to_owned();
    }
    if let Some(description) = series.description.as_deref().filter(|text| !text.is_empty()) {
        return description.to_owned();
    }
    if series.modality == "PIC" {
        return "Picture".to_owned();
    }
    match (series.body_part.as_deref(), series.series_number) {
        (Some(part), _) if !part.is_empty() => part.to_owned(),
        (_, Some(number)) => format!("Series {number}"),
        _ => "Series".to_owned(),
    }
}

/// "312 images", "1 image".
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}
