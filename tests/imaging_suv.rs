//! Units a reader thinks in: SUV of PET, and what a pixel of each kind of picture is worth.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;
#[path = "support/shared.rs"]
mod shared;

use std::path::{Path, PathBuf};

use dicom_builder::{DicomBuilder, element, item};
use reading_room::app::{MeasurementRow, measurements_table};
use reading_room::imaging::{
    Figures, Frame, FrameRef, Point, ProbeValue, Quantity, Scale, Shape, ShapeKind, SuvKind,
    read_frame,
};

fn frame(path: PathBuf) -> Frame {
    read_frame(&FrameRef { path, sop_instance_uid: String::new(), frame_number: 1 }).unwrap()
}

fn built(builder: &DicomBuilder) -> Frame {
    let folder = tempfile::tempdir().unwrap();
    frame(builder.write(folder.path(), "frame.dcm"))
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/suv")
}

fn shape(kind: ShapeKind, pairs: &[(f64, f64)]) -> Shape {
    let points: Vec<Point> = pairs.iter().map(|&(x, y)| Point::new(x, y)).collect();
    Shape::from_points(kind, &points).unwrap()
}

fn length(frame: &Frame, from: (f64, f64), to: (f64, f64)) -> (f64, &'static str) {
    let figures = Figures::of(frame, &shape(ShapeKind::Length, &[from, to]));
    let Quantity::Length(length) = figures.quantity else { panic!() };
    (length, figures.scale.unit())
}

#[test]
fn suv_are_those_of_an_independent_computation() {
    let table = std::fs::read_to_string(fixtures().join("reference.tsv")).unwrap();
    let (mut compared, mut refused) = (0, 0);
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let frame = frame(fixtures().join(fields[0]));
        let value = frame.modality_value(1, 1).unwrap();
        let uptake = frame.info().uptake.as_ref().unwrap();
        for (kind, theirs) in SuvKind::ALL.into_iter().zip(&fields[1..]) {
            match theirs.parse::<f64>() {
                Ok(theirs) => {
                    let ours =
                        uptake.suv(kind, value).unwrap_or_else(|| panic!("{line}: {uptake:?}"));
                    assert!((ours - theirs).abs() <= 1e-12 * theirs, "{line}: {ours}");
                    assert_eq!(uptake.why_not(kind), None);
                    compared += 1;
                }
                Err(_) => {
                    assert_eq!(uptake.suv(kind, value), None, "{line}");
                    let why = uptake.why_not(kind).unwrap();
                    assert!(why.contains(theirs), "{line}: {why}");
                    assert!(why.starts_with(&format!("No {}: ", kind.as_str())), "{why}");
                    refused += 1;
                }
            }
        }
    }
    assert!(compared > 30 && refused > 25, "{compared} {refused}");
}

#[test]
fn a_region_and_a_probe_of_pet_say_stored_unit_and_suv() {
    let pet = frame(fixtures().join("start.dcm"));
    assert_eq!(pet.unit(), "Bq/ml");
    let row = |shape: Shape, suv: SuvKind| MeasurementRow {
        plane: None,
        case: "Case 03".to_owned(),
        marks: None,
        modality: "PT".to_owned(),
        slice: 1,
        num_slices: 1,
        figures: Some(Figures::of(&pet, &shape)),
        suv,
        text: String::new(),
        shape,
    };
    let whole = shape(ShapeKind::Rectangle, &[(0.0, 0.0), (3.0, 2.0)]);
    let rows = [
        row(whole.clone(), SuvKind::BodyWeight),
        row(Shape::Probe(Point::new(1.5, 1.5)), SuvKind::BodySurface),
        row(shape(ShapeKind::Length, &[(0.0, 0.0), (3.0, 0.0)]), SuvKind::BodyWeight),
    ];
    let csv = measurements_table(&rows, ',');
    let lines: Vec<Vec<&str>> =
        csv.split_terminator("\r\n").map(|line| line.split(',').collect()).collect();
    let field = |line: usize, name: &str| {
        let column = lines[0].iter().position(|header| *header == name).unwrap();
        lines[line][column]
    };
    let number = |line: usize, name: &str| field(line, name).parse::<f64>().unwrap();
    // mean, largest and median of the six values the script wrote, as the reference has one of them
    let unit = 0.893_261_251_266_887_2 / 4096.0;
    let mean = (100.0 + 2000.0 + 30_000.0 + 4096.0 + 65_535.0) / 6.0;
    assert_eq!((field(1, "suv"), field(1, "suv_unit")), ("SUVbw", "g/ml"));
    assert_eq!(field(1, "value_unit"), "Bq/ml");
    for (name, theirs) in
        [("suv_mean", mean * unit), ("suv_max", 65_535.0 * unit), ("suv_median", 3048.0 * unit)]
    {
        assert!((number(1, name) - theirs).abs() < 1e-9 * theirs, "{name}: {}", number(1, name));
    }
    assert!((number(1, "mean") - mean * 0.75).abs() < 1e-9);
    assert_eq!((field(2, "suv"), field(2, "suv_unit")), ("SUVbsa", "cm²/ml"));
    assert!((number(2, "suv_value") - 0.227_285_978_806_623_68).abs() < 1e-12);
    assert_eq!(field(2, "value"), "3072");
    assert_eq!((field(3, "suv"), field(3, "length")), ("", "12"), "a length has no SUV");
    // why not, in the table as well
    let poor = frame(fixtures().join("no-weight.dcm"));
    let figures = Some(Figures::of(&poor, &whole));
    let csv = measurements_table(&[MeasurementRow { figures, ..rows[0].clone() }], ',');
    assert!(csv.contains(",No SUVbw: the file does not say its Patient's Weight,"), "{csv}");
}

