//! A file's header → its place among the studies; one of its frames → a [`Frame`].

use std::path::Path;

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::{
        apart::Apart,
        error::{Fault, OpenError},
        facts::FileFacts,
        frame::{Frame, FrameParts},
        frame_info::{FrameInfo, TextInPixels},
        privacy::printable,
        source::Source,
        study::{Instance, Patient},
    },
    file::DicomFile,
    functional_groups::{FrameAttributes, geometries},
    header::{PixelDescription, num_frames, padding},
    luts::{modality_lut, rescale_type, voi_choices},
    object::{integer_of, number_of, text, texts_of, vector_of},
    pixels::decode_frame,
    transfer_syntax::is_lossy,
    ultrasound::ultrasound_regions,
    uptake::{unit as uptake_unit, uptake},
};

/// Read a file's header.
pub(in super::super) fn read_facts(source: Source, path: &Path) -> Result<FileFacts, OpenError> {
    let file = DicomFile::open(source, path)?;
    let object = &file.object;
    let label = |tag: Tag| text(object, tag).and_then(|value| printable(&value));
    let uid = |tag: Tag| text(object, tag).unwrap_or_default();
    let (instance, doubt) = instance(&file, path);
    Ok(FileFacts {
        study_uid: uid(Tag(0x0020, 0x000D)),
        series_uid: uid(Tag(0x0020, 0x000E)),
        patient: patient(object),
        study_date: label(Tag(0x0008, 0x0020)).map(|date| dashed(&date)),
        study_description: label(Tag(0x0008, 0x1030)),
        institution: label(Tag(0x0008, 0x0080)),
        series_number: small_integer(object, Tag(0x0020, 0x0011)),
        series_description: label(Tag(0x0008, 0x103E)),
        modality: label(Tag(0x0008, 0x0060)).unwrap_or_else(|| "OT".to_owned()),
        body_part: label(Tag(0x0018, 0x0015)),
        frame_of_reference_uid: text(object, Tag(0x0020, 0x0052)),
        is_dicomdir: file.sop_class_uid == "1.2.840.10008.1.3.10",
        instance,
        doubt,
        apart: apart(object),
        stack_name: None,
    })
}

fn instance(file: &DicomFile, path: &Path) -> (Instance, Option<String>) {
    let object = &file.object;
    let description = match file.pixels {
        Some(_) => PixelDescription::read(file).map_err(|fault| fault.to_string()),
        None => Err(no_pixels(file).to_string()),
    };
    let (shape, cannot_show) = match description {
        Ok(description) => (Some(description), None),
        Err(sentence) => (None, Some(sentence)),
    };
    let doubt = doubt(file, shape.as_ref());
    let side = |tag: Tag| {
        let value = integer_of(object, tag).and_then(|value| u32::try_from(value).ok());
        value.filter(|value| *value <= 65535).unwrap_or(0)
    };
    let frames = shape.as_ref().map_or(u32::from(file.pixels.is_some()), |shape| shape.num_frames);
    let instance = Instance {
        path: path.to_owned(),
        sop_instance_uid: text(object, Tag(0x0008, 0x0018)).unwrap_or_default(),
        sop_class_uid: file.sop_class_uid.clone(),
        instance_number: small_integer(object, Tag(0x0020, 0x0013)),
        rows: side(Tag(0x0028, 0x0010)),
        columns: side(Tag(0x0028, 0x0011)),
        num_frames: frames,
        transfer_syntax: file.transfer_syntax.clone(),
        photometric_interpretation: text(object, Tag(0x0028, 0x0004))
            .and_then(|value| printable(&value))
            .unwrap_or_default(),
        bits_stored: shape.as_ref().map_or(0, |shape| shape.bits_stored),
        slice_thickness_mm: FrameAttributes::new(object, 0).slice_thickness_mm(),
        geometry: geometries(object, frames),
        cannot_show,
        frame_time_ms: frame_time_ms(object),
    };
    (instance, doubt)
}

