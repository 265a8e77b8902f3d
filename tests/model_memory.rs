//! What a model needs in memory, reckoned before it is loaded, against its files and devices.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

#[path = "support/shared.rs"]
mod shared;

use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use reading_room::vlm::{
    Activations, ComputeDevice, ComputeKind, DeviceChoice, DeviceInfo, Fit, MatrixSizes,
    MemoryNeed, MemoryPlan, ModelError, Precision, PrecisionChoice, Vlm, choose_device,
    detect_gpus, likely_precision, recognise, usual_context, why_this_precision,
};
use serde_json::{Value, json};
use shared::shared;

/// A family's folder in this tree.
fn committed(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(family)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Names, extents and bytes of one number of all tensors in a folder's safetensors files.
fn tensors(model: &Path) -> Vec<(String, Vec<u64>, u64)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(model).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "safetensors") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        for (name, view) in file.iter() {
            let shape = view.shape().iter().map(|extent| *extent as u64).collect();
            all.push((name.to_owned(), shape, view.dtype().bitsize() as u64 / 8));
        }
    }
    all
}

/// Bytes of a matrix: whole panels of 16 rows and whole blocks of 32 columns, a block of 32 codes
/// with a scale, in four bits also with a minimum.
fn matrix_bytes(name: &str, shape: &[u64], precision: Precision) -> u64 {
    let (rows, columns) = (shape[0], shape[1..].iter().product::<u64>());
    let blocks = rows.next_multiple_of(16) * columns.div_ceil(32);
    let is_layers = name.starts_with("model.layers.");
    match precision {
        Precision::F32 => 4 * rows * columns,
        Precision::F16 | Precision::Bf16 => 2 * rows * columns,
        // tower and projector
        _ if !is_layers && name != "lm_head.weight" => blocks * (2 * 32 + 2),
        Precision::Q4 if is_layers => blocks * (16 + 2 + 2),
        Precision::Q8 | Precision::Q4 => blocks * (32 + 2),
    }
}

/// Bytes of the embedding in the file, and of all that is used on the CPU.
fn expected_weights(model: &Path, unused: &[&str], precision: Precision) -> (u64, u64) {
    let (mut host, mut device) = (0, 0);
    for (name, shape, file_bytes) in tensors(model) {
        let numbers: u64 = shape.iter().product();
        if unused.iter().any(|part| name.contains(part)) {
            continue;
        }
        match shape.len() {
            _ if name == "model.embed_tokens.weight" => host += numbers * file_bytes,
            1 => device += numbers * 4,
            // added to rows as it is, so it is kept as vectors are
            _ if name.ends_with("position_embedding.weight") => device += numbers * 4,
            _ => device += matrix_bytes(&name, &shape, precision),
        }
    }
    (host, device)
}

fn gpu(memory_gb: Option<f64>, free_gb: Option<f64>) -> DeviceInfo {
    let bytes = |gb: f64| (gb * 1e9) as u64;
    DeviceInfo {
        label: "gpu: Card (Vulkan)".to_owned(),
        name: "Card".to_owned(),
        kind: ComputeKind::Gpu,
        memory_bytes: memory_gb.map(bytes),
        free_bytes: free_gb.map(bytes),
        precisions: vec![Precision::F32, Precision::F16],
    }
}

fn cpu(memory_gb: f64) -> DeviceInfo {
    let precisions = Precision::ALL.to_vec();
    let memory = Some(memory_gb);
    DeviceInfo { kind: ComputeKind::Cpu, precisions, ..gpu(memory, memory) }
}

