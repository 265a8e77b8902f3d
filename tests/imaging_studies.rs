//! Studies: files and folders become series in reading order, with warnings instead of failures.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests"
)]

#[path = "support/dicom_builder.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod dicom_builder;

use std::{
    collections::BTreeMap,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

#[path = "support/shared.rs"]
mod shared;

use dicom_builder::DicomBuilder;
use reading_room::imaging::{
    FrameRef, OpenError, OpenWarning, Opened, Plane, Series, open_paths, orientation_labels,
    parse_image_path, read_frame,
};
use serde_json::Value;
use shared::shared;

const AXIAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
const CORONAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0];

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn open(path: &Path) -> Opened {
    open_paths(&[path.to_owned()], &mut |_| ControlFlow::Continue(())).unwrap()
}

fn all_series(opened: &Opened) -> Vec<&Series> {
    opened.studies.iter().flat_map(|study| &study.series).collect()
}

fn slice(number: i32, z: f64) -> DicomBuilder {
    DicomBuilder::new(2, 2, 8).slice(number, [0.0, 0.0, z], AXIAL).pixels(&[1, 2, 3, 4])
}

#[test]
fn every_shared_series_is_in_the_reference_order() {
    let Some(data) = shared("data") else { return };
    for golden in json(&data.join("goldens/series.json")).as_array().unwrap() {
        let opened = open(&data.join("studies").join(golden["group"].as_str().unwrap()));
        let order = golden["order"].as_array().unwrap();
        let positions: BTreeMap<PathBuf, f64> = order
            .iter()
            .zip(golden["positions"].as_array().unwrap())
            .map(|(path, at)| (data.join(path.as_str().unwrap()), at.as_f64().unwrap()))
            .collect();
        let is_golden = |series: &&&Series| positions.contains_key(&series.instances[0].path);
        let all = all_series(&opened);
        let stacks: Vec<&&Series> = all.iter().filter(is_golden).collect();
        let total: usize = stacks.iter().map(|stack| stack.instances.len()).sum();
        let uid = &golden["series_uid"];
        // files of one SOP Instance UID are shown once
        let is_twice = |warning: &&OpenWarning| {
            warning.message.contains("the same instance") && positions.contains_key(&warning.path)
        };
        let twice = opened.warnings.iter().filter(is_twice).count();
        assert_eq!(total + twice, order.len(), "{uid}: every slice is in a stack of its series");
        for stack in &stacks {
            let at: Vec<f64> =
                stack.instances.iter().map(|instance| positions[&instance.path]).collect();
            assert!(at.is_sorted(), "{uid}: {at:?}");
        }
        if let ([stack], 0) = (stacks.as_slice(), twice) {
            assert_eq!(stack.uniform, golden["uniform"].as_bool().unwrap(), "{uid}");
            assert_eq!(stack.duplicate_positions, golden["duplicate_positions"].as_bool().unwrap());
            let median = golden["spacing_median"].as_f64().unwrap();
            assert!((stack.slice_spacing_mm.unwrap_or(0.0) - median).abs() < 0.001, "{uid}");
            assert_eq!(stack.plane.unwrap().as_str(), golden["plane"].as_str().unwrap(), "{uid}");
        }
    }
}

fn vector(value: &Value) -> Option<Vec<f64>> {
    value.as_array().map(|values| values.iter().map(|v| v.as_f64().unwrap()).collect())
}

/// Equal within what a reference rounds off.
fn check_vector(what: &str, ours: Option<Vec<f64>>, theirs: &Value) {
    let theirs = vector(theirs);
    let close = match (&ours, &theirs) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4)
        }
        (None, None) => true,
        _ => false,
    };
    assert!(close, "{what}: {ours:?} instead of {theirs:?}");
}

