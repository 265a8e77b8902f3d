//! Training of the Qwen2.5-VL release: what is read, what the loss looks at, gradients, resuming,
//! and a model that was taught something.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use models::{Case, cases, committed, copy_folder, picture as png, read_json};
use reading_room::imaging::{Channels, DisplayImage};
use reading_room::train::{
    Example, GradientSums, LabelObjective, LabelSet, Labelled, LoraSection, Objective, Parameters,
    Part, Report, TrainConfig, TrainError, Trained, read_metrics, read_records, train,
};
use reading_room::vlm::{Exchange, LossOn, Place, Sequence, TowerPicture, Trainee};
use serde_json::{Value, json};

const FAMILY: &str = "huatuo-qwen2.5vl-tiny";
/// `<|image_pad|>` and `<|im_end|>` of the tiny release.
const PAD: u32 = 652;
const END: u32 = 642;

fn tiny() -> PathBuf {
    committed(FAMILY).join("model")
}

fn exchange(question: &str, answer: &str, num_images: usize) -> Exchange {
    Exchange { question: question.to_owned(), answer: answer.to_owned(), num_images }
}

fn weights(trainee: &Trainee) -> Parameters {
    let mut parameters = Parameters::random(&trainee.tensors().unwrap(), 7, &Device::flex());
    trainee
        .read_weights(&mut |name, shape, values| parameters.insert(name, shape, values))
        .unwrap();
    parameters
}

fn open(lora: Option<LoraSection>) -> (Trainee, Parameters) {
    let trainee = Trainee::open(&tiny(), lora.map(LoraSection::adapter)).unwrap();
    let parameters = weights(&trainee);
    (trainee, parameters)
}

/// Every index has another size: 2 × 2 cells, 3 × 2, 4 × 2, …
fn picture(index: u8) -> DisplayImage {
    let (width, height) = (56 + 28 * u32::from(index % 3), 56 + 56 * u32::from(index % 2));
    let level = |at: u32| (at * u32::from(index + 3) % 251) as u8;
    let pixels = (0..width * height).map(level).collect();
    DisplayImage { width, height, channels: Channels::Gray, pixels }
}

fn of_talk(trainee: &Trainee, talk: &[Exchange], pictures: &[DisplayImage]) -> Vec<Example> {
    let pictures: Vec<TowerPicture> =
        pictures.iter().map(|one| trainee.picture(one).unwrap()).collect();
    let sequences = trainee.sequences(talk, &pictures, LossOn::AllAnswers).unwrap();
    let example = |sequence| Example { sequence, pictures: pictures.clone() };
    sequences.into_iter().map(example).collect()
}

/// One, two and no pictures, of three sizes.
fn examples(trainee: &Trainee) -> Vec<Example> {
    let two = [exchange("Compare.", "Larger.", 2), exchange("Sure?", "Yes.", 0)];
    [
        of_talk(trainee, &[exchange("What is this?", "A scan.", 1)], &[picture(0)]),
        of_talk(trainee, &two, &[picture(1), picture(2)]),
        of_talk(trainee, &[exchange("Hello", "I answer about pictures.", 0)], &[]),
    ]
    .concat()
}

fn id_of(place: &Place) -> u32 {
    match place {
        Place::Id(id) => *id,
        Place::Row { .. } => PAD,
    }
}