#[test]
fn weights_are_reckoned_to_the_byte() {
    let clip_rest = ["post_layernorm", "vision_model.encoder.layers.3."];
    for (family, unused) in [
        ("huatuo-7b-tiny", &clip_rest[..]),
        ("llava-med-v1.5-tiny", &clip_rest),
        ("huatuo-qwen2.5vl-tiny", &[]),
    ] {
        let model = committed(family).join("model");
        let plan = recognise(&model).unwrap().memory.unwrap();
        for precision in Precision::ALL {
            let (host, device) = expected_weights(&model, unused, precision);
            assert_eq!(plan.host_bytes, host, "{family}");
            let weights = |device: &DeviceInfo| plan.need(precision, 4096, device).weights_bytes;
            if !matches!(precision, Precision::Q8 | Precision::Q4) {
                assert_eq!(weights(&gpu(None, None)), device, "{family} on a card");
            }
            // no card, no second memory
            assert_eq!(weights(&cpu(64.0)), device + host, "{family} on the CPU");
            println!("{family} {}: {device} and {host} bytes", precision.as_str());
        }
    }
}

#[test]
fn adapters_and_towers_in_other_folders_count() {
    let spec = recognise(&committed("m3-com-tiny/HealthGPT-M3")).unwrap();
    let plan = spec.memory.unwrap();
    // every number of the files but the tower's text half and unused layers is in one of these
    let matrices = [plan.vision, plan.layers, plan.head, plan.adapters];
    let numbers: u64 = matrices.iter().map(|sizes| sizes.numbers).sum();
    assert!(matrices.iter().all(|sizes| sizes.numbers > 0), "{matrices:?}");
    let counted = numbers + plan.vector_bytes / 4 + plan.host_bytes / 2;
    assert!(counted > spec.parameters * 9 / 10 && counted <= spec.parameters, "{counted}");
}

#[test]
fn the_cache_is_what_the_configuration_says() {
    for family in ["huatuo-7b-tiny", "llava-med-v1.5-tiny", "huatuo-qwen2.5vl-tiny"] {
        let model = committed(family).join("model");
        let config = read_json(&model.join("config.json"));
        let number = |key: &str| config[key].as_u64().unwrap();
        let head_dim = number("hidden_size") / number("num_attention_heads");
        let per_token =
            2 * number("num_hidden_layers") * number("num_key_value_heads") * head_dim * 4;
        let plan = recognise(&model).unwrap().memory.unwrap();
        assert_eq!(plan.kv_bytes_per_token, per_token, "{family}");
        // it grows by 256 positions
        for (context, positions) in [(1, 256), (256, 256), (1000, 1024), (4096, 4096)] {
            for precision in Precision::ALL {
                let bytes =
                    |device: &DeviceInfo| plan.need(precision, context, device).kv_cache_bytes;
                let all = per_token * positions;
                // beside rounded weights the CPU rounds keys and values as well
                let on_the_cpu = if precision == Precision::F32 { all } else { all / 2 };
                assert_eq!(bytes(&cpu(64.0)), on_the_cpu, "{family} {context} {precision:?}");
                let is_f32 = matches!(precision, Precision::F32 | Precision::Bf16);
                let on_a_card = if is_f32 { all } else { all / 2 };
                assert_eq!(bytes(&gpu(None, None)), on_a_card, "{family} {context} {precision:?}");
            }
        }
    }
    assert_eq!((usual_context(128_000), usual_context(2048)), (4096, 2048));
}

#[test]
fn the_published_models_need_what_their_sizes_tell() {
    let Some(folder) = shared("fixtures/llava/published_layout") else { return };
    // 16-bit weights in GB and the cache of a position in bytes, twice the 16-bit one
    for (name, weights_gb, kv_bytes) in [
        ("huatuo-vision-7b", 15.9, 2 * 57_344),
        ("huatuo-vision-34b", 69.5, 2 * 245_760),
        ("llava-med-v1.5-mistral-7b", 15.1, 2 * 131_072),
        ("qwen2.5-vl-7b", 16.6, 2 * 57_344),
    ] {
        let plan = recognise(&folder.join(name)).unwrap().memory.unwrap();
        assert_eq!(plan.kv_bytes_per_token, kv_bytes, "{name}");
        let need = plan.need(Precision::F16, 4096, &cpu(64.0));
        let weights = need.weights_bytes as f64 / 1e9;
        println!("{name}: {}", need.in_words());
        assert!((weights - weights_gb).abs() < 0.1, "{name}: {weights}");
        assert!((100_000_000..1_500_000_000).contains(&need.activation_bytes), "{name}");
    }
}