/// What tells slices at one place apart.
fn apart(object: &InMemDicomObject) -> Apart {
    let integer = |tag: Tag| small_integer(object, tag);
    // the third word and those after it say what an image shows (PS3.3 C.7.6.1.1.2)
    let words = texts_of(object, Tag(0x0008, 0x0008)).into_iter().skip(2);
    let kind: Vec<String> = words.filter_map(|word| printable(&word)).collect();
    Apart {
        is_localizer: kind.iter().any(|word| word == "LOCALIZER"),
        kind: (!kind.is_empty()).then(|| kind.join(" ")),
        echo_ms: number_of(object, Tag(0x0018, 0x0081)),
        b_value: number_of(object, Tag(0x0018, 0x9087)),
        time: integer(Tag(0x0020, 0x0100)),
        acquisition: integer(Tag(0x0020, 0x0012)),
        phase_ms: number_of(object, Tag(0x0018, 0x1060)),
    }
}

/// Frame Time, or one over a frame rate.
fn frame_time_ms(object: &InMemDicomObject) -> Option<f64> {
    let positive = |tag: Tag| number_of(object, tag).filter(|value| *value > 0.0);
    let per_second = || {
        let cine = positive(Tag(0x0018, 0x0040));
        cine.or_else(|| positive(Tag(0x0008, 0x2144))).map(|rate| 1000.0 / rate)
    };
    positive(Tag(0x0018, 0x1063)).or_else(per_second)
}

fn doubt(file: &DicomFile, shape: Option<&PixelDescription>) -> Option<String> {
    let promised = num_frames(file);
    match shape {
        Some(shape) if shape.num_frames < promised => {
            Some(format!("The file promises {promised} frames and holds {}", shape.num_frames))
        }
        _ if number_of(&file.object, Tag(0x0028, 0x1053)) == Some(0.0) => Some(
            "The file's rescale slope is 0, which would make every value the same; 1 is taken"
                .to_owned(),
        ),
        _ if file.truncated => Some("The file ends early; what there is of it is shown".to_owned()),
        _ => None,
    }
}

/// Why an object without Pixel Data can't be shown.
fn no_pixels(file: &DicomFile) -> Fault {
    let class = match file.sop_class_uid.strip_prefix("1.2.840.10008.5.1.4.1.1.") {
        Some(class) if class.starts_with("88.") => "a structured report",
        Some(class) if class.starts_with("11.") => "a presentation state",
        Some(class) if class.starts_with("9.") => "a waveform",
        Some("481.3") => "radiotherapy structures",
        Some("481.5" | "481.8") => "a radiotherapy plan",
        Some("104.1") => "a PDF document",
        Some("66" | "66.1" | "66.2" | "66.3" | "66.5") => "raw data, a registration or a mesh",
        _ if file.truncated => return Fault::Truncated,
        _ => "it has no Pixel Data",
    };
    Fault::NoPixels(class.to_owned())
}

fn small_integer(object: &InMemDicomObject, tag: Tag) -> Option<i32> {
    integer_of(object, tag).and_then(|value| i32::try_from(value).ok())
}

fn patient(object: &InMemDicomObject) -> Patient {
    let label = |tag: Tag| text(object, tag).and_then(|value| printable(&value));
    Patient {
        name: label(Tag(0x0010, 0x0010)).map(|name| readable_name(&name)),
        id: label(Tag(0x0010, 0x0020)),
        sex: label(Tag(0x0010, 0x0040)),
        age: label(Tag(0x0010, 0x1010)),
        birth_date: label(Tag(0x0010, 0x0030)).map(|date| dashed(&date)),
    }
}

/// `Family^Given=…` → `Family Given (…)`: component groups in their own scripts (PS3.5 6.2.1).
fn readable_name(name: &str) -> String {
    let spaced = |group: &str| {
        let parts = group.split('^').map(str::trim).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    };
    let mut groups = name.split('=').map(spaced).filter(|group| !group.is_empty());
    let first = groups.next().unwrap_or_default();
    groups.fold(first, |all, group| format!("{all} ({group})"))
}

/// `20260302` → `2026-03-02`; other forms stay as they are.
fn dashed(date: &str) -> String {
    let digits: String = date.chars().filter(char::is_ascii_digit).collect();
    match (digits.get(0..4), digits.get(4..6), digits.get(6..8)) {
        (Some(year), Some(month), Some(day)) if digits.len() == 8 => {
            format!("{year}-{month}-{day}")
        }
        _ => date.to_owned(),
    }
}

