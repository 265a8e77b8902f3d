//! Evaluations as a script runs them: every format with a small model, broken off and gone on
//! with, in parts, and with files that are not as they should be.
#![expect(clippy::unwrap_used, reason = "a broken test should fail loudly")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use reading_room::eval::{Record, Report};
use serde_json::{Value, json};
use tempfile::TempDir;

const HUATUO: &str = "tests/fixtures/models/huatuo-7b-tiny/model";
const LLAVA_MED: &str = "tests/fixtures/models/llava-med-v1.5-tiny/model";
const PICTURES: &str = "tests/fixtures/models/images";
const FIXTURES: &str = "tests/fixtures/evaluation";

fn reading_room(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reading-room")).args(args).output().unwrap()
}

/// A data file and the folder for its answers.
struct Work {
    folder: TempDir,
    data: String,
    model: &'static str,
}

impl Work {
    fn new(model: &'static str, content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data.json");
        fs::write(&data, content).unwrap();
        Self { data: data.display().to_string(), folder, model }
    }

    fn out(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, out: &str, further: &[&str]) -> Output {
        let args = ["eval", "--model", self.model, "--dataset", &self.data, "--images", PICTURES];
        let machine = ["--device", "cpu", "--precision", "f32", "--in-process", "--json"];
        let budget: &[&str] =
            if further.contains(&"--max-new-tokens") { &[] } else { &["--max-new-tokens", "6"] };
        let out = self.out(out);
        reading_room(&[&args[..], &machine, &["--out", &out], budget, further].concat())
    }

    /// The object that the command prints, which is the one it writes.
    fn report(&self, out: &str, further: &[&str]) -> Value {
        let output = self.run(out, further);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let written = fs::read(self.folder.path().join(out).join("results.json")).unwrap();
        assert_eq!(printed, serde_json::from_slice::<Value>(&written).unwrap());
        printed
    }

    fn read(&self, out: &str, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(out).join(name)).unwrap()
    }

    /// What the questions gave, without what differs from run to run.
    fn records(&self, out: &str) -> Vec<Record> {
        let (_, mut records) = Report::open(&self.folder.path().join(out)).unwrap();
        for record in &mut records {
            record.timings = None;
        }
        records
    }
}

/// One sentence on standard error, exit status 1, nothing on standard output.
fn check_failure(output: &Output, words: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(output.stdout, b"", "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    for word in words {
        assert!(errors.contains(word), "{errors:?} does not say {word:?}");
    }
}

/// Without times and the folder's part.
fn figures(report: &Value) -> [Value; 5] {
    ["total", "groups", "published", "answered", "questions"].map(|key| report[key].clone())
}

fn choice(id: u64, picture: &str, answer: &str, dataset: &str, subset: &str) -> Value {
    json!({"test_id": id, "question": "What is shown?", "options": "['CT', 'MRI', 'Ultrasound']",
        "answer": answer, "image": [picture], "dataset": dataset, "subset": subset})
}

fn benchmark() -> String {
    json!([
        choice(1, "ct_square_gray.png", "CT", "VQA-RAD", ""),
        choice(2, "ultrasound_rgb.png", "Ultrasound", "VQA-RAD", ""),
        choice(3, "ct_landscape_gray.png", "CT", "SLAKE", "abdomen"),
        {"question": "Why?", "options": [], "answer": "x", "dataset": "SLAKE", "question_type": "open"},
        choice(4, "ct_landscape_gray.png", "MRI", "SLAKE", "abdomen"),
        choice(4, "ct_landscape_gray.png", "MRI", "SLAKE", "abdomen"),
        choice(5, "ct_square_gray.png", "?", "SLAKE", "head"),
    ])
    .to_string()
}

