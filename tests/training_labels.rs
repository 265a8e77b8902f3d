//! Pretraining of a tower on labels: gradients, what it learns, and what is left of it.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rand::SeedableRng as _;
use reading_room::imaging::{Channels, DisplayImage};
use reading_room::train::{
    Augment, GradientSums, LabelObjective, LabelSet, Labelled, Parameters, Part, TrainConfig,
    TrainError, read_metrics, read_records, train,
};
use reading_room::vlm::Trainee;
use serde_json::{Value, json};

const TINY: &str = "tests/fixtures/models/huatuo-7b-tiny/model";

/// Stripes across or down, of some width.
fn stripes(index: usize) -> DisplayImage {
    let width = 3 + index / 2;
    let level = |at: usize| if (at / width).is_multiple_of(2) { 200 } else { 30 };
    let place = |at: usize| if index.is_multiple_of(2) { at % 32 } else { at / 32 };
    let pixels = (0..32 * 32).map(|at| level(place(at))).collect();
    DisplayImage { width: 32, height: 32, channels: Channels::Gray, pixels }
}

/// Eight pictures with labels, of which one misses one, and a configuration.
fn room(stage: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<Value> = (0..8)
        .map(|index| {
            let name = format!("{index}.png");
            stripes(index).write_png(&folder.path().join(&name)).unwrap();
            let direction = if index % 2 == 0 { "across" } else { "down" };
            let mut labels = json!({"direction": direction, "kind": "stripes"});
            if index > 0 {
                labels["size"] = json!(if index < 4 { "narrow" } else { "wide" });
            }
            json!({"image": name, "labels": labels, "conversations": [
                {"from": "human", "value": "<image>\nWhich?"}, {"from": "gpt", "value": direction}]})
        })
        .chain([json!({"conversations": [
            {"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hello"}]})])
        .collect();
    std::fs::write(folder.path().join("data.json"), Value::from(records).to_string()).unwrap();
    let config = folder.path().join("config.toml");
    let model = std::fs::canonicalize(TINY).unwrap();
    let text = format!(
        "seed = 3\n[model]\nfolder = \"{}\"\ninit = \"random\"\n[data]\ntrain = [\"data.json\"]\n\
         images = \".\"\n[output]\nfolder = \"out\"\nsave_every = 10\n[[stage]]\n{stage}",
        model.display()
    );
    std::fs::write(&config, text).unwrap();
    (folder, config)
}

const STAGE: &str = "name = \"tower\"\nobjective = \"labels\"\ntrain = [\"vision\", \"labels\"]\n\
                     steps = 40\nbatch = 8\nlearning_rate = 3e-3\n";

fn run(config: &Path, stop_after: Option<u64>) -> Result<PathBuf, TrainError> {
    let trained =
        train(
            &TrainConfig::read(config)?,
            &Device::flex(),
            false,
            &mut |report| match stop_after {
                Some(step) if step == report.metric.step => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            },
        );
    Ok(trained?.model)
}

#[test]
fn a_tower_learns_labels_and_the_heads_are_laid_aside() {
    let (folder, config) = room(STAGE);
    let model = run(&config, None).unwrap();
    let metrics = read_metrics(&folder.path().join("out/metrics.jsonl")).unwrap();
    let (first, last) = (metrics.first().unwrap(), metrics.last().unwrap());
    // eight directions and seven sizes; what is always the same is not asked
    assert_eq!((first.tokens, last.tokens), (15, 15));
    assert!(first.loss > 0.4 && last.loss < 0.1, "{} to {}", first.loss, last.loss);
    assert!(last.accuracy > 0.99, "{}", last.accuracy);
    let bytes = std::fs::read(model.join("model.safetensors")).unwrap();
    let names = String::from_utf8_lossy(&bytes[..bytes.len().min(100_000)]).into_owned();
    assert!(names.contains("vision_tower") && !names.contains("labels."));
}

#[test]
fn pieces_make_the_same_steps_and_resume_exactly() {
    let metrics = |folder: &tempfile::TempDir| {
        read_metrics(&folder.path().join("out/metrics.jsonl")).unwrap()
    };
    let short = STAGE.replace("steps = 40", "steps = 12");
    let (together, config) = room(&short);
    run(&config, None).unwrap();
    let in_pieces = format!("{short}piece = 3\n");
    let (apart, config) = room(&in_pieces);
    let model = run(&config, None).unwrap();
    for (one, other) in metrics(&together).iter().zip(metrics(&apart)).take(3) {
        assert!((one.loss - other.loss).abs() < 1e-4, "{one:?} {other:?}");
        let off = (one.gradient_norm - other.gradient_norm).abs();
        assert!(off < 1e-3 * one.gradient_norm, "{one:?} {other:?}");
    }
    // stopped between two saved states it ends the same
    let (_stopped, config) = room(&in_pieces);
    assert!(matches!(run(&config, Some(11)), Err(TrainError::Stopped)));
    let again = run(&config, None).unwrap();
    let weights = |model: &Path| std::fs::read(model.join("model.safetensors")).unwrap();
    assert!(weights(&model) == weights(&again), "the weights differ");
}

