//! De-identified export: nothing that names the patient is left, and the pixels are.
#![expect(clippy::unwrap_used, reason = "a broken test should fail loudly")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/dicom_builder.rs"]
mod dicom_builder;
#[path = "support/shared.rs"]
mod shared;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use dicom_builder::{DicomBuilder, element, item};
use dicom_core::{
    DataDictionary as _, Tag, VR, dictionary::DataDictionaryEntry as _, header::Header as _,
};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_object::{InMemDicomObject, OpenFileOptions};
use reading_room::imaging::{
    Deidentified, DeidentifyError, DeidentifyOptions, FrameRef, deidentify, read_frame,
};
use serde_json::Value;
use shared::shared;

/// How long the files of the shared folder may take.
const ENOUGH: Duration = Duration::from_secs(20);

/// Everything in here names the patient, the place, the time or the things of the examination.
const SECRETS: &[&str] = &[
    "Sparrow",
    "Jacqueline",
    "MRN-48151",
    "19620229",
    "20240517",
    "101112.5",
    "ACC-99021",
    "St. Erna",
    "Dr. Quill",
    "1.2.826.77.",
    "Nightingale",
    "SN-7345",
    "private words",
    "Overlay words",
    "trailing words",
];

fn uid(last: u32) -> String {
    format!("1.2.826.77.{last}")
}

fn explicit(tag: (u16, u16), vr: &str, text: &str) -> Vec<u8> {
    element(tag, vr, text.as_bytes())
}

