//! Training a codec: gradients, resuming, what was learnt read back, and files that are not right.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, Tensor, TensorData};
use reading_room::imaging::{Channels, DisplayImage, Similarity};
use reading_room::nn::{
    Linear, MissingTensor, Table, TableValues, VqganDecoder, VqganEncoder, WeightSource,
};
use reading_room::train::{
    CodecConfig, CodecMetric, CodecObjective, GradientSums, Parameters, Part, Quantiser, Report,
    TrainError, Trained, read_codec_metrics, train_codec,
};
use reading_room::vlm::{
    Codec, CodecTrainee, ComputeDevice, DeviceChoice, RgbPixels, TensorShape, choose_device,
    detect_gpus,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const CODEBOOK: &str = "quantize.embed.weight";

/// 16 pixels a side, 4 places a side, attention below, widths that change.
const MODEL: &str = "
model:
  base_learning_rate: 4.5e-06
  target: taming.models.vqgan.GumbelVQ
  params:
    embed_dim: 4
    n_embed: 24
    ddconfig:
      double_z: false
      z_channels: 4
      resolution: 16
      in_channels: 3
      out_ch: 3
      ch: 32
      ch_mult: [1, 1, 2]
      num_res_blocks: 1
      attn_resolutions: [4]
      dropout: 0.0
";

/// Discs and bars on grey.
fn picture(index: u32) -> DisplayImage {
    let (width, height) = (24, 20);
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (across, down) = (x as f32 - 6.0 - index as f32, y as f32 - 9.0);
            let is_disc = across.hypot(down) < 4.0 + (index % 3) as f32;
            let is_bar = (x + y * (index % 4)) % 11 < 3;
            let level = if is_disc {
                220
            } else if is_bar {
                120
            } else {
                30
            };
            pixels.extend([level, level / 2 + (index * 9) as u8, 255 - level]);
        }
    }
    DisplayImage { width, height, channels: Channels::Rgb, pixels }
}

