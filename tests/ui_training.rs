//! Trainings in the window, followed while the real code writes them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[path = "support/results.rs"]
mod results;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use app_harness::App;
use burn::tensor::Device;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, NoticeLevel, ResultsScreen, TrainingStatus};
use reading_room::train::{CodecMetric, TrainConfig, read_metrics, train};
use results::{click, open, picture, shoot, until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Data, a configuration of two short stages, and what it writes.
struct Training {
    folder: TempDir,
}

impl Training {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Vec::new();
        for index in 0..8_u8 {
            let name = format!("{index}.png");
            picture(index).write_png(&folder.path().join(&name)).unwrap();
            let answer = if index.is_multiple_of(2) { "even" } else { "odd" };
            records.push(json!({"id": name, "image": name, "conversations": [
                {"from": "human", "value": "<image>\nEven or odd?"},
                {"from": "gpt", "value": answer}]}));
        }
        fs::write(folder.path().join("data.json"), Value::from(records).to_string()).unwrap();
        let model = fs::canonicalize("tests/fixtures/models/huatuo-7b-tiny/model").unwrap();
        let text = format!(
            "seed = 3\n[model]\nfolder = \"{}\"\n[data]\ntrain = [\"data.json\"]\n\
             validation = [\"data.json\"]\nimages = \".\"\n[output]\nfolder = \"run\"\n\
             save_every = 2\n[[stage]]\nname = \"alignment\"\ntrain = [\"projector\"]\n\
             steps = 3\nbatch = 4\nlearning_rate = 2e-3\n[[stage]]\nname = \"instructions\"\n\
             train = [\"projector\"]\nepochs = 2.5\nbatch = 2\naccumulate = 2\n\
             learning_rate = 1e-3\n",
            model.display()
        );
        fs::write(folder.path().join("config.toml"), text).unwrap();
        Self { folder }
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn file(&self) -> PathBuf {
        self.output().join("metrics.jsonl")
    }

    /// Trains until a step is done, or to the end.
    fn train(&self, stop_after: Option<u64>) {
        let config = TrainConfig::read(&self.folder.path().join("config.toml")).unwrap();
        let ended =
            train(&config, &Device::flex(), false, &mut |report| match Some(report.metric.step)
                == stop_after
            {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            });
        assert_eq!(ended.is_ok(), stop_after.is_none());
    }
}

fn follow(app: &mut App, folder: &Path) {
    app.apply(AppEvent::PickedTraining(folder.to_owned()));
}

fn step(app: &App) -> Option<u64> {
    Some(app.state().results.training.as_ref()?.last()?.step)
}

fn status(app: &App) -> TrainingStatus {
    let state = app.state();
    state.results.training.as_ref().unwrap().status(state.now_secs)
}

#[test]
fn a_training_is_followed_from_before_its_first_step_to_its_end() {
    let training = Training::new();
    fs::create_dir(training.output()).unwrap();
    let mut app = App::new();
    follow(&mut app, &training.output());
    until(&mut app, "a training", |app| app.state().results.training.is_some());
    app.harness.get_by_label("No file yet");
    training.train(Some(4));
    until(&mut app, "four steps", |app| step(app) == Some(4));
    let written = read_metrics(&training.file()).unwrap();
    assert_eq!(app.state().results.training.as_ref().unwrap().metrics, written);
    let words = app.words();
    // 3 steps, then 2.5 times through 8 records by 4
    for text in ["4 of 8", "instructions (2 of 2)", "0.50 of 2.5", "Running"] {
        assert!(words.contains(text), "{text} in\n{words}");
    }
    let loss = format!("{:.2}", written[3].loss);
    let chart = app.harness.get_by_label_contains("Loss at step 4: training");
    assert!(format!("{chart:?}").contains(&loss), "{loss} in {chart:?}");
    let held = written.iter().rev().find_map(|metric| metric.validation_accuracy).unwrap();
    let held = format!("validation {:.1} %", held * 100.0);
    assert!(app.words().contains(&held), "{held} in\n{}", app.words());
    assert!(app.painted().contains("instructions"), "where a stage begins is marked");
    // the rest, resumed from its last saved state
    training.train(None);
    until(&mut app, "the end", |app| step(app) == Some(8));
    assert_eq!(status(&app), TrainingStatus::Finished);
    let written = read_metrics(&training.file()).unwrap();
    assert_eq!(app.state().results.training.as_ref().unwrap().metrics, written);
    assert!(app.words().contains("Finished"));
    shoot(&mut app, "training_finished");
}

#[test]
fn half_a_line_is_left_out_until_it_is_whole() {
    let training = Training::new();
    training.train(Some(3));
    let whole = fs::read_to_string(training.file()).unwrap();
    let (start, end) = whole.split_at(whole.len() - 30);
    fs::write(training.file(), start).unwrap();
    let mut app = App::new();
    open(&mut app, &[training.output()]);
    until(&mut app, "two steps", |app| step(app) == Some(2));
    assert!(app.words().contains("The last line of metrics.jsonl is cut off"));
    let mut file = OpenOptions::new().append(true).open(training.file()).unwrap();
    file.write_all(end.as_bytes()).unwrap();
    until(&mut app, "three steps", |app| step(app) == Some(3));
    assert!(!app.words().contains("is cut off"));
    file.write_all(b"{\"step\": \n").unwrap();
    let damaged = "One line of metrics.jsonl could not be read and is left out.";
    until(&mut app, "a note", |app| app.words().contains(damaged));
    assert_eq!(step(&app), Some(3));
    // written anew, shorter and then longer: what was read before no longer counts
    let first = whole.lines().next().unwrap().replace("\"step\":1,", "\"step\":7,");
    fs::write(training.file(), format!("{first}\n")).unwrap();
    until(&mut app, "the new file", |app| step(app) == Some(7));
    assert_eq!(app.state().results.training.as_ref().unwrap().metrics.len(), 1);
    fs::write(training.file(), whole.repeat(4)).unwrap();
    until(&mut app, "the newest file", |app| step(app) == Some(3));
    assert_eq!(app.state().results.training.as_ref().unwrap().metrics.len(), 12);
}

#[test]
fn silence_is_called_a_stop() {
    let training = Training::new();
    training.train(Some(4));
    let file = OpenOptions::new().append(true).open(training.file()).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(4000)).unwrap();
    drop(file);
    let mut app = App::new();
    open(&mut app, &[training.output()]);
    until(&mut app, "four steps", |app| step(app) == Some(4));
    assert!(matches!(status(&app), TrainingStatus::Stopped(secs) if secs >= 4000.0));
    let words = app.words();
    assert!(words.contains("Stopped"), "{words}");
    assert!(words.contains("No step for 1 h 06 min: the training was stopped."), "{words}");
    shoot(&mut app, "training_stopped");
}