#[test]
fn a_benchmark_of_options_is_asked_and_scored() {
    let work = Work::new(HUATUO, &benchmark());
    let report = work.report("out", &[]);
    assert_eq!((&report["questions"], &report["answered"]), (&json!(5), &json!(5)));
    let dropped = &report["settings"]["dropped"];
    assert_eq!((&dropped["open"], &dropped["repeated"]), (&json!(1), &json!(1)));
    let asked = &report["settings"]["asked"];
    assert_eq!(
        (&asked["family"], &asked["precision"]),
        (&json!("huatuo-vision-7b"), &json!("f32"))
    );
    assert_eq!(asked["weights_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(report["settings"]["program_version"], env!("CARGO_PKG_VERSION"));
    let names: Vec<_> = report["groups"].as_array().unwrap().iter().map(|g| &g["name"]).collect();
    assert_eq!(names, ["SLAKE", "VQA-RAD", "SLAKE_abdomen", "SLAKE_head"]);
    assert_eq!(report["groups"][0]["questions"], 3);
    let accuracy = &report["total"]["figures"]["accuracy"];
    let (low, high) = (accuracy["low"].as_f64().unwrap(), accuracy["high"].as_f64().unwrap());
    assert!((low..=high).contains(&accuracy["value"].as_f64().unwrap()));
    assert_eq!(report["published"]["scorer"]["total"], accuracy["value"]);
    // CT is right for two of the four questions with a known answer
    assert_eq!(report["total"]["majority"], 0.5);
}

#[test]
fn a_benchmarks_answers_are_kept_with_their_evidence() {
    let work = Work::new(HUATUO, &benchmark());
    work.report("out", &[]);
    let records = work.records("out");
    let prompt = "What is shown?\nA. CT\nB. MRI\nC. Ultrasound\n\
        Answer with the option's letter from the given choices directly.";
    assert_eq!(records[0].question, prompt);
    assert!(records[0].prompt.contains("<image>") && records[0].prompt.contains(prompt));
    assert_eq!(records[0].output_ids.len(), 6);
    assert!(Path::new(&records[0].images[0]).is_file());
    let predictions: Value = serde_json::from_str(&work.read("out", "predictions.json")).unwrap();
    assert_eq!(predictions[3]["test_id"], 4);
    assert_eq!(predictions[2]["subset"], "abdomen");
    assert_eq!(predictions[1]["model_output"], records[1].text);
    assert_eq!(predictions[1]["options"][2], "Ultrasound");
    let table = work.read("out", "results.md");
    assert!(table.contains("| dataset: SLAKE | 3 |") && table.contains("most frequent"), "{table}");
    assert!(table.contains("1 dropped as open, 1 dropped as repeated"), "{table}");
}

#[test]
fn answers_are_those_that_ask_gives() {
    let work = Work::new(HUATUO, &benchmark());
    work.report("out", &["--limit", "2", "--repetition-penalty", "1.2"]);
    let records = work.records("out");
    assert_eq!(records.len(), 2);
    for record in records {
        let image = &record.images[0];
        let output = reading_room(&[
            "ask",
            "--model",
            HUATUO,
            "--image",
            image,
            "--question",
            &record.question,
            "--json",
            "--device",
            "cpu",
            "--precision",
            "f32",
            "--max-new-tokens",
            "6",
            "--in-process",
            "--repetition-penalty",
            "1.2",
        ]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["output_ids"], json!(record.output_ids));
        assert_eq!(
            (&answer["text"], &answer["prompt"]),
            (&json!(record.text), &json!(record.prompt))
        );
    }
}

#[test]
fn visual_questions_are_asked_and_scored() {
    let turns = |question: &str, answer: &str| {
        json!([{"from": "human", "value": format!("{question}\n<image>")},
            {"from": "gpt", "value": answer}])
    };
    let data = json!([
        {"id": "a", "image": "ct_square_gray.png", "answer_type": "OPEN",
            "conversatons": turns("What organ is this?", "the liver")},
        {"id": "b", "image": "ct_square_gray.png", "answer_type": "CLOSED",
            "conversations": turns("Is this a CT?", "yes")},
    ]);
    let work = Work::new(LLAVA_MED, &data.to_string());
    let report = work.report("out", &[]);
    let figures = report["total"]["figures"].as_object().unwrap();
    for name in
        ["recall", "f1", "bleu_score", "open_accuracy_corrected", "closed_accuracy_corrected"]
    {
        assert_eq!(figures[name]["questions"], 1, "{name}");
    }
    assert!(report["published"]["run_eval_batch"]["recall_closed"].is_number());
    let lines = work.read("out", "predictions.jsonl");
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let keys: Vec<_> = first.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["answer_id", "metadata", "model_id", "prompt", "question_id", "text"]);
    assert_eq!(
        (&first["question_id"], &first["prompt"]),
        (&json!("a"), &json!("What organ is this?"))
    );
    assert_eq!((&first["model_id"], &first["metadata"]), (&json!("model"), &json!({})));
    // the same picture again: only the words are read
    let (_, records) = Report::open(Path::new(&work.out("out"))).unwrap();
    let read = |record: &Record| record.timings.unwrap().prefill_tokens;
    assert!(read(&records[1]) < read(&records[0]), "{records:?}");
}

#[test]
fn lines_take_their_references_from_the_ground_truth() {
    let truth = json!([{"id": 7, "image": "x.png", "answer_type": "CLOSED", "conversations":
        [{"from": "human", "value": "Is it a CT?"}, {"from": "gpt", "value": "yes"}]}]);
    let line =
        json!({"question_id": 7, "image": "ct_square_gray.png", "text": "Is it a CT?\n<image>"});
    let work = Work::new(LLAVA_MED, &format!("{line}\n"));
    let path = work.out("truth.json");
    fs::write(&path, truth.to_string()).unwrap();
    let report = work.report("out", &["--ground-truth", &path]);
    assert_eq!(report["total"]["figures"]["closed_recall"]["questions"], 1);
    let unscored = work.report("plain", &[]);
    assert_eq!(unscored["total"]["figures"], json!({}));
    fs::write(&path, truth.to_string().replace("\"id\":7", "\"id\":8")).unwrap();
    let words = ["the ground truth has id 8 where the data file has 7"];
    check_failure(&work.run("out", &["--ground-truth", &path]), &words);
}

#[test]
fn chat_questions_are_written_down_for_a_judge() {
    let line = |id: u64, kind: &str| {
        json!({"question_id": id, "image": "ultrasound_rgb.png", "text": "What is shown?",
            "type": kind, "domain": {"chest_xray": false, "mri": true}, "fig_caption": "A scan.",
            "gpt4_answer": "An MRI."})
    };
    let data = format!("{}\n{}\n", line(3, "conversation"), line(4, "detailed_description"));
    let work = Work::new(LLAVA_MED, &data);
    let report = work.report("out", &[]);
    assert_eq!(report["settings"]["format"], "llava-med-chat");
    assert_eq!(report["total"]["figures"], json!({}));
    assert_eq!(
        report["groups"][0],
        json!({"by": "domain", "name": "mri", "questions": 2,
        "figures": {}, "majority": null})
    );
    let lines = work.read("out", "predictions.jsonl");
    let ids: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["question_id"].clone())
        .collect();
    assert_eq!(ids, [3, 4]);

    let scores = work.out("scores.jsonl");
    let verdict = json!({"question_id": 3, "type": "conversation", "domain": {"mri": true},
        "gpt_eval": "8 6\nGood."});
    fs::write(&scores, verdict.to_string()).unwrap();
    let output = reading_room(&["eval", "judge-scores", &scores]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("| overall | 1 | 8.00 | 6.00 | 75.0 (75.0–75.0) |"), "{table}");
    let output = reading_room(&["eval", "judge-scores", &scores, "--json"]);
    let table: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(table["rows"][2]["pred_relative_score"]["value"], 75.0);
}

