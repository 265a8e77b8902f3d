//! Instances → stacks of one size and orientation, in reading order → series → studies.

use std::{collections::BTreeMap, path::Path};

use sha2::{Digest as _, Sha256};

use super::{
    apart::{Part, split},
    facts::FileFacts,
    geometry::{dot, normal_of, plane_of},
    study::{Instance, Series, Study},
};

/// Slices of one stack may differ by about 2.5° in direction.
const SAME_DIRECTION: f64 = 0.999;
/// Slices nearer than this lie at the same place.
pub(super) const SAME_PLACE_MM: f64 = 1e-3;

/// Sort what was read from files into studies.
pub(super) fn studies_from(files: Vec<FileFacts>) -> Vec<Study> {
    let mut by_study: BTreeMap<String, Vec<FileFacts>> = BTreeMap::new();
    for facts in files {
        by_study.entry(study_key(&facts)).or_default().push(facts);
    }
    let mut studies: Vec<Study> =
        by_study.into_iter().map(|(key, files)| study(key, files)).collect();
    studies.sort_by(|a, b| (&a.study_date, &a.key).cmp(&(&b.study_date, &b.key)));
    studies
}

/// The UID, or the folder for files without one.
fn study_key(facts: &FileFacts) -> String {
    if facts.study_uid.is_empty() {
        made_up_key("study", &[&folder_of(&facts.instance.path)])
    } else {
        facts.study_uid.clone()
    }
}

fn series_key(facts: &FileFacts) -> String {
    if !facts.series_uid.is_empty() {
        return facts.series_uid.clone();
    }
    if let Some(name) = &facts.stack_name {
        return made_up_key("pictures", &[&folder_of(&facts.instance.path), name]);
    }
    let number = facts.series_number.map(|number| number.to_string()).unwrap_or_default();
    let description = facts.series_description.clone().unwrap_or_default();
    let folder = folder_of(&facts.instance.path);
    made_up_key("series", &[&folder, &facts.modality, &number, &description])
}

fn folder_of(path: &Path) -> String {
    path.parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Stable from one opening to the next, and tells nothing.
fn made_up_key(kind: &str, parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join("\n"));
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}-{hex}")
}

fn study(key: String, files: Vec<FileFacts>) -> Study {
    let first_of = |pick: &dyn Fn(&FileFacts) -> Option<String>| files.iter().find_map(pick);
    let patient = files
        .iter()
        .map(|facts| facts.patient.clone())
        .max_by_key(|patient| {
            usize::from(patient.name.is_some()) + usize::from(patient.id.is_some())
        })
        .unwrap_or_default();
    let (study_date, description, institution) = (
        first_of(&|facts| facts.study_date.clone()),
        first_of(&|facts| facts.study_description.clone()),
        first_of(&|facts| facts.institution.clone()),
    );
    let mut by_series: BTreeMap<String, Vec<FileFacts>> = BTreeMap::new();
    for facts in files {
        by_series.entry(series_key(&facts)).or_default().push(facts);
    }
    let mut series: Vec<Series> =
        by_series.into_iter().flat_map(|(key, files)| stacks(&key, files)).collect();
    // objects without pixels come last
    series.sort_by_key(|series| {
        let number = series.series_number.unwrap_or(i32::MAX);
        (series.num_frames() == 0, number, series.key.clone())
    });
    Study { key, patient, study_date, description, institution, series }
}

/// Split one series by size, orientation and what lies at the same places: `key`, `key#2` …
fn stacks(key: &str, mut files: Vec<FileFacts>) -> Vec<Series> {
    files.sort_by(|a, b| by_number_and_path(&a.instance, &b.instance));
    let mut stacks: Vec<Vec<FileFacts>> = Vec::new();
    for facts in files {
        let alone = facts.instance.num_frames > 1;
        let home = stacks.iter_mut().find(|stack| {
            let first = stack.first().filter(|first| first.instance.num_frames <= 1);
            !alone && first.is_some_and(|first| belong_together(first, &facts))
        });
        match home {
            Some(stack) => stack.push(facts),
            None => stacks.push(vec![facts]),
        }
    }
    let mut stacks: Vec<Part> = stacks.into_iter().flat_map(split).collect();
    // the largest stack keeps the plain key
    stacks.sort_by_key(|stack| std::cmp::Reverse(stack.files.len()));
    let name = |idx: usize| match idx {
        0 => key.to_owned(),
        idx => format!("{key}#{}", idx + 1),
    };
    stacks.into_iter().enumerate().map(|(idx, stack)| series(name(idx), stack)).collect()
}

