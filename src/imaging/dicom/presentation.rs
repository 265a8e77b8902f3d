//! Grayscale Softcopy Presentation State → what of it is applied (PS3.3 A.33.1, C.10, C.11).

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::{
        contents::{Presentation, PresentedMarks, PresentedWindow, ReferencedImage},
        privacy::printable,
        turned::Turned,
        window::{VoiLutFunction, Window},
    },
    object::{integer_of, items_of, number_of, numbers_of, text},
};

/// Annotations and their points: more are not read by people.
const MAX_MARKS: usize = 2_000;
const MAX_POINTS: usize = 20_000;
/// Corners of a circle or an ellipse.
const CORNERS: u16 = 72;
const REFERENCED_IMAGES: Tag = Tag(0x0008, 0x1140);

/// What a presentation state asks for.
pub(super) fn presentation(object: &InMemDicomObject) -> Presentation {
    let series = items_of(object, Tag(0x0008, 0x1115)).iter();
    let mut not_taken = Vec::new();
    let windows = windows(object, &mut not_taken);
    let marks = items_of(object, Tag(0x0070, 0x0001)).iter();
    let marks = marks.take(MAX_MARKS).map(|item| marks_of(item, &mut not_taken)).collect();
    if text(object, Tag(0x0018, 0x1600)).is_some() {
        not_taken.push("a shutter".to_owned());
    }
    if !items_of(object, Tag(0x2050, 0x0010)).is_empty() {
        not_taken.push("a presentation LUT".to_owned());
    }
    not_taken.sort();
    not_taken.dedup();
    Presentation {
        images: series.flat_map(images_of).collect(),
        windows,
        inverse: text(object, Tag(0x2050, 0x0020)).as_deref() == Some("INVERSE"),
        turned: turned(object),
        marks,
        not_taken,
    }
}

/// Rotation clockwise, and then the flip (PS3.3 C.10.6).
fn turned(object: &InMemDicomObject) -> Turned {
    let degrees = integer_of(object, Tag(0x0070, 0x0042)).unwrap_or(0);
    let quarters = degrees.rem_euclid(360) / 90;
    let turned = (0..quarters).fold(Turned::default(), |turned, _| turned.rotated_right());
    match text(object, Tag(0x0070, 0x0041)).as_deref() {
        Some("Y") => turned.flipped_horizontally(),
        _ => turned,
    }
}

/// Referenced Image Sequence; each frame named is one.
fn images_of(item: &InMemDicomObject) -> Vec<ReferencedImage> {
    let mut images = Vec::new();
    for image in items_of(item, REFERENCED_IMAGES) {
        let Some(uid) = text(image, Tag(0x0008, 0x1155)) else { continue };
        let numbers = numbers_of(image, Tag(0x0008, 0x1160));
        let frames = numbers.iter().filter_map(|number| format!("{number:.0}").parse().ok());
        let mut frames: Vec<Option<u32>> = frames.map(Some).collect();
        if frames.is_empty() {
            frames.push(None);
        }
        images.extend(
            frames.into_iter().map(|frame_number| ReferencedImage {
                sop_instance_uid: uid.clone(),
                frame_number,
            }),
        );
    }
    images
}

/// Softcopy VOI LUT Sequence: windows; tables are told of.
fn windows(object: &InMemDicomObject, not_taken: &mut Vec<String>) -> Vec<PresentedWindow> {
    let mut windows = Vec::new();
    for item in items_of(object, Tag(0x0028, 0x3110)) {
        let center = number_of(item, Tag(0x0028, 0x1050));
        let width = number_of(item, Tag(0x0028, 0x1051)).filter(|width| *width > 0.0);
        if let (Some(center), Some(width)) = (center, width) {
            let function = match text(item, Tag(0x0028, 0x1056)).as_deref() {
                Some("LINEAR_EXACT") => VoiLutFunction::LinearExact,
                Some("SIGMOID") => VoiLutFunction::Sigmoid,
                _ => VoiLutFunction::Linear,
            };
            let window = Window { center, width, function };
            windows.push(PresentedWindow { images: images_of(item), window });
        } else if !items_of(item, Tag(0x0028, 0x3010)).is_empty() {
            not_taken.push("a VOI LUT table".to_owned());
        }
    }
    windows
}

