//! Training of HealthGPT: gradients through router and experts of both tasks, resuming, answers
//! and pictures that were taught, and a base that stays as it was.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

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
use models::{ask, committed, copy_folder, load, read_golden};
use reading_room::imaging::{Channels, DisplayImage};
use reading_room::train::{
    Example, GradientSums, Metric, Objective, Parameters, Part, TrainConfig, TrainError, Trained,
    read_metrics, read_records, train,
};
use reading_room::vlm::{
    ComputeDevice, Exchange, LossOn, NewAdapters, Question, Sequence, Task, Trainee, recognise,
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
        let pictures = vec![trainee.picture(&picture(index)).unwrap()];
        let sequences = match task {
            Task::Question => {
                let talk =
                    [exchange("What is this?", if index == 0 { "A CT." } else { "No bars" })];
                trainee.sequences(&talk, &pictures, LossOn::AllAnswers).unwrap()
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
        let gradient: Vec<f32> = sums
            .get(name)
            .unwrap_or_else(|| panic!("{name}"))
            .clone()
            .into_data()
            .try_to_vec()
            .unwrap();
        let shape = parameters.get(name).unwrap().shape.clone();
        let is_adapter = name.contains(".lora_");
        let groups = if is_adapter {
            experts_of(name, &shape, 4)
        } else {
            vec![(0..gradient.len()).collect()]
        };
        for (expert, places) in groups.iter().enumerate() {
            let steepest =
                places.iter().max_by(|a, b| gradient[**a].abs().total_cmp(&gradient[**b].abs()));
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

/// A model folder with its base and tower inside the published neighbours, pictures, and records
/// of both tasks.
struct Room {
    folder: tempfile::TempDir,
}

const STAGES: &str = r#"
[[stage]]
name = "questions"
train = ["projector", "adapter"]
steps = 3
batch = 2
learning_rate = 3e-3
[[stage]]
name = "pictures"
task = "generation"
train = ["projector", "adapter", "embedding"]
steps = 4
batch = 2
learning_rate = 3e-3
weight_decay = 0.01
"#;

const NEW: &str = "[model.hlora]
comprehension = { rank = 8, experts = 4 }
generation = { rank = 16, experts = 4, alpha = 24.0 }
";

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&committed("m3-gen-tiny"), &folder.path().join("published"), &|_| true);
        let mut records = Vec::new();
        for index in 0..4_u8 {
            let name = format!("{index}.png");
            picture(index).write_png(&folder.path().join(&name)).unwrap();
            let answer = if index.is_multiple_of(2) { "across" } else { "down" };
            records.push(json!({"id": format!("q{index}"), "image": name, "conversations": [
                {"from": "human", "value": "<image>\nWhich way?"},
                {"from": "gpt", "value": answer}]}));
            records.push(json!({"id": format!("d{index}"), "image": name, "target": name,
                "conversations": [{"from": "human", "value": "Draw it again."}]}));
        }
        std::fs::write(folder.path().join("data.json"), Value::from(records).to_string()).unwrap();
        Self { folder }
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.folder.path().join(rest)
    }

    fn model(&self) -> PathBuf {
        self.path("published/HealthGPT-M3")
    }

    fn config(&self, output: &str, new: &str, stages: &str) -> PathBuf {
        let text = format!(
            "seed = 5\n[model]\nfolder = \"published/HealthGPT-M3\"\n{new}\
             [data]\ntrain = [\"data.json\"]\nvalidation = [\"data.json\"]\nimages = \".\"\n\
             [augment]\ncrop = 0.1\n[output]\nfolder = \"{output}\"\nsave_every = 2\n{stages}"
        );
        let path = self.path(&format!("{output}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn run(config: &Path, stop_after: Option<u64>) -> Result<Trained, TrainError> {
    let config = TrainConfig::read(config)?;
    train(&config, &Device::flex(), false, &mut |report| {
        if Some(report.metric.step) == stop_after {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
}

/// Every file of a folder, by its path in it.
fn files_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn an_interrupted_run_ends_as_an_uninterrupted_one() {
    with_room(|| {
        let room = Room::new();
        let whole = run(&room.config("whole", NEW, STAGES), None).unwrap();
        assert_eq!((whole.steps, whole.resumed), (7, None));
        let parts = room.config("parts", NEW, STAGES);
        for stop in [1, 3, 5] {
            assert!(matches!(run(&parts, Some(stop)), Err(TrainError::Stopped)));
        }
        // a run that was killed while it kept codes leaves this
        let kept = room.path("parts/codes.jsonl");
        let text = std::fs::read_to_string(&kept).unwrap();
        std::fs::write(&kept, &text[..text.len() - 20]).unwrap();
        let parts = run(&parts, None).unwrap();
        assert_eq!((parts.steps, parts.resumed), (7, Some(4)));
        let (whole, parts) = (files_in(&whole.model), files_in(&parts.model));
        assert_eq!(whole.keys().collect::<Vec<_>>(), parts.keys().collect::<Vec<_>>());
        assert!(whole == parts, "the files differ");
        let metrics = |name: &str| {
            let all = read_metrics(&room.path(name).join("metrics.jsonl")).unwrap();
            all.iter().map(|one| (one.step, one.loss.to_bits())).collect::<Vec<_>>()
        };
        assert_eq!(metrics("whole"), metrics("parts"));
    });
}

#[test]
fn what_is_not_taught_stays_as_it_was() {
    with_room(|| {
        let room = Room::new();
        let (before, model) = (files_in(&room.path("published")), room.model());
        let stage = STAGES.split("[[stage]]").nth(2).unwrap();
        let only = stage.replace(r#""projector", "adapter", "embedding""#, r#""adapter""#);
        let trained = run(&room.config("adapter", "", &format!("[[stage]]{only}")), None).unwrap();
        let after = files_in(&trained.model);
        // base, tower and codec, byte for byte, inside the model's folder
        let mut copied = 0;
        for (name, bytes) in &before {
            let is_part = ["Phi-3", "clip-vit", "taming"];
            if is_part.iter().any(|part| name.to_string_lossy().starts_with(part)) {
                assert!(after.get(name) == Some(bytes), "{}", name.display());
                copied += 1;
            }
        }
        assert!(copied > 12, "{copied}");
        let fusion = "fusion_layer_weights.bin";
        assert!(after[Path::new(fusion)] == std::fs::read(model.join(fusion)).unwrap());
        // the projector lies in the file of the adapter and did not change
        let (before, after) = (Trainee::open(&model, None), Trainee::open(&trained.model, None));
        let (before, after) = (opened(&before.unwrap()), opened(&after.unwrap()));
        let mut changed = 0;
        for (name, parameter) in before.iter() {
            assert_eq!(after.get(name).unwrap().shape, parameter.shape, "{name}");
            let is_same = before.values(name).unwrap() == after.values(name).unwrap();
            assert_eq!(is_same, !name.contains(".lora_"), "{name}");
            changed += usize::from(!is_same);
        }
        assert_eq!(changed, 3 * 4 * 3);
        // nor does a saved state hold what never changes
        let state = room.path("adapter/state/step-00000004/model.safetensors");
        assert_eq!(read_golden(&state).len(), changed);
    });
}

#[test]
fn the_projector_may_have_a_rate_of_its_own() {
    with_room(|| {
        let room = Room::new();
        let stage = STAGES.split("[[stage]]").nth(2).unwrap().replace(", \"embedding\"", "");
        let stage = stage.replace("weight_decay = 0.01", "projector_learning_rate = 1e-30");
        let trained = run(&room.config("slow", "", &format!("[[stage]]{stage}")), None).unwrap();
        let (before, after) =
            (Trainee::open(&room.model(), None), Trainee::open(&trained.model, None));
        let (before, after) = (opened(&before.unwrap()), opened(&after.unwrap()));
        for (name, _) in before.iter() {
            let is_same = before.values(name).unwrap() == after.values(name).unwrap();
            assert_eq!(is_same, !name.contains(".lora_"), "{name}");
        }
    });
}

fn teach(room: &Room, output: &str, stages: &str) -> Trained {
    // the words of the tiny published head are so unlike that no adapter can end an answer
    let path = room.config(output, &format!("init = \"random\"\n{NEW}"), stages);
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("crop = 0.1", "").replace("save_every = 2", "save_every = 100");
    std::fs::write(&path, text).unwrap();
    let trained = run(&path, None).unwrap();
    let metrics = read_metrics(&room.path(output).join("metrics.jsonl")).unwrap();
    let last = metrics.last().unwrap();
    let ends = metrics.iter().filter(|one| one.step == last.step || one.step == 150);
    for Metric { stage, loss, validation_accuracy, .. } in ends {
        println!("{output}: {stage}: loss {loss}, {validation_accuracy:?}");
    }
    trained
}

/// Sum of −log p of what one record teaches.
fn measured(trainee: &Trainee, picture: &DisplayImage, sequences: Vec<Sequence>) -> f64 {
    let pictures = vec![trainee.picture(picture).unwrap()];
    let example = |sequence| Example { sequence, pictures: pictures.clone() };
    let examples: Vec<Example> = sequences.into_iter().map(example).collect();
    Objective { trainee }.measure(&opened(trainee), &examples).unwrap().loss
}

fn question(text: &str, index: u8, task: Task) -> Question {
    Question { images: vec![picture(index)], max_new_tokens: 60, task, ..Question::new(text) }
}

#[test]
fn what_was_taught_is_answered_and_drawn() {
    with_room(|| {
        let room = Room::new();
        let stages = STAGES.replace("steps = 3", "steps = 150").replace("steps = 4", "steps = 150");
        let stages = stages.replace("batch = 2", "batch = 4");
        let trained = teach(&room, "taught", &stages);
        let spec = recognise(&trained.model).unwrap();
        assert!(spec.missing.is_empty() && spec.missing_for_reconstruction.is_empty(), "{spec:?}");
        assert!(spec.abilities.questions && spec.abilities.reconstruction);
        let trainee = Trainee::open(&trained.model, None).unwrap();
        let records = read_records(&room.path("data.json")).unwrap();
        let mut vlm = load(&trained.model, ComputeDevice::cpu());
        let codec = trainee.target_codec().unwrap();
        for index in 0..4_u8 {
            let picture = picture(index);
            let answer = ask(&mut vlm, &question("Which way?", index, Task::Question), None);
            assert_eq!(answer.text, if index.is_multiple_of(2) { "across" } else { "down" });
            let said: f64 = answer.logprobs.iter().map(|one| -f64::from(*one)).sum();
            let talk = &records[usize::from(index) * 2].exchanges;
            let pictures = [trainee.picture(&picture).unwrap()];
            let sequences = trainee.sequences(talk, &pictures, LossOn::AllAnswers).unwrap();
            let loss = measured(&trainee, &picture, sequences);
            println!("{index}: {said} said, {loss} measured, {} ids", answer.logprobs.len());
            assert!((said - loss).abs() < 1e-3 * said.max(0.01), "{said} {loss}");

            let asked = question("Draw it again.", index, Task::Reconstruction);
            let go_on = &mut |_| ControlFlow::Continue(());
            let drawn = vlm.reconstruct(&asked, false, go_on, None).unwrap();
            let wanted = codec.codes(&picture).unwrap();
            assert!(drawn.complete, "{:?}", drawn.shortfall());
            assert_eq!(drawn.answer.codes, wanted);
            assert_eq!(drawn.ceiling.unwrap().codes, wanted);
            let said: f64 = drawn.answer.logprobs.iter().map(|one| -f64::from(*one)).sum();
            let sequence = trainee.drawing(&exchange("Draw it again.", ""), &wanted).unwrap();
            let loss = measured(&trainee, &picture, vec![sequence]);
            let ids = drawn.answer.logprobs.len();
            println!("{index}: {said} drawn, {loss} measured, {ids} ids");
            assert!((said - loss).abs() < 1e-3 * said.max(0.01), "{said} {loss}");
        }
    });
}

#[test]
fn a_model_of_no_weights_begins_anew() {
    with_room(|| {
        let room = Room::new();
        for folder in ["Phi-3-mini-4k-instruct", "clip-vit-large-patch14-336", "HealthGPT-M3"] {
            for entry in std::fs::read_dir(room.path("published").join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.display().to_string();
                if [".bin", ".safetensors", ".index.json"].iter().any(|end| name.ends_with(end)) {
                    std::fs::remove_file(path).unwrap();
                }
            }
        }
        let stages = STAGES.replace(r#"["projector", "adapter"]"#, r#"["vision", "language"]"#);
        let trained =
            run(&room.config("anew", &format!("init = \"random\"\n{NEW}"), &stages), None);
        let trained = trained.unwrap();
        let mut vlm = load(&trained.model, ComputeDevice::cpu());
        ask(&mut vlm, &question("Which way?", 0, Task::Question), None);
        let go_on = &mut |_| ControlFlow::Continue(());
        let mut asked = question("Draw it again.", 1, Task::Reconstruction);
        asked.max_new_tokens = 36;
        assert!(vlm.reconstruct(&asked, true, go_on, None).unwrap().complete);
    });
}

#[test]
fn published_adapters_learn_on_in_every_family() {
    with_room(|| {
        let room = Room::new();
        let stage = STAGES.split("[[stage]]").nth(1).unwrap();
        for (family, model) in
            [("l14-com-tiny", "HealthGPT-L14"), ("xl32-com-tiny", "HealthGPT-XL32")]
        {
            let config = room.config(family, "", &format!("[[stage]]{stage}"));
            let text = std::fs::read_to_string(&config).unwrap();
            let folder = model_of(family, model).display().to_string();
            std::fs::write(&config, text.replace("published/HealthGPT-M3", &folder)).unwrap();
            let trained = run(&config, None).unwrap();
            let trainee = Trainee::open(&trained.model, None).unwrap();
            let answer = ask(
                &mut load(&trained.model, ComputeDevice::cpu()),
                &question("Which way?", 0, Task::Question),
                None,
            );
            assert!(!answer.output_ids.is_empty());
            assert!(opened(&trainee).iter().any(|(name, _)| name.contains(".lora_route")));
        }
    });
}

#[test]
fn bad_input_is_named() {
    with_room(|| {
        let room = Room::new();
        let fault = |new: &str, stages: &str| {
            run(&room.config("bad", new, stages), None).unwrap_err().to_string()
        };
        let said = fault(&NEW.replace("rank = 8", "rank = 6"), STAGES);
        assert!(said.contains("4 experts of an adapter do not share rank 6 evenly"), "{said}");
        let said = fault("[model.lora]\nrank = 4\nalpha = 8.0\n", STAGES);
        assert!(said.contains("[model.hlora]"), "{said}");
        let said = fault(NEW, &STAGES.replace(r#"task = "generation""#, ""));
        assert!(said.contains("only generation has its own"), "{said}");
        // the folder has an adapter for pictures alone
        let said = fault("", STAGES);
        assert!(said.contains("has nothing for questions"), "{said}");
        let said = fault("experts = 3\n", STAGES);
        assert!(said.contains("experts") && said.contains("line"), "{said}");
        let data = std::fs::read_to_string(room.path("data.json")).unwrap();
        let text = data
            .replace("\"target\"", "\"aim\"")
            .replace("Draw it again.\"}]", "Draw\"},{\"from\":\"gpt\",\"value\":\"no\"}]");
        std::fs::write(room.path("data.json"), text).unwrap();
        let said = fault(NEW, STAGES);
        assert!(said.contains("no record has a \"target\""), "{said}");
        std::fs::write(
            room.path("data.json"),
            data.replace("\"target\":\"3.png\"", "\"target\":\"9.png\""),
        )
        .unwrap();
        let said = fault(NEW, STAGES);
        assert!(said.contains("1 of 12 pictures are not in") && said.contains("9.png"), "{said}");
        std::fs::write(room.path("data.json"), &data).unwrap();
        std::fs::remove_file(room.path("published/taming_transformers/ckpt/last.ckpt")).unwrap();
        let said = fault(NEW, STAGES);
        assert!(said.contains("last.ckpt"), "{said}");
        // families without a place for it
        let lora = NewAdapters {
            reconstruction: Some(reading_room::nn::HLoraConfig { rank: 4, experts: 2, alpha: 8.0 }),
            ..NewAdapters::default()
        };
        let open = |folder: &Path| Trainee::open_with(folder, lora).err().unwrap().to_string();
        let said = open(&model_of("huatuo-7b-tiny", "model"));
        assert!(
            said.contains("only HealthGPT and nano have a place for several experts"),
            "{said}"
        );
        let said = open(&model_of("l14-com-tiny", "HealthGPT-L14"));
        assert!(said.contains("HealthGPT L14 does not draw"), "{said}");
    });
}

#[test]
fn nano_draws_beside_its_answers() {
    with_room(|| {
        let room = Room::new();
        let start = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/nano/training/start");
        copy_folder(&start, &room.path("nano"), &|_| true);
        let room_toml = "family = \"nano\"\nvq_tokens = 96\n\
                         vqgan = \"../published/taming_transformers/ckpt\"\n";
        std::fs::write(room.path("nano/reading-room.toml"), room_toml).unwrap();
        let stages = STAGES.replace(r#"["projector", "adapter"]"#, r#"["vision", "language"]"#);
        let new = "init = \"random\"\n[model.hlora]\ngeneration = { rank = 8, experts = 4 }\n";
        let config = room.config("small", new, &stages);
        let of_nano = |config: &Path, folder: &str| {
            let text = std::fs::read_to_string(config).unwrap();
            std::fs::write(config, text.replace("published/HealthGPT-M3", folder)).unwrap();
        };
        of_nano(&config, "nano");
        let first = run(&config, None).unwrap();
        let spec = recognise(&first.model).unwrap();
        assert!(spec.abilities.questions && spec.abilities.reconstruction, "{spec:?}");
        let mut vlm = load(&first.model, ComputeDevice::cpu());
        let answer = ask(&mut vlm, &question("Which way?", 0, Task::Question), None);
        let go_on = &mut |_| ControlFlow::Continue(());
        let mut asked = question("Draw it again.", 1, Task::Reconstruction);
        asked.max_new_tokens = 36;
        let drawn = vlm.reconstruct(&asked, true, go_on, None).unwrap();
        assert!(drawn.complete);
        // it learns to draw on, and what it answers stays the same
        let generation = STAGES.split("[[stage]]").nth(2).unwrap();
        let config = room.config("on", "", &format!("[[stage]]{generation}"));
        of_nano(&config, "small/model");
        let second = run(&config, None).unwrap();
        let base = "model.safetensors";
        let base = [&first, &second].map(|run| std::fs::read(run.model.join(base)).unwrap());
        assert!(base[0] == base[1], "the base changed");
        let mut vlm = load(&second.model, ComputeDevice::cpu());
        let again = ask(&mut vlm, &question("Which way?", 0, Task::Question), None);
        assert_eq!((again.output_ids, again.logprobs), (answer.output_ids, answer.logprobs));
        // a plain nano is as it was
        let plain = room.config(
            "plain",
            "init = \"random\"\n",
            STAGES.split("[[stage]]\nname = \"pictures\"").next().unwrap(),
        );
        let text = std::fs::read_to_string(&plain).unwrap();
        std::fs::write(&plain, text.replace(r#"["projector", "adapter"]"#, r#"["language"]"#))
            .unwrap();
        std::fs::write(room.path("nano/reading-room.toml"), "family = \"nano\"\n").unwrap();
        of_nano(&plain, "nano");
        let plain = recognise(&run(&plain, None).unwrap().model).unwrap();
        assert!(plain.abilities.questions && !plain.abilities.reconstruction && !plain.draws());
    });
}