fn belong_together(a: &FileFacts, b: &FileFacts) -> bool {
    let shape = |facts: &FileFacts| {
        let instance = &facts.instance;
        let is_gray = instance.photometric_interpretation.starts_with("MONOCHROME");
        let has_pixels = instance.num_frames > 0;
        (instance.rows, instance.columns, has_pixels, is_gray, facts.apart.is_localizer)
    };
    let orientation =
        |facts: &FileFacts| facts.instance.geometry.first().and_then(|g| g.image_orientation);
    let alike = match (orientation(a), orientation(b)) {
        (Some(a), Some(b)) => {
            let [ax, ay, az, ..] = a;
            let [bx, by, bz, ..] = b;
            dot(&normal_of(&a), &normal_of(&b)) > SAME_DIRECTION
                && dot(&[ax, ay, az], &[bx, by, bz]) > SAME_DIRECTION
        }
        (None, None) => true,
        _ => false,
    };
    shape(a) == shape(b) && alike && (a.modality == b.modality)
}

fn by_number_and_path(a: &Instance, b: &Instance) -> std::cmp::Ordering {
    let number = |instance: &Instance| instance.instance_number.unwrap_or(i32::MAX);
    number(a).cmp(&number(b)).then_with(|| natural_key(&a.path).cmp(&natural_key(&b.path)))
}

fn series(key: String, Part { files, note }: Part) -> Series {
    let first_of = |pick: &dyn Fn(&FileFacts) -> Option<String>| files.iter().find_map(pick);
    let series_number = files.iter().find_map(|facts| facts.series_number);
    let own = first_of(&|facts| facts.series_description.clone());
    let description = match (own, note) {
        (Some(own), Some(note)) => Some(format!("{own} · {note}")),
        (own, note) => own.or(note),
    };
    let modality = first_of(&|facts| Some(facts.modality.clone())).unwrap_or_default();
    let body_part = first_of(&|facts| facts.body_part.clone());
    let frame_of_reference_uid = first_of(&|facts| facts.frame_of_reference_uid.clone());
    let mut instances: Vec<Instance> = files.into_iter().map(|facts| facts.instance).collect();
    let normal = instances.first().and_then(|first| first.geometry.first()?.normal());
    let positions = normal.and_then(|normal| {
        let mut placed: Vec<(f64, Instance)> = instances
            .iter()
            .map(|instance| {
                let position = instance.geometry.first()?.position_along(&normal)?;
                Some((position, instance.clone()))
            })
            .collect::<Option<_>>()?;
        // stable: equal positions stay by number and path
        placed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let positions = positions_of(&placed, &normal);
        instances = placed.into_iter().map(|(_, instance)| instance).collect();
        Some(positions)
    });
    let Gaps { median, uniform, duplicates } = Gaps::between(&positions.unwrap_or_default());
    Series {
        key,
        series_number,
        description,
        modality,
        body_part,
        frame_of_reference_uid,
        plane: normal.as_ref().and_then(plane_of),
        slice_spacing_mm: median,
        uniform,
        duplicate_positions: duplicates,
        instances,
    }
}

/// Along the normal, ascending: of the files, or of the frames of a single one.
fn positions_of(placed: &[(f64, Instance)], normal: &[f64; 3]) -> Vec<f64> {
    if let [(_, only)] = placed
        && only.geometry.len() > 1
    {
        let mut positions: Vec<f64> =
            only.geometry.iter().filter_map(|frame| frame.position_along(normal)).collect();
        positions.sort_by(f64::total_cmp);
        return positions;
    }
    placed.iter().map(|(position, _)| *position).collect()
}

/// Distances between neighbouring slices.
struct Gaps {
    median: Option<f64>,
    uniform: bool,
    duplicates: bool,
}

impl Gaps {
    fn between(positions: &[f64]) -> Self {
        let mut gaps: Vec<f64> = positions.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (gaps.first().copied(), gaps.last().copied()) else {
            return Self { median: None, uniform: true, duplicates: false };
        };
        let middle = gaps.len() / 2;
        let at = |idx: usize| gaps.get(idx).copied().unwrap_or(0.0);
        let median = if gaps.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle - 1), at(middle))
        };
        let duplicates = least < SAME_PLACE_MM;
        let uniform =
            !duplicates && most - median <= median * 0.01 && median - least <= median * 0.01;
        Self { median: (median >= SAME_PLACE_MM).then_some(median), uniform, duplicates }
    }
}

/// `slice10` after `slice9`.
pub(super) fn natural_key(path: &Path) -> Vec<(String, u64)> {
    let text = path.to_string_lossy();
    let mut parts = Vec::new();
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let word_len = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_len);
        let digits_len = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (digits, after) = after.split_at(digits_len);
        parts.push((word.to_owned(), digits.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}

/// Pictures of one folder whose names differ in their numbers alone belong together.
pub(super) fn picture_stack_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().filter(|c| !c.is_ascii_digit()).flat_map(char::to_lowercase).collect()
}
