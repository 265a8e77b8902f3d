//! What a pixel is worth, and where that holds.

use super::super::frame_info::FrameInfo;
use super::shape::{Point, Shape};

/// Larger factors of enlargement are mistakes.
const MOST_ENLARGED: f64 = 20.0;

/// The size of a pixel as far as the file gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Millimetres at the patient, between rows and between columns (Pixel Spacing, or the region
    /// of an ultrasound picture).
    Patient([f64; 2]),
    /// Millimetres at the patient as the file estimates them: those at the detector over Estimated
    /// Radiographic Magnification Factor.
    Estimated([f64; 2]),
    /// Millimetres at the detector of a projection, which shows the patient enlarged by an unknown
    /// amount (Imager Pixel Spacing).
    Detector([f64; 2]),
    /// Millimetres on a film or page that was scanned (Nominal Scanned Pixel Spacing).
    Film([f64; 2]),
    /// Outside of every region of an ultrasound picture that is in centimetres, or across their
    /// edges; height of a pixel over its width.
    Uncalibrated(f64),
    /// Nothing is known in millimetres; height of a pixel over its width.
    Pixels(f64),
}

impl Scale {
    /// The scale of a frame as a whole; regions of ultrasound have their own (see [`Self::at`]).
    ///
    /// A Pixel Spacing that is the Imager Pixel Spacing was not corrected for enlargement
    /// (PS3.3 10.7.1.3), so it holds at the detector.
    #[must_use]
    pub fn of(info: &FrameInfo) -> Self {
        let usable = |spacing: Option<[f64; 2]>| {
            spacing.filter(|spacing| spacing.iter().all(|mm| mm.is_finite() && *mm > 0.0))
        };
        if !info.ultrasound_regions.is_empty() {
            return Self::Uncalibrated(info.pixel_aspect);
        }
        let imager = usable(info.imager_pixel_spacing_mm);
        let spacing = usable(info.geometry.pixel_spacing_mm);
        match (spacing, imager, usable(info.scanned_pixel_spacing_mm)) {
            (Some(spacing), Some(imager), _) if spacing == imager => {
                Self::at_detector(info, imager)
            }
            (Some(spacing), _, Some(scanned)) if spacing == scanned => Self::Film(scanned),
            (Some(spacing), ..) => Self::Patient(spacing),
            (None, Some(imager), _) => Self::at_detector(info, imager),
            (None, None, Some(scanned)) => Self::Film(scanned),
            (None, None, None) => Self::Pixels(info.pixel_aspect),
        }
    }

    /// The scale where a shape lies.
    #[must_use]
    pub fn at(info: &FrameInfo, shape: &Shape) -> Self {
        Self::between(info, shape.bounds())
    }

    fn between(info: &FrameInfo, corners: [Point; 2]) -> Self {
        let mut around: Vec<_> =
            info.ultrasound_regions.iter().filter(|region| region.holds(corners)).collect();
        around.sort_by_key(|region| !region.is_high_priority);
        let own = around.first().and_then(|region| region.pixel_mm);
        own.map_or_else(|| Self::of(info), Self::Patient)
    }

    /// Factors of 1 say that nobody estimated any.
    fn at_detector(info: &FrameInfo, imager: [f64; 2]) -> Self {
        let enlarged = info.radiographic_magnification;
        match enlarged.filter(|factor| *factor > 1.0 && *factor <= MOST_ENLARGED) {
            Some(factor) => Self::Estimated(imager.map(|mm| mm / factor)),
            None => Self::Detector(imager),
        }
    }

    /// Of lengths.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Patient(_) => "mm",
            Self::Estimated(_) => "mm estimated",
            Self::Detector(_) => "mm at detector",
            Self::Film(_) => "mm on film",
            Self::Uncalibrated(_) => "px outside calibration",
            Self::Pixels(_) => "px",
        }
    }

    /// Of areas.
    #[must_use]
    pub fn area_unit(self) -> &'static str {
        match self {
            Self::Patient(_) => "mm²",
            Self::Estimated(_) => "mm² estimated",
            Self::Detector(_) => "mm² at detector",
            Self::Film(_) => "mm² on film",
            Self::Uncalibrated(_) => "px² outside calibration",
            Self::Pixels(_) => "px²",
        }
    }

    /// Height and width of a pixel in the unit of lengths.
    pub(super) fn pixel(self) -> [f64; 2] {
        self.millimetres().unwrap_or([1.0, 1.0])
    }

    /// Height and width of a pixel as far as angles mind: their ratio is known more often.
    pub(super) fn proportions(self) -> [f64; 2] {
        match self {
            Self::Uncalibrated(aspect) | Self::Pixels(aspect) => [aspect, 1.0],
            other => other.pixel(),
        }
    }

    /// Height and width of a pixel in millimetres of whatever kind.
    #[must_use]
    pub fn millimetres(self) -> Option<[f64; 2]> {
        match self {
            Self::Patient(spacing)
            | Self::Estimated(spacing)
            | Self::Detector(spacing)
            | Self::Film(spacing) => Some(spacing),
            Self::Uncalibrated(_) | Self::Pixels(_) => None,
        }
    }
}
