//! What a file says about one of its frames, besides the pixels.

use serde::{Deserialize, Serialize};

use super::geometry::{FrameGeometry, Plane};
use super::measure::{UltrasoundRegion, Uptake};

/// Facts about a frame for overlays and `render --json`. Holds no patient data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameInfo {
    /// Height.
    pub rows: u32,
    /// Width.
    pub columns: u32,
    /// Frames in the file.
    pub num_frames: u32,
    /// This frame, from 1.
    pub frame_number: u32,
    /// `CT`, `MR` …; `PIC` for PNG, JPEG and TIFF.
    pub modality: String,
    /// As the file has it: `MONOCHROME2`, `YBR_FULL_422` …
    pub photometric_interpretation: String,
    /// Transfer Syntax UID; `PNG`, `JPEG`, `TIFF` for pictures.
    pub transfer_syntax: String,
    /// Samples Per Pixel.
    pub samples_per_pixel: u16,
    /// Bits Allocated.
    pub bits_allocated: u16,
    /// Bits Stored.
    pub bits_stored: u16,
    /// Pixel Representation 1.
    pub signed: bool,
    /// Whether detail was given up: Lossy Image Compression, or a lossy transfer syntax.
    pub lossy: bool,
    /// Unit of the modality values: `HU` for CT, that of Units for PET, else empty or what the
    /// rescale says.
    pub unit: String,
    /// Where the frame lies.
    pub geometry: FrameGeometry,
    /// Spacing at the detector of a projection, which is not the patient's.
    pub imager_pixel_spacing_mm: Option<[f64; 2]>,
    /// How much larger the detector sees the patient, where the file estimates it.
    pub radiographic_magnification: Option<f64>,
    /// Spacing on the film or page that was scanned.
    pub scanned_pixel_spacing_mm: Option<[f64; 2]>,
    /// Parts of an ultrasound picture, each with a scale of its own.
    pub ultrasound_regions: Vec<UltrasoundRegion>,
    /// How SUV come of the values of a PET picture; none for others.
    pub uptake: Option<Box<Uptake>>,
    /// Height of a pixel over its width.
    pub pixel_aspect: f64,
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// Whether its pixels may have text in them.
    pub text_in_pixels: TextInPixels,
}

/// Modalities whose pictures usually have text in them.
pub(super) const TEXT_IN_PIXELS: &[&str] =
    &["US", "SC", "XC", "ES", "OT", "GM", "SM", "IVUS", "DOC", "RF"];
/// How SOP Classes of Secondary Capture begin.
pub(super) const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Text burned into pixels, which may name a patient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextInPixels {
    /// Neither the file nor the kind of picture says so.
    #[default]
    Unknown,
    /// Burned In Annotation is NO.
    No,
    /// Burned In Annotation is YES.
    Yes,
    /// Pictures of this kind often have some.
    Usual,
}

impl TextInPixels {
    /// As Burned In Annotation, the modality and the SOP Class say.
    pub(super) fn of(burned_in: &str, modality: &str, sop_class_uid: &str) -> Self {
        let is_usual =
            TEXT_IN_PIXELS.contains(&modality) || sop_class_uid.starts_with(SECONDARY_CAPTURE);
        match burned_in {
            "YES" => Self::Yes,
            "NO" => Self::No,
            _ if is_usual => Self::Usual,
            _ => Self::Unknown,
        }
    }

    /// What to look at before the picture is given away; nothing where there is no reason.
    #[must_use]
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Self::Yes => Some(
                "Text is burned into the pixels, as the file says: look whether it names somebody",
            ),
            Self::Usual => Some(
                "Pictures of this kind often have text in their pixels: look whether it names \
                 somebody",
            ),
            Self::Unknown | Self::No => None,
        }
    }
}

impl FrameInfo {
    /// The anatomical plane.
    #[must_use]
    pub fn plane(&self) -> Option<Plane> {
        self.geometry.plane()
    }

    /// Between rows, between columns: at the patient, or else at the detector.
    #[must_use]
    pub fn pixel_spacing_mm(&self) -> Option<[f64; 2]> {
        self.geometry.pixel_spacing_mm.or(self.imager_pixel_spacing_mm)
    }

    /// Whether the only spacing known is that at the detector, which magnifies the patient.
    #[must_use]
    pub fn is_spacing_at_detector(&self) -> bool {
        self.geometry.pixel_spacing_mm.is_none() && self.imager_pixel_spacing_mm.is_some()
    }
}