/// A slice whose header is full of secrets, on every level.
fn secret_slice(number: u32) -> DicomBuilder {
    let names_somebody = [
        explicit((0x0008, 0x0050), "SH", "ACC-99021"),
        explicit((0x0010, 0x0010), "PN", "Sparrow^Jacqueline"),
        explicit((0x0011, 0x0010), "LO", "private words"),
        explicit((0x0020, 0x000D), "UI", &uid(1)),
    ];
    let deep = element((0x0040, 0x0275), "SQ", &item(&names_somebody.concat()));
    let source = [
        explicit((0x0008, 0x1150), "UI", "1.2.840.10008.5.1.4.1.1.2"),
        explicit((0x0008, 0x1155), "UI", &uid(500)),
        explicit((0x0010, 0x0020), "LO", "MRN-48151"),
        deep.clone(),
    ];
    let view = [
        explicit((0x0008, 0x0100), "SH", "T-D1100"),
        explicit((0x0008, 0x0102), "SH", "SRT"),
        explicit((0x0008, 0x0104), "LO", "Head of Sparrow"),
        explicit((0x0008, 0x0105), "CS", "DCMR"),
        explicit((0x0008, 0x0106), "DT", "20240517101112"),
    ];
    DicomBuilder::new(4, 4, 16)
        .text((0x0008, 0x0008), "CS", "ORIGINAL\\PRIMARY\\AXIAL")
        .text((0x0008, 0x0018), "UI", &uid(100 + number))
        .text((0x0008, 0x0020), "DA", "20240517")
        .text((0x0008, 0x0023), "DA", "20240517")
        .text((0x0008, 0x0030), "TM", "101112.5")
        .text((0x0008, 0x0050), "SH", "ACC-99021")
        .text((0x0008, 0x0070), "LO", "Maker")
        .text((0x0008, 0x0080), "LO", "St. Erna")
        .text((0x0008, 0x0090), "PN", "Dr. Quill")
        .text((0x0008, 0x1030), "LO", "Sparrow, follow-up")
        .bytes((0x0008, 0x2112), "SQ", &item(&source.concat()))
        .bytes((0x0008, 0x2218), "SQ", &item(&view.concat()))
        .text((0x0009, 0x0010), "LO", "NIGHTINGALE")
        .text((0x0009, 0x1001), "LO", "Nightingale")
        .text((0x0010, 0x0010), "PN", "Sparrow^Jacqueline")
        .text((0x0010, 0x0020), "LO", "MRN-48151")
        .text((0x0010, 0x0030), "DA", "19620229")
        .text((0x0010, 0x0040), "CS", "F")
        .text((0x0010, 0x1010), "AS", "062Y")
        .text((0x0018, 0x0050), "DS", "2.5")
        .text((0x0018, 0x1000), "LO", "SN-7345")
        .text((0x0018, 0x1210), "SH", "B40 Sparrow")
        .text((0x0020, 0x000D), "UI", &uid(1))
        .text((0x0020, 0x000E), "UI", &uid(2))
        .text((0x0020, 0x0011), "IS", "7")
        .text((0x0020, 0x0052), "UI", &uid(3))
        .slice(
            i32::try_from(number).unwrap(),
            [0.0, 0.0, f64::from(number)],
            [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        )
        .text((0x0028, 0x0301), "CS", "NO")
        .bytes((0x0040, 0x0275), "SQ", &item(&names_somebody.concat()))
        .text((0x0040, 0xA123), "PN", "Nightingale^Florence")
        .bytes((0x6000, 0x3000), "OW", b"Overlay words")
        .pixels(&pixels())
        .text((0xFFFC, 0xFFFC), "OB", "trailing words")
}

fn pixels() -> Vec<u8> {
    (0..32).map(|value| value * 7).collect()
}

/// File meta information that also names things, before the rest of the file.
fn with_meta(file: &[u8], number: u32) -> Vec<u8> {
    let meta = [
        explicit((0x0002, 0x0002), "UI", "1.2.840.10008.5.1.4.1.1.7"),
        explicit((0x0002, 0x0003), "UI", &uid(100 + number)),
    ];
    let later = explicit((0x0002, 0x0016), "AE", "Nightingale");
    let end_of_syntax = 132 + 8 + 20;
    let mut bytes = b"Sparrow, Jacqueline ".to_vec();
    bytes.resize(128, 0);
    bytes.extend(&file[128..132]);
    bytes.extend(meta.concat());
    bytes.extend(&file[132..end_of_syntax]);
    bytes.extend(later);
    bytes.extend(&file[end_of_syntax..]);
    bytes
}

fn export(path: &Path, out: &Path, options: &DeidentifyOptions) -> Deidentified {
    try_export(path, out, options).unwrap()
}

fn try_export(
    path: &Path,
    out: &Path,
    options: &DeidentifyOptions,
) -> Result<Deidentified, DeidentifyError> {
    deidentify(&[path.to_owned()], out, options, &mut |_| ControlFlow::Continue(()))
}

/// Where Pixel Data begins, or the end.
fn header(bytes: &[u8]) -> &[u8] {
    let at = bytes.windows(4).rposition(|four| four == [0xE0, 0x7F, 0x10, 0x00]);
    &bytes[..at.unwrap_or(bytes.len())]
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

fn frame_of(path: &Path) -> reading_room::imaging::Frame {
    let frame_ref =
        FrameRef { path: path.to_owned(), sop_instance_uid: String::new(), frame_number: 1 };
    read_frame(&frame_ref).unwrap()
}

/// A file read by other code: the data set flat, `[position in items, tag]` → VR and value.
type Flat = BTreeMap<(Vec<usize>, Tag), (VR, Vec<u8>)>;

/// Explicit little endian with defined lengths, as these exports are, or implicit.
fn flat(bytes: &[u8]) -> Flat {
    let mut at = 132;
    let mut all = Flat::new();
    let mut implicit = false;
    while at < bytes.len() && bytes[at] == 2 && bytes[at + 1] == 0 {
        let (tag, vr, start, len) = head(bytes, at, false);
        let value = bytes[start..start + len].to_vec();
        if tag == Tag(2, 0x10) {
            implicit = text_of(&value) == "1.2.840.10008.1.2";
        }
        all.insert((Vec::new(), tag), (vr, value));
        at = start + len;
    }
    level(&bytes[at..], implicit, &[], &mut all);
    all
}

fn level(bytes: &[u8], implicit: bool, place: &[usize], all: &mut Flat) {
    let mut at = 0;
    while at < bytes.len() {
        let (tag, vr, start, len) = head(bytes, at, implicit);
        if tag == Tag(0x7FE0, 0x0010) {
            return;
        }
        let value = &bytes[start..start + len];
        if vr == VR::SQ {
            let mut item_at = 0;
            for number in 0.. {
                let Some(head) = value.get(item_at..item_at + 8) else { break };
                assert_eq!(&head[..4], &[0xFE, 0xFF, 0x00, 0xE0]);
                let len = u32::from_le_bytes(head[4..8].try_into().unwrap()) as usize;
                let place = [place, &[usize::from(tag.group()), tag.element().into(), number]];
                level(&value[item_at + 8..item_at + 8 + len], implicit, &place.concat(), all);
                item_at += 8 + len;
            }
        }
        all.insert((place.to_vec(), tag), (vr, value.to_vec()));
        at = start + len;
    }
}

fn head(bytes: &[u8], at: usize, implicit: bool) -> (Tag, VR, usize, usize) {
    let word = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    let long = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let tag = Tag(word(at), word(at + 2));
    if implicit {
        let known = StandardDataDictionary.by_tag(tag).map(|entry| entry.vr().relaxed());
        return (tag, known.unwrap_or(VR::UN), at + 8, long(at + 4));
    }
    let vr = VR::from_binary([bytes[at + 4], bytes[at + 5]]).unwrap();
    let is_long = [VR::OB, VR::OW, VR::OF, VR::OD, VR::OL, VR::SQ, VR::UN, VR::UT, VR::UC, VR::UR]
        .contains(&vr);
    if is_long { (tag, vr, at + 12, long(at + 8)) } else { (tag, vr, at + 8, word(at + 6).into()) }
}

fn text_of(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

fn root(flat: &Flat, tag: Tag) -> Option<String> {
    flat.get(&(Vec::new(), tag)).map(|(_, value)| text_of(value))
}

#[test]
fn nothing_that_names_the_patient_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("Sparrow Jacqueline");
    fs::create_dir(&study).unwrap();
    for number in 1..=2 {
        let bytes = with_meta(&secret_slice(number).build(), number);
        fs::write(study.join(format!("MRN-48151-{number}.dcm")), bytes).unwrap();
    }
    let out = folder.path().join("out");
    let done = export(&study, &out, &DeidentifyOptions::default());
    let names: Vec<_> = done.written.iter().map(|p| p.strip_prefix(&out).unwrap()).collect();
    assert_eq!(names, [Path::new("series-7/000001.dcm"), Path::new("series-7/000002.dcm")]);
    assert_eq!((done.refused.len(), done.skipped), (0, 0));
    let files: Vec<Vec<u8>> = done.written.iter().map(|path| fs::read(path).unwrap()).collect();
    for file in &files {
        for secret in SECRETS {
            assert!(!contains(file, secret), "{secret} is left");
        }
        assert!(file.ends_with(&pixels()), "the pixels are the same and nothing follows");
        assert_eq!(file[..132], [&[0; 128][..], b"DICM"].concat());
    }
    let [first, second] = [flat(&files[0]), flat(&files[1])];
    check_uids(&first, &second);
    check_marks(&first, &["113100"], "REMOVED");
    check_kept_and_gone(&first);
    // our own reader finds the same pixels
    let original = study.join("MRN-48151-1.dcm");
    assert_eq!(frame_of(&original).samples(), frame_of(&done.written[0]).samples());
}

/// One study, one series, one frame of reference, two instances.
fn check_uids(first: &Flat, second: &Flat) {
    for tag in [Tag(0x20, 0x0D), Tag(0x20, 0x0E), Tag(0x20, 0x52)] {
        let uid = root(first, tag).unwrap();
        assert!(uid.starts_with("2.25.") && uid.len() <= 64, "{uid}");
        assert_eq!(Some(uid), root(second, tag));
    }
    let instance = root(first, Tag(0x08, 0x18)).unwrap();
    assert_ne!(Some(&instance), root(second, Tag(0x08, 0x18)).as_ref());
    assert_eq!(Some(instance), root(first, Tag(0x02, 0x03)));
}

/// What the table says of attributes of each kind.
fn check_kept_and_gone(first: &Flat) {
    // kept: what the table does not list, and inside sequences too
    assert_eq!(root(first, Tag(0x18, 0x50)).unwrap(), "2.5");
    assert_eq!(root(first, Tag(0x08, 0x70)).unwrap(), "Maker");
    let anatomy = |element| (vec![0x08, 0x2218, 0], Tag(0x08, element));
    assert_eq!(text_of(&first[&anatomy(0x0100)].1), "T-D1100");
    assert_eq!(text_of(&first[&anatomy(0x0104)].1), "", "a text that repeats the name");
    // empty where the standard asks for the attribute, gone where it may go
    for tag in [Tag(0x08, 0x20), Tag(0x08, 0x50), Tag(0x10, 0x10), Tag(0x10, 0x20), Tag(0x10, 0x40)]
    {
        assert_eq!(root(first, tag).as_deref(), Some(""), "{tag:?}");
    }
    for tag in [Tag(0x08, 0x80), Tag(0x08, 0x1030), Tag(0x10, 0x1010), Tag(0x09, 0x1001)] {
        assert_eq!(root(first, tag), None, "{tag:?}");
    }
}

fn check_marks(flat: &Flat, codes: &[&str], times: &str) {
    assert_eq!(root(flat, Tag(0x12, 0x62)).unwrap(), "YES");
    assert!(root(flat, Tag(0x12, 0x63)).unwrap().starts_with("Basic Application"));
    assert_eq!(root(flat, Tag(0x28, 0x303)).unwrap(), times);
    let code = |number| flat.get(&(vec![0x12, 0x64, number], Tag(0x08, 0x100)));
    let found: Vec<String> = (0..9).filter_map(code).map(|(_, value)| text_of(value)).collect();
    assert_eq!(found, codes);
    assert!(root(flat, Tag(0x02, 0x12)).unwrap().starts_with("2.25."));
}

#[test]
fn options_keep_what_they_name_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let slice = secret_slice(1).write(folder.path(), "slice.dcm");
    let options = DeidentifyOptions {
        keep_uids: true,
        keep_dates: true,
        keep_device: true,
        keep_patient_characteristics: true,
        ..DeidentifyOptions::default()
    };
    let done = export(&slice, &folder.path().join("out"), &options);
    let bytes = fs::read(&done.written[0]).unwrap();
    let file = flat(&bytes);
    check_marks(&file, &["113100", "113106", "113108", "113109", "113110"], "UNMODIFIED");
    assert_eq!(root(&file, Tag(0x08, 0x18)), Some(uid(101)));
    assert_eq!(root(&file, Tag(0x02, 0x03)), Some(uid(101)));
    assert_eq!(root(&file, Tag(0x08, 0x20)).unwrap(), "20240517");
    assert_eq!(root(&file, Tag(0x18, 0x1000)).unwrap(), "SN-7345");
    assert_eq!(root(&file, Tag(0x10, 0x40)).unwrap(), "F");
    assert_eq!(root(&file, Tag(0x10, 0x1010)).unwrap(), "062Y");
    for secret in ["Sparrow", "MRN-48151", "19620229", "ACC-99021", "St. Erna", "Nightingale"] {
        assert!(!contains(&bytes, secret), "{secret} is left");
    }
}

#[test]
fn two_exports_have_nothing_in_common_but_the_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let slice = secret_slice(1).write(folder.path(), "slice.dcm");
    let uids = ["a", "b"].map(|name| {
        let done = export(&slice, &folder.path().join(name), &DeidentifyOptions::default());
        root(&flat(&fs::read(&done.written[0]).unwrap()), Tag(0x20, 0x0D)).unwrap()
    });
    assert_ne!(uids[0], uids[1]);
}

