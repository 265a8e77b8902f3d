//! Image Pixel attributes, checked (PS3.3 C.7.6.3).

use dicom_core::{Tag, VR};

use super::{
    super::error::Fault,
    file::DicomFile,
    object::{integer_of, number_of, text},
    transfer_syntax::{Codec, codec_of, name_of},
};

/// One decoded frame may not need more.
pub(super) const MAX_FRAME_BYTES: u64 = 1 << 30;

/// What samples mean (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Photometric {
    /// MONOCHROME1 and MONOCHROME2.
    Gray,
    /// PALETTE COLOR.
    Palette,
    Rgb,
    YbrFull,
    YbrFull422,
    YbrPartial,
    YbrIct,
    YbrRct,
}

/// The shape of the pixels.
#[derive(Clone, Debug)]
pub(super) struct PixelDescription {
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) samples_per_pixel: u16,
    pub(super) photometric: Photometric,
    /// As the file has it.
    pub(super) photometric_text: String,
    pub(super) planar: bool,
    pub(super) bits_allocated: u16,
    pub(super) bits_stored: u16,
    pub(super) high_bit: u16,
    pub(super) signed: bool,
    /// Float or Double Float Pixel Data.
    pub(super) float: bool,
    pub(super) num_frames: u32,
    pub(super) codec: Codec,
}

impl PixelDescription {
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.columns)
    }

    /// Bits of one frame of native Pixel Data.
    pub(super) fn native_frame_bits(&self) -> u64 {
        let samples = match self.photometric {
            // two pixels share Cb and Cr (PS3.3 C.7.6.3.1.2)
            Photometric::YbrFull422 | Photometric::YbrPartial if self.samples_per_pixel == 3 => {
                return u64::from(self.rows)
                    * u64::from(self.columns.div_ceil(2) * 4)
                    * u64::from(self.bits_allocated);
            }
            _ => u64::from(self.samples_per_pixel),
        };
        self.pixels() * samples * u64::from(self.bits_allocated)
    }

    pub(super) fn read(file: &DicomFile) -> Result<Self, Fault> {
        let object = &file.object;
        let dimension = |tag: Tag, name: &str| -> Result<u32, Fault> {
            let value = integer_of(object, tag).ok_or_else(|| Fault::Missing(name.to_owned()))?;
            match u32::try_from(value) {
                Ok(value @ 1..=65535) => Ok(value),
                _ => Err(Fault::OutOfRange { name: name.to_owned(), value }),
            }
        };
        let rows = dimension(Tag(0x0028, 0x0010), "number of rows")?;
        let columns = dimension(Tag(0x0028, 0x0011), "number of columns")?;
        let samples_per_pixel = match integer_of(object, Tag(0x0028, 0x0002)).unwrap_or(1) {
            1 => 1,
            3 => 3,
            4 => 4,
            value => {
                return Err(Fault::OutOfRange { name: "samples per pixel".to_owned(), value });
            }
        };
        let photometric_text = text(object, Tag(0x0028, 0x0004)).unwrap_or_else(|| {
            if samples_per_pixel == 1 { "MONOCHROME2" } else { "RGB" }.to_owned()
        });
        let photometric = photometric_of(&photometric_text, samples_per_pixel)?;
        let pixel_tag = file.pixels.map(|pixels| pixels.tag);
        let float = matches!(pixel_tag, Some(Tag(0x7FE0, 0x0008 | 0x0009)));
        let bits_allocated = bits_allocated(file, pixel_tag)?;
        let within = |value: Option<i64>, range: std::ops::RangeInclusive<u16>, other: u16| {
            value
                .and_then(|value| u16::try_from(value).ok())
                .filter(|value| range.contains(value))
                .unwrap_or(other)
        };
        let stored = integer_of(object, Tag(0x0028, 0x0101));
        let bits_stored = within(stored, 1..=bits_allocated, bits_allocated);
        let high = integer_of(object, Tag(0x0028, 0x0102));
        let high_bit = within(high, bits_stored - 1..=bits_allocated - 1, bits_stored - 1);
        let description = Self {
            rows,
            columns,
            samples_per_pixel,
            photometric,
            photometric_text,
            planar: integer_of(object, Tag(0x0028, 0x0006)) == Some(1) && samples_per_pixel > 1,
            bits_allocated,
            bits_stored,
            high_bit,
            signed: integer_of(object, Tag(0x0028, 0x0103)) == Some(1),
            float,
            num_frames: num_frames(file),
            codec: codec(file)?,
        };
        description.check_size()?;
        Ok(description.with_frames_that_fit(file))
    }

    fn check_size(&self) -> Result<(), Fault> {
        let decoded = self.native_frame_bits().max(self.pixels() * 8) / 8;
        if decoded > MAX_FRAME_BYTES {
            return Err(Fault::TooLarge {
                columns: self.columns.into(),
                rows: self.rows.into(),
                mebibytes: decoded >> 20,
            });
        }
        Ok(())
    }

    /// Number of Frames may promise more than the file holds.
    fn with_frames_that_fit(mut self, file: &DicomFile) -> Self {
        let Some(pixels) = file.pixels else { return self };
        let most = match pixels.len {
            Some(len) => (len * 8).div_ceil(self.native_frame_bits().max(1)),
            None => file.source.len().saturating_sub(pixels.start) / 8,
        };
        self.num_frames = self.num_frames.min(u32::try_from(most).unwrap_or(u32::MAX)).max(1);
        self
    }
}