#[test]
fn a_bad_folder_says_so_and_the_training_stays() {
    let training = Training::new();
    training.train(Some(2));
    let mut app = App::new();
    open(&mut app, &[training.output()]);
    until(&mut app, "two steps", |app| step(app) == Some(2));
    let error = |app: &App, text: &str| {
        let notices = app.state().notices.shown();
        notices.iter().any(|n| n.level == NoticeLevel::Error && n.text.starts_with(text))
    };
    follow(&mut app, Path::new("/no/such/folder"));
    until(&mut app, "a notice", |app| error(app, "The folder cannot be opened"));
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("metrics.jsonl"), "something else\n").unwrap();
    open(&mut app, &[other.path().to_owned()]);
    until(&mut app, "a notice", |app| {
        error(app, "This metrics.jsonl was not written by a training")
    });
    assert_eq!(step(&app), Some(2));
    app.harness.get_by_label("Close training");
    // and it is still followed
    let line = fs::read_to_string(training.file()).unwrap().lines().next().unwrap().to_owned();
    let mut file = OpenOptions::new().append(true).open(training.file()).unwrap();
    writeln!(file, "{}", line.replace("\"step\":1,", "\"step\":3,")).unwrap();
    until(&mut app, "a third step", |app| step(app) == Some(3));
    click(&mut app, "Close training");
    assert!(app.state().results.training.is_none());
    assert_eq!(app.state().results.shown, None);
    assert!(!app.state().results.has(ResultsScreen::Training));
}

#[test]
fn a_codecs_training_shows_the_likeness_of_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let line = |step: u64, validation: Value| {
        let metric = json!({"step": step, "stage": "everything", "epoch": 0.5, "loss": 0.4,
            "reconstruction": 0.25, "codebook": 0.15, "perplexity": 12.0, "codes_used": 14,
            "restarted": 0, "learning_rate": 1e-3, "gradient_norm": 1.0, "seconds": 0.5,
            "validation": validation});
        serde_json::from_value::<CodecMetric>(metric.clone()).unwrap();
        metric.to_string()
    };
    let measured =
        json!({"reconstruction": 0.2, "psnr_db": 21.0, "ssim": 0.634, "perplexity": 9.0});
    let text = format!("{}\n{}\n", line(1, Value::Null), line(2, measured));
    fs::write(folder.path().join("metrics.jsonl"), text).unwrap();
    let mut app = App::new();
    open(&mut app, &[folder.path().to_owned()]);
    until(&mut app, "two steps", |app| step(app) == Some(2));
    let words = app.words();
    assert!(words.contains("Likeness (SSIM), %") && words.contains("63.4 %"), "{words}");
    assert!(!words.contains("Ids right"), "{words}");
}