#[test]
fn compressed_pixels_stay_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let fragments: [&[u8]; 2] = [&[0xFF, 0xD8, 1, 2, 3, 4], &[0xFE, 0xFF, 0xDD, 0xE0]];
    let slice = secret_slice(1).transfer_syntax("1.2.840.10008.1.2.5").fragments(&fragments);
    let before = slice.build();
    let path = slice.write(folder.path(), "slice.dcm");
    let done = export(&path, &folder.path().join("out"), &DeidentifyOptions::default());
    let after = fs::read(&done.written[0]).unwrap();
    let pixels = after[header(&after).len()..].to_vec();
    assert!(before.windows(pixels.len()).any(|window| window == pixels));
    assert!(pixels.ends_with(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]));
    assert_eq!(root(&flat(&after), Tag(0x02, 0x10)).unwrap(), "1.2.840.10008.1.2.5");
}

#[test]
fn rectangles_are_black_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let slice = secret_slice(1).write(folder.path(), "slice.dcm");
    let options =
        DeidentifyOptions { blackout: vec![[1, 2, 9, 1]], ..DeidentifyOptions::default() };
    let done = export(&slice, &folder.path().join("out"), &options);
    let bytes = fs::read(&done.written[0]).unwrap();
    let mut expected = pixels();
    expected[(2 * 4 + 1) * 2..(3 * 4) * 2].fill(0);
    assert!(bytes.ends_with(&expected));
    check_marks(&flat(&bytes), &["113100", "113101"], "REMOVED");
    assert_eq!(root(&flat(&bytes), Tag(0x28, 0x301)).unwrap(), "NO");
    assert_eq!(done.warnings.len(), 1, "{:?}", done.warnings);
    // not possible: outside, or compressed
    let outside = DeidentifyOptions { blackout: vec![[4, 0, 1, 1]], ..options.clone() };
    let error = try_export(&slice, &folder.path().join("none"), &outside).unwrap_err();
    assert!(error.to_string().contains("outside its 4 x 4 pixels"), "{error}");
    let compressed = PathBuf::from("assets/sample/ct-torso/01.dcm");
    let error = try_export(&compressed, &folder.path().join("none"), &options).unwrap_err();
    assert!(error.to_string().contains("compressed"), "{error}");
    assert!(!folder.path().join("none").exists());
}

