//! Stacks, volumes, planes and slabs: against a small synthetic one, and against numpy's figures.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;
#[path = "support/shared.rs"]
mod shared;

use std::{ops::ControlFlow, path::Path, time::Instant};

use dicom_builder::{DicomBuilder, element, item};
use reading_room::imaging::{
    Cut, CutPlane, Frame, Grayscale, NoVolume, Plane, Projection, Series, Slab, Stack, VoiLut,
    Volume, VolumeError, Window, open_paths, orientation_labels,
};
use shared::shared;

const AXIAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
const SAGITTAL: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
const THIN: Slab = Slab::THIN;

fn keep_on(_: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn series_of(folder: &Path) -> Series {
    let opened = open_paths(&[folder.to_owned()], &mut |_| ControlFlow::Continue(())).unwrap();
    let all = opened.studies.into_iter().flat_map(|study| study.series);
    all.max_by_key(Series::num_frames).unwrap()
}

fn volume_of(folder: &Path) -> Volume {
    let stack = Stack::of(&series_of(folder)).unwrap();
    Volume::read(&stack, &mut keep_on).unwrap()
}

fn cut(volume: &Volume, plane: CutPlane, index: usize, slab: Slab) -> Frame {
    volume.cut(&Cut { plane, index, slab }).unwrap()
}

/// Eight columns and six rows of half a millimetre, seven slices a millimetre apart: the value at a
/// voxel is `column + 10 · row + 100 · slice`, which planes give back exactly between voxels too.
fn ramp(folder: &Path, orientation: [f64; 6], at: impl Fn(f64) -> [f64; 3], order: &[u16]) {
    for &slice in order {
        let value = |pixel: u16| pixel % 8 + 10 * (pixel / 8) + 100 * slice;
        let bytes: Vec<u8> = (0..48).flat_map(|pixel| value(pixel).to_le_bytes()).collect();
        DicomBuilder::new(6, 8, 16)
            .slice(i32::from(slice) + 1, at(f64::from(slice)), orientation)
            .text((0x0008, 0x0018), "UI", &format!("1.2.{slice}"))
            .text((0x0028, 0x1052), "DS", "-50")
            .text((0x0028, 0x1053), "DS", "1")
            .text((0x0028, 0x1050), "DS", "40")
            .text((0x0028, 0x1051), "DS", "400")
            .pixels(&bytes)
            .write(folder, &format!("{slice}.dcm"));
    }
}

const ORDER: [u16; 7] = [3, 0, 6, 1, 5, 2, 4];

fn axial_ramp() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    ramp(folder.path(), AXIAL, |slice| [10.0, 20.0, 30.0 + slice], &ORDER);
    folder
}

#[test]
fn a_stack_is_sorted_along_its_normal() {
    let folder = axial_ramp();
    let stack = Stack::of(&series_of(folder.path())).unwrap();
    let names: Vec<String> = stack
        .frames
        .iter()
        .map(|frame| frame.path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["0.dcm", "1.dcm", "2.dcm", "3.dcm", "4.dcm", "5.dcm", "6.dcm"]);
    assert_eq!(stack.grid.size, [8, 6, 7]);
    assert_eq!(stack.grid.spacing_mm, [0.5, 0.5, 1.0]);
    assert_eq!(stack.grid.origin_mm, [10.0, 20.0, 30.0]);
    assert_eq!(stack.grid.voxel_of([11.0, 20.5, 33.5]), [2.0, 1.0, 3.5]);
}

#[test]
fn planes_have_square_pixels_and_right_geometry() {
    let folder = axial_ramp();
    let volume = volume_of(folder.path());
    for (plane, size, count, corner, letters) in [
        (CutPlane::Axial, (8, 6), 13, [10.0, 20.0, 31.0], "RLAP"),
        (CutPlane::Coronal, (8, 13), 6, [10.0, 21.0, 36.0], "RLHF"),
        (CutPlane::Sagittal, (6, 13), 8, [12.5, 20.0, 36.0], "APHF"),
    ] {
        let frame = cut(&volume, plane, 2, THIN);
        assert_eq!((frame.columns(), frame.rows()), size, "{plane:?}");
        assert_eq!(volume.grid().planes(plane).count, count);
        let info = frame.info();
        assert_eq!(info.pixel_spacing_mm(), Some([0.5, 0.5]));
        assert_eq!(info.geometry.image_position_mm, Some(corner), "{plane:?}");
        assert_eq!(info.plane(), Some(plane.plane()));
        let labels = orientation_labels(&info.geometry.image_orientation.unwrap());
        let seen = [labels.left, labels.right, labels.top, labels.bottom].concat();
        assert_eq!(seen, letters);
        assert_eq!((frame.modality(), frame.unit()), ("CT", "HU"));
        assert_eq!(frame.voi_choices().len(), 1, "the window of the files");
        assert!(!frame.is_padding(frame.stored(0, 0).unwrap()), "nothing is outside");
    }
}

