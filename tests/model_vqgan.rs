//! The codec of reconstructed pictures against the published one, on the CPU and on a Vulkan
//! adapter, and what it says of files that are not right.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;
#[path = "support/pickle.rs"]
mod pickle;
#[path = "support/shards.rs"]
mod shards;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use models::{Golden, committed, distance, ids, picture, read_golden, read_json, sha256, shared};
use pickle::{Stored, write_legacy, write_zip};
use reading_room::checkpoint::{Checkpoint, WeightFiles};
use reading_room::imaging::{Channels, DisplayImage, Similarity};
use reading_room::nn::{
    Codebook, DdConfig, Linear, MissingTensor, Table, TableValues, VqganConfig, VqganDecoder,
    VqganEncoder, WeightSource,
};
use reading_room::vlm::{
    Codec, ComputeDevice, Decoded, DeviceChoice, ModelError, RgbPixels, choose_device, detect_gpus,
    resize_lanczos,
};
use safetensors::Dtype;
use serde_json::Value;
use tempfile::TempDir;

const PLACE: &str = "taming_transformers/ckpt";

fn tiny() -> PathBuf {
    committed("vqgan-tiny")
}

/// A HealthGPT case among the shared data; prints when it is not there.
fn shared_case(name: &str) -> Option<PathBuf> {
    let folder = shared().map(|shared| shared.join("fixtures/healthgpt").join(name));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: no {name} (READING_ROOM_SHARED or ../shared is not there)");
    }
    folder
}

fn go_on() -> impl FnMut() -> ControlFlow<()> {
    || ControlFlow::Continue(())
}

fn try_load(folder: &Path) -> Result<Codec, ModelError> {
    Codec::load(folder, &ComputeDevice::cpu(), &mut |_| ControlFlow::Continue(()))
}