#[test]
fn what_is_read_and_what_the_loss_looks_at_are_the_authors() {
    let (trainee, _) = open(None);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/training");
    let mut compared = 0;
    for case in read_json(&fixture.join("qwen_masking.json")).as_array().unwrap() {
        let turns = case["turns"].as_array().unwrap();
        let text = |turn: &Value, at: usize| turn[at].as_str().unwrap().to_owned();
        let talk: Vec<Exchange> = turns
            .iter()
            .map(|turn| {
                exchange(&text(turn, 0), &text(turn, 1), turn[2].as_u64().unwrap() as usize)
            })
            .collect();
        let rows = case["rows"].as_array().unwrap().iter().map(|rows| rows.as_u64().unwrap());
        let pictures: Vec<TowerPicture> = rows
            .map(|rows| {
                let (rows, values) = (rows as usize, Vec::new());
                TowerPicture { values, rows, cells: Some([1, rows]) }
            })
            .collect();
        for (loss_on, key) in
            [(LossOn::AllAnswers, "all_answers"), (LossOn::LastAnswer, "last_answer")]
        {
            let sequences = trainee.sequences(&talk, &pictures, loss_on).unwrap();
            let [sequence] = sequences.as_slice() else { panic!("{} sequences", sequences.len()) };
            let read: Vec<i64> =
                sequence.places.iter().map(|place| i64::from(id_of(place))).collect();
            let list = |key: &str| -> Vec<i64> {
                case[key].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
            };
            let (ids, labels) = (list("ids"), list(key));
            // the last end is learnt and not read, nor is the line after it
            assert_eq!(read, ids[..ids.len() - 2]);
            // the authors' labels stand where an id is read, ours where it is to be said
            let ours: Vec<i64> =
                sequence.labels.iter().map(|label| label.map_or(-100, i64::from)).collect();
            assert_eq!(ours, labels[1..labels.len() - 1]);
            compared += ours.iter().filter(|label| **label >= 0).count();
        }
    }
    assert!(compared > 100, "{compared}");
}