#[test]
fn text_in_pixels_is_warned_of_once_a_series_and_refused_when_strict() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study");
    fs::create_dir(&study).unwrap();
    let ultrasound = |number: u32| secret_slice(number).text((0x0008, 0x0060), "CS", "US");
    ultrasound(1).write(&study, "1.dcm");
    ultrasound(2).write(&study, "2.dcm");
    let done = export(&study, &folder.path().join("a"), &DeidentifyOptions::default());
    assert_eq!(done.warnings.len(), 1);
    assert_eq!(done.warnings[0].series, "series-7");
    assert!(done.warnings[0].message.contains("may have text burned into its pixels"));
    assert_eq!(root(&flat(&fs::read(&done.written[0]).unwrap()), Tag(0x28, 0x301)).unwrap(), "NO");
    let strict = DeidentifyOptions { strict: true, ..DeidentifyOptions::default() };
    let done = export(&study, &folder.path().join("b"), &strict);
    assert_eq!((done.written.len(), done.refused.len()), (0, 2));
    assert!(done.refused[0].message.contains("may have text burned into its pixels"));
}

fn reading_room(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reading-room")).arg("deidentify").args(args).output().unwrap()
}

/// One sentence, exit status 1, nothing on standard output.
fn check_failure(args: &[&str], words: &str) {
    let output = reading_room(args);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
    assert_eq!(output.stdout, b"", "{args:?}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{args:?}: {errors}");
    assert!(errors.contains(words), "{errors:?} does not say {words:?}");
}

