//! The headless commands, as a script sees them: exit status, JSON, files written.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test should fail loudly")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

#[path = "support/shared.rs"]
mod shared;

use safetensors::SafeTensors;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shared::shared;

const FAMILIES: [&str; 6] = [
    "huatuo-7b-tiny",
    "huatuo-7b-tiny-336",
    "huatuo-34b-tiny",
    "llava-med-v1.5-tiny",
    "llava-med-v1-tiny",
    "huatuo-qwen2.5vl-tiny",
];

const HEALTHGPT: [&str; 3] = ["m3-com-tiny", "l14-com-tiny", "xl32-com-tiny"];

fn reading_room(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reading-room")).args(args).output().unwrap()
}

fn run_json(args: &[&str]) -> Value {
    let output = reading_room(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One sentence on standard error, exit status 1, nothing on standard output.
fn check_failure(args: &[&str], words: &[&str]) {
    let output = reading_room(args);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
    assert_eq!(output.stdout, b"", "{args:?}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{args:?}: {errors}");
    for word in words {
        assert!(errors.contains(word), "{args:?}: {errors:?} does not say {word:?}");
    }
}

fn case_folders() -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from("tests/fixtures/models")];
    roots.extend(shared("fixtures/llava"));
    let mut cases = Vec::new();
    for root in roots {
        for family in FAMILIES {
            let Ok(entries) = fs::read_dir(root.join(family).join("cases")) else { continue };
            cases.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    cases.sort();
    cases
}

fn ints(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

fn check_tensor(
    made: &SafeTensors<'_>,
    name: &str,
    golden: &SafeTensors<'_>,
    key: &str,
    within: f32,
) {
    let Ok(expected) = golden.tensor(key) else { return };
    let Ok(got) = made.tensor(name) else { panic!("{key}: the trace has no {name}") };
    let floats = |data: &[u8]| -> Vec<f32> {
        data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    assert_eq!(got.shape(), expected.shape(), "{key}");
    let worst = floats(got.data())
        .iter()
        .zip(floats(expected.data()))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst <= within, "{key}: {worst} is more than {within}");
}

/// Form of the prompt, where the authors' code uses more than one.
fn template_of(case: &Value) -> Option<&str> {
    let is_list = case["prompt_form"].as_str().map(|form| form.starts_with("chat template"));
    case["conv_mode"].as_str().or(is_list.map(|list| if list { "list" } else { "train" }))
}

/// Earlier turns as a script gives them: with markers where the authors store them, else with the
/// pictures of each turn.
fn history_of(case: &Path, json: &Value, turn_idx: usize) -> (Value, Vec<String>) {
    let turns = json["turns"].as_array().unwrap();
    let turn = &turns[turn_idx];
    let paths = |list: &Value| -> Vec<String> {
        let names = list.as_array().unwrap().iter();
        names
            .map(|name| fs::canonicalize(case.join(name.as_str().unwrap())).unwrap())
            .map(|path| path.display().to_string())
            .collect()
    };
    if turn["history"].to_string().contains("<image>") || turn_idx == 0 {
        return (turn["history"].clone(), paths(&turn["all_images"]));
    }
    let past = turn["history"].as_array().unwrap().iter().zip(turns);
    let past = past.map(|(pair, turn)| json!([pair[0], pair[1], paths(&turn["images"])]));
    (past.collect(), paths(&turn["images"]))
}

/// One turn of a case through `ask --json --trace`, against what the authors' code gave.
fn check_turn(case: &Path, turn_idx: usize, json: &Value, device: &str, slack: f32) {
    let turn = &json["turns"][turn_idx];
    let folder = tempfile::tempdir().unwrap();
    let model = case.join("../../model");
    let mut args: Vec<String> = ["ask", "--json", "--greedy", "--ignore-eos", "--precision", "f32"]
        .map(str::to_owned)
        .to_vec();
    let trace = folder.path().join("trace.safetensors");
    args.extend(["--device".to_owned(), device.to_owned(), "--max-new-tokens".into(), "32".into()]);
    args.extend(["--model".to_owned(), model.display().to_string()]);
    args.extend(["--trace".to_owned(), trace.display().to_string()]);
    args.extend(["--question".to_owned(), turn["user_text"].as_str().unwrap().to_owned()]);
    let (history, images) = history_of(case, json, turn_idx);
    for image in images {
        args.extend(["--image".to_owned(), image]);
    }
    if turn_idx > 0 {
        let path = folder.path().join("history.json");
        fs::write(&path, history.to_string()).unwrap();
        args.extend(["--history".to_owned(), path.display().to_string()]);
    }
    if let Some(template) = template_of(json) {
        args.extend(["--template".to_owned(), template.to_owned()]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let answer = run_json(&args);

    let place = format!("{} turn {turn_idx}", case.display());
    assert_eq!(ints(&answer["prompt_ids"]), ints(&turn["input_ids"]), "{place}: prompt_ids");
    let prompt = turn.get("prompt_with_image_markers").unwrap_or(&turn["prompt"]);
    assert_eq!(answer["prompt"], *prompt, "{place}: prompt");
    assert_eq!(ints(&answer["output_ids"]), ints(&turn["greedy"]["ids"]), "{place}: output_ids");
    assert_eq!(answer["finish_reason"], "length", "{place}");
    assert_eq!(answer["logprobs"].as_array().unwrap().len(), 32, "{place}");
    let made = fs::read(&trace).unwrap();
    let made = SafeTensors::deserialize(&made).unwrap();
    let golden = fs::read(case.join("golden.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&golden).unwrap();
    let key = |name: &str| format!("t{turn_idx}.{name}");
    check_tensor(&made, "pixel_values", &golden, &key("pixel_values"), 1e-6);
    check_tensor(&made, "vision_features", &golden, &key("vision_features"), slack);
    check_tensor(&made, "vision_features", &golden, &key("pre_merger_window_order"), slack);
    check_tensor(&made, "projected", &golden, &key("projector_output"), slack);
    check_tensor(&made, "prefill_logits", &golden, &key("prefill_logits"), slack);
}

fn read_case(case: &Path) -> Value {
    serde_json::from_slice(&fs::read(case.join("case.json")).unwrap()).unwrap()
}

#[test]
fn ask_gives_what_the_authors_code_gives_on_every_case() {
    let cases = case_folders();
    assert!(cases.len() >= 4, "{cases:?}");
    for case in &cases {
        let json = read_case(case);
        for turn_idx in 0..json["turns"].as_array().unwrap().len() {
            check_turn(case, turn_idx, &json, "cpu", 1e-4);
        }
    }
    println!("{} cases", cases.len());
}

/// A HealthGPT case: two questions, ended by the model's own stop ids.
#[test]
fn ask_gives_what_healthgpt_gives() {
    let mut roots = vec![PathBuf::from("tests/fixtures/models")];
    roots.extend(shared("fixtures/healthgpt"));
    for case in roots.iter().flat_map(|root| HEALTHGPT.map(|family| root.join(family))) {
        let entries = fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path());
        let is_model =
            |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("HealthGPT");
        let model = entries.into_iter().find(is_model).unwrap().display().to_string();
        for run in read_case(&case)["runs"].as_array().unwrap() {
            let budget = run["max_new_tokens"].to_string();
            let question = run["question"].as_str().unwrap();
            let mut args = vec!["ask", "--json", "--precision", "f32", "--device", "cpu"];
            args.extend(["--model", &model, "--max-new-tokens", &budget, "--question", question]);
            let image = run["image"].as_str().map(|name| case.join(name).display().to_string());
            if let Some(image) = &image {
                args.extend(["--image", image]);
            }
            let answer = run_json(&args);
            let place = format!("{} {}", case.display(), run["name"]);
            assert_eq!(ints(&answer["prompt_ids"]), ints(&run["input_ids"]), "{place}");
            assert_eq!(ints(&answer["output_ids"]), ints(&run["output_ids"]), "{place}");
            assert_eq!(answer["prompt"], run["prompt"], "{place}");
            assert_eq!(answer["text"], run["text_clean"], "{place}");
        }
    }
}

/// Codes and picture of the generation case; the second question gives more codes than fit.
#[test]
fn reconstruct_draws_what_the_authors_code_draws() {
    let mut cases = vec![PathBuf::from("tests/fixtures/models/m3-gen-tiny")];
    cases.extend(shared("fixtures/healthgpt/m3-gen-tiny"));
    for case in cases {
        let json = read_case(&case);
        let model = case.join("HealthGPT-M3").display().to_string();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.png");
        let trace = folder.path().join("trace.safetensors");
        for run in json["runs"].as_array().unwrap() {
            let budget = run["max_new_tokens"].to_string();
            let question = run["question"].as_str().unwrap();
            let (png, tensors) = (out.display().to_string(), trace.display().to_string());
            let mut args = vec!["reconstruct", "--json", "--precision", "f32", "--device", "cpu"];
            args.extend(["--model", &model, "--out", &png, "--trace", &tensors]);
            args.extend(["--max-new-tokens", &budget, "--question", question]);
            let image = run["image"].as_str().map(|name| case.join(name).display().to_string());
            if let Some(image) = &image {
                args.extend(["--image", image]);
            }
            let made = run_json(&args);
            let place = format!("{} {}", case.display(), run["name"]);
            assert_eq!(ints(&made["prompt_ids"]), ints(&run["input_ids"]), "{place}");
            assert_eq!(ints(&made["output_ids"]), ints(&run["output_ids"]), "{place}");
            assert_eq!(ints(&made["codes"]), ints(&run["vq_indices"]), "{place}");
            assert_eq!(made["grid"], json["vq"]["grid"], "{place}");
            let is_whole = run["reference_error"].is_null();
            assert_eq!(made["complete"], is_whole, "{place}");
            assert_eq!(made["metrics"].is_object(), image.is_some(), "{place}");
            if is_whole {
                check_drawn(&case, &out, &trace);
            }
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_said_in_one_sentence() {
    let huatuo = "tests/fixtures/models/huatuo-7b-tiny/model";
    let out = tempfile::tempdir().unwrap().path().join("x.png").display().to_string();
    let args = ["reconstruct", "--model", huatuo, "--out", &out];
    check_failure(&args, &["HuatuoGPT-Vision 7B does not draw pictures"]);
    let m3 = "tests/fixtures/models/m3-com-tiny/HealthGPT-M3";
    let args = ["reconstruct", "--model", m3, "--device", "cpu", "--out", &out];
    check_failure(&args, &["missing", "gen_hlora_weights.bin", "last.ckpt"]);
}

fn check_drawn(case: &Path, out: &Path, trace: &Path) {
    let [ours, golden] = [out, &case.join("generated.png")]
        .map(|path| image::open(path).unwrap().to_rgb8().into_raw());
    let worst = ours.iter().zip(&golden).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(ours.len() == golden.len() && worst <= 1, "{worst} levels");
    let made = fs::read(trace).unwrap();
    let made = SafeTensors::deserialize(&made).unwrap();
    let golden = fs::read(case.join("goldens.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&golden).unwrap();
    let floats = |tensor: &str, file: &SafeTensors<'_>| -> Vec<f32> {
        let tensor = file.tensor(tensor).unwrap();
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (ours, golden) = (floats("image", &made), floats("run0.decoded", &golden));
    assert_eq!(ours.len(), golden.len());
    let worst = ours.iter().zip(&golden).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 1e-4, "{worst}");
    assert_eq!(made.tensor("codes").unwrap().dtype(), safetensors::Dtype::I64);
}

#[test]
fn apply_delta_writes_a_model_that_answers() {
    let family = Path::new("tests/fixtures/models/llava-med-v1-tiny");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("llava-med-v1").display().to_string();
    let place = |part: &str| family.join(part).display().to_string();
    let (base, delta) = (place("base"), place("delta"));
    let args = ["apply-delta", "--base", &base, "--delta", &delta, "--out", &out];
    let output = reading_room(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check_failure(&args, &["not empty"]);
    check_failure(
        &["apply-delta", "--base", "nowhere", "--delta", &delta, "--out", "x"],
        &["nowhere"],
    );
    assert!(!Path::new("x").exists());
}

#[test]
fn ask_on_a_gpu_gives_the_same_ids() {
    for family in ["huatuo-7b-tiny", "llava-med-v1.5-tiny"] {
        let case = Path::new("tests/fixtures/models").join(family).join("cases/chinese");
        let probe = reading_room(&["inspect", "--json", "--gpus"]);
        let gpus: Value = serde_json::from_slice(&probe.stdout).unwrap();
        if gpus["gpus"].as_array().is_none_or(Vec::is_empty) {
            println!("skipped: this machine has no Vulkan adapter, not even a software one");
            return;
        }
        check_turn(&case, 0, &read_case(&case), "gpu", 5e-4);
    }
}

#[test]
fn what_computed_an_answer_is_named_with_its_driver() {
    let model = "tests/fixtures/models/huatuo-7b-tiny/model";
    let driver = |device: &str| {
        let usual = ["ask", "--json", "--model", model, "--max-new-tokens", "1"];
        let report =
            run_json(&[&usual[..], &["--question", "What is seen?", "--device", device]].concat());
        report["model"]["driver"].as_str().unwrap().to_owned()
    };
    let instructions = driver("cpu");
    let widest = instructions.split(',').next().unwrap();
    assert!(["avx512", "avx2", "portable"].contains(&widest), "{instructions}");
    let gpus = run_json(&["inspect", "--json", "--gpus"]);
    let Some(told) = gpus["gpus"][0]["driver"].as_str() else {
        println!("skipped: this machine has no Vulkan adapter, not even a software one");
        return;
    };
    println!("cpu: {instructions}, gpu: {told}");
    assert!(!told.is_empty());
    assert_eq!(driver("gpu"), told);
}

#[test]
fn ask_streams_plain_text_and_the_same_text_in_process() {
    let case = Path::new("tests/fixtures/models/huatuo-7b-tiny/cases/chinese");
    let turn = &read_case(case)["turns"][0];
    let image = case.join(turn["images"][0].as_str().unwrap()).display().to_string();
    let model = case.join("../../model").display().to_string();
    let question = turn["user_text"].as_str().unwrap();
    let common = ["ask", "--model", &model, "--image", &image, "--question", question];
    let settings =
        ["--device", "cpu", "--precision", "f32", "--max-new-tokens", "32", "--ignore-eos"];
    let args = [&common[..], &settings[..]].concat();
    let streamed = reading_room(&args);
    assert!(streamed.status.success(), "{}", String::from_utf8_lossy(&streamed.stderr));
    let here = reading_room(&[&args[..], &["--in-process"]].concat());
    assert_eq!(streamed.stdout, here.stdout);
    let text = String::from_utf8(streamed.stdout).unwrap();
    assert_eq!(text.trim_end(), turn["greedy"]["text"].as_str().unwrap().trim_end());
}

#[test]
fn an_answer_begins_as_it_is_told_and_a_system_prompt_needs_a_place() {
    let huatuo = "tests/fixtures/models/huatuo-7b-tiny/model";
    fn ask<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let usual = ["ask", "--device", "cpu", "--question", "What is seen?"];
        [usual.as_slice(), &["--max-new-tokens", "12", "--model"], more].concat()
    }
    let output = reading_room(&ask(&[huatuo, "--begin-with", "The lungs are"]));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("The lungs are") && text.len() > 20, "{text}");
    check_failure(&ask(&[huatuo, "--system", "Be brief."]), &["system prompt", "authors use none"]);
    let with = "tests/fixtures/models/huatuo-qwen2.5vl-tiny/model";
    let json = run_json(&ask(&[with, "--system", "Be brief.", "--json"]));
    assert!(json["prompt"].as_str().unwrap().contains("system\nBe brief."), "{json}");
}

#[test]
fn wrong_arguments_are_exit_status_2() {
    for args in [
        &["ask"][..],
        &["render"],
        &["frobnicate", "--x"],
        &["render", "a.dcm", "--out", "b.png", "--window", "sideways"],
        &["ask", "--question", "q", "--device", "toaster"],
    ] {
        assert_eq!(reading_room(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn what_is_missing_is_named_in_one_sentence() {
    check_failure(&["ask", "--question", "q", "--model", "no-such-model"], &["no-such-model"]);
    check_failure(&["render", "none.dcm", "--out", "x.png"], &["none.dcm"]);
    check_failure(&["render", "tests", "--out", "x.png"], &["folder"]);
    check_failure(&["inspect", "no-such-folder"], &["no-such-folder"]);
    let slice = "assets/sample/ct-torso/01.dcm";
    check_failure(&["render", slice, "--out", "/no/such/place/x.png"], &["could not be written"]);
    check_failure(&["render", slice, "--out", "x.png", "--crop", "500,500,50,50"], &["512 x 512"]);
    check_failure(
        &["render", slice, "--out", "x.png", "--mark", "0,0,513,5"],
        &["--mark", "512 x 512"],
    );
    check_failure(&["render", slice, "--out", "x.png", "--erase", "9,9,0,5"], &["--erase"]);
    check_failure(&["render", &format!("{slice}#2"), "--out", "x.png"], &["frame 2"]);
}

#[test]
fn render_writes_the_picture_and_describes_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("slice.png").display().to_string();
    let slice = "assets/sample/ct-torso/01.dcm";
    let args = ["render", slice, "--out", &out, "--json", "--window", "lung", "--value", "256,256"];
    let report = run_json(&args);
    assert_eq!(report["rows"], 512);
    assert_eq!(report["columns"], 512);
    assert_eq!(report["frames"], 1);
    assert_eq!(report["modality"], "CT");
    assert_eq!(report["transfer_syntax"], "1.2.840.10008.1.2.4.90");
    assert_eq!(report["window"]["center"], -600.0);
    assert_eq!(report["window"]["width"], 1500.0);
    assert_eq!(report["window"]["function"], "LINEAR");
    assert_eq!(report["window"]["source"], "preset");
    assert_eq!(report["plane"], "axial");
    assert_eq!(report["values"][0][0], 256);
    assert!(report["values"][0][2].is_number());
    let picture = image::open(&out).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 512));
    assert_eq!(picture.color(), image::ColorType::L8);
}

#[test]
fn render_marks_and_erases_a_region() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("slice.png").display().to_string();
    let rendered = |option: &[&str]| {
        let slice = "assets/sample/ct-torso/10.dcm";
        run_json(&[&["render", slice, "--out", &out, "--json"], option].concat());
        let color = image::open(&out).unwrap().color();
        (image::open(&out).unwrap().into_rgb8(), color)
    };
    let (whole, _) = rendered(&[]);
    let (erased, color) = rendered(&["--erase", "200,180,64,48"]);
    assert_eq!(color, image::ColorType::L8);
    let fill = erased.get_pixel(230, 200);
    for (x, y, pixel) in erased.enumerate_pixels() {
        let is_inside = (200..264).contains(&x) && (180..228).contains(&y);
        assert_eq!(pixel, if is_inside { fill } else { whole.get_pixel(x, y) }, "{x} {y}");
    }
    let (marked, color) = rendered(&["--mark", "200,180,64,48"]);
    assert_eq!(color, image::ColorType::Rgb8);
    assert_eq!(marked.get_pixel(200, 200).0, [255, 64, 32]);
    assert_eq!(marked.get_pixel(230, 200), whole.get_pixel(230, 200));
    let slice = "assets/sample/ct-torso/10.dcm";
    let both = ["render", slice, "--out", &out, "--mark", "0,0,9,9", "--erase", "0,0,9,9"];
    assert_eq!(reading_room(&both).status.code(), Some(2), "one of them at a time");
}

/// The picture of the tensor: its samples normalised again are the tensor.
#[test]
fn render_writes_what_a_model_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("eye.png").display().to_string();
    let slice = "assets/sample/ct-torso/10.dcm";
    let args = ["render", slice, "--out", &out, "--window", "soft-tissue", "--as-seen-by", "nano"];
    let report = run_json(&[&args[..], &["--json"]].concat());
    let seen = &report["as_seen_by"];
    assert_eq!((&seen["model"], &seen["family"]), (&json!("nano"), &json!("nano")));
    assert_eq!((&seen["given"], &seen["seen"]), (&json!([512, 512]), &json!([64, 64])));
    assert_eq!((&seen["tokens"], &seen["tensor_shape"]), (&json!(64), &json!([3, 64, 64])));
    let clipped = json!({"below": 172_815, "above": 4636, "counted": 262_144});
    assert_eq!(seen["lost"], json!({"bits_stored": 12, "clipped": clipped}));
    let picture = image::open(&out).unwrap().into_rgb8();
    assert_eq!((picture.width(), picture.height()), (64, 64));
    let hash = |bytes: &[u8]| -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(seen["picture_sha256"], hash(picture.as_raw()));
    // CLIP's numbers, planes one after the other
    let mean = [0.481_454_66, 0.457_827_5, 0.408_210_73].map(|mean: f64| mean as f32);
    let std = [0.268_629_54, 0.261_302_58, 0.275_777_11].map(|std: f64| std as f32);
    let plane = |channel: usize| {
        let samples = picture.as_raw().iter().skip(channel).step_by(3);
        samples.map(move |sample| {
            ((f64::from(*sample) * (1.0 / 255.0)) as f32 - mean[channel]) / std[channel]
        })
    };
    let tensor: Vec<u8> = (0..3).flat_map(plane).flat_map(f32::to_le_bytes).collect();
    assert_eq!(seen["tensor_sha256"], hash(&tensor));
    // for people the same, a line each
    let output = reading_room(&args);
    let text = String::from_utf8(output.stdout).unwrap();
    for wanted in ["512 × 512 → 64 × 64 px", "12 → 8 bit", "below the window 65.9 %", "64 tokens"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(text.contains(&hash(&tensor)), "{text}");
    // a part of the picture is not square, and only its own pixels are counted
    let crop = ["--crop", "50,100,300,120", "--json"];
    let part = &run_json(&[&args[..], &crop].concat())["as_seen_by"];
    assert_eq!(part["given"], json!([300, 120]));
    assert_eq!((&part["padded"]["top"], &part["padded"]["left"]), (&json!(90), &json!(0)));
    assert_eq!(part["lost"]["clipped"]["counted"], 36_000);
}

#[test]
fn an_eye_that_cannot_look_says_why_in_one_sentence() {
    let slice = "assets/sample/ct-torso/10.dcm";
    let with = |model: &str, words: &[&str]| {
        check_failure(&["render", slice, "--out", "x.png", "--as-seen-by", model], words);
    };
    with("no-such-model", &["there is no model folder no-such-model"]);
    with("assets/sample", &["assets/sample"]);
    assert!(!Path::new("x.png").exists());
    let eye = ["render", "no-such-file.dcm", "--out", "x.png", "--as-seen-by", "nano"];
    check_failure(&eye, &["there is no such file"]);
}

#[test]
fn render_agrees_with_the_reference_rendering_of_every_study_file() {
    let Some(data) = shared("data") else { return };
    let goldens: Value =
        serde_json::from_slice(&fs::read(data.join("goldens/goldens.json")).unwrap()).unwrap();
    let manifest = fs::read_to_string(data.join("MANIFEST.tsv")).unwrap();
    let tolerances = tolerances(&manifest);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.png").display().to_string();
    let (mut frames, mut far) = (0, Vec::new());
    for (path, golden) in goldens.as_object().unwrap() {
        let file = data.join(path).display().to_string();
        for frame in golden["frame_goldens"].as_array().into_iter().flatten() {
            let name = format!("{file}#{}", frame["frame"].as_u64().unwrap() + 1);
            let output = reading_room(&["render", &name, "--out", &out]);
            if !output.status.success() {
                far.push(format!("{path}: {}", String::from_utf8_lossy(&output.stderr).trim()));
                continue;
            }
            frames += 1;
            let tolerance = tolerances.get(path.as_str()).copied().unwrap_or(0);
            if let Some(why) = differs(&out, frame, &data, tolerance) {
                far.push(format!("{path} frame {}: {why}", frame["frame"]));
            }
        }
    }
    println!("{frames} frames rendered, {} differ", far.len());
    assert!(far.is_empty(), "{}", far.join("\n"));
}

/// Grey levels a file's rendering may be off, by its path: decoders of lossy JPEG differ.
fn tolerances(manifest: &str) -> HashMap<&str, u8> {
    let mut rows = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let column = header.iter().position(|name| *name == "tolerance_8bit").unwrap();
    rows.filter_map(|row| Some((row[0], row[column].parse().ok()?))).collect()
}

fn differs(out: &str, frame: &Value, data: &Path, tolerance: u8) -> Option<String> {
    let picture = image::open(out).unwrap();
    let pixels = picture.as_bytes();
    let digest: String = Sha256::digest(pixels).iter().map(|byte| format!("{byte:02x}")).collect();
    if frame["sha256_8bit"] == digest.as_str() {
        return None;
    }
    let png = frame["png"].as_str()?;
    let reference = image::open(data.join(png)).unwrap();
    if reference.color() != picture.color() || reference.as_bytes().len() != pixels.len() {
        return Some("the size or the colours differ".to_owned());
    }
    let worst = pixels.iter().zip(reference.as_bytes()).map(|(a, b)| a.abs_diff(*b)).max()?;
    (worst > tolerance).then(|| format!("{worst} grey levels"))
}

#[test]
fn inspect_describes_studies_and_models_without_naming_a_patient() {
    let report = run_json(&["inspect", "assets/sample", "--json"]);
    let text = report.to_string();
    assert!(!text.contains("SAMPLE-1") && !text.contains("Sample^Torso"), "{text}");
    let studies = report["studies"].as_array().unwrap();
    let ct = studies.iter().find(|study| study["series"][0]["modality"] == "CT").unwrap();
    assert_eq!(ct["series"][0]["frames"], 20);
    assert_eq!(ct["series"][0]["plane"], "axial");
    assert_eq!(ct["series"][0]["slice_spacing_mm"], 2.0);
    assert_eq!(report["skipped_files"], 1, "the README beside the pictures");

    let report =
        run_json(&["inspect", "tests/fixtures/models/llava-med-v1.5-tiny/model", "--json"]);
    assert_eq!(report["models"][0]["family"], "llava-med-v1.5");
    assert_eq!(report["models"][0]["missing"], Value::Array(Vec::new()));
}

#[test]
fn inspect_reckons_a_models_memory_on_the_device() {
    let model = "tests/fixtures/models/llava-med-v1.5-tiny/model";
    let args = ["inspect", model, "--json", "--device", "cpu", "--context", "1000"];
    let report = run_json(&args);
    assert_eq!(report["device"]["kind"], "cpu");
    let model = &report["models"][0];
    let abilities = serde_json::json!({
        "questions": true, "several_images": false, "reconstruction": false
    });
    assert_eq!(model["abilities"], abilities);
    assert_eq!(model["missing_for_reconstruction"], Value::Null);
    assert_eq!((&model["context"], &model["repetition_penalty"]), (&1000.into(), &1.0.into()));
    let per_token = model["kv_bytes_per_token"].as_u64().unwrap();
    let free = report["device"]["free_bytes"].as_u64();
    let precisions = model["precisions"].as_array().unwrap();
    let names: Vec<&str> = precisions.iter().map(|p| p["precision"].as_str().unwrap()).collect();
    assert_eq!(names, ["f32", "f16", "bf16", "q8", "q4"]);
    for precision in precisions {
        let bytes = |key: &str| precision[key].as_u64().unwrap();
        let parts = ["weights_bytes", "kv_cache_bytes", "activation_bytes"].map(bytes);
        assert_eq!(bytes("total_bytes"), parts.iter().sum::<u64>());
        // keys and values are rounded where the weights are
        let cache = if precision["precision"] == "f32" { 1024 } else { 512 } * per_token;
        assert_eq!(bytes("kv_cache_bytes"), cache);
        assert_eq!(precision["supported"], true);
        assert_eq!(precision["fits"].as_bool(), free.map(|free| bytes("total_bytes") <= free));
    }
    // as many as the model reads at most
    let all = run_json(&[&args[..5], &["--context", "999999"]].concat());
    assert_eq!(all["models"][0]["context"], 4096);
    let studies = run_json(&["inspect", "assets/sample", "--json"]);
    assert!(studies.get("device").is_none(), "no device is looked for without a model");
}

#[test]
fn inspect_tells_a_person_what_a_model_needs_and_lacks() {
    let text = |args: &[&str]| {
        let output = reading_room(&[&["inspect", "--device", "cpu"], args].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = text(&["tests/fixtures/models/m3-com-tiny/HealthGPT-M3"]);
    for words in [
        "HealthGPT-M3 · HealthGPT M3 (healthgpt-m3)",
        "abilities     questions in en\n",
        "reconstruction: missing gen_hlora_weights.bin, fusion_layer_weights.bin, \
         taming_transformers/ckpt/model.yaml, taming_transformers/ckpt/last.ckpt\n",
        "memory        for 4096 tokens; ",
        "f16   needs ",
    ] {
        assert!(said.contains(words), "{said}\ndoes not say {words:?}");
    }
    if cfg!(target_os = "linux") {
        assert!(said.contains("): fits\n"), "{said}");
    }
}

#[test]
fn the_files_for_reconstruction_are_looked_for_by_name() {
    let Some(folder) = shared("fixtures/healthgpt/m3-gen-tiny") else { return };
    let model = folder.join("HealthGPT-M3").display().to_string();
    let report = run_json(&["inspect", &model, "--json", "--device", "cpu"]);
    let model = &report["models"][0];
    assert_eq!(model["missing_for_reconstruction"], Value::Array(Vec::new()));
    assert_eq!(model["abilities"]["reconstruction"], true);
    assert_eq!(model["abilities"]["questions"], false);
    assert_eq!(model["missing"], serde_json::json!(["com_hlora_weights.bin"]));
    let parts = model["parts"].to_string();
    for part in ["reconstruction adapter", "reconstruction embeddings", "picture decoder"] {
        assert!(parts.contains(part), "{parts}");
    }
}

#[test]
fn a_models_licence_is_what_its_own_files_say() {
    let folder = tempfile::tempdir().unwrap();
    let model =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/huatuo-7b-tiny/model");
    let vision = model.join("vit/clip_vit_large_patch14_336");
    fs::write(folder.path().join("reading-room.toml"), format!("vision = {vision:?}")).unwrap();
    for entry in fs::read_dir(&model).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let path = folder.path().display().to_string();
    let licence = || run_json(&["inspect", &path, "--json"])["models"][0]["licence"].clone();
    assert_eq!(licence(), Value::Null);
    fs::write(folder.path().join("LICENSE"), "\n  MIT License\n\nCopyright").unwrap();
    assert_eq!(licence(), "MIT License");
    fs::write(folder.path().join("README.md"), "---\nlicense: apache-2.0\n---\n# Model").unwrap();
    assert_eq!(licence(), "apache-2.0");
}

#[test]
fn the_readme_names_every_command_and_option_that_help_shows() {
    let readme = fs::read_to_string("README.md").unwrap();
    for (command, help) in reading_room::cli::help_texts() {
        for option in help.split_whitespace().filter(|word| word.starts_with("--")) {
            let option = option.trim_end_matches([',', '.', '=', ')', ']', '>']);
            assert!(readme.contains(option), "README.md does not mention {option} of {command}");
        }
        assert!(readme.contains(&command), "README.md does not mention {command}");
    }
}