/// −log p of every so-many-th id after the prompt of a case, by the authors' scores.
fn check_scores(trainee: &Trainee, case: &Case) -> f64 {
    let turn = &case.turns()[0];
    let pictures: Vec<TowerPicture> =
        case.question(0).images.iter().map(|picture| trainee.picture(picture).unwrap()).collect();
    let talk = [exchange(turn["user_text"].as_str().unwrap(), "x", pictures.len())];
    let mut sequence = trainee.sequences(&talk, &pictures, LossOn::AllAnswers).unwrap().remove(0);
    let wanted: Vec<u32> = turn["input_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap() as u32)
        .collect();
    sequence.places.truncate(wanted.len());
    assert_eq!(sequence.places.iter().map(id_of).collect::<Vec<_>>(), wanted);
    sequence.positions.truncate(wanted.len());
    let last = i64::from(sequence.positions.last().unwrap()[0]);
    let delta = last + 1 - wanted.len() as i64;
    assert_eq!(delta, turn["rope_delta"].as_i64().unwrap());
    let scores = &case.golden["t0.prefill_logits"].1;
    let sum: f64 = scores.iter().map(|score| f64::from(*score).exp()).sum();
    let mut parameters = weights(trainee);
    // beside another of another length, which must change nothing
    let other = of_talk(trainee, &[exchange("Hello", "I answer.", 1)], &[picture(2)]);
    let mut worst = 0.0_f64;
    for id in (0..scores.len()).step_by(37) {
        sequence.labels = vec![None; wanted.len()];
        *sequence.labels.last_mut().unwrap() = Some(id as u32);
        let mut batch = vec![Example { sequence: sequence.clone(), pictures: pictures.clone() }];
        batch.extend(other.iter().cloned().map(|mut example| {
            example.sequence.labels.fill(None);
            example
        }));
        let objective = Objective { trainee };
        let expected = sum.ln() - f64::from(scores[id]);
        parameters.rest();
        let measured = objective.measure(&parameters, &batch).unwrap().loss;
        parameters.learn(&[Part::Vision, Part::Projector, Part::Language]);
        let mut sums = GradientSums::default();
        let learnt = objective.learn(&parameters, &batch, &mut sums).unwrap().loss;
        worst = worst.max((measured - expected).abs()).max((learnt - expected).abs());
    }
    worst
}

#[test]
fn the_training_forward_gives_the_authors_scores() {
    let all = cases(&committed(FAMILY));
    let case = |name: &str| all.iter().find(|case| case.folder.ends_with(name)).unwrap();
    let (trainee, _) = open(None);
    let worst = check_scores(&trainee, case("train_format"));
    println!("one picture: −log p off by {worst:e}");
    assert!(worst < 1e-4, "{worst}");
    // two pictures of two sizes, in the other form of the prompt
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&tiny(), folder.path(), &|_| true);
    std::fs::write(folder.path().join("reading-room.toml"), "template = \"list\"\n").unwrap();
    let trainee = Trainee::open(folder.path(), None).unwrap();
    let worst = check_scores(&trainee, case("multi_image"));
    println!("two pictures: −log p off by {worst:e}");
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn batches_of_pictures_of_several_sizes_change_nothing() {
    let (trainee, parameters) = open(None);
    let objective = Objective { trainee: &trainee };
    let examples = examples(&trainee);
    let rows: BTreeSet<usize> =
        examples.iter().flat_map(|one| &one.pictures).map(|picture| picture.rows).collect();
    assert!(rows.len() == 3, "{rows:?}");
    let together = objective.measure(&parameters, &examples).unwrap();
    let mut apart = 0.0;
    for example in &examples {
        apart += objective.measure(&parameters, std::slice::from_ref(example)).unwrap().loss;
    }
    assert!((together.loss - apart).abs() < 1e-4 * apart, "{together:?} {apart}");
}

fn gradients(
    trainee: &Trainee,
    parameters: &mut Parameters,
    parts: &[Part],
) -> BTreeMap<String, Vec<f32>> {
    let mut sums = GradientSums::default();
    parameters.learn(parts);
    let objective = Objective { trainee };
    objective.learn(parameters, &examples(trainee), &mut sums).unwrap();
    parameters.rest();
    let values = |name: &String| {
        Some((name.clone(), sums.get(name)?.clone().into_data().try_to_vec().unwrap()))
    };
    parameters.iter().filter_map(|(name, _)| values(name)).collect()
}

/// An adapter whose second matrix is not zero, where half of its gradients would be.
fn with_adapter() -> (Trainee, Parameters) {
    let (trainee, mut parameters) = open(Some(LoraSection { rank: 2, alpha: 4.0 }));
    let names: Vec<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
    for name in names.iter().filter(|name| name.contains(".lora_B")) {
        let shape = parameters.get(name).unwrap().shape.clone();
        let len = shape.iter().product::<usize>();
        let values = (0..len).map(|at| 0.03 * ((at * 7 % 11) as f32 - 5.0)).collect();
        parameters.insert(name, shape, values);
    }
    (trainee, parameters)
}

const ALL: [Part; 4] = [Part::Vision, Part::Projector, Part::Language, Part::Adapter];

/// What a tensor is of.
const KINDS: [&str; 9] = [
    "visual.patch_embed",
    "attn.qkv",
    "attn.proj",
    "norm1",
    "mlp.gate_proj",
    "merger.ln_q",
    "merger.mlp.0",
    "merger.mlp.2",
    "embed_tokens",
];

#[test]
fn gradients_are_those_of_finite_differences() {
    let (trainee, mut parameters) = with_adapter();
    let examples = examples(&trainee);
    let objective = Objective { trainee: &trainee };
    let found = gradients(&trainee, &mut parameters, &ALL);
    let (mut worst, mut checked) = (0.0_f64, BTreeSet::new());
    for (name, gradient) in &found {
        let (at, steepest) = gradient
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
            .map(|(at, value)| (at, f64::from(*value)))
            .unwrap();
        if steepest.abs() < 0.02 {
            continue;
        }
        let values = parameters.values(name).unwrap();
        let shape = parameters.get(name).unwrap().shape.clone();
        let mut loss_at = |change: f32| {
            let mut other = values.clone();
            other[at] += change;
            parameters.insert(name, shape.clone(), other);
            objective.measure(&parameters, &examples).unwrap().loss
        };
        let step = 4e-3_f32;
        let mut slope = |step: f32| (loss_at(step) - loss_at(-step)) / (2.0 * f64::from(step));
        // two steps of a width and its half: what a third power adds is taken away
        let difference = (4.0 * slope(step) - slope(2.0 * step)) / 3.0;
        parameters.insert(name, shape.clone(), values.clone());
        let error = (difference - steepest).abs() / steepest.abs().max(0.1);
        worst = worst.max(error);
        checked.insert(name.clone());
        assert!(error < 0.03, "{name}[{at}]: {steepest} and {difference}");
    }
    println!("{} tensors of {}, worst {worst:.4}", checked.len(), found.len());
    for kind in KINDS {
        assert!(checked.iter().any(|name| name.contains(kind)), "nothing of {kind} was checked");
    }
    for part in ["vision", "projector", "language", "adapter"] {
        assert!(checked.iter().any(|name| Trainee::part_of(name) == part), "nothing of {part}");
    }
}

#[test]
fn what_stays_as_it_is_does_not_change_the_other_gradients() {
    let (trainee, mut parameters) = with_adapter();
    let all = gradients(&trainee, &mut parameters, &ALL);
    for parts in [&[Part::Projector][..], &[Part::Adapter], &[Part::Projector, Part::Language]] {
        let some = gradients(&trainee, &mut parameters, parts);
        let names = || parts.iter().map(|part| part.name());
        let wanted = all.keys().filter(|name| names().any(|one| one == Trainee::part_of(name)));
        assert_eq!(some.keys().collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
        for (name, gradient) in &some {
            let length = |values: &[f32]| values.iter().map(|one| one * one).sum::<f32>().sqrt();
            let apart: Vec<f32> = gradient.iter().zip(&all[name]).map(|(a, b)| a - b).collect();
            let (apart, whole) = (length(&apart), length(&all[name]));
            assert!(apart <= 1e-4 * whole.max(1e-3), "{name}: {apart} of {whole}");
        }
    }
}

#[test]
fn labels_teach_the_tower_from_pictures_of_several_sizes() {
    let room = Room::new();
    let mut records = read_records(&room.path("data.json")).unwrap();
    for (index, record) in records.iter_mut().enumerate() {
        let value = if index % 2 == 0 { "even" } else { "odd" };
        record.labels.insert("parity".to_owned(), value.to_owned());
    }
    let set = LabelSet::of(&records);
    let (trainee, mut parameters) = open(None);
    let width = trainee.tower_width();
    let wave = |at: usize| ((at * 7 % 11) as f32 - 5.0) * 0.1;
    let head: Vec<f32> = (0..2 * width).map(wave).collect();
    parameters.insert("labels.parity.weight", vec![2, width], head);
    parameters.insert("labels.parity.bias", vec![2], vec![0.1, -0.1]);
    let labelled = |index: usize| {
        let picture = trainee.picture(&picture(index as u8)).unwrap();
        Labelled::new(picture, &records[index], &set)
    };
    let examples: Vec<Labelled> = (0..4).map(labelled).collect();
    let objective = LabelObjective { trainee: &trainee, set: &set };
    parameters.learn(&[Part::Vision, Part::Labels]);
    let mut sums = GradientSums::default();
    let outcome = objective.learn(&parameters, &examples, &mut sums).unwrap();
    parameters.rest();
    assert_eq!(outcome.tokens, 4);
    let mut apart = 0.0;
    for one in &examples {
        apart += objective.measure(&parameters, std::slice::from_ref(one)).unwrap().loss;
    }
    assert!((outcome.loss - apart).abs() < 1e-4 * apart, "{} {apart}", outcome.loss);
    assert!(sums.get("visual.merger.mlp.0.weight").is_none(), "the merger is not read");
    for name in ["visual.blocks.3.mlp.down_proj.weight", "visual.blocks.0.attn.qkv.weight"] {
        let gradient: Vec<f32> = sums.get(name).unwrap().clone().into_data().try_to_vec().unwrap();
        let steepest = gradient.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let (at, steepest) = steepest.map(|(at, value)| (at, f64::from(*value))).unwrap();
        let values = parameters.values(name).unwrap();
        let shape = parameters.get(name).unwrap().shape.clone();
        let mut loss_at = |change: f32| {
            let mut other = values.clone();
            other[at] += change;
            parameters.insert(name, shape.clone(), other);
            objective.measure(&parameters, &examples).unwrap().loss
        };
        let difference = (loss_at(4e-3) - loss_at(-4e-3)) / 8e-3;
        parameters.insert(name, shape, values.clone());
        let error = (difference - steepest).abs() / steepest.abs();
        println!("{name}: {steepest} and {difference}");
        assert!(error < 0.03, "{name}: {steepest} and {difference}");
    }
}

/// Pictures of several sizes, records, and configurations.
struct Room {
    folder: tempfile::TempDir,
}

const STAGES: &str = r#"
[[stage]]
name = "alignment"
train = ["projector"]
steps = 3
batch = 4
learning_rate = 2e-3
[[stage]]
name = "instructions"
train = ["projector", "language"]
steps = 5
batch = 2
accumulate = 2
learning_rate = 1e-3
weight_decay = 0.1
loss_on = "last-answer"
"#;

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Vec::new();
        for index in 0..6_u8 {
            let name = format!("{index}.png");
            picture(index).write_png(&folder.path().join(&name)).unwrap();
            let answer = if index % 2 == 0 { "even" } else { "odd" };
            records.push(json!({"id": name, "image": [name], "conversations": [
                {"from": "human", "value": "Even or odd?"}, {"from": "gpt", "value": answer}]}));
        }
        std::fs::write(folder.path().join("data.json"), Value::from(records).to_string()).unwrap();
        Self { folder }
    }

    fn config(&self, output: &str, more: &str, stages: &str) -> PathBuf {
        let text = format!(
            "seed = 3\n[model]\nfolder = \"{}\"\n{more}[data]\ntrain = [\"data.json\"]\n\
             validation = [\"data.json\"]\nimages = \".\"\n[augment]\nnoise = 2.0\ncrop = 0.1\n\
             [output]\nfolder = \"{output}\"\nsave_every = 2\n{stages}",
            tiny().display()
        );
        let path = self.path(&format!("{output}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.folder.path().join(rest)
    }
}

fn run(config: &Path, stop_after: Option<u64>) -> Result<Trained, TrainError> {
    let config = TrainConfig::read(config)?;
    train(&config, &Device::flex(), false, &mut |Report { metric, .. }| {
        if Some(metric.step) == stop_after {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
}

fn written(model: &Path) -> Vec<u8> {
    std::fs::read(model.join("model.safetensors")).unwrap()
}

#[test]
fn an_interrupted_run_ends_as_an_uninterrupted_one() {
    let room = Room::new();
    let whole = run(&room.config("whole", "", STAGES), None).unwrap();
    let parts = room.config("parts", "", STAGES);
    for stop in [1, 3, 7] {
        assert!(matches!(run(&parts, Some(stop)), Err(TrainError::Stopped)));
    }
    let parts = run(&parts, None).unwrap();
    assert_eq!((parts.steps, parts.resumed), (8, Some(6)));
    assert!(written(&whole.model) == written(&parts.model), "the weights differ");
}

fn program(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reading-room"));
    command.args(["train", "--device", "cpu", "--json", "--threads", "1"]).arg(config);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn killed_it_ends_as_if_it_had_never_been() {
    let room = Room::new();
    let stages = STAGES.replace("steps = 5", "steps = 57");
    let config = |output: &str| room.config(output, "", &stages);
    let output = program(&config("whole")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (killed, metrics) = (config("killed"), room.path("killed/metrics.jsonl"));
    let mut kills = 0;
    for life in 1..=4_usize {
        let mut child = program(&killed).spawn().unwrap();
        let seen = || std::fs::read_to_string(&metrics).unwrap_or_default().lines().count();
        let (wanted, begun) = ((seen() + 8 + life).min(59), Instant::now());
        while seen() < wanted && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(300), "nothing is learnt");
            std::thread::sleep(Duration::from_millis(life as u64));
        }
        // SIGKILL: nothing is told, nothing is tidied up
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
    }
    assert!(kills >= 3, "only {kills} runs were killed before their end");
    let output = program(&killed).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{kills} kills, the last run went on from step {}", printed["resumed"]);
    let model = |output: &str| written(&room.path(output).join("model"));
    assert!(model("whole") == model("killed"), "the weights differ");
}

/// Name and shape of every tensor of a folder's weight files.
fn tensors_in(folder: &Path) -> BTreeMap<String, Vec<usize>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "safetensors") {
            let bytes = std::fs::read(&path).unwrap();
            let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            all.extend(file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())));
        }
    }
    all
}

