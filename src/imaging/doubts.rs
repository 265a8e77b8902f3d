//! What is odd about files that open all the same: the same instance twice, slices missing.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
};

use super::{
    facts::FileFacts,
    open::{OpenWarning, few},
    study::{Series, Study},
};

/// Fewer slices have no usual distance.
const MIN_SLICES: usize = 5;
/// A gap this much wider than the others has room for a slice.
const WIDE: f64 = 1.5;
/// Gaps that count as usual.
const USUAL: f64 = 0.05;

/// Every SOP instance once, and what was left out.
pub(super) fn without_duplicates(files: Vec<FileFacts>) -> (Vec<FileFacts>, Vec<OpenWarning>) {
    let mut kept: Vec<FileFacts> = Vec::with_capacity(files.len());
    let mut places: HashMap<(String, Option<i32>), usize> = HashMap::new();
    let mut twice = Vec::new();
    for mut facts in files {
        let uid = &facts.instance.sop_instance_uid;
        if uid.is_empty() {
            kept.push(facts);
            continue;
        }
        let place = match places.entry((uid.clone(), facts.instance.instance_number)) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(facts);
                continue;
            }
            Entry::Occupied(place) => *place.get(),
        };
        let Some(first) = kept.get_mut(place).filter(|first| is_same(first, &facts)) else {
            kept.push(facts);
            continue;
        };
        if first.instance.cannot_show.is_some() && facts.instance.cannot_show.is_none() {
            std::mem::swap(first, &mut facts);
        }
        let path = facts.instance.path;
        let what = "This file is the same instance as another, which is shown in its place";
        let message = format!("{what}: {}", path.display());
        twice.push(OpenWarning { path, message });
    }
    let folder = twice.first().and_then(|first| first.path.parent()).map(Path::to_owned);
    let twice = few(twice, &folder.unwrap_or_default(), "files are the same instance as another");
    (kept, twice)
}

/// Some programs give every slice one UID: what differs in its place is another picture.
fn is_same(a: &FileFacts, b: &FileFacts) -> bool {
    let (one, other) = (&a.instance, &b.instance);
    one.num_frames == other.num_frames
        && (one.rows, one.columns) == (other.rows, other.columns)
        && one.geometry == other.geometry
        && a.series_uid == b.series_uid
}

/// Series in which slices seem to be missing.
pub(super) fn gaps(studies: &[Study]) -> Vec<OpenWarning> {
    studies.iter().flat_map(|study| &study.series).filter_map(gap_in).collect()
}

fn gap_in(series: &Series) -> Option<OpenWarning> {
    let slices = &series.instances;
    let usual = series.slice_spacing_mm.filter(|_| slices.len() >= MIN_SLICES)?;
    let normal = slices.first()?.geometry.first()?.normal()?;
    let length = normal.iter().map(|part| part * part).sum::<f64>().sqrt();
    let places = slices
        .iter()
        .map(|slice| Some(slice.geometry.first()?.position_along(&normal)? / length))
        .collect::<Option<Vec<f64>>>()?;
    let gaps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let num_usual = gaps.iter().filter(|gap| (*gap - usual).abs() <= usual * USUAL).count();
    let wide = || gaps.iter().enumerate().filter(|(_, gap)| **gap > usual * WIDE);
    let (first, widest) = (wide().next()?, wide().map(|(_, gap)| *gap).fold(0.0, f64::max));
    // slices that were chosen one by one have no distance to keep
    if num_usual * 3 < gaps.len() * 2 {
        return None;
    }
    let (before, after) = (first.0 + 1, first.0 + 2);
    let place = match wide().count() {
        1 => format!("between slices {before} and {after}"),
        n => format!("in {n} places, the first between slices {before} and {after}"),
    };
    let path = slices.first()?.path.parent()?.to_owned();
    let number = series.series_number.map(|number| format!(" of series {number}"));
    let message = format!(
        "Slices{} seem to be missing {place}: {widest:.1} mm where {usual:.1} mm are usual: {}",
        number.unwrap_or_default(),
        path.display()
    );
    Some(OpenWarning { path, message })
}