fn load(case: &Path, device: &ComputeDevice) -> Codec {
    let folder = Codec::find(case).unwrap();
    Codec::load(&folder, device, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Decode; as often as it says it must ask whether to go on.
fn decode(codec: &Codec, codes: &[u32]) -> Decoded {
    let codes: Vec<Option<u32>> = codes.iter().copied().map(Some).collect();
    let mut asked = 0;
    let mut between = || {
        asked += 1;
        ControlFlow::Continue(())
    };
    let ControlFlow::Continue(decoded) = codec.decode(&codes, &mut between).unwrap() else {
        panic!("stopped");
    };
    assert_eq!(asked, codec.decode_steps());
    decoded
}

fn encode(codec: &Codec, picture: &RgbPixels) -> Vec<u32> {
    let mut asked = 0;
    let mut between = || {
        asked += 1;
        ControlFlow::Continue(())
    };
    let ControlFlow::Continue(codes) = codec.encode(picture, &mut between).unwrap() else {
        panic!("stopped");
    };
    assert_eq!(asked, codec.encode_steps());
    codes
}

fn rgb(path: &Path) -> RgbPixels {
    RgbPixels::from(&picture(path))
}

/// Largest difference of two pictures' samples.
fn levels_between(a: &RgbPixels, b: &RgbPixels) -> u8 {
    assert_eq!((a.width, a.height, a.pixels.len()), (b.width, b.height, b.pixels.len()));
    a.pixels.iter().zip(&b.pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// A picture against golden values and the golden PNG.
fn check_picture(
    codec: &Codec,
    codes: &[u32],
    golden: &(Vec<usize>, Vec<f32>),
    within: f32,
) -> RgbPixels {
    let decoded = decode(codec, codes);
    let side = codec.side();
    let error = distance(&(vec![1, 3, side, side], decoded.values), golden);
    println!("{side} × {side} pixels differ by {error:e}");
    assert!(error <= within, "the picture differs by {error}");
    assert_eq!((decoded.picture.width, decoded.picture.height), (side, side));
    decoded.picture
}

/// Everything about the tiny codec that can be seen from outside.
fn check_tiny(case: &Path, device: &ComputeDevice, within: f32) {
    let json = read_json(&case.join("case.json"));
    let golden = read_golden(&case.join("goldens.safetensors"));
    let codec = load(case, device);
    assert_eq!(serde_json::json!(codec.grid()), json["grid"]);
    let indices = ids(&json["indices"]);
    let made = check_picture(&codec, &indices, &golden["decoded"], within);
    assert!(levels_between(&made, &rgb(&case.join("decoded.png"))) <= 1);
    let source = rgb(&case.join("image.png"));
    let side = codec.side();
    let seen = (vec![side * side, 3], codec.pixel_values(&source).unwrap());
    let error = distance(&seen, &rows(&golden["encode_input"]));
    println!("what the encoder sees differs by {error:e}");
    assert!(error <= 1e-6, "what the encoder sees differs by {error}");
    let codes = encode(&codec, &source);
    assert_eq!(codes, ids(&json["encode_indices"]));
    check_picture(&codec, &codes, &golden["reconstruction"], within);
}

/// `[1, channels, rows, columns]` as a row a pixel.
fn rows((shape, values): &(Vec<usize>, Vec<f32>)) -> (Vec<usize>, Vec<f32>) {
    let (channels, pixels) = (shape[1], shape[2] * shape[3]);
    let at = |pixel: usize, channel: usize| values[channel * pixels + pixel];
    let turned = (0..pixels).flat_map(|pixel| (0..channels).map(move |channel| at(pixel, channel)));
    (vec![pixels, channels], turned.collect())
}

#[test]
fn codes_become_the_published_picture_and_back() {
    let case = tiny();
    check_tiny(&case, &ComputeDevice::cpu(), 1e-4);
    let codec = load(&case, &ComputeDevice::cpu());
    assert_eq!((codec.side(), codec.num_codes(), codec.can_encode()), (40, 80, true));
    assert_eq!(codec.weights_sha256(), sha256(&case.join(PLACE).join("last.ckpt")));
}

#[test]
fn codes_of_a_generated_answer_become_the_published_picture() {
    let Some(case) = shared_case("m3-gen-tiny") else { return };
    let model = case.join("HealthGPT-M3");
    assert_eq!(Codec::find(&model), Codec::find(&case), "found beside the model's folder");
    let json = read_json(&case.join("case.json"));
    let golden = read_golden(&case.join("goldens.safetensors"));
    let codec = load(&model, &ComputeDevice::cpu());
    assert_eq!(codec.num_codes() as u64, json["vq_idx_nums"].as_u64().unwrap());
    let run: &Value = &json["runs"][0];
    let made = check_picture(&codec, &ids(&run["vq_indices"]), &golden["run0.decoded"], 1e-4);
    assert!(levels_between(&made, &rgb(&case.join("generated.png"))) <= 1);
}

#[test]
fn a_vulkan_adapter_gives_the_published_picture_and_codes() {
    let Some(gpu) = detect_gpus().into_iter().next() else {
        println!("skipped: no Vulkan adapter");
        return;
    };
    println!("{} ({})", gpu.name, gpu.backend);
    check_tiny(&tiny(), &choose_device(DeviceChoice::Gpu).unwrap(), 1e-3);
}

fn numbers(x: Tensor<2>) -> (Vec<usize>, Vec<f32>) {
    (x.dims().to_vec(), x.into_data().try_into_vec_as::<f32>().unwrap())
}

fn matrix((shape, values): (Vec<usize>, Vec<f32>)) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [shape[0], shape[1]]), &Device::flex())
}

#[test]
fn what_lies_between_is_what_the_published_networks_compute() {
    let case = tiny();
    let golden: Golden = read_golden(&case.join("goldens.safetensors"));
    let copy = as_safetensors(&case.join(PLACE), &|_| true);
    let config = Codec::config(copy.path()).unwrap();
    let mut weights = shards::Shards::open(copy.path(), &Device::flex());
    let codebook = Codebook::init(&config, &mut weights).unwrap();
    let decoder = VqganDecoder::init(&config, &mut weights).unwrap();
    let encoder = VqganEncoder::init(&config, &mut weights).unwrap();
    assert!(weights.left("").is_empty(), "{:?}", weights.left(""));
    let codes = ids(&read_json(&case.join("case.json"))["indices"]);
    let codes: Vec<Option<u32>> = codes.into_iter().map(Some).collect();
    let z_q = (vec![codes.len(), config.embed_dim], codebook.lookup(&codes));
    let post_quant = numbers(decoder.post_quant(matrix(z_q.clone())));
    let pixels = matrix(rows(&golden["encode_input"]));
    let ControlFlow::Continue(x) = encoder.forward(pixels, &mut go_on()) else { panic!("stopped") };
    let (prequant, logits) = (numbers(x.clone()), numbers(encoder.logits(x)));
    for (name, ours) in [
        ("z_q", z_q),
        ("post_quant", post_quant),
        ("prequant", prequant),
        ("encode_logits", logits),
    ] {
        let error = distance(&ours, &rows(&golden[name]));
        println!("{name} differs by {error:e}");
        assert!(error <= 1e-4, "{name} differs by {error}");
    }
}

/// The codec's folder again, its tensors in SafeTensors: those wanted, and nothing of training.
fn as_safetensors(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("model.yaml"), copy.path().join("model.yaml")).unwrap();
    let stored = stored(&folder.join("last.ckpt"));
    let kept: Vec<_> =
        stored.iter().filter(|(name, _)| !name.starts_with("loss.") && wanted(name)).collect();
    let views = kept.iter().map(|(name, stored)| {
        let shape = stored.shape.clone();
        (name, safetensors::tensor::TensorView::new(stored.dtype, shape, &stored.bytes).unwrap())
    });
    let path = copy.path().join("last.safetensors");
    safetensors::serialize_to_file(views, None, &path).unwrap();
    copy
}

