//! What belongs into one stack: echoes, times, acquisitions, scouts, duplicates, gaps; and values
//! that make no sense.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/dicom_builder.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod dicom_builder;
#[path = "support/shared.rs"]
mod shared;

use std::{fs, ops::ControlFlow, path::Path};

use dicom_builder::DicomBuilder;
use reading_room::imaging::{FrameRef, Opened, Plane, Series, open_paths, read_frame};
use shared::shared;

const AXIAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
const CORONAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0];

fn open(path: &Path) -> Opened {
    open_paths(&[path.to_owned()], &mut |_| ControlFlow::Continue(())).unwrap()
}

fn all_series(opened: &Opened) -> Vec<&Series> {
    opened.studies.iter().flat_map(|study| &study.series).collect()
}

fn messages(opened: &Opened) -> String {
    let lines: Vec<_> = opened.warnings.iter().map(|warning| warning.message.clone()).collect();
    lines.join("\n")
}

/// A slice with a UID of its own.
fn slice(number: i32, z: f64) -> DicomBuilder {
    DicomBuilder::new(2, 2, 8)
        .slice(number, [0.0, 0.0, z], AXIAL)
        .text((0x0008, 0x0018), "UI", &format!("1.2.3.4.{number}"))
        .text((0x0008, 0x103E), "LO", "T2")
        .pixels(&[1, 2, 3, 4])
}

/// Slices at six places, so many times over, each time with another value.
fn repeated(times: i32, change: impl Fn(DicomBuilder, i32) -> DicomBuilder) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 * times {
        // scanners write one place after the other
        let one = slice(number + 1, f64::from(number / times) * 3.0);
        change(one, number % times).write(folder.path(), &number.to_string());
    }
    open(folder.path())
}

/// Key, description, slices.
fn found(opened: &Opened) -> Vec<(&str, &str, usize)> {
    let all = all_series(opened).into_iter();
    all.map(|series| {
        let description = series.description.as_deref().unwrap_or_default();
        (series.key.as_str(), description, series.instances.len())
    })
    .collect()
}

#[test]
fn echoes_times_and_acquisitions_at_the_same_places_are_stacks_of_their_own() {
    let text = |tag, vr, values: &'static [&'static str]| {
        repeated(i32::try_from(values.len()).unwrap(), move |one, idx| {
            one.text(tag, vr, values[usize::try_from(idx).unwrap()])
        })
    };
    let cases = [
        (text((0x18, 0x81), "DS", &["80", "12.5"]), ["T2 · TE 12.5 ms", "T2 · TE 80 ms"]),
        (text((0x20, 0x100), "IS", &["1", "2"]), ["T2 · time 1", "T2 · time 2"]),
        (text((0x20, 0x12), "IS", &["4", "7"]), ["T2 · acquisition 4", "T2 · acquisition 7"]),
        (text((0x18, 0x1060), "DS", &["0", "40"]), ["T2 · phase 0 ms", "T2 · phase 40 ms"]),
        (
            text((0x08, 0x08), "CS", &["ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P"]),
            ["T2 · M", "T2 · P"],
        ),
    ];
    for (opened, [first, second]) in cases {
        assert_eq!(found(&opened), [("1.2.3.1", first, 6), ("1.2.3.1#2", second, 6)]);
        for series in all_series(&opened) {
            assert_eq!((series.slice_spacing_mm, series.uniform), (Some(3.0), true));
            assert!(!series.duplicate_positions);
        }
    }
    let weights = repeated(2, |one, idx| {
        let value = [0.0_f64, 1000.0][usize::try_from(idx).unwrap()];
        one.bytes((0x18, 0x9087), "FD", &value.to_le_bytes())
    });
    let expected = [("1.2.3.1", "T2 · b 0", 6), ("1.2.3.1#2", "T2 · b 1000", 6)];
    assert_eq!(found(&weights), expected);
}

#[test]
fn two_qualities_at_once_are_told_apart_by_both() {
    let opened = repeated(4, |one, idx| {
        one.text((0x18, 0x81), "DS", &(10 + idx % 2).to_string()).text(
            (0x20, 0x100),
            "IS",
            &(1 + idx / 2).to_string(),
        )
    });
    let names: Vec<_> = found(&opened).iter().map(|(_, name, count)| (*name, *count)).collect();
    let expected = [
        ("T2 · TE 10 ms, time 1", 6),
        ("T2 · TE 10 ms, time 2", 6),
        ("T2 · TE 11 ms, time 1", 6),
        ("T2 · TE 11 ms, time 2", 6),
    ];
    assert_eq!(names, expected);
}

