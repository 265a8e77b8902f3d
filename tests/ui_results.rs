//! Evaluations in the window, driven by role and label, over folders that the real code writes.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[path = "support/results.rs"]
mod results;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use app_harness::App;
use egui::{Key, Role};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, Command, NoticeLevel};
use reading_room::eval::{Asked, Dataset, Folder, Record, Report, Settings, Turns};
use reading_room::vlm::SamplingParams;
use results::{click, open, picture, shoot, until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A data file with so many questions, every one with a picture.
struct Room {
    folder: TempDir,
    dataset: Dataset,
}

impl Room {
    fn new(questions: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..9 {
            picture(index).write_png(&folder.path().join(format!("{index}.png"))).unwrap();
        }
        let record = |number: usize| {
            let modality = if number.is_multiple_of(2) { "CT" } else { "MRI" };
            let question = match number % 3 {
                0 => format!("What modality is this, number {number}?"),
                1 => format!("Is there a nodule, number {number}?"),
                _ => format!("Which organ is shown, number {number}?"),
            };
            let kind = ["modality", "finding", "organ"][number % 3];
            json!({"id": format!("case-{number}"), "image": format!("{}.png", number % 9),
                "modality": modality, "type": kind, "choices": ["CT", "MRI"],
                "conversations": [{"from": "human", "value": question},
                    {"from": "gpt", "value": modality}]})
        };
        let path = folder.path().join("data.json");
        let records: Vec<Value> = (0..questions).map(record).collect();
        fs::write(&path, Value::from(records).to_string()).unwrap();
        let dataset = Dataset::open(&path, Turns::First).unwrap();
        assert_eq!(dataset.items.len(), questions);
        Self { folder, dataset }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The output folder of a model that answers as `answer` says.
    fn run(&self, name: &str, answer: impl Fn(usize) -> &'static str) -> Report {
        let sampling = SamplingParams::greedy();
        let asked = Asked {
            model: name.to_owned(),
            family: "huatuo-vision-7b".to_owned(),
            weights_sha256: Some("ab".repeat(32)),
            precision: Some("f32".to_owned()),
            sampling,
            max_new_tokens: 64,
            ignore_eos: false,
            stop: Vec::new(),
            template: None,
        };
        let settings = Settings {
            program_version: "1.2.3".to_owned(),
            dataset: "data.json".to_owned(),
            dataset_sha256: self.dataset.sha256.clone(),
            format: self.dataset.format,
            questions: self.dataset.items.len(),
            dropped: self.dataset.dropped,
            limit: None,
            shard: None,
            turns: Turns::First,
            blind: false,
            ground_truth_sha256: None,
            candidates_sha256: None,
            asked: Some(asked),
        };
        let path = self.path(name);
        let mut folder = Folder::start(&path, &settings).unwrap();
        folder.keep_settings(&settings).unwrap();
        let records: Vec<Record> = self
            .dataset
            .items
            .iter()
            .map(|item| Record::given(item, answer(item.index), None))
            .collect();
        folder.replace(&records).unwrap();
        Report::write(&path).unwrap()
    }
}

/// Right about CT only.
fn says_ct(_: usize) -> &'static str {
    "This is a CT image."
}

/// Right about both but for every fifth.
fn mostly_right(index: usize) -> &'static str {
    match (index.is_multiple_of(5), index.is_multiple_of(2)) {
        (true, _) => "I cannot say.",
        (false, true) => "CT",
        (false, false) => "It is an MRI.",
    }
}

fn opened(room: &Room, names: &[&str]) -> App {
    let mut app = App::new();
    let paths: Vec<PathBuf> = names.iter().map(|name| room.path(name)).collect();
    open(&mut app, &paths);
    until(&mut app, "an evaluation", |app| app.state().results.evaluation.is_some());
    app
}