fn open(path: &Path) -> Checkpoint {
    let files = WeightFiles { present: vec![path.to_owned()], missing: Vec::new() };
    Checkpoint::open(path.parent().unwrap(), &files).unwrap()
}

/// All tensors of a checkpoint, as stored.
fn stored(path: &Path) -> BTreeMap<String, Stored> {
    let checkpoint = open(path);
    let read = |name: &String| {
        let tensor = checkpoint.read_tensor(name).unwrap().unwrap();
        (name.clone(), Stored { dtype: Dtype::F32, shape: tensor.shape, bytes: tensor.bytes })
    };
    checkpoint.tensors().keys().map(read).collect()
}

#[test]
fn files_of_every_kind_give_the_same_picture() {
    let folder = tiny().join(PLACE);
    let codes: Vec<u32> = (0..25).map(|place| place * 3).collect();
    let expected = decode(&try_load(&folder).unwrap(), &codes);
    let safe = as_safetensors(&folder, &|_| true);
    let tensors = stored(&folder.join("last.ckpt"));
    let (legacy, zip) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_legacy(&legacy.path().join("last.ckpt"), &tensors);
    write_zip(&zip.path().join("codec.ckpt"), &tensors, None);
    for copy in [&legacy, &zip] {
        std::fs::copy(folder.join("model.yaml"), copy.path().join("model.yaml")).unwrap();
    }
    for copy in [safe, legacy, zip] {
        assert_eq!(decode(&try_load(copy.path()).unwrap(), &codes), expected);
    }
}

#[test]
fn old_files_with_foreign_objects_are_read() {
    let folder = tiny().join(PLACE);
    let (old, new) =
        (stored(&folder.join("legacy_subset.ckpt")), stored(&folder.join("last.ckpt")));
    assert!(old.len() > 5, "{:?}", old.keys());
    for (name, stored) in &old {
        assert_eq!((&stored.shape, &stored.bytes), (&new[name].shape, &new[name].bytes), "{name}");
    }
}

/// A zip file in which one key is a class, as Lightning 1.0 writes them for its callbacks.
fn write_zip_with_class_key(path: &Path, tensors: &BTreeMap<String, Stored>) {
    let class = b"cpytorch_lightning.callbacks.model_checkpoint\nModelCheckpoint\n";
    let name = "z".repeat(class.len() - 5);
    let mut tensors = tensors.clone();
    tensors.insert(name.clone(), tensors["post_quant_conv.bias"].clone());
    write_zip(path, &tensors, None);
    let mut bytes = std::fs::read(path).unwrap();
    let find = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|at| at == part);
    let key = find(&bytes, name.as_bytes()).unwrap() - 5;
    bytes[key..key + class.len()].copy_from_slice(class);
    // a checksum of 0 is none
    let directory = find(&bytes, b"PK\x01\x02").unwrap();
    bytes[directory + 16..directory + 20].fill(0);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn zip_files_with_classes_for_keys_are_read() {
    let folder = tiny().join(PLACE);
    let tensors = stored(&folder.join("last.ckpt"));
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("last.ckpt");
    write_zip_with_class_key(&path, &tensors);
    let checkpoint = open(&path);
    let ignored = checkpoint.ignored_objects().join(" ");
    assert!(ignored.contains("model_checkpoint.ModelCheckpoint"), "{ignored:?}");
    drop(checkpoint);
    let found = stored(&path);
    assert!(found.keys().eq(tensors.keys()));
    for (name, tensor) in &tensors {
        let found = &found[name];
        assert_eq!((&tensor.shape, &tensor.bytes), (&found.shape, &found.bytes), "{name}");
    }
    std::fs::copy(folder.join("model.yaml"), copy.path().join("model.yaml")).unwrap();
    let codes: Vec<u32> = (0..25).collect();
    let expected = decode(&try_load(&folder).unwrap(), &codes);
    assert_eq!(decode(&try_load(copy.path()).unwrap(), &codes), expected);
}

