//! Training in 16 bits: refused where there are none, near to what 32 bits give where there are,
//! and steps whose gradients outgrow f16 are left out.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{DType, Device};
use reading_room::imaging::{Channels, DisplayImage};
use reading_room::train::{
    Arithmetic, Example, GradientSums, LoraSection, LossScale, Metric, Objective, Parameters, Part,
    Report, TrainConfig, TrainError, Trained, read_metrics, train,
};
use reading_room::vlm::{DeviceChoice, Exchange, LossOn, Trainee, choose_device};
use serde_json::{Value, json};

const QWEN: &str = "tests/fixtures/models/huatuo-qwen2.5vl-tiny/model";
const LLAVA: &str = "tests/fixtures/models/huatuo-7b-tiny/model";

/// The adapter this machine has, be it a software one, when it computes in 16 bits.
fn adapter() -> Option<Device> {
    let Ok(gpu) = choose_device(DeviceChoice::Gpu) else {
        println!("skipped: no Vulkan adapter");
        return None;
    };
    let device = gpu.open();
    if !device.supports_dtype(DType::F16) {
        println!("skipped: {} has no f16", gpu.label());
        return None;
    }
    println!("{}", gpu.label());
    Some(device)
}

fn picture(index: u8) -> DisplayImage {
    let (width, height) = (56, 56);
    let level = |at: u32| (at * u32::from(index + 3) % 251) as u8;
    let pixels = (0..width * height).map(level).collect();
    DisplayImage { width, height, channels: Channels::Gray, pixels }
}

/// The gradient of every tensor, of two questions about a picture each.
fn gradients(
    model: &str,
    arithmetic: Arithmetic,
    scale: Option<LossScale>,
    (parts, device): (&[Part], &Device),
) -> (f64, BTreeMap<String, Vec<f32>>) {
    let adapter = LoraSection { rank: 2, alpha: 4.0 }.adapter();
    let trainee = Trainee::open(Path::new(model), Some(adapter)).unwrap();
    let mut parameters = Parameters::random(&trainee.tensors().unwrap(), 7, device);
    let place = &mut |name: &str, shape, values| parameters.insert(name, shape, values);
    trainee.read_weights(place).unwrap();
    // an adapter's second matrix begins at zero, where half of its gradients are zero
    let names: Vec<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
    for name in names.iter().filter(|name| name.contains(".lora_B")) {
        let shape = parameters.get(name).unwrap().shape.clone();
        let len = shape.iter().product::<usize>();
        let values = (0..len).map(|at| 0.03 * ((at * 7 % 11) as f32 - 5.0)).collect();
        parameters.insert(name, shape, values);
    }
    let mut examples = Vec::new();
    for (index, answer) in [(0, "A scan."), (1, "No.")] {
        let talk = [Exchange {
            question: "What is this?".to_owned(),
            answer: answer.to_owned(),
            num_images: 1,
        }];
        let pictures = vec![trainee.picture(&picture(index)).unwrap()];
        let sequences = trainee.sequences(&talk, &pictures, LossOn::AllAnswers).unwrap();
        let example = |sequence| Example { sequence, pictures: pictures.clone() };
        examples.extend(sequences.into_iter().map(example));
    }
    parameters.compute_in(arithmetic, scale);
    parameters.learn(parts);
    let mut sums = GradientSums::default();
    let outcome = Objective { trainee: &trainee }.learn(&parameters, &examples, &mut sums).unwrap();
    let values = |name: &String| {
        Some((name.clone(), sums.get(name)?.clone().into_data().try_to_vec().unwrap()))
    };
    (outcome.loss, parameters.iter().filter_map(|(name, _)| values(name)).collect())
}

fn length(values: &[f32]) -> f64 {
    values.iter().map(|one| f64::from(*one).powi(2)).sum::<f64>().sqrt()
}

/// The largest difference of a tensor's gradient, over its length.
fn apart(found: &BTreeMap<String, Vec<f32>>, wanted: &BTreeMap<String, Vec<f32>>) -> f64 {
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    let whole = wanted.values().map(|one| length(one).powi(2)).sum::<f64>().sqrt();
    let of = |(name, wanted): (&String, &Vec<f32>)| {
        let between: Vec<f32> = wanted.iter().zip(&found[name]).map(|(a, b)| a - b).collect();
        // what is next to nothing is not looked at more closely than the rest
        length(&between) / length(wanted).max(1e-3 * whole)
    };
    wanted.iter().map(of).fold(0.0, f64::max)
}

