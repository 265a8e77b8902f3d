//! Every published family: what is missing or damaged is named, and the forms its weights come in
//! give the same answers.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "support/healthgpt.rs"]
mod healthgpt;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/pickle.rs"]
mod pickle;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use healthgpt::{HealthCase, with_room};
use models::{ask, cases, committed, copy_folder, distance, ids, load, read_json, shared_family};
use pickle::{Stored, write_zip};
use reading_room::checkpoint::{Checkpoint, FileDtype, WeightFiles, find_weight_files};
use reading_room::vlm::{
    ComputeDevice, Precision, PrecisionChoice, Progress, Question, Task, Tasks, Trace, Vlm,
    apply_delta, recognise,
};
use safetensors::Dtype;
use serde_json::Value;
use tempfile::TempDir;

/// A family in this tree: its folder, the model's folder in it, and what may be taken away.
struct Form {
    family: &'static str,
    model: &'static str,
    /// Files, below the family's folder.
    files: &'static [&'static str],
    /// Configuration files and a key of each.
    keys: &'static [(&'static str, &'static str)],
    /// Weight files and a tensor of each.
    tensors: &'static [(&'static str, &'static str)],
}

const FORMS: &[Form] = &[
    Form {
        family: "huatuo-7b-tiny",
        model: "model",
        files: &[
            "model/model-00003-of-00004.safetensors",
            "model/tokenizer.json",
            "model/vit/clip_vit_large_patch14_336/config.json",
        ],
        keys: &[
            ("model/config.json", "rope_theta"),
            ("model/config.json", "num_key_value_heads"),
            ("model/config.json", "mm_projector_type"),
            ("model/config.json", "mm_vision_tower"),
            ("model/config.json", "max_position_embeddings"),
        ],
        tensors: &[("model/model-00002-of-00004.safetensors", "self_attn.k_proj.bias")],
    },
    Form {
        family: "llava-med-v1.5-tiny",
        model: "model",
        files: &[
            "model/model-00001-of-00004.safetensors",
            "model/tokenizer.model",
            "openai/clip-vit-large-patch14-336/config.json",
        ],
        keys: &[("model/config.json", "rms_norm_eps"), ("model/config.json", "intermediate_size")],
        tensors: &[("model/model-00004-of-00004.safetensors", "")],
    },
    Form {
        family: "llava-med-v1-tiny",
        model: "model",
        files: &[
            "model/pytorch_model-00002-of-00002.bin",
            "model/tokenizer.model",
            "model/added_tokens.json",
            "model/special_tokens_map.json",
            "openai/clip-vit-large-patch14/config.json",
        ],
        keys: &[
            ("model/config.json", "hidden_size"),
            ("model/config.json", "mm_vision_select_layer"),
        ],
        tensors: &[
            ("model/pytorch_model-00002-of-00002.bin", "mm_projector.bias"),
            ("openai/clip-vit-large-patch14/model.safetensors", "layers.1.mlp.fc1.weight"),
        ],
    },
    Form {
        family: "huatuo-qwen2.5vl-tiny",
        model: "model",
        files: &[
            "model/model-00002-of-00004.safetensors",
            "model/tokenizer.json",
            "model/preprocessor_config.json",
            "model/generation_config.json",
        ],
        keys: &[("model/config.json", "vision_config"), ("model/config.json", "rope_scaling")],
        tensors: &[("model/model-00001-of-00004.safetensors", "visual.")],
    },
    Form {
        family: "m3-com-tiny",
        model: "HealthGPT-M3",
        files: &[
            "HealthGPT-M3/com_hlora_weights.bin",
            "Phi-3-mini-4k-instruct/model-00001-of-00002.safetensors",
            "Phi-3-mini-4k-instruct/config.json",
            "Phi-3-mini-4k-instruct/generation_config.json",
            "Phi-3-mini-4k-instruct/tokenizer_config.json",
            "clip-vit-large-patch14-336/pytorch_model.bin",
            "clip-vit-large-patch14-336/config.json",
        ],
        keys: &[
            ("Phi-3-mini-4k-instruct/config.json", "rope_theta"),
            ("Phi-3-mini-4k-instruct/generation_config.json", "eos_token_id"),
        ],
        tensors: &[
            ("HealthGPT-M3/com_hlora_weights.bin", "mlp.down_proj.lora_route.weight"),
            ("HealthGPT-M3/com_hlora_weights.bin", "mm_projector.2.bias"),
            ("clip-vit-large-patch14-336/pytorch_model.bin", "layers.0.mlp.fc2.weight"),
        ],
    },
    Form {
        family: "l14-com-tiny",
        model: "HealthGPT-L14",
        files: &["HealthGPT-L14/com_hlora_weights_phi4.bin", "phi-4/tokenizer.json"],
        keys: &[("phi-4/config.json", "num_key_value_heads")],
        tensors: &[("HealthGPT-L14/com_hlora_weights_phi4.bin", "o_proj.lora_A.weight")],
    },
    Form {
        family: "xl32-com-tiny",
        model: "HealthGPT-XL32",
        files: &[
            "HealthGPT-XL32/com_hlora_weights_QWEN_32B.bin",
            "Qwen2.5-32B-Instruct/generation_config.json",
        ],
        keys: &[("Qwen2.5-32B-Instruct/config.json", "rms_norm_eps")],
        tensors: &[
            ("Qwen2.5-32B-Instruct/model-00002-of-00002.safetensors", "self_attn.q_proj.bias"),
            ("HealthGPT-XL32/com_hlora_weights_QWEN_32B.bin", "self_attn.v_proj.lora_B.weight"),
        ],
    },
];

