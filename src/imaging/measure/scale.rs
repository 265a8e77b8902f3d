//! What a pixel is worth, and where that holds.

use super::super::frame_info::FrameInfo;

/// The size of a pixel as far as the file gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Millimetres at the patient, between rows and between columns (Pixel Spacing).
    Patient([f64; 2]),
    /// Millimetres at the detector of a projection, which shows the patient enlarged by an unknown
    /// amount (Imager Pixel Spacing).
    Detector([f64; 2]),
    /// Millimetres on the film or paper that was scanned (Nominal Scanned Pixel Spacing).
    Nominal([f64; 2]),
    /// Nothing is known in millimetres; height of a pixel over its width.
    Pixels(f64),
}

impl Scale {
    /// The scale of a frame.
    ///
    /// A Pixel Spacing that is the Imager Pixel Spacing was not corrected for enlargement
    /// (PS3.3 10.7.1.3), so it holds at the detector.
    #[must_use]
    pub fn of(info: &FrameInfo) -> Self {
        let usable = |spacing: Option<[f64; 2]>| {
            spacing.filter(|spacing| spacing.iter().all(|mm| mm.is_finite() && *mm > 0.0))
        };
        let imager = usable(info.imager_pixel_spacing_mm);
        match (usable(info.geometry.pixel_spacing_mm), imager) {
            (Some(spacing), Some(imager)) if spacing == imager => Self::Detector(imager),
            (Some(spacing), _) => Self::Patient(spacing),
            (None, Some(imager)) => Self::Detector(imager),
            (None, None) => match usable(info.nominal_pixel_spacing_mm) {
                Some(nominal) => Self::Nominal(nominal),
                None => Self::Pixels(info.pixel_aspect),
            },
        }
    }

    /// Of lengths.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Patient(_) => "mm",
            Self::Detector(_) => "mm at detector",
            Self::Nominal(_) => "mm nominal",
            Self::Pixels(_) => "px",
        }
    }

    /// Of areas.
    #[must_use]
    pub fn area_unit(self) -> &'static str {
        match self {
            Self::Patient(_) => "mm²",
            Self::Detector(_) => "mm² at detector",
            Self::Nominal(_) => "mm² nominal",
            Self::Pixels(_) => "px²",
        }
    }

    /// Height and width of a pixel in the unit of lengths.
    pub(super) fn pixel(self) -> [f64; 2] {
        match self {
            Self::Patient(spacing) | Self::Detector(spacing) | Self::Nominal(spacing) => spacing,
            Self::Pixels(_) => [1.0, 1.0],
        }
    }

    /// Height and width of a pixel as far as angles mind: their ratio is known more often.
    pub(super) fn proportions(self) -> [f64; 2] {
        match self {
            Self::Patient(spacing) | Self::Detector(spacing) | Self::Nominal(spacing) => spacing,
            Self::Pixels(aspect) => [aspect, 1.0],
        }
    }
}
