//! Pictures that leave the program without a window: `render` with overlays, `render --all`, and
//! what is laid over a picture, compared with pydicom's and numpy's figures.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dicom_builder::DicomBuilder;
use image::RgbImage;
use reading_room::imaging::{
    DisplayImage, FrameRef, Grayscale, LaidOver, PictureFormat, PictureNotes, Point, Shape, Turned,
    VoiLut, Window, read_frame,
};

const SLICE: &str = "assets/sample/ct-torso/10.dcm";
const INK: [u8; 3] = [0xE8, 0xEA, 0xED];
const MARK: [u8; 3] = [0xFF, 0xD8, 0x4D];

fn reading_room(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reading-room")).args(args).output().unwrap()
}

fn rendered(args: &[&str]) -> Output {
    let output = reading_room(&[&["render"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Writes a picture for people to look at, if they want to.
fn keep(name: &str, path: &Path) {
    if let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") {
        fs::create_dir_all(&folder).unwrap();
        fs::copy(path, PathBuf::from(folder).join(name)).unwrap();
    }
}

fn reference(kind: &str) -> Vec<Vec<String>> {
    let table = fs::read_to_string("tests/fixtures/pictures/reference.tsv").unwrap();
    let rows = table.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    rows.filter(|row| row[0] == kind).collect()
}

/// Keyword and text of every text chunk of a PNG.
fn texts(png: &[u8]) -> Vec<(String, String)> {
    let (mut at, mut found) = (8, Vec::new());
    while at + 8 <= png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        let (kind, content) = (&png[at + 4..at + 8], &png[at + 8..at + 8 + length]);
        if kind == b"tEXt" || kind == b"iTXt" {
            let end = content.iter().position(|byte| *byte == 0).unwrap();
            let skip = if kind == b"iTXt" { 5 } else { 1 };
            let text = String::from_utf8(content[end + skip..].to_vec()).unwrap();
            found.push((String::from_utf8(content[..end].to_vec()).unwrap(), text));
        }
        at += 12 + length;
    }
    found
}

#[test]
fn colours_and_levels_are_those_of_the_standard() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.png").display().to_string();
    let colored = folder.path().join("colored.png").display().to_string();
    let double = folder.path().join("double.png").display().to_string();
    let window = ["--window", "40,400"];
    rendered(&[&[SLICE, "--out", &plain], &window[..]].concat());
    let over = ["--overlays", "--colors", "hot-iron"];
    rendered(&[&[SLICE, "--out", &colored], &window[..], &over].concat());
    rendered(&[&[SLICE, "--out", &double, "--times", "2"], &window[..], &over].concat());
    keep("render-hot-iron.png", Path::new(&colored));
    keep("render-hot-iron-2x.png", Path::new(&double));
    let grey = image::open(&plain).unwrap();
    assert_eq!(grey.color(), image::ColorType::L8);
    let (grey, colored) = (grey.into_luma8(), image::open(&colored).unwrap().into_rgb8());
    let double = image::open(&double).unwrap().into_rgb8();
    assert_eq!((double.width(), double.height()), (1024, 1024));
    let rows = reference("pixel");
    assert!(rows.len() > 50);
    for row in rows {
        let number = |idx: usize| row[idx].parse::<u32>().unwrap();
        let (x, y) = (number(2), number(3));
        assert!(grey.get_pixel(x, y).0[0].abs_diff(number(4) as u8) <= 1, "{row:?}");
        // the palette is the standard's, whatever the last bit of the level is
        let level = ["hot-iron"].map(|name| palette(name)[usize::from(grey.get_pixel(x, y).0[0])]);
        assert_eq!(colored.get_pixel(x, y).0, level[0], "{row:?}");
        if grey.get_pixel(x, y).0[0] == number(4) as u8 {
            assert_eq!(level[0].map(u32::from), [number(5), number(6), number(7)], "{row:?}");
        }
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            assert_eq!(double.get_pixel(2 * x + dx, 2 * y + dy).0, level[0], "{row:?}");
        }
    }
}

fn palette(name: &str) -> Vec<[u8; 3]> {
    let bytes = fs::read(format!("assets/color-maps/{name}.rgb")).unwrap();
    bytes.chunks(3).map(|color| color.try_into().unwrap()).collect()
}

fn drawn(path: &str, over: &LaidOver, turned: Turned, times: u32) -> DisplayImage {
    let path = PathBuf::from(path);
    let frame_ref = FrameRef { path, sop_instance_uid: String::new(), frame_number: 1 };
    let frame = read_frame(&frame_ref).unwrap();
    over.draw(&frame, &frame.default_grayscale(), turned, times).unwrap()
}

fn rgb(image: &DisplayImage) -> RgbImage {
    RgbImage::from_raw(image.width, image.height, image.to_rgb8()).unwrap()
}

/// From the first to behind the last light pixel of each run of a row.
fn runs(image: &RgbImage, y: u32) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for x in (0..image.width()).filter(|x| image.get_pixel(*x, y).0 == INK) {
        match runs.last_mut() {
            Some(last) if last.1 == x => last.1 = x + 1,
            _ => runs.push((x, x + 1)),
        }
    }
    runs
}