/// A model of 8 billion numbers: 32 GB in f32, 16 GB in f16, 9.1 GB in q8, 6.2 GB in q4.
fn plan() -> MemoryPlan {
    MemoryPlan {
        vision: MatrixSizes::of_numbers(300_000_000),
        layers: MatrixSizes::of_numbers(7_100_000_000),
        head: MatrixSizes::of_numbers(500_000_000),
        adapters: MatrixSizes::of_numbers(100_000_000),
        largest_matrix: 500_000_000,
        vector_bytes: 1_000_000,
        host_bytes: 1_000_000_000,
        kv_bytes_per_token: 100_000,
        activations: Activations {
            per_position: 100_000,
            per_score: 200,
            per_key: 10_000,
            fixed: 50_000_000,
        },
        host_activations: Activations {
            per_position: 100_000,
            per_score: 0,
            per_key: 1_000,
            fixed: 50_000_000,
        },
    }
}

fn needs(device: &DeviceInfo) -> Vec<MemoryNeed> {
    plan().needs(4096, device)
}

#[track_caller]
fn chosen(choice: PrecisionChoice, device: &DeviceInfo, expected: (Precision, Option<Fit>)) {
    let needs = needs(device);
    let need = likely_precision(choice, &needs, device).unwrap();
    assert_eq!((need.precision, need.fit(device)), expected);
}

#[test]
fn the_precision_follows_the_device_and_its_memory() {
    let auto = PrecisionChoice::Auto;
    let (f32, f16) = (Precision::F32, Precision::F16);
    let (q8, q4) = (Precision::Q8, Precision::Q4);
    chosen(auto, &gpu(Some(80.0), Some(79.0)), (f16, Some(Fit::Comfortable)));
    // weights 16.0, cache 0.2, working 0.6, and 1.3 should stay free
    chosen(auto, &gpu(Some(24.0), Some(17.5)), (f16, Some(Fit::Tight)));
    chosen(auto, &gpu(Some(24.0), Some(12.0)), (f16, Some(Fit::TooLarge)));
    // what other programs take is not known
    chosen(auto, &gpu(Some(24.0), None), (f16, Some(Fit::Comfortable)));
    chosen(auto, &gpu(None, None), (f16, None));
    let without_f16 = DeviceInfo { precisions: vec![f32], ..gpu(Some(80.0), Some(79.0)) };
    chosen(auto, &without_f16, (f32, Some(Fit::Comfortable)));

    // q8 answers sooner than f32, however much memory there is; weights 9.9, cache 0.2, working
    // 0.1, and 1.3 should stay free
    chosen(auto, &cpu(64.0), (q8, Some(Fit::Comfortable)));
    chosen(auto, &cpu(12.0), (q8, Some(Fit::Comfortable)));
    chosen(auto, &cpu(10.7), (q4, Some(Fit::Comfortable)));
    chosen(auto, &cpu(8.0), (q4, Some(Fit::Tight)));
    chosen(auto, &cpu(4.0), (q4, Some(Fit::TooLarge)));

    chosen(PrecisionChoice::Exactly(f32), &cpu(32.0), (f32, Some(Fit::TooLarge)));
    let card = gpu(Some(80.0), Some(79.0));
    let bf16 = PrecisionChoice::Exactly(Precision::Bf16);
    assert_eq!(likely_precision(bf16, &needs(&card), &card), None);
}

#[test]
fn a_small_model_stays_exact_on_the_cpu() {
    let small = MemoryPlan {
        vision: MatrixSizes::of_numbers(100_000_000),
        layers: MatrixSizes::of_numbers(120_000_000),
        ..MemoryPlan { host_bytes: 10_000_000, head: MatrixSizes::default(), ..plan() }
    };
    let needs = small.needs(4096, &cpu(64.0));
    let chosen = likely_precision(PrecisionChoice::Auto, &needs, &cpu(64.0)).unwrap();
    assert_eq!(chosen.precision, Precision::F32);
    assert_eq!(why_this_precision(PrecisionChoice::Auto, &needs, &cpu(64.0)), None);
}

