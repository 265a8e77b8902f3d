//! `reading-room bench`, as a script sees it.
#![expect(clippy::unwrap_used, reason = "a broken test should fail loudly")]

use std::process::{Command, Output};

use serde_json::{Value, json};

const MODEL: &str = "tests/fixtures/models/huatuo-7b-tiny";

fn reading_room(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reading-room")).args(args).output().unwrap()
}

/// The last line of standard output.
fn bench(args: &[&str]) -> (String, Value) {
    bench_in("f32", args)
}

fn bench_in(precision: &str, args: &[&str]) -> (String, Value) {
    let settings = ["bench", "--device", "cpu", "--precision", precision];
    let output = reading_room(&[&settings, args].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    (text, last)
}

/// Exit status and the one sentence on standard error.
fn failure(args: &[&str]) -> (Option<i32>, String) {
    let output = reading_room(&[&["bench"], args].concat());
    assert_eq!(output.stdout, b"", "{args:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

const TIMINGS: [&str; 7] = [
    "image_encode_ms",
    "prefill_ms",
    "first_token_ms",
    "decode_ms",
    "image_encode_cpu_ms",
    "prefill_cpu_ms",
    "decode_cpu_ms",
];

/// The first question of a case of the fixture: its ids around the picture, and what came.
fn case() -> (Value, String) {
    let folder = format!("{MODEL}/cases/chinese");
    let text = std::fs::read_to_string(format!("{folder}/case.json")).unwrap();
    let case: Value = serde_json::from_str(&text).unwrap();
    let turn = case["turns"][0].clone();
    let image = format!("{folder}/{}", turn["images"][0].as_str().unwrap());
    (turn, image)
}

fn bench_file(turn: &Value) -> Value {
    let ids = turn["input_ids"].as_array().unwrap();
    let at = ids.iter().position(|id| *id == -200).unwrap();
    json!({"before": ids[..at], "after": ids[at + 1..], "n_image": 16, "image_token": -200})
}

#[test]
fn a_model_is_measured_on_the_exact_prompt() {
    let (turn, image) = case();
    let file = bench_file(&turn);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let (model, path) = (format!("{MODEL}/model"), path.display().to_string());
    let args = ["--model", &model, "--image", &image, "--bench", &path, "--json"];
    let settings = ["--threads", "1", "-n", "20", "--repeat", "2"];
    let (text, report) = bench(&[&args[..], &settings].concat());
    assert_eq!(text.lines().count(), 1, "{text}");

    let after = file["after"].as_array().unwrap().len();
    let prompt = file["before"].as_array().unwrap().len() + 16 + after;
    assert_eq!(report["prefill_tokens"], prompt);
    assert_eq!(report["decode_tokens"], 20);
    assert_eq!((&report["threads"], &report["runs"]), (&json!(1), &json!(2)));
    assert_eq!(report["device"], "cpu: 1 thread");
    assert_eq!((&report["model"], &report["precision"]), (&json!("model"), &json!("f32")));
    assert_eq!(report["tokens"].as_array().unwrap()[..], greedy_ids(&turn)[..16]);
    for key in TIMINGS {
        let median = report[key].as_f64().unwrap();
        let [min, max] = ["min", "max"].map(|end| report["spread"][key][end].as_f64().unwrap());
        assert!(min <= median && median <= max, "{key}: {min} {median} {max}");
        assert!(report["cold"][key].is_number(), "{key}");
    }
    for key in ["load_ms", "peak_rss_mb", "cold_image_encode_ms", "cold_prefill_ms"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}");
    }
    assert_eq!(report["peak_gpu_mb"], Value::Null);
    let probe = report["probe"].as_array().unwrap();
    assert_eq!(probe.len(), 8);
    assert!(probe[0].is_number() && probe[7].is_null(), "{probe:?}");
    // of the second question all but what follows the picture is at hand
    assert_eq!(report["second_question"]["prefill_tokens"], after);
    assert!(report["second_question"]["first_token_ms"].as_f64().unwrap() > 0.0);
}

/// What the authors' code gives without an end.
fn greedy_ids(turn: &Value) -> Vec<Value> {
    turn["greedy"]["ids"].as_array().unwrap().clone()
}

#[test]
fn without_a_prompt_a_usual_question_is_asked_and_a_table_printed() {
    let model = format!("{MODEL}/model");
    let (_, image) = case();
    let args = ["--model", &model, "--image", &image, "-n", "2", "--repeat", "1"];
    let (text, one) = bench(&args);
    assert!(text.starts_with("model in f32 on cpu: "), "{text}");
    for words in ["image encode ", "prefill ", "decode ", "second question "] {
        assert!(text.lines().any(|line| line.starts_with(words)), "{text}");
    }
    let (_, two) = bench(&[&args[..], &["--images", "2"]].concat());
    // a marker and its line end go with every picture
    let [one, two] = [one, two].map(|report| report["prefill_tokens"].as_u64().unwrap());
    assert!((one + 16..one + 20).contains(&two), "{one} {two}");
    let args = ["--model", &model, "--images", "0", "--prompt-tokens", "30", "-n", "0"];
    let (_, report) = bench(&args);
    assert_eq!((&report["prefill_tokens"], &report["decode_tokens"]), (&json!(30), &json!(0)));
    assert_eq!(report["tokens"].as_array().unwrap().len(), 1);
    assert_eq!(report["second_question"]["prefill_tokens"], 15);
}

#[test]
fn what_cannot_be_measured_is_said_in_one_sentence() {
    let model = format!("{MODEL}/model");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.json");
    let file = path.display().to_string();
    let args = ["--model", &model, "--bench", &file, "--device", "cpu"];
    for (text, words) in [
        ("{", "no lists of ids"),
        (r#"{"before": [1], "after": [4000000]}"#, "below the size of the vocabulary"),
    ] {
        std::fs::write(&path, text).unwrap();
        let (status, errors) = failure(&args);
        assert_eq!((status, errors.lines().count()), (Some(1), 1), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
    let (status, errors) = failure(&["--model", &model, "--prompt-tokens", "5000"]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("too long"), "{errors}");
    assert_eq!(failure(&["--model", &model, "--threads", "0"]).0, Some(2));
    let (status, errors) = failure(&["--synthetic", "gpt"]);
    assert_eq!(status, Some(2));
    assert!(errors.contains("gpt is none of huatuo-vision-7b"), "{errors}");
    let args = ["--synthetic", "vqgan-f8", "--model", &model];
    assert_eq!(failure(&args).0, Some(2));
}

#[test]
fn a_shape_that_memory_cannot_hold_is_refused_before_it_is_made() {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    if total.is_none_or(|kib| kib > 130 << 20) {
        println!("skipped: this machine may hold the largest shape");
        return;
    }
    let args = ["--synthetic", "huatuo-vision-34b", "--device", "cpu", "--precision", "f32"];
    let (status, errors) = failure(&args);
    assert_eq!((status, errors.lines().count()), (Some(1), 1), "{errors}");
    // 34.75 billion numbers in four bytes each
    for words in ["not enough memory: the model needs 1", "weights 138.", "choose"] {
        assert!(errors.contains(words), "{errors}");
    }
}

#[test]
fn what_the_tower_is_stored_in_is_said() {
    let model = format!("{MODEL}/model");
    let args = ["--model", &model, "-n", "1", "--repeat", "1", "--json", "--no-weights-cache"];
    let notes = |precision: &str| {
        let (_, report) = bench_in(precision, &args);
        report["notes"].as_array().unwrap().clone()
    };
    let [note] = notes("q8").try_into().unwrap();
    assert!(note.as_str().unwrap().contains("the vision tower"), "{note}");
    assert_eq!(notes("f32"), Vec::<Value>::new());
}

#[test]
fn a_tower_of_random_weights_is_measured_alone() {
    let (text, report) = bench(&["--synthetic", "clip-l-336", "--repeat", "1", "--json"]);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_eq!(report["model"], "clip-l-336");
    assert!(report["image_encode_ms"].as_f64().unwrap() > 0.0);
    for key in ["prefill_ms", "first_token_ms", "decode_ms", "second_question"] {
        assert!(report[key].is_null(), "{key}");
    }
}

#[test]
fn an_adapters_programs_are_in_the_language_that_is_asked_for() {
    let probe = reading_room(&["inspect", "--json", "--gpus"]);
    let gpus: Value = serde_json::from_slice(&probe.stdout).unwrap();
    if gpus["gpus"][0]["backend"] != "Vulkan" {
        println!("skipped: no Vulkan adapter");
        return;
    }
    let (turn, image) = case();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.json");
    std::fs::write(&path, bench_file(&turn).to_string()).unwrap();
    let (model, path) = (format!("{MODEL}/model"), path.display().to_string());
    let run = |asked: Option<&str>| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reading-room"));
        command.args(["bench", "--device", "gpu", "--precision", "f32", "--model", &model]);
        command.args(["--image", &image, "--bench", &path, "--json", "-n", "15", "--repeat", "1"]);
        match asked {
            Some(language) => command.env("READING_ROOM_SHADERS", language),
            None => command.env_remove("READING_ROOM_SHADERS"),
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (usual, wgsl) = (run(None), run(Some("wgsl")));
    for report in [&usual, &wgsl] {
        println!("{report}");
        let ids = turn["greedy"]["ids"].as_array().unwrap();
        assert_eq!(report["tokens"].as_array().unwrap(), &ids[..16]);
    }
    assert_eq!(wgsl["shaders"], "wgsl");
    // not every driver takes SPIR-V, and software never gets it
    let usual = usual["shaders"].as_str().unwrap();
    let is_software = gpus["gpus"][0]["software"] == true;
    assert!(if is_software { usual == "wgsl" } else { ["spirv", "wgsl"].contains(&usual) });
}

#[test]
fn a_study_is_measured_and_a_missing_screen_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_reading-room"))
        .args(["bench", "--study", "assets/sample/ct-torso"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let figures: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&figures["files"], &figures["frames"]), (&json!(20), &json!(20)));
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&figures["open_ms"]) > 0.0);
    assert!(number(&figures["first_image_ms"]) > number(&figures["open_ms"]));
    let decoding = figures["decoding"].as_array().unwrap();
    assert_eq!(decoding.len(), 1);
    assert_eq!((&decoding[0]["frames"], &decoding[0]["rows"]), (&json!(20), &json!(512)));
    assert!(number(&decoding[0]["slices_per_s"]) > 1.0);
    assert!(number(&decoding[0]["one_thread_ms"]) > 0.0);
    assert_eq!(figures["window"], Value::Null);
    let why = figures["no_window"].as_str().unwrap();
    assert!(why.contains("no screen"), "{why}");
    assert!(text.contains("first image after") && text.contains("scrolling was not measured"));
    let (status, errors) = failure(&["--study", "nowhere"]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("nowhere"), "{errors}");
}