/// Of the bar in the lower half, from the middle of one tick to the middle of the other.
fn bar_length(image: &RgbImage) -> u32 {
    let rows = image.height() / 2..image.height();
    let longest = |y: &u32| runs(image, *y).into_iter().max_by_key(|(from, to)| to - from);
    let row = rows.max_by_key(|y| longest(y).map_or(0, |(from, to)| to - from)).unwrap();
    let (from, to) = longest(&row).unwrap();
    // a tick is as thick as the line is beyond its end on both sides
    let letters = (f64::from(image.width().min(image.height())) / 40.0).clamp(11.0, 96.0);
    let above = row - (letters * 0.3) as u32;
    let tick = runs(image, above).into_iter().find(|run| run.0 == from);
    to - from - tick.map_or(0, |(from, to)| to - from)
}

#[test]
fn the_scale_bar_is_as_long_as_numpy_reckons() {
    let rows = reference("bar");
    assert!(rows.len() >= 8);
    for row in rows {
        let turned =
            if row[3] == "1" { Turned::default().rotated_right() } else { Turned::default() };
        let picture = drawn(&row[1], &LaidOver::default(), turned, row[2].parse().unwrap());
        assert_eq!(bar_length(&rgb(&picture)), row[5].parse::<u32>().unwrap(), "{row:?}");
    }
}

#[test]
fn a_shape_stays_on_its_pixels_however_the_picture_is_turned() {
    let ends = [Point::new(100.5, 120.5), Point::new(180.5, 300.5)];
    let shape = Shape::Rectangle(ends);
    let over = LaidOver { shapes: vec![(shape, String::new())], ..LaidOver::default() };
    let corner = |turned: Turned| turned.point(ends[0], (512, 512));
    let plain = Turned::default();
    let cases = [
        (plain, (100.5, 120.5)),
        (plain.flipped_horizontally(), (411.5, 120.5)),
        (plain.flipped_vertically(), (100.5, 391.5)),
        // clockwise: what was at the left comes to the top
        (plain.rotated_right(), (391.5, 100.5)),
        (plain.rotated_right().rotated_right(), (411.5, 391.5)),
    ];
    for (turned, wanted) in cases {
        assert_eq!((corner(turned).x, corner(turned).y), wanted, "{turned:?}");
        for times in [1, 2] {
            let picture = rgb(&drawn(SLICE, &over, turned, times));
            let bare = rgb(&drawn(SLICE, &LaidOver::default(), turned, times));
            // in the middle of the left side of the stored picture's rectangle
            let at = turned.point(Point::new(100.5, 210.5), (512, 512));
            let (x, y) = (at.x as u32 * times, at.y as u32 * times);
            let near = (0..3).flat_map(|dy| (0..3).map(move |dx| (x + dx - 1, y + dy - 1)));
            assert!(near.clone().any(|(x, y)| picture.get_pixel(x, y).0 == MARK), "{turned:?}");
            // and inside nothing changed
            let middle = turned.point(Point::new(140.0, 210.0), (512, 512));
            let (x, y) = (middle.x as u32 * times, middle.y as u32 * times);
            assert_eq!(picture.get_pixel(x, y), bare.get_pixel(x, y));
        }
    }
}

#[test]
fn small_and_large_pictures_bear_words_of_their_size() {
    let words = ["One line".to_owned(), "another, dim · ±²−µ".to_owned()];
    let over = LaidOver { corners: [(); 4].map(|()| words.to_vec()), ..LaidOver::default() };
    let empty = LaidOver::default();
    for (path, times, is_written) in
        [(SLICE, 1, true), (SLICE, 4, true), ("tests/fixtures/measure/anisotropic.dcm", 1, false)]
    {
        let (with, bare) = (
            drawn(path, &over, Turned::default(), times),
            drawn(path, &empty, Turned::default(), times),
        );
        let (with, bare) = (rgb(&with), rgb(&bare));
        let changed =
            with.enumerate_pixels().filter(|(x, y, pixel)| bare.get_pixel(*x, *y) != *pixel);
        let places: Vec<(u32, u32)> = changed.map(|(x, y, _)| (x, y)).collect();
        assert_eq!(!places.is_empty(), is_written, "{path} {times}");
        // what is in a corner stays there
        let (width, height) = (with.width(), with.height());
        let is_outer = |at: u32, len: u32| at < len / 2 || at >= len - len / 2;
        assert!(places.iter().all(|(x, y)| is_outer(*x, width) && is_outer(*y, height)));
        let middle = width * 45 / 100..width * 55 / 100;
        assert!(!places.iter().any(|(x, _)| middle.contains(x)), "{path} {times}");
        if is_written {
            let light = with.pixels().filter(|pixel| pixel.0 == INK).count();
            assert!(light > 20 * times as usize, "{light}");
        }
    }
}