#[test]
fn turned_views_beside_foreign_objects_are_read_row_by_row() {
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("last.ckpt");
    let tensors = stored(&tiny().join(PLACE).join("last.ckpt"));
    write_zip_with_class_key(&path, &tensors);
    let tuple = |numbers: [i32; 4]| {
        let numbers = numbers.iter().flat_map(|number| [vec![b'J'], number.to_le_bytes().to_vec()]);
        [b"(".to_vec(), numbers.flatten().collect(), b"t".to_vec()].concat()
    };
    let (name, [rows, columns]) = ("quantize.proj.weight", [80, 16]);
    let described = [tuple([80, 16, 1, 1]), tuple([16, 1, 1, 1])].concat();
    let turned = [tuple([16, 80, 1, 1]), tuple([1, 16, 1, 1])].concat();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(described.len()).position(|at| at == described).unwrap();
    bytes[at..at + turned.len()].copy_from_slice(&turned);
    std::fs::write(&path, bytes).unwrap();
    let (original, found) = (&tensors[name], &stored(&path)[name]);
    assert_eq!(found.shape, [columns, rows, 1, 1]);
    let number = |bytes: &[u8], at: usize| bytes[at * 4..at * 4 + 4].to_vec();
    for index in 0..rows * columns {
        let (column, row) = (index / rows, index % rows);
        assert_eq!(number(&found.bytes, index), number(&original.bytes, row * columns + column));
    }
}

#[test]
fn damaged_files_with_foreign_objects_do_no_harm() {
    let folder = tiny().join(PLACE);
    let copy = tempfile::tempdir().unwrap();
    let zip = copy.path().join("zip.ckpt");
    let few = stored(&folder.join("legacy_subset.ckpt"));
    write_zip_with_class_key(&zip, &few);
    let mut noise = Noise(7);
    let (mut opened, mut refused) = (0, 0);
    for original in [zip, folder.join("legacy_subset.ckpt")] {
        let bytes = std::fs::read(&original).unwrap();
        for _ in 0..400 {
            let mut bytes = bytes.clone();
            let part = |share: f32, len: usize| ((share + 1.0) * 0.5 * (len - 1) as f32) as usize;
            let [place, value, whole, keep] = noise.numbers(4, 1.0).try_into().unwrap();
            // most damage to where the objects are described
            let reach = if whole < 0.8 { 3000 } else { bytes.len() };
            bytes[part(place, reach)] = part(value, 256) as u8;
            if keep > 0.9 {
                bytes.truncate(part(place, bytes.len()));
            }
            let path = copy.path().join("damaged.ckpt");
            std::fs::write(&path, bytes).unwrap();
            let files = WeightFiles { present: vec![path.clone()], missing: Vec::new() };
            match Checkpoint::open(copy.path(), &files) {
                Err(_) => refused += 1,
                Ok(checkpoint) => {
                    opened += 1;
                    for name in checkpoint.tensors().keys() {
                        drop(checkpoint.read_tensor(name));
                    }
                }
            }
        }
    }
    println!("{opened} opened, {refused} refused");
    assert!(opened > 0 && refused > 0);
}

#[test]
fn a_file_without_an_encoder_decodes() {
    let folder = tiny().join(PLACE);
    let names = |name: &str| !name.starts_with("encoder.") && !name.starts_with("quant_conv.");
    let copy = as_safetensors(&folder, &names);
    let codec = try_load(copy.path()).unwrap();
    assert!(!codec.can_encode());
    assert_eq!(codec.encode_steps(), 0);
    let codes: Vec<u32> = (0..25).collect();
    assert_eq!(decode(&codec, &codes), decode(&try_load(&folder).unwrap(), &codes));
    let error = codec.encode(&rgb(&tiny().join("image.png")), &mut go_on()).unwrap_err();
    assert!(error.to_string().contains("no encoder"), "{error}");
}