/// Number of Frames as the file has it, at least 1.
pub(super) fn num_frames(file: &DicomFile) -> u32 {
    integer_of(&file.object, Tag(0x0028, 0x0008))
        .and_then(|value| u32::try_from(value).ok())
        .unwrap_or(1)
        .max(1)
}

fn bits_allocated(file: &DicomFile, pixel_tag: Option<Tag>) -> Result<u16, Fault> {
    match pixel_tag {
        Some(Tag(0x7FE0, 0x0008)) => return Ok(32),
        Some(Tag(0x7FE0, 0x0009)) => return Ok(64),
        _ => {}
    }
    let name = || "bits allocated".to_owned();
    match integer_of(&file.object, Tag(0x0028, 0x0100)) {
        None => Err(Fault::Missing(name())),
        Some(1) => Ok(1),
        Some(8) => Ok(8),
        Some(16) => Ok(16),
        Some(32) => Ok(32),
        Some(value) => Err(Fault::OutOfRange { name: name(), value }),
    }
}

fn photometric_of(text: &str, samples_per_pixel: u16) -> Result<Photometric, Fault> {
    let photometric = match (text, samples_per_pixel) {
        ("MONOCHROME1" | "MONOCHROME2", 1) => Photometric::Gray,
        ("PALETTE COLOR", 1) => Photometric::Palette,
        ("RGB", 3) => Photometric::Rgb,
        ("YBR_FULL", 3) => Photometric::YbrFull,
        ("YBR_FULL_422", 3) => Photometric::YbrFull422,
        ("YBR_PARTIAL_422" | "YBR_PARTIAL_420", 3) => Photometric::YbrPartial,
        ("YBR_ICT", 3) => Photometric::YbrIct,
        ("YBR_RCT", 3) => Photometric::YbrRct,
        // wrong words happen; the number of samples is what can be shown
        (_, 1) => Photometric::Gray,
        (_, 3) => Photometric::Rgb,
        _ => {
            return Err(Fault::Unsupported("it has four samples a pixel".to_owned()));
        }
    };
    Ok(photometric)
}

/// The codec by transfer syntax, corrected by how the pixels lie.
fn codec(file: &DicomFile) -> Result<Codec, Fault> {
    let uid = file.transfer_syntax.as_str();
    let encapsulated = file.pixels.is_some_and(|pixels| pixels.len.is_none());
    match codec_of(uid) {
        Codec::Unsupported => {
            Err(Fault::UnsupportedCodec { name: name_of(uid).to_owned(), uid: uid.to_owned() })
        }
        // a defined length means uncompressed, whatever the label (PS3.5 A.4)
        _ if !encapsulated => Ok(Codec::Native),
        Codec::Native => {
            Err(Fault::Unsupported("its pixels are compressed but it does not say how".to_owned()))
        }
        codec => Ok(codec),
    }
}

/// Pixel Padding Value and Range Limit as stored values (PS3.3 C.7.5.1.1.2).
pub(super) fn padding(file: &DicomFile, signed: bool) -> Option<(f64, f64)> {
    let value = |tag: Tag| {
        let value = number_of(&file.object, tag)?;
        // the VR is US or SS by Pixel Representation; implicit files do not say which
        let wraps = signed && value > 32767.0;
        Some(if wraps { value - 65536.0 } else { value })
    };
    let one = value(Tag(0x0028, 0x0120))?;
    let other = value(Tag(0x0028, 0x0121)).unwrap_or(one);
    Some((one.min(other), one.max(other)))
}

/// Whether 8-bit samples were written as 16-bit words of a big-endian file (PS3.5 8.1.1).
pub(super) fn is_word_swapped(file: &DicomFile, bits_allocated: u16) -> bool {
    let words = file.pixels.is_some_and(|pixels| pixels.vr == VR::OW);
    file.form.big_endian && words && bits_allocated == 8
}