#[test]
fn what_cannot_be_done_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let class = |uid: &str| secret_slice(1).text((0x0008, 0x0016), "UI", uid);
    let report = class("1.2.840.10008.5.1.4.1.1.88.11").write(folder.path(), "report.dcm");
    let document = class("1.2.840.10008.5.1.4.1.1.104.1").write(folder.path(), "document.dcm");
    let private = class("1.2.276.0.1.2").write(folder.path(), "private.dcm");
    let slice = secret_slice(1).write(folder.path(), "slice.dcm").display().to_string();
    fs::write(folder.path().join("text.dcm"), "no DICOM at all, only words").unwrap();
    fs::create_dir(folder.path().join("full")).unwrap();
    fs::write(folder.path().join("full/kept.txt"), "kept").unwrap();
    let out = place("out");
    for (path, words) in [
        (report.display().to_string(), "a structured report"),
        (document.display().to_string(), "an encapsulated document"),
        (private.display().to_string(), "an object of a private kind"),
        (place("text.dcm"), "There is no DICOM file"),
        (place("none.dcm"), "There is no such file"),
    ] {
        check_failure(&[&path, "--out", &out], words);
        assert!(!Path::new(&out).exists(), "{words}");
    }
    check_failure(&[&slice, "--out", &place("full")], "The folder is not empty");
    check_failure(&[&slice, "--out", &place("slice.dcm")], "can't be written to");
    check_failure(&[&slice, "--out", &place("slice.dcm/out")], "can't be written to");
    let cut = fs::read(&slice).unwrap();
    fs::write(folder.path().join("cut.dcm"), &cut[..cut.len() - 40]).unwrap();
    check_failure(&[&place("cut.dcm"), "--out", &out], "is damaged");
    assert_eq!(reading_room(&[&slice]).status.code(), Some(2));
    assert_eq!(reading_room(&[&slice, "--out", &out, "--blackout", "1,2"]).status.code(), Some(2));
}