#[test]
fn places_without_a_code_are_neutral() {
    let codec = load(&tiny(), &ComputeDevice::cpu());
    let shown = |codes: &[Option<u32>]| match codec.decode(codes, &mut go_on()).unwrap() {
        ControlFlow::Continue(decoded) => decoded,
        ControlFlow::Break(()) => panic!("stopped"),
    };
    let empty = shown(&[None; 25]);
    let mut codes = [None; 25];
    codes[0] = Some(7);
    let begun = shown(&codes);
    assert_ne!(empty.picture, begun.picture);
    assert!(empty.values.iter().all(|value| value.is_finite()));
}

#[test]
fn work_stops_when_asked_to() {
    let codec = load(&tiny(), &ComputeDevice::cpu());
    let mut asked = 0;
    let mut third = || {
        asked += 1;
        if asked == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert!(codec.decode(&[None; 25], &mut third).unwrap().is_break());
    assert_eq!(asked, 3);
    let picture = rgb(&tiny().join("image.png"));
    assert!(codec.encode(&picture, &mut || ControlFlow::Break(())).unwrap().is_break());
    let folder = tiny().join(PLACE);
    let cancelled = Codec::load(&folder, &ComputeDevice::cpu(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(ModelError::Cancelled)));
}

fn says(error: &ModelError, parts: &[&str]) {
    let message = error.to_string();
    println!("{message}");
    assert!(!message.contains('\n'), "{message}");
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

fn refused(folder: &Path, parts: &[&str]) {
    match try_load(folder) {
        Ok(_) => panic!("it was loaded"),
        Err(error) => says(&error, parts),
    }
}

#[test]
fn codes_that_are_no_grid_are_refused() {
    let codec = load(&tiny(), &ComputeDevice::cpu());
    let refused = |codes: &[Option<u32>]| codec.decode(codes, &mut go_on()).unwrap_err();
    says(&refused(&[Some(0); 24]), &["24 codes", "5 × 5"]);
    says(&refused(&[Some(80); 25]), &["code 80", "codebook of 80"]);
    let nothing = RgbPixels { width: 3, height: 0, pixels: Vec::new() };
    says(&codec.encode(&nothing, &mut go_on()).unwrap_err(), &["no pixels"]);
}

#[test]
fn what_is_missing_is_named() {
    let folder = tiny().join(PLACE);
    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), &["model.yaml", "last.ckpt"]);
    assert_eq!(Codec::find(empty.path()), None);
    std::fs::copy(folder.join("model.yaml"), empty.path().join("model.yaml")).unwrap();
    assert_eq!(Codec::missing(empty.path()), ["last.ckpt"]);
    refused(empty.path(), &["last.ckpt"]);
    for name in [
        "quantize.embed.weight",
        "post_quant_conv.bias",
        "decoder.up.3.upsample.conv.weight",
        "decoder.mid.attn_1.proj_out.weight",
        "encoder.down.0.downsample.conv.bias",
        "quantize.proj.weight",
    ] {
        let copy = as_safetensors(&folder, &|other| other != name);
        refused(copy.path(), &["missing", name]);
    }
    std::fs::copy(folder.join("legacy_subset.ckpt"), empty.path().join("last.ckpt")).unwrap();
    refused(empty.path(), &["missing: decoder.", "more"]);
    let cut = std::fs::read(folder.join("last.ckpt")).unwrap();
    std::fs::write(empty.path().join("last.ckpt"), &cut[..cut.len() / 2]).unwrap();
    refused(empty.path(), &["damaged"]);
}

/// The codec's folder with a line of `model.yaml` replaced.
fn edited(from: &str, to: &str) -> TempDir {
    let folder = tiny().join(PLACE);
    let copy = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(folder.join("model.yaml")).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(copy.path().join("model.yaml"), text.replacen(from, to, 1)).unwrap();
    std::fs::copy(folder.join("last.ckpt"), copy.path().join("last.ckpt")).unwrap();
    copy
}