/// "39.8 (35.8–43.5)", as `results.md` writes it.
fn cell(report: &Report, by: &str, name: &str, score: &str) -> String {
    let group = match by {
        "total" => &report.total,
        _ => report.groups.iter().find(|g| g.by == by && g.name == name).unwrap(),
    };
    let figure = group.figures[score];
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    format!("{} ({}–{})", percent(figure.value), percent(figure.low), percent(figure.high))
}

#[test]
fn the_table_shows_the_numbers_of_the_report() {
    let room = Room::new(40);
    let report = room.run("huatuo", says_ct);
    let mut app = opened(&room, &["huatuo"]);
    let words = app.words();
    assert_eq!(report.total.figures["accuracy"].value, 0.5);
    let written = fs::read_to_string(room.path("huatuo").join("results.md")).unwrap();
    let groups = report.groups.iter().map(|group| (group.by.as_str(), group.name.as_str()));
    for (by, name) in groups.chain([("total", "all")]) {
        for score in ["accuracy", "recall", "exact_match"] {
            let cell = cell(&report, by, name, score);
            assert!(words.contains(&cell), "{by} {name} {score}: {cell} in\n{words}");
            assert!(written.contains(&cell), "{cell}");
        }
    }
    assert!(words.contains("data.json · conversations · 40 questions"), "{words}");
    app.harness.get_by_label("Questions of type: finding");
    app.harness.get_by_label("Questions of modality: MRI");
    // always saying the most frequent right answer is right as often as that answer is
    assert_eq!(report.total.majority, Some(0.5));
    assert!(words.contains("\n50.0\n"), "{words}");
    shoot(&mut app, "scores_one");
}

#[test]
fn a_question_opens_with_its_picture_reference_and_answer() {
    let room = Room::new(40);
    room.run("huatuo", says_ct);
    let mut app = opened(&room, &["huatuo"]);
    click(&mut app, "Questions");
    let row = "Question 4: What modality is this, number 3?, wrong";
    app.harness.get_by_label(row).click();
    app.settle();
    app.harness.get_by_label("Question 4");
    app.harness.get_by_role_and_label(Role::Image, "Picture 1 of 1");
    let words = app.words();
    for text in ["This is a CT image.", "MRI", "wrong", "taken for “CT”, right is “MRI”"] {
        assert!(words.contains(text), "{text} in\n{words}");
    }
    // the picture drawn is the one of the file
    let evaluation = app.state().results.evaluation.as_ref().unwrap();
    let frame = &evaluation.questions[3].frames[0];
    let loaded = app.state().frames.loaded(frame).unwrap();
    let shown = loaded.default_grayscale().render(&loaded.frame);
    assert_eq!(shown.pixels, picture(3).pixels);
    click(&mut app, "Prompt, scores and times");
    assert!(app.words().contains("accuracy 0"), "{}", app.words());
    shoot(&mut app, "question_one");
    app.harness.key_press(Key::ArrowDown);
    app.settle();
    app.harness.get_by_label("Question 5");
    click(&mut app, "Previous question");
    app.harness.get_by_label("Question 4");
}

#[test]
fn the_list_shows_what_is_asked_for() {
    let room = Room::new(40);
    room.run("huatuo", mostly_right);
    let mut app = opened(&room, &["huatuo"]);
    click(&mut app, "Questions");
    let count = |app: &App, text: &str| {
        assert!(app.words().contains(text), "{text} in\n{}", app.words());
    };
    count(&app, "40 questions");
    click(&mut app, "Wrong only");
    // every fifth
    count(&app, "8 of 40 questions");
    assert!(app.harness.query_by_label_contains("Question 2:").is_none());
    app.harness.get_by_label_contains("Question 6:");
    click(&mut app, "Modality");
    click(&mut app, "MRI");
    count(&app, "4 of 40 questions");
    app.harness.get_by_label("Search questions").focus();
    app.harness.run_steps(2);
    app.harness.get_by_label("Search questions").type_text("NUMBER 35");
    app.settle();
    count(&app, "1 of 40 questions");
    app.harness.get_by_label_contains("Question 36:");
    app.harness.get_by_label("Search questions").type_text("no such words");
    app.settle();
    count(&app, "No question passes the filter");
    click(&mut app, "Clear filter");
    count(&app, "40 questions");
    // a row of the table leads to its questions
    click(&mut app, "Scores");
    click(&mut app, "Questions of type: finding");
    count(&app, "13 of 40 questions");
}