fn conversations() -> String {
    let record = |id: u64, picture: &str, modality: &str| {
        json!({"id": id, "image": [picture], "modality": modality, "body_part": "Abdomen",
            "choices": ["CT", "Ultrasound"], "conversations": [
                {"from": "human", "value": "Which modality?"},
                {"from": "gpt", "value": format!("The modality is {modality}.")},
                {"from": "human", "value": "Describe it."},
                {"from": "gpt", "value": "A picture of the abdomen."}]})
    };
    json!([
        record(1, "ct_square_gray.png", "CT"),
        record(2, "ultrasound_rgb.png", "Ultrasound"),
        record(3, "ct_landscape_gray.png", "CT"),
        record(4, "ct_square_gray.png", "CT"),
        record(5, "ultrasound_rgb.png", "Ultrasound"),
    ])
    .to_string()
}

#[test]
fn conversations_are_reported_by_what_their_records_say() {
    let work = Work::new(HUATUO, &conversations());
    let report = work.report("out", &[]);
    let groups = report["groups"].as_array().unwrap();
    let names: Vec<_> = groups.iter().map(|group| &group["name"]).collect();
    assert_eq!(names, ["Abdomen", "CT", "Ultrasound"]);
    assert_eq!(report["total"]["majority"], 0.6);
    assert_eq!(groups[1]["majority"], 1.0);
    assert_eq!(report["total"]["figures"]["accuracy"]["questions"], 5);
    let all = work.report("all", &["--turns", "all", "--limit", "2"]);
    assert_eq!(all["answered"], 2);
    let records = work.records("all");
    assert_eq!(records[1].question, "Describe it.");
    assert!(records[1].prompt.contains("The modality is CT."), "{}", records[1].prompt);
    assert_eq!(records[1].prompt.matches("<image>").count(), 1);
}