#[test]
fn numbers_that_are_no_network_are_named() {
    for (from, to, parts) in [
        ("embed_dim: 16", "embed_dim: 0", &["model.yaml", "embed_dim is 0"][..]),
        ("embed_dim: 16", "width: 16", &["model.yaml", "embed_dim"]),
        ("n_embed: 80", "n_embed: -80", &["model.yaml", "n_embed", "-80"]),
        ("n_embed: 80", "n_embed: many", &["model.yaml", "n_embed", "many"]),
        ("resolution: 40", "resolution: 41", &["resolution is 41", "4 levels"]),
        ("resolution: 40", "resolution: 99999", &["resolution is 99999"]),
        (" ch: 32", " ch: 33", &["ch is 33", "32 groups"]),
        ("in_channels: 3", "in_channels: 1", &["in_channels is 1"]),
        ("out_ch: 3", "out_ch: 4", &["out_ch is 4"]),
        ("num_res_blocks: 1", "num_res_blocks: 0", &["num_res_blocks is 0"]),
        ("double_z: false", "double_z: true", &["double_z"]),
        ("double_z: false", "resamp_with_conv: false", &["double_z"]),
        ("- 2\n", "- 0\n", &["ch_mult is 0"]),
        ("model:", "model: [", &["model.yaml"]),
        // a network, but not that of the file
        ("n_embed: 80", "n_embed: 81", &["wrong shape", "quantize.embed.weight", "[80, 16]"]),
        ("- 2\n", "- 1\n", &["wrong shape", "decoder.conv_in.weight", "unused", "nin_shortcut"]),
        ("num_res_blocks: 1", "num_res_blocks: 2", &["missing", "decoder.up.0.block.2"]),
        ("      - 10\n", "", &["unused", "decoder.up.2.attn.0"]),
    ] {
        refused(edited(from, to).path(), parts);
    }
    let bomb = format!("a: &a [{}]\nmodel: *a\n", "[".repeat(5000));
    let copy = edited("model:", "model:");
    std::fs::write(copy.path().join("model.yaml"), bomb).unwrap();
    refused(copy.path(), &["model.yaml"]);
}

#[test]
fn lists_on_one_line_are_read_too() {
    let copy = edited(
        "      ch_mult:\n      - 1\n      - 1\n      - 1\n      - 2\n",
        "      ch_mult: [1, 1, 1, 2]\n",
    );
    assert_eq!(Codec::config(copy.path()).unwrap(), Codec::config(&tiny().join(PLACE)).unwrap());
}

/// SHA-256 of what Pillow 12.3 gives: `Image.open(…).convert("RGB").resize(size, LANCZOS)`.
#[test]
fn pictures_are_resized_as_pillow_does() {
    for (name, width, height, expected) in [
        (
            "ultrasound_rgb",
            256,
            256,
            "e56d165b09d4d2fc5a86b2ca24e1bdc9f1b1f3687bf1957684a567416967ae5b",
        ),
        (
            "ct_landscape_gray",
            256,
            256,
            "c26afa51bdf5f1830a2f7e71e0d8d33e319c66153bd39058c58f789be13c2ba2",
        ),
        (
            "ct_square_gray",
            40,
            300,
            "97de186f2e181ceee10051c90fc721e3effe1ebad01d186823b2abe6ceefcafb",
        ),
        (
            "ultrasound_rgb",
            97,
            31,
            "81eeb3d5f6a3e2fd572fc0b1e880aa32fb0e6f1a9596ff706d82fdb5f4687384",
        ),
    ] {
        let picture = rgb(&committed("images").join(format!("{name}.png")));
        let resized = resize_lanczos(&picture, width, height);
        assert_eq!((resized.width, resized.height), (width, height));
        assert_eq!(models::sha256_of(&resized.pixels), expected, "{name} {width} × {height}");
    }
}

fn display(pixels: RgbPixels) -> DisplayImage {
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    DisplayImage { width, height, channels: Channels::Rgb, pixels: pixels.pixels }
}