#[test]
fn a_file_says_what_it_is_and_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("named.dcm");
    let pixels: Vec<u8> = (0..128_u16 * 128).flat_map(|n| (n % 2000).to_le_bytes()).collect();
    DicomBuilder::new(128, 128, 16)
        .text((0x0010, 0x0010), "PN", "Muster^Erika")
        .text((0x0010, 0x0020), "LO", "PID-4711")
        .text((0x0028, 0x0301), "CS", "YES")
        .text((0x0028, 0x1050), "DS", "-300")
        .text((0x0028, 0x1051), "DS", "800")
        .slice(1, [0.0; 3], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
        .pixels(&pixels)
        .write(folder.path(), "named.dcm");
    let named = named.display().to_string();
    let png = folder.path().join("out.png").display().to_string();
    let jpeg = folder.path().join("out.jpg").display().to_string();
    let warned = rendered(&[&named, "--out", &png, "--overlays"]);
    let warned = String::from_utf8(warned.stderr).unwrap();
    assert!(warned.contains("Text is burned into the pixels, as the file says"), "{warned}");
    keep("render-small.png", Path::new(&png));
    rendered(&[&named, "--out", &jpeg, "--overlays"]);
    let (png, jpeg) = (fs::read(&png).unwrap(), fs::read(&jpeg).unwrap());
    let texts = texts(&png);
    let text = |key: &str| texts.iter().find(|(known, _)| known == key).unwrap().1.clone();
    assert_eq!(text("Software"), concat!("Reading Room ", env!("CARGO_PKG_VERSION")));
    assert_eq!(text("Window"), "W 800 L −300");
    assert!(text("Disclaimer").contains("Research use only"));
    assert!(jpeg.starts_with(&[0xFF, 0xD8, 0xFF, 0xE0]));
    for bytes in [&png, &jpeg] {
        let words = String::from_utf8_lossy(bytes);
        assert!(words.contains("Research use only") && words.contains("W 800 L −300"));
        assert!(!words.contains("Muster") && !words.contains("4711") && !words.contains("1.2.3"));
    }
    // both decoders of the outside take them
    let (lossless, lossy) =
        (image::load_from_memory(&png).unwrap(), image::load_from_memory(&jpeg).unwrap());
    let (a, b) = (lossless.into_rgb8(), lossy.into_rgb8());
    let apart: u64 =
        a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(apart / (a.as_raw().len() as u64) < 8, "{apart}");
}

#[test]
fn every_slice_of_a_series_becomes_a_numbered_picture() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("all");
    let to = out.display().to_string();
    let study = "assets/sample/ct-torso";
    let output = rendered(&[study, "--all", "--out", &to, "--window", "lung", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["pictures"], &report["modality"]), (&20.into(), &"CT".into()));
    let mut names: Vec<_> = out
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let wanted: Vec<String> = (1..=20).map(|n| format!("{n:04}.png")).collect();
    assert_eq!(names, wanted);
    // each is what one alone is: slices are sorted by place, so all files together are compared
    let single = folder.path().join("one.png").display().to_string();
    let mut left: Vec<Vec<u8>> =
        names.iter().map(|name| image::open(out.join(name)).unwrap().into_bytes()).collect();
    for file in (1..=20).map(|n| format!("{study}/{n:02}.dcm")) {
        rendered(&[&file, "--out", &single, "--window", "lung"]);
        let picture = image::open(&single).unwrap().into_bytes();
        left.retain(|other| *other != picture);
    }
    assert!(left.is_empty(), "{} pictures are no slice's", left.len());
    let again = reading_room(&["render", study, "--all", "--out", &to]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));
    let none = folder.path().join("none").display().to_string();
    for (args, words) in [
        (&["render", study, "--all", "--series", "99", "--out", &none][..], "no series 99"),
        (&["render", "no/such", "--all", "--out", &none], "no such file or folder"),
    ] {
        let output = reading_room(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(words), "{error}");
    }
    assert!(!Path::new(&none).exists());
    for args in [
        &["render", study, "--all", "--plane", "axial", "--out", &none][..],
        &["render", SLICE, "--times", "2", "--out", &none],
        &["render", SLICE, "--overlays", "--crop", "1,1,9,9", "--out", &none],
        &["render", SLICE, "--overlays", "--colors", "pink", "--out", &none],
        &["render", SLICE, "--series", "1", "--out", &none],
    ] {
        assert_eq!(reading_room(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_picture_is_never_larger_than_a_side_may_be() {
    let frame_ref =
        FrameRef { path: SLICE.into(), sop_instance_uid: String::new(), frame_number: 1 };
    let frame = read_frame(&frame_ref).unwrap();
    let window = VoiLut::Window(Window::new(40.0, 400.0));
    let grayscale = Grayscale { voi_lut: window, inverted: false };
    let over = LaidOver::default();
    assert!(over.draw(&frame, &grayscale, Turned::default(), 33).is_none());
    assert_eq!(PictureFormat::of(Path::new("a.JPEG")), Some(PictureFormat::Jpeg));
    assert_eq!(PictureFormat::of(Path::new("a.gif")), None);
    // without notes the file has none of their chunks
    let picture = grayscale.render(&frame);
    let png = picture.to_file(PictureFormat::Png, &PictureNotes::default()).unwrap();
    assert!(texts(&png).is_empty());
    assert_eq!(png, picture.to_png().unwrap());
}