struct Room {
    folder: TempDir,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |rest: &str| folder.path().join(rest);
        std::fs::create_dir_all(path("start")).unwrap();
        std::fs::create_dir_all(path("images")).unwrap();
        std::fs::write(path("start/model.yaml"), MODEL).unwrap();
        let mut records = Vec::new();
        for index in 0..6 {
            let name = format!("{index}.png");
            picture(index).write_png(&path("images").join(&name)).unwrap();
            // what is said is of no interest, nor that a picture comes twice
            records.push(json!({"image": name, "conversations": "none"}));
            records.push(json!({"id": 3, "image": [name]}));
        }
        std::fs::write(path("data.json"), Value::from(records).to_string()).unwrap();
        std::fs::write(path("list.txt"), "0.png\n\n 1.png\n").unwrap();
        Self { folder }
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.folder.path().join(rest)
    }

    fn config(&self, output: &str) -> PathBuf {
        let text = format!(
            r#"
seed = 5
[model]
kind = "codec"
folder = "start"
init = "random"
[quantiser]
restart_after = 2
[data]
train = ["data.json"]
validation = ["list.txt"]
images = "images"
[augment]
noise = 2.0
[output]
folder = "{output}"
save_every = 2
validate_every = 3
[[stage]]
name = "everything"
train = ["encoder", "codebook", "decoder"]
steps = 4
batch = 3
learning_rate = 2e-3
[[stage]]
name = "decoder"
train = ["decoder"]
steps = 2
batch = 2
learning_rate = 1e-3
"#
        );
        let path = self.path(&format!("{output}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn edited(&self, output: &str, changes: &[(&str, &str)]) -> PathBuf {
        let path = self.config(output);
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn run(config: &Path, stop_after: Option<u64>) -> Result<Trained, TrainError> {
    let config = CodecConfig::read(config)?.unwrap();
    train_codec(&config, &Device::flex(), false, &mut |Report { metric, .. }| match stop_after
        == Some(metric.step)
    {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    })
}

/// All tensors as they are, recording nothing.
struct Still<'a>(&'a Parameters);

impl Still<'_> {
    fn tensor(&self, name: &str) -> Result<Tensor<1>, MissingTensor> {
        let found = self.0.get(name).map(|parameter| parameter.value.clone());
        found.ok_or_else(|| MissingTensor(name.to_owned()))
    }
}

impl WeightSource for Still<'_> {
    fn device(&self) -> Device {
        Device::flex()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        _has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        if name == "quantize.proj" {
            return Ok(Linear::dense(Vec::new(), None));
        }
        let weight = self.tensor(&format!("{name}.weight"))?.reshape([outputs, inputs]);
        Ok(Linear::dense(vec![weight], Some(self.tensor(&format!("{name}.bias"))?)))
    }

    fn vector(&mut self, name: &str, _shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        self.tensor(name)
    }

    fn table(&mut self, _: &str, _: usize, columns: usize) -> Result<Table, MissingTensor> {
        Ok(Table::new(TableValues::F32(Vec::new()), columns))
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The loss with rounding held where it was: the rows, and what rounding added to the vectors.
struct Held<'a> {
    trainee: &'a CodecTrainee,
    quantiser: Quantiser,
    wanted: &'a [f32],
    codes: Vec<u32>,
    vectors: Vec<f32>,
    rows: Vec<f32>,
}

impl Held<'_> {
    fn tensor(&self, values: Vec<f32>) -> Tensor<2> {
        let columns = self.trainee.config().embed_dim;
        let shape = [values.len() / columns, columns];
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn loss(&self, parameters: &Parameters) -> f64 {
        let config = self.trainee.config();
        let encoder = VqganEncoder::init(config, &mut Still(parameters)).unwrap();
        let decoder = VqganDecoder::init(config, &mut Still(parameters)).unwrap();
        let go_on = &mut || ControlFlow::Continue(());
        let shape = [self.wanted.len() / 3, 3];
        let shown = TensorData::new(self.wanted.to_vec(), shape);
        let shown = Tensor::from_data(shown, &Device::flex());
        let ControlFlow::Continue(z) = encoder.forward(shown, go_on) else { panic!() };
        let added = self.tensor(self.rows.clone()) - self.tensor(self.vectors.clone());
        let ControlFlow::Continue(made) = decoder.forward(z.clone() + added, go_on) else {
            panic!()
        };
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let apart = |a: &[f32], b: &[f32]| -> Vec<f64> {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect()
        };
        let squares = |values: Vec<f64>| mean(values.iter().map(|value| value * value).collect());
        let codebook = parameters.values(CODEBOOK).unwrap();
        let columns = config.embed_dim;
        let chosen: Vec<f32> = self
            .codes
            .iter()
            .flat_map(|code| codebook[*code as usize * columns..][..columns].to_vec())
            .collect();
        let made = apart(&numbers(made), self.wanted);
        let reconstruction = mean(made.iter().map(|value| value.abs()).collect());
        let of_rows = squares(apart(&chosen, &self.vectors));
        let of_vectors = squares(apart(&numbers(z), &self.rows));
        let Quantiser { weight, beta, legacy, .. } = self.quantiser;
        let (first, second) = if legacy { (of_vectors, of_rows) } else { (of_rows, of_vectors) };
        reconstruction + weight * (first + beta * second)
    }
}

fn trainee_of(room: &Room) -> (CodecTrainee, Parameters) {
    let trainee = CodecTrainee::open(&room.path("start")).unwrap();
    let parameters = Parameters::random(&trainee.tensors().unwrap(), 7, &Device::flex());
    (trainee, parameters)
}

/// The gradient as training has it, by tensor, all parts learning.
fn gradients(
    objective: &CodecObjective<'_>,
    tensors: &[TensorShape],
    from: &Parameters,
    wanted: &[f32],
    device: &Device,
) -> BTreeMap<String, Vec<f32>> {
    let mut parameters = Parameters::random(&[], 0, device);
    for TensorShape { name, shape, .. } in tensors {
        parameters.insert(name, shape.clone(), from.values(name).unwrap());
    }
    // sorted by name as of a VLM all of them are of its last part
    parameters.learn(&[Part::Language]);
    let mut sums = GradientSums::default();
    objective.learn(&parameters, wanted, &mut sums).unwrap();
    let found = tensors.iter().filter_map(|TensorShape { name, .. }| {
        Some((name.clone(), numbers(sums.get(name)?.clone())))
    });
    found.collect()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let room = Room::new();
    let (trainee, mut parameters) = trainee_of(&room);
    // beyond what an untaught decoder makes: nowhere near the kink of an absolute difference
    let wanted: Vec<f32> = CodecTrainee::pixel_values(&trainee.square(&picture(2)));
    let wanted: Vec<f32> =
        wanted.iter().map(|value| value.signum() * (2.5 + value.abs())).collect();
    for legacy in [true, false] {
        let quantiser = Quantiser { weight: 0.7, legacy, ..Quantiser::default() };
        let objective = CodecObjective { trainee: &trainee, quantiser };
        let (outcome, _) = objective.measure(&parameters, &wanted).unwrap();
        let codebook = parameters.values(CODEBOOK).unwrap();
        let rows =
            outcome.codes.iter().flat_map(|code| codebook[*code as usize * 4..][..4].to_vec());
        let held = Held {
            trainee: &trainee,
            quantiser,
            wanted: &wanted,
            rows: rows.collect(),
            codes: outcome.codes.clone(),
            vectors: outcome.vectors.clone(),
        };
        let loss = outcome.reconstruction + 0.7 * outcome.codebook;
        assert!((held.loss(&parameters) - loss).abs() < 1e-6);
        let tensors = trainee.tensors().unwrap();
        let gradients = gradients(&objective, &tensors, &parameters, &wanted, &Device::flex());
        let mut worst = 0.0_f64;
        let mut checked = BTreeMap::new();
        // of the second way only the quantiser's terms differ: some tensors say enough
        let every = if legacy { 1 } else { 7 };
        let codebook = gradients.get_key_value(CODEBOOK);
        for (name, gradient) in gradients.iter().step_by(every).chain(codebook) {
            let (at, steepest) = gradient
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
                .map(|(at, value)| (at, f64::from(*value)))
                .unwrap();
            if steepest.abs() < 2e-3 {
                continue;
            }
            let shape = parameters.get(name).unwrap().shape.clone();
            let before = parameters.values(name).unwrap();
            let mut with = |change: f32| {
                let mut values = before.clone();
                values[at] += change;
                parameters.insert(name, shape.clone(), values);
                held.loss(&parameters)
            };
            let step = 4e-3_f32;
            let difference = (with(step) - with(-step)) / (2.0 * f64::from(step));
            with(0.0);
            let error = (difference - steepest).abs() / steepest.abs().max(0.01);
            worst = worst.max(error);
            *checked.entry(CodecTrainee::part_of(name)).or_insert(0) += 1;
            assert!(error < 0.03, "{name}[{at}]: {steepest} and {difference}");
        }
        println!("legacy {legacy}: {checked:?} of {}, worst {worst:.4}", gradients.len());
        assert!(checked["codebook"] > 0, "{checked:?}");
        let enough = 40 / every;
        assert!(checked["encoder"] > enough && checked["decoder"] > enough, "{checked:?}");
        // of what is not used, and of what is made of the codebook, there is none
        assert!(!gradients.contains_key("quantize.proj.weight"));
        assert_eq!(gradients.len() + 2, tensors.len());
    }
}

/// Other operations stand behind them there.
#[test]
#[ignore = "minutes on a software adapter"]
fn gradients_on_a_vulkan_adapter_are_those_of_the_processor() {
    let Some(gpu) = detect_gpus().into_iter().next() else {
        println!("skipped: no Vulkan adapter");
        return;
    };
    println!("{} ({})", gpu.name, gpu.backend);
    let room = Room::new();
    let (trainee, parameters) = trainee_of(&room);
    let wanted = CodecTrainee::pixel_values(&trainee.square(&picture(1)));
    let objective = CodecObjective { trainee: &trainee, quantiser: Quantiser::default() };
    let tensors = trainee.tensors().unwrap();
    let device = choose_device(DeviceChoice::Gpu).unwrap().open();
    let here = gradients(&objective, &tensors, &parameters, &wanted, &Device::flex());
    let there = gradients(&objective, &tensors, &parameters, &wanted, &device);
    assert!(here.keys().eq(there.keys()));
    let mut worst = 0.0_f32;
    for (name, here) in &here {
        let size = here.iter().fold(1e-4_f32, |most, value| most.max(value.abs()));
        let apart = here.iter().zip(&there[name]).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0_f32, f32::max) / size;
        worst = worst.max(apart);
        assert!(apart < 2e-2, "{name}: {apart} of {size}");
    }
    println!("{} tensors, worst {worst:e}", here.len());
}

