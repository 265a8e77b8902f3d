//! Where studies come from: what a DICOMDIR names, ZIP archives, and what is hostile among them.
#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests fail loudly")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "support/dicom_builder.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod dicom_builder;
#[path = "support/shared.rs"]
mod shared;
#[path = "support/zip_builder.rs"]
mod zip_builder;

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
};

use dicom_builder::DicomBuilder;
use reading_room::imaging::{
    DeidentifyOptions, FrameRef, OpenError, Opened, Series, deidentify, open_paths,
    parse_image_path, read_frame,
};
use sha2::{Digest as _, Sha256};
use shared::shared;
use zip_builder::{ZipEntry, write_zip, zip_bytes};

const AXIAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources").join(name)
}

fn try_open(path: &Path) -> Result<Opened, OpenError> {
    open_paths(&[path.to_owned()], &mut |_| ControlFlow::Continue(()))
}

fn open(path: &Path) -> Opened {
    try_open(path).unwrap()
}

fn all_series(opened: &Opened) -> Vec<&Series> {
    opened.studies.iter().flat_map(|study| &study.series).collect()
}

fn num_images(opened: &Opened) -> usize {
    all_series(opened).iter().map(|series| series.num_frames()).sum()
}

fn messages(opened: &Opened) -> String {
    let lines: Vec<_> = opened.warnings.iter().map(|warning| warning.message.clone()).collect();
    lines.join("\n")
}

fn slice(number: i32, z: f64) -> DicomBuilder {
    DicomBuilder::new(2, 2, 8)
        .slice(number, [0.0, 0.0, z], AXIAL)
        .text((0x0008, 0x0018), "UI", &format!("1.2.3.4.{number}"))
        .pixels(&[1, 2, 3, 4])
}