#[test]
fn what_has_its_own_place_and_loops_at_one_place_stay_together() {
    // every slice an acquisition of its own, as in CT
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let one = slice(number, f64::from(number)).text((0x20, 0x12), "IS", &number.to_string());
        one.write(folder.path(), &number.to_string());
    }
    assert_eq!(found(&open(folder.path())), [("1.2.3.1", "T2", 6)]);
    // the beating heart at one place
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let one = slice(number, 7.0).text((0x18, 0x1060), "DS", &(number * 40).to_string());
        one.write(folder.path(), &number.to_string());
    }
    let opened = open(folder.path());
    assert_eq!(found(&opened), [("1.2.3.1", "T2", 6)]);
    assert!(all_series(&opened)[0].duplicate_positions);
    // one slice was made twice: nothing is torn apart
    let folder = tempfile::tempdir().unwrap();
    for (number, z) in [0.0, 1.0, 2.0, 2.0, 3.0].into_iter().enumerate() {
        let number = i32::try_from(number).unwrap();
        let again = if number == 3 { "2" } else { "1" };
        let one = slice(number, z).text((0x20, 0x12), "IS", again);
        one.write(folder.path(), &number.to_string());
    }
    assert_eq!(found(&open(folder.path())), [("1.2.3.1", "T2", 5)]);
}

#[test]
fn scouts_and_other_directions_are_not_slices_of_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        slice(number, f64::from(number)).write(folder.path(), &number.to_string());
    }
    slice(7, 9.0)
        .text((0x08, 0x08), "CS", "ORIGINAL\\PRIMARY\\LOCALIZER")
        .write(folder.path(), "7");
    slice(8, 0.0).slice(8, [0.0; 3], CORONAL).write(folder.path(), "8");
    let opened = open(folder.path());
    let found: Vec<_> =
        all_series(&opened).iter().map(|s| (s.instances.len(), s.plane, s.uniform)).collect();
    let expected = [
        (6, Some(Plane::Axial), true),
        (1, Some(Plane::Axial), true),
        (1, Some(Plane::Coronal), true),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_instance_is_shown_once_and_the_other_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        slice(number, f64::from(number)).write(folder.path(), &format!("{number}.dcm"));
    }
    let copies = folder.path().join("copies");
    fs::create_dir(&copies).unwrap();
    let again = slice(1, 1.0).write(&copies, "again.dcm");
    let opened = open(folder.path());
    assert_eq!(found(&opened), [("1.2.3.1", "T2", 3)]);
    let expected = format!(
        "This file is the same instance as another, which is shown in its place: {}",
        again.display()
    );
    assert_eq!(messages(&opened), expected);
    // of two the one that can be shown, whichever comes first
    let whole = slice(9, 9.0);
    whole.clone().text((0x0028, 0x0100), "US", "\u{7}\0").write(&copies, "a9.dcm");
    whole.write(&copies, "b9.dcm");
    let opened = open(&copies);
    let nine = all_series(&opened)[0].instances.iter().find(|one| one.instance_number == Some(9));
    assert_eq!(nine.unwrap().path, copies.join("b9.dcm"));
    // one UID for everything: the pictures are different ones
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let one = slice(number, f64::from(number)).text((0x0008, 0x0018), "UI", "1.2.3.4");
        one.write(folder.path(), &number.to_string());
    }
    assert_eq!(found(&open(folder.path())), [("1.2.3.1", "T2", 3)]);
}

#[test]
fn missing_slices_are_said() {
    let folder = tempfile::tempdir().unwrap();
    for number in (0..12).filter(|number| ![4, 8, 9].contains(number)) {
        let one = slice(number, f64::from(number) * 2.5).text((0x20, 0x11), "IS", "3");
        one.write(folder.path(), &format!("{number}.dcm"));
    }
    let opened = open(folder.path());
    let expected = format!(
        "Slices of series 3 seem to be missing in 2 places, the first between slices 4 and 5: 7.5 mm \
         where 2.5 mm are usual: {}",
        folder.path().display()
    );
    assert_eq!(messages(&opened), expected);
    let series = all_series(&opened)[0];
    assert_eq!((series.slice_spacing_mm, series.uniform), (Some(2.5), false));
}