#[test]
fn an_interrupted_run_ends_as_an_uninterrupted_one() {
    let room = Room::new();
    let whole = run(&room.config("whole"), None).unwrap();
    assert_eq!((whole.steps, whole.resumed), (6, None));
    let parts = room.config("parts");
    // between two saved states, and at the seam of the stages
    for stop in [1, 3, 4] {
        assert!(matches!(run(&parts, Some(stop)), Err(TrainError::Stopped)));
    }
    let parts = run(&parts, None).unwrap();
    assert_eq!((parts.steps, parts.resumed), (6, Some(4)));
    let read = |trained: &Trained| std::fs::read(trained.model.join("model.safetensors")).unwrap();
    assert!(read(&whole) == read(&parts), "the weights differ");
    let metrics = |name: &str| {
        let all = read_codec_metrics(&room.path(name).join("metrics.jsonl")).unwrap();
        let same = |one: &CodecMetric| CodecMetric { seconds: 0.0, ..one.clone() };
        all.iter().map(same).collect::<Vec<_>>()
    };
    let all = metrics("whole");
    assert_eq!(all, metrics("parts"));
    assert_eq!(all.len(), 6);
    // the codebook of chance gave way to vectors; where it does not learn nothing restarts
    assert!(all[0].restarted > 0, "{:?}", all[0]);
    assert!(all[4..].iter().all(|metric| metric.restarted == 0));
    assert!(all.iter().all(|metric| metric.perplexity <= metric.codes_used as f64 + 1e-9));
    let validated: Vec<u64> =
        all.iter().filter(|one| one.validation.is_some()).map(|one| one.step).collect();
    assert_eq!(validated, [3, 4, 6]);
}