#[test]
fn values_between_voxels_are_trilinear() {
    let folder = axial_ramp();
    let volume = volume_of(folder.path());
    assert_eq!(volume.bytes(), 8 * 6 * 7 * 2, "whole numbers take 16 bits");
    // the third axial plane lies on the second slice, the fourth between two
    let axial = cut(&volume, CutPlane::Axial, 3, THIN);
    assert_eq!(axial.modality_value(5, 4), Some(5.0 + 40.0 + 150.0 - 50.0));
    // rows of the coronal plane run from the head down
    let coronal = cut(&volume, CutPlane::Coronal, 4, THIN);
    assert_eq!(coronal.modality_value(5, 0), Some(5.0 + 40.0 + 600.0 - 50.0));
    assert_eq!(coronal.modality_value(5, 5), Some(5.0 + 40.0 + 350.0 - 50.0));
    // sagittal planes run from left to right, their columns from front to back
    let sagittal = cut(&volume, CutPlane::Sagittal, 1, THIN);
    assert_eq!(sagittal.modality_value(3, 12), Some(6.0 + 30.0 - 50.0));
}

#[test]
fn slabs_put_the_planes_within_them_together() {
    let folder = axial_ramp();
    let volume = volume_of(folder.path());
    let value = |projection, mm| {
        let slab = Slab { mm, projection };
        cut(&volume, CutPlane::Axial, 6, slab).modality_value(2, 1).unwrap()
    };
    let middle = 2.0 + 10.0 + 300.0 - 50.0;
    // two millimetres: two planes of half a millimetre on both sides
    assert_eq!(value(Projection::Maximum, 2), middle + 100.0);
    assert_eq!(value(Projection::Minimum, 2), middle - 100.0);
    assert_eq!(value(Projection::Mean, 2), middle);
    // beyond the volume nothing counts, but for half a voxel that the outermost reach
    assert_eq!(value(Projection::Maximum, 100), middle + 300.0);
    assert_eq!(value(Projection::Minimum, 100), middle - 300.0);
    let none = volume.cut(&Cut { plane: CutPlane::Axial, index: 13, slab: THIN });
    let error = none.unwrap_err();
    assert_eq!(error.to_string(), "There is no plane 14: the volume has 13 axial ones");
}

#[test]
fn a_stack_from_the_side_gives_the_same_kinds_of_planes() {
    let folder = tempfile::tempdir().unwrap();
    ramp(folder.path(), SAGITTAL, |slice| [40.0 - slice, -5.0, 90.0], &ORDER);
    let series = series_of(folder.path());
    assert_eq!(series.plane, Some(Plane::Sagittal));
    let volume = volume_of(folder.path());
    // columns run to the back, rows to the feet, slices to the right: the normal
    assert_eq!(volume.grid().axes[2], [-1.0, 0.0, 0.0]);
    let axial = cut(&volume, CutPlane::Axial, 0, THIN);
    // the lowest row, the rightmost slice at the left
    assert_eq!(axial.modality_value(0, 3), Some(3.0 + 50.0 + 600.0 - 50.0));
    assert_eq!(axial.modality_value(12, 3), Some(3.0 + 50.0 - 50.0));
}

#[test]
fn turned_slices_leave_padding_at_the_edges() {
    let folder = tempfile::tempdir().unwrap();
    let (sin, cos) = 20.0_f64.to_radians().sin_cos();
    let tilted = [1.0, 0.0, 0.0, 0.0, cos, sin];
    ramp(folder.path(), tilted, |slice| [0.0, -sin * slice, cos * slice], &ORDER);
    let volume = volume_of(folder.path());
    let frame = cut(&volume, CutPlane::Sagittal, 3, THIN);
    let mut acquired = 0;
    for row in 0..frame.rows() {
        for column in 0..frame.columns() {
            let value = frame.stored(column, row).unwrap();
            let point =
                frame.info().geometry.point_mm([f64::from(column), f64::from(row)]).unwrap();
            let [x, y, z] = volume.grid().voxel_of(point);
            let inside = |at: f64, n: f64| (-0.5..=n - 0.5).contains(&at);
            let is_inside = inside(x, 8.0) && inside(y, 6.0) && inside(z, 7.0);
            assert_eq!(frame.is_padding(value), !is_inside, "{column} {row}");
            if is_inside {
                acquired += 1;
                let expected = x + 10.0 * y.clamp(0.0, 5.0) + 100.0 * z.clamp(0.0, 6.0) - 50.0;
                assert!((value - expected).abs() < 1e-3, "{column} {row}: {value} {expected}");
            }
        }
    }
    assert!(acquired > 30, "{acquired}");
}

