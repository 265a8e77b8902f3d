//! PNG, JPEG and TIFF → frames. Recognised by content; orientation tags are not obeyed and
//! transparency is dropped without blending, as the models' own preprocessing has it.

use std::{
    io::{BufRead, Cursor, Seek},
    path::Path,
};

use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use super::{
    apart::Apart,
    error::{Fault, OpenError},
    facts::FileFacts,
    frame::{Frame, FrameParts},
    frame_info::FrameInfo,
    grayscale::{VoiChoice, VoiLut},
    modality_lut::ModalityLut,
    samples::Samples,
    series::picture_stack_name,
    source::Source,
    study::{Instance, Patient},
    window::{VoiLutFunction, Window},
};

/// Pixels a side.
const MAX_SIDE: u32 = 65_535;
/// Memory for one decoded picture.
const MAX_BYTES: u64 = 512 << 20;

/// As many tell a DICOM file with a preamble from a TIFF.
pub(super) const FIRST_BYTES: u64 = 132;

/// PNG, JPEG or TIFF by the first bytes.
pub(super) fn format_of(first: &[u8]) -> Option<ImageFormat> {
    if first.get(128..132) == Some(b"DICM") {
        // a DICOM preamble may begin as a TIFF file does
        return None;
    }
    match first {
        [0x89, b'P', b'N', b'G', ..] => Some(ImageFormat::Png),
        [0xFF, 0xD8, 0xFF, ..] => Some(ImageFormat::Jpeg),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(ImageFormat::Tiff),
        _ => None,
    }
}

/// The format of a file, if it is a picture.
pub(super) fn format_of_file(path: &Path) -> Result<Option<ImageFormat>, OpenError> {
    let first = Source::open(path)?.read(0, FIRST_BYTES).map_err(|fault| fault.at(path))?;
    Ok(format_of(&first))
}

/// A pasted or dropped picture.
///
/// # Errors
/// When the bytes are not a PNG, JPEG or TIFF of bearable size.
pub fn frame_from_picture_bytes(bytes: &[u8]) -> Result<Frame, OpenError> {
    let format = format_of(bytes).ok_or(OpenError::Pasted(Fault::NotAPicture))?;
    decode(Cursor::new(bytes), format).map_err(OpenError::Pasted)
}

/// A picture from the clipboard; its transparency is dropped.
///
/// # Errors
/// When the number of bytes is not `width × height × 4`.
pub fn frame_from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<Frame, OpenError> {
    let expected = u64::from(width) * u64::from(height) * 4;
    if expected == 0 || expected != rgba.len() as u64 {
        let fault = Fault::Mismatch("the pasted picture's size and its pixels disagree".to_owned());
        return Err(OpenError::Pasted(fault));
    }
    let rgb = rgba.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
    Ok(frame("PNG", (width, height), 8, Samples::Rgb8(rgb)))
}

/// The one frame of a picture file.
pub(super) fn read_picture(
    source: Source,
    path: &Path,
    format: ImageFormat,
) -> Result<Frame, OpenError> {
    let picture = source.into_reader().and_then(|reader| decode(reader, format));
    picture.map_err(|fault| fault.at(path))
}

/// A picture file's place among the studies: its folder is the study.
pub(super) fn read_facts(
    source: Source,
    path: &Path,
    format: ImageFormat,
) -> Result<FileFacts, OpenError> {
    let bytes = source.into_reader().map_err(|fault| fault.at(path))?;
    let mut reader = ImageReader::with_format(bytes, format);
    reader.limits(limits());
    let decoder = reader.into_decoder().map_err(|error| fault_from(&error).at(path))?;
    let ((columns, rows), color) = (decoder.dimensions(), decoder.color_type());
    check_size(columns, rows).map_err(|fault| fault.at(path))?;
    let instance = Instance {
        path: path.to_owned(),
        sop_instance_uid: String::new(),
        sop_class_uid: String::new(),
        instance_number: None,
        rows,
        columns,
        num_frames: 1,
        transfer_syntax: name_of(format).to_owned(),
        photometric_interpretation: if color.has_color() { "RGB" } else { "MONOCHROME2" }
            .to_owned(),
        bits_stored: u16::from(color.bytes_per_pixel() / color.channel_count()) * 8,
        slice_thickness_mm: None,
        geometry: Vec::new(),
        cannot_show: None,
        frame_time_ms: None,
    };
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(FileFacts {
        study_uid: String::new(),
        series_uid: String::new(),
        patient: Patient::default(),
        study_date: None,
        study_description: None,
        institution: None,
        series_number: None,
        series_description: file_name,
        modality: "PIC".to_owned(),
        body_part: None,
        frame_of_reference_uid: None,
        instance,
        doubt: None,
        apart: Apart::default(),
        is_dicomdir: false,
        stack_name: Some(picture_stack_name(path)),
    })
}

