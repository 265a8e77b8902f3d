//! Training: gradients, the optimizer, what the loss looks at, resuming, and a model that was
//! taught something.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, Tensor, TensorData};
use reading_room::train::{
    AdamW, Example, GradientSums, LoraSection, Objective, Parameters, Part, Report, Schedule,
    TrainConfig, TrainError, Trained, Update, read_metrics, read_records, train,
};
use reading_room::vlm::{Exchange, LossOn, Place, Trainee};
use serde_json::{Value, json};

const TINY: &str = "tests/fixtures/models/huatuo-7b-tiny/model";

fn exchange(question: &str, answer: &str, num_images: usize) -> Exchange {
    Exchange { question: question.to_owned(), answer: answer.to_owned(), num_images }
}

fn open(lora: Option<LoraSection>) -> (Trainee, Parameters) {
    let trainee = Trainee::open(Path::new(TINY), lora.map(LoraSection::adapter)).unwrap();
    let mut parameters = Parameters::random(&trainee.tensors().unwrap(), 7, &Device::flex());
    trainee
        .read_weights(&mut |name, shape, values| parameters.insert(name, shape, values))
        .unwrap();
    (trainee, parameters)
}

fn picture(index: u8) -> reading_room::imaging::DisplayImage {
    let (width, height) = (40, 32);
    let level = |at: u32| (at * u32::from(index + 3) % 251) as u8;
    let pixels = (0..width * height).map(level).collect();
    reading_room::imaging::DisplayImage {
        width,
        height,
        channels: reading_room::imaging::Channels::Gray,
        pixels,
    }
}

fn examples(trainee: &Trainee) -> Vec<Example> {
    let talks = [
        vec![exchange("What is this?", "A scan.", 1), exchange("Which?", "CT of the chest.", 0)],
        vec![exchange("Is the lung normal?", "No.", 1)],
        vec![exchange("Hello", "I answer about pictures only.", 0)],
    ];
    let mut examples = Vec::new();
    for (index, talk) in talks.iter().enumerate() {
        let count: usize = talk.iter().map(|one| one.num_images).sum();
        let pictures =
            (0..count).map(|_| trainee.picture(&picture(index as u8)).unwrap()).collect::<Vec<_>>();
        for sequence in trainee.sequences(talk, &pictures, LossOn::AllAnswers).unwrap() {
            examples.push(Example { sequence, pictures: pictures.clone() });
        }
    }
    examples
}