#[test]
fn what_is_no_regular_stack_is_refused_with_its_reason() {
    let why = |at: &dyn Fn(f64) -> [f64; 3], order: &[u16]| {
        let folder = tempfile::tempdir().unwrap();
        ramp(folder.path(), AXIAL, at, order);
        Stack::of(&series_of(folder.path())).unwrap_err()
    };
    let straight = |slice: f64| [0.0, 0.0, slice];
    assert_eq!(why(&straight, &[0, 1, 2]), NoVolume::TooFew { slices: 3 });
    let missing = why(&straight, &[0, 1, 2, 4, 5, 6]);
    assert_eq!(missing.to_string(), "The slices are unevenly spaced: gaps of 1.00 to 2.00 mm");
    let tilted = why(&|slice| [0.0, slice * 0.3, slice], &ORDER);
    assert_eq!(
        tilted.to_string(),
        "The slices are shifted against each other by 1.8 mm along the stack (gantry tilt)"
    );
    let phases = why(&|slice| [0.0, 0.0, (slice / 2.0).floor()], &ORDER);
    assert_eq!(phases, NoVolume::SamePlace);
    // a file rounds positions to a hundredth
    let folder = tempfile::tempdir().unwrap();
    let rounded = |slice: f64| [0.0, 0.0, (slice * 66.666_7).round() / 100.0];
    ramp(folder.path(), AXIAL, rounded, &ORDER);
    let stack = Stack::of(&series_of(folder.path())).unwrap();
    assert!((stack.grid.spacing_mm[2] - 2.0 / 3.0).abs() < 1e-9);
}

#[test]
fn pictures_without_places_and_colours_make_no_volume() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6_u8 {
        DicomBuilder::new(4, 4, 8)
            .text((0x0020, 0x0013), "IS", &number.to_string())
            .text((0x0008, 0x0018), "UI", &format!("1.2.{number}"))
            .pixels(&[number; 16])
            .write(folder.path(), &format!("{number}.dcm"));
    }
    let why = Stack::of(&series_of(folder.path())).unwrap_err();
    assert_eq!(why, NoVolume::NoGeometry);
    let mut series = series_of(axial_ramp().path());
    series.instances[3].photometric_interpretation = "RGB".to_owned();
    assert_eq!(Stack::of(&series).unwrap_err(), NoVolume::Colour);
    let mut series = series_of(axial_ramp().path());
    for instance in &mut series.instances {
        (instance.rows, instance.columns) = (20_000, 20_000);
    }
    let why = Stack::of(&series).unwrap_err().to_string();
    assert!(why.contains("needs 5341 MiB, more than the 1024 MiB planned for one"), "{why}");
}

/// A multi-frame file whose frames say where they lie, out of order.
fn multi_frame(folder: &Path) {
    let mut groups = Vec::new();
    let mut pixels = Vec::new();
    for &slice in &ORDER {
        let position = element((0x0020, 0x0032), "DS", format!("0\\0\\{slice}").as_bytes());
        let plane = element((0x0020, 0x9113), "SQ", &item(&position));
        groups.extend(item(&plane));
        for pixel in 0..48_u16 {
            pixels.extend((pixel % 8 + 10 * (pixel / 8) + 100 * slice).to_le_bytes());
        }
    }
    DicomBuilder::new(6, 8, 16)
        .slice(1, [0.0; 3], AXIAL)
        .text((0x0028, 0x0008), "IS", "7")
        .bytes((0x5200, 0x9230), "SQ", &groups)
        .pixels(&pixels)
        .write(folder, "all.dcm");
}

#[test]
fn frames_of_one_file_are_a_stack_by_their_own_places() {
    let folder = tempfile::tempdir().unwrap();
    multi_frame(folder.path());
    let series = series_of(folder.path());
    assert_eq!((series.instances.len(), series.num_frames()), (1, 7));
    let stack = Stack::of(&series).unwrap();
    let numbers: Vec<u32> = stack.frames.iter().map(|frame| frame.frame_number).collect();
    assert_eq!(numbers, [2, 4, 6, 1, 7, 5, 3], "by place, not as they stand in the file");
    let volume = Volume::read(&stack, &mut keep_on).unwrap();
    let coronal = cut(&volume, CutPlane::Coronal, 0, THIN);
    assert_eq!(coronal.modality_value(3, 0), Some(603.0));
}

