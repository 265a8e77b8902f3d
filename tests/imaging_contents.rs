//! Elements, reports and encapsulated documents: against pydicom's reading and small made-up files.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;
#[path = "support/shared.rs"]
mod shared;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dicom_builder::{DicomBuilder, element, item};
use reading_room::imaging::{
    Aspect, Contents, Document, DocumentKind, ElementFilter, FileElements, FrameGeometry, HIDDEN,
    ImagePlane, LineKind, Segmentation, Turned, read_contents,
};
use shared::shared;

const FIXTURES: &str = "tests/fixtures/contents";

fn elements(path: &Path) -> FileElements {
    match read_contents(path, Aspect::Elements).unwrap() {
        Contents::Elements(elements) => elements,
        other => panic!("{other:?}"),
    }
}

fn document(path: &Path) -> Document {
    match read_contents(path, Aspect::Document).unwrap() {
        Contents::Document(document) => *document,
        other => panic!("{other:?}"),
    }
}

/// Lines of a table, by their first cell.
fn table(name: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut files: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for line in fs::read_to_string(Path::new(FIXTURES).join(name)).unwrap().lines() {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        files.entry(cells[0].clone()).or_default().push(cells[1..].to_vec());
    }
    files
}

#[test]
fn elements_are_those_that_pydicom_reads() {
    let Some(studies) = shared("data/studies") else { return };
    let mut compared = 0;
    for (file, expected) in table("elements.tsv") {
        let rows = elements(&studies.join(&file)).rows;
        assert_eq!(rows.len(), expected.len(), "{file}");
        for (row, cells) in rows.iter().zip(&expected) {
            let [depth, number, vr, name, value] = cells.as_slice() else { panic!("{cells:?}") };
            let ours = format!("{:04X},{:04X}", row.number[0], row.number[1]);
            assert_eq!((&ours, &row.depth.to_string()), (number, depth), "{file} {row:?}");
            // pixels are 8 or 16 bits wide by what is said elsewhere; the walk leaves that open
            if number != "7FE0,0010" {
                assert_eq!(&row.vr, vr, "{file} {row:?}");
            }
            let called = if row.keyword.is_empty() { &row.name } else { &row.keyword };
            assert_eq!(called, name, "{file} {row:?}");
            if value != "-" {
                let ours = row.value.split_whitespace().collect::<Vec<_>>().join(" ");
                assert_eq!(&ours, value, "{file} {row:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 400, "{compared}");
}

#[test]
fn report_lines_are_those_that_pydicom_reads() {
    let Some(studies) = shared("data/studies") else { return };
    for (file, expected) in table("reports.tsv") {
        let lines = document(&studies.join(&file)).lines;
        let ours: Vec<Vec<String>> = lines
            .iter()
            .map(|line| vec![line.depth.to_string(), line.name.clone(), line.value.clone()])
            .collect();
        assert_eq!(ours, expected, "{file}");
    }
}

#[test]
fn a_report_says_what_it_is_and_what_identifies() {
    let Some(studies) = shared("data/studies/seg-sr-rt-other") else { return };
    let report = document(&studies.join("sr_document.dcm"));
    assert_eq!(report.kind, DocumentKind::Report);
    assert_eq!(report.title.value, "Imaging Measurement Report");
    let line = |name: &str| report.lines.iter().find(|line| line.name == name).unwrap();
    assert_eq!(line("Person Observer Name").shown_value(true), HIDDEN);
    assert_eq!(line("Area of defined region").shown_value(true), "1.7 cm2");
    assert_eq!(line("Finding").shown_value(true), "Spinal cord");
    assert_eq!(line("Imaging Measurements").kind, LineKind::Heading);
    assert_eq!(report.references.len(), 1);
    assert_eq!(line("Source Image").reference, Some(0));
    let date = report.facts.iter().find(|fact| fact.name == "Content date").unwrap();
    assert_eq!((date.value.as_str(), date.shown_value(true)), ("20190317", HIDDEN));
}

fn sequence(tag: (u16, u16), items: &[Vec<u8>]) -> Vec<u8> {
    let content: Vec<u8> = items.iter().flat_map(|content| item(content)).collect();
    element(tag, "SQ", &content)
}

/// A slice with a private block, a private sequence and a name in a sequence.
fn with_private(folder: &Path) -> PathBuf {
    let inside = [
        element((0x0009, 0x0010), "LO", b"INNER"),
        element((0x0009, 0x1001), "LO", b"deep secret"),
    ]
    .concat();
    let physician = [
        element((0x0008, 0x0080), "LO", b"Some Clinic"),
        element((0x0040, 0x1101), "SQ", &item(&element((0x0008, 0x0104), "LO", b"Dr. House"))),
    ]
    .concat();
    let path = folder.join("private.dcm");
    let builder = DicomBuilder::new(2, 2, 16)
        .text((0x0010, 0x0010), "PN", "Doe^Jane")
        .text((0x0010, 0x0030), "DA", "19700131")
        .text((0x0018, 0x0050), "DS", "2.5")
        .text((0x0009, 0x0010), "LO", "ACME 1.0")
        .text((0x0009, 0x1001), "LO", "a serial number")
        .bytes((0x0009, 0x1002), "OB", &[0xDE, 0xAD])
        .bytes((0x0009, 0x1003), "SQ", &item(&inside))
        .bytes((0x0008, 0x0096), "SQ", &item(&physician))
        .pixels(&[0; 8]);
    fs::write(&path, builder.build()).unwrap();
    path
}

#[test]
fn private_elements_have_their_creator_and_are_left_out_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let file = elements(&with_private(folder.path()));
    let named = |name: &str| file.rows.iter().filter(|row| row.name == name).count();
    assert_eq!((named("Private Creator"), named("[ACME 1.0]"), named("[INNER]")), (2, 3, 1));
    let bytes = file.rows.iter().find(|row| row.number == [0x0009, 0x1002]).unwrap();
    assert_eq!((bytes.value.as_str(), bytes.length), ("DE AD", Some(2)));
    let filter = ElementFilter { private: true, ..ElementFilter::default() };
    assert_eq!(file.shown(&filter).len(), file.rows.len());
    let shown = file.shown(&ElementFilter::default());
    assert_eq!(file.rows.len() - shown.len(), 7);
    assert!(shown.iter().all(|idx| file.rows[*idx].number[0].is_multiple_of(2)));
}

#[test]
fn privacy_hides_what_the_profile_changes_and_does_not_find_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = elements(&with_private(folder.path()));
    let text: Vec<String> = file.rows.iter().map(|row| row.line(true)).collect();
    let text = text.join("\n");
    for secret in ["Doe", "19700131", "serial", "secret", "Clinic", "House", "DE AD", "1.2.3.4"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    for plain in ["Slice Thickness: 2.5", "Modality: CT", "Rows: 2", "Transfer Syntax UID: 1.2.840"]
    {
        assert!(text.contains(plain), "{plain} in\n{text}");
    }
    let search = |search: &str, privacy| {
        let filter = ElementFilter { search: search.to_owned(), private: true, privacy };
        file.shown(&filter).len()
    };
    assert_eq!((search("doe", false), search("doe", true)), (1, 0));
    assert_eq!((search("2.5", false), search("2.5", true)), (1, 1));
    // by number in two spellings, by keyword, by name
    assert_eq!((search("(0018,0050)", true), search("00180050", true)), (1, 1));
    assert_eq!((search("slicethick", true), search("Slice thick", true)), (1, 1));
    // with the sequences and items around it
    assert_eq!(search("house", false), 5);
    assert_eq!(search("nothing of that", false), 0);
}

#[test]
fn key_images_are_listed_once_each_with_their_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ko.dcm");
    let image = |uid: &[u8], frames: Option<&[u8]>| {
        let mut referenced = element((0x0008, 0x1155), "UI", uid);
        if let Some(frames) = frames {
            referenced.extend(element((0x0008, 0x1160), "IS", frames));
        }
        [
            sequence((0x0008, 0x1199), &[referenced]),
            element((0x0040, 0xA010), "CS", b"CONTAINS"),
            element((0x0040, 0xA040), "CS", b"IMAGE"),
        ]
        .concat()
    };
    let code = element((0x0008, 0x0104), "LO", b"Of Interest");
    let items =
        [image(b"1.2.9.1", None), image(b"1.2.9.2", Some(b"3\\5")), image(b"1.2.9.1", None)];
    let content: Vec<u8> = items.iter().flat_map(|content| item(content)).collect();
    let bytes = DicomBuilder::new(1, 1, 16)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.88.59")
        .text((0x0008, 0x0060), "CS", "KO")
        .text((0x0040, 0xA040), "CS", "CONTAINER")
        .bytes((0x0040, 0xA043), "SQ", &item(&code))
        .bytes((0x0040, 0xA730), "SQ", &content)
        .build();
    fs::write(&path, bytes).unwrap();
    let selection = document(&path);
    assert_eq!(selection.kind, DocumentKind::KeyObjects);
    assert_eq!(selection.title.value, "Of Interest");
    assert_eq!(selection.lines.len(), 4);
    let named: Vec<(&str, Option<u32>)> = selection
        .references
        .iter()
        .map(|image| (image.sop_instance_uid.as_str(), image.frame_number))
        .collect();
    assert_eq!(named, [("1.2.9.1", None), ("1.2.9.2", Some(3)), ("1.2.9.2", Some(5))]);
    let places: Vec<_> = selection.lines.iter().map(|line| line.reference).collect();
    assert_eq!(places, [Some(0), Some(1), Some(2), Some(0)]);
}

/// A PDF of odd length, with the length told or not.
fn with_pdf(folder: &Path, name: &str, told: bool) -> PathBuf {
    let path = folder.join(name);
    let mut builder = DicomBuilder::new(1, 1, 16)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.104.1")
        .text((0x0042, 0x0010), "ST", "A letter about Jane")
        .bytes((0x0042, 0x0011), "OB", b"%PDF-1.4 small\n")
        .text((0x0042, 0x0012), "LO", "application/pdf");
    if told {
        builder = builder.bytes((0x0042, 0x0015), "UL", &15_u32.to_le_bytes());
    }
    fs::write(&path, builder.build()).unwrap();
    path
}

#[test]
fn an_encapsulated_document_comes_out_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    for (name, told) in [("told.dcm", true), ("not.dcm", false)] {
        let path = with_pdf(folder.path(), name, told);
        let found = read_contents(&path, Aspect::Embedded).unwrap();
        assert_eq!(found, Contents::Embedded(b"%PDF-1.4 small\n".to_vec()), "{name}");
        let letter = document(&path);
        assert_eq!(letter.kind, DocumentKind::Pdf);
        assert_eq!(letter.title.value, "A letter about Jane");
        assert_eq!(letter.title.shown_value(true), HIDDEN);
        let embedded = letter.embedded.unwrap();
        assert_eq!((embedded.media_type.as_str(), embedded.bytes), ("application/pdf", 15));
    }
    let plain = folder.path().join("plain.dcm");
    fs::write(&plain, DicomBuilder::new(1, 1, 16).pixels(&[0; 2]).build()).unwrap();
    let error = read_contents(&plain, Aspect::Embedded).unwrap_err().to_string();
    assert!(error.contains("no encapsulated document"), "{error}");
}

#[test]
fn what_is_no_dicom_file_and_what_is_cut_off_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a study").unwrap();
    assert!(read_contents(&text, Aspect::Elements).is_err());
    assert!(read_contents(&folder.path().join("none"), Aspect::Elements).is_err());
    // every beginning of a file either fails or gives some rows
    let whole = fs::read(with_private(folder.path())).unwrap();
    let path = folder.path().join("part.dcm");
    let mut most = 0;
    for len in (0..whole.len()).step_by(3) {
        fs::write(&path, &whole[..len]).unwrap();
        if let Ok(Contents::Elements(found)) = read_contents(&path, Aspect::Elements) {
            most = most.max(found.rows.len());
        }
    }
    assert!(most > 20, "{most}");
}