/// A copy of a family's folder without its cases, to be damaged.
fn copy_of(family: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&committed(family), copy.path(), &|path| !path.ends_with("cases"));
    copy
}

/// The message of the failure; it must be one line that names what is wrong.
fn refused(model: &Path, part: &str) {
    let precision = PrecisionChoice::Exactly(Precision::F32);
    let loaded = recognise(model).and_then(|spec| {
        let mut go_on = |_| ControlFlow::Continue(());
        Vlm::load(&spec, ComputeDevice::cpu(), precision, &mut go_on)
    });
    let message = match loaded {
        Ok(_) => panic!("{part}: it was loaded"),
        Err(error) => error.to_string(),
    };
    println!("{message}");
    assert!(!message.contains('\n'), "{message}");
    assert!(message.contains(part), "{message:?} does not say {part:?}");
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[test]
fn a_missing_file_is_named() {
    for form in FORMS {
        for file in form.files {
            let copy = copy_of(form.family);
            std::fs::remove_file(copy.path().join(file)).unwrap();
            let model = copy.path().join(form.model);
            refused(&model, name_of(file));
            let missing = recognise(&model).unwrap().missing;
            assert!(missing.iter().any(|name| name.contains(name_of(file))), "{file}: {missing:?}");
        }
    }
}

#[test]
fn a_cut_or_broken_file_is_named() {
    for form in FORMS {
        for file in form.files {
            let copy = copy_of(form.family);
            let path = copy.path().join(file);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            refused(&copy.path().join(form.model), name_of(file));
        }
    }
}

#[test]
fn a_missing_key_is_named() {
    for form in FORMS {
        for (file, key) in form.keys {
            let copy = copy_of(form.family);
            let path = copy.path().join(file);
            let mut json = read_json(&path);
            assert!(json.as_object_mut().unwrap().remove(*key).is_some(), "{key}");
            std::fs::write(&path, json.to_string()).unwrap();
            refused(&copy.path().join(form.model), key);
        }
    }
}

/// Tensors of one weight file under their published names.
fn tensors_of(path: &Path) -> BTreeMap<String, Stored> {
    let files = WeightFiles { present: vec![path.to_owned()], missing: Vec::new() };
    let checkpoint = Checkpoint::open(path.parent().unwrap(), &files).unwrap();
    let names = checkpoint.tensors().keys();
    names
        .filter_map(|name| {
            let tensor = checkpoint.read_tensor(name).unwrap().unwrap();
            let dtype = match tensor.dtype {
                FileDtype::Bf16 => Dtype::BF16,
                FileDtype::F16 => Dtype::F16,
                FileDtype::F32 => Dtype::F32,
                _ => return None, // positions, which nothing reads
            };
            Some((name.clone(), Stored { dtype, shape: tensor.shape, bytes: tensor.bytes }))
        })
        .collect()
}

fn write_tensors(path: &Path, tensors: &BTreeMap<String, Stored>) {
    if path.extension().is_some_and(|extension| extension == "bin") {
        return write_zip(path, tensors, None);
    }
    let views = tensors.iter().map(|(name, stored)| {
        let shape = stored.shape.clone();
        (name, safetensors::tensor::TensorView::new(stored.dtype, shape, &stored.bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// Change one tensor of a file and give its name.
fn change(path: &Path, part: &str, change: impl Fn(Stored) -> Option<Stored>) -> String {
    let mut tensors = tensors_of(path);
    let is_used = |name: &&String| name.contains(part) && !name.contains("inv_freq");
    let name = tensors.keys().find(is_used).unwrap_or_else(|| panic!("no {part}")).clone();
    let stored = tensors.remove(&name).unwrap();
    if let Some(stored) = change(stored) {
        tensors.insert(name.clone(), stored);
    }
    write_tensors(path, &tensors);
    name
}

#[test]
fn a_missing_or_damaged_tensor_is_named() {
    let shorter = |mut stored: Stored| {
        let rows = stored.shape[0];
        stored.bytes.truncate(stored.bytes.len() / rows * (rows - 1));
        stored.shape[0] -= 1;
        Some(stored)
    };
    let not_finite = |mut stored: Stored| {
        let len = stored.bytes.len();
        stored.bytes[len - 2..].copy_from_slice(&[0xff, 0xff]);
        Some(stored)
    };
    for form in FORMS {
        for (file, tensor) in form.tensors {
            let changes: [&dyn Fn(Stored) -> Option<Stored>; 3] =
                [&|_| None, &shorter, &not_finite];
            for made in changes {
                let copy = copy_of(form.family);
                let name = change(&copy.path().join(file), tensor, made);
                refused(&copy.path().join(form.model), &name);
            }
        }
    }
}

/// The base added on the way gives the answers of the merged model.
#[test]
fn a_delta_is_added_to_its_base() {
    let family = committed("llava-med-v1-tiny");
    let spec = recognise(&family.join("delta")).unwrap();
    assert!(spec.missing.is_empty(), "{:?}", spec.missing);
    let parts: Vec<&str> = spec.parts.iter().map(|part| part.name.as_str()).collect();
    assert!(parts.contains(&"base language model"), "{parts:?}");
    let mut vlm = load(&family.join("delta"), ComputeDevice::cpu());
    for case in cases(&family) {
        for (index, turn) in case.turns().iter().enumerate() {
            let answer = ask(&mut vlm, &case.question(index), None);
            assert_eq!(answer.output_ids, ids(&turn["greedy"]["ids"]), "{}", case.folder.display());
        }
    }
}

#[test]
fn a_delta_without_its_base_says_so() {
    let copy = copy_of("llava-med-v1-tiny");
    std::fs::remove_dir_all(copy.path().join("base")).unwrap();
    refused(&copy.path().join("delta"), "base language model LLaMA-7B");
    // told of another place it finds it there
    copy_folder(
        &committed("llava-med-v1-tiny").join("base"),
        &copy.path().join("far/llama"),
        &|path| !path.ends_with("cases"),
    );
    let told = copy.path().join("delta/reading-room.toml");
    std::fs::write(&told, "base = \"../far/llama\"\n").unwrap();
    assert!(recognise(&copy.path().join("delta")).unwrap().missing.is_empty());
    std::fs::write(&told, "base = \"../nowhere\"\n").unwrap();
    refused(&copy.path().join("delta"), "../nowhere");
}

fn all_tensors(folder: &Path) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let checkpoint = Checkpoint::open(folder, &find_weight_files(folder).unwrap()).unwrap();
    let names = checkpoint.tensors().keys();
    names
        .map(|name| {
            let tensor = checkpoint.read_tensor(name).unwrap().unwrap();
            (name.clone(), (tensor.shape.clone(), tensor.raw().to_f32()))
        })
        .collect()
}

#[test]
fn a_delta_applied_for_good_is_the_published_merge() {
    let copy = copy_of("llava-med-v1-tiny");
    let (base, delta) = (copy.path().join("base"), copy.path().join("delta"));
    let out = copy.path().join("merged");
    let mut last = 0;
    apply_delta(&base, &delta, &out, &mut |done, total| {
        assert!(done >= last && done <= total);
        last = done;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(all_tensors(&out) == all_tensors(&copy.path().join("model")));
    let again = apply_delta(&base, &delta, &out, &mut |_, _| ControlFlow::Continue(()));
    assert!(again.unwrap_err().to_string().contains("not empty"));
    let swapped =
        apply_delta(&delta, &base, &copy.path().join("x"), &mut |_, _| ControlFlow::Continue(()));
    println!("{}", swapped.unwrap_err());
    let case = cases(&committed("llava-med-v1-tiny")).into_iter().next().unwrap();
    let answer = ask(&mut load(&out, ComputeDevice::cpu()), &case.question(0), None);
    assert_eq!(answer.output_ids, ids(&case.turns()[0]["greedy"]["ids"]));
}

/// The published loader of LLaVA-Med 1.5 fills its tower from another repository.
#[test]
fn the_external_tower_of_llava_med_can_be_used() {
    let Some(family) = shared_family("llava-med-v1.5-tiny") else { return };
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&family, copy.path(), &|path| !path.ends_with("cases"));
    let model = copy.path().join("model");
    std::fs::write(model.join("reading-room.toml"), "vision_weights = \"external\"\n").unwrap();
    let mut vlm = load(&model, ComputeDevice::cpu());
    let mut compared = 0;
    for case in cases(&family) {
        for (index, turn) in case.turns().iter().enumerate() {
            let Some(external) = turn.get("external_clip") else { continue };
            let answer = ask(&mut vlm, &case.question(index), None);
            assert_eq!(answer.output_ids, ids(&external["ids"]), "{}", case.folder.display());
            compared += 1;
        }
    }
    assert!(compared > 0);
}

/// Phi-3 looks back `sliding_window` positions and sees itself too, as its authors ran it.
#[test]
fn phi3_looks_back_as_its_authors_ran_it() {
    let case = HealthCase::read(&committed("m3-com-tiny"));
    let copy = copy_of("m3-com-tiny");
    let path = copy.path().join("Phi-3-mini-4k-instruct/config.json");
    let mut config = read_json(&path);
    config["sliding_window"] = case.json["swa"]["window"].clone();
    std::fs::write(&path, config.to_string()).unwrap();
    let mut vlm = load(&copy.path().join("HealthGPT-M3"), ComputeDevice::cpu());
    let expected = ids(&case.json["swa"]["ids"]);
    let question = Question {
        max_new_tokens: expected.len() as u32,
        ignore_eos: true,
        ..case.question(&case.runs()[0])
    };
    let mut trace = Trace::default();
    assert_eq!(ask(&mut vlm, &question, Some(&mut trace)).output_ids, expected);
    let base_len = case.json["tokenizer"]["base_len"].as_u64().unwrap() as usize;
    let (shape, values) = &case.golden["swa.logits"];
    let golden = (vec![base_len], values[..base_len.min(shape[1])].to_vec());
    let logits = trace.prefill_logits.unwrap();
    let error = distance(&(vec![base_len], logits.1[..base_len].to_vec()), &golden);
    assert!(error <= 2e-4, "{error}");
}

/// Without `reading-room.toml` the parts are found by their published names.
#[test]
fn the_parts_of_healthgpt_are_found_without_being_told() {
    for (family, model) in [
        ("m3-com-tiny", "HealthGPT-M3"),
        ("l14-com-tiny", "HealthGPT-L14"),
        ("xl32-com-tiny", "HealthGPT-XL32"),
    ] {
        let copy = copy_of(family);
        let told = recognise(&copy.path().join(model)).unwrap();
        std::fs::remove_file(copy.path().join(model).join("reading-room.toml")).unwrap();
        let found = recognise(&copy.path().join(model)).unwrap();
        assert_eq!(found.family, told.family);
        assert!(found.missing.is_empty(), "{:?}", found.missing);
        // under other names the only folder that fits is taken
        for (index, folder) in other_folders(copy.path(), model).into_iter().enumerate() {
            std::fs::rename(&folder, copy.path().join(format!("part {index}"))).unwrap();
        }
        let found = recognise(&copy.path().join(model)).unwrap();
        assert!(found.missing.is_empty(), "{:?}", found.missing);
        assert_eq!(found.parameters, told.parameters);
    }
}

fn other_folders(place: &Path, model: &str) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|path| path.is_dir() && !path.ends_with(model)).collect()
}

#[test]
fn what_reading_room_toml_says_must_be_so() {
    let copy = copy_of("m3-com-tiny");
    let model = copy.path().join("HealthGPT-M3");
    let toml = model.join("reading-room.toml");
    let good = std::fs::read_to_string(&toml).unwrap();
    for (from, to, part) in [
        ("rank = 8", "rank = 16", "rank 16"),
        ("experts = 4", "experts = 3", "experts 3"),
        ("healthgpt-m3", "healthgpt-x", "healthgpt-x"),
        ("../Phi-3-mini-4k-instruct", "../Phi", "../Phi"),
        ("[comprehension]", "[comprehension", "reading-room.toml"),
    ] {
        assert!(good.contains(from));
        std::fs::write(&toml, good.replace(from, to)).unwrap();
        refused(&model, part);
    }
}

/// Questions and pictures share one base and do not disturb each other.
#[test]
fn both_tasks_of_healthgpt_share_one_model() {
    with_room(ask_and_draw);
}

fn ask_and_draw() {
    let case = HealthCase::read(&committed("m3-gen-tiny"));
    let copy = copy_of("m3-gen-tiny");
    let model = copy.path().join("HealthGPT-M3");
    let only_pictures = recognise(&model).unwrap();
    assert!(only_pictures.abilities.reconstruction && !only_pictures.abilities.questions);
    assert_eq!(only_pictures.missing, ["com_hlora_weights.bin"]);
    std::fs::copy(model.join("gen_hlora_weights.bin"), model.join("com_hlora_weights.bin"))
        .unwrap();
    let toml = std::fs::read_to_string(model.join("reading-room.toml")).unwrap();
    let questions = toml.replace("[generation]", "[comprehension]").replace("gen_", "com_");
    let section = &questions[questions.find("[comprehension]").unwrap()..];
    std::fs::write(model.join("reading-room.toml"), format!("{toml}\n{section}")).unwrap();
    let both = recognise(&model).unwrap();
    assert!(both.abilities.reconstruction && both.abilities.questions, "{:?}", both.missing);

    let mut vlm = load(&model, ComputeDevice::cpu());
    let run = &case.runs()[0];
    let drawing = case.question(run);
    let question = Question { task: Task::Question, max_new_tokens: 8, ..drawing.clone() };
    let first = ask(&mut vlm, &question, None);
    let go_on = &mut |_| ControlFlow::Continue(());
    let drawn = vlm.reconstruct(&drawing, false, go_on, None).unwrap();
    assert_eq!(drawn.answer.output_ids, ids(&run["output_ids"]));
    assert!(drawn.complete && drawn.similarity.is_some());
    let again = ask(&mut vlm, &question, None);
    assert_eq!((again.output_ids, again.text), (first.output_ids, first.text));
    // nothing but codes may come: the text-only run, which wanders off, is whole then
    let free = case.question(&case.runs()[1]);
    let wanted = (drawn.grid[0] * drawn.grid[1]) as u32;
    let held = Question { max_new_tokens: wanted, ..free };
    assert!(vlm.reconstruct(&held, true, go_on, None).unwrap().complete);
    // stopped after some codes: those that came are kept
    let mut left = 5;
    let mut stop = |progress| {
        left -= i32::from(matches!(progress, Progress::Code { .. }));
        if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let partial = vlm.reconstruct(&drawing, false, &mut stop, None).unwrap();
    assert_eq!(partial.answer.codes.len(), 5);
    assert_eq!(partial.shortfall().unwrap(), format!("5 of {wanted} codes"));
    assert!(partial.picture.width > 0 && !partial.complete);
}

#[test]
fn what_reconstruction_lacks_is_named() {
    for file in [
        "HealthGPT-M3/gen_hlora_weights.bin",
        "HealthGPT-M3/fusion_layer_weights.bin",
        "taming_transformers/ckpt/last.ckpt",
        "taming_transformers/ckpt/model.yaml",
    ] {
        let copy = copy_of("m3-gen-tiny");
        std::fs::remove_file(copy.path().join(file)).unwrap();
        let spec = recognise(&copy.path().join("HealthGPT-M3")).unwrap();
        let missing = &spec.missing_for_reconstruction;
        assert!(missing.iter().any(|name| name.contains(name_of(file))), "{file}: {missing:?}");
        let tasks = Tasks { reconstruction: true, ..Tasks::default() };
        let precision = PrecisionChoice::Exactly(Precision::F32);
        let mut go_on = |_| ControlFlow::Continue(());
        let loaded = Vlm::load_for(tasks, &spec, ComputeDevice::cpu(), precision, &mut go_on);
        let Err(error) = loaded else { panic!("{file}: it was loaded") };
        assert!(error.to_string().contains(name_of(file)), "{error}");
    }
}

#[test]
fn a_template_is_chosen_by_name() {
    let folder = committed("huatuo-qwen2.5vl-tiny").join("model");
    let mut vlm = load(&folder, ComputeDevice::cpu());
    let case = cases(&committed("huatuo-qwen2.5vl-tiny"))
        .into_iter()
        .find(|case| case.folder.ends_with("train_format"))
        .unwrap();
    let question = Question { template: None, max_new_tokens: 1, ..case.question(0) };
    let usual = ask(&mut vlm, &question, None);
    assert_eq!(usual.prompt, case.turns()[0]["prompt"].as_str().unwrap());
    let list = Question { template: Some("list".to_owned()), ..question.clone() };
    assert_ne!(ask(&mut vlm, &list, None).prompt_ids, usual.prompt_ids);
    let none = Question { template: Some("none".to_owned()), ..question };
    let error = vlm.answer(&none, &mut |_| ControlFlow::Continue(()), None).unwrap_err();
    assert!(error.to_string().contains("train, list"), "{error}");
}

/// Qwen3-VL is known by its architecture, and what it lacks is said.
#[test]
fn healthgpt_pro_is_recognised_only() {
    let copy = copy_of("huatuo-qwen2.5vl-tiny");
    let model = copy.path().join("model");
    let mut config: Value = read_json(&model.join("config.json"));
    config["architectures"] = serde_json::json!(["Qwen3VLForConditionalGeneration"]);
    std::fs::write(model.join("config.json"), config.to_string()).unwrap();
    assert_eq!(recognise(&model).unwrap().family.as_str(), "healthgpt-pro");
    refused(&model, "not supported yet");
}
