//! Where a frame lies in the patient: spacing, orientation, plane, order along the normal.

use serde::{Deserialize, Serialize};

/// Position, orientation and spacing of one frame (PS3.3 C.7.6.2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameGeometry {
    /// Centre of the first pixel, in patient space.
    pub image_position_mm: Option<[f64; 3]>,
    /// Directions of the rows and of the columns, as cosines.
    pub image_orientation: Option<[f64; 6]>,
    /// Between rows, between columns.
    pub pixel_spacing_mm: Option<[f64; 2]>,
}

impl FrameGeometry {
    /// The slice normal: row direction × column direction, not normalised.
    #[must_use]
    pub fn normal(&self) -> Option<[f64; 3]> {
        let iop = self.image_orientation?;
        let normal = normal_of(&iop);
        (length(&normal) > 1e-6).then_some(normal)
    }

    /// The anatomical plane nearest to the slice.
    #[must_use]
    pub fn plane(&self) -> Option<Plane> {
        plane_of(&self.normal()?)
    }

    /// Between this slice and one of about the same direction; none of any other.
    #[must_use]
    pub fn distance_mm(&self, other: &Self) -> Option<f64> {
        let (normal, others) = (unit(self.normal()?), unit(other.normal()?));
        let is_parallel = dot(&normal, &others).abs() >= PARALLEL_FROM_COSINE;
        let apart = other.position_along(&normal)? - self.position_along(&normal)?;
        is_parallel.then_some(apart.abs())
    }

    /// The line in which another slice cuts this one of so many columns and rows, in columns and
    /// rows from the centre of the first pixel; none where they are parallel or meet outside.
    #[must_use]
    pub fn cut_by(&self, extent: [u32; 2], other: &Self) -> Option<[[f64; 2]; 2]> {
        let normal = unit(other.normal()?);
        if dot(&unit(self.normal()?), &normal).abs() >= PARALLEL_FROM_COSINE {
            return None;
        }
        let [row_mm, column_mm] = self.pixel_spacing_mm?;
        let [a, b, c, d, e, f] = self.image_orientation?;
        // signed distance of the pixel (x, y) from the other slice: along · x + down · y + start
        let along = dot(&[a, b, c], &normal) * column_mm;
        let down = dot(&[d, e, f], &normal) * row_mm;
        let start = self.position_along(&normal)? - other.position_along(&normal)?;
        let [right, bottom] = extent.map(|side| f64::from(side) - 0.5);
        let mut ends = Vec::with_capacity(4);
        for x in [-0.5, right] {
            ends.push([x, -(start + along * x) / down]);
        }
        for y in [-0.5, bottom] {
            ends.push([-(start + down * y) / along, y]);
        }
        let is_inside = |[x, y]: &[f64; 2]| {
            (-0.5 - 1e-6..=right + 1e-6).contains(x) && (-0.5 - 1e-6..=bottom + 1e-6).contains(y)
        };
        ends.retain(is_inside);
        let (first, last) = (*ends.first()?, *ends.last()?);
        (first != last).then_some([first, last])
    }

    /// The point of the patient at columns and rows from the centre of the first pixel.
    #[must_use]
    pub fn point_mm(&self, [columns, rows]: [f64; 2]) -> Option<[f64; 3]> {
        let [row_mm, column_mm] = self.pixel_spacing_mm?;
        let [a, b, c, d, e, f] = self.image_orientation?;
        let [x, y, z] = self.image_position_mm?;
        let (right, down) = (columns * column_mm, rows * row_mm);
        Some([x + a * right + d * down, y + b * right + e * down, z + c * right + f * down])
    }

    /// Columns and rows from the centre of the first pixel of the point of this slice that is nearest
    /// to a point of the patient.
    #[must_use]
    pub fn pixel_at(&self, point: [f64; 3]) -> Option<[f64; 2]> {
        let [row_mm, column_mm] = self.pixel_spacing_mm?;
        let [a, b, c, d, e, f] = self.image_orientation?;
        let [x, y, z] = self.image_position_mm?;
        let from_first = [point[0] - x, point[1] - y, point[2] - z];
        let along = dot(&from_first, &[a, b, c]) / column_mm;
        let down = dot(&from_first, &[d, e, f]) / row_mm;
        Some([along, down])
    }

    /// Distance along the slice normal.
    #[must_use]
    pub fn position_along(&self, normal: &[f64; 3]) -> Option<f64> {
        self.image_position_mm.map(|position| dot(&position, normal))
    }
}

/// Slices within about 18° of each other count as of one direction.
const PARALLEL_FROM_COSINE: f64 = 0.95;

fn unit(vector: [f64; 3]) -> [f64; 3] {
    let length = length(&vector);
    vector.map(|part| part / length)
}

/// Beyond this angle from every axis a slice has no plane's name.
const OBLIQUE_FROM_DEG: f64 = 45.0;

/// The anatomical plane of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Plane {
    /// Across the body.
    Axial,
    /// From the side.
    Sagittal,
    /// From the front.
    Coronal,
    /// More than 45° from each of the three.
    Oblique,
}

impl Plane {
    /// `axial`, `sagittal`, `coronal`, `oblique`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Axial => "axial",
            Self::Sagittal => "sagittal",
            Self::Coronal => "coronal",
            Self::Oblique => "oblique",
        }
    }
}

/// The plane whose axis is nearest to the normal.
pub(super) fn plane_of(normal: &[f64; 3]) -> Option<Plane> {
    let len = length(normal);
    if !len.is_finite() || len < 1e-6 {
        return None;
    }
    let [x, y, z] = normal.map(|v| v.abs() / len);
    let largest = x.max(y).max(z);
    if largest < OBLIQUE_FROM_DEG.to_radians().cos() {
        return Some(Plane::Oblique);
    }
    Some(if z >= x && z >= y {
        Plane::Axial
    } else if y >= x {
        Plane::Coronal
    } else {
        Plane::Sagittal
    })
}

/// Row direction × column direction.
pub(super) fn normal_of(iop: &[f64; 6]) -> [f64; 3] {
    let [rx, ry, rz, cx, cy, cz] = *iop;
    [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx]
}

/// Scalar product.
pub(super) fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn length(v: &[f64; 3]) -> f64 {
    dot(v, v).sqrt()
}

/// The letters at the four edges of a frame: R L A P H F, the nearest axis first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrientationLabels {
    /// At the left edge.
    pub left: String,
    /// At the right edge.
    pub right: String,
    /// At the top edge.
    pub top: String,
    /// At the bottom edge.
    pub bottom: String,
}

/// Letters for Image Orientation (Patient): where each edge of the picture points (PS3.3
/// C.7.6.1.1.1). Components under about 5° are left out.
#[must_use]
pub fn orientation_labels(iop: &[f64; 6]) -> OrientationLabels {
    let [rx, ry, rz, cx, cy, cz] = *iop;
    OrientationLabels {
        left: letters(&[-rx, -ry, -rz]),
        right: letters(&[rx, ry, rz]),
        top: letters(&[-cx, -cy, -cz]),
        bottom: letters(&[cx, cy, cz]),
    }
}

/// +x is the patient's left, +y posterior, +z head.
fn letters(direction: &[f64; 3]) -> String {
    let names = [('L', 'R'), ('P', 'A'), ('H', 'F')];
    let mut parts: Vec<(f64, char)> = direction
        .iter()
        .zip(names)
        .filter(|(v, _)| v.abs() > 0.087)
        .map(|(&v, (plus, minus))| (v.abs(), if v > 0.0 { plus } else { minus }))
        .collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts.iter().map(|&(_, letter)| letter).collect()
}
