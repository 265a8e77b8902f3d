//! A tower of the published size and decoder layers of a 7B model's width compute what the
//! published description says, in f32 and in f16.
//!
//! The weights are 1.5 GB of numbers from a hash, written to a temporary folder; the reference was
//! computed once by `fixtures/models/real-size/reference.py`.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use half::bf16;
use models::{Golden, ask, committed, copy_folder, ids, picture, read_golden, read_json};
use rayon::prelude::*;
use reading_room::vlm::{
    Answer, ComputeDevice, Precision, PrecisionChoice, Question, Trace, Vlm, recognise,
};
use serde_json::{Map, Value, json};

const TOWER: &str = "model.vision_tower.vision_tower.vision_model.";
const GIB: u64 = 1 << 30;

/// How far a precision may be from the reference.
struct Within {
    /// Length of the difference by length of the reference.
    features: f64,
    /// The same, of the scores after the prompt.
    logits: f64,
    /// Largest difference of a logarithm.
    logprob: f64,
}

/// About five times what is seen, which is what numpy in f32 is away from f64. A norm with eps
/// 1e-5 in the place of 1e-6 already shows (4.7e-6).
const F32: Within = Within { features: 4e-6, logits: 4e-6, logprob: 5e-6 };
/// About three times what is seen (3.0e-4 and 1.1e-3): single rows are multiplied in f16, while
/// those of pictures and prompts are added up in f32.
const F16: Within = Within { features: 1e-5, logits: 1e-3, logprob: 4e-3 };

#[test]
fn a_model_of_real_size_agrees_in_f32_and_f16() {
    if let Some(reason) = reason_to_skip() {
        println!("skipped: {reason}");
        return;
    }
    let started = Instant::now();
    let model = tempfile::tempdir().unwrap();
    write_model(model.path());
    println!("weights written after {:.1} s", started.elapsed().as_secs_f64());
    for (precision, within) in [(Precision::F32, F32), (Precision::F16, F16)] {
        check(model.path(), precision, &within);
    }
    println!("{:.1} s in all, {}", started.elapsed().as_secs_f64(), peak_memory());
}

