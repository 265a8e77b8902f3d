//! Shapes on frames: their figures equal those computed by others.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use std::path::{Path, PathBuf};

use dicom_builder::DicomBuilder;
use reading_room::app::{MeasurementRow, measurements_table};
use reading_room::chat::{Marker, Marks};
use reading_room::imaging::{
    Alteration, Channels, DisplayImage, Figures, Frame, FrameRef, Point, ProbeValue, Quantity,
    Region, Scale, Shape, ShapeKind, SuvKind, frame_from_rgba, read_frame,
};
use reading_room::vlm::{Eye, ImageProcessor};

fn frame(path: PathBuf) -> Frame {
    read_frame(&FrameRef { path, sop_instance_uid: String::new(), frame_number: 1 }).unwrap()
}

fn built(builder: &DicomBuilder) -> Frame {
    let folder = tempfile::tempdir().unwrap();
    frame(builder.write(folder.path(), "frame.dcm"))
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn points(pairs: &[(f64, f64)]) -> Vec<Point> {
    pairs.iter().map(|&(x, y)| Point::new(x, y)).collect()
}

fn shape(kind: ShapeKind, pairs: &[(f64, f64)]) -> Shape {
    Shape::from_points(kind, &points(pairs)).unwrap()
}

fn region(frame: &Frame, shape: &Shape) -> Region {
    let Quantity::Region(region) = Figures::of(frame, shape).quantity else { panic!() };
    region
}

fn length_mm(frame: &Frame, from: (f64, f64), to: (f64, f64)) -> f64 {
    let figures = Figures::of(frame, &shape(ShapeKind::Length, &[from, to]));
    let Quantity::Length(length) = figures.quantity else { panic!() };
    length
}

/// The numbers of a shape in the order of the reference table.
fn numbers(figures: &Figures) -> Vec<f64> {
    match &figures.quantity {
        Quantity::Length(length) => vec![*length],
        Quantity::Angle(degrees) => vec![*degrees],
        Quantity::Region(region) => {
            let spread = region.spread.unwrap();
            let n = region.num_pixels as f64;
            vec![region.area, n, spread.mean, spread.sd, spread.min, spread.max, spread.median]
        }
        Quantity::Probe { .. } | Quantity::Mark => panic!("the table holds no such shape"),
    }
}

#[test]
fn figures_are_those_of_pydicom_and_numpy() {
    let table = std::fs::read_to_string(fixtures().join("measure/reference.tsv")).unwrap();
    let mut compared = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let frame = frame(fixtures().join(fields.next().unwrap()));
        let name = fields.next().unwrap();
        let is_named = |kind: &ShapeKind| kind.as_str().to_lowercase() == name;
        let kind = ShapeKind::ALL.into_iter().find(is_named).unwrap();
        let pairs = fields.next().unwrap().split(' ').map(|pair| {
            let (x, y) = pair.split_once(',').unwrap();
            Point::new(x.parse().unwrap(), y.parse().unwrap())
        });
        let shape = Shape::from_points(kind, &pairs.collect::<Vec<_>>()).unwrap();
        let figures = Figures::of(&frame, &shape);
        assert_eq!(figures.scale.unit(), "mm", "{line}");
        let (ours, theirs) = (numbers(&figures), fields.map(|field| field.parse::<f64>().unwrap()));
        for (our, their) in ours.iter().zip(theirs) {
            assert!((our - their).abs() <= 1e-9 * their.abs().max(1.0), "{line}: {ours:?}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

fn grey(rows: u16, columns: u16, value: impl Fn(u16, u16) -> u16) -> DicomBuilder {
    let at = |idx: u16| value(idx % columns, idx / columns);
    let bytes: Vec<u8> = (0..rows * columns).flat_map(|idx| at(idx).to_le_bytes()).collect();
    DicomBuilder::new(rows, columns, 16).pixels(&bytes)
}

#[test]
fn a_projection_is_measured_at_the_detector_and_says_so() {
    let projection = grey(16, 16, |x, y| x + y).text((0x0008, 0x0060), "CS", "DX").text(
        (0x0018, 0x1164),
        "DS",
        "0.2\\0.2",
    );
    let frame = built(&projection);
    assert_eq!(Scale::of(frame.info()), Scale::Detector([0.2, 0.2]));
    assert_eq!(Scale::of(frame.info()).unit(), "mm at detector");
    assert!((length_mm(&frame, (1.0, 2.0), (11.0, 2.0)) - 2.0).abs() < 1e-12);
    // a Pixel Spacing copied from the detector's was not corrected
    let copied = built(&projection.clone().text((0x0028, 0x0030), "DS", "0.2\\0.2"));
    assert_eq!(Scale::of(copied.info()), Scale::Detector([0.2, 0.2]));
    let corrected = built(&projection.text((0x0028, 0x0030), "DS", "0.18\\0.18"));
    assert_eq!(Scale::of(corrected.info()), Scale::Patient([0.18, 0.18]));
}

#[test]
fn without_a_spacing_there_are_pixels_and_no_unit_of_values() {
    let frame = built(&grey(16, 16, |x, y| x * y).text((0x0008, 0x0060), "CS", "OT"));
    let figures = Figures::of(&frame, &shape(ShapeKind::Rectangle, &[(0.0, 0.0), (4.0, 2.0)]));
    assert_eq!((figures.scale.unit(), figures.scale.area_unit()), ("px", "px²"));
    assert_eq!(figures.value_unit, "");
    assert_eq!(numbers(&figures)[..2], [8.0, 8.0]);
    assert_eq!(length_mm(&frame, (0.0, 0.0), (3.0, 4.0)), 5.0);
    // the ratio of a pixel's sides alone is enough for an angle
    let tall = grey(16, 16, |x, _| x).text((0x0028, 0x0034), "IS", "2\\1");
    let angle = shape(ShapeKind::Angle, &[(4.0, 0.0), (0.0, 0.0), (4.0, 2.0)]);
    let Quantity::Angle(degrees) = Figures::of(&built(&tall), &angle).quantity else { panic!() };
    assert!((degrees - 45.0).abs() < 1e-12, "{degrees}");
}

#[test]
fn a_pixel_counts_when_its_centre_lies_inside() {
    let frame = built(&grey(8, 8, |x, y| 10 * y + x));
    let n = |a, b| region(&frame, &shape(ShapeKind::Rectangle, &[a, b])).num_pixels;
    assert_eq!(n((0.6, 0.0), (2.4, 1.0)), 1);
    assert_eq!(n((0.4, 0.0), (2.6, 1.0)), 3);
    assert_eq!(n((0.0, 0.0), (8.0, 8.0)), 64);
    // halves meet without counting a pixel twice
    assert_eq!(n((0.0, 0.0), (3.5, 8.0)) + n((3.5, 0.0), (8.0, 8.0)), 64);
    let sliver = region(&frame, &shape(ShapeKind::Ellipse, &[(1.1, 1.1), (1.4, 1.4)]));
    assert_eq!((sliver.num_pixels, sliver.spread), (0, None));
}

#[test]
fn wide_samples_and_pictures_in_colour_are_measured_too() {
    let bytes: Vec<u8> = (0..16_u32).flat_map(|v| (v * 100_000).to_le_bytes()).collect();
    let wide = built(&DicomBuilder::new(4, 4, 32).bits(32, 32, false).pixels(&bytes));
    let all = shape(ShapeKind::Rectangle, &[(0.0, 0.0), (4.0, 4.0)]);
    let spread = region(&wide, &all).spread.unwrap();
    assert_eq!((spread.mean, spread.median, spread.max), (750_000.0, 750_000.0, 1_500_000.0));

    let rgba = [[200, 100, 50, 255], [0, 0, 0, 255]].concat();
    let colour = frame_from_rgba(2, 1, rgba).unwrap();
    let figures = Figures::of(&colour, &shape(ShapeKind::Rectangle, &[(0.0, 0.0), (2.0, 1.0)]));
    assert_eq!((figures.value_unit.as_str(), figures.scale.unit()), ("luminance", "px"));
    let spread = region(&colour, &shape(ShapeKind::Rectangle, &[(0.0, 0.0), (1.0, 1.0)])).spread;
    assert!((spread.unwrap().mean - (0.299 * 200.0 + 0.587 * 100.0 + 0.114 * 50.0)).abs() < 1e-9);
    let probe = Figures::of(&colour, &Shape::Probe(Point::new(0.5, 0.5)));
    let value = ProbeValue::Colour([200, 100, 50]);
    assert_eq!(probe.quantity, Quantity::Probe { column: 0, row: 0, value });
}

#[test]
fn shapes_are_held_at_their_corners_and_stay_on_the_frame() {
    let box_ = shape(ShapeKind::Rectangle, &[(6.0, 5.0), (2.0, 1.0)]);
    assert_eq!(box_.points(), points(&[(2.0, 1.0), (6.0, 5.0)]));
    let wider = box_.with_anchor(1, Point::new(9.0, 0.0)).unwrap();
    assert_eq!(wider.points(), points(&[(2.0, 0.0), (9.0, 5.0)]));
    // dragged over its opposite corner it turns over
    let over = box_.with_anchor(2, Point::new(0.0, 0.0)).unwrap();
    assert_eq!(over.points(), points(&[(0.0, 0.0), (2.0, 1.0)]));
    assert_eq!(box_.with_anchor(2, Point::new(2.0, 3.0)), None);
    let moved = box_.moved(Point::new(100.0, -100.0), (10, 10));
    assert_eq!(moved.points(), points(&[(6.0, 0.0), (10.0, 4.0)]));
    assert_eq!(Shape::from_points(ShapeKind::Length, &points(&[(1.0, 1.0), (1.0, 1.0)])), None);
}

#[test]
fn a_region_of_sixteen_million_pixels_is_measured_at_once() {
    let side = 4096_u16;
    let bytes: Vec<u8> =
        (0..u32::from(side) * u32::from(side)).flat_map(|v| (v as u16).to_le_bytes()).collect();
    let large = built(&DicomBuilder::new(side, side, 16).pixels(&bytes));
    let all = shape(ShapeKind::Ellipse, &[(0.0, 0.0), (4096.0, 4096.0)]);
    let began = std::time::Instant::now();
    let region = region(&large, &all);
    println!("{} pixels in {:?}", region.num_pixels, began.elapsed());
    assert!(region.num_pixels > 13_000_000);
    assert!(began.elapsed().as_secs_f64() < 2.0, "{:?}", began.elapsed());
}

#[test]
fn tables_have_every_digit_and_name_nobody() {
    let ct = frame(fixtures().join("measure/anisotropic.dcm"));
    let frame_ref = FrameRef {
        path: PathBuf::from("/home/Muster^Erika/1.dcm"),
        sop_instance_uid: "1.2.3.4711".to_owned(),
        frame_number: 1,
    };
    let marks = Marker::new([7; 32]).marks("1.2.3", "1.2.3.1", &frame_ref);
    let row = |shape: Shape| MeasurementRow {
        plane: None,
        case: "Case 03".to_owned(),
        marks: Some(marks.clone()),
        modality: "CT".to_owned(),
        slice: 4,
        num_slices: 20,
        figures: Some(Figures::of(&ct, &shape)),
        suv: SuvKind::BodyWeight,
        text: String::new(),
        shape,
    };
    let rows = [
        row(shape(ShapeKind::Length, &[(1.0, 1.0), (13.0, 17.0)])),
        row(shape(ShapeKind::Freehand, &[(2.0, 2.2), (17.7, 3.1), (15.4, 16.3), (3.9, 12.8)])),
        row(Shape::Probe(Point::new(10.5, 9.5))),
    ];
    let csv = measurements_table(&rows, ',');
    let lines: Vec<Vec<&str>> =
        csv.split_terminator("\r\n").map(|line| line.split(',').collect()).collect();
    let field = |line: usize, name: &str| {
        let column = lines[0].iter().position(|header| *header == name).unwrap();
        lines[line][column]
    };
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{csv}");
    assert_eq!((field(1, "case"), field(1, "slice"), field(1, "kind")), ("Case 03", "4", "length"));
    let length = field(1, "length");
    assert!((length.parse::<f64>().unwrap() - 12.496_399_481_450_647).abs() < 1e-14, "{length}");
    assert!(length.len() >= 17 && field(1, "length_unit") == "mm", "{length}");
    assert_eq!((field(2, "pixels"), field(2, "mean")), ("160", "157.3625"));
    assert_eq!((field(2, "value_unit"), field(2, "area_unit")), ("HU", "mm²"));
    assert_eq!(field(2, "points_column_row"), "2 2.2; 17.7 3.1; 15.4 16.3; 3.9 12.8");
    assert_eq!(field(3, "value"), ct.modality_value(10, 9).unwrap().to_string());
    let Marks { study, series, frame } = &marks;
    assert_eq!([field(3, "study"), field(3, "series"), field(3, "frame")], [study, series, frame]);
    for secret in ["Muster", "Erika", "1.2.3", "4711"] {
        assert!(!csv.contains(secret), "{secret} in {csv}");
    }
    let tabs = measurements_table(&rows, '\t');
    assert!(tabs.lines().all(|line| line.split('\t').count() == lines[0].len()));
}

#[test]
fn words_out_of_a_file_stay_words_in_a_spreadsheet() {
    let figures = Figures {
        value_unit: "=1+1,\"x\"".to_owned(),
        ..Figures::of(&built(&grey(2, 2, |x, _| x)), &Shape::Probe(Point::new(0.5, 0.5)))
    };
    let row = MeasurementRow {
        plane: None,
        case: "Case 01".to_owned(),
        marks: None,
        modality: "@CT".to_owned(),
        slice: 1,
        num_slices: 1,
        shape: Shape::Probe(Point::new(0.5, 0.5)),
        figures: Some(figures),
        suv: SuvKind::BodyWeight,
        text: String::new(),
    };
    let csv = measurements_table(&[row], ',');
    assert!(csv.contains(",'@CT,"), "{csv}");
    assert!(csv.contains(",\"'=1+1,\"\"x\"\"\","), "{csv}");
}

/// A picture in which no two neighbours are alike.
fn pattern(width: u32, height: u32, channels: Channels) -> DisplayImage {
    let level = |at: u32| (at * 37 + at / width * 11) as u8;
    let samples = channels.count() as u32;
    let pixels = (0..width * height * samples).map(level).collect();
    DisplayImage { width, height, channels, pixels }
}

/// Which pixels of two pictures of one size are not the same.
fn changed(before: &DisplayImage, after: &DisplayImage) -> Vec<(u32, u32)> {
    assert_eq!((before.width, before.height), (after.width, after.height));
    let (a, b) = (before.to_rgb8(), after.to_rgb8());
    let pairs = a.chunks_exact(3).zip(b.chunks_exact(3)).enumerate();
    let at = |idx: usize| (idx as u32 % before.width, idx as u32 / before.width);
    pairs.filter(|(_, (a, b))| a != b).map(|(idx, _)| at(idx)).collect()
}

fn is_inside(shape: &Shape, (x, y): (u32, u32)) -> bool {
    let [low, high] = shape.bounds();
    let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
    match shape.kind() {
        ShapeKind::Ellipse => {
            let across = (2.0 * x - low.x - high.x) / (high.x - low.x);
            let down = (2.0 * y - low.y - high.y) / (high.y - low.y);
            across * across + down * down <= 1.0
        }
        _ => x >= low.x && x < high.x && y >= low.y && y < high.y,
    }
}

#[test]
fn a_crop_has_a_margin_and_ends_where_the_picture_does() {
    let around = |a, b| Alteration::crop_around(&shape(ShapeKind::Rectangle, &[a, b]), (100, 80));
    assert_eq!(around((40.0, 30.0), (60.0, 50.0)), Alteration::Crop([37, 27, 26, 26]));
    assert_eq!(around((0.0, 0.0), (100.0, 80.0)), Alteration::Crop([0, 0, 100, 80]));
    assert_eq!(around((90.0, 70.0), (100.0, 80.0)), Alteration::Crop([88, 68, 12, 12]));
    assert_eq!(around((50.2, 50.2), (50.4, 50.4)), Alteration::Crop([50, 50, 1, 1]));
    let whole = pattern(100, 80, Channels::Gray);
    let part = Alteration::Crop([37, 27, 26, 26]).apply(&whole).unwrap();
    assert_eq!(Some(part), whole.crop(37, 27, 26, 26));
    assert_eq!(Alteration::Crop([90, 0, 11, 1]).apply(&whole), None);
    assert_eq!(Alteration::Crop([37, 27, 26, 26]).label(), "region 37,27 26×26");
}

#[test]
fn an_erased_region_is_the_mean_of_its_ring_and_nothing_else_changes() {
    for channels in [Channels::Gray, Channels::Rgb] {
        let whole = pattern(64, 48, channels);
        for region in [
            shape(ShapeKind::Rectangle, &[(10.0, 8.0), (30.0, 20.0)]),
            shape(ShapeKind::Ellipse, &[(20.5, 10.5), (44.0, 40.0)]),
            shape(ShapeKind::Rectangle, &[(0.0, 0.0), (12.0, 48.0)]),
        ] {
            let erased = Alteration::Erase(region.clone()).apply(&whole).unwrap();
            let all = (0..48).flat_map(|y| (0..64).map(move |x| (x, y)));
            let inside: Vec<(u32, u32)> = all.filter(|at| is_inside(&region, *at)).collect();
            let changed = changed(&whole, &erased);
            assert!(changed.iter().all(|at| inside.contains(at)), "{region:?}");
            assert!(changed.len() * 10 > inside.len() * 9, "few of the pattern are the mean");
            let samples = channels.count();
            let colour_at = |(x, y): (u32, u32)| {
                let at = (y * 64 + x) as usize * samples;
                erased.pixels[at..at + samples].to_vec()
            };
            let fill = colour_at(inside[0]);
            assert!(inside.iter().all(|at| colour_at(*at) == fill), "one colour all over");
        }
    }
    // the ring of two pixels around a square, by hand
    let mut whole = DisplayImage { pixels: vec![10; 400], ..pattern(20, 20, Channels::Gray) };
    for y in 8..12 {
        whole.pixels[y * 20 + 8..y * 20 + 12].fill(200);
    }
    whole.pixels[6 * 20 + 6] = 250;
    let square = shape(ShapeKind::Rectangle, &[(8.0, 8.0), (12.0, 12.0)]);
    let erased = Alteration::Erase(square.clone()).apply(&whole).unwrap();
    // 47 pixels of 10 and one of 250
    assert_eq!(erased.pixels[10 * 20 + 10], 15);
    assert_eq!(changed(&whole, &erased).len(), 16);
    let all = shape(ShapeKind::Rectangle, &[(0.0, 0.0), (20.0, 20.0)]);
    let erased = Alteration::Erase(all).apply(&whole).unwrap();
    assert!(erased.pixels.iter().all(|sample| *sample == 128), "there is no ring");
    let sliver = shape(ShapeKind::Rectangle, &[(1.1, 1.1), (1.4, 1.4)]);
    assert_eq!(Alteration::Erase(sliver).apply(&whole), None);
    let length = shape(ShapeKind::Length, &[(1.0, 1.0), (9.0, 9.0)]);
    assert_eq!(Alteration::Erase(length.clone()).apply(&whole), None);
    assert_eq!(Alteration::Mark(length).apply(&whole), None);
}

#[test]
fn a_mark_follows_the_outline_in_colour_with_dark_edges() {
    for level in [0, 255, 128] {
        let whole =
            DisplayImage { pixels: vec![level; 400 * 300], ..pattern(400, 300, Channels::Gray) };
        let region = shape(ShapeKind::Rectangle, &[(100.0, 80.0), (200.0, 160.0)]);
        let marked = Alteration::Mark(region).apply(&whole).unwrap();
        assert_eq!(marked.channels, Channels::Rgb);
        // a line of two pixels and edges of one on both sides
        for (x, y) in changed(&whole, &marked) {
            let from = |at: u32, edge: u32| (f64::from(at) + 0.5 - f64::from(edge)).abs();
            let across = from(x, 100).min(from(x, 200));
            let down = from(y, 80).min(from(y, 160));
            assert!(across.min(down) <= 2.0, "{x} {y}");
        }
        let pixel = |x: usize, y: usize| {
            let at = (y * 400 + x) * 3;
            [marked.pixels[at], marked.pixels[at + 1], marked.pixels[at + 2]]
        };
        for column in [99, 100, 199, 200] {
            assert_eq!(pixel(column, 120), [255, 64, 32]);
        }
        for column in [98, 101, 198, 201] {
            assert_eq!(pixel(column, 120), [0, 0, 0]);
        }
        assert_eq!(pixel(97, 120), [level; 3]);
        assert_eq!(pixel(150, 120), [level; 3], "the inside stays as it is");
    }
}

#[test]
fn blank_and_noise_have_the_size_of_the_picture_and_nothing_of_it() {
    let whole = pattern(40, 30, Channels::Rgb);
    let blank = Alteration::Blank.apply(&whole).unwrap();
    assert!(blank.pixels.iter().all(|sample| *sample == 128));
    let noise = Alteration::Noise(0).apply(&whole).unwrap();
    assert_eq!((noise.width, noise.height, noise.channels), (40, 30, Channels::Rgb));
    assert_eq!(noise.pixels.len(), whole.pixels.len());
    assert_eq!(Alteration::Noise(0).apply(&blank).unwrap(), noise, "the same seed, the same noise");
    assert_ne!(Alteration::Noise(1).apply(&whole).unwrap(), noise);
    // the first number of SplitMix64 from 0 is 0xe220a8397b1dcdaf
    assert_eq!(noise.pixels[0], 0xaf);
    let mean: f64 = noise.pixels.iter().map(|sample| f64::from(*sample)).sum::<f64>() / 3600.0;
    assert!((mean - 127.5).abs() < 5.0, "{mean}");
}

#[test]
fn the_tensor_of_an_erased_picture_differs_inside_the_region_only() {
    let whole = pattern(56, 56, Channels::Gray);
    let region = shape(ShapeKind::Rectangle, &[(10.0, 20.0), (30.0, 36.0)]);
    let erased = Alteration::Erase(region.clone()).apply(&whole).unwrap();
    let eye = Eye::squares(ImageProcessor::clip(56), false, 16);
    let (extents, before) = eye.tensor(&whole).unwrap();
    let (_, after) = eye.tensor(&erased).unwrap();
    assert_eq!(extents.iter().product::<usize>(), 3 * 56 * 56);
    let mut inside = 0;
    for (idx, (before, after)) in before.iter().zip(&after).enumerate() {
        let at = (idx as u32 % 56, idx as u32 / 56 % 56);
        if is_inside(&region, at) {
            inside += usize::from(before != after);
        } else {
            assert_eq!(before.to_bits(), after.to_bits(), "{at:?}");
        }
    }
    assert!(inside > 3 * 20 * 16 * 9 / 10, "{inside}");
}
