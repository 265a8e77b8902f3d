//! Output folders of evaluations: what is written, what goes on, what is reckoned from it.
#![expect(clippy::unwrap_used, reason = "a broken test should fail loudly")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use reading_room::eval::{Dataset, Folder, Record, Report, Settings, Turns, merge};
use serde_json::json;
use tempfile::TempDir;

/// Ten questions with two options; the data set is of the first half's name or the second's.
fn dataset(folder: &Path) -> Dataset {
    let record = |number: usize| {
        json!({"question": format!("Number {number}?"), "options": ["one", "two"],
            "answer": if number < 7 { "one" } else { "two" }, "image": [],
            "dataset": if number < 5 { "first" } else { "second" }})
    };
    let path = folder.join("data.json");
    let records: Vec<_> = (0..10).map(record).collect();
    fs::write(&path, json!(records).to_string()).unwrap();
    Dataset::open(&path, Turns::First).unwrap()
}

fn settings(dataset: &Dataset, shard: Option<&str>) -> Settings {
    Settings {
        program_version: "1.2.3".to_owned(),
        dataset: "data.json".to_owned(),
        dataset_sha256: dataset.sha256.clone(),
        format: dataset.format,
        questions: dataset.items.len(),
        dropped: dataset.dropped,
        limit: None,
        shard: shard.map(|shard| shard.parse().unwrap()),
        turns: Turns::First,
        blind: false,
        ground_truth_sha256: None,
        candidates_sha256: None,
        asked: None,
    }
}

struct Case {
    folder: TempDir,
    dataset: Dataset,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path());
        Self { folder, dataset }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, name: &str, shard: Option<&str>) -> Folder {
        let settings = settings(&self.dataset, shard);
        let folder = Folder::start(&self.path(name), &settings).unwrap();
        folder.keep_settings(&settings).unwrap();
        folder
    }

    /// Every question gets the answer A.
    fn record(&self, index: usize) -> Record {
        Record::given(&self.dataset.items[index], "A", None)
    }

    fn fill(&self, name: &str, shard: Option<&str>) -> Report {
        let mut folder = self.start(name, shard);
        let settings = settings(&self.dataset, shard);
        for index in (0..10).filter(|index| settings.asks(*index)) {
            folder.append(&self.record(index)).unwrap();
        }
        Report::write(&self.path(name)).unwrap()
    }
}

#[test]
fn figures_are_means_with_intervals_that_are_always_the_same() {
    let case = Case::new();
    let report = case.fill("out", None);
    let accuracy = report.total.figures["accuracy"];
    assert_eq!((accuracy.value, accuracy.questions), (0.7, 10));
    // 95 % of Binomial(10, 0.7) / 10 lies between 0.4 and 1
    assert_eq!((accuracy.low, accuracy.high), (0.4, 1.0));
    let named: Vec<_> =
        report.groups.iter().map(|g| (g.name.as_str(), g.figures["accuracy"].value)).collect();
    assert_eq!(named, [("first", 1.0), ("second", 0.4)]);
    assert_eq!(report.groups[0].figures["accuracy"].low, 1.0);
    assert_eq!(report.groups[1].majority, Some(0.6));
    assert_eq!(Report::open(&case.path("out")).unwrap().0, report);
    assert_eq!(case.fill("again", None).total, report.total);
}

#[test]
fn a_line_cut_off_is_removed_and_its_question_asked_again() {
    let case = Case::new();
    let mut folder = case.start("out", None);
    for index in 0..3 {
        folder.append(&case.record(index)).unwrap();
    }
    drop(folder);
    let path = case.path("out").join("answers.jsonl");
    let whole = fs::read(&path).unwrap();
    for cut in [1, 2, 20] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let (report, records) = Report::open(&case.path("out")).unwrap();
        assert_eq!((report.answered, report.unanswered, records.len()), (2, 8, 2));
        let mut folder = case.start("out", None);
        assert_eq!([0, 1, 2].map(|index| folder.has(index)), [true, true, false]);
        folder.append(&case.record(2)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_broken_line_in_the_middle_is_named() {
    let case = Case::new();
    drop(case.fill("out", None));
    let path = case.path("out").join("answers.jsonl");
    let text = fs::read_to_string(&path).unwrap().replacen("\"index\":1,", "\"index\":", 1);
    fs::write(&path, text).unwrap();
    let settings = settings(&case.dataset, None);
    let error = Folder::start(&case.path("out"), &settings).unwrap_err().to_string();
    assert!(error.starts_with("line 2 is not an answer of this program"), "{error}");
}

#[test]
fn a_question_that_failed_is_asked_again_and_the_later_line_counts() {
    let case = Case::new();
    let mut folder = case.start("out", None);
    let item = &case.dataset.items[0];
    folder.append(&Record::failed(item, Vec::new(), "no picture".to_owned())).unwrap();
    drop(folder);
    assert_eq!(Report::open(&case.path("out")).unwrap().0.failed, 1);
    let mut folder = case.start("out", None);
    assert!(!folder.has(0));
    folder.append(&case.record(0)).unwrap();
    let (report, records) = Report::open(&case.path("out")).unwrap();
    assert_eq!((report.failed, report.answered, records.len()), (0, 1, 1));
}

#[test]
fn one_process_writes_to_a_folder_at_a_time() {
    let case = Case::new();
    let folder = case.start("out", None);
    let settings = settings(&case.dataset, None);
    let error = Folder::start(&case.path("out"), &settings).unwrap_err().to_string();
    assert!(error.starts_with("another run is writing to this folder"), "{error}");
    drop(folder);
    assert!(Folder::start(&case.path("out"), &settings).is_ok());
}

#[test]
fn answers_without_their_settings_are_not_mixed_with_others() {
    let case = Case::new();
    drop(case.fill("out", None));
    fs::remove_file(case.path("out").join("settings.json")).unwrap();
    let settings = settings(&case.dataset, None);
    let error = Folder::start(&case.path("out"), &settings).unwrap_err().to_string();
    assert!(error.contains("its settings.json is missing"), "{error}");
}

#[test]
fn parts_make_the_whole() {
    let case = Case::new();
    let whole = case.fill("whole", None);
    let parts = ["1/3", "2/3", "3/3"].map(|shard| {
        let name = format!("part {}", &shard[..1]);
        assert_eq!(case.fill(&name, Some(shard)).unanswered, 0);
        case.path(&name)
    });
    let merged = merge(&parts, &case.path("merged")).unwrap();
    assert_eq!(merged, whole);
    let read = |name: &str| fs::read(case.path(name).join("answers.jsonl")).unwrap();
    assert_eq!(read("merged"), read("whole"));
    // half a line at the end of a part is passed over
    let mut last = OpenOptions::new().append(true).open(parts[2].join("answers.jsonl")).unwrap();
    last.write_all(b"{\"index\": 5, \"id").unwrap();
    assert_eq!(merge(&parts, &case.path("merged")).unwrap(), whole);
}
