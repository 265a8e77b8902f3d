//! Answers and tensors are those of the published code, on the CPU and on a Vulkan adapter.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::path::Path;

use models::{Case, ask, cases, committed, distance, ids, load, shared_family};
use reading_room::vlm::{
    ComputeDevice, DeviceChoice, FinishReason, Question, SamplingParams, Trace, Vlm, choose_device,
};

/// Largest difference seen of each tensor.
#[derive(Debug, Default)]
struct Worst {
    pixel_values: f32,
    vision_features: f32,
    projected: f32,
    prefill_logits: f32,
}

fn check_turn(vlm: &mut Vlm, case: &Case, index: usize, logits_within: f32, worst: &mut Worst) {
    let what = format!("{} turn {index}", case.folder.display());
    let turn = &case.turns()[index];
    let question = case.question(index);
    // untraced first, so that a second turn goes on from the first
    let answer = ask(vlm, &question, None);
    let prompt_ids: Vec<i64> =
        turn["input_ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
    assert_eq!(answer.prompt, turn["prompt"].as_str().unwrap(), "{what}");
    assert_eq!(answer.prompt_ids, prompt_ids, "{what}");
    assert_eq!(answer.output_ids, ids(&turn["greedy"]["ids"]), "{what}");
    assert_eq!(answer.text, turn["greedy"]["text"].as_str().unwrap(), "{what}");
    assert_eq!(answer.finish_reason, FinishReason::Length, "{what}");
    assert_eq!(answer.logprobs.len(), 32, "{what}");

    let mut trace = Trace::default();
    let traced = ask(vlm, &Question { max_new_tokens: 1, ..question.clone() }, Some(&mut trace));
    assert_eq!(traced.output_ids, answer.output_ids[..1], "{what}");
    let golden = |name: &str| case.golden.get(&format!("t{index}.{name}"));
    for (name, ours, within, worst) in [
        ("pixel_values", &trace.pixel_values, 1e-6, &mut worst.pixel_values),
        ("vision_features", &trace.vision_features, 1e-4, &mut worst.vision_features),
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
        let answer = ask(vlm, &Question { sampling, ..question }, None);
        assert_eq!(answer.output_ids, ids(&penalised["ids"]), "{what}");
        assert_eq!(answer.text, penalised["text"].as_str().unwrap(), "{what}");
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

#[test]
fn the_committed_cases_agree() {
    check_family(&committed("huatuo-7b-tiny"));
    check_family(&committed("llava-med-v1.5-tiny"));
}

#[test]
fn every_case_of_every_family_agrees() {
    for family in ["huatuo-7b-tiny", "huatuo-7b-tiny-336", "huatuo-34b-tiny", "llava-med-v1.5-tiny"]
    {
        if let Some(folder) = shared_family(family) {
            check_family(&folder);
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

/// On a software adapter kernels take seconds to build, so it is one case of each layout.
#[test]
fn one_case_of_each_agrees_on_a_vulkan_adapter() {
    let Ok(device) = choose_device(DeviceChoice::Gpu) else {
        println!("skipped: no Vulkan adapter");
        return;
    };
    println!("{}", device.label());
    for family in ["huatuo-7b-tiny", "llava-med-v1.5-tiny"] {
        let folder = committed(family);
        let started = std::time::Instant::now();
        let mut vlm = load(&folder.join("model"), device.clone());
        println!("{family}: loaded after {:.1} s", started.elapsed().as_secs_f64());
        let case =
            cases(&folder).into_iter().find(|case| case.folder.ends_with("chinese")).unwrap();
        let mut trace = Trace::default();
        let answer = ask(&mut vlm, &case.question(0), Some(&mut trace));
        println!("{family}: {:.1} s, {:?}", started.elapsed().as_secs_f64(), answer.timings);
        assert_eq!(answer.output_ids, ids(&case.turns()[0]["greedy"]["ids"]));
        for (name, ours) in [
            ("pixel_values", &trace.pixel_values),
            ("vision_features", &trace.vision_features),
            ("projector_output", &trace.projected),
            ("prefill_logits", &trace.prefill_logits),
        ] {
            let error = distance(ours.as_ref().unwrap(), &case.golden[&format!("t0.{name}")]);
            println!("{family}: {name} differs by {error}");
            assert!(error <= 5e-4, "{name} differs by {error}");
        }
    }
}