#[test]
fn every_shared_file_lies_where_the_reference_says() {
    let Some(data) = shared("data") else { return };
    let mut checked = 0;
    for (path, golden) in json(&data.join("goldens/goldens.json")).as_object().unwrap() {
        if golden["frame_goldens"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let frame_ref =
            FrameRef { path: data.join(path), sop_instance_uid: String::new(), frame_number: 1 };
        let frame = read_frame(&frame_ref).unwrap();
        let info = frame.info();
        let plane = info.plane().map_or("", Plane::as_str);
        assert_eq!(plane, golden["plane"].as_str().unwrap(), "{path}");
        assert_eq!(info.num_frames, golden["frames"].as_u64().unwrap() as u32, "{path}");
        let geometry = &info.geometry;
        check_vector(path, geometry.image_position_mm.map(Vec::from), &golden["ipp"]);
        check_vector(path, geometry.image_orientation.map(Vec::from), &golden["iop"]);
        let spacing = info.pixel_spacing_mm().map(Vec::from);
        check_vector(path, spacing, &golden["pixel_spacing_row_col"]);
        assert_eq!(info.sop_instance_uid, golden["sop_instance_uid"].as_str().unwrap(), "{path}");
        checked += 1;
    }
    println!("{checked} files lie where the reference says");
}

#[test]
fn broken_files_end_in_a_picture_or_a_sentence() {
    let Some(data) = shared("data") else { return };
    let opened = open(&data.join("studies/broken"));
    println!(
        "{} studies, {} warnings, {} skipped",
        opened.studies.len(),
        opened.warnings.len(),
        opened.skipped
    );
    for series in all_series(&opened) {
        for frame_idx in 0..series.num_frames().min(20) {
            let frame_ref = series.frame_ref(frame_idx).unwrap();
            match read_frame(&frame_ref) {
                Ok(frame) => assert!(!frame.default_grayscale().render(&frame).pixels.is_empty()),
                Err(error) => {
                    assert!(error.to_string().ends_with(&*frame_ref.path.to_string_lossy()));
                }
            }
        }
    }
}

#[test]
fn names_are_read_in_every_character_set() {
    let Some(data) = shared("data") else { return };
    // str(pydicom.dcmread(file).PatientName), with its carets and equals signs as shown here
    let names = [
        ("chrArab.dcm", "قباني لنزار"),
        ("chrFrenMulti.dcm", "Buc Jérôme"),
        ("chrGerm.dcm", "Äneas Rüdiger"),
        ("chrGreek.dcm", "Διονυσιος"),
        ("chrH31.dcm", "Yamada Tarou (山田 太郎) (やまだ たろう)"),
        ("chrH32.dcm", "ﾔﾏﾀﾞ ﾀﾛｳ (山田 太郎) (やまだ たろう)"),
        ("chrHbrw.dcm", "שרון דבורה"),
        ("chrI2.dcm", "Hong Gildong (洪 吉洞) (홍 길동)"),
        ("chrJapMulti.dcm", "やまだ たろう"),
        ("chrJapMultiExplicitIR6.dcm", "やまだ たろう"),
        ("chrKoreanMulti.dcm", "김희중"),
        ("chrRuss.dcm", "Люкceмбypг"),
        ("chrX1.dcm", "Wang XiaoDong (王 小東)"),
        ("chrX2.dcm", "Wang XiaoDong (王 小东)"),
    ];
    for (file, name) in names {
        let opened = open(&data.join("studies/charset").join(file));
        assert_eq!(opened.studies[0].patient.name.as_deref(), Some(name), "{file}");
    }
}

#[test]
fn pictures_match_their_reference() {
    let Some(data) = shared("data") else { return };
    let goldens = json(&data.join("goldens/goldens.json"));
    let pictures =
        goldens.as_object().unwrap().iter().filter(|(path, _)| path.starts_with("images"));
    for (path, golden) in pictures {
        let opened = open(&data.join(path));
        let series = all_series(&opened)[0];
        assert_eq!((series.modality.as_str(), series.num_frames()), ("PIC", 1), "{path}");
        let frame = read_frame(&series.frame_ref(0).unwrap()).unwrap();
        let mut shown = frame.default_grayscale().render(&frame);
        shown.pixels = shown.to_rgb8();
        let same = shown.sha256() == golden["rgb_sha256"].as_str().unwrap();
        let is_lossless = path.ends_with(".png");
        assert!(same || !is_lossless, "{path} differs");
        let pixels = shown.pixels.len() as f64 / 3.0;
        for (channel, mean) in vector(&golden["rgb_mean"]).unwrap().into_iter().enumerate() {
            let sum: f64 =
                shown.pixels.iter().skip(channel).step_by(3).map(|v| f64::from(*v)).sum();
            assert!(
                (sum / pixels - mean).abs() < 0.5,
                "{path}: {} instead of {mean}",
                sum / pixels
            );
        }
    }
}

#[test]
fn three_bad_files_give_a_study_and_three_warnings() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12 {
        // the numbers run against the positions
        slice(12 - number, f64::from(number)).write(folder.path(), &format!("{number}.dcm"));
    }
    let whole = slice(1, 0.0).build();
    fs::write(folder.path().join("bad1.dcm"), &whole[..140]).unwrap();
    fs::write(folder.path().join("bad2.dcm"), b"not a picture at all").unwrap();
    fs::write(folder.path().join("bad3.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    fs::write(folder.path().join("readme.txt"), b"hello").unwrap();
    let opened = open(folder.path());
    assert_eq!((opened.warnings.len(), opened.skipped), (3, 1), "{:?}", opened.warnings);
    let [series] = all_series(&opened)[..] else { unreachable!("one stack") };
    assert_eq!(series.instances.len(), 12);
    assert_eq!(series.instances[0].path, folder.path().join("0.dcm"));
    assert_eq!((series.slice_spacing_mm, series.uniform), (Some(1.0), true));
    assert_eq!(series.plane, Some(Plane::Axial));
}

#[test]
fn sizes_and_orientations_are_never_mixed_in_one_stack() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        slice(number, f64::from(number)).write(folder.path(), &format!("a{number}"));
    }
    slice(9, 5.0).slice(9, [0.0; 3], CORONAL).write(folder.path(), "coronal");
    let large = DicomBuilder::new(3, 3, 8).slice(7, [0.0; 3], AXIAL).pixels(&[0; 9]);
    large.write(folder.path(), "large");
    let opened = open(folder.path());
    let found: Vec<(&str, usize)> =
        all_series(&opened).iter().map(|s| (s.key.as_str(), s.instances.len())).collect();
    assert_eq!(found, [("1.2.3.1", 3), ("1.2.3.1#2", 1), ("1.2.3.1#3", 1)]);
}

