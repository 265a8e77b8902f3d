//! Weights in blocks on the CPU: every family answers from them, close to its answers in f32.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/healthgpt.rs"]
mod healthgpt;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use healthgpt::{HealthCase, with_room};
use models::{ask, cases, committed};
use reading_room::vlm::{
    ComputeDevice, Precision, PrecisionChoice, Question, Task, Trace, TraceTensor, Vlm, recognise,
};

/// A model of this tree and a question about a picture.
fn questions() -> Vec<(PathBuf, Question)> {
    let mut all = Vec::new();
    for family in
        ["huatuo-7b-tiny", "llava-med-v1.5-tiny", "llava-med-v1-tiny", "huatuo-qwen2.5vl-tiny"]
    {
        let cases = cases(&committed(family));
        let with_picture = |case: &&models::Case| !case.question(0).images.is_empty();
        let case = cases.iter().find(with_picture).unwrap();
        all.push((committed(family).join("model"), case.question(0)));
        if family == "llava-med-v1-tiny" {
            all.push((committed(family).join("delta"), case.question(0)));
        }
    }
    for family in ["m3-com-tiny", "l14-com-tiny", "xl32-com-tiny", "m3-gen-tiny"] {
        let case = HealthCase::read(&committed(family));
        let run = case.runs().iter().find(|run| run["image"].is_string()).unwrap();
        all.push((case.model(), case.question(run)));
    }
    all
}

fn load_in(model: &Path, precision: Precision) -> Vlm {
    let (spec, device) = (recognise(model).unwrap(), ComputeDevice::cpu());
    let precision = PrecisionChoice::Exactly(precision);
    Vlm::load(&spec, device, precision, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Features of the picture and the scores after the prompt.
struct Traced {
    features: Vec<f32>,
    projected: Vec<f32>,
    logits: Vec<f32>,
}

fn traced(vlm: &mut Vlm, question: &Question) -> Traced {
    let mut trace = Trace::default();
    match question.task {
        Task::Question => {
            ask(vlm, question, Some(&mut trace));
        }
        Task::Reconstruction => {
            let go_on = &mut |_| ControlFlow::Continue(());
            vlm.reconstruct(question, true, go_on, Some(&mut trace)).unwrap();
        }
    }
    let values = |tensor: TraceTensor| tensor.unwrap().1;
    Traced {
        features: values(trace.vision_features),
        projected: values(trace.projected),
        logits: values(trace.prefill_logits),
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Spread of the differences in units of the spread of the scores.
fn deviation(scores: &[f32], exact: &[f32]) -> f64 {
    assert_eq!(scores.len(), exact.len());
    let spread = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let difference = scores.iter().zip(exact).map(|(a, b)| f64::from(a - b));
    spread(&mut difference.into_iter()) / spread(&mut exact.iter().map(|value| f64::from(*value)))
}

#[test]
fn every_family_answers_from_blocks_close_to_its_answers_in_f32() {
    with_room(|| {
        for (model, question) in questions() {
            let exact = traced(&mut load_in(&model, Precision::F32), &question);
            for (precision, bound) in [(Precision::Q8, 0.12), (Precision::Q4, 1.2)] {
                let mut vlm = load_in(&model, precision);
                assert_eq!(vlm.info().precision, precision.as_str());
                let quantised = traced(&mut vlm, &question);
                let features = cosine(&quantised.features, &exact.features);
                let projected = cosine(&quantised.projected, &exact.projected);
                let off = deviation(&quantised.logits, &exact.logits);
                let name = model.strip_prefix(committed("")).unwrap().display();
                println!(
                    "{name} {}: features {features:.7}, projected {projected:.7}, scores off by {off:.4} of their spread",
                    precision.as_str()
                );
                assert!(features >= 0.9999 && projected >= 0.9999, "{features} {projected}");
                assert!(off < bound, "{off}");
            }
        }
    });
}
