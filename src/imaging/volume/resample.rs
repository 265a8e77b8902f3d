//! A plane or a slab of a volume, sampled between its voxels.

use rayon::prelude::*;

use super::super::frame::{Frame, FrameParts};
use super::super::frame_info::FrameInfo;
use super::super::modality_lut::ModalityLut;
use super::super::samples::Samples;
use super::aligned::Aligned;
use super::cut::{Cut, Projection};
use super::error::VolumeError;
use super::grid::along;
use super::planes::PlaneStack;
use super::read::Volume;
use super::values::Values;

/// A voxel reaches half its size beyond its centre.
const HALF: f64 = 0.5;

/// A value of a volume.
pub(super) trait Voxel: Copy + Sync {
    fn value(self) -> f32;
}

impl Voxel for i16 {
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Voxel for f32 {
    fn value(self) -> f32 {
        self
    }
}

/// The way through the voxels that a plane asks for: in columns, rows, slices.
pub(super) struct Way {
    pub(super) start: [f64; 3],
    pub(super) column: [f64; 3],
    pub(super) row: [f64; 3],
    /// From the plane to each layer of the slab.
    pub(super) layers: Vec<[f64; 3]>,
    pub(super) projection: Projection,
    /// Where nothing was acquired.
    outside: f32,
}

impl Volume {
    /// A plane as a frame: trilinear, in modality values, with square pixels. Pixels outside of
    /// what was acquired are padding.
    ///
    /// # Errors
    /// When there is no such plane.
    pub fn cut(&self, cut: &Cut) -> Result<Frame, VolumeError> {
        let planes = self.grid.planes(cut.plane);
        if cut.index >= planes.count {
            let (number, count) = (cut.index.saturating_add(1), planes.count);
            return Err(VolumeError::NoPlane { number, count, plane: cut.plane.as_str() });
        }
        let way = self.way(&planes, cut);
        let size = self.grid.size;
        let pixels = match &self.values {
            Values::I16(voxels) => filled(&Voxels { voxels, size }, &way, &planes),
            Values::F32(voxels) => filled(&Voxels { voxels, size }, &way, &planes),
        };
        let outside = f64::from(way.outside);
        Ok(Frame::new(FrameParts {
            info: self.info_of(&planes, cut),
            samples: Samples::F32(pixels),
            modality_lut: ModalityLut::IDENTITY,
            voi_choices: self.voi_choices.clone(),
            padding: (!self.fills(&planes)).then_some((outside, outside)),
            incomplete: self.incomplete.clone(),
        }))
    }

    fn way(&self, planes: &PlaneStack, cut: &Cut) -> Way {
        let [across, down, onward] = planes.directions;
        let step = |direction| {
            let mm = along([0.0; 3], direction, planes.spacing_mm);
            self.grid.voxels_along(mm)
        };
        let offsets = planes.across_mm(f64::from(cut.slab.mm));
        let layers = offsets.into_iter().map(|mm| along([0.0; 3], onward, mm));
        Way {
            start: self.grid.voxel_of(planes.corner_mm(cut.index)),
            column: step(across),
            row: step(down),
            layers: layers.map(|mm| self.grid.voxels_along(mm)).collect(),
            projection: cut.slab.projection,
            // black, and like no value that was acquired
            outside: if self.info.photometric_interpretation == "MONOCHROME1" {
                (self.range.1 + 1.0).ceil()
            } else {
                (self.range.0 - 1.0).floor()
            },
        }
    }

    /// Whether the planes' box holds nothing but voxels: the axes are the patient's.
    fn fills(&self, planes: &PlaneStack) -> bool {
        let is_axis = |axis: &[f64; 3]| axis.iter().any(|part| part.abs() > 1.0 - 1e-9);
        planes.count > 0 && self.grid.axes.iter().all(is_axis)
    }