/// SHA-256 of the stored values as 16-bit words.
fn digest(frame_ref: &FrameRef) -> String {
    let frame = read_frame(frame_ref).unwrap();
    let mut words = Vec::new();
    for row in 0..frame.rows() {
        for column in 0..frame.columns() {
            words.extend((frame.stored(column, row).unwrap() as u16).to_le_bytes());
        }
    }
    Sha256::digest(words).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Path on the disc, SOP Instance UID, digest.
fn reference() -> Vec<[String; 3]> {
    let text = fs::read_to_string(fixture("reference.tsv")).unwrap();
    let line = |line: &str| {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        fields.try_into().unwrap()
    };
    text.lines().map(line).collect()
}

/// Every picture is that of the reference, under this folder or archive.
fn check_disc(opened: &Opened, under: &Path) {
    assert_eq!(messages(opened), "");
    let found: Vec<[String; 3]> = all_series(opened)
        .iter()
        .flat_map(|series| (0..series.num_frames()).filter_map(|idx| series.frame_ref(idx)))
        .map(|frame_ref| {
            let path = frame_ref.path.strip_prefix(under).unwrap().to_str().unwrap().to_owned();
            [path, frame_ref.sop_instance_uid.clone(), digest(&frame_ref)]
        })
        .collect();
    assert_eq!(found, reference());
}

#[test]
fn a_disc_is_the_same_from_its_directory_its_folder_and_every_archive() {
    for name in ["disc/DICOMDIR", "disc"] {
        check_disc(&open(&fixture(name)), &fixture("disc"));
    }
    for name in ["packed.zip", "stored.zip", "piped.zip"] {
        let under = fixture(name).join("disc");
        check_disc(&open(&fixture(name)), &under);
        check_disc(&open(&under.join("DICOMDIR")), &under);
        check_disc(&open(&under.join("PT000000")), &under);
    }
    // by content, not by name
    let folder = tempfile::tempdir().unwrap();
    let renamed = folder.path().join("mail attachment");
    fs::copy(fixture("packed.zip"), &renamed).unwrap();
    check_disc(&open(&renamed), &renamed.join("disc"));
}

#[test]
fn an_entry_is_named_like_a_file() {
    let entry = fixture("packed.zip/disc/PT000000/ST000000/SE000001/IM000001");
    let opened = open(&entry);
    assert_eq!(all_series(&opened)[0].frame_ref(0).unwrap().path, entry);
    let named = format!("{}#1", entry.display());
    assert_eq!(parse_image_path(Path::new(&named)), (entry, Some(1)));
    for missing in ["packed.zip/disc/nothing", "reference.tsv/x", "nothing.zip/x"] {
        let error = try_open(&fixture(missing)).unwrap_err();
        assert!(matches!(error, OpenError::NotFound { .. }), "{missing}: {error}");
    }
}

/// The disc, to be spoiled.
fn disc_copy() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    for [path, ..] in reference() {
        let to = folder.path().join(&path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(fixture("disc").join(path), to).unwrap();
    }
    let directory = fs::read(fixture("disc/DICOMDIR")).unwrap();
    (folder, directory)
}

fn open_directory(folder: &Path, directory: &[u8]) -> Opened {
    let path = folder.join("DICOMDIR");
    fs::write(&path, directory).unwrap();
    open(&path)
}

/// Where the value of a UL element of group 0004 stands, each time.
fn values_of(directory: &[u8], element: u16) -> Vec<usize> {
    let [low, high] = element.to_le_bytes();
    let head = [4, 0, low, high, b'U', b'L', 4, 0];
    let starts = directory.windows(8).enumerate().filter(|(_, eight)| **eight == head);
    starts.map(|(at, _)| at + 8).collect()
}

#[test]
fn a_directory_opens_what_it_names_and_its_folder_everything() {
    let (folder, directory) = disc_copy();
    slice(1, 0.0).write(folder.path(), "extra.dcm");
    assert_eq!(num_images(&open_directory(folder.path(), &directory)), 5);
    let renamed = folder.path().join("DICOMDIR (1).dcm");
    fs::write(&renamed, &directory).unwrap();
    assert_eq!(num_images(&open(&renamed)), 5);
    assert_eq!(num_images(&open(folder.path())), 6);
}

#[test]
fn names_on_a_disc_may_come_in_another_case_and_with_a_version() {
    let (folder, directory) = disc_copy();
    let from = folder.path().join("PT000000/ST000000/SE000000/IM000001");
    fs::rename(from, folder.path().join("PT000000/ST000000/SE000000/im000001.;1")).unwrap();
    fs::rename(folder.path().join("PT000000"), folder.path().join("pt000000")).unwrap();
    let opened = open_directory(folder.path(), &directory);
    assert_eq!((num_images(&opened), messages(&opened).as_str()), (5, ""));
}

#[test]
fn files_a_directory_names_in_vain_are_named_and_the_rest_opens() {
    let (folder, directory) = disc_copy();
    let gone = folder.path().join("PT000000/ST000000/SE000000/IM000001");
    fs::remove_file(&gone).unwrap();
    let opened = open_directory(folder.path(), &directory);
    assert_eq!(num_images(&opened), 4);
    let expected = format!("The DICOMDIR names a file that is not there: {}", gone.display());
    assert_eq!(messages(&opened), expected);
}

#[test]
fn a_directory_does_not_lead_out_of_its_folder() {
    let (folder, mut directory) = disc_copy();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::rename(folder.path().join("PT000000"), inner.join("PT000000")).unwrap();
    // what the spoiled name leads to is there
    slice(1, 0.0).write(folder.path(), "ST000000");
    let name = b"PT000000\\ST000000\\SE000001\\IM000001";
    let at = directory.windows(name.len()).position(|part| part == name).unwrap();
    directory[at..at + name.len()].copy_from_slice(format!("{:35}", "..\\ST000000").as_bytes());
    let opened = open_directory(&inner, &directory);
    assert_eq!(num_images(&opened), 4);
    assert!(messages(&opened).contains("names a file outside its folder"), "{opened:?}");
    for absolute in ["/etc/passwd", "C:\\x", "a/../../b"] {
        let padded = format!("{absolute:35}");
        directory[at..at + name.len()].copy_from_slice(padded.as_bytes());
        let opened = open_directory(&inner, &directory);
        assert_eq!(num_images(&opened), 4, "{absolute}");
        assert!(messages(&opened).contains("names a file outside its folder"), "{absolute}");
    }
}

#[test]
fn a_directory_in_circles_or_to_nowhere_opens_every_file_it_names() {
    let (folder, whole) = disc_copy();
    let first = values_of(&whole, 0x1200)[0];
    let root: [u8; 4] = whole[first..first + 4].try_into().unwrap();
    for (element, value) in
        [(0x1400, root), (0x1420, root), (0x1400, [0xF0; 4]), (0x1420, [1; 4]), (0x1420, [0; 4])]
    {
        let mut directory = whole.clone();
        for at in values_of(&whole, element) {
            directory[at..at + 4].copy_from_slice(&value);
        }
        let opened = open_directory(folder.path(), &directory);
        assert_eq!(num_images(&opened), 5, "{element:x} {value:?}");
        assert!(
            messages(&opened).contains("linked in a circle, to nowhere or not at all"),
            "{opened:?}"
        );
        assert_eq!(opened.warnings.len(), 1);
    }
}

#[test]
fn a_directory_of_no_use_says_so_once_and_its_folder_is_looked_through() {
    let (folder, whole) = disc_copy();
    for (spoiled, why) in [
        (&whole[..whole.len() - 300], "it ends early"),
        (&whole[..200], "it is damaged"),
        (b"not a directory".as_slice(), "it is damaged"),
        (b"".as_slice(), "it is damaged"),
    ] {
        let opened = open_directory(folder.path(), spoiled);
        assert_eq!(num_images(&opened), 5, "{why}");
        let said = messages(&opened);
        let wanted = format!("The DICOMDIR is of no use, because {why}");
        assert_eq!(said.matches("of no use").count(), 1, "{said}");
        assert!(said.contains(&wanted), "{said} instead of {wanted}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    slice(1, 0.0).write(elsewhere.path(), "other.dcm");
    let opened = open_directory(elsewhere.path(), &whole);
    assert_eq!(num_images(&opened), 1);
    assert!(messages(&opened).contains("none of the files it names is there"));
}

/// An archive of these entries and of one picture that opens.
fn open_with(entries: &[ZipEntry]) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec![ZipEntry::packed("good.dcm", &slice(1, 0.0).build())];
    all.extend_from_slice(entries);
    let opened = open(&write_zip(folder.path(), "study.zip", &all));
    let good = all_series(&opened)[0].frame_ref(0).unwrap();
    assert_eq!(good.path, folder.path().join("study.zip/good.dcm"));
    assert_eq!(read_frame(&good).unwrap().stored(1, 1), Some(4.0));
    opened
}

/// One picture, and one warning with these words.
fn check_left_out(entry: ZipEntry, words: &str) {
    let name = String::from_utf8_lossy(&entry.name).into_owned();
    let opened = open_with(&[entry]);
    assert_eq!((num_images(&opened), opened.warnings.len()), (1, 1), "{name}: {opened:?}");
    let said = messages(&opened);
    assert!(said.contains(words) && said.contains(&*name), "{said} does not say {words}, {name}");
}

#[test]
fn names_that_lead_elsewhere_are_refused_by_name() {
    let picture = slice(2, 1.0).build();
    for (name, why) in [
        ("../up.dcm", "leads out of the archive"),
        ("a/../../up.dcm", "leads out of the archive"),
        ("/etc/up.dcm", "absolute path"),
        ("C:/up.dcm", "absolute path"),
        ("a\\..\\up.dcm", "backslashes"),
    ] {
        check_left_out(ZipEntry::packed(name, &picture), why);
    }
    let opened = open_with(&[ZipEntry::packed("a\n\x1b[2Jb.dcm", &picture)]);
    assert!(messages(&opened).contains("control codes"));
    assert!(!messages(&opened).contains('\x1b'));
    // a dot is no way out, and folders and hidden files are passed over
    let others = ["./sub//two.dcm", "sub/", "__MACOSX/._two.dcm", ".hidden"];
    let opened = open_with(&others.map(|name| ZipEntry::packed(name, &picture)));
    assert_eq!((num_images(&opened), opened.warnings.len()), (2, 0), "{opened:?}");
}

#[test]
fn what_can_not_be_unpacked_says_why() {
    let picture = slice(2, 1.0).build();
    let whole = ZipEntry::packed("two.dcm", &picture);
    check_left_out(ZipEntry { flags: 1, ..whole.clone() }, "protected by a password");
    check_left_out(ZipEntry { method: 12, ..whole.clone() }, "packed by method 12");
    check_left_out(ZipEntry { crc32: 7, ..whole.clone() }, "its checksum is another");
    let short = picture.len() as u32 - 9;
    check_left_out(ZipEntry { size: short, ..whole.clone() }, "its checksum is another");
    check_left_out(ZipEntry { size: short + 90, ..whole.clone() }, "ends before it should");
    let noise = ZipEntry { data: vec![0xA7; 600], ..whole.clone() };
    check_left_out(noise, "it is damaged");
    let nested = zip_bytes(std::slice::from_ref(&whole));
    check_left_out(ZipEntry::stored("inner.zip", &nested), "An archive inside an archive");
    let twin = ZipEntry { name: b"good.dcm".to_vec(), ..whole };
    check_left_out(twin, "another entry has the same name");
}

#[test]
fn what_would_swell_is_left_out() {
    let bomb = vec![0; 200 << 20];
    check_left_out(ZipEntry::packed("bomb.dcm", &bomb), "as a trap would");
    let whole = ZipEntry::packed("two.dcm", &slice(2, 1.0).build());
    let lie = ZipEntry { size: u32::MAX - 1, ..whole.clone() };
    check_left_out(lie, "bytes can't hold");
    let large = ZipEntry { size: 600 << 20, data: vec![1; 3 << 20], ..whole.clone() };
    check_left_out(large, "512 MiB are the most");
    let stored = ZipEntry { size: 9, method: 0, ..whole.clone() };
    check_left_out(stored, "bytes can't hold");
    check_left_out(ZipEntry { at_place_of: Some(0), ..whole }, "shares its bytes");
    let folder = tempfile::tempdir().unwrap();
    let crowd = vec![ZipEntry { at_place_of: None, ..ZipEntry::stored("a", b"") }; 200_001];
    let error = try_open(&write_zip(folder.path(), "crowd.zip", &crowd)).unwrap_err().to_string();
    assert!(error.contains("more than 200000 entries"), "{error}");
}

#[test]
fn many_of_one_kind_are_counted_after_the_first_twenty() {
    let picture = slice(2, 1.0).build();
    let entry = |idx: usize| ZipEntry {
        flags: 1,
        ..ZipEntry::stored(&format!("locked{idx}.dcm"), &picture)
    };
    let opened = open_with(&(0..50).map(entry).collect::<Vec<_>>());
    assert_eq!(opened.warnings.len(), 21);
    assert!(messages(&opened).contains("30 more entries of the archive are left out"));
}

#[test]
fn a_cut_archive_opens_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |number: i32| {
        ZipEntry::packed(&format!("{number}.dcm"), &slice(number, f64::from(number)).build())
    };
    let whole = zip_bytes(&(1..=8).map(entry).collect::<Vec<_>>());
    let path = folder.path().join("cut.zip");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let opened = open(&path);
    let found = num_images(&opened);
    assert!((3..8).contains(&found), "{found}");
    let said = messages(&opened);
    assert!(said.contains("The archive is cut off or damaged"), "{said}");
    assert!(said.contains("the archive ends before it does"), "{said}");
    // beside a study the rest opens; alone it is an error
    fs::write(&path, &whole[..20]).unwrap();
    let error = try_open(&path).unwrap_err().to_string();
    assert!(error.starts_with("Can't open this archive: it is cut off or damaged"), "{error}");
    let study = slice(1, 0.0).write(folder.path(), "one.dcm");
    let opened = open_paths(&[path, study], &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((num_images(&opened), opened.warnings.len()), (1, 1));
    // every length of a whole one ends in pictures or a sentence
    for len in (0..whole.len()).step_by(7) {
        let path = folder.path().join(format!("{len}.zip"));
        fs::write(&path, &whole[..len]).unwrap();
        if let Err(error) = try_open(&path) {
            assert!(error.to_string().ends_with(".zip"), "{error}");
        }
    }
}

#[test]
fn archives_without_pictures_and_archives_in_folders_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [ZipEntry::packed("readme.txt", b"hello")];
    let path = write_zip(folder.path(), "text.zip", &entries);
    let opened = open(&path);
    let expected = format!("There is no picture in this archive: {}", path.display());
    assert_eq!((messages(&opened), opened.skipped), (expected, 1));
    slice(1, 0.0).write(folder.path(), "one.dcm");
    write_zip(folder.path(), "letter.docx", &entries);
    let opened = open(folder.path());
    assert_eq!((num_images(&opened), opened.skipped), (1, 1));
    let expected =
        format!("This is a ZIP archive, opened only when it is named itself: {}", path.display());
    assert_eq!(messages(&opened), expected);
}

#[test]
fn copies_are_de_identified_out_of_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let options = DeidentifyOptions::default();
    let from = [fixture("packed.zip")];
    let done = deidentify(&from, &out, &options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((done.written.len(), done.refused.len()), (5, 0));
    let opened = open(&out);
    assert_eq!(num_images(&opened), 5);
    for path in &done.written {
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(9).any(|part| part == b"Test^Disc"), "{}", path.display());
    }
}