#[test]
fn two_models_stand_side_by_side() {
    let room = Room::new(40);
    let reports = [room.run("huatuo", mostly_right), room.run("llava-med", says_ct)];
    let mut app = opened(&room, &["huatuo", "llava-med"]);
    let words = app.words();
    for report in &reports {
        for (by, name) in [("total", "all"), ("modality", "CT"), ("type", "organ")] {
            let cell = cell(report, by, name, "accuracy");
            assert!(words.contains(&cell), "{cell} in\n{words}");
        }
    }
    shoot(&mut app, "scores_two");
    click(&mut app, "Questions");
    click(&mut app, "Models differ");
    let row = "Question 2: Is there a nodule, number 1?, huatuo right, llava-med wrong";
    app.harness.get_by_label(row).click();
    app.settle();
    let answers = ["It is an MRI.", "This is a CT image."];
    let places = answers.map(|answer| app.harness.get_by_label(answer).rect());
    assert!(places[0].right() < places[1].left(), "{places:?}");
    assert!((places[0].top() - places[1].top()).abs() < 1.0, "{places:?}");
    shoot(&mut app, "question_two");
    // another score in the table
    click(&mut app, "Scores");
    app.harness.get_by_role_and_label(Role::ComboBox, "Score").click();
    app.settle();
    click(&mut app, "exact match");
    let cell = cell(&reports[1], "modality", "CT", "exact_match");
    assert!(app.words().contains(&cell), "{cell}");
}

#[test]
fn a_model_is_put_beside_one_that_is_open() {
    let room = Room::new(12);
    room.run("huatuo", mostly_right);
    room.run("llava-med", says_ct);
    let mut app = opened(&room, &["huatuo"]);
    click(&mut app, "Questions");
    app.effects_of(Command::ShowQuestion(7));
    let folders = vec![room.path("llava-med")];
    app.apply(AppEvent::PickedEvaluation { folders, adds: true });
    let runs = |app: &App| app.state().results.evaluation.as_ref().unwrap().runs.len();
    until(&mut app, "two runs", |app| runs(app) == 2);
    assert_eq!(app.state().results.question, Some(7));
    assert!(app.words().contains("llava-med"));
}

#[test]
fn folders_that_do_not_belong_say_so_and_nothing_is_lost() {
    let (room, other) = (Room::new(12), Room::new(14));
    room.run("huatuo", says_ct);
    other.run("other", says_ct);
    let mut app = opened(&room, &["huatuo"]);
    let folders = vec![other.path("other")];
    app.apply(AppEvent::PickedEvaluation { folders, adds: true });
    let said = |app: &App, text: &str| {
        let notices = app.state().notices.shown();
        notices.iter().any(|n| n.level == NoticeLevel::Error && n.text.starts_with(text))
    };
    until(&mut app, "a notice", |app| said(app, "This evaluation asked other questions"));
    // a folder without answers, and one whose answers are damaged
    let folders = vec![room.path("nowhere")];
    app.apply(AppEvent::PickedEvaluation { folders, adds: false });
    until(&mut app, "a notice", |app| said(app, "The settings of the run could not be read"));
    let answers = other.path("other").join("answers.jsonl");
    let text = fs::read_to_string(&answers).unwrap().replacen("\"index\":1,", "\"index\":", 1);
    fs::write(&answers, text).unwrap();
    open(&mut app, &[other.path("other")]);
    until(&mut app, "a notice", |app| said(app, "Line 2 is not an answer of this program"));
    assert!(app.words().contains("data.json · conversations · 12 questions"));
    app.harness.get_by_label("Questions of modality: MRI");
}

