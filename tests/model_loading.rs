//! Files that are damaged, incomplete or hostile are refused with one clear sentence.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "support/models.rs"]
mod models;
#[path = "support/pickle.rs"]
mod pickle;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use models::{ask, cases, committed, copy_folder, ids, load, read_json, shared_family};
use pickle::{Stored, write_legacy, write_zip};
use reading_room::checkpoint::{Checkpoint, WeightFiles};
use reading_room::vlm::{
    Beginning, ComputeDevice, Family, FinishReason, LoadStage, ModelError, Precision,
    PrecisionChoice, Progress, Question, SamplingParams, Vlm, models_in, recognise,
};
use serde_json::json;
use tempfile::TempDir;

/// A copy of a committed model, to be damaged.
fn copy_of(family: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&committed(family), copy.path(), &|_| true);
    copy
}

fn try_load(model: &Path) -> Result<Vlm, ModelError> {
    let precision = PrecisionChoice::Exactly(Precision::F32);
    Vlm::load(&recognise(model)?, ComputeDevice::cpu(), precision, &mut |_| {
        ControlFlow::Continue(())
    })
}

/// The message of the failure; it must be one line that names what is wrong.
fn refused(model: &Path, parts: &[&str]) {
    let message = match try_load(model) {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error.to_string(),
    };
    println!("{message}");
    assert!(!message.contains('\n'), "{message}");
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

const SHARD: &str = "model-00002-of-00004.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Tensors of all shards, as stored.
fn tensors(model: &Path) -> BTreeMap<String, Stored> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(model).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            let bytes = std::fs::read(&path).unwrap();
            let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            for (name, view) in file.iter() {
                let stored = Stored {
                    dtype: view.dtype(),
                    shape: view.shape().to_vec(),
                    bytes: view.data().to_vec(),
                };
                all.insert(name.to_owned(), stored);
            }
        }
    }
    all
}

/// Put these tensors in the place of the shards, as one file.
fn replace_shards(model: &Path, tensors: &BTreeMap<String, Stored>) {
    remove_shards(model);
    let views = tensors.iter().map(|(name, stored)| {
        let view =
            safetensors::tensor::TensorView::new(stored.dtype, stored.shape.clone(), &stored.bytes);
        (name, view.unwrap())
    });
    safetensors::serialize_to_file(views, None, &model.join("model.safetensors")).unwrap();
}