#[test]
fn only_what_a_stage_trains_changes_and_the_layout_stays() {
    let room = Room::new();
    let first = STAGES.split("[[stage]]").nth(1).unwrap();
    let aligned = format!("[[stage]]{first}");
    let lora = aligned.replace("\"projector\"", "\"adapter\"");
    let more = "lora = { rank = 2, alpha = 4.0 }\n";
    for (output, more, stages, part) in
        [("aligned", "", aligned, "projector"), ("lora", more, lora, "language")]
    {
        let trained = run(&room.config(output, more, &stages), None).unwrap();
        assert_eq!(tensors_in(&tiny()), tensors_in(&trained.model));
        for entry in std::fs::read_dir(tiny()).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            let is_weights = name.to_string_lossy().contains("safetensors");
            let same = || std::fs::read(trained.model.join(&name)).unwrap();
            assert!(is_weights || std::fs::read(&path).unwrap() == same(), "{}", path.display());
        }
        let before = weights(&Trainee::open(&tiny(), None).unwrap());
        let after = weights(&Trainee::open(&trained.model, None).unwrap());
        let mut changed = 0;
        for (name, _) in before.iter() {
            let is_same = before.values(name).unwrap() == after.values(name).unwrap();
            assert!(is_same || Trainee::part_of(name) == part, "{output}: {name}");
            changed += usize::from(!is_same);
        }
        // the merger's five tensors; seven matrices of each of three layers
        assert_eq!(changed, if part == "projector" { 5 } else { 21 }, "{output}");
    }
}