fn reading_room(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_reading-room")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn inspect_lists_elements_and_finds_some() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_private(folder.path());
    let path = path.to_str().unwrap();
    let (ok, out, err) = reading_room(&["inspect", path, "--tags"]);
    assert!(ok && out.contains("(0010,0010) PN Patient Name: Doe^Jane"), "{out}{err}");
    let (_, out, _) = reading_room(&["inspect", path, "--tags", "--search", "thickness"]);
    assert_eq!(out.trim(), "(0018,0050) DS Slice Thickness: 2.5");
    let (_, out, _) = reading_room(&["inspect", path, "--tags", "--search", "thickness", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let row = &report["files"][0]["elements"][0];
    assert_eq!(row["tag"], "(0018,0050)");
    assert_eq!((&row["keyword"], &row["identifying"]), (&"SliceThickness".into(), &false.into()));
    let (ok, _, err) = reading_room(&["inspect", folder.path().to_str().unwrap(), "--tags"]);
    assert!(!ok && err.contains("this is a folder"), "{err}");
    let (ok, ..) = reading_room(&["inspect", path, "--search", "thickness"]);
    assert!(!ok, "--search without --tags");
}

#[test]
fn inspect_prints_documents_and_writes_what_is_inside() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_pdf(folder.path(), "letter.dcm", true);
    let path = path.to_str().unwrap();
    let (ok, out, err) = reading_room(&["inspect", path]);
    assert!(ok && out.contains("PDF document: (hidden)") && !out.contains("Jane"), "{out}{err}");
    let (_, out, _) = reading_room(&["inspect", path, "--full-text"]);
    assert!(out.contains("PDF document: A letter about Jane"), "{out}");
    assert!(out.contains("application/pdf of 15 bytes"), "{out}");
    let to = folder.path().join("letter.pdf");
    let to = to.to_str().unwrap();
    let (ok, out, err) = reading_room(&["inspect", path, "--extract", to]);
    assert!(ok && out.contains("15 bytes"), "{out}{err}");
    assert_eq!(fs::read(to).unwrap(), b"%PDF-1.4 small\n");
    // nothing is written over
    let (ok, _, err) = reading_room(&["inspect", path, "--extract", to]);
    assert!(!ok && err.contains("can't be written"), "{err}");
    let Some(studies) = shared("data/studies/seg-sr-rt-other") else { return };
    let report = studies.join("sr_document.dcm");
    let (_, out, _) = reading_room(&["inspect", report.to_str().unwrap(), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["documents"][0]["title"], "Imaging Measurement Report");
    assert!(out.contains("1.7 cm2") && !out.contains("Foo"), "{out}");
}

fn segmentation(path: &Path) -> Segmentation {
    match read_contents(path, Aspect::Segmentation).unwrap() {
        Contents::Segmentation(found) => *found,
        other => panic!("{other:?}"),
    }
}

/// Pixels inside closed lines, by Gauss's area formula; holes count less.
fn area(outlines: &[Vec<[u16; 2]>]) -> f64 {
    let of = |corners: &Vec<[u16; 2]>| {
        let next = corners.iter().cycle().skip(1);
        let pairs = corners.iter().zip(next);
        let cross = pairs.map(|([ax, ay], [bx, by])| {
            f64::from(*ax) * f64::from(*by) - f64::from(*bx) * f64::from(*ay)
        });
        cross.sum::<f64>() / 2.0
    };
    outlines.iter().map(of).sum()
}

fn length(outlines: &[Vec<[u16; 2]>]) -> u32 {
    let of = |corners: &Vec<[u16; 2]>| {
        let pairs = corners.iter().zip(corners.iter().cycle().skip(1));
        pairs
            .map(|(a, b)| u32::from(a[0].abs_diff(b[0])) + u32::from(a[1].abs_diff(b[1])))
            .sum::<u32>()
    };
    outlines.iter().map(of).sum()
}

#[test]
fn outlines_hold_the_pixels_that_numpy_counts() {
    let Some(studies) = shared("data/studies") else { return };
    for (file, expected) in table("segments.tsv") {
        let found = segmentation(&studies.join(&file));
        assert_eq!(found.frames.len(), expected.len(), "{file}");
        for (frame, cells) in found.frames.iter().zip(&expected) {
            let [segment, pixels, edges, source, place] = cells.as_slice() else {
                panic!("{cells:?}")
            };
            assert_eq!(&frame.segment.to_string(), segment);
            assert_eq!(&format!("{:.0}", area(&frame.outlines)), pixels, "{file}");
            assert_eq!(&length(&frame.outlines).to_string(), edges, "{file}");
            assert_eq!(&frame.sources[0].sop_instance_uid, source);
            let position = frame.geometry.image_position_mm.unwrap();
            assert_eq!(&position.map(|part| format!("{part:.3}")).join(","), place);
        }
    }
    let liver = segmentation(&studies.join("seg-sr-rt-other/liver_1frame.dcm"));
    assert_eq!(liver.segments[0].label, "Liver");
    // L* 63.6, a* 32.2, b* 30.7 by (41661, 41167, 40792)
    let [red, green, blue] = liver.segments[0].color;
    assert!(red > 200 && (100..150).contains(&green) && (80..130).contains(&blue));
}

/// Four rows of six: a block with a hole, and a pixel that touches it at a corner.
fn fractional(folder: &Path) -> PathBuf {
    let path = folder.join("seg.dcm");
    let shape = b"###...\
                  #.#...\
                  ###...\
                  ...#..";
    let pixels: Vec<u8> = shape.iter().map(|c| if *c == b'#' { 128 } else { 127 }).collect();
    let decimal = |tag, text: &str| element(tag, "DS", text.as_bytes());
    let orientation = item(&decimal((0x0020, 0x0037), "1\\0\\0\\0\\1\\0"));
    let spacing = item(&decimal((0x0028, 0x0030), "2\\1"));
    let position = item(&decimal((0x0020, 0x0032), "10\\20\\30"));
    let number = item(&element((0x0062, 0x000B), "US", &[2, 0]));
    let common =
        [element((0x0020, 0x9116), "SQ", &orientation), element((0x0028, 0x9110), "SQ", &spacing)]
            .concat();
    let own =
        [element((0x0020, 0x9113), "SQ", &position), element((0x0062, 0x000A), "SQ", &number)]
            .concat();
    let segment =
        [element((0x0062, 0x0004), "US", &[2, 0]), element((0x0062, 0x0005), "LO", b"Ring")]
            .concat();
    let bytes = DicomBuilder::new(4, 6, 8)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.66.4")
        .text((0x0008, 0x0060), "CS", "SEG")
        .text((0x0020, 0x0052), "UI", "1.2.6")
        .text((0x0062, 0x0001), "CS", "FRACTIONAL")
        .bytes((0x0062, 0x0002), "SQ", &item(&segment))
        .bytes((0x0062, 0x000E), "US", &[255, 0])
        .bytes((0x5200, 0x9229), "SQ", &item(&common))
        .bytes((0x5200, 0x9230), "SQ", &item(&own))
        .pixels(&pixels)
        .build();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn outlines_go_round_holes_and_lie_where_their_pixels_do() {
    let folder = tempfile::tempdir().unwrap();
    let found = segmentation(&fractional(folder.path()));
    let frame = &found.frames[0];
    assert_eq!((frame.segment, found.segments[0].label.as_str()), (2, "Ring"));
    let mut sizes: Vec<(usize, String)> = frame
        .outlines
        .iter()
        .map(|one| (one.len(), format!("{:.0}", area(std::slice::from_ref(one)))))
        .collect();
    sizes.sort();
    let owned = |n, text: &str| (n, text.to_owned());
    assert_eq!(sizes, [owned(4, "-1"), owned(4, "1"), owned(4, "9")]);

    // an image of half the spacing along its rows, whose first pixel lies one further left
    let geometry = |z: f64| FrameGeometry {
        image_position_mm: Some([9.0, 20.0, z]),
        image_orientation: Some([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
        pixel_spacing_mm: Some([2.0, 0.5]),
    };
    let on = |geometry: &FrameGeometry, space: &str| {
        found.on(&ImagePlane {
            sop_instance_uid: "1.2.7",
            frame_number: 1,
            geometry: Some(geometry),
            size: [20, 20],
            frame_of_reference_uid: Some(space),
            reach_mm: 0.5,
        })
    };
    let near = geometry(30.4);
    let lines = on(&near, "1.2.6");
    let largest = lines.iter().max_by(|a, b| a.1[0][0].total_cmp(&b.1[0][0]));
    assert_eq!((lines.len(), largest.unwrap().0), (3, 2));
    let all: Vec<[f64; 2]> = lines.into_iter().flat_map(|(_, corners)| corners).collect();
    let range = |axis: usize| {
        let values = all.iter().map(|corner| corner[axis]);
        let (least, most) = (values.clone().fold(f64::MAX, f64::min), values.fold(0.0, f64::max));
        format!("{least:.2} {most:.2}")
    };
    // the left edge: (10 − 0.5 − 9) / 0.5 + 0.5; four columns of a millimetre are eight of these
    assert_eq!((range(0), range(1)), ("1.50 9.50".to_owned(), "0.00 4.00".to_owned()));
    assert!(on(&geometry(31.0), "1.2.6").is_empty(), "too far away");
    assert!(on(&near, "1.2.5").is_empty(), "another frame of reference");
    let across = FrameGeometry { image_orientation: Some([1.0, 0.0, 0.0, 0.0, 0.0, -1.0]), ..near };
    assert!(on(&across, "1.2.6").is_empty());
}

#[test]
fn a_presentation_state_gives_window_and_marks() {
    let Some(studies) = shared("data/studies/seg-sr-rt-other") else { return };
    let state = document(&studies.join("gsps_lung_window.dcm"));
    assert_eq!(state.kind, DocumentKind::PresentationState);
    let presentation = state.presentation.unwrap();
    let window = presentation.windows[0].window;
    assert_eq!((window.center, window.width), (-600.0, 1500.0));
    assert!(!presentation.inverse && presentation.not_taken.is_empty());
    assert_eq!(presentation.turned, Turned::default());
    // the file names no image: it is for none
    assert!(!presentation.is_for("1.2.3", 1));
    let marks = &presentation.marks[0];
    assert_eq!(marks.texts, [("Region of interest".to_owned(), [200.0, 180.0])]);
    for [x, y] in &marks.lines[0] {
        let radius = (x - 220.0).hypot(y - 200.0);
        assert!((radius - 30.0).abs() < 0.01, "{radius}");
    }
}

/// A presentation state of frame 2 of one image and of all of another.
fn with_presentation(folder: &Path) -> PathBuf {
    let image = |uid: &[u8], frame: Option<&[u8]>| {
        let mut image = element((0x0008, 0x1155), "UI", uid);
        if let Some(frame) = frame {
            image.extend(element((0x0008, 0x1160), "IS", frame));
        }
        item(&image)
    };
    let both = [image(b"1.2.9.1", Some(b"2")), image(b"1.2.9.2", None)].concat();
    let floats = |tag, values: &[f32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        element(tag, "FL", &bytes)
    };
    let graphic = |kind: &[u8], units: &[u8], points: &[f32]| {
        item(
            &[
                element((0x0070, 0x0005), "CS", units),
                floats((0x0070, 0x0022), points),
                element((0x0070, 0x0023), "CS", kind),
            ]
            .concat(),
        )
    };
    let graphics = [
        graphic(b"POLYLINE", b"PIXEL", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        graphic(b"POINT", b"PIXEL", &[7.0, 8.0]),
        graphic(b"ELLIPSE", b"PIXEL", &[0.0, 10.0, 8.0, 10.0, 4.0, 8.0, 4.0, 12.0]),
        graphic(b"POLYLINE", b"DISPLAY", &[0.1, 0.1, 0.2, 0.2]),
    ]
    .concat();
    let only_second = image(b"1.2.9.2", None);
    let window = [
        element((0x0008, 0x1140), "SQ", &only_second),
        element((0x0028, 0x1050), "DS", b"50"),
        element((0x0028, 0x1051), "DS", b"350"),
    ]
    .concat();
    let path = folder.join("state.dcm");
    let bytes = DicomBuilder::new(1, 1, 16)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.11.1")
        .text((0x0008, 0x0060), "CS", "PR")
        .bytes((0x0008, 0x1115), "SQ", &item(&element((0x0008, 0x1140), "SQ", &both)))
        .bytes((0x0028, 0x3110), "SQ", &item(&window))
        .bytes((0x0070, 0x0001), "SQ", &item(&element((0x0070, 0x0009), "SQ", &graphics)))
        .text((0x0070, 0x0041), "CS", "Y")
        .words((0x0070, 0x0042), &[90])
        .text((0x2050, 0x0020), "CS", "INVERSE")
        .build();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_presentation_state_is_for_the_frames_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let state = document(&with_presentation(folder.path())).presentation.unwrap();
    assert!(state.inverse);
    assert_eq!(state.turned, Turned::default().rotated_right().flipped_horizontally());
    let frames = [("1.2.9.1", 1), ("1.2.9.1", 2), ("1.2.9.2", 1), ("1.2.9.3", 1)];
    assert_eq!(frames.map(|(uid, n)| state.is_for(uid, n)), [false, true, true, false]);
    let widths = frames.map(|(uid, n)| state.window_of(uid, n).map(|window| window.width));
    assert_eq!(widths, [None, None, Some(350.0), None]);
    assert_eq!(frames.map(|(uid, n)| state.marks_on(uid, n).count()), [0, 1, 1, 0]);
    let marks = &state.marks[0];
    assert_eq!(marks.lines[0], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    assert_eq!(marks.points, [[7.0, 8.0]]);
    for [x, y] in &marks.lines[1] {
        let on = ((x - 4.0) / 4.0).powi(2) + ((y - 10.0) / 2.0).powi(2);
        assert!((on - 1.0).abs() < 1e-4, "{on}");
    }
    assert_eq!(state.not_taken, ["marks placed on the screen"]);
}