fn remove_shards(model: &Path) {
    for entry in std::fs::read_dir(model).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("safetensors") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_folder_is_described() {
    let spec = recognise(&committed("huatuo-7b-tiny").join("model")).unwrap();
    assert_eq!((spec.family, spec.name.as_str()), (Family::HuatuoVision7b, "model"));
    assert_eq!((spec.context_len, spec.image_tokens, spec.max_images), (4096, 16, 6));
    assert!(spec.missing.is_empty());
    assert!(spec.weights_bytes > 500_000 && spec.parameters > 200_000);
    let parts: Vec<&str> = spec.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(parts[..3], ["language model", "vision tower", "projector"]);
    assert_eq!(models_in(&committed("llava-med-v1.5-tiny")).len(), 1);
    assert!(matches!(recognise(&committed("images")), Err(ModelError::NotAModel { .. })));
}

#[test]
fn published_layouts_are_recognised_without_weights() {
    let Some(folder) = shared_family("published_layout") else { return };
    for (name, family, sizes) in [
        ("huatuo-vision-7b", Family::HuatuoVision7b, (576, 4096)),
        ("huatuo-vision-34b", Family::HuatuoVision34b, (576, 4096)),
        ("llava-med-v1.5-mistral-7b", Family::LlavaMedV15, (576, 4096)),
        ("llava-med-7b-delta", Family::LlavaMedV1, (256, 2048)),
        // at most: its pictures keep their shape
        ("qwen2.5-vl-7b", Family::HuatuoVisionQwen25Vl, (192, 128_000)),
    ] {
        let spec = recognise(&folder.join(name)).unwrap();
        assert_eq!(spec.family, family);
        assert!(spec.missing.contains(&"model.safetensors".to_owned()));
        assert_eq!((spec.image_tokens, spec.context_len), sizes, "{name}");
    }
}

#[test]
fn a_missing_shard_is_named() {
    let copy = copy_of("huatuo-7b-tiny");
    let model = copy.path().join("model");
    std::fs::remove_file(model.join(SHARD)).unwrap();
    assert_eq!(recognise(&model).unwrap().missing, [SHARD]);
    refused(&model, &["missing", SHARD]);
}

#[test]
fn a_truncated_file_is_named() {
    let copy = copy_of("huatuo-7b-tiny");
    let model = copy.path().join("model");
    let bytes = std::fs::read(model.join(SHARD)).unwrap();
    for len in [0, 4, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(model.join(SHARD), &bytes[..len]).unwrap();
        refused(&model, &["damaged", SHARD]);
    }
    let longer = [bytes.as_slice(), b"more"].concat();
    std::fs::write(model.join(SHARD), longer).unwrap();
    refused(&model, &["damaged", SHARD]);
}

#[test]
fn headers_that_lie_are_refused() {
    let copy = copy_of("huatuo-7b-tiny");
    let model = copy.path().join("model");
    let good = json!({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}).to_string();
    let bad = |entry: &str| format!("{{\"a\":{entry}}}");
    for header in [
        bad(r#"{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#),
        bad(r#"{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,8]}"#),
        bad(r#"{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#),
        bad(r#"{"dtype":"F9","shape":[2],"data_offsets":[0,8]}"#),
        bad(
            r#"{"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551615]}"#,
        ),
        format!("{{\"a\":{good},\"b\":{good}}}"),
        format!("{{\"a\":{good},\"a\":{good}}}"),
        "[]".to_owned(),
    ] {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.bytes());
        file.extend([0; 8]);
        std::fs::write(model.join(SHARD), file).unwrap();
        refused(&model, &["damaged", SHARD]);
    }
    std::fs::write(model.join(SHARD), u64::MAX.to_le_bytes()).unwrap();
    refused(&model, &["damaged", SHARD]);
}

#[test]
fn an_index_that_leaves_its_folder_is_refused() {
    let copy = copy_of("huatuo-7b-tiny");
    let model = copy.path().join("model");
    let index = json!({"weight_map": {"a": "../../etc/passwd"}});
    std::fs::write(model.join(INDEX), index.to_string()).unwrap();
    refused(&model, &["outside its folder"]);
}

#[test]
fn tensors_that_do_not_fit_are_listed() {
    let copy = copy_of("huatuo-7b-tiny");
    let model = copy.path().join("model");
    let original = tensors(&model);
    let norm = "model.layers.1.input_layernorm.weight";

    let mut changed = original.clone();
    changed.remove(norm);
    changed.remove("model.mm_projector.2.bias");
    replace_shards(&model, &changed);
    refused(&model, &["missing", norm, "model.mm_projector.2.bias"]);

    let mut changed = original.clone();
    changed.get_mut("lm_head.weight").unwrap().shape.swap(0, 1);
    replace_shards(&model, &changed);
    refused(&model, &["wrong shape", "lm_head.weight", "[64, 659], not [659, 64]"]);

    let mut changed = original.clone();
    changed.insert("model.layers.7.extra".to_owned(), original[norm].clone());
    replace_shards(&model, &changed);
    refused(&model, &["unused", "model.layers.7.extra"]);

    // exceptions that have a reason
    let mut changed = original.clone();
    changed
        .insert("model.layers.0.self_attn.rotary_emb.inv_freq".to_owned(), original[norm].clone());
    replace_shards(&model, &changed);
    assert!(try_load(&model).is_ok());

    let mut changed = original;
    let up = "model.layers.0.mlp.up_proj.weight";
    let bytes = &mut changed.get_mut(up).unwrap().bytes;
    bytes[10..12].copy_from_slice(&0x7fc0_u16.to_le_bytes());
    bytes[20..22].copy_from_slice(&0xff80_u16.to_le_bytes());
    replace_shards(&model, &changed);
    refused(&model, &["2 values that are not finite", up]);
}

/// Answers of a model, short.
fn greedy(vlm: &mut Vlm) -> Vec<u32> {
    let case = cases(&committed("huatuo-7b-tiny"))
        .into_iter()
        .find(|case| case.folder.ends_with("chinese"))
        .unwrap();
    ask(vlm, &case.question(0), None).output_ids
}

#[test]
fn pickles_of_both_kinds_equal_safetensors() {
    let mut reference = load(&committed("huatuo-7b-tiny").join("model"), ComputeDevice::cpu());
    let expected = greedy(&mut reference);
    for legacy in [false, true] {
        let copy = copy_of("huatuo-7b-tiny");
        let model = copy.path().join("model");
        let tensors = tensors(&model);
        remove_shards(&model);
        let file = model.join("pytorch_model.bin");
        if legacy {
            write_legacy(&file, &tensors);
        } else {
            write_zip(&file, &tensors, None);
        }
        let mut vlm = try_load(&model).unwrap();
        assert_eq!(greedy(&mut vlm), expected, "legacy: {legacy}");
        assert!(vlm.info().notes.is_empty());
        assert_eq!(vlm.info().weights_sha256, models::sha256(&file));
    }
}

#[test]
fn a_hostile_pickle_runs_nothing_and_is_reported() {
    let copy = copy_of("huatuo-7b-tiny");
    let model = copy.path().join("model");
    let tensors = tensors(&model);
    remove_shards(&model);
    let marker = copy.path().join("marker");
    let file = model.join("pytorch_model.bin");
    write_zip(&file, &tensors, Some(&format!("touch {}", marker.display())));
    match try_load(&model) {
        Ok(vlm) => {
            println!("{:?}", vlm.info().notes);
            assert!(vlm.info().notes.iter().any(|note| note.contains("system")));
        }
        Err(error) => println!("{error}"),
    }
    assert!(!marker.exists(), "code in a pickle was run");
}

#[test]
fn the_hash_is_that_of_the_files() {
    let model = committed("huatuo-7b-tiny").join("model");
    let vlm = load(&model, ComputeDevice::cpu());
    let mut list = String::new();
    for number in 1..=4 {
        let name = format!("model-0000{number}-of-00004.safetensors");
        list.push_str(&format!("{}  {name}\n", models::sha256(&model.join(&name))));
    }
    assert_eq!(vlm.info().weights_sha256, models::sha256_of(list.as_bytes()));
}

#[test]
fn damaged_configurations_are_refused() {
    for (change, part) in [
        (json!({"num_attention_heads": 5}), "heads"),
        (json!({"hidden_size": 0}), "hidden_size"),
        (json!({"mm_vision_select_layer": -9}), "select layer"),
        (json!({"mm_projector_type": "magic"}), "projector type"),
        (json!({"image_aspect_ratio": "anyres"}), "anyres"),
        (json!({"rope_scaling": {"type": "yarn", "factor": 4.0}}), "rope scaling yarn"),
        (json!({"mm_vision_tower": "somewhere/else"}), "vision tower"),
        (json!({"architectures": ["ResNet"]}), "ResNet"),
    ] {
        let copy = copy_of("huatuo-7b-tiny");
        let model = copy.path().join("model");
        let mut config = read_json(&model.join("config.json"));
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        std::fs::write(model.join("config.json"), config.to_string()).unwrap();
        refused(&model, &[part]);
    }
    let copy = copy_of("huatuo-7b-tiny");
    let model = copy.path().join("model");
    std::fs::remove_file(model.join("tokenizer.json")).unwrap();
    refused(&model, &["tokenizer.json"]);
}

/// Old training programs keyed a dictionary by a class, which the library refuses.
#[test]
fn checkpoints_with_classes_as_keys_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pickles");
    let path = folder.join("lightning-1.0.ckpt");
    let files = WeightFiles { present: vec![path], missing: Vec::new() };
    let checkpoint = Checkpoint::open(&folder, &files).unwrap();
    let names: Vec<&str> = checkpoint.tensors().keys().map(String::as_str).collect();
    assert_eq!(names, ["decoder.turned", "decoder.weight", "loss.part"]);
    let values = |name: &str| checkpoint.read_tensor(name).unwrap().unwrap().raw().to_f32();
    assert_eq!(values("decoder.weight"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(values("decoder.turned"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(values("loss.part"), [12.0, 13.0, 14.0, 15.0]);
    // cut or changed anywhere it is refused or read, never more than that
    let bytes = std::fs::read(folder.join("lightning-1.0.ckpt")).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let damaged = copy.path().join("x.ckpt");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] = changed[at].wrapping_add(41);
        for bytes in [&changed[..], &bytes[..at]] {
            std::fs::write(&damaged, bytes).unwrap();
            let files = WeightFiles { present: vec![damaged.clone()], missing: Vec::new() };
            if let Ok(checkpoint) = Checkpoint::open(copy.path(), &files) {
                for name in checkpoint.tensors().keys() {
                    checkpoint.read_tensor(name).ok();
                }
            }
        }
    }
}

#[test]
fn loading_can_be_stopped() {
    let spec = recognise(&committed("huatuo-7b-tiny").join("model")).unwrap();
    let mut calls = 0;
    let mut last = 0;
    let mut progress = |progress: reading_room::vlm::LoadProgress| {
        calls += 1;
        assert!(progress.bytes_done >= last && progress.bytes_done <= progress.bytes_total);
        last = progress.bytes_done;
        if calls == 9 {
            assert_eq!(progress.stage, LoadStage::Transfer);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let result = Vlm::load(&spec, ComputeDevice::cpu(), PrecisionChoice::Auto, &mut progress);
    assert!(matches!(result, Err(ModelError::Cancelled)));
}

fn plain_question(text: &str) -> Question {
    Question { images: Vec::new(), max_new_tokens: 8, ignore_eos: true, ..Question::new(text) }
}

#[test]
fn a_question_that_does_not_fit_is_refused_with_numbers() {
    let mut vlm = load(&committed("huatuo-7b-tiny").join("model"), ComputeDevice::cpu());
    let mut go_on = |_| ControlFlow::Continue(());
    let question = plain_question(&"heart ".repeat(3000));
    let error = vlm.answer(&question, &mut go_on, None).unwrap_err();
    assert!(matches!(error, ModelError::ContextTooLong { context_len: 4096, .. }), "{error}");
    let error = vlm.answer(&plain_question("  "), &mut go_on, None).unwrap_err();
    assert!(matches!(error, ModelError::EmptyQuestion));
    let image = models::picture(&committed("images/ct_square_gray.png"));
    let question = Question { images: vec![image; 7], ..plain_question("all of them?") };
    let error = vlm.answer(&question, &mut go_on, None).unwrap_err();
    assert!(matches!(error, ModelError::TooManyImages { given: 7, max_images: 6 }));
    let sampling = SamplingParams { temperature: f32::NAN, ..SamplingParams::greedy() };
    let error = vlm.answer(&Question { sampling, ..plain_question("a") }, &mut go_on, None);
    assert!(matches!(error, Err(ModelError::BadParameter { .. })));
}

#[test]
fn an_answer_can_be_stopped_and_the_model_goes_on() {
    let folder = committed("huatuo-7b-tiny");
    let mut vlm = load(&folder.join("model"), ComputeDevice::cpu());
    let case = cases(&folder).into_iter().find(|c| c.folder.ends_with("multi_image")).unwrap();
    let question = case.question(0);
    let golden = ids(&case.turns()[0]["greedy"]["ids"]);
    for stop_after in [1, 2, 3, 4, 5, 9] {
        let mut calls = 0;
        let mut emit = |_: Progress| {
            calls += 1;
            if calls >= stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let answer = vlm.answer(&question, &mut emit, None).unwrap();
        assert_eq!(answer.finish_reason, FinishReason::Cancelled);
        assert!(golden.starts_with(&answer.output_ids));
    }
    let mut streamed = String::new();
    let mut emit = |progress: Progress| {
        if let Progress::Text { text, .. } = progress {
            streamed.push_str(&text);
        }
        ControlFlow::Continue(())
    };
    let answer = vlm.answer(&question, &mut emit, None).unwrap();
    assert_eq!(answer.output_ids, golden);
    assert_eq!(answer.text, streamed);
    // all but the last position is still known
    let again = ask(&mut vlm, &question, None);
    assert_eq!((again.output_ids, again.timings.prefill_tokens), (golden, 1));
}

#[test]
fn a_stop_token_ends_the_answer() {
    for family in ["huatuo-7b-tiny", "llava-med-v1.5-tiny"] {
        for case in cases(&committed(family)) {
            let Some(stop) = case.turns()[0].get("stop_test") else { continue };
            let copy = copy_of(family);
            let model = copy.path().join("model");
            for name in ["config.json", "generation_config.json"] {
                let mut config = read_json(&model.join(name));
                config["eos_token_id"] = stop["eos_token_id"].clone();
                std::fs::write(model.join(name), config.to_string()).unwrap();
            }
            let mut vlm = try_load(&model).unwrap();
            let question = Question { ignore_eos: false, ..case.question(0) };
            let answer = ask(&mut vlm, &question, None);
            assert_eq!(answer.output_ids, ids(&stop["ids"]));
            assert_eq!(answer.text, stop["text"].as_str().unwrap());
            assert_eq!(answer.finish_reason, FinishReason::Stop);
            let on = ask(&mut vlm, &Question { ignore_eos: true, ..question }, None);
            assert_eq!(on.output_ids.len(), 32);
        }
    }
}

#[test]
fn one_seed_gives_one_answer() {
    let mut vlm = load(&committed("llava-med-v1.5-tiny").join("model"), ComputeDevice::cpu());
    let spec = recognise(&committed("llava-med-v1.5-tiny").join("model")).unwrap();
    let (sampling, _) = spec.author_defaults();
    let mut with = |seed| {
        let sampling = SamplingParams { seed, temperature: 1.5, ..sampling };
        ask(&mut vlm, &Question { sampling, ..plain_question("What is seen?") }, None).output_ids
    };
    let (first, other, again) = (with(1), with(2), with(1));
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn half_precision_stays_close() {
    let folder = committed("huatuo-7b-tiny");
    let spec = recognise(&folder.join("model")).unwrap();
    let case = cases(&folder).into_iter().find(|c| c.folder.ends_with("chinese")).unwrap();
    for precision in [Precision::F16, Precision::Bf16] {
        let exactly = PrecisionChoice::Exactly(precision);
        let mut go_on = |_| ControlFlow::Continue(());
        let mut vlm = Vlm::load(&spec, ComputeDevice::cpu(), exactly, &mut go_on).unwrap();
        let mut trace = reading_room::vlm::Trace::default();
        ask(&mut vlm, &Question { max_new_tokens: 1, ..case.question(0) }, Some(&mut trace));
        let error =
            models::distance(&trace.prefill_logits.unwrap(), &case.golden["t0.prefill_logits"]);
        println!("{}: {error}", precision.as_str());
        assert!(error < 0.3, "{}: {error}", precision.as_str());
    }
}

#[test]
fn an_answer_that_goes_on_ends_as_if_it_had_never_been_stopped() {
    for (case, penalty) in [("huatuo-7b-tiny", 1.2), ("llava-med-v1.5-tiny", 1.0)] {
        let mut vlm = load(&committed(case).join("model"), ComputeDevice::cpu());
        for temperature in [0.0, 1.5] {
            let sampling = SamplingParams {
                temperature,
                repetition_penalty: penalty,
                seed: 11,
                ..SamplingParams::greedy()
            };
            let images = vec![models::picture(&committed("images/ct_square_gray.png"))];
            let plain = Question { sampling, images, ..plain_question("What is seen?") };
            let whole = ask(&mut vlm, &plain, None);
            assert_eq!(whole.begun, 0);
            for cut in [1, whole.output_ids.len() / 2, whole.output_ids.len() - 1] {
                let ids = whole.output_ids[..cut].to_vec();
                let rest = Question { beginning: Beginning::Ids(ids), ..plain.clone() };
                let rest = ask(&mut vlm, &rest, None);
                assert_eq!(rest.begun, cut);
                assert_eq!(rest.output_ids, whole.output_ids, "{case} from {cut}");
                assert_eq!(rest.text, whole.text);
                assert_eq!(rest.prompt_ids, whole.prompt_ids);
                assert_eq!(rest.timings.prefill_tokens, 1, "the cache has what came before");
                let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
                assert!(rest.logprobs.iter().zip(&whole.logprobs).skip(cut).all(near));
            }
        }
    }
}

#[test]
fn an_answer_can_begin_with_a_text() {
    let mut vlm = load(&committed("huatuo-7b-tiny").join("model"), ComputeDevice::cpu());
    let beginning = Beginning::Text("The heart is".to_owned());
    let question = Question { beginning, ..plain_question("What is seen?") };
    let mut told = String::new();
    let mut listen = |progress| {
        if let Progress::Text { text, .. } = progress {
            told.push_str(&text);
        }
        ControlFlow::Continue(())
    };
    let answer = vlm.answer(&question, &mut listen, None).unwrap();
    assert!(answer.text.starts_with("The heart is"), "{}", answer.text);
    assert!(answer.begun >= 3 && answer.output_ids.len() > answer.begun);
    assert_eq!(told, answer.text);
    let beyond = Beginning::Ids(vec![u32::MAX]);
    let question = Question { beginning: beyond, ..plain_question("What is seen?") };
    let error = vlm.answer(&question, &mut |_| ControlFlow::Continue(()), None).unwrap_err();
    assert!(error.to_string().contains("the model's own ids"), "{error}");
}
