//! Networks by themselves, against tensors of the published code, on the CPU and on a Vulkan
//! adapter.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;
#[path = "support/shards.rs"]
mod shards;

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use models::{committed, distance, picture, read_json, shared_family};
use reading_room::nn::{QwenFeatures, QwenVit, QwenVitConfig};
use reading_room::vlm::{DeviceChoice, QwenImageProcessor, RgbPixels, choose_device};
use serde_json::{Value, json};
use shards::{Numbers, Shards};

const FAMILY: &str = "huatuo-qwen2.5vl-tiny";

/// The published numbers of the files, and the tower with its weights.
struct Qwen {
    processor: QwenImageProcessor,
    tower: QwenVit,
    device: Device,
}

fn config(family: &Path) -> QwenVitConfig {
    let json = read_json(&family.join("model/config.json"));
    serde_json::from_value(json["vision_config"].clone()).unwrap()
}

impl Qwen {
    fn open(family: &Path, device: &Device) -> Self {
        let json = read_json(&family.join("model/preprocessor_config.json"));
        let mut weights = Shards::open(&family.join("model"), device);
        let tower = QwenVit::init("visual.", &config(family), &mut weights).unwrap();
        assert!(weights.left("visual.").is_empty(), "{:?}", weights.left("visual."));
        let processor = QwenImageProcessor::from_json(&json).unwrap();
        Self { processor, tower, device: device.clone() }
    }

    fn forward(&self, patches: &[f32], grid: [usize; 2]) -> QwenFeatures {
        forward(&self.tower, patches, grid, &self.device)
    }
}