    fn info_of(&self, planes: &PlaneStack, cut: &Cut) -> FrameInfo {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        FrameInfo {
            rows: narrow(planes.rows),
            columns: narrow(planes.columns),
            num_frames: narrow(planes.count),
            frame_number: narrow(cut.index).saturating_add(1),
            samples_per_pixel: 1,
            bits_allocated: 32,
            signed: true,
            geometry: planes.geometry(cut.index),
            imager_pixel_spacing_mm: None,
            scanned_pixel_spacing_mm: None,
            ultrasound_regions: Vec::new(),
            pixel_aspect: 1.0,
            sop_instance_uid: String::new(),
            ..self.info.clone()
        }
    }
}

fn filled<T: Voxel>(voxels: &Voxels<'_, T>, way: &Way, planes: &PlaneStack) -> Vec<f32> {
    let mut pixels = vec![way.outside; planes.columns * planes.rows];
    let aligned = Aligned::of(way, voxels.size, [planes.columns, planes.rows]);
    pixels.par_chunks_mut(planes.columns.max(1)).enumerate().for_each(|(row, line)| {
        if let Some(aligned) = &aligned {
            return aligned.fill(row, line, voxels.voxels, way);
        }
        let start = along(way.start, way.row, row as f64);
        for (column, pixel) in line.iter_mut().enumerate() {
            if let Some(value) = voxels.through(along(start, way.column, column as f64), way) {
                *pixel = value;
            }
        }
    });
    pixels
}

struct Voxels<'a, T> {
    voxels: &'a [T],
    size: [usize; 3],
}

impl<T: Voxel> Voxels<'_, T> {
    /// The layers of a slab at a point put together; those outside do not count.
    fn through(&self, at: [f64; 3], way: &Way) -> Option<f32> {
        if let [layer] = way.layers.as_slice() {
            return self.sample(plus(at, *layer));
        }
        let values = way.layers.iter().filter_map(|layer| self.sample(plus(at, *layer)));
        put_together(values, way.projection)
    }

    /// Between the eight voxels around a point; none beyond half a voxel outside.
    fn sample(&self, [x, y, z]: [f64; 3]) -> Option<f32> {
        let [columns, rows, slices] = self.size;
        let ((x, along_x), (y, along_y)) = (cell(x, columns)?, cell(y, rows)?);
        let (z, along_z) = cell(z, slices)?;
        let slice = columns * rows;
        let from = z * slice + y * columns + x;
        let near = self.voxels.get(from..from + columns + 2)?;
        let far = self.voxels.get(from + slice..from + slice + columns + 2)?;
        let flat = |four: &[T]| {
            let [a, b, c, d] = [0, 1, columns, columns + 1].map(|idx| four[idx].value());
            lerp(lerp(a, b, along_x), lerp(c, d, along_x), along_y)
        };
        Some(lerp(flat(near), flat(far), along_z))
    }
}

/// What becomes of the values across a slab; none of none.
pub(super) fn put_together(
    values: impl Iterator<Item = f32>,
    projection: Projection,
) -> Option<f32> {
    match projection {
        Projection::Maximum => values.reduce(f32::max),
        Projection::Minimum => values.reduce(f32::min),
        Projection::Mean => {
            let add = |(sum, n): (f64, u32), value| (sum + f64::from(value), n + 1);
            let (sum, n) = values.fold((0.0, 0), add);
            (n > 0).then(|| mean(sum, n))
        }
    }
}

/// The first of the two neighbours along an axis, and how far on the way to the second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what there is; precision is single from here on"
)]
pub(super) fn cell(at: f64, n: usize) -> Option<(usize, f32)> {
    let last = n.checked_sub(1)? as f64;
    if !(at >= -HALF && at <= last + HALF) {
        return None;
    }
    let inside = at.clamp(0.0, last);
    let low = (inside as usize).min(n.checked_sub(2)?);
    Some((low, (inside - low as f64) as f32))
}

pub(super) fn lerp(a: f32, b: f32, along: f32) -> f32 {
    a + (b - a) * along
}

fn plus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    along(a, b, 1.0)
}

#[expect(clippy::cast_possible_truncation, reason = "planes are in single precision")]
fn mean(sum: f64, n: u32) -> f32 {
    (sum / f64::from(n)) as f32
}