#[test]
fn gradients_on_an_adapter_are_those_of_the_cpu() {
    let Some(device) = adapter() else { return };
    let all = &[Part::Vision, Part::Projector, Part::Language, Part::Adapter][..];
    // an adapter alone: what it stands on records nothing
    for (model, parts) in [(QWEN, all), (LLAVA, all), (QWEN, &[Part::Adapter])] {
        let (cpu, within) = (Device::flex(), 2e-3);
        let (loss, wanted) = gradients(model, Arithmetic::F32, None, (parts, &cpu));
        let (found_loss, found) = gradients(model, Arithmetic::F32, None, (parts, &device));
        let in_32 = apart(&found, &wanted);
        let scale = Some(LossScale::begin(Some(1 << 10)));
        let (half_loss, half) = gradients(model, Arithmetic::F16, scale, (parts, &device));
        let in_16 = apart(&half, &wanted);
        println!("{model}: loss {loss}, {found_loss}, f16 {half_loss}");
        println!("gradients of {} tensors apart by {in_32:e}, f16 {in_16:e}", wanted.len());
        assert!((found_loss - loss).abs() < 1e-4 * loss && in_32 < within, "{in_32}");
        // eleven bits of every factor
        assert!((half_loss - loss).abs() < 5e-3 * loss && in_16 < 0.05, "{in_16}");
        assert!(in_16 > in_32, "f16 was not used");
    }
}

struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Vec::new();
        for index in 0..4_u8 {
            let name = format!("{index}.png");
            picture(index).write_png(&folder.path().join(&name)).unwrap();
            let answer = if index % 2 == 0 { "even" } else { "odd!" };
            records.push(json!({"id": name, "image": name, "conversations": [
                {"from": "human", "value": "<image>\nWhich?"}, {"from": "gpt", "value": answer}]}));
        }
        std::fs::write(folder.path().join("data.json"), Value::from(records).to_string()).unwrap();
        Self { folder }
    }

    fn config(&self, output: &str, top: &str, steps: u64) -> PathBuf {
        let model = std::fs::canonicalize(QWEN).unwrap();
        let text = format!(
            "seed = 3\n{top}\n[model]\nfolder = \"{}\"\n[data]\ntrain = [\"data.json\"]\n\
             images = \".\"\n[output]\nfolder = \"{output}\"\nsave_every = 2\n[[stage]]\n\
             name = \"all\"\ntrain = [\"projector\", \"language\"]\nsteps = {steps}\nbatch = 2\n\
             learning_rate = 1e-3\nwarmup = 0.0\n",
            model.display()
        );
        let path = self.folder.path().join(format!("{output}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn metrics(&self, output: &str) -> Vec<Metric> {
        read_metrics(&self.folder.path().join(output).join("metrics.jsonl")).unwrap()
    }
}

fn run(config: &Path, device: &Device, stop_after: Option<u64>) -> Result<Trained, TrainError> {
    let config = TrainConfig::read(config)?;
    train(&config, device, false, &mut |Report { metric, .. }| {
        if Some(metric.step) == stop_after {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
}

#[test]
fn steps_in_16_bits_follow_those_in_32() {
    let Some(device) = adapter() else { return };
    let room = Room::new();
    run(&room.config("long", "", 8), &device, None).unwrap();
    run(&room.config("short", "arithmetic = \"f16\"", 8), &device, None).unwrap();
    let (long, short) = (room.metrics("long"), room.metrics("short"));
    assert_eq!(short.len(), 8);
    let mut worst = 0.0_f64;
    for (long, short) in long.iter().zip(&short) {
        println!("step {}: {} and {} in f16", long.step, long.loss, short.loss);
        worst = worst.max((long.loss - short.loss).abs() / long.loss);
        assert!(!short.skipped && short.loss_scale == Some(1 << 16), "{short:?}");
        assert!(long.loss_scale.is_none(), "{long:?}");
    }
    println!("losses apart by {worst:.5} at most");
    assert!(worst < 0.01, "{worst}");
    assert!(short[7].loss < 0.7 * short[0].loss, "nothing was learnt");
}

#[test]
fn a_step_that_outgrows_f16_is_left_out_and_the_state_goes_on() {
    let Some(device) = adapter() else { return };
    let room = Room::new();
    let top = "arithmetic = \"f16\"\nloss_scale = 16777216";
    let whole = run(&room.config("whole", top, 14), &device, None).unwrap();
    let parts = room.config("parts", top, 14);
    // while steps are left out, and after
    for stop in [3, 11] {
        let stopped = run(&parts, &device, Some(stop));
        assert!(matches!(stopped, Err(TrainError::Stopped)), "{stopped:?}");
    }
    let parts = run(&parts, &device, None).unwrap();
    assert_eq!(parts.resumed, Some(10));
    let weights =
        |trained: &Trained| std::fs::read(trained.model.join("model.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&parts), "the weights differ");
    // the model of a saved state is written on any device
    let config = TrainConfig::read(&room.folder.path().join("parts.toml")).unwrap();
    let written = weights(&parts);
    let exported =
        train(&config, &Device::flex(), true, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(weights(&exported) == written, "the exported weights differ");
    let metrics = room.metrics("whole");
    let scales: Vec<Option<u64>> = metrics.iter().map(|one| one.loss_scale).collect();
    println!("{scales:?}");
    assert_eq!(scales, room.metrics("parts").iter().map(|one| one.loss_scale).collect::<Vec<_>>());
    let skipped: Vec<bool> = metrics.iter().map(|one| one.skipped).collect();
    let count = skipped.iter().filter(|one| **one).count();
    assert!(skipped[0] && skipped[2] && !skipped[13], "{skipped:?}");
    assert_eq!(metrics[13].loss_scale, Some((1 << 24) >> count));
    let state = room.folder.path().join("whole/state");
    assert!(state.join("step-00000014/state.json").is_file());
    let text = std::fs::read_to_string(state.join("step-00000014/state.json")).unwrap();
    let standing: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(standing["loss_scale"]["factor"], (1 << 24) >> count);
    assert!(metrics[0].gradient_norm.is_nan() && metrics[13].gradient_norm.is_finite());
    // before the first step that counted every weight was as it had been, and it is said
    let (first, program) = (room.config("first", top, 2), env!("CARGO_BIN_EXE_reading-room"));
    let output =
        Command::new(program).args(["train", "--device", "gpu"]).arg(&first).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let wanted = "left out: gradients outgrew f16 with the loss times 16777216";
    assert!(output.status.success() && said.contains(wanted), "{said}");
    let trained = run(&first, &device, None).unwrap();
    assert_eq!(trained.resumed, Some(2));
    let values = |folder: &Path| {
        let mut all = BTreeMap::new();
        let trainee = Trainee::open(folder, None).unwrap();
        trainee
            .read_weights(&mut |name, _, values| drop(all.insert(name.to_owned(), values)))
            .unwrap();
        all
    };
    assert!(values(Path::new(QWEN)) == values(&trained.model), "a step left out changed weights");
    assert!(values(Path::new(QWEN)) != values(&whole.model));
}

#[test]
fn the_scale_of_losses_falls_and_grows() {
    let mut scale = LossScale::begin(None);
    assert_eq!(scale.factor(), 1 << 16);
    for _ in 0..1999 {
        scale = scale.kept();
    }
    assert_eq!(scale.factor(), 1 << 16);
    scale = scale.kept();
    assert_eq!(scale.factor(), 1 << 17);
    scale = scale.halved().unwrap();
    assert_eq!(scale.factor(), 1 << 16);
    // counted anew
    for _ in 0..1999 {
        scale = scale.kept();
    }
    assert_eq!(scale.factor(), 1 << 16);
    for _ in 0..16 {
        scale = scale.halved().unwrap();
    }
    assert_eq!((scale.factor(), scale.halved()), (1, None));
}

#[test]
fn what_the_device_cannot_is_refused() {
    let room = Room::new();
    for (top, wanted) in [
        ("arithmetic = \"f16\"", "training on the CPU computes in 32 bits"),
        ("arithmetic = \"bf16\"", "training on the CPU computes in 32 bits"),
        ("loss_scale = 1024", "loss_scale is for arithmetic = \"f16\" alone"),
        ("arithmetic = \"f16\"\nloss_scale = 1000", "loss_scale is 1000, not a power of two"),
        ("arithmetic = \"f8\"", "unknown variant `f8`"),
    ] {
        let said = run(&room.config("refused", top, 1), &Device::flex(), None).unwrap_err();
        let said = said.to_string();
        assert!(said.contains(wanted) && !said.contains('\n'), "{said}");
    }
    let Some(device) = adapter() else { return };
    if !device.supports_dtype(DType::BF16) {
        let config = room.config("refused", "arithmetic = \"bf16\"", 1);
        let said = run(&config, &device, None).unwrap_err().to_string();
        assert!(said.contains("does not offer bf16"), "{said}");
    }
}