#[test]
fn the_rest_goes_on_and_json_says_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study");
    fs::create_dir(&study).unwrap();
    secret_slice(1).write(&study, "1.dcm");
    secret_slice(2)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.88.22")
        .write(&study, "2.dcm");
    fs::write(study.join("notes.txt"), "notes").unwrap();
    let (study, out) =
        (study.display().to_string(), folder.path().join("out").display().to_string());
    let output = reading_room(&[&study, "--out", &out, "--json"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("1 of 2 files were left out"), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["written"].as_array().unwrap().len(), 1);
    assert!(report["refused"][0]["reason"].as_str().unwrap().contains("a structured report"));
    assert_eq!(report["skipped_files"], 1);
    assert_eq!(report["methods"][0]["code"], "113100");
    assert!(report["note"].as_str().unwrap().contains("does not promise"));
    for secret in SECRETS {
        assert!(!report["written"].to_string().contains(secret));
    }
    // alone and without doubts: exit status 0, and words for people
    fs::remove_file(Path::new(&study).join("2.dcm")).unwrap();
    let again = format!("{out}-again");
    let output = reading_room(&[&study, "--out", &again]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("1 files written") && text.contains("does not promise"), "{text}");
}

/// The standard's table as the program has it: tag → action.
fn table() -> BTreeMap<Tag, &'static str> {
    include_str!("../src/imaging/deidentify/profile.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [tag, action, options, keyword] = cells[..] else { unreachable!("{line}") };
            let number = u32::from_str_radix(tag, 16).unwrap();
            let actions = ["X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U"];
            assert!(actions.contains(&action), "{line}");
            assert!(options == "-" || options.chars().all(|c| "udvp".contains(c)), "{line}");
            let tag = Tag((number >> 16) as u16, (number & 0xFFFF) as u16);
            if let Some(known) = StandardDataDictionary.by_tag(tag) {
                assert_eq!(known.alias(), keyword, "{line}");
            }
            (tag, action)
        })
        .collect()
}