#[test]
fn building_stops_when_it_is_told_to() {
    let folder = axial_ramp();
    let stack = Stack::of(&series_of(folder.path())).unwrap();
    let mut seen = Vec::new();
    let stopped = Volume::read(&stack, &mut |done| {
        seen.push(done);
        if done < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(stopped.unwrap_err(), VolumeError::Cancelled);
    assert_eq!(seen, [0, 1, 2, 3]);
}

#[test]
fn planes_are_a_series_that_names_nobody() {
    let folder = axial_ramp();
    let source = series_of(folder.path());
    let stack = Stack::of(&source).unwrap();
    let slab = Slab { mm: 5, projection: Projection::Maximum };
    let planes = stack.series_of_planes(&source, CutPlane::Coronal, slab);
    assert_eq!(planes.description.as_deref(), Some("Coronal, reformatted · MIP 5 mm"));
    assert_eq!((planes.num_frames(), planes.plane), (6, Some(Plane::Coronal)));
    let frame_ref = planes.frame_ref(4).unwrap();
    let cut = Cut::of_frame(&source, &frame_ref, slab).unwrap();
    assert_eq!(cut, Cut { plane: CutPlane::Coronal, index: 4, slab });
    assert_eq!(
        Cut::of_frame(&source, &frame_ref, THIN),
        None,
        "another thickness is another frame"
    );
    let told = format!("{planes:?}");
    assert!(!told.contains("1.2.3"), "{told}");
}

#[test]
fn planes_and_slabs_of_real_series_are_those_of_numpy() {
    let Some(data) = shared("data/studies") else { return };
    let mut volume: Option<(String, Volume)> = None;
    let mut compared = 0;
    for line in include_str!("fixtures/volume/reference.tsv").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let name = fields[0].to_owned();
        if volume.as_ref().is_none_or(|(known, _)| *known != name) {
            volume = Some((name.clone(), volume_of(&data.join(&name))));
        }
        compared += compare(&volume.as_ref().unwrap().1, &fields);
    }
    assert_eq!(compared, 12 * 9);
}

/// How many pixels were compared.
fn compare(volume: &Volume, fields: &[&str]) -> usize {
    let plane = CutPlane::ALL.into_iter().find(|plane| plane.as_str() == fields[1]).unwrap();
    let projection = [Projection::Mean, Projection::Maximum, Projection::Minimum]
        .into_iter()
        .find(|projection| projection.as_str() == fields[9])
        .unwrap();
    let slab = Slab { mm: fields[8].parse().unwrap(), projection };
    let frame = cut(volume, plane, fields[2].parse().unwrap(), slab);
    let number = |text: &str| text.parse::<f64>().unwrap();
    let near = |a: f64, b: f64, most: f64| {
        assert!((a - b).abs() <= most, "{fields:?}: {a}, numpy has {b}");
    };
    assert_eq!(volume.grid().planes(plane).count.to_string(), fields[3]);
    assert_eq!([frame.columns(), frame.rows()].map(|n| n.to_string()), [fields[4], fields[5]]);
    let geometry = &frame.info().geometry;
    near(geometry.pixel_spacing_mm.unwrap()[0], number(fields[6]), 1e-8);
    let corner: Vec<f64> = fields[7].split(',').map(number).collect();
    for (mine, theirs) in geometry.image_position_mm.unwrap().into_iter().zip(corner) {
        near(mine, theirs, 1e-4);
    }
    let pixels = (0..frame.rows()).flat_map(|row| (0..frame.columns()).map(move |col| (col, row)));
    let values: Vec<f64> = pixels
        .filter_map(|(column, row)| frame.stored(column, row))
        .filter(|value| !frame.is_padding(*value))
        .collect();
    near(values.iter().sum::<f64>() / values.len() as f64, number(fields[10]), 0.01);
    let samples = fields[11].split(' ');
    samples
        .map(|sample| {
            let (at, value) = sample.split_once('=').unwrap();
            let (column, row) = at.split_once(',').unwrap();
            let mine = frame.stored(column.parse().unwrap(), row.parse().unwrap()).unwrap();
            match value {
                "nan" => assert!(frame.is_padding(mine), "{fields:?} {at}: {mine}"),
                _ => near(mine, number(value), 0.01),
            }
        })
        .count()
}

#[test]
fn a_tilted_gantry_is_refused() {
    let Some(data) = shared("data/studies/ct/head-gantry-tilt-16") else { return };
    let why = Stack::of(&series_of(&data)).unwrap_err();
    assert!(matches!(why, NoVolume::Sheared { .. } | NoVolume::Uneven { .. }), "{why}");
    println!("{why}");
}

/// `cargo test --release --test imaging_volume -- --ignored --nocapture`
#[test]
#[ignore = "writes 150 MiB and measures"]
fn planes_of_300_slices_are_quick() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..512 * 512_u32)
        .flat_map(|n| ((n.wrapping_mul(2_654_435_761) >> 20) as u16).to_le_bytes())
        .collect();
    for slice in 0..300_u16 {
        DicomBuilder::new(512, 512, 16)
            .slice(i32::from(slice), [0.0, 0.0, f64::from(slice) * 0.5], AXIAL)
            .text((0x0008, 0x0018), "UI", &format!("1.2.{slice}"))
            .pixels(&pixels)
            .write(folder.path(), &format!("{slice}.dcm"));
    }
    let began = Instant::now();
    let volume = volume_of(folder.path());
    println!("volume of {} MiB in {:?}", volume.bytes() >> 20, began.elapsed());
    for plane in CutPlane::ALL {
        for mm in [0, 10, 40] {
            let slab = Slab { mm, projection: Projection::Maximum };
            let mut times: Vec<_> = (0..9)
                .map(|run| {
                    let began = Instant::now();
                    cut(&volume, plane, 100 + run * 7, slab);
                    began.elapsed()
                })
                .collect();
            times.sort();
            println!("{plane:?}, {mm} mm: {:?}", times[4]);
            assert!(times[4].as_millis() < 2000);
        }
    }
}

