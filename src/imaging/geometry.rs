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

    /// Distance along the slice normal.
    #[must_use]
    pub fn position_along(&self, normal: &[f64; 3]) -> Option<f64> {
        self.image_position_mm.map(|position| dot(&position, normal))
    }
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