/// scikit-image 0.26.0 on numpy 2.4.6: `peak_signal_noise_ratio(a, b, data_range=255)` and
/// `structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
/// data_range=255, channel_axis=-1)`, both pictures in RGB.
#[test]
fn differences_are_those_of_scikit_image() {
    let images = committed("images");
    let open = |name: &str| picture(&images.join(name));
    let (square, wide) = (open("ct_square_gray.png"), open("ct_landscape_gray.png"));
    let sound = open("ultrasound_rgb.png");
    let made = picture(&tiny().join("decoded.png"));
    let source = display(resize_lanczos(&rgb(&tiny().join("image.png")), 40, 40));
    for (a, b, [mae, psnr_db, ssim]) in [
        (
            square.crop(0, 0, 96, 91).unwrap(),
            wide.crop(0, 0, 96, 91).unwrap(),
            [57.13415750915751, 10.106588887406488, 0.12935947011643611],
        ),
        (
            sound.crop(0, 0, 130, 98).unwrap(),
            sound.crop(3, 2, 130, 98).unwrap(),
            [26.926190476190477, 14.576967384418943, 0.24351514501282087],
        ),
        (made, source, [63.79375, 10.062521717701937, 0.024987830782866007]),
    ] {
        let found = Similarity::between(&a, &b).unwrap();
        println!("{found:?}");
        let close =
            |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-9, "{ours} {theirs}");
        close(found.mae, mae);
        close(found.psnr_db.unwrap(), psnr_db);
        close(found.ssim.unwrap(), ssim);
    }
    let same = Similarity::between(&sound, &sound).unwrap();
    assert_eq!((same.mae, same.psnr_db), (0.0, None));
    assert!((same.ssim.unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(serde_json::to_value(same).unwrap()["psnr_db"], Value::Null);
    assert_eq!(Similarity::between(&square, &wide), None);
    let small = sound.crop(0, 0, 10, 40).unwrap();
    assert_eq!(Similarity::between(&small, &small).unwrap().ssim, None);
}

/// Numbers strung together by chance, small enough that values neither vanish nor explode.
struct Noise(u32);

impl Noise {
    fn numbers(&mut self, len: usize, size: f32) -> Vec<f32> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0) * size
        };
        (0..len).map(|_| next()).collect()
    }
}

impl WeightSource for Noise {
    fn device(&self) -> Device {
        Device::flex()
    }

    fn linear(
        &mut self,
        _name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let size = (3.0 / inputs as f32).sqrt();
        let weight = TensorData::new(self.numbers(outputs * inputs, size), [outputs, inputs]);
        let bias = has_bias.then(|| Tensor::zeros([outputs], &self.device()));
        Ok(Linear::dense(vec![Tensor::from_data(weight, &self.device())], bias))
    }

    fn vector(&mut self, _name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        Ok(Tensor::ones([shape.iter().product::<usize>()], &self.device()))
    }

    fn table(&mut self, _name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        Ok(Table::new(TableValues::F32(self.numbers(rows * columns, 1.0)), columns))
    }
}

#[test]
fn other_shapes_of_the_network_run() {
    let dd = |resolution, ch_mult: &[usize], attn: &[usize]| DdConfig {
        resolution,
        ch: 32,
        ch_mult: ch_mult.to_vec(),
        attn_resolutions: attn.to_vec(),
        z_channels: 8,
        num_res_blocks: 2,
        ..VqganConfig::openimages_f8().ddconfig
    };
    for (ddconfig, embed_dim, grid) in [
        (dd(28, &[1, 2, 2], &[7, 14]), 8, 7),
        (dd(12, &[2], &[]), 8, 12),
        (dd(16, &[3, 1], &[16]), 8, 8),
        (dd(16, &[1, 1], &[]), 12, 8),
    ] {
        let config = VqganConfig { embed_dim, n_embed: 40, ddconfig };
        let codec = Codec::init(config, &ComputeDevice::cpu(), &mut Noise(1)).unwrap();
        assert_eq!(codec.grid(), [grid; 2]);
        // a quantiser for one width that sees another gives no codes, in the published code too
        assert_eq!(codec.can_encode(), embed_dim == 8);
        let decoded = decode(&codec, &vec![3; grid * grid]);
        assert_eq!(decoded.picture.width, codec.side());
        if codec.can_encode() {
            assert_eq!(encode(&codec, &decoded.picture).len(), grid * grid);
        }
    }
}

#[test]
#[ignore = "minutes where nothing is optimised; for figures"]
fn a_picture_of_the_published_size_takes_seconds() {
    let config = VqganConfig::openimages_f8();
    let codec = Codec::init(config, &ComputeDevice::cpu(), &mut Noise(1)).unwrap();
    assert_eq!((codec.grid(), codec.side(), codec.num_codes()), ([32, 32], 256, 8192));
    let codes: Vec<u32> = (0..1024).map(|place| place * 7 % 8192).collect();
    for _ in 0..3 {
        let started = Instant::now();
        let decoded = decode(&codec, &codes);
        println!("decoded in {:.2} s", started.elapsed().as_secs_f64());
        let started = Instant::now();
        encode(&codec, &decoded.picture);
        println!("encoded in {:.2} s", started.elapsed().as_secs_f64());
    }
}