#[test]
fn the_table_is_whole_and_its_names_are_the_dictionarys() {
    let table = table();
    assert_eq!(table.len(), 617);
    for (tag, action) in [
        (Tag(0x08, 0x18), "U"),
        (Tag(0x08, 0x20), "Z"),
        (Tag(0x08, 0x80), "X/Z/D"),
        (Tag(0x10, 0x10), "Z"),
        (Tag(0x10, 0x4000), "X"),
        (Tag(0x20, 0x0D), "U"),
        (Tag(0x70, 0x84), "Z/D"),
        (Tag(0x0400, 0x0561), "X"),
        (Tag(0x3006, 0x24), "U"),
        (Tag(0x300A, 0x02), "D"),
        (Tag(0xFFFA, 0xFFFA), "X"),
    ] {
        assert_eq!(table.get(&tag), Some(&action), "{tag:?}");
    }
}

/// What the standard lets stand of a UID: its own.
fn is_standard_uid(uid: &str) -> bool {
    uid.is_empty() || uid.starts_with("1.2.840.10008.")
}

/// Kinds and vocabularies, which identify nobody.
fn is_class_uid(tag: Tag) -> bool {
    let names = ["SOPClass", "CodingScheme", "ContextUID", "MappingResource", "TransferSyntax"];
    let known = StandardDataDictionary.by_tag(tag);
    known.is_some_and(|entry| names.iter().any(|name| entry.alias().contains(name)))
}

/// Every element on every level, as dicom-rs reads the file, with its value as text.
fn visit(object: &InMemDicomObject, take: &mut dyn FnMut(Tag, VR, &str, usize)) {
    for element in object.iter() {
        let (tag, vr) = (element.tag(), element.vr());
        if let Some(items) = element.items() {
            take(tag, VR::SQ, "", items.len());
            items.iter().for_each(|item| visit(item, take));
        } else if tag.group() < 0x7FE0 {
            let bytes = element.to_bytes().unwrap_or_default();
            take(tag, vr, &text_of(&bytes), bytes.len());
        }
    }
}

/// What must not be found again: UIDs, names, dates, ids and places.
fn identifiers(object: &InMemDicomObject) -> BTreeSet<String> {
    let ids = [
        Tag(0x08, 0x50),
        Tag(0x08, 0x80),
        Tag(0x08, 0x81),
        Tag(0x08, 0x1010),
        Tag(0x10, 0x20),
        Tag(0x10, 0x1000),
        Tag(0x10, 0x1040),
        Tag(0x18, 0x1000),
        Tag(0x20, 0x10),
    ];
    let mut found = BTreeSet::new();
    visit(object, &mut |tag, vr, text, _| {
        let is_uid = vr == VR::UI && !is_class_uid(tag);
        // an earlier export's dummies are ours
        if matches!(text, "REMOVED" | "19000101") {
            return;
        }
        if is_uid || matches!(vr, VR::PN | VR::DA | VR::DT) || ids.contains(&tag) {
            let parts = text.split('\\').map(str::trim).filter(|part| part.len() >= 4);
            let parts = parts.filter(|part| !(is_uid && is_standard_uid(part)));
            // numbers of an id may well be pixels of a size
            found.extend(
                parts
                    .filter(|part| part.len() > 5 || !part.contains(char::is_numeric))
                    .map(str::to_owned),
            );
        }
    });
    found
}

/// Whether a text stands in the bytes as a word of its own.
fn has_word(bytes: &[u8], word: &str) -> bool {
    let joins = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'.');
    bytes.windows(word.len()).enumerate().any(|(at, window)| {
        window == word.as_bytes()
            && !joins(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && !joins(bytes.get(at + word.len()))
    })
}