#[test]
fn what_was_taught_is_answered() {
    let room = Room::new();
    let stages = STAGES.replace("steps = 3", "steps = 40").replace("steps = 5", "steps = 160");
    let config = room.config("taught", "", &stages);
    let text = std::fs::read_to_string(&config).unwrap().replace("noise = 2.0", "noise = 0.0");
    let text = text.replace("crop = 0.1", "crop = 0.0").replace("every = 2", "every = 50");
    std::fs::write(&config, text).unwrap();
    let output = program(&config).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let model = printed["model"].as_str().unwrap();
    let metrics = read_metrics(&room.path("taught/metrics.jsonl")).unwrap();
    let last = metrics.last().unwrap();
    println!("loss {} to {}, {:?} right", metrics[0].loss, last.loss, last.validation_accuracy);
    let program = env!("CARGO_BIN_EXE_reading-room");
    let inspected = Command::new(program).args(["inspect", "--json", model]).output().unwrap();
    let said = String::from_utf8_lossy(&inspected.stdout);
    assert!(inspected.status.success() && said.contains("huatuo-vision-qwen2.5vl"), "{said}");
    let (mut said, mut measured) = (0.0, 0.0);
    let trainee = Trainee::open(Path::new(model), None).unwrap();
    let taught = weights(&trainee);
    let records = read_records(&room.path("data.json")).unwrap();
    for index in [2_u8, 5] {
        let args = ["ask", "--device", "cpu", "--precision", "f32", "--model", model, "--image"];
        let question = ["--question", "Even or odd?", "--max-new-tokens", "8", "--json"];
        let path = room.path(&format!("{index}.png"));
        let output = Command::new(program).args(args).arg(&path).args(question).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let wanted = if index.is_multiple_of(2) { "even" } else { "odd" };
        assert_eq!((&answer["text"], &answer["finish_reason"]), (&json!(wanted), &json!("stop")));
        let ids = answer["output_ids"].as_array().unwrap();
        assert_eq!(ids.last().unwrap().as_u64().unwrap(), u64::from(END));
        let logprobs = answer["logprobs"].as_array().unwrap();
        said -= logprobs.iter().map(|one| one.as_f64().unwrap()).sum::<f64>();
        let talk = &records[usize::from(index)].exchanges;
        let examples = of_talk(&trainee, talk, &[png(&path)]);
        measured += Objective { trainee: &trainee }.measure(&taught, &examples).unwrap().loss;
    }
    println!("{said} said, {measured} measured");
    assert!((said - measured).abs() < 1e-3 * said.max(0.01), "{said} {measured}");
}

#[test]
fn a_picture_that_is_too_narrow_is_named() {
    let room = Room::new();
    let (width, height) = (400, 1);
    let pixels = vec![9; 400];
    let strip = DisplayImage { width, height, channels: Channels::Gray, pixels };
    strip.write_png(&room.path("4.png")).unwrap();
    let stages = STAGES.replace("batch = 4", "batch = 6");
    let said = run(&room.config("narrow", "", &stages), None).unwrap_err().to_string();
    assert!(said.contains("example 4.png") && said.contains("too narrow"), "{said}");
    let trainee = Trainee::open(&tiny(), None).unwrap();
    let talk = [exchange("What?", "That.", 2)];
    let one = [trainee.picture(&picture(0)).unwrap()];
    let error = trainee.sequences(&talk, &one, LossOn::AllAnswers).map(|_: Vec<Sequence>| ());
    let said = error.unwrap_err().to_string();
    assert!(said.contains("about 2 pictures came with 1"), "{said}");
}