#[test]
fn without_spacing_and_places_a_series_still_opens_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let one = DicomBuilder::new(2, 2, 8)
            .text((0x0008, 0x0018), "UI", &format!("1.2.3.4.{number}"))
            .text((0x0020, 0x0013), "IS", &(6 - number).to_string())
            .pixels(&[1, 2, 3, 4]);
        one.write(folder.path(), &number.to_string());
    }
    let opened = open(folder.path());
    let [series] = all_series(&opened)[..] else { panic!("{opened:?}") };
    assert_eq!((series.slice_spacing_mm, series.plane, series.uniform), (None, None, true));
    let numbers: Vec<_> = series.instances.iter().map(|one| one.instance_number).collect();
    assert_eq!(numbers, (1..=6).map(Some).collect::<Vec<_>>());
    assert_eq!(messages(&opened), "");
    let frame = read_frame(&series.frame_ref(0).unwrap()).unwrap();
    assert_eq!(frame.info().pixel_spacing_mm(), None);
}

fn read(path: &Path) -> reading_room::imaging::Frame {
    let sop_instance_uid = String::new();
    read_frame(&FrameRef { path: path.to_owned(), sop_instance_uid, frame_number: 1 }).unwrap()
}

#[test]
fn values_without_sense_are_said_or_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let flat = slice(1, 0.0).text((0x28, 0x1052), "DS", "-5").text((0x28, 0x1053), "DS", "0");
    let path = flat.write(folder.path(), "slope.dcm");
    let opened = open(&path);
    assert!(messages(&opened).contains("rescale slope is 0"), "{opened:?}");
    assert_eq!(read(&path).modality_value(1, 1), Some(-1.0));

    let floats: Vec<u8> =
        [f32::NAN, 1.0, f32::INFINITY, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let nan = DicomBuilder::new(2, 2, 32).bytes((0x7FE0, 0x0008), "OF", &floats);
    let frame = read(&nan.write(folder.path(), "nan.dcm"));
    assert_eq!(frame.default_grayscale().render(&frame).pixels.len(), 4);
    let (low, high) = frame.modality_range();
    assert!(low.is_finite() && high.is_finite(), "{low} {high}");

    // an overlay that says it is 65535 × 65535, and one that reaches beyond the file
    let overlay = slice(1, 0.0)
        .words((0x6000, 0x0010), &[65535])
        .words((0x6000, 0x0011), &[65535])
        .bytes((0x6000, 0x3000), "OW", &[0xFF; 64]);
    assert_eq!(read(&overlay.write(folder.path(), "overlay.dcm")).stored(1, 1), Some(4.0));
    let mut bytes = overlay.build();
    let head = [0x00, 0x60, 0x00, 0x30, b'O', b'W', 0, 0];
    let at = bytes.windows(8).position(|eight| eight == head).unwrap() + 8;
    bytes[at..at + 4].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
    let path = folder.path().join("beyond.dcm");
    fs::write(&path, bytes).unwrap();
    let opened = open(&path);
    let why = all_series(&opened)[0].instances[0].cannot_show.clone();
    assert_eq!(why.as_deref(), Some("The file ends before its pixels do"));
}

#[test]
fn real_series_are_torn_apart_only_where_slices_lie_on_one_another() {
    let Some(data) = shared("data/studies") else { return };
    for (group, stacks) in
        [("ct/torso-j2k-20", 1), ("ct/head-gantry-tilt-16", 1), ("mr/brain-t1-20", 1)]
    {
        let opened = open(&data.join(group));
        assert_eq!(all_series(&opened).len(), stacks, "{group}");
        assert_eq!(messages(&opened), "", "{group}");
    }
    // the same brain with a slice taken out, twice over, the second time with another echo
    let folder = tempfile::tempdir().unwrap();
    let mut names: Vec<_> = fs::read_dir(data.join("mr/brain-t1-20"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    for (number, path) in names.iter().enumerate() {
        fs::copy(path, folder.path().join(format!("a{number}"))).unwrap();
    }
    let whole = open(folder.path());
    let middle = all_series(&whole)[0].instances[9].path.clone();
    fs::remove_file(middle).unwrap();
    let opened = open(folder.path());
    assert!(messages(&opened).contains("seem to be missing between slices 9 and 10"), "{opened:?}");
    // and every file twice
    for (number, path) in names.iter().enumerate() {
        fs::copy(path, folder.path().join(format!("b{number}"))).unwrap();
    }
    let opened = open(folder.path());
    assert_eq!(all_series(&opened)[0].instances.len(), 20);
    assert_eq!(opened.warnings.len(), 19);
}