fn forward(tower: &QwenVit, patches: &[f32], grid: [usize; 2], device: &Device) -> QwenFeatures {
    let mut asked = 0;
    let seen = tower.forward(patches, grid, device, &mut || {
        asked += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(asked, tower.config().depth);
    let ControlFlow::Continue(features) = seen else { panic!("stopped") };
    features
}

fn numbers(parts: Vec<Tensor<2>>) -> Numbers {
    let whole = Tensor::cat(parts, 0);
    (whole.dims().to_vec(), whole.into_data().try_into_vec_as::<f32>().unwrap())
}

/// Every turn of a case: the pictures of all turns so far, as the reference computed them.
fn check_case(qwen: &Qwen, folder: &Path, within: f32) {
    let golden = shards::read(&folder.join("golden.safetensors"));
    let case = read_json(&folder.join("case.json"));
    for (index, turn) in case["turns"].as_array().unwrap().iter().enumerate() {
        let what = format!("{} turn {index}", folder.file_name().unwrap().display());
        let (mut values, mut grids) = (Vec::new(), Vec::new());
        let (mut pre_merger, mut merged) = (Vec::new(), Vec::new());
        for (number, path) in turn["all_images"].as_array().into_iter().flatten().enumerate() {
            let source = RgbPixels::from(&picture(&folder.join(path.as_str().unwrap())));
            let pixels = qwen.processor.pixels(&source).unwrap();
            let (shape, expected) = &golden[&format!("t{index}.resized_u8.{number}")];
            assert_eq!(shape, &[pixels.height, pixels.width, 3], "{what}");
            let found = pixels.pixels.iter().map(|sample| f32::from(*sample));
            assert!(found.eq(expected.iter().copied()), "{what}: picture {number} differs");
            let (patches, grid) = qwen.processor.values(&pixels);
            let features = qwen.forward(&patches, grid);
            pre_merger.push(features.pre_merger);
            merged.push(features.merged);
            grids.extend([1.0, grid[0] as f32, grid[1] as f32]);
            values.extend(patches);
        }
        if merged.is_empty() {
            continue;
        }
        assert_eq!(golden[&format!("t{index}.image_grid_thw")].1, grids, "{what}");
        let features = qwen.tower.config().patch_features();
        let values = (vec![values.len() / features, features], values);
        for (name, ours, within) in [
            ("pixel_values", values, 1e-6),
            ("pre_merger_window_order", numbers(pre_merger), within),
            ("projector_output", numbers(merged), within),
        ] {
            let Some(golden) = golden.get(&format!("t{index}.{name}")) else { continue };
            let error = distance(&ours, golden);
            println!("{what}: {name} {:?} differs by {error:e}", ours.0);
            assert!(error <= within, "{what}: {name} differs by {error}");
        }
    }
}

fn check_family(family: &Path, device: &Device, within: f32) {
    let qwen = Qwen::open(family, device);
    let entries = std::fs::read_dir(family.join("cases")).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().for_each(|folder| check_case(&qwen, folder, within));
}

#[test]
fn the_committed_pictures_give_the_published_features() {
    check_family(&committed(FAMILY), &Device::flex(), 1e-4);
}

#[test]
fn every_picture_gives_the_published_features() {
    if let Some(family) = shared_family(FAMILY) {
        check_family(&family, &Device::flex(), 1e-4);
    }
}

#[test]
fn pictures_give_the_published_features_on_a_vulkan_adapter() {
    let Ok(gpu) = choose_device(DeviceChoice::Gpu) else {
        println!("skipped: no Vulkan adapter");
        return;
    };
    println!("{}", gpu.label());
    check_family(&committed(FAMILY), &gpu.open(), 1e-3);
}

#[test]
fn pictures_are_resized_to_the_published_sizes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nets/smart_resize.json");
    let cases = read_json(&path);
    for case in cases.as_array().unwrap() {
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let processor = QwenImageProcessor::from_json(case).unwrap();
        let found = processor.smart_resize(number(&case["height"]), number(&case["width"]));
        let expected = (number(&case["out_hw"][0]), number(&case["out_hw"][1]));
        assert_eq!(found, Ok(expected), "{case}");
    }
    assert_eq!(cases.as_array().unwrap().len(), 42);
}

/// Neither equal nor alike from pixel to pixel.
fn speckled(width: usize, height: usize) -> RgbPixels {
    let pixels = (0..width * height * 3).map(|i| (i * i % 251 + i / 7 % 5) as u8).collect();
    RgbPixels { width, height, pixels }
}

#[test]
fn the_smallest_and_narrowest_pictures_are_enlarged_or_refused() {
    let qwen = Qwen::open(&committed(FAMILY), &Device::flex());
    for (width, height, grid) in
        [(1, 1, [4, 4]), (1, 199, [14, 2]), (199, 1, [2, 14]), (28, 28, [4, 4]), (1, 200, [14, 2])]
    {
        let pixels = qwen.processor.pixels(&speckled(width, height)).unwrap();
        let (patches, found) = qwen.processor.values(&pixels);
        assert_eq!(found, grid, "{width}×{height}");
        let (shape, features) = numbers(vec![qwen.forward(&patches, found).merged]);
        assert_eq!(shape[0], grid[0] * grid[1] / 4);
        assert!(features.iter().all(|value| value.is_finite()));
    }
    for (width, height) in [(3, 700), (700, 3), (1, 201), (0, 5), (5, 0), (0, 0)] {
        let refused = qwen.processor.pixels(&speckled(width, height)).unwrap_err();
        assert!(refused.contains(&format!("{width}×{height}")), "{refused}");
    }
}

#[test]
fn all_names_of_the_processor_s_numbers_are_read() {
    let read = |json: Value| QwenImageProcessor::from_json(&json);
    let sized = |min: usize, max: usize| {
        read(json!({"min_pixels": min, "max_pixels": max, "resample": 3})).unwrap()
    };
    assert_eq!(read(json!({})).unwrap(), QwenImageProcessor::default());
    assert_eq!(sized(3136, 1_003_520), QwenImageProcessor::default());
    let size = json!({"shortest_edge": 6272, "longest_edge": 151_200});
    assert_eq!(read(json!({"size": size})).unwrap(), sized(6272, 151_200));
    // the old keys count when both are there
    let both = json!({"size": size, "min_pixels": 3136, "max_pixels": null});
    assert_eq!(read(both).unwrap(), sized(3136, 151_200));
    assert_eq!(sized(3136, 12_845_056).with_max_pixels(151_200), sized(3136, 151_200));
    assert_eq!(sized(3136, 100_352).with_max_pixels(151_200), sized(3136, 100_352));
    let other = read(json!({"patch_size": 16, "merge_size": 3, "temporal_patch_size": 1})).unwrap();
    assert_eq!(other.smart_resize(100, 200), Ok((96, 192)));
    let (patches, grid) = other.values(&speckled(192, 96));
    assert_eq!((grid, patches.len()), ([6, 12], 192 * 96 * 3));
    // the second patch of the first cell starts sixteen columns further right
    let (flat, _) = read(json!({"patch_size": 16, "do_normalize": false, "rescale_factor": 1.0}))
        .unwrap()
        .values(&speckled(64, 32));
    let source = speckled(64, 32).pixels;
    assert_eq!(flat[16 * 16 * 3 * 2], f32::from(source[16 * 3]));
    for bad in [
        json!({"resample": 2}),
        json!({"patch_size": 0}),
        json!({"merge_size": -1}),
        json!({"temporal_patch_size": 1000}),
        json!({"min_pixels": 0}),
        json!({"min_pixels": 1_u64 << 40, "max_pixels": 1_u64 << 41}),
        json!({"max_pixels": 784}),
        json!({"size": {"shortest_edge": "many"}}),
        json!({"image_mean": [0.5]}),
        json!({"image_std": [0.5, 0.0, 0.5]}),
    ] {
        println!("{bad}: {}", read(bad.clone()).unwrap_err());
    }
    let as_it_is = read(json!({"do_resize": false})).unwrap();
    assert_eq!(as_it_is.pixels(&speckled(56, 84)), Ok(speckled(56, 84)));
    assert!(as_it_is.pixels(&speckled(57, 84)).unwrap_err().contains("57×84"));
}

#[test]
fn a_tower_s_numbers_are_read_by_all_their_names() {
    let read = |json: Value| serde_json::from_value::<QwenVitConfig>(json).unwrap();
    assert_eq!(read(json!({})), QwenVitConfig::default());
    let default = QwenVitConfig::default;
    assert_eq!(
        read(json!({"in_chans": 4, "spatial_patch_size": 16})),
        QwenVitConfig { in_channels: 4, patch_size: 16, ..default() }
    );
    let both = json!({"in_chans": 4, "in_channels": 3, "patch_size": 12, "spatial_patch_size": 9});
    assert_eq!(read(both), QwenVitConfig { patch_size: 12, ..default() });
    assert_eq!(default().check(), Ok(()));
    assert_eq!((default().head_dim(), default().window_cells()), (80, 4));
    assert_eq!(config(&committed(FAMILY)).fullatt_block_indexes, [1, 3]);
}

#[test]
fn impossible_towers_are_refused_with_the_number() {
    let good = || config(&committed(FAMILY));
    type Spoil = fn(&mut QwenVitConfig);
    let bad: [(Spoil, &str); 15] = [
        (|c| c.depth = 0, "depth"),
        (|c| c.hidden_size = 0, "hidden_size"),
        (|c| c.hidden_size = usize::MAX, "hidden_size"),
        (|c| c.intermediate_size = 0, "intermediate_size"),
        (|c| c.num_heads = 0, "num_heads"),
        (|c| c.num_heads = 3, "3 heads"),
        (|c| c.num_heads = 16, "heads of 2"),
        (|c| c.patch_size = 0, "patch_size"),
        (|c| c.temporal_patch_size = 0, "temporal_patch_size"),
        (|c| c.spatial_merge_size = 0, "spatial_merge_size"),
        (|c| c.spatial_merge_size = usize::MAX, "spatial_merge_size"),
        (|c| c.window_size = 0, "window_size"),
        (|c| c.window_size = 27, "window of 27 pixels"),
        (|c| c.out_hidden_size = 0, "out_hidden_size"),
        (|c| c.in_channels = 1, "three channels"),
    ];
    for (spoil, named) in bad {
        let mut config = good();
        spoil(&mut config);
        let mut weights = Shards::open(&committed(FAMILY).join("model"), &Device::flex());
        let error = QwenVit::init("visual.", &config, &mut weights).unwrap_err().to_string();
        println!("{error}");
        assert!(error.contains(named), "{error} does not say {named}");
    }
    let mut weights = Shards::open(&committed(FAMILY).join("model"), &Device::flex());
    let error = QwenVit::init("visual.", &QwenVitConfig { depth: 5, ..good() }, &mut weights);
    assert!(error.unwrap_err().to_string().contains("visual.blocks.4.norm1.weight"));
}

#[test]
fn a_stop_between_blocks_is_heard() {
    let qwen = Qwen::open(&committed(FAMILY), &Device::flex());
    let (patches, grid) = qwen.processor.values(&speckled(56, 56));
    let mut asked = 0;
    let seen = qwen.tower.forward(&patches, grid, &qwen.device, &mut || {
        asked += 1;
        if asked == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(seen.is_break());
    assert_eq!(asked, 3);
}

/// When all blocks see the whole picture windows change the order of computing and nothing
/// else: not where the scores are too many for one piece either.
#[test]
fn a_large_picture_is_computed_in_pieces_without_a_difference() {
    let family = committed(FAMILY);
    let device = Device::flex();
    let tower = |window_size: usize| {
        let one_block =
            QwenVitConfig { depth: 1, fullatt_block_indexes: vec![0], ..config(&family) };
        let config = QwenVitConfig { window_size, ..one_block };
        QwenVit::init("visual.", &config, &mut Shards::open(&family.join("model"), &device))
            .unwrap()
    };
    let processor = QwenImageProcessor::default();
    for (width, height) in [(28 * 11, 28 * 9), (28 * 46, 28 * 32)] {
        let (patches, grid) = processor.values(&speckled(width, height));
        let merged = |window: usize| {
            let seen = forward(&tower(window), &patches, grid, &device);
            numbers(vec![seen.merged])
        };
        let error = distance(&merged(112), &merged(1 << 20));
        println!("{grid:?}: order of computing makes a difference of {error:e}");
        assert!(error <= 1e-5, "{grid:?}: differs by {error}");
    }
}