/// Decode one frame, its number counted from 1.
pub(in super::super) fn read_frame(
    source: Source,
    path: &Path,
    frame_number: u32,
) -> Result<Frame, OpenError> {
    let mut file = DicomFile::open(source, path)?;
    frame(&mut file, frame_number).map_err(|fault| fault.at(path))
}

fn frame(file: &mut DicomFile, frame_number: u32) -> Result<Frame, Fault> {
    if file.pixels.is_none() {
        return Err(no_pixels(file));
    }
    let description = PixelDescription::read(file)?;
    let num_frames = description.num_frames;
    let frame_idx = match frame_number.checked_sub(1) {
        Some(frame_idx) if frame_idx < num_frames => frame_idx,
        _ => return Err(Fault::FrameOutOfRange { frame_number, num_frames }),
    };
    let decoded = decode_frame(file, &description, frame_idx)?;
    let object = &file.object;
    let attributes = FrameAttributes::new(object, frame_idx as usize);
    let modality_lut = modality_lut(object, &attributes, description.signed);
    let modality_is_signed = description.signed;
    let padding = padding(file, description.signed);
    Ok(Frame::new(FrameParts {
        info: frame_info(file, &description, &attributes, frame_number),
        samples: decoded.samples,
        voi_choices: voi_choices(object, &attributes, modality_is_signed),
        modality_lut,
        padding,
        incomplete: decoded.incomplete,
    }))
}

fn frame_info(
    file: &DicomFile,
    description: &PixelDescription,
    attributes: &FrameAttributes<'_>,
    frame_number: u32,
) -> FrameInfo {
    let object = &file.object;
    let modality = text(object, Tag(0x0008, 0x0060))
        .and_then(|value| printable(&value))
        .unwrap_or_else(|| "OT".to_owned());
    let geometry = attributes.geometry();
    let has_rescale = object.get(Tag(0x0028, 0x1052)).is_some()
        || !super::object::items_of(object, Tag(0x5200, 0x9229)).is_empty();
    let of_values = uptake_unit(object).filter(|_| modality == "PT");
    let unit = match of_values.or_else(|| rescale_type(attributes)) {
        Some(unit) => unit,
        None if modality == "CT" && has_rescale => "HU".to_owned(),
        None => String::new(),
    };
    let aspect = geometry.pixel_spacing_mm.or_else(|| {
        // PS3.3 C.7.6.3.1.7: vertical, horizontal
        vector_of(object, Tag(0x0028, 0x0034)).or_else(|| vector_of(object, Tag(0x0018, 0x1164)))
    });
    let pixel_aspect = match aspect {
        Some([vertical, horizontal]) if vertical > 0.0 && horizontal > 0.0 => vertical / horizontal,
        _ => 1.0,
    };
    let burned_in = text(object, Tag(0x0028, 0x0301)).unwrap_or_default();
    let text_in_pixels = TextInPixels::of(&burned_in, &modality, &file.sop_class_uid);
    FrameInfo {
        rows: description.rows,
        columns: description.columns,
        num_frames: description.num_frames,
        frame_number,
        modality,
        photometric_interpretation: description.photometric_text.clone(),
        transfer_syntax: file.transfer_syntax.clone(),
        samples_per_pixel: description.samples_per_pixel,
        bits_allocated: description.bits_allocated,
        bits_stored: description.bits_stored,
        signed: description.signed,
        lossy: text(object, Tag(0x0028, 0x2110)).as_deref() == Some("01")
            || is_lossy(&file.transfer_syntax),
        unit,
        geometry,
        imager_pixel_spacing_mm: vector_of(object, Tag(0x0018, 0x1164)),
        radiographic_magnification: number_of(object, Tag(0x0018, 0x1114)),
        scanned_pixel_spacing_mm: vector_of(object, Tag(0x0018, 0x2010)),
        ultrasound_regions: ultrasound_regions(object, [description.columns, description.rows]),
        uptake: uptake(object).map(Box::new),
        pixel_aspect,
        sop_instance_uid: text(object, Tag(0x0008, 0x0018)).unwrap_or_default(),
        text_in_pixels,
    }
}
