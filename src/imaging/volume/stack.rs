//! Whether the slices of a series make a volume, decided from what the headers say.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::geometry::{FrameGeometry, dot, normal_of};
use super::super::study::{FrameRef, Instance, Series};
use super::cut::{Cut, CutPlane, Slab};
use super::error::NoVolume;
use super::grid::{VolumeGrid, along, minus};
use super::{LEAST_SLICES, MAX_VOLUME_BYTES};

/// Gaps may differ from their median by this part of it, or by what rounding in a file may make.
const UNEVEN_FROM: f64 = 0.01;
const ROUNDED_MM: f64 = 0.011;
/// Nearer slices lie at the same place.
const SAME_PLACE_MM: f64 = 1e-3;
/// Directions and spacings of one stack may differ by rounding alone.
const SAME_COSINE: f64 = 1e-3;
const SAME_SPACING: f64 = 1e-3;

/// The slices of a volume, in order along its last axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    /// One frame a slice.
    pub frames: Vec<FrameRef>,
    /// Where the voxels lie.
    pub grid: VolumeGrid,
}

impl Stack {
    /// The stack a series makes.
    ///
    /// # Errors
    /// Why it makes none, in one sentence.
    pub fn of(series: &Series) -> Result<Self, NoVolume> {
        let n = series.num_frames();
        if n < LEAST_SLICES {
            return Err(NoVolume::TooFew { slices: n });
        }
        let first =
            series.instances.iter().find(|i| i.num_frames > 0).ok_or(NoVolume::NoGeometry)?;
        check_instances(series, first)?;
        let of_first = series.geometry_of(0).ok_or(NoVolume::NoGeometry)?;
        let (axes, [row_mm, column_mm]) = axes_of(of_first)?;
        let mut slices = Vec::with_capacity(n);
        for frame_idx in 0..n {
            let geometry = series.geometry_of(frame_idx).ok_or(NoVolume::NoGeometry)?;
            let frame_ref = series.frame_ref(frame_idx).ok_or(NoVolume::NoGeometry)?;
            let position = same_but_for_place(geometry, of_first)?;
            slices.push((dot(&position, &axes[2]), position, frame_ref));
        }
        slices.sort_by(|a, b| a.0.total_cmp(&b.0));
        let places: Vec<(f64, [f64; 3])> = slices.iter().map(|slice| (slice.0, slice.1)).collect();
        let slice_mm = even_gap(&places)?;
        not_sheared(&places, axes[2], row_mm.min(column_mm))?;
        let size = [first.columns as usize, first.rows as usize, n];
        let grid = VolumeGrid {
            size,
            origin_mm: places.first().map(|(_, position)| *position).unwrap_or_default(),
            axes,
            spacing_mm: [column_mm, row_mm, slice_mm],
        };
        // 16 bits a value at least
        check_size(&grid, 2)?;
        Ok(Self { frames: slices.into_iter().map(|slice| slice.2).collect(), grid })
    }

    /// The planes across an axis as a series of their own, which names nobody.
    #[must_use]
    pub fn series_of_planes(&self, source: &Series, plane: CutPlane, slab: Slab) -> Series {
        let planes = self.grid.planes(plane);
        let name = made_up_name(&source.key, plane, Some(slab));
        let first = source.instances.first();
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let instance = Instance {
            path: PathBuf::from(&name),
            sop_instance_uid: name,
            sop_class_uid: String::new(),
            instance_number: None,
            rows: narrow(planes.rows),
            columns: narrow(planes.columns),
            num_frames: narrow(planes.count),
            transfer_syntax: first.map(|i| i.transfer_syntax.clone()).unwrap_or_default(),
            photometric_interpretation: first
                .map(|i| i.photometric_interpretation.clone())
                .unwrap_or_default(),
            bits_stored: first.map_or(16, |i| i.bits_stored),
            slice_thickness_mm: None,
            geometry: (0..planes.count).map(|index| planes.geometry(index)).collect(),
            cannot_show: None,
            frame_time_ms: None,
        };
        Series {
            key: made_up_name(&source.key, plane, None),
            series_number: source.series_number,
            description: Some(description(plane, slab)),
            modality: source.modality.clone(),
            body_part: source.body_part.clone(),
            frame_of_reference_uid: source.frame_of_reference_uid.clone(),
            plane: Some(plane.plane()),
            slice_spacing_mm: Some(planes.spacing_mm),
            uniform: true,
            duplicate_positions: false,
            instances: vec![instance],
        }
    }
}

impl Cut {
    /// What a frame of the planes of a series is cut from.
    #[must_use]
    pub fn of_frame(source: &Series, frame_ref: &FrameRef, slab: Slab) -> Option<Self> {
        let index = (frame_ref.frame_number as usize).checked_sub(1)?;
        CutPlane::ALL.into_iter().find_map(|plane| {
            let name = made_up_name(&source.key, plane, Some(slab));
            (name == frame_ref.sop_instance_uid).then_some(Self { plane, index, slab })
        })
    }
}

/// In the description of every series of planes.
pub const REFORMATTED: &str = "reformatted";

/// "Coronal, reformatted · MIP 10 mm".
fn description(plane: CutPlane, slab: Slab) -> String {
    let name = match plane {
        CutPlane::Axial => "Axial",
        CutPlane::Coronal => "Coronal",
        CutPlane::Sagittal => "Sagittal",
    };
    if slab.is_thin() {
        return format!("{name}, {REFORMATTED}");
    }
    format!("{name}, {REFORMATTED} · {slab}")
}