/// Why an attribute may not be in a cleaned file.
fn forbidden(
    tag: Tag,
    vr: VR,
    text: &str,
    len: usize,
    action: Option<&str>,
) -> Option<&'static str> {
    let added = [Tag(0x12, 0x62), Tag(0x12, 0x63), Tag(0x12, 0x64), Tag(0x28, 0x303)];
    let replaced = || text.split('\\').all(|uid| is_standard_uid(uid) || uid.starts_with("2.25."));
    let dummies = ["", "REMOVED", "19000101", "19000101000000", "000000", "0"];
    let known = StandardDataDictionary.by_tag(tag);
    match action {
        _ if added.contains(&tag) => None,
        _ if tag.group() % 2 == 1 => Some("private"),
        _ if matches!(tag.group(), 0x5000..=0x50FF | 0x6000..=0x60FF) => Some("curve or overlay"),
        _ if known.is_none() => Some("not in the dictionary"),
        Some("X") => Some("to be removed"),
        Some("Z" | "X/Z") => (len > 0).then_some("to be empty"),
        Some("U") => (!replaced()).then_some("to be replaced"),
        Some("X/Z/U") => None,
        Some(_) if vr == VR::SQ => (len > 0).then_some("a sequence to be empty"),
        Some(_) => (!dummies.contains(&text)).then_some("to be a dummy"),
        None if matches!(
            vr,
            VR::PN | VR::DA | VR::DT | VR::TM | VR::AE | VR::LT | VR::ST | VR::UT
        ) =>
        {
            Some("text or time that nobody looked at")
        }
        None if vr == VR::UI && !is_class_uid(tag) => (!replaced()).then_some("a UID"),
        None => None,
    }
}

fn open(path: &Path) -> Option<InMemDicomObject> {
    let file = OpenFileOptions::new().read_until(Tag(0x7FE0, 0x0010)).open_file(path).ok()?;
    Some(file.into_inner())
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_study_file_comes_out_clean_or_not_at_all() {
    let Some(studies) = shared("data/studies") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (table, mut faults) = (table(), Vec::new());
    let (mut written, mut refused, mut read, mut searched) = (0, 0, 0, 0);
    let began = Instant::now();
    // from all folders in turn, as many as a quick test has time for
    let mut files: Vec<_> = files_in(&studies).into_iter().enumerate().collect();
    files.sort_by_key(|(number, _)| number % 9);
    for (number, path) in files {
        if began.elapsed() > ENOUGH {
            println!("the rest was left out after {ENOUGH:?}");
            break;
        }
        let out = folder.path().join(number.to_string());
        let name = path.strip_prefix(&studies).unwrap().display().to_string();
        let Ok(done) = try_export(&path, &out, &DeidentifyOptions::default()) else {
            refused += 1;
            continue;
        };
        written += 1;
        let (before, after) = (open(&path), open(&done.written[0]));
        if same_pixels(&path, &done.written[0]).is_none() {
            faults.push(format!("{name}: other pixels"));
        }
        let (Some(before), Some(after)) = (before, after) else { continue };
        read += 1;
        let bytes = fs::read(&done.written[0]).unwrap();
        for identifier in identifiers(&before) {
            searched += 1;
            if has_word(header(&bytes), &identifier) {
                faults.push(format!("{name}: {identifier}"));
            }
        }
        visit(&after, &mut |tag, vr, text, len| {
            let action = table.get(&tag).copied();
            if let Some(why) = forbidden(tag, vr, text, len, action) {
                faults.push(format!("{name}: {tag} {vr} {why}"));
            }
        });
    }
    println!("{written} written, {refused} refused, {read} read again, {searched} words searched");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(written > 3 * refused && read * 2 > written);
}

/// Whether the first frame of both is the same, or neither has one.
fn same_pixels(before: &Path, after: &Path) -> Option<()> {
    let frame = |path: &Path| {
        let path = path.to_owned();
        read_frame(&FrameRef { path, sop_instance_uid: String::new(), frame_number: 1 })
    };
    match (frame(before), frame(after)) {
        (Ok(before), Ok(after)) => (before.samples() == after.samples()).then_some(()),
        (before, after) => (before.is_err() == after.is_err()).then_some(()),
    }
}