#[test]
fn gradients_of_labels_are_those_of_finite_differences() {
    let (folder, _) = room(STAGE);
    let records = read_records(&folder.path().join("data.json")).unwrap();
    let set = LabelSet::of(&records);
    let trainee = Trainee::open(Path::new(TINY), None).unwrap();
    let mut parameters = Parameters::random(&trainee.tensors().unwrap(), 7, &Device::flex());
    let width = trainee.tower_width();
    let mut heads = Vec::new();
    for (name, values) in [("direction", 2), ("size", 2)] {
        let wave = |at: usize| ((at * 7 % 11) as f32 - 5.0) * 0.1;
        let (weight, bias) = (format!("labels.{name}.weight"), format!("labels.{name}.bias"));
        parameters.insert(&weight, vec![values, width], (0..values * width).map(wave).collect());
        parameters.insert(&bias, vec![values], (0..values).map(wave).collect());
        heads.extend([weight, bias]);
    }
    let examples: Vec<Labelled> = records
        .iter()
        .take(4)
        .enumerate()
        .map(|(index, record)| {
            Labelled::new(trainee.picture(&stripes(index)).unwrap(), record, &set)
        })
        .collect();
    let objective = LabelObjective { trainee: &trainee, set: &set };
    parameters.learn(&[Part::Vision, Part::Labels]);
    let mut sums = GradientSums::default();
    let outcome = objective.learn(&parameters, &examples, &mut sums).unwrap();
    assert_eq!(outcome.tokens, 7);
    let names: Vec<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
    parameters.rest();
    let mut checked = Vec::new();
    for name in &names {
        let Some(gradient) = sums.get(name) else { continue };
        let gradient: Vec<f32> = gradient.clone().into_data().try_to_vec().unwrap();
        let steepest = gradient.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let (at, steepest) = steepest.map(|(at, value)| (at, f64::from(*value))).unwrap();
        if steepest.abs() < 0.02 {
            continue;
        }
        let mut loss_with = |change: f32| {
            let shape = parameters.get(name).unwrap().shape.clone();
            let values = parameters.values(name).unwrap();
            let mut changed = values.clone();
            changed[at] += change;
            parameters.insert(name, shape.clone(), changed);
            let loss = objective.measure(&parameters, &examples).unwrap().loss;
            parameters.insert(name, shape, values);
            loss
        };
        let difference = (loss_with(4e-3) - loss_with(-4e-3)) / 8e-3;
        let error = (difference - steepest).abs() / steepest.abs().max(0.1);
        assert!(error < 0.03, "{name}[{at}]: {steepest} and {difference}");
        checked.push(name.clone());
    }
    assert!(heads.iter().all(|head| checked.contains(head)), "{checked:?}");
    assert!(checked.len() > 12, "{checked:?}");
}

#[test]
fn stages_that_make_no_sense_are_named() {
    let said = |stage: &str| run(&room(stage).1, None).unwrap_err().to_string();
    let with_words = STAGE.replace("\"labels\"]", "\"language\"]");
    assert!(said(&with_words).contains("vision and labels alone"));
    let without = STAGE.replace("objective = \"labels\"\n", "");
    assert!(said(&without).contains("its objective is not labels"));
    let (folder, config) = room(STAGE);
    let data = folder.path().join("data.json");
    let text = std::fs::read_to_string(&data).unwrap().replace("\"labels\"", "\"other\"");
    std::fs::write(&data, text).unwrap();
    assert!(run(&config, None).unwrap_err().to_string().contains("no record has \"labels\""));
}

/// A picture whose grey level is its column, and one that is bright in one corner.
fn ramp() -> DisplayImage {
    let pixels = (0..64 * 64).map(|at| (at % 64 * 4) as u8).collect();
    DisplayImage { width: 64, height: 64, channels: Channels::Gray, pixels }
}

#[test]
fn distortions_mirror_turn_zoom_and_stretch() {
    let drawn = |augment: Augment, seed: u64| {
        augment.apply(&ramp(), &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed))
    };
    let still = drawn(Augment::default(), 1);
    assert_eq!(still.pixels, ramp().pixels);
    let mirrored = drawn(Augment { mirror: 1.0, ..Augment::default() }, 1);
    let backwards: Vec<u8> = ramp().pixels.iter().rev().copied().collect();
    assert_eq!(mirrored.pixels, backwards);
    for seed in 0..20 {
        // a right angle or two: the ramp then goes down, up or backwards
        let turned = drawn(Augment { quarter: 1.0, ..Augment::default() }, seed);
        assert_ne!(turned.pixels, ramp().pixels);
        let (mut sorted, mut expected) = (turned.pixels, ramp().pixels);
        sorted.sort_unstable();
        expected.sort_unstable();
        assert!(sorted.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "seed {seed}");
        let part = drawn(Augment { zoom: 1.0, ..Augment::default() }, seed);
        let (least, most) = (part.pixels.iter().min().unwrap(), part.pixels.iter().max().unwrap());
        assert!(most - least < 230 && most - least > 70, "seed {seed}: {least} to {most}");
        let stretched = drawn(Augment { stretch: 2.0, ..Augment::default() }, seed);
        let ratio = f64::from(stretched.width) / f64::from(stretched.height);
        assert!((0.49..=2.04).contains(&ratio), "seed {seed}: {ratio}");
    }
}