#[test]
fn a_choice_is_explained() {
    let why =
        |device: &DeviceInfo| why_this_precision(PrecisionChoice::Auto, &needs(device), device);
    assert_eq!(why(&gpu(Some(80.0), Some(79.0))), None);
    let told = why(&cpu(64.0)).unwrap();
    println!("{told}");
    assert!(told.starts_with("q8: the CPU reads all weights for every token"), "{told}");
    let told = why(&cpu(10.7)).unwrap();
    println!("{told}");
    assert_eq!(told, "q4: q8 would need 10.2 GB, 1.3 GB to load it, and 10.7 GB are free");
    let with_blocks = |memory, free| DeviceInfo {
        precisions: vec![Precision::F32, Precision::F16, Precision::Q8, Precision::Q4],
        ..gpu(Some(memory), Some(free))
    };
    let told = why(&with_blocks(12.0, 11.9)).unwrap();
    println!("{told}");
    assert!(told.starts_with("q8: f16 would need 16.8 GB and 11.9 GB are free"), "{told}");
    let asked = PrecisionChoice::Exactly(Precision::Q4);
    assert_eq!(why_this_precision(asked, &needs(&cpu(64.0)), &cpu(64.0)), None);
}

#[test]
fn a_card_with_room_for_it_gets_the_embedding_and_halves_what_it_keeps_of_a_conversation() {
    let f16 = |device: &DeviceInfo| plan().need(Precision::F16, 4096, device);
    let (roomy, full) = (f16(&gpu(Some(80.0), Some(79.0))), f16(&gpu(Some(24.0), Some(18.5))));
    assert!(roomy.keeps_embedding && !full.keeps_embedding);
    assert_eq!(full.fit(&gpu(Some(24.0), Some(18.5))), Some(Fit::Comfortable));
    assert_eq!(roomy.weights_bytes, full.weights_bytes + 1_000_000_000);
    assert!(!f16(&gpu(None, None)).keeps_embedding && !f16(&cpu(64.0)).keeps_embedding);
    let exact = plan().need(Precision::F32, 4096, &gpu(Some(80.0), Some(79.0)));
    assert_eq!((roomy.kv_cache_bytes, exact.kv_cache_bytes), (204_800_000, 409_600_000));
}

#[test]
fn more_context_needs_more_cache_and_more_scores() {
    let device = gpu(Some(80.0), Some(79.0));
    let at = |context| plan().need(Precision::F16, context, &device);
    let (short, long) = (at(1024), at(8192));
    assert_eq!(short.weights_bytes, long.weights_bytes);
    assert_eq!(long.kv_cache_bytes, 8 * short.kv_cache_bytes);
    // 512 positions are read at once on a card
    let scores = 200 * 512 * (8192 - 1024) + 10_000 * (8192 - 1024);
    assert_eq!(long.activation_bytes - short.activation_bytes, scores);
    let total = long.weights_bytes + long.kv_cache_bytes + long.activation_bytes;
    assert_eq!(long.total_bytes(), total);
}

#[test]
fn on_the_cpu_no_scores_pile_up() {
    let device = cpu(64.0);
    let activations =
        |plan: &MemoryPlan, context| plan.need(Precision::Q8, context, &device).activation_bytes;
    let grown = |plan: &MemoryPlan| activations(plan, 8192) - activations(plan, 1024);
    assert_eq!(grown(&plan()), 1_000 * (8192 - 1024));
    // of a real model: sixteen rows of one head for every thread, whatever the model's width
    let threads = std::thread::available_parallelism().unwrap().get() as u64;
    let spec = recognise(&committed("huatuo-7b-tiny").join("model")).unwrap();
    let plan = spec.memory.unwrap();
    assert_eq!(plan.host_activations.bytes(1, 100) - plan.host_activations.bytes(1, 0), {
        100 * 16 * 4 * threads
    });
    assert!(plan.host_activations.fixed <= plan.activations.fixed);
}

