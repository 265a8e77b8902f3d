//! Slices that lie at the same places: several echoes, times or acquisitions in one series become
//! stacks of their own, each with what sets it apart.

use std::collections::BTreeMap;

use super::{facts::FileFacts, series::SAME_PLACE_MM};

/// A series is not torn into more.
const MAX_STACKS: usize = 200;

/// What tells slices at one place apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Apart {
    /// A scout, which is not one of the slices planned on it.
    pub(super) is_localizer: bool,
    /// Image Type from its third value on.
    pub(super) kind: Option<String>,
    /// Echo Time.
    pub(super) echo_ms: Option<f64>,
    /// Diffusion b-value.
    pub(super) b_value: Option<f64>,
    /// Temporal Position Identifier.
    pub(super) time: Option<i32>,
    /// Acquisition Number.
    pub(super) acquisition: Option<i32>,
    /// Trigger Time.
    pub(super) phase_ms: Option<f64>,
}

/// A part of a series, and what sets it apart in words.
pub(super) struct Part {
    pub(super) files: Vec<FileFacts>,
    pub(super) note: Option<String>,
}

/// A quality as it is compared (thousandths of numbers), and in words.
type Quality = fn(&Apart) -> Option<(i64, String)>;

/// The first that puts every slice at a place of its own decides.
const QUALITIES: [Quality; 6] = [
    |apart| apart.kind.clone().map(|kind| (0, kind)),
    |apart| number(apart.echo_ms, "TE", " ms"),
    |apart| number(apart.b_value, "b", ""),
    |apart| number(apart.time.map(f64::from), "time", ""),
    |apart| number(apart.acquisition.map(f64::from), "acquisition", ""),
    |apart| number(apart.phase_ms, "phase", " ms"),
];

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn number(value: Option<f64>, name: &str, unit: &str) -> Option<(i64, String)> {
    let value = value?;
    let thousandths = (value * 1000.0).round();
    Some((thousandths as i64, format!("{name} {}{unit}", thousandths / 1000.0)))
}

/// Split slices of one size and direction where several lie at the same place.
pub(super) fn split(files: Vec<FileFacts>) -> Vec<Part> {
    let mut stacks = vec![Part { files, note: None }];
    for quality in QUALITIES {
        stacks = stacks.into_iter().flat_map(|stack| split_by(stack, quality)).collect();
    }
    stacks
}

fn split_by(stack: Part, quality: Quality) -> Vec<Part> {
    let Some(repeated) = num_repeated(stack.files.iter()).filter(|repeated| *repeated > 0) else {
        return vec![stack];
    };
    let mut parts: BTreeMap<(i64, String), Vec<usize>> = BTreeMap::new();
    for (idx, facts) in stack.files.iter().enumerate() {
        let Some(value) = quality(&facts.apart) else { return vec![stack] };
        parts.entry(value).or_default().push(idx);
    }
    if !(2..=MAX_STACKS).contains(&parts.len()) {
        return vec![stack];
    }
    let mut left = 0;
    for part in parts.values() {
        let files = || part.iter().filter_map(|idx| stack.files.get(*idx));
        // a loop over time at one place stays a loop
        match num_repeated(files()) {
            Some(repeated) if files().count() - repeated >= 2 => left += repeated,
            _ => return vec![stack],
        }
    }
    if left >= repeated {
        return vec![stack];
    }
    let part_of: BTreeMap<usize, usize> = parts
        .values()
        .enumerate()
        .flat_map(|(part, files)| files.iter().map(move |file| (*file, part)))
        .collect();
    let joined = |note: String| match &stack.note {
        Some(before) => format!("{before}, {note}"),
        None => note,
    };
    let mut split: Vec<Part> = parts
        .into_keys()
        .map(|(_, words)| Part { files: Vec::new(), note: Some(joined(words)) })
        .collect();
    for (idx, facts) in stack.files.into_iter().enumerate() {
        if let Some(part) = part_of.get(&idx).and_then(|part| split.get_mut(*part)) {
            part.files.push(facts);
        }
    }
    split
}

/// How many slices lie where another does; `None` when a place is not known.
fn num_repeated<'a>(files: impl Iterator<Item = &'a FileFacts> + Clone) -> Option<usize> {
    let normal = files.clone().next()?.instance.geometry.first()?.normal()?;
    let mut places = files
        .map(|facts| facts.instance.geometry.first()?.position_along(&normal))
        .collect::<Option<Vec<f64>>>()?;
    places.sort_by(f64::total_cmp);
    Some(places.windows(2).filter(|pair| pair[1] - pair[0] < SAME_PLACE_MM).count())
}