/// Sum of −log p in f64 steps of one number of one tensor.
fn loss_with(
    objective: &Objective<'_>,
    parameters: &mut Parameters,
    examples: &[Example],
    (name, at): (&str, usize),
    change: f32,
) -> f64 {
    let mut values = parameters.values(name).unwrap();
    let shape = parameters.get(name).unwrap().shape.clone();
    let before = values[at];
    values[at] += change;
    parameters.insert(name, shape.clone(), values.clone());
    let loss = objective.measure(parameters, examples).unwrap().loss;
    values[at] = before;
    parameters.insert(name, shape, values);
    loss
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let (trainee, mut parameters) = open(Some(LoraSection { rank: 2, alpha: 4.0 }));
    // an adapter's second matrix begins at zero, where half of its gradients are zero
    let names: Vec<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
    for name in names.iter().filter(|name| name.contains(".lora_B")) {
        let shape = parameters.get(name).unwrap().shape.clone();
        let len = shape.iter().product::<usize>();
        let values = (0..len).map(|at| 0.03 * ((at * 7 % 11) as f32 - 5.0)).collect();
        parameters.insert(name, shape, values);
    }
    let examples = examples(&trainee);
    let objective = Objective { trainee: &trainee };
    parameters.learn(&[Part::Vision, Part::Projector, Part::Language, Part::Adapter]);
    let mut sums = GradientSums::default();
    let outcome = objective.learn(&parameters, &examples, &mut sums).unwrap();
    assert!(outcome.loss.is_finite() && outcome.tokens > 10, "{outcome:?}");
    let gradients: BTreeMap<String, Vec<f32>> = names
        .iter()
        .filter_map(|name| {
            Some((name.clone(), sums.get(name)?.clone().into_data().try_to_vec().unwrap()))
        })
        .collect();
    parameters.rest();
    let mut worst = 0.0_f64;
    let mut checked = 0;
    for (name, gradient) in &gradients {
        // the steepest number of each tensor: differences of f32 say nothing about flat ones
        let (at, steepest) = gradient
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
            .map(|(at, value)| (at, f64::from(*value)))
            .unwrap();
        if steepest.abs() < 0.02 {
            continue;
        }
        let step = 4e-3_f32;
        let up = loss_with(&objective, &mut parameters, &examples, (name, at), step);
        let down = loss_with(&objective, &mut parameters, &examples, (name, at), -step);
        let difference = (up - down) / (2.0 * f64::from(step));
        let error = (difference - steepest).abs() / steepest.abs().max(0.1);
        worst = worst.max(error);
        checked += 1;
        assert!(error < 0.03, "{name}[{at}]: {steepest} and {difference}");
    }
    println!("{checked} tensors of {}, worst {worst:.4}", gradients.len());
    let parts = ["vision", "projector", "language", "adapter"];
    for part in parts {
        let of_part = |name: &&String| Trainee::part_of(name) == part;
        assert!(gradients.keys().any(|name| of_part(&name)), "nothing of {part} learns");
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn batches_do_not_change_what_is_computed() {
    let (trainee, parameters) = open(None);
    let objective = Objective { trainee: &trainee };
    let examples = examples(&trainee);
    let together = objective.measure(&parameters, &examples).unwrap();
    let mut apart = 0.0;
    for example in &examples {
        apart += objective.measure(&parameters, std::slice::from_ref(example)).unwrap().loss;
    }
    assert!((together.loss - apart).abs() < 1e-3 * apart, "{together:?} {apart}");
}

/// Computed with numpy in f64 from the formula of the paper:
///
/// ```text
/// p = [1, -2, 0.5]; g1 = [0.1, -0.2, 0.3]; g2 = [-0.3, 0.1, 0.2]
/// m = v = 0; lr, b1, b2, eps, wd = 0.01, 0.9, 0.98, 1e-8, 0.1
/// for t, g in ((1, g1), (2, g2)):
///     p *= 1 - lr*wd; m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g*g
///     p -= lr * (m/(1-b1**t)) / (sqrt(v/(1-b2**t)) + eps)
/// ```
const AFTER_TWO_STEPS: [f32; 3] = [0.992_934, -1.983_341, 0.479_289];

#[test]
fn a_step_is_that_of_adamw() {
    let device = Device::flex();
    let mut parameters = Parameters::random(&[], 0, &device);
    parameters.insert("a.weight", vec![3], vec![1.0, -2.0, 0.5]);
    parameters.insert("a.bias", vec![3], vec![1.0, -2.0, 0.5]);
    parameters.learn(&[Part::Language]);
    let mut optimizer = AdamW::default();
    for gradient in [[0.1, -0.2, 0.3], [-0.3, 0.1, 0.2]] {
        let mut sums = GradientSums::default();
        let one = |name: &str| {
            let leaf = parameters.get(name).unwrap().leaf().unwrap().clone();
            let data = TensorData::new(gradient.to_vec(), [3]);
            (leaf * Tensor::<1>::from_data(data, &device)).sum()
        };
        let loss = one("a.weight") + one("a.bias");
        sums.add(&parameters, loss.backward());
        let update = Update { rate: 0.01, betas: [0.9, 0.98], weight_decay: 0.1 };
        optimizer.step(&mut parameters, &sums, update);
    }
    for (found, wanted) in parameters.values("a.weight").unwrap().iter().zip(AFTER_TWO_STEPS) {
        assert!((found - wanted).abs() < 1e-6, "{found} {wanted}");
    }
    // biases do not decay
    let shrunk = (1.0 - 0.01 * 0.1_f32).powi(2);
    let bias = parameters.values("a.bias").unwrap()[0];
    assert!((bias - (AFTER_TWO_STEPS[0] + 1.0 - shrunk)).abs() < 2e-5, "{bias}");
}

#[test]
fn gradients_are_cut_to_a_length() {
    let device = Device::flex();
    let mut parameters = Parameters::random(&[], 0, &device);
    parameters.insert("a.weight", vec![2], vec![3.0, 4.0]);
    parameters.learn(&[Part::Language]);
    let leaf = parameters.get("a.weight").unwrap().leaf().unwrap().clone();
    let loss = (leaf.clone() * leaf).sum() / 2.0;
    let mut sums = GradientSums::default();
    sums.add(&parameters, loss.backward());
    assert!((sums.clip(1.0).unwrap() - 5.0).abs() < 1e-5);
    let cut: Vec<f32> = sums.get("a.weight").unwrap().clone().into_data().try_to_vec().unwrap();
    assert!((cut[0] - 0.6).abs() < 1e-5 && (cut[1] - 0.8).abs() < 1e-5, "{cut:?}");
}

#[test]
fn the_rate_rises_and_falls_as_published() {
    let schedule = Schedule { peak: 2.0, final_share: 0.15, warmup: 10, steps: 110 };
    assert!(schedule.rate(0).abs() < 1e-12);
    assert!((schedule.rate(5) - 1.0).abs() < 1e-12);
    assert!((schedule.rate(10) - 2.0).abs() < 1e-12);
    // half of the cosine: half-way between the peak and its floor
    assert!((schedule.rate(60) - (2.0 + 0.3) / 2.0).abs() < 1e-12);
    assert!((schedule.rate(110) - 0.3).abs() < 1e-12);
}

#[test]
fn answers_are_learnt_after_what_stands_before_them_when_asked() {
    let (trainee, _) = open(None);
    let talk = [exchange("What is this?", "A CT.", 1), exchange("Sure?", "Yes, sure.", 0)];
    let pictures = [trainee.picture(&picture(0)).unwrap()];
    let all = trainee.sequences(&talk, &pictures, LossOn::AllAnswers).unwrap();
    assert_eq!(all.len(), 1, "the form of this family continues itself");
    let (sequence, rows) = (&all[0], pictures[0].rows);
    assert_eq!(sequence.labels.len(), sequence.places.len());
    let pictured = sequence.places.iter().filter(|one| matches!(one, Place::Row { .. })).count();
    assert_eq!(pictured, rows);
    // a label is the next id, but for the two ends
    let mut ends = 0;
    for (at, label) in sequence.labels.iter().enumerate() {
        let Some(label) = label else { continue };
        match sequence.places.get(at + 1) {
            Some(Place::Id(id)) if id == label => {}
            _ => ends += 1,
        }
    }
    assert_eq!(ends, 2);
    // the last answer alone
    let last = trainee.sequences(&talk, &pictures, LossOn::LastAnswer).unwrap();
    let count = |sequence: &reading_room::vlm::Sequence| {
        sequence.labels.iter().filter(|label| label.is_some()).count()
    };
    let alone = trainee.sequences(&talk[..1], &pictures, LossOn::AllAnswers).unwrap();
    assert_eq!(count(&last[0]) + count(&alone[0]), count(sequence));
    assert!(last[0].labels[..alone[0].labels.len()].iter().all(Option::is_none));
}

/// A folder with pictures and records, and a configuration of two short stages.
struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Vec::new();
        for index in 0..8_u8 {
            let name = format!("{index}.png");
            picture(index).write_png(&folder.path().join(&name)).unwrap();
            let answer = if index % 2 == 0 { "even" } else { "odd" };
            records.push(json!({"id": name, "image": name, "conversations": [
                {"from": "human", "value": "<image>\nEven or odd?"},
                {"from": "gpt", "value": answer}]}));
        }
        std::fs::write(folder.path().join("data.json"), Value::from(records).to_string()).unwrap();
        Self { folder }
    }

    fn config(&self, output: &str, more: &str) -> PathBuf {
        let model = std::fs::canonicalize(TINY).unwrap();
        let text = format!(
            r#"
seed = 3
[model]
folder = "{}"
{more}
[data]
train = ["data.json"]
validation = ["data.json"]
images = "."
[augment]
crop = 0.1
noise = 2.0
[output]
folder = "{output}"
save_every = 2
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
"#,
            model.display()
        );
        let path = self.folder.path().join(format!("{output}.toml"));
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

#[test]
fn an_interrupted_run_ends_as_an_uninterrupted_one() {
    let room = Room::new();
    let whole = run(&room.config("whole", ""), None).unwrap();
    assert_eq!((whole.steps, whole.resumed), (8, None));
    let parts = room.config("parts", "");
    // between two saved states, and at the seam of the stages
    for stop in [1, 3, 7] {
        assert!(matches!(run(&parts, Some(stop)), Err(TrainError::Stopped)));
    }
    // a run that was killed while it saved leaves this
    std::fs::create_dir_all(room.path("parts/state/partial")).unwrap();
    let parts = run(&parts, None).unwrap();
    assert_eq!((parts.steps, parts.resumed), (8, Some(6)));
    let read = |trained: &Trained| std::fs::read(trained.model.join("model.safetensors")).unwrap();
    assert!(read(&whole) == read(&parts), "the weights differ");
    let metrics = |name: &str| {
        let all = read_metrics(&room.path(name).join("metrics.jsonl")).unwrap();
        all.iter().map(|one| (one.step, one.loss.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(metrics("whole"), metrics("parts"));
    assert_eq!(metrics("whole").len(), 8);
}

#[test]
fn what_was_taught_is_answered() {
    let room = Room::new();
    let config = room.config("taught", "").display().to_string();
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("steps = 5", "steps = 200").replace("noise = 2.0", "noise = 0.0");
    let text =
        text.replace("crop = 0.1", "crop = 0.0").replace("save_every = 2", "save_every = 50");
    std::fs::write(&config, text).unwrap();
    let program = env!("CARGO_BIN_EXE_reading-room");
    let output = Command::new(program)
        .args(["train", "--device", "cpu", "--json", &config])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["steps"], 203);
    let model = printed["model"].as_str().unwrap();
    let metrics = read_metrics(&room.path("taught/metrics.jsonl")).unwrap();
    let last = metrics.last().unwrap();
    println!("loss {} to {}, validation {:?}", metrics[0].loss, last.loss, last.validation_loss);
    assert!(last.validation_accuracy.unwrap() > 0.99, "{last:?}");
    assert!(last.validation_loss.unwrap() < metrics[0].loss / 10.0, "{last:?}");
    // the finished folder is a model like any other, and says what it was taught; how sure it is
    // of every id is what the loss was
    let mut said = 0.0;
    let mut ids = 0;
    for (picture, wanted) in [("2.png", "even"), ("5.png", "odd")] {
        let picture = room.path(picture).display().to_string();
        let args = ["ask", "--device", "cpu", "--precision", "f32", "--model", model, "--image"];
        let question = ["--question", "Even or odd?", "--max-new-tokens", "8", "--json"];
        let output =
            Command::new(program).args(args).arg(&picture).args(question).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&answer["text"], &answer["finish_reason"]), (&json!(wanted), &json!("stop")));
        let logprobs = answer["logprobs"].as_array().unwrap();
        said -= logprobs.iter().map(|one| one.as_f64().unwrap()).sum::<f64>();
        ids += logprobs.len();
    }
    let measured = measured_on(&room, Path::new(model), &["2.png", "5.png"]);
    println!("{said} said, {measured} measured, {ids} ids");
    assert!((said - measured).abs() < 1e-3 * said.max(0.01), "{said} {measured}");
}

/// Sum of −log p of the answers about these pictures.
fn measured_on(room: &Room, model: &Path, pictures: &[&str]) -> f64 {
    let trainee = Trainee::open(model, None).unwrap();
    let mut parameters = Parameters::random(&[], 0, &Device::flex());
    let place = &mut |name: &str, shape, values| parameters.insert(name, shape, values);
    trainee.read_weights(place).unwrap();
    let records = read_records(&room.path("data.json")).unwrap();
    let mut examples = Vec::new();
    for record in records.iter().filter(|record| pictures.contains(&record.id.as_str())) {
        let index = record.id.trim_end_matches(".png").parse().unwrap();
        let pictures = vec![trainee.picture(&picture(index)).unwrap()];
        for sequence in trainee.sequences(&record.exchanges, &pictures, LossOn::AllAnswers).unwrap()
        {
            examples.push(Example { sequence, pictures: pictures.clone() });
        }
    }
    Objective { trainee: &trainee }.measure(&parameters, &examples).unwrap().loss
}

#[test]
fn an_adapter_is_added_to_its_matrices() {
    let room = Room::new();
    let config = room.config("lora", "[model.lora]\nrank = 2\nalpha = 4.0");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(r#"["projector", "language"]"#, r#"["adapter"]"#))
        .unwrap();
    let trained = run(&config, None).unwrap();
    let (before, _) = open(None);
    let after = Trainee::open(&trained.model, None).unwrap();
    let weights = |trainee: &Trainee| {
        let mut all = BTreeMap::new();
        trainee
            .read_weights(&mut |name, _, values| drop(all.insert(name.to_owned(), values)))
            .unwrap();
        all
    };
    let (before, after) = (weights(&before), weights(&after));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let is_changed = |name: &str| before[name] != after[name];
    assert!(is_changed("model.layers.0.self_attn.q_proj.weight"));
    assert!(is_changed("model.mm_projector.0.weight"));
    assert!(!is_changed("model.embed_tokens.weight"));
    assert!(!is_changed("model.norm.weight"));
}

#[test]
fn bad_input_is_named() {
    let room = Room::new();
    let path = room.config("bad", "");
    let good = std::fs::read_to_string(&path).unwrap();
    let data = std::fs::read_to_string(room.path("data.json")).unwrap();
    let fault = |from: &str, to: &str| {
        std::fs::write(&path, good.replace(from, to)).unwrap();
        run(&path, None).unwrap_err().to_string()
    };
    let said = fault("learning_rate = 2e-3", "learning_rat = 2e-3");
    assert!(said.contains("learning_rat") && said.contains("line"), "{said}");
    assert!(fault("steps = 3\nbatch = 4", "steps = 3\nbatch = 0").contains("batch"));
    assert!(fault(r#"["projector"]"#, r#"["adapter"]"#).contains("[model.lora]"));
    assert!(fault("crop = 0.1", "crop = 7.0").contains("augment.crop"));
    assert!(fault("data.json", "nothing.json").contains("nothing.json"));
    let other = room.path("other");
    std::fs::create_dir_all(&other).unwrap();
    let known = r#"{"architectures": ["Qwen3VLForConditionalGeneration"]}"#;
    std::fs::write(other.join("config.json"), known).unwrap();
    let tiny = std::fs::canonicalize(TINY).unwrap().display().to_string();
    let said = fault(&tiny, &other.display().to_string());
    assert!(said.contains("not supported yet"), "{said}");
    // a rate that blows the numbers up
    let said = fault("learning_rate = 2e-3", "learning_rate = 1e30");
    assert!(said.contains("is not a number") && said.contains("step"), "{said}");
    std::fs::write(&path, &good).unwrap();
    for (text, wanted) in [
        (data.replace("3.png", "missing.png"), "1 of 8 pictures are not in"),
        (data.replace("\"gpt\"", "\"human\""), "out of turn"),
        ("[]".to_owned(), "no records"),
        ("[{".to_owned(), "not a list of records"),
        (data.replace("<image>", "<image><image>"), "2 markers <image> and 1 pictures"),
    ] {
        std::fs::write(room.path("data.json"), text).unwrap();
        std::fs::remove_dir_all(room.path("bad")).ok();
        let said = run(&path, None).unwrap_err().to_string();
        assert!(said.contains(wanted), "{said}");
    }
    // a state of other records is not gone on from
    std::fs::write(room.path("data.json"), &data).unwrap();
    assert!(matches!(run(&path, Some(4)), Err(TrainError::Stopped)));
    std::fs::write(&path, good.replace("seed = 3", "seed = 4")).unwrap();
    let said = run(&path, None).unwrap_err().to_string();
    assert!(said.contains("cannot be resumed") && said.contains("another name"), "{said}");
}

#[test]
fn published_forms_of_records_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.json");
    let pubmed = json!([{"id": "a", "image": ["1.jpg", "2.jpg"], "modality": "CT", "body_part": "Chest",
        "conversations": [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "That."}]}]);
    std::fs::write(&path, pubmed.to_string()).unwrap();
    let records = read_records(&path).unwrap();
    assert_eq!(records[0].exchanges[0].num_images, 2);
    let lines = "{\"image\": \"1.jpg\", \"conversatons\": [{\"from\": \"human\", \"value\": \"What?\\n<image>\"}, \
                 {\"from\": \"gpt\", \"value\": \"That.\"}]}\n\
                 {\"conversations\": [{\"role\": \"system\", \"content\": \"x\"}, {\"role\": \"user\", \"content\": \"Hi\"}, \
                 {\"role\": \"assistant\", \"content\": \"Ho\"}]}\n";
    std::fs::write(&path, lines).unwrap();
    let records = read_records(&path).unwrap();
    assert_eq!((records.len(), records[0].exchanges[0].num_images), (2, 1));
    assert_eq!((records[1].exchanges[0].num_images, records[1].id.as_str()), (0, "2"));
}