#[test]
fn a_run_that_was_cut_off_goes_on_where_it_was() {
    let work = Work::new(HUATUO, &conversations());
    let whole = work.report("out", &[]);
    let (before, path) = (work.records("out"), Path::new(&work.out("out")).join("answers.jsonl"));
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    // two whole answers and a half
    let cut = lines[0].len() + lines[1].len() + 2 + lines[2].len() / 2;
    fs::write(&path, &text.as_bytes()[..cut]).unwrap();
    let again = work.report("out", &[]);
    assert_eq!(figures(&again), figures(&whole));
    assert_eq!(work.records("out"), before);
    let text = fs::read_to_string(&path).unwrap();
    let now: Vec<&str> = text.lines().collect();
    assert_eq!(now.len(), 5);
    assert_eq!(now[..2], lines[..2], "answers that were there are kept as they are");
    // nothing is left to do
    assert_eq!(figures(&work.report("out", &[])), figures(&whole));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_folder_with_answers_of_another_run_is_refused() {
    let work = Work::new(HUATUO, &conversations());
    work.report("out", &["--limit", "1"]);
    let refused = |further: &[&str], words: &[&str]| {
        check_failure(&work.run("out", &[&["--limit", "1"], further].concat()), words);
    };
    let words = "this folder holds answers of a run with other settings";
    refused(
        &["--temperature", "0.5"],
        &[words, "asked.sampling.temperature is 0.0 there and 0.5 here"],
    );
    // asking more of the same questions is going on
    assert_eq!(work.report("out", &["--limit", "2"])["answered"], 2);
    refused(&[], &[words, "limit is 2 there and 1 here"]);
    refused(&["--blind"], &[words, "blind is false there and true here"]);
    refused(&["--max-new-tokens", "9"], &[words, "asked.max_new_tokens is 6 there and 9 here"]);
    fs::write(&work.data, conversations().replace("Which modality", "What modality")).unwrap();
    refused(&[], &[words, "dataset_sha256"]);
}

#[test]
fn parts_put_together_are_the_whole() {
    let work = Work::new(HUATUO, &conversations());
    let whole = work.report("whole", &[]);
    let parts: Vec<String> = ["1/3", "2/3", "3/3"]
        .iter()
        .enumerate()
        .map(|(at, shard)| {
            let name = format!("part{at}");
            let report = work.report(&name, &["--shard", shard]);
            assert_eq!(report["questions"], [2, 2, 1][at]);
            work.out(&name)
        })
        .collect();
    let merged = work.out("merged");
    let merge = |parts: &[&str]| {
        reading_room(&[&["eval", "merge", "--json", "--out", &merged], parts].concat())
    };
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let output = merge(&parts);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures(&report), figures(&whole));
    assert_eq!(report["settings"], whole["settings"]);
    assert_eq!(work.records("merged"), work.records("whole"));
    assert_eq!(work.read("merged", "predictions.jsonl"), work.read("whole", "predictions.jsonl"));
    // one part is missing: said, not hidden
    let output = merge(&parts[..2]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["answered"], &report["unanswered"]), (&json!(4), &json!(1)));
    check_failure(&merge(&[parts[0], parts[0]]), &["do not belong together", "is in two of them"]);
    work.report("blind", &["--shard", "3/3", "--blind"]);
    check_failure(&merge(&[parts[0], &work.out("blind")]), &["do not belong together", "blind"]);
    check_failure(&merge(&[&work.out("nowhere")]), &["could not be read", "nowhere"]);
}

