//! A Segmentation object → the outlines of its segments (PS3.3 C.8.20).

use std::path::Path;

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::{
        contents::{
            ReferencedImage, SEGMENTATION_STORAGE, Segment, SegmentFrame, Segmentation, outlines,
        },
        error::{Fault, OpenError},
        privacy::printable,
        source::Source,
    },
    file::DicomFile,
    functional_groups::FrameAttributes,
    header::PixelDescription,
    object::{integer_of, items_of, number_of, numbers_of, text, vector_of},
    pixels::decode_frame,
};

/// Frames of one object.
const MAX_FRAMES: u32 = 4_096;
/// Corners of all outlines.
const MAX_CORNERS: usize = 4_000_000;
const PER_FRAME: Tag = Tag(0x5200, 0x9230);

/// For segments without a colour of their own.
const COLORS: [[u8; 3]; 8] = [
    [0xFF, 0x6B, 0x6B],
    [0x4D, 0xD4, 0xAC],
    [0x5C, 0xB8, 0xFF],
    [0xFF, 0xC8, 0x57],
    [0xC7, 0x8B, 0xFF],
    [0x9B, 0xE5, 0x64],
    [0xFF, 0x8F, 0xD0],
    [0x7F, 0xE7, 0xFF],
];

/// Read all segments of a file.
pub(in super::super) fn read_segmentation(path: &Path) -> Result<Segmentation, OpenError> {
    let mut file = DicomFile::open(Source::open(path)?, path)?;
    read(&mut file).map_err(|fault| fault.at(path))
}

fn read(file: &mut DicomFile) -> Result<Segmentation, Fault> {
    if file.sop_class_uid != SEGMENTATION_STORAGE {
        return Err(Fault::Unsupported("it holds no binary or fractional segments".to_owned()));
    }
    let shape = PixelDescription::read(file)?;
    let object = file.object.clone();
    // a fraction of one half and more is inside
    let is_fractional = text(&object, Tag(0x0062, 0x0001)).as_deref() == Some("FRACTIONAL");
    let most = number_of(&object, Tag(0x0062, 0x000E)).unwrap_or(255.0);
    let least = if is_fractional { most / 2.0 } else { 0.5 };
    let (mut frames, mut corners, mut left_out) = (Vec::new(), 0, 0);
    for frame_idx in 0..shape.num_frames {
        if frame_idx >= MAX_FRAMES || corners > MAX_CORNERS {
            left_out += 1;
            continue;
        }
        let samples = decode_frame(file, &shape, frame_idx)?.samples;
        let (columns, rows) = (shape.columns as usize, shape.rows as usize);
        let is_inside = |column: usize, row: usize| {
            samples.get(row * columns + column).is_some_and(|value| value >= least)
        };
        let outlines = outlines([columns, rows], is_inside);
        if !outlines.is_empty() {
            corners += outlines.iter().map(Vec::len).sum::<usize>();
            frames.push(frame(&object, frame_idx as usize, outlines));
        }
    }
    Ok(Segmentation {
        segments: items_of(&object, Tag(0x0062, 0x0002)).iter().map(segment).collect(),
        frames,
        size: [shape.columns, shape.rows],
        frame_of_reference_uid: text(&object, Tag(0x0020, 0x0052)),
        left_out,
    })
}

fn frame(
    object: &InMemDicomObject,
    frame_idx: usize,
    outlines: Vec<Vec<[u16; 2]>>,
) -> SegmentFrame {
    let attributes = FrameAttributes::new(object, frame_idx);
    let number = Tag(0x0062, 0x000B);
    let holder = attributes.holder(Tag(0x0062, 0x000A), number);
    SegmentFrame {
        segment: short(holder, number),
        sources: sources(object, frame_idx),
        geometry: attributes.geometry(),
        outlines,
    }
}

fn short(object: &InMemDicomObject, tag: Tag) -> u16 {
    integer_of(object, tag).and_then(|value| u16::try_from(value).ok()).unwrap_or(1)
}

/// Derivation Image Sequence ▸ Source Image Sequence of a frame.
fn sources(object: &InMemDicomObject, frame_idx: usize) -> Vec<ReferencedImage> {
    let Some(own) = items_of(object, PER_FRAME).get(frame_idx) else { return Vec::new() };
    let derived = items_of(own, Tag(0x0008, 0x9124)).iter();
    let images = derived.flat_map(|item| items_of(item, Tag(0x0008, 0x2112)));
    let mut sources = Vec::new();
    for image in images {
        let Some(sop_instance_uid) = text(image, Tag(0x0008, 0x1155)) else { continue };
        let numbers = numbers_of(image, Tag(0x0008, 0x1160));
        let frames = numbers.iter().filter_map(|number| format!("{number:.0}").parse().ok());
        let mut frames: Vec<Option<u32>> = frames.map(Some).collect();
        if frames.is_empty() {
            frames.push(None);
        }
        sources.extend(frames.into_iter().map(|frame_number| ReferencedImage {
            sop_instance_uid: sop_instance_uid.clone(),
            frame_number,
        }));
    }
    sources
}

fn segment(item: &InMemDicomObject) -> Segment {
    let number = short(item, Tag(0x0062, 0x0004));
    let label = text(item, Tag(0x0062, 0x0005)).and_then(|label| printable(&label));
    let listed = COLORS.get(usize::from(number.saturating_sub(1)) % COLORS.len());
    let recommended = vector_of(item, Tag(0x0062, 0x000D)).map(srgb);
    Segment {
        number,
        label: label.unwrap_or_else(|| format!("Segment {number}")),
        color: recommended.or(listed.copied()).unwrap_or([255; 3]),
    }
}

/// `CIELab` as DICOM encodes it (PS3.3 C.10.7.1.1), under D50, in sRGB.
fn srgb([l, a, b]: [f64; 3]) -> [u8; 3] {
    let (l, a, b) = (l / 65535.0 * 100.0, a / 257.0 - 128.0, b / 257.0 - 128.0);
    let fy = (l + 16.0) / 116.0;
    let inverse = |t: f64| {
        if t > 6.0 / 29.0 { t.powi(3) } else { (t - 4.0 / 29.0) * 3.0 * (6.0_f64 / 29.0).powi(2) }
    };
    // the white of D50, then Bradford's way to sRGB's primaries under D65
    let x = 0.964_22 * inverse(fy + a / 500.0);
    let y = inverse(fy);
    let z = 0.825_21 * inverse(fy - b / 200.0);
    let linear = [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_768 * x + 1.916_142 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ];
    linear.map(|part| {
        let part = part.clamp(0.0, 1.0);
        let bent =
            if part <= 0.003_130_8 { 12.92 * part } else { 1.055 * part.powf(1.0 / 2.4) - 0.055 };
        byte(bent * 255.0)
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 255")]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