#[test]
fn what_was_learnt_is_read_back() {
    let room = Room::new();
    let changes = [
        ("steps = 4", "steps = 60"),
        ("save_every = 2", "save_every = 50"),
        ("validate_every = 3", "validate_every = 20"),
        ("noise = 2.0", "noise = 0.0"),
        ("restart_after = 2", "restart_after = 20"),
        ("validation = [\"list.txt\"]", "validation = [\"images\"]"),
        ("learning_rate = 2e-3", "learning_rate = 4e-3"),
    ];
    let config = room.edited("taught", &changes).display().to_string();
    let program = env!("CARGO_BIN_EXE_reading-room");
    let output =
        Command::new(program).args(["train", "--device", "cpu", "--json", &config]).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("SSIM") && said.contains("codes in use"), "{said}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["steps"], 62);
    let metrics = read_codec_metrics(&room.path("taught/metrics.jsonl")).unwrap();
    let last = metrics.last().unwrap();
    println!("{:?}\n{last:?}", metrics[0]);
    assert!(last.reconstruction < metrics[0].reconstruction / 2.0);
    // through the loader that reconstruction uses
    let folder = PathBuf::from(printed["model"].as_str().unwrap());
    let codec = Codec::load(&folder, &ComputeDevice::cpu(), &mut |_| ControlFlow::Continue(()));
    let codec = codec.unwrap();
    assert!(codec.can_encode());
    let trainee = CodecTrainee::open(&folder).unwrap();
    let mut parameters = Parameters::random(&trainee.tensors().unwrap(), 0, &Device::flex());
    trainee
        .read_weights(&mut |name, shape, values| parameters.insert(name, shape, values))
        .unwrap();
    let objective = CodecObjective { trainee: &trainee, quantiser: Quantiser::default() };
    let mut ssim = 0.0;
    for index in 0..6 {
        let square = trainee.square(&picture(index));
        let go_on = &mut || ControlFlow::Continue(());
        let ControlFlow::Continue(codes) = codec.encode(&square, go_on).unwrap() else { panic!() };
        // the codec's scores name the rows that training rounds to
        let values = CodecTrainee::pixel_values(&square);
        let (outcome, _) = objective.measure(&parameters, &values).unwrap();
        assert_eq!(codes, outcome.codes);
        let codes: Vec<Option<u32>> = codes.into_iter().map(Some).collect();
        let ControlFlow::Continue(made) = codec.decode(&codes, go_on).unwrap() else { panic!() };
        ssim +=
            Similarity::between(&display(&square), &display(&made.picture)).unwrap().ssim.unwrap();
    }
    let measured = last.validation.unwrap();
    println!("SSIM {} as loaded, {} as measured", ssim / 6.0, measured.ssim);
    assert!((ssim / 6.0 - measured.ssim).abs() < 2e-3);
    let before = metrics.iter().find_map(|one| one.validation).unwrap();
    assert!(measured.ssim > before.ssim.max(0.5) + 0.02, "{before:?} {measured:?}");
    // and can be gone on with
    let more = [("folder = \"start\"", "folder = \"taught/model\""), ("init = \"random\"", "")];
    run(&room.edited("more", &more), None).unwrap();
    let more = read_codec_metrics(&room.path("more/metrics.jsonl")).unwrap();
    assert!(more[0].reconstruction < metrics[0].reconstruction / 1.5);
}