#[test]
fn a_question_whose_picture_is_missing_fails_alone() {
    let data = conversations().replacen("ct_square_gray.png", "gone.png", 1);
    let work = Work::new(HUATUO, &data);
    let report = work.report("out", &[]);
    assert_eq!((&report["answered"], &report["failed"]), (&json!(4), &json!(1)));
    let failure = &report["failures"][0];
    assert_eq!(failure["id"], 1);
    let reason = failure["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("there is no such file") && reason.ends_with("gone.png"),
        "{reason}"
    );
    assert!(work.read("out", "results.md").contains("- 1: there is no such file"));
    assert_eq!(report["total"]["figures"]["accuracy"]["questions"], 4);
    // it is asked again once the picture is there
    fs::copy(format!("{PICTURES}/ct_square_gray.png"), work.out("gone.png")).unwrap();
    let report = work.report("out", &[]);
    assert_eq!((&report["answered"], &report["failed"]), (&json!(5), &json!(0)));
}

#[test]
fn a_run_without_any_answer_fails() {
    let data = json!([choice(1, "gone.png", "CT", "SLAKE", "")]).to_string();
    let work = Work::new(HUATUO, &data);
    check_failure(&work.run("out", &[]), &["no question could be asked", "gone.png"]);
    assert!(work.read("out", "results.md").contains("1 failed"));
}

#[test]
fn a_blind_model_cannot_tell_pictures_apart() {
    let data = json!([choice(1, "bright.png", "CT", "", ""), choice(2, "noisy.png", "CT", "", "")]);
    let work = Work::new(HUATUO, &data.to_string());
    let picture = |name: &str, of: fn(u32, u32) -> u8| {
        let of = |x, y| image::Luma([of(x, y)]);
        image::GrayImage::from_fn(64, 48, of).save(work.out(name)).unwrap();
    };
    picture("bright.png", |_, _| 250);
    picture("noisy.png", |x, y| ((x * 37) ^ (y * 91)) as u8);
    let answers = |out: &str, further: &[&str]| {
        work.report(out, &[&["--max-new-tokens", "12"], further].concat());
        let records = work.records(out);
        [records[0].output_ids.clone(), records[1].output_ids.clone()]
    };
    let [bright, noisy] = answers("seeing", &[]);
    assert_ne!(bright, noisy);
    let [bright, noisy] = answers("blind", &["--blind"]);
    assert_eq!(bright, noisy);
    assert!(work.read("blind", "results.md").contains("**Blind**"));
}