/// Standard output of the program, or its error.
fn reading_room(args: &[&str]) -> Result<String, String> {
    let program = env!("CARGO_BIN_EXE_reading-room");
    let output = std::process::Command::new(program).args(args).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[test]
fn render_writes_a_plane_as_the_window_shows_it() {
    let study = "assets/sample/ct-torso";
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("plane.png").display().to_string();
    let args = ["render", study, "--plane", "coronal", "--at", "40%", "--out", &out, "--json"];
    let slab = ["--slab", "10", "--projection", "mip", "--window", "40,400"];
    let mut told = Vec::new();
    for place in [&[][..], &["--in-process"]] {
        let report = reading_room(&[&args[..], &slab, place].concat()).unwrap();
        told.push(serde_json::from_str::<serde_json::Value>(&report).unwrap());
        let volume = volume_of(Path::new(study));
        let planes = volume.grid().planes(CutPlane::Coronal);
        let index = (0.4 * (planes.count - 1) as f64).round() as usize;
        let slab = Slab { mm: 10, projection: Projection::Maximum };
        let frame = cut(&volume, CutPlane::Coronal, index, slab);
        let voi_lut = VoiLut::Window(Window::new(40.0, 400.0));
        let shown = Grayscale { voi_lut, inverted: false }.render(&frame);
        assert_eq!(image::open(&out).unwrap().into_luma8().into_raw(), shown.pixels);
        let report = &told[0]["reformatted"];
        assert_eq!((&report["number"], &report["of"]), (&(index + 1).into(), &planes.count.into()));
        assert_eq!((&report["projection"], &report["slab_mm"]), (&"mip".into(), &10.into()));
        assert_eq!((&told[0]["plane"], &report["slices"]), (&"coronal".into(), &20.into()));
    }
    assert_eq!(told[0], told[1], "with the worker and without");
    let words = reading_room(&args[..args.len() - 1]).unwrap();
    assert!(words.contains("coronal plane "), "{words}");
}

#[test]
fn render_says_why_there_is_no_plane() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("plane.png").display().to_string();
    let why = |study: &str, rest: &[&str]| {
        let args = ["render", study, "--out", &out, "--plane", "sagittal"];
        reading_room(&[&args[..], rest].concat()).unwrap_err()
    };
    let sample = "assets/sample/ct-torso";
    let error = why("assets/sample/chest-x-ray.png", &[]);
    assert!(error.contains("Planes need at least 5 slices, and this series has 1"), "{error}");
    assert!(why(sample, &["--at", "9999"]).contains("sagittal planes"));
    assert!(why(sample, &["--series", "77"]).contains("there is no series 77"));
    assert!(why(sample, &["--at", "140%"]).contains("a share such as 40%"));
    assert!(!Path::new(&out).exists());
    let alone = reading_room(&["render", sample, "--out", &out, "--slab", "5"]).unwrap_err();
    assert!(alone.contains("--plane"), "{alone}");
}