#[test]
fn weight_and_dose_are_not_kept_with_a_frame() {
    let pet = frame(fixtures().join("start.dcm"));
    let told = format!("{:?}", pet.info());
    for secret in ["72.5", "72500", "370000000", "3.7e8", "1.71"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[test]
fn a_real_pet_file_in_proportional_counts_says_why_it_has_no_suv() {
    let Some(studies) = shared::shared("data/studies") else { return };
    let pet = frame(studies.join("nm-pt/GH610.dcm"));
    let uptake = pet.info().uptake.as_ref().unwrap();
    let why = "No SUVbw: its values are in PROPCPS, which does not lead to SUV";
    assert_eq!(uptake.why_not(SuvKind::BodyWeight).unwrap(), why);
    assert_eq!(pet.unit(), "PROPCPS");
}

#[test]
fn other_pictures_have_no_uptake() {
    let ct = built(&DicomBuilder::new(2, 2, 16).pixels(&[0; 8]));
    assert_eq!(ct.info().uptake, None);
    let figures = Figures::of(&ct, &Shape::Probe(Point::new(0.5, 0.5)));
    assert_eq!(figures.uptake, None);
}

/// One item of the Sequence of Ultrasound Regions.
struct UsRegion {
    corners: [u32; 4],
    units: [u16; 2],
    deltas: [f64; 2],
    flags: u32,
}

fn ultrasound(regions: &[UsRegion]) -> DicomBuilder {
    let items = regions.iter().flat_map(|region| {
        let mut content = Vec::new();
        let long = |tag: u16, value: u32| element((0x0018, tag), "UL", &value.to_le_bytes());
        content.extend(long(0x6016, region.flags));
        for (tag, value) in [0x6018, 0x601A, 0x601C, 0x601E].into_iter().zip(region.corners) {
            content.extend(long(tag, value));
        }
        for (tag, value) in [0x6024, 0x6026].into_iter().zip(region.units) {
            content.extend(element((0x0018, tag), "US", &value.to_le_bytes()));
        }
        for (tag, value) in [0x602C, 0x602E].into_iter().zip(region.deltas) {
            content.extend(element((0x0018, tag), "FD", &value.to_le_bytes()));
        }
        item(&content)
    });
    let items: Vec<u8> = items.collect();
    DicomBuilder::new(100, 100, 16)
        .text((0x0008, 0x0060), "CS", "US")
        .bytes((0x0018, 0x6011), "SQ", &items)
        .pixels(&[7; 20_000])
}

/// Tissue above, a curve over time below, and an inset of another scale in the tissue's corner.
fn regions() -> [UsRegion; 3] {
    [
        UsRegion { corners: [10, 10, 89, 59], units: [3, 3], deltas: [0.02, -0.03], flags: 1 },
        UsRegion { corners: [10, 60, 89, 99], units: [4, 3], deltas: [0.01, 0.05], flags: 0 },
        UsRegion { corners: [70, 10, 89, 29], units: [3, 3], deltas: [0.1, 0.1], flags: 0 },
    ]
}

#[test]
fn ultrasound_is_measured_by_the_region_it_lies_in() {
    let frame = built(&ultrasound(&regions()));
    let (across, unit) = length(&frame, (20.0, 20.0), (50.0, 20.0));
    assert!((across - 6.0).abs() < 1e-12 && unit == "mm", "{across} {unit}");
    let (down, _) = length(&frame, (20.0, 20.0), (20.0, 60.0));
    assert!((down - 12.0).abs() < 1e-12, "{down}: values fall along this axis");
    let ellipse = shape(ShapeKind::Ellipse, &[(20.0, 20.0), (40.0, 30.0)]);
    let figures = Figures::of(&frame, &ellipse);
    let Quantity::Region(region) = figures.quantity else { panic!() };
    let area = std::f64::consts::PI / 4.0 * 4.0 * 3.0;
    assert!((region.area - area).abs() < 1e-12, "{}", region.area);
    assert_eq!(figures.scale.area_unit(), "mm²");
    // where two lie over each other the one of high priority counts
    let (inset, _) = length(&frame, (72.0, 15.0), (82.0, 15.0));
    assert!((inset - 10.0).abs() < 1e-12, "{inset}");
    let angle = shape(ShapeKind::Angle, &[(50.0, 20.0), (20.0, 20.0), (50.0, 40.0)]);
    let Quantity::Angle(degrees) = Figures::of(&frame, &angle).quantity else { panic!() };
    assert!((degrees - 45.0).abs() < 1e-9, "{degrees}");
}

#[test]
fn outside_of_ultrasound_regions_and_across_them_there_are_pixels_and_that_is_said() {
    let frame = built(&ultrasound(&regions()));
    let unknown = "px outside calibration";
    assert_eq!(length(&frame, (0.0, 0.0), (3.0, 4.0)), (5.0, unknown));
    assert_eq!(length(&frame, (20.0, 50.0), (20.0, 70.0)), (20.0, unknown), "across an edge");
    assert_eq!(length(&frame, (20.0, 70.0), (30.0, 70.0)), (10.0, unknown), "time is no length");
    // a picture made smaller afterwards: the region reaches beyond it, and its scale is another's
    let shrunk = UsRegion { corners: [10, 10, 180, 150], ..regions()[0] };
    let frame = built(&ultrasound(&[shrunk]));
    assert_eq!(length(&frame, (20.0, 20.0), (30.0, 20.0)), (10.0, unknown));
}

#[test]
fn real_ultrasound_files_are_measured_as_they_say() {
    let Some(studies) = shared::shared("data/studies") else { return };
    let us = frame(studies.join("us/US-YBR_FULL_422-EVRLE.dcm"));
    let (mm, unit) = length(&us, (300.0, 200.0), (400.0, 200.0));
    assert!((mm - 6.159_999_966_621_4).abs() < 1e-9 && unit == "mm", "{mm} {unit}");
    assert_eq!(length(&us, (10.0, 10.0), (20.0, 10.0)).1, "px outside calibration");
    // 240 rows, while its region goes down to row 414: it was made smaller
    let small = frame(studies.join("us/examples_ybr_color.dcm"));
    assert_eq!(length(&small, (100.0, 100.0), (110.0, 100.0)).1, "px outside calibration");
}

#[test]
fn each_spacing_says_where_it_holds() {
    let plain = DicomBuilder::new(4, 4, 16).pixels(&[0; 32]);
    let spaced = |tag: (u16, u16), text: &str| plain.clone().text(tag, "DS", text);
    let imager = spaced((0x0018, 0x1164), "0.2\\0.2");
    let scale = |builder: &DicomBuilder| Scale::of(built(builder).info());
    assert_eq!(scale(&imager), Scale::Detector([0.2, 0.2]));
    let estimated = imager.clone().text((0x0018, 0x1114), "DS", "1.25");
    assert_eq!(scale(&estimated), Scale::Estimated([0.16, 0.16]));
    assert_eq!(scale(&estimated).unit(), "mm estimated");
    // 1 says that nobody estimated anything, and 0 is a mistake
    for factor in ["1", "0", "-2", "1000"] {
        let builder = imager.clone().text((0x0018, 0x1114), "DS", factor);
        assert_eq!(scale(&builder), Scale::Detector([0.2, 0.2]), "{factor}");
    }
    let calibrated = estimated.clone().text((0x0028, 0x0030), "DS", "0.17\\0.17");
    assert_eq!(scale(&calibrated), Scale::Patient([0.17, 0.17]));
    let film = spaced((0x0018, 0x2010), "0.1\\0.1");
    assert_eq!(scale(&film), Scale::Film([0.1, 0.1]));
    assert_eq!((scale(&film).unit(), scale(&film).area_unit()), ("mm on film", "mm² on film"));
    let copied = film.text((0x0028, 0x0030), "DS", "0.1\\0.1");
    assert_eq!(scale(&copied), Scale::Film([0.1, 0.1]));
    assert_eq!(scale(&spaced((0x0028, 0x0030), "0.5\\0.25")), Scale::Patient([0.5, 0.25]));
}

#[test]
fn a_probe_of_pet_is_read_before_its_factor() {
    let pet = frame(fixtures().join("suv.dcm"));
    let figures = Figures::of(&pet, &Shape::Probe(Point::new(0.5, 0.5)));
    let Quantity::Probe { value: ProbeValue::Grey(value), .. } = figures.quantity else { panic!() };
    assert_eq!((value, figures.value_unit.as_str()), (0.0, "g/ml"));
    assert_eq!(figures.uptake.unwrap().suv(SuvKind::BodyWeight, value), Some(0.0));
}