/// A copy of the small model whose layers are many and wide: its weights are a file of holes.
fn giant(folder: &Path) -> PathBuf {
    const LAYERS: usize = 1000;
    const WIDE: u64 = 1 << 20;
    let source = committed("huatuo-7b-tiny").join("model");
    let mut config = read_json(&source.join("config.json"));
    config["num_hidden_layers"] = json!(LAYERS);
    config["intermediate_size"] = json!(WIDE);
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    let mut add = |name: String, shape: Vec<u64>| {
        let from = end;
        end += 2 * shape.iter().product::<u64>();
        header.insert(name, json!({"dtype": "BF16", "shape": shape, "data_offsets": [from, end]}));
    };
    for (name, mut shape, _) in tensors(&source) {
        let Some(rest) = name.strip_prefix("model.layers.") else {
            add(name, shape);
            continue;
        };
        let Some(rest) = rest.strip_prefix("0.") else { continue };
        for extent in shape.iter_mut().filter(|extent| **extent == 128) {
            *extent = WIDE;
        }
        for layer in 0..LAYERS {
            add(format!("model.layers.{layer}.{rest}"), shape.clone());
        }
    }
    for entry in std::fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() && !name.contains("safetensors") {
            std::fs::copy(&path, folder.join(name)).unwrap();
        }
    }
    let vision = source.join("vit/clip_vit_large_patch14_336");
    std::fs::write(folder.join("reading-room.toml"), format!("vision = {vision:?}")).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let header = Value::Object(header).to_string();
    let mut file = File::create(folder.join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + end).unwrap();
    folder.to_owned()
}

#[test]
fn a_model_larger_than_the_memory_is_refused_with_numbers_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let spec = recognise(&giant(folder.path())).unwrap();
    assert!(spec.abilities.questions, "{:?}", spec.missing);
    let device = ComputeDevice::cpu();
    if device.info().memory_bytes.is_none() {
        println!("skipped: the system does not say how much memory there is");
        return;
    }
    let mut read = 0;
    let mut progress = |progress: reading_room::vlm::LoadProgress| {
        read = read.max(progress.bytes_done);
        ControlFlow::Continue(())
    };
    let error = match Vlm::load(&spec, device, PrecisionChoice::Auto, &mut progress) {
        Err(error @ ModelError::OutOfMemory { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was loaded"),
    };
    println!("{error}");
    for word in ["not enough memory", " GB in q4 (weights 125.8 GB, ", "free on this computer"] {
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
    assert_eq!(read, 0);
}

#[test]
fn a_device_says_what_it_is_and_has() {
    let cpu = ComputeDevice::cpu().info();
    assert_eq!(cpu.kind, ComputeKind::Cpu);
    assert_eq!(cpu.precisions, Precision::ALL);
    if cfg!(target_os = "linux") {
        let (all, free) = (cpu.memory_bytes.unwrap(), cpu.free_bytes.unwrap());
        assert!(free <= all && free > 100 << 20, "{free} of {all}");
    }
    for gpu in detect_gpus() {
        let (all, free, heap) = (gpu.memory_bytes, gpu.free_bytes, gpu.heap_bytes);
        println!("{}: {free:?} of {all:?} bytes free, the largest heap is {heap:?}", gpu.name);
        if gpu.backend == "Vulkan" {
            assert!(heap.is_some_and(|heap| heap > 100 << 20), "{heap:?}");
        }
        if gpu.is_software || gpu.is_integrated {
            assert_eq!(gpu.memory_bytes, cpu.memory_bytes);
        }
        if let (Some(all), Some(free)) = (gpu.memory_bytes, gpu.free_bytes) {
            assert!(free <= all);
        }
    }
}

#[test]
fn what_an_adapter_is_said_to_compute_in_is_what_it_computes_in() {
    let Ok(device) = choose_device(DeviceChoice::Gpu) else {
        println!("skipped: this machine has no Vulkan adapter, not even a software one");
        return;
    };
    let info = device.info();
    for precision in Precision::ALL {
        assert_eq!(info.supports(precision), device.supports(precision), "{precision:?}");
    }
}