#[test]
fn without_positions_the_instance_number_decides_then_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let plain = |uid: &str, number: &str| {
        let one = DicomBuilder::new(1, 1, 8).text((0x0008, 0x0018), "UI", uid);
        one.text((0x0020, 0x0013), "IS", number).pixels(&[0, 0])
    };
    plain("1.2.1", "2").write(folder.path(), "a");
    plain("1.2.2", "1").write(folder.path(), "b10");
    plain("1.2.3", "1").write(folder.path(), "b9");
    let opened = open(folder.path());
    let names: Vec<_> = all_series(&opened)[0]
        .instances
        .iter()
        .map(|instance| instance.path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["b9", "b10", "a"]);
}

#[test]
fn objects_without_pixels_are_listed_and_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let report = DicomBuilder::new(1, 1, 8)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.88.33")
        .text((0x0020, 0x000E), "UI", "1.2.3.9");
    report.write(folder.path(), "report");
    slice(1, 0.0).write(folder.path(), "slice");
    let opened = open(folder.path());
    let last = all_series(&opened)[1];
    assert_eq!(last.num_frames(), 0);
    let why = "This DICOM file holds no picture (a structured report)";
    assert_eq!(last.instances[0].cannot_show.as_deref(), Some(why));
}

#[test]
fn opening_can_be_cancelled_between_files() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..5 {
        slice(number, 0.0).write(folder.path(), &number.to_string());
    }
    let mut seen = 0;
    let result = open_paths(&[folder.path().to_owned()], &mut |progress| {
        seen = progress.files_done;
        if progress.files_done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((result, seen), (Err(OpenError::Cancelled), 3));
}

#[test]
fn a_single_file_that_is_no_picture_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, b"hello").unwrap();
    let error = open_paths(std::slice::from_ref(&path), &mut |_| ControlFlow::Continue(()));
    let expected = format!("This is not a DICOM file, PNG, JPEG or TIFF: {}", path.display());
    assert_eq!(error.unwrap_err().to_string(), expected);
    let missing = folder.path().join("missing.dcm");
    let error = open_paths(&[missing], &mut |_| ControlFlow::Continue(()));
    assert!(matches!(error, Err(OpenError::NotFound { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_back_to_its_own_folder_is_followed_once() {
    let folder = tempfile::tempdir().unwrap();
    slice(1, 0.0).write(folder.path(), "a");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    assert_eq!(all_series(&open(folder.path()))[0].instances.len(), 1);
}

#[test]
fn a_patient_is_never_printed_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let named = slice(1, 0.0).text((0x0010, 0x0010), "PN", "Canary^Name");
    named.clone().write(folder.path(), "a.dcm");
    let broken = named.text((0x0028, 0x0004), "CS", "CANARY").words((0x0028, 0x0010), &[0]);
    broken.write(folder.path(), "b.dcm");
    let opened = open(folder.path());
    assert_eq!(opened.studies[0].patient.name.as_deref(), Some("Canary Name"));
    let printed = format!("{:?} {:?}", opened.studies[0].patient, opened.warnings);
    let why: Vec<_> = all_series(&opened)
        .iter()
        .flat_map(|series| &series.instances)
        .filter_map(|instance| instance.cannot_show.clone())
        .collect();
    assert_eq!(why, ["The file's number of rows can't be right (0)"]);
    assert!(!printed.contains("Canary") && printed.contains("Patient(..)"), "{printed}");
}

#[test]
fn orientation_letters_name_the_nearest_axis_first() {
    let letters = |iop: [f64; 6]| {
        let labels = orientation_labels(&iop);
        [labels.left, labels.right, labels.top, labels.bottom].join(" ")
    };
    assert_eq!(letters(AXIAL), "R L A P");
    assert_eq!(letters(CORONAL), "R L H F");
    assert_eq!(letters([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]), "A P H F");
    assert_eq!(letters([0.9, 0.43, 0.0, 0.0, 0.0, -1.0]), "RA LP H F");
}

#[test]
fn a_frame_is_named_after_a_hash_sign() {
    let parse = |text: &str| parse_image_path(Path::new(text));
    assert_eq!(parse("x.dcm#3"), (PathBuf::from("x.dcm"), Some(3)));
    assert_eq!(parse("x.dcm#0"), (PathBuf::from("x.dcm#0"), None));
    assert_eq!(parse("x.dcm"), (PathBuf::from("x.dcm"), None));
    let folder = tempfile::tempdir().unwrap();
    let literal = slice(1, 0.0).write(folder.path(), "y#2");
    assert_eq!(parse_image_path(&literal), (literal, None));
}
