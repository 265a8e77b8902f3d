//! Training of HealthGPT: gradients through router and experts of both tasks, resuming, answers
//! and pictures that were taught, and a base that stays as it was.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/healthgpt.rs"]
mod healthgpt;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use healthgpt::with_room;
use models::{ask, committed, copy_folder, load};
use reading_room::imaging::{Channels, DisplayImage};
use reading_room::train::{
    Example, GradientSums, HLoraSection, Objective, Parameters, Part, TrainConfig, TrainError,
    Trained, read_metrics, read_records, train,
};
use reading_room::vlm::{
    ComputeDevice, Exchange, LossOn, NewAdapters, Question, SamplingParams, Sequence, Task, Trainee,
    recognise,
};
use serde_json::{Value, json};

/// Bars across or down, of some brightness.
fn picture(index: u8) -> DisplayImage {
    let (width, height) = (40, 32);
    let level = |at: u32| {
        let place = if index.is_multiple_of(2) { at % width } else { at / width };
        if place / (4 + u32::from(index)) % 2 == 0 { 230 - 20 * index } else { 15 * index }
    };
    let pixels = (0..width * height).map(level).collect();
    DisplayImage { width, height, channels: Channels::Gray, pixels }
}

fn exchange(question: &str, answer: &str) -> Exchange {
    Exchange { question: question.to_owned(), answer: answer.to_owned(), num_images: 1 }
}

fn model_of(family: &str, model: &str) -> PathBuf {
    committed(family).join(model)
}

fn opened(trainee: &Trainee) -> Parameters {
    let mut parameters = Parameters::random(&trainee.tensors().unwrap(), 7, &Device::flex());
    let place = &mut |name: &str, shape, values| parameters.insert(name, shape, values);
    trainee.read_weights(place).unwrap();
    parameters
}

fn examples(trainee: &Trainee, task: Task) -> Vec<Example> {
    let mut examples = Vec::new();
    for index in 0..2_u8 {
        let pictures = vec![trainee.pixel_values(&picture(index))];
        let sequences = match task {
            Task::Question => {
                let talk = [exchange("What is this?", if index == 0 { "A CT." } else { "No bars" })];
                trainee.sequences(&talk, LossOn::AllAnswers).unwrap()
            }
            Task::Reconstruction => {
                let codes: Vec<u32> = (0..9).map(|at| (at * 17 + u32::from(index)) % 96).collect();
                vec![trainee.drawing(&exchange("Reconstruct the image.", ""), &codes).unwrap()]
            }
        };
        let example = |sequence| Example { sequence, pictures: pictures.clone() };
        examples.extend(sequences.into_iter().map(example));
    }
    examples
}

/// Places of a tensor that stand for one expert each: rows of A and of the router, columns of B.
fn experts_of(name: &str, shape: &[usize], experts: usize) -> Vec<Vec<usize>> {
    let (rows, columns) = (shape[0], shape[1]);
    let expert = |at: usize| match name {
        _ if name.contains(".lora_B") => at % columns * experts / columns,
        _ => at / columns * experts / rows,
    };
    let all = 0..rows * columns;
    (0..experts).map(|one| all.clone().filter(|at| expert(*at) == one).collect()).collect()
}

fn changed(
    objective: &Objective<'_>,
    parameters: &mut Parameters,
    examples: &[Example],
    (name, at): (&str, usize),
    change: f32,
) -> f64 {
    let values = parameters.values(name).unwrap();
    let shape = parameters.get(name).unwrap().shape.clone();
    let mut other = values.clone();
    other[at] += change;
    parameters.insert(name, shape.clone(), other);
    let loss = objective.measure(parameters, examples).unwrap().loss;
    parameters.insert(name, shape, values);
    loss
}

fn gradients_of(family: &str, model: &str, task: Task) {
    let trainee = Trainee::open(&model_of(family, model), None).unwrap();
    let mut parameters = opened(&trainee);
    let examples = examples(&trainee, task);
    let objective = Objective { trainee: &trainee };
    parameters.learn_for(task, &[Part::Adapter, Part::Projector, Part::Embedding]);
    let learning: Vec<String> = parameters
        .iter()
        .filter(|(_, one)| one.leaf().is_some())
        .map(|(name, _)| name.clone())
        .collect();
    let mut sums = GradientSums::default();
    let outcome = objective.learn(&parameters, &examples, &mut sums).unwrap();
    assert!(outcome.loss.is_finite() && outcome.tokens > 4, "{outcome:?}");
    parameters.rest();
    let mut checked: BTreeMap<&str, usize> = BTreeMap::new();
    let mut worst = 0.0_f64;
    for name in &learning {
        let gradient: Vec<f32> =
            sums.get(name).unwrap_or_else(|| panic!("{name}")).clone().into_data().try_to_vec().unwrap();
        let shape = parameters.get(name).unwrap().shape.clone();
        let is_adapter = name.contains(".lora_");
        let groups =
            if is_adapter { experts_of(name, &shape, 4) } else { vec![(0..gradient.len()).collect()] };
        for (expert, places) in groups.iter().enumerate() {
            let steepest = places.iter().max_by(|a, b| {
                gradient[**a].abs().total_cmp(&gradient[**b].abs())
            });
            let at = *steepest.unwrap();
            let analytic = f64::from(gradient[at]);
            if analytic.abs() < 0.03 {
                continue;
            }
            let step = 4e-3_f32;
            let up = changed(&objective, &mut parameters, &examples, (name, at), step);
            let down = changed(&objective, &mut parameters, &examples, (name, at), -step);
            let difference = (up - down) / (2.0 * f64::from(step));
            let error = (difference - analytic).abs() / analytic.abs().max(0.1);
            worst = worst.max(error);
            assert!(error < 0.03, "{name}[{at}] of expert {expert}: {analytic} and {difference}");
            let kind = ["lora_A", "lora_B", "lora_route", "projector", "embed", "lm_head"];
            let kind = kind.into_iter().find(|kind| name.contains(kind)).unwrap();
            *checked.entry(kind).or_default() += 1;
        }
    }
    println!("{family}: {checked:?}, worst {worst:.4}");
    for kind in ["lora_A", "lora_B", "lora_route"] {
        assert!(checked.get(kind).is_some_and(|count| *count >= 8), "{kind}: {checked:?}");
    }
    assert!(checked.contains_key("projector"), "{checked:?}");
    let draws = task == Task::Reconstruction;
    assert_eq!(checked.contains_key("lm_head") && checked.contains_key("embed"), draws);
}

#[test]
fn gradients_of_questions_are_those_of_finite_differences() {
    with_room(|| {
        gradients_of("m3-com-tiny", "HealthGPT-M3", Task::Question);
        gradients_of("xl32-com-tiny", "HealthGPT-XL32", Task::Question);
    });
}

#[test]
fn gradients_of_drawing_are_those_of_finite_differences() {
    with_room(|| gradients_of("m3-gen-tiny", "HealthGPT-M3", Task::Reconstruction));
}