fn check(model: &Path, precision: Precision, within: &Within) {
    let (case, golden) = reference();
    let started = Instant::now();
    let choice = PrecisionChoice::Exactly(precision);
    let spec = recognise(model).unwrap();
    let load = Vlm::load(&spec, ComputeDevice::cpu(), choice, &mut |_| ControlFlow::Continue(()));
    let mut vlm = load.unwrap();
    println!("{precision:?}: loaded in {:.1} s", started.elapsed().as_secs_f64());
    let mut trace = Trace::default();
    let answer = ask(&mut vlm, &question(&case), Some(&mut trace));
    println!("{precision:?}: {:?}", answer.timings);

    let prompt_ids: Vec<i64> =
        case["prompt_ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
    assert_eq!(answer.prompt_ids, prompt_ids);
    let every = case["sample_every"].as_u64().unwrap() as usize;
    for (name, tensor, limit) in [
        ("pixel_values", &trace.pixel_values, 1e-7),
        ("vision_features", &trace.vision_features, within.features),
        ("projected", &trace.projected, within.features),
    ] {
        let (shape, values) = tensor.as_ref().unwrap();
        let samples: Vec<f32> = values.iter().step_by(every).copied().collect();
        // the first extent is that of pictures
        let row = values.len() / shape[1];
        let norms: Vec<f32> = values.chunks(row).map(|row| norm(row) as f32).collect();
        compare(precision, &format!("{name}.samples"), &samples, &golden, limit);
        compare(precision, &format!("{name}.row_norms"), &norms, &golden, limit);
    }
    let (_, logits) = trace.prefill_logits.unwrap();
    compare(precision, "prefill_logits", &logits, &golden, within.logits);
    check_steps(precision, &answer, &case, within.logprob);
}

/// Single steps take other ways through the kernels than a prompt does.
fn check_steps(precision: Precision, answer: &Answer, case: &Value, within: f64) {
    assert_eq!(answer.output_ids, ids(&case["output_ids"]), "{precision:?}");
    let logprobs = case["logprobs"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
    let ours = answer.logprobs.iter().map(|value| f64::from(*value));
    let worst = ours.zip(logprobs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("{precision:?}: logprobs of {} ids differ by {worst:.1e}", answer.output_ids.len());
    assert!(worst <= within, "{precision:?}: logprobs differ by {worst}");
}

fn compare(precision: Precision, name: &str, ours: &[f32], golden: &Golden, limit: f64) {
    let (_, expected) = &golden[name];
    assert_eq!(ours.len(), expected.len(), "{name}");
    let difference: Vec<f32> = ours.iter().zip(expected).map(|(a, b)| a - b).collect();
    let share = norm(&difference) / norm(expected);
    let largest = difference.iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    println!("{precision:?}: {name} differs by {share:.1e} of its size, at most {largest:.1e}");
    assert!(share <= limit, "{precision:?}: {name} differs by {share}");
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

fn fixture() -> PathBuf {
    committed("real-size")
}

fn reference() -> (Value, Golden) {
    (read_json(&fixture().join("case.json")), read_golden(&fixture().join("golden.safetensors")))
}

fn question(case: &Value) -> Question {
    Question {
        images: vec![picture(&fixture().join(case["picture"].as_str().unwrap()))],
        max_new_tokens: case["output_ids"].as_array().unwrap().len() as u32,
        ignore_eos: true,
        ..Question::new(case["question"].as_str().unwrap())
    }
}

/// The configuration of the fixture, the tokenizer of the tiny model, and two shards of weights.
fn write_model(folder: &Path) {
    copy_folder(&committed("huatuo-7b-tiny").join("model"), folder, &|path| {
        !path.to_string_lossy().contains(".safetensors")
    });
    copy_folder(&fixture().join("model"), folder, &|path| {
        !path.to_string_lossy().contains(".safetensors")
    });
    let config = read_json(&folder.join("config.json"));
    let vit = folder.join(config["mm_vision_tower"].as_str().unwrap()).join("config.json");
    let clip = &read_json(&vit)["vision_config"];
    let mut weight_map = Map::new();
    let shards = [tower_tensors(clip, &config), decoder_tensors(&config)];
    for (index, tensors) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-00002.safetensors", index + 1);
        write_shard(&folder.join(&name), tensors);
        weight_map.extend(tensors.iter().map(|(tensor, _)| (tensor.clone(), json!(name))));
    }
    let index = json!({ "metadata": {}, "weight_map": weight_map });
    std::fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

/// Names and shapes.
type Tensors = Vec<(String, Vec<usize>)>;

fn size(config: &Value, key: &str) -> usize {
    config[key].as_u64().unwrap_or_else(|| panic!("no {key}")) as usize
}

fn weight(tensors: &mut Tensors, name: &str, shape: &[usize]) {
    tensors.push((format!("{name}.weight"), shape.to_vec()));
}

fn weight_and_bias(tensors: &mut Tensors, name: &str, shape: &[usize]) {
    weight(tensors, name, shape);
    tensors.push((format!("{name}.bias"), vec![shape[0]]));
}

/// The tower and the projector.
fn tower_tensors(clip: &Value, config: &Value) -> Tensors {
    let (width, inner) = (size(clip, "hidden_size"), size(clip, "intermediate_size"));
    let patch = size(clip, "patch_size");
    let positions = (size(clip, "image_size") / patch).pow(2) + 1;
    let hidden = size(config, "hidden_size");
    let mut all = vec![(format!("{TOWER}embeddings.class_embedding"), vec![width])];
    weight(&mut all, &format!("{TOWER}embeddings.patch_embedding"), &[width, 3, patch, patch]);
    weight(&mut all, &format!("{TOWER}embeddings.position_embedding"), &[positions, width]);
    weight_and_bias(&mut all, &format!("{TOWER}pre_layrnorm"), &[width]);
    weight_and_bias(&mut all, &format!("{TOWER}post_layernorm"), &[width]);
    for block in 0..size(clip, "num_hidden_layers") {
        let name = format!("{TOWER}encoder.layers.{block}");
        for part in ["q", "k", "v", "out"] {
            weight_and_bias(&mut all, &format!("{name}.self_attn.{part}_proj"), &[width, width]);
        }
        weight_and_bias(&mut all, &format!("{name}.layer_norm1"), &[width]);
        weight_and_bias(&mut all, &format!("{name}.layer_norm2"), &[width]);
        weight_and_bias(&mut all, &format!("{name}.mlp.fc1"), &[inner, width]);
        weight_and_bias(&mut all, &format!("{name}.mlp.fc2"), &[width, inner]);
    }
    weight_and_bias(&mut all, "model.mm_projector.0", &[hidden, width]);
    weight_and_bias(&mut all, "model.mm_projector.2", &[hidden, hidden]);
    all
}

/// As Qwen2 has them: biases on queries, keys and values.
fn decoder_tensors(config: &Value) -> Tensors {
    let (hidden, inner) = (size(config, "hidden_size"), size(config, "intermediate_size"));
    let heads = size(config, "num_attention_heads");
    let kv = size(config, "num_key_value_heads") * hidden / heads;
    let vocab = size(config, "vocab_size");
    let mut all = Tensors::new();
    weight(&mut all, "model.embed_tokens", &[vocab, hidden]);
    for layer in 0..size(config, "num_hidden_layers") {
        let name = format!("model.layers.{layer}");
        weight_and_bias(&mut all, &format!("{name}.self_attn.q_proj"), &[hidden, hidden]);
        weight_and_bias(&mut all, &format!("{name}.self_attn.k_proj"), &[kv, hidden]);
        weight_and_bias(&mut all, &format!("{name}.self_attn.v_proj"), &[kv, hidden]);
        weight(&mut all, &format!("{name}.self_attn.o_proj"), &[hidden, hidden]);
        weight(&mut all, &format!("{name}.mlp.gate_proj"), &[inner, hidden]);
        weight(&mut all, &format!("{name}.mlp.up_proj"), &[inner, hidden]);
        weight(&mut all, &format!("{name}.mlp.down_proj"), &[hidden, inner]);
        weight(&mut all, &format!("{name}.input_layernorm"), &[hidden]);
        weight(&mut all, &format!("{name}.post_attention_layernorm"), &[hidden]);
    }
    weight(&mut all, "model.norm", &[hidden]);
    weight(&mut all, "lm_head", &[vocab, hidden]);
    all
}

/// A safetensors file in bf16, one tensor in memory at a time.
fn write_shard(path: &Path, tensors: &Tensors) {
    let (mut header, mut end) = (Map::new(), 0);
    for (name, shape) in tensors {
        let start = end;
        end += 2 * shape.iter().product::<usize>();
        let entry = json!({ "dtype": "BF16", "shape": shape, "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
    }
    let mut header = Value::Object(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    for (name, shape) in tensors {
        file.write_all(&tensor_bytes(name, shape)).unwrap();
    }
    file.into_inner().unwrap();
}

/// The same numbers as `weight` of the reference.
fn tensor_bytes(name: &str, shape: &[usize]) -> Vec<u8> {
    const AT_ONCE: usize = 1 << 16;
    let (centre, scale) = centre_and_scale(name, shape);
    let hash = fnv1a(name);
    let mut bytes = vec![0; 2 * shape.iter().product::<usize>()];
    bytes.par_chunks_mut(2 * AT_ONCE).enumerate().for_each(|(chunk, bytes)| {
        let from = (chunk * AT_ONCE) as u64;
        for (index, bytes) in (from..).zip(bytes.as_chunks_mut::<2>().0) {
            *bytes = bf16::from_f32(uniform(hash, index) * scale + centre).to_le_bytes();
        }
    });
    bytes
}

/// Norms near 1, small vectors, tables of unit size, matrices that keep the size of their input.
fn centre_and_scale(name: &str, shape: &[usize]) -> (f32, f32) {
    let is_any_of = |parts: [&str; 2]| parts.iter().any(|part| name.contains(part));
    match shape {
        [_] if name.ends_with("weight") => (1.0, 0.1),
        [_] if is_any_of(["embedding", "self_attn"]) => (0.0, 0.5),
        [_] => (0.0, 0.1),
        _ if is_any_of(["position_embedding", "embed_tokens"]) => (0.0, 1.0),
        _ => (0.0, (3.0 / shape[1..].iter().product::<usize>() as f64).sqrt() as f32),
    }
}

/// −1..1 from 24 bits of `SplitMix64`.
fn uniform(hash: u64, index: u64) -> f32 {
    let z = hash.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let bits = ((z ^ (z >> 31)) >> 40) as i32 - (1 << 23);
    bits as f32 / (1 << 23) as f32
}

/// 64-bit FNV-1a.
fn fnv1a(name: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
    name.bytes().fold(0xCBF2_9CE4_8422_2325, step)
}

/// The weights take 1.6 GB of disk, the f32 model 3.2 GB of memory.
fn reason_to_skip() -> Option<String> {
    if cfg!(debug_assertions) {
        return Some("takes minutes in a build without optimisation".to_owned());
    }
    let disk = free_disk(&tempfile::env::temp_dir());
    let memory = free_memory();
    for (what, free, wanted) in [("disk", disk, 4 * GIB), ("memory", memory, 10 * GIB)] {
        match free {
            None => return Some(format!("the system does not say how much {what} is free")),
            Some(free) if free < wanted => {
                return Some(format!("{} GiB of {what} free, {} wanted", free / GIB, wanted / GIB));
            }
            Some(_) => {}
        }
    }
    None
}

fn free_disk(folder: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn free_memory() -> Option<u64> {
    kib_of("/proc/meminfo", "MemAvailable:").map(|kib| kib * 1024)
}

fn peak_memory() -> String {
    let kib = kib_of("/proc/self/status", "VmHWM:").unwrap_or(0);
    format!("at most {:.1} GiB of memory", kib as f64 / (1 << 20) as f64)
}

fn kib_of(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.trim().trim_end_matches("kB").trim().parse().ok()
}