fn display(pixels: &RgbPixels) -> DisplayImage {
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    DisplayImage { width, height, channels: Channels::Rgb, pixels: pixels.pixels.clone() }
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    let room = Room::new();
    let config = room.edited("lost", &[("learning_rate = 2e-3", "learning_rate = 1e38")]);
    let error = run(&config, None).unwrap_err().to_string();
    println!("{error}");
    assert!(error.contains("not a number") && error.contains("learning rate"), "{error}");
}

#[test]
fn what_is_wrong_is_named_in_a_sentence() {
    let room = Room::new();
    std::fs::create_dir_all(room.path("empty")).unwrap();
    std::fs::write(room.path("images/text.png"), "no picture").unwrap();
    std::fs::write(room.path("bad.txt"), "text.png\n").unwrap();
    std::fs::write(room.path("gone.txt"), "0.png\nnowhere.png\n").unwrap();
    std::fs::write(room.path("words.json"), "[{\"image\": 7}]").unwrap();
    let data = "train = [\"data.json\"]";
    for (from, to, parts) in [
        ("restart_after", "restart", &["restart", "line"][..]),
        ("seed = 5", "sed = 5", &["sed"]),
        ("\"encoder\", ", "\"vision\", ", &["everything", "vision", "codec"]),
        ("steps = 4", "max_length = 4", &["max_length", "not pictures"]),
        ("[quantiser]", "[quantiser]\nbeta = -1.0", &["quantiser.beta"]),
        ("noise = 2.0", "crop = 2.0", &["augment.crop"]),
        ("folder = \"start\"", "folder = \"empty\"", &["model.yaml", "empty"]),
        ("init = \"random\"", "", &["last.ckpt", "start"]),
        (data, "train = [\"gone.txt\"]", &["1 of 2", "nowhere.png", "gone.txt"]),
        (data, "train = [\"bad.txt\"]", &["text.png"]),
        (data, "train = [\"words.json\"]", &["words.json", "records"]),
        (data, "train = [\"empty\"]", &["no pictures", "empty"]),
        (data, "train = []", &["data.train"]),
    ] {
        let error = match run(&room.edited("bad", &[(from, to)]), None) {
            Ok(_) => panic!("{to} was accepted"),
            Err(error) => error.to_string(),
        };
        println!("{error}");
        assert!(!error.contains('\n'), "{error}");
        for part in parts {
            assert!(error.contains(part), "{error:?} does not say {part:?}");
        }
    }
    // a configuration of another model is none of a codec, and the other way round
    let other = room.edited("other", &[("kind = \"codec\"", "")]);
    assert!(CodecConfig::read(&other).unwrap().is_none());
    let error = reading_room::train::TrainConfig::read(&other).unwrap_err().to_string();
    assert!(error.contains("quantiser"), "{error}");
    // a state of other pictures is not gone on with
    let config = room.config("state");
    run(&config, None).unwrap();
    let error = run(&room.edited("state", &[(data, "train = [\"list.txt\"]")]), None).unwrap_err();
    assert!(error.to_string().contains("cannot be resumed"), "{error}");
}