#[test]
fn other_questions_begin_unfiltered() {
    let (room, other) = (Room::new(12), Room::new(14));
    room.run("huatuo", mostly_right);
    other.run("other", says_ct);
    let mut app = opened(&room, &["huatuo"]);
    click(&mut app, "Questions");
    click(&mut app, "Wrong only");
    assert!(app.words().contains("3 of 12 questions"), "{}", app.words());
    // read again, the filter stays
    app.harness.state_mut().state_mut().run(Command::ReadEvaluationAgain);
    until(&mut app, "it again", |app| app.state().jobs.visible().next().is_none());
    assert!(app.words().contains("3 of 12 questions"));
    open(&mut app, &[other.path("other")]);
    until(&mut app, "the other", |app| app.words().contains("14 questions"));
    click(&mut app, "Questions");
    assert!(!app.words().contains("of 14 questions"), "{}", app.words());
}

#[test]
fn a_picture_that_is_gone_is_named_and_the_rest_is_shown() {
    let room = Room::new(12);
    room.run("huatuo", says_ct);
    fs::remove_file(room.path("0.png")).unwrap();
    let mut app = opened(&room, &["huatuo"]);
    click(&mut app, "Questions");
    let words = app.words();
    assert!(words.contains("Picture 1 of 1: "), "{words}");
    assert!(words.contains("This is a CT image."), "{words}");
}

#[test]
fn thousands_of_questions_scroll() {
    let room = Room::new(5000);
    room.run("huatuo", mostly_right);
    let mut app = opened(&room, &["huatuo"]);
    click(&mut app, "Questions");
    let rows = |app: &App| app.harness.query_all_by_label_contains(": ").count();
    assert!(rows(&app) < 60, "only rows in sight are made: {}", rows(&app));
    let began = Instant::now();
    app.harness.key_press(Key::End);
    app.settle();
    app.harness.get_by_label_contains("Question 5000:");
    app.harness.get_by_label("Question 5000");
    for _ in 0..40 {
        app.harness.key_press(Key::PageUp);
        app.harness.run_steps(1);
    }
    let each = began.elapsed() / 60;
    println!("{each:?} a drawing");
    app.settle();
    app.harness.get_by_label("Question 4600");
    assert!(rows(&app) < 60);
}

#[test]
fn the_screens_make_room_for_the_viewports_and_come_back() {
    let room = Room::new(12);
    room.run("huatuo", says_ct);
    let mut app = App::with_ct();
    open(&mut app, &[room.path("huatuo").join("results.json")]);
    until(&mut app, "an evaluation", |app| app.state().is_showing_results());
    assert!(app.harness.query_by_label("Question").is_none(), "the chat makes room");
    // keys of the viewport do nothing meanwhile
    let before = app.state().active_viewport().view.clone();
    app.harness.key_press(Key::I);
    app.harness.key_press(Key::Escape);
    app.settle();
    assert_eq!(app.state().active_viewport().view, before);
    app.harness.get_by_label("Viewport 1: CT, image 11 of 20");
    app.harness.get_by_label("Question");
    click(&mut app, "Evaluation");
    app.harness.get_by_label("Questions of modality: MRI");
    click(&mut app, "Close evaluation");
    app.harness.get_by_label("Viewport 1: CT, image 11 of 20");
    assert!(app.state().results.evaluation.is_none());
    assert_eq!(app.state().settings.recent.len(), 1);
}

#[test]
fn the_window_starts_with_an_evaluation_that_is_named() {
    let room = Room::new(12);
    room.run("huatuo", says_ct);
    let path = room.path("huatuo");
    let data_dir = tempfile::tempdir().unwrap();
    let settings = "acknowledged = \"0.1.0\"\n";
    fs::write(data_dir.path().join("settings.toml"), settings).unwrap();
    let mut app = App::start(data_dir, |_| None, |options| options.paths = vec![path]);
    until(&mut app, "an evaluation", |app| app.state().is_showing_results());
    app.harness.get_by_label("Questions of modality: MRI");
}