/// One item of Graphic Annotation Sequence.
fn marks_of(item: &InMemDicomObject, not_taken: &mut Vec<String>) -> PresentedMarks {
    let mut marks = PresentedMarks { images: images_of(item), ..PresentedMarks::default() };
    for graphic in items_of(item, Tag(0x0070, 0x0009)).iter().take(MAX_MARKS) {
        if text(graphic, Tag(0x0070, 0x0005)).as_deref() == Some("DISPLAY") {
            not_taken.push("marks placed on the screen".to_owned());
            continue;
        }
        let numbers = numbers_of(graphic, Tag(0x0070, 0x0022));
        let pairs = numbers.chunks_exact(2).take(MAX_POINTS);
        let points: Vec<[f32; 2]> = pairs
            .filter_map(|pair| Some([narrow(*pair.first()?), narrow(*pair.get(1)?)]))
            .collect();
        match text(graphic, Tag(0x0070, 0x0023)).as_deref() {
            Some("POINT") => marks.points.extend(points),
            Some("CIRCLE") => marks.lines.extend(circle(&points)),
            Some("ELLIPSE") => marks.lines.extend(ellipse(&points)),
            // an interpolated line goes through the same points
            _ if points.len() > 1 => marks.lines.push(points),
            _ => {}
        }
    }
    for words in items_of(item, Tag(0x0070, 0x0008)).iter().take(MAX_MARKS) {
        let Some(said) = text(words, Tag(0x0070, 0x0006)).and_then(|said| printable(&said)) else {
            continue;
        };
        match place_of(words) {
            Some(place) => marks.texts.push((said, place)),
            None => not_taken.push("marks placed on the screen".to_owned()),
        }
    }
    marks
}

/// The anchor of a text, else the corner of its box, where they are places on the image.
fn place_of(words: &InMemDicomObject) -> Option<[f32; 2]> {
    let place = |units: Tag, point: Tag| {
        let on_screen = text(words, units).as_deref() == Some("DISPLAY");
        let numbers = numbers_of(words, point);
        let pair = [narrow(*numbers.first()?), narrow(*numbers.get(1)?)];
        (!on_screen).then_some(pair)
    };
    let anchor = place(Tag(0x0070, 0x0004), Tag(0x0070, 0x0014));
    anchor.or_else(|| place(Tag(0x0070, 0x0003), Tag(0x0070, 0x0010)))
}

/// Centre, and a point on the circle.
fn circle(points: &[[f32; 2]]) -> Option<Vec<[f32; 2]>> {
    let [[x, y], [on_x, on_y]] = points else { return None };
    let radius = (on_x - x).hypot(on_y - y);
    let corner = |turn: f32| [x + radius * turn.cos(), y + radius * turn.sin()];
    Some(round(corner))
}

/// Ends of one axis, then of the other.
fn ellipse(points: &[[f32; 2]]) -> Option<Vec<[f32; 2]>> {
    let [a, b, c, d] = points else { return None };
    let middle = [0, 1].map(|axis| f32::midpoint(a[axis], b[axis]));
    let half = |from: &[f32; 2], to: &[f32; 2]| [0, 1].map(|axis| (to[axis] - from[axis]) / 2.0);
    let (major, minor) = (half(a, b), half(c, d));
    let corner = |turn: f32| {
        let (cos, sin) = (turn.cos(), turn.sin());
        [0, 1].map(|axis| middle[axis] + major[axis] * cos + minor[axis] * sin)
    };
    Some(round(corner))
}

fn round(corner: impl Fn(f32) -> [f32; 2]) -> Vec<[f32; 2]> {
    let turn = |step: u16| f32::from(step) / f32::from(CORNERS) * std::f32::consts::TAU;
    (0..=CORNERS).map(|step| corner(turn(step))).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "Graphic Data has this precision")]
fn narrow(value: f64) -> f32 {
    value as f32
}