fn reading_room(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_reading-room")).args(args).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), out, err)
}

#[test]
fn commands_take_an_archive_its_entries_and_their_frames() {
    let folder = tempfile::tempdir().unwrap();
    let [of_archive, of_file] =
        ["a.png", "b.png"].map(|name| folder.path().join(name).display().to_string());
    let archive = fixture("packed.zip").display().to_string();
    // through the decode worker, which may write nothing
    let (ok, _, err) = reading_room(&["render", &archive, "--out", &of_archive]);
    assert!(ok && err.contains("this is the first of 5 pictures in the archive"), "{err}");
    let inner = "disc/PT000000/ST000000/SE000000/IM000000";
    let (ok, _, err) =
        reading_room(&["render", &fixture(inner).display().to_string(), "--out", &of_file]);
    assert!(ok, "{err}");
    assert_eq!(fs::read(&of_archive).unwrap(), fs::read(&of_file).unwrap());
    let entry = format!("{archive}/{inner}#1");
    let (ok, _, err) = reading_room(&["render", &entry, "--out", &of_archive]);
    assert!(ok && err.is_empty(), "{err}");
    assert_eq!(fs::read(&of_archive).unwrap(), fs::read(&of_file).unwrap());
    let (ok, out, err) = reading_room(&["inspect", &archive, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(ok, "{err}");
    assert_eq!(report["studies"][0]["series"].as_array().unwrap().len(), 2);
    let (ok, _, err) = reading_room(&["render", &format!("{archive}#2"), "--out", &of_archive]);
    assert!(!ok && err.contains("name one file of it"), "{err}");
    let copies = folder.path().join("copies").display().to_string();
    let (ok, _, err) = reading_room(&["deidentify", &archive, "--out", &copies]);
    assert!(ok, "{err}");
    let text = write_zip(folder.path(), "text.zip", &[ZipEntry::packed("a.txt", b"hello")]);
    let text = text.display().to_string();
    let (ok, _, err) = reading_room(&["render", &text, "--out", &of_archive]);
    assert!(!ok && err.contains("There is no picture in this archive"), "{err}");
}

#[test]
fn real_studies_are_the_same_out_of_an_archive() {
    let Some(data) = shared("data/studies") else { return };
    for group in ["ct/torso-j2k-20", "mr/brain-t1-20", "many-series-mixed", "sc"] {
        let folder = data.join(group);
        let out = tempfile::tempdir().unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let entries: Vec<ZipEntry> = names
            .iter()
            .map(|name| {
                let bytes = fs::read(folder.join(name)).unwrap();
                ZipEntry::packed(name.to_str().unwrap(), &bytes)
            })
            .collect();
        let path = write_zip(out.path(), "study.zip", &entries);
        let (from_folder, from_archive) = (open(&folder), open(&path));
        let shape = |opened: &Opened, under: &Path| -> Vec<(String, Vec<String>)> {
            let name = |path: &Path| path.strip_prefix(under).unwrap().display().to_string();
            let names = |series: &Series| {
                series.instances.iter().map(|instance| name(&instance.path)).collect()
            };
            let all = all_series(opened);
            let mut shape: Vec<_> =
                all.iter().map(|series| (series.key.clone(), names(series))).collect();
            // made-up keys are of the folder
            shape.iter_mut().for_each(|(key, _)| {
                if key.contains('-') {
                    key.clear();
                }
            });
            shape.sort();
            shape
        };
        assert_eq!(shape(&from_folder, &folder), shape(&from_archive, &path), "{group}");
        for (one, other) in all_series(&from_folder).iter().zip(all_series(&from_archive)).take(3) {
            let [a, b] = [one.frame_ref(0), other.frame_ref(0)].map(Option::unwrap);
            if one.instances[0].path.file_name() == other.instances[0].path.file_name() {
                assert_eq!(read_frame(&a).ok(), read_frame(&b).ok(), "{group}");
            }
        }
    }
}