/// Stable, and tells no UID.
fn made_up_name(series_key: &str, plane: CutPlane, slab: Option<Slab>) -> String {
    let hash = Sha256::digest(series_key);
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let slab = slab.filter(|slab| !slab.is_thin());
    let slab = slab.map(|slab| format!("-{}-{}", slab.projection.as_str(), slab.mm));
    format!("planes-{hex}-{}{}", plane.as_str(), slab.unwrap_or_default())
}

fn check_instances(series: &Series, first: &Instance) -> Result<(), NoVolume> {
    for instance in &series.instances {
        if instance.cannot_show.is_some() || instance.num_frames == 0 {
            return Err(NoVolume::CannotShow);
        }
        if !instance.photometric_interpretation.starts_with("MONOCHROME") {
            return Err(NoVolume::Colour);
        }
        if (instance.rows, instance.columns) != (first.rows, first.columns) {
            return Err(NoVolume::Sizes);
        }
    }
    if first.rows < 2 || first.columns < 2 {
        return Err(NoVolume::Sizes);
    }
    Ok(())
}

/// Directions at right angles from column to column, row to row, slice to slice; the spacing of
/// rows and columns.
fn axes_of(geometry: &FrameGeometry) -> Result<([[f64; 3]; 3], [f64; 2]), NoVolume> {
    let iop = geometry.image_orientation.ok_or(NoVolume::NoGeometry)?;
    let spacing = geometry.pixel_spacing_mm.ok_or(NoVolume::NoGeometry)?;
    let [a, b, c, d, e, f] = iop;
    let (row, column) = ([a, b, c], [d, e, f]);
    let has_unit_length = |v: &[f64; 3]| (dot(v, v) - 1.0).abs() < 0.01;
    if !has_unit_length(&row) || !has_unit_length(&column) || dot(&row, &column).abs() > 0.01 {
        return Err(NoVolume::Skewed);
    }
    if !spacing.iter().all(|mm| mm.is_finite() && *mm > 0.0) {
        return Err(NoVolume::NoGeometry);
    }
    let across = unit(row);
    let onward = unit(normal_of(&iop));
    let [ox, oy, oz] = onward;
    let [ax, ay, az] = across;
    let down = normal_of(&[ox, oy, oz, ax, ay, az]);
    Ok(([across, down, onward], spacing))
}

fn unit(vector: [f64; 3]) -> [f64; 3] {
    let length = dot(&vector, &vector).sqrt();
    vector.map(|part| part / length)
}

/// The position of a slice that is otherwise like the first.
fn same_but_for_place(
    geometry: &FrameGeometry,
    first: &FrameGeometry,
) -> Result<[f64; 3], NoVolume> {
    let near =
        |a: &[f64], b: &[f64], most: f64| a.iter().zip(b).all(|(x, y)| (x - y).abs() <= most);
    let (iop, of_first) = (geometry.image_orientation, first.image_orientation);
    let (iop, of_first) = iop.zip(of_first).ok_or(NoVolume::NoGeometry)?;
    if !near(&iop, &of_first, SAME_COSINE) {
        return Err(NoVolume::Orientations);
    }
    let (spacing, of_first) = (geometry.pixel_spacing_mm, first.pixel_spacing_mm);
    let (spacing, of_first) = spacing.zip(of_first).ok_or(NoVolume::NoGeometry)?;
    if !near(&spacing, &of_first, SAME_SPACING) {
        return Err(NoVolume::Spacings);
    }
    let position = geometry.image_position_mm.ok_or(NoVolume::NoGeometry)?;
    if !position.iter().all(|part| part.is_finite()) {
        return Err(NoVolume::NoGeometry);
    }
    Ok(position)
}

/// The gap between neighbours, which are all the same but for rounding.
fn even_gap(places: &[(f64, [f64; 3])]) -> Result<f64, NoVolume> {
    let gaps = places.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let mut gaps: Vec<f64> = gaps.collect();
    gaps.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (gaps.first().copied(), gaps.last().copied()) else {
        return Err(NoVolume::TooFew { slices: places.len() });
    };
    if least < SAME_PLACE_MM {
        return Err(NoVolume::SamePlace);
    }
    let median = gaps.get(gaps.len() / 2).copied().unwrap_or(most);
    let allowed = (median * UNEVEN_FROM).max(ROUNDED_MM);
    if most - median > allowed || median - least > allowed {
        return Err(NoVolume::Uneven { least, most });
    }
    let (first, last) = (places.first().map(|p| p.0), places.last().map(|p| p.0));
    let whole = last.zip(first).map_or(0.0, |(last, first)| last - first);
    Ok(whole / gaps.len() as f64)
}

/// Every slice lies straight above the first, to within a pixel.
fn not_sheared(
    places: &[(f64, [f64; 3])],
    normal: [f64; 3],
    pixel_mm: f64,
) -> Result<(), NoVolume> {
    let Some((from, first)) = places.first() else { return Ok(()) };
    let shift = |(at, position): &(f64, [f64; 3])| {
        let off = minus(*position, along(*first, normal, at - from));
        dot(&off, &off).sqrt()
    };
    let most = places.iter().map(shift).fold(0.0, f64::max);
    if most > pixel_mm { Err(NoVolume::Sheared { shift: most }) } else { Ok(()) }
}

/// Whether so many bytes a value are bearable.
pub(super) fn check_size(grid: &VolumeGrid, bytes_a_value: u64) -> Result<(), NoVolume> {
    let bytes = grid.num_voxels().saturating_mul(bytes_a_value);
    if bytes > MAX_VOLUME_BYTES {
        return Err(NoVolume::TooLarge { size: grid.size, mebibytes: bytes.div_ceil(1 << 20) });
    }
    Ok(())
}
