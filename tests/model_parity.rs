//! Answers and tensors are those of the published code, on the CPU and on a Vulkan adapter.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "support/healthgpt.rs"]
mod healthgpt;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::path::Path;

use healthgpt::{HealthCase, with_room};
use models::{Case, ask, cases, committed, distance, ids, load, shared_family};
use reading_room::vlm::{
    ComputeDevice, DeviceChoice, FinishReason, Question, SamplingParams, Trace, Vlm, choose_device,
};
use serde_json::Value;

/// Largest difference seen of each tensor.
#[derive(Debug, Default)]
struct Worst {
    pixel_values: f32,
    vision_features: f32,
    projected: f32,
    prefill_logits: f32,
}

/// With `<image>` where a picture goes, as answers show it.
fn shown_prompt(turn: &Value) -> &str {
    turn.get("prompt_with_image_markers").unwrap_or(&turn["prompt"]).as_str().unwrap()
}

fn check_turn(vlm: &mut Vlm, case: &Case, index: usize, logits_within: f32, worst: &mut Worst) {
    let what = format!("{} turn {index}", case.folder.display());
    let turn = &case.turns()[index];
    let question = case.question(index);
    // untraced first, so that a second turn goes on from the first
    let answer = ask(vlm, &question, None);
    let prompt_ids: Vec<i64> =
        turn["input_ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
    assert_eq!(answer.prompt, shown_prompt(turn), "{what}");
    assert_eq!(answer.prompt_ids, prompt_ids, "{what}");
    assert_eq!(answer.output_ids, ids(&turn["greedy"]["ids"]), "{what}");
    assert_eq!(answer.text, turn["greedy"]["text"].as_str().unwrap(), "{what}");
    assert_eq!(answer.finish_reason, FinishReason::Length, "{what}");
    assert_eq!(answer.logprobs.len(), 32, "{what}");

    let mut trace = Trace::default();
    let traced = ask(vlm, &Question { max_new_tokens: 1, ..question.clone() }, Some(&mut trace));
    assert_eq!(traced.output_ids, answer.output_ids[..1], "{what}");
    let golden = |name: &str| case.golden.get(&format!("t{index}.{name}"));
    let is_merged = golden("pre_merger_window_order").is_some();
    let seen = if is_merged { "pre_merger_window_order" } else { "vision_features" };
    for (name, ours, within, worst) in [
        ("pixel_values", &trace.pixel_values, 1e-6, &mut worst.pixel_values),
        (seen, &trace.vision_features, 1e-4, &mut worst.vision_features),
        ("projector_output", &trace.projected, 1e-4, &mut worst.projected),
        ("prefill_logits", &trace.prefill_logits, logits_within, &mut worst.prefill_logits),
    ] {
        let Some(golden) = golden(name) else { continue };
        let error = distance(ours.as_ref().unwrap(), golden);
        assert!(error <= within, "{what}: {name} differs by {error}");
        *worst = worst.max(error);
    }

    if let Some(penalised) = turn.get("greedy_repetition_penalty") {
        let repetition_penalty = penalised["penalty"].as_f64().unwrap() as f32;
        let sampling = SamplingParams { repetition_penalty, ..SamplingParams::greedy() };
        let answer = ask(vlm, &Question { sampling, ..question.clone() }, None);
        assert_eq!(answer.output_ids, ids(&penalised["ids"]), "{what}");
        assert_eq!(answer.text, penalised["text"].as_str().unwrap(), "{what}");
    }

    if let Some(stopped) = turn.get("stop_string_test") {
        let stop = vec![stopped["stop"].as_str().unwrap().to_owned()];
        let answer = ask(vlm, &Question { stop, ..question }, None);
        assert_eq!(answer.output_ids, ids(&stopped["ids"]), "{what}");
        assert_eq!(answer.text, stopped["text"].as_str().unwrap(), "{what}");
        assert_eq!(answer.finish_reason, FinishReason::Stop, "{what}");
    }
}

fn check_family(folder: &Path) {
    let mut vlm = load(&folder.join("model"), ComputeDevice::cpu());
    let mut worst = Worst::default();
    for case in cases(folder) {
        for index in 0..case.turns().len() {
            check_turn(&mut vlm, &case, index, 1e-4, &mut worst);
        }
    }
    println!("{}: {worst:?}", folder.display());
}

/// Both questions of a HealthGPT case; logits are compared where rows stand for tokens.
fn check_healthgpt(folder: &Path, device: ComputeDevice, logits_within: f32) {
    let case = HealthCase::read(folder);
    let mut vlm = load(&case.model(), device);
    let rows = if case.json["task"] == "generation" { "extended_len" } else { "base_len" };
    let base_len = case.json["tokenizer"][rows].as_u64().unwrap() as usize;
    let mut worst = Worst::default();
    for run in case.runs() {
        let what = format!("{} {}", folder.display(), run["name"]);
        let question = case.question(run);
        let mut trace = Trace::default();
        let answer = ask(&mut vlm, &question, Some(&mut trace));
        let prompt_ids: Vec<i64> =
            run["input_ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        assert_eq!(answer.prompt, run["prompt"].as_str().unwrap(), "{what}");
        assert_eq!(answer.prompt_ids, prompt_ids, "{what}");
        assert_eq!(answer.output_ids, ids(&run["output_ids"]), "{what}");
        assert_eq!(answer.text, run["text_clean"].as_str().unwrap(), "{what}");
        let stopped = run["ended_by_eos"].as_bool().unwrap();
        assert_eq!(answer.finish_reason == FinishReason::Stop, stopped, "{what}");
        let golden = |name: &str| {
            let name = format!("{}.{name}", run["name"].as_str().unwrap());
            case.golden.get(&name).cloned()
        };
        let logits = |tensor: (Vec<usize>, Vec<f32>)| {
            let values = tensor.1[..base_len].to_vec();
            (vec![base_len], values)
        };
        for (name, ours, golden, within, worst) in [
            ("pixels", trace.pixel_values, golden("pixel_values"), 1e-6, &mut worst.pixel_values),
            (
                "tower",
                trace.vision_features,
                golden("clip_selected"),
                1e-4,
                &mut worst.vision_features,
            ),
            ("projector", trace.projected, golden("image_features"), 1e-4, &mut worst.projected),
            (
                "logits",
                trace.prefill_logits.map(logits),
                golden("prefill_last_logits").map(logits),
                logits_within,
                &mut worst.prefill_logits,
            ),
        ] {
            let (Some(ours), Some(golden)) = (ours, golden) else { continue };
            let error = distance(&ours, &golden);
            assert!(error <= within.max(logits_within - 1e-4), "{what}: {name} differs by {error}");
            *worst = worst.max(error);
        }
    }
    println!("{}: {worst:?}", folder.display());
}

#[test]
fn the_committed_cases_agree() {
    for family in
        ["huatuo-7b-tiny", "llava-med-v1.5-tiny", "llava-med-v1-tiny", "huatuo-qwen2.5vl-tiny"]
    {
        check_family(&committed(family));
    }
    for family in HEALTHGPT {
        check_healthgpt(&committed(family), ComputeDevice::cpu(), 1e-4);
    }
}

/// Codes of both questions of the generation case, one after the other on one loaded model.
#[test]
fn codes_agree() {
    with_room(check_codes);
}

fn check_codes() {
    let folder = committed("m3-gen-tiny");
    check_healthgpt(&folder, ComputeDevice::cpu(), 1e-4);
    let case = HealthCase::read(&folder);
    let mut vlm = load(&case.model(), ComputeDevice::cpu());
    for run in case.runs() {
        let answer = ask(&mut vlm, &case.question(run), None);
        assert_eq!(answer.codes, ids(&run["vq_indices"]), "{}", run["name"]);
    }
}

const HEALTHGPT: [&str; 3] = ["m3-com-tiny", "l14-com-tiny", "xl32-com-tiny"];

#[test]
fn every_case_of_every_family_agrees() {
    for family in [
        "huatuo-7b-tiny",
        "huatuo-7b-tiny-336",
        "huatuo-34b-tiny",
        "llava-med-v1.5-tiny",
        "llava-med-v1-tiny",
        "huatuo-qwen2.5vl-tiny",
    ] {
        if let Some(folder) = shared_family(family) {
            check_family(&folder);
        }
    }
    for family in HEALTHGPT {
        if let Some(folder) = shared_family(family) {
            check_healthgpt(&folder, ComputeDevice::cpu(), 1e-4);
        }
    }
}

/// The re-release has other names for the same weights and a larger vocabulary.
#[test]
fn the_hf_layout_gives_the_same_answers() {
    let Some((hf, original)) =
        shared_family("huatuo-7b-hf-tiny").zip(shared_family("huatuo-7b-tiny"))
    else {
        return;
    };
    let mut vlm = load(&hf.join("model"), ComputeDevice::cpu());
    for case in cases(&original) {
        for (index, turn) in case.turns().iter().enumerate() {
            let answer = ask(&mut vlm, &case.question(index), None);
            assert_eq!(answer.prompt, turn["prompt"].as_str().unwrap());
            assert_eq!(answer.output_ids, ids(&turn["greedy"]["ids"]), "{}", case.folder.display());
        }
    }
}

/// On a software adapter kernels take seconds to build, so it is one case of each family.
#[test]
fn one_case_of_each_agrees_on_a_vulkan_adapter() {
    let Ok(device) = choose_device(DeviceChoice::Gpu) else {
        println!("skipped: no Vulkan adapter");
        return;
    };
    println!("{}", device.label());
    for (family, case) in [
        ("huatuo-7b-tiny", "chinese"),
        ("llava-med-v1.5-tiny", "chinese"),
        ("llava-med-v1-tiny", "multi_image"),
        ("huatuo-qwen2.5vl-tiny", "multi_image"),
    ] {
        check_on_gpu(&committed(family), case, &device);
    }
    if let Some(folder) = shared_family("huatuo-34b-tiny") {
        check_on_gpu(&folder, "chinese", &device);
    }
    for family in HEALTHGPT {
        check_healthgpt(&committed(family), device.clone(), 2e-3);
    }
    with_room(|| {
        let Ok(device) = choose_device(DeviceChoice::Gpu) else { return };
        check_healthgpt(&committed("m3-gen-tiny"), device, 2e-3);
    });
}

fn check_on_gpu(folder: &Path, name: &str, device: &ComputeDevice) {
    let mut vlm = load(&folder.join("model"), device.clone());
    let case = cases(folder).into_iter().find(|case| case.folder.ends_with(name)).unwrap();
    let mut trace = Trace::default();
    let answer = ask(&mut vlm, &case.question(0), Some(&mut trace));
    println!("{}: {:?}", folder.display(), answer.timings);
    assert_eq!(answer.output_ids, ids(&case.turns()[0]["greedy"]["ids"]));
    for (name, ours) in [
        ("pixel_values", &trace.pixel_values),
        ("vision_features", &trace.vision_features),
        ("pre_merger_window_order", &trace.vision_features),
        ("projector_output", &trace.projected),
        ("prefill_logits", &trace.prefill_logits),
    ] {
        let Some(golden) = case.golden.get(&format!("t0.{name}")) else { continue };
        let error = distance(ours.as_ref().unwrap(), golden);
        println!("{}: {name} differs by {error}", folder.display());
        assert!(error <= 5e-4, "{name} differs by {error}");
    }
}