#[test]
fn the_engine_worker_gives_the_same_answers() {
    let work = Work::new(HUATUO, &benchmark());
    work.report("here", &[]);
    let out = work.out("engine");
    let output = reading_room(&[
        "eval",
        "--model",
        HUATUO,
        "--dataset",
        &work.data,
        "--images",
        PICTURES,
        "--out",
        &out,
        "--device",
        "cpu",
        "--precision",
        "f32",
        "--max-new-tokens",
        "6",
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(work.records("engine"), work.records("here"));
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(table, work.read("engine", "results.md"));
}

/// Answers of another program through `eval score`.
fn scored(data: &str, answers: &str, further: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let [data, answers] = [data, answers].map(|name| format!("{FIXTURES}/{name}"));
    let out = folder.path().join("out").display().to_string();
    let args =
        ["eval", "score", "--json", "--dataset", &data, "--answers", &answers, "--out", &out];
    let output = reading_room(&[&args[..], further].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fixture(name: &str) -> Value {
    serde_json::from_slice(&fs::read(format!("{FIXTURES}/{name}")).unwrap()).unwrap()
}

fn check_close(got: &Value, expected: &Value, what: &str) {
    for (name, expected) in expected.as_object().unwrap() {
        let (got, expected) = (got[name].as_f64().unwrap(), expected.as_f64().unwrap());
        assert!((got - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{what} {name}: {got}");
    }
}

#[test]
fn given_answers_score_as_the_authors_scripts_score_them() {
    let candidates = format!("{FIXTURES}/vqa_candidate.json");
    let report = scored("vqa_test.json", "vqa_answers.jsonl", &["--candidates", &candidates]);
    let expected = fixture("vqa_metrics.json");
    for script in ["run_eval", "run_eval_batch"] {
        check_close(&report["published"][script], &expected[script], script);
    }
    // two of five are right once "no" in "normal" no longer counts
    let corrected = &report["total"]["figures"]["closed_accuracy_corrected"];
    assert_eq!((&corrected["value"], &corrected["questions"]), (&json!(0.4), &json!(5)));

    let report = scored("mcq_data.json", "mcq_answers.json", &[]);
    let expected = fixture("mcq_scores.json");
    let scorer = &report["published"]["scorer"];
    check_close(scorer, &expected["accuracy"], "scorer");
    check_close(scorer, &json!({"total": expected["total"]}), "scorer");
    assert_eq!(scorer.as_object().unwrap().len(), 7);
    let corrected = report["total"]["figures"]["accuracy_corrected"]["value"].as_f64().unwrap();
    assert!((corrected - 11.0 / 14.0).abs() < 1e-12);
}

#[test]
fn wrong_arguments_are_exit_status_2() {
    for args in [
        &["eval"][..],
        &["eval", "--dataset", "x.json"],
        &["eval", "--dataset", "x.json", "--out", "o", "--shard", "0/3"],
        &["eval", "--dataset", "x.json", "--out", "o", "--shard", "4/3"],
        &["eval", "--dataset", "x.json", "--out", "o", "--turns", "some"],
        &["eval", "merge", "--out", "o"],
    ] {
        assert_eq!(reading_room(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_said_in_one_sentence() {
    let work = Work::new(HUATUO, "[{\"name\": \"something else\"}]");
    let words = ["none of the formats", "HuatuoGPT-Vision", "LLaVA-Med", "PubMedVision"];
    check_failure(&work.run("out", &[]), &words);
    fs::write(&work.data, "[]").unwrap();
    check_failure(&work.run("out", &[]), &["there is no question in this file"]);
    fs::remove_file(&work.data).unwrap();
    check_failure(&work.run("out", &[]), &["the data file could not be read", "data.json"]);
    let work = Work { model: "no-such-model", ..Work::new(HUATUO, &benchmark()) };
    check_failure(&work.run("out", &[]), &["no-such-model"]);
}