/// What a picture file may ask for.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    limits
}

fn check_size(columns: u32, rows: u32) -> Result<(), Fault> {
    let bytes = u64::from(columns) * u64::from(rows) * 3;
    if columns == 0 || rows == 0 || bytes > MAX_BYTES {
        return Err(Fault::TooLarge {
            columns: columns.into(),
            rows: rows.into(),
            mebibytes: bytes >> 20,
        });
    }
    Ok(())
}

fn decode<R: BufRead + Seek>(input: R, format: ImageFormat) -> Result<Frame, Fault> {
    let mut reader = ImageReader::with_format(input, format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(|error| fault_from(&error))?;
    let size = decoder.dimensions();
    check_size(size.0, size.1)?;
    decoder.set_limits(limits()).map_err(|error| fault_from(&error))?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| fault_from(&error))?;
    let (bits, samples) = match picture {
        DynamicImage::ImageLuma8(gray) => (8, Samples::U8(gray.into_raw())),
        DynamicImage::ImageLumaA8(_) => (8, Samples::U8(picture.into_luma8().into_raw())),
        DynamicImage::ImageLuma16(gray) => (16, Samples::U16(gray.into_raw())),
        DynamicImage::ImageLumaA16(_) => (16, Samples::U16(picture.into_luma16().into_raw())),
        DynamicImage::ImageRgb8(rgb) => (8, Samples::Rgb8(rgb.into_raw())),
        // the higher byte, where `into_rgb8` would round
        DynamicImage::ImageRgb16(rgb) => (8, Samples::Rgb8(high_bytes(&rgb.into_raw(), 3))),
        DynamicImage::ImageRgba16(rgba) => (8, Samples::Rgb8(high_bytes(&rgba.into_raw(), 4))),
        other => (8, Samples::Rgb8(other.into_rgb8().into_raw())),
    };
    Ok(frame(name_of(format), size, bits, samples))
}

fn high_bytes(samples: &[u16], channels: usize) -> Vec<u8> {
    let high = |sample: &u16| {
        let [_, high] = sample.to_le_bytes();
        high
    };
    samples.chunks_exact(channels).flat_map(|pixel| pixel.iter().take(3).map(high)).collect()
}

fn frame(format: &str, (columns, rows): (u32, u32), bits: u16, samples: Samples) -> Frame {
    let is_color = matches!(samples, Samples::Rgb8(_));
    // 8-bit grey is shown as it is; deeper grey through its range
    let as_it_is = VoiChoice {
        name: "As it is".to_owned(),
        voi_lut: VoiLut::Window(Window {
            center: 127.5,
            width: 255.0,
            function: VoiLutFunction::LinearExact,
        }),
    };
    let photometric = if is_color { "RGB" } else { "MONOCHROME2" };
    Frame::new(FrameParts {
        info: FrameInfo {
            rows,
            columns,
            num_frames: 1,
            frame_number: 1,
            modality: "PIC".to_owned(),
            photometric_interpretation: photometric.to_owned(),
            transfer_syntax: format.to_owned(),
            samples_per_pixel: if is_color { 3 } else { 1 },
            bits_allocated: bits,
            bits_stored: bits,
            lossy: format == "JPEG",
            pixel_aspect: 1.0,
            ..FrameInfo::default()
        },
        voi_choices: if bits == 8 && !is_color { vec![as_it_is] } else { Vec::new() },
        samples,
        modality_lut: ModalityLut::IDENTITY,
        padding: None,
        incomplete: None,
    })
}

fn name_of(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        _ => "TIFF",
    }
}

fn fault_from(error: &image::ImageError) -> Fault {
    use image::ImageError;
    match error {
        ImageError::Limits(_) => Fault::Unsupported("it needs too much memory".to_owned()),
        ImageError::Unsupported(_) => {
            Fault::Unsupported("its kind of pixels is unknown".to_owned())
        }
        ImageError::IoError(_) => Fault::Truncated,
        _ => Fault::Damaged("it can't be decoded".to_owned()),
    }
}
