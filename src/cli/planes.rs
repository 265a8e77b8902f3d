//! `--plane`: a plane cut through a series instead of one of its slices.

use std::{fmt, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;

use crate::imaging::{
    Cut, CutPlane, Frame, FrameGeometry, NoVolume, Opened, Projection, Series, Slab, Stack,
};

use super::args::RenderArgs;
use super::images::Decoder;

/// Which plane, and how thick.
#[derive(Debug, clap::Args)]
pub(super) struct PlaneArgs {
    /// Show this plane of the whole series, with square pixels (trilinear)
    #[arg(long, value_name = "PLANE", group = "several")]
    plane: Option<TypedPlane>,
    /// Where: 40% of the way (from feet to head, front to back, left to right), or the Nth plane
    #[arg(long, value_name = "P%|N", default_value = "50%", requires = "plane", value_parser = parse_at)]
    at: At,
    /// A slab so thick, in mm, around the plane
    #[arg(long, value_name = "MM", requires = "plane", value_parser = clap::value_parser!(u16).range(1..=1000))]
    slab: Option<u16>,
    /// What becomes of the values across the slab
    #[arg(long, value_name = "KIND", default_value = "mean", requires = "slab")]
    projection: TypedProjection,
    /// The series with this number, where there are several
    #[arg(long, value_name = "N", requires = "several")]
    pub(super) series: Option<i32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypedPlane {
    Axial,
    Coronal,
    Sagittal,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypedProjection {
    Mean,
    Mip,
    Minip,
}

/// Where along the way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    /// From 0 to 1.
    Share(f64),
    /// From 1.
    Number(usize),
}

fn parse_at(text: &str) -> Result<At, String> {
    let expected = || "expected a share such as 40%, or the number of a plane from 1".to_owned();
    if let Some(percent) = text.strip_suffix('%') {
        let percent: Option<f64> = percent.trim().parse().ok();
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        return percent.map(|percent| At::Share(percent / 100.0)).ok_or_else(expected);
    }
    let number: Option<usize> = text.parse().ok();
    number.filter(|number| *number > 0).map(At::Number).ok_or_else(expected)
}

/// What was cut, for `--json`.
#[derive(Serialize)]
pub(super) struct PlaneReport {
    plane: &'static str,
    number: usize,
    of: usize,
    slab_mm: u16,
    projection: Option<&'static str>,
    slices: usize,
    #[serde(flatten)]
    geometry: GeometryReport,
}

impl fmt::Display for PlaneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plane, number, of, slices, .. } = self;
        write!(f, "{plane} plane {number} of {of}, from {slices} slices")?;
        match self.projection {
            Some(projection) => write!(f, ", {projection} over {} mm", self.slab_mm),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct GeometryReport {
    image_position_mm: Option<[f64; 3]>,
    image_orientation: Option<[f64; 6]>,
}

impl From<FrameGeometry> for GeometryReport {
    fn from(geometry: FrameGeometry) -> Self {
        Self {
            image_position_mm: geometry.image_position_mm,
            image_orientation: geometry.image_orientation,
        }
    }
}

/// The plane asked for, if one is.
pub(super) fn read_plane(
    decoder: &Decoder,
    args: &RenderArgs,
) -> anyhow::Result<Option<(Arc<Frame>, PlaneReport)>> {
    let typed = &args.planes;
    let Some(plane) = typed.plane else { return Ok(None) };
    let plane = match plane {
        TypedPlane::Axial => CutPlane::Axial,
        TypedPlane::Coronal => CutPlane::Coronal,
        TypedPlane::Sagittal => CutPlane::Sagittal,
    };
    let projection = match typed.projection {
        TypedProjection::Mean => Projection::Mean,
        TypedProjection::Mip => Projection::Maximum,
        TypedProjection::Minip => Projection::Minimum,
    };
    let slab = typed.slab.map_or(Slab::THIN, |mm| Slab { mm, projection });
    ensure!(args.path.exists(), "there is no such file or folder: {}", args.path.display());
    let (series, stack) = stack_of(decoder.open(vec![args.path.clone()])?, typed.series)?;
    let planes = stack.grid.planes(plane);
    let index = index_of(typed.at, planes.count, plane)?;
    let cut = Cut { plane, index, slab };
    let report = PlaneReport {
        plane: plane.as_str(),
        number: index + 1,
        of: planes.count,
        slab_mm: slab.mm,
        projection: (!slab.is_thin()).then(|| slab.projection.as_str()),
        slices: stack.frames.len(),
        geometry: planes.geometry(index).into(),
    };
    let frame = decoder.read_plane(&series, stack, cut)?;
    Ok(Some((frame, report)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is neither negative nor too large"
)]
fn index_of(at: At, count: usize, plane: CutPlane) -> anyhow::Result<usize> {
    match at {
        At::Share(share) => Ok((share * count.saturating_sub(1) as f64).round() as usize),
        At::Number(number) => {
            let plane = plane.as_str();
            ensure!(number <= count, "--at {number}: the volume has {count} {plane} planes");
            Ok(number - 1)
        }
    }
}

/// The series with the most slices among those that make a volume.
fn stack_of(opened: Opened, number: Option<i32>) -> anyhow::Result<(Series, Stack)> {
    let all: Vec<Series> = opened.studies.into_iter().flat_map(|study| study.series).collect();
    let is_asked = |series: &&Series| number.is_none_or(|n| series.series_number == Some(n));
    let mut asked: Vec<&Series> = all.iter().filter(is_asked).collect();
    if let Some(number) = number {
        ensure!(!asked.is_empty(), "there is no series {number} here");
    }
    asked.sort_by_key(|series| std::cmp::Reverse(series.num_frames()));
    let mut why: Option<NoVolume> = None;
    for series in asked {
        match Stack::of(series) {
            Ok(stack) => return Ok((series.clone(), stack)),
            Err(error) => {
                why.get_or_insert(error);
            }
        }
    }
    match why {
        Some(why) => bail!("no planes: {why}"),
        None => Err(anyhow::anyhow!("there are no pictures here")).context("no planes"),
    }
}
