//! Weights in blocks on the CPU: every family answers from them, close to its answers in f32.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/healthgpt.rs"]
mod healthgpt;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use healthgpt::{HealthCase, with_room};
use models::{ask, cases, committed, copy_folder};
use reading_room::nn::{BLOCK, Block, BlockFormat, HostArena, HostMatrix, pack_rows};
use reading_room::vlm::{
    ComputeDevice, LoadOptions, LoadProgress, ModelError, Precision, PrecisionChoice, Question,
    Task, Trace, TraceTensor, Vlm, WeightsCache, recognise,
};

/// A model of this tree and a question about a picture.
fn questions() -> Vec<(PathBuf, Question)> {
    let mut all = Vec::new();
    for family in
        ["huatuo-7b-tiny", "llava-med-v1.5-tiny", "llava-med-v1-tiny", "huatuo-qwen2.5vl-tiny"]
    {
        let cases = cases(&committed(family));
        let with_picture = |case: &&models::Case| !case.question(0).images.is_empty();
        let case = cases.iter().find(with_picture).unwrap();
        all.push((committed(family).join("model"), case.question(0)));
        if family == "llava-med-v1-tiny" {
            all.push((committed(family).join("delta"), case.question(0)));
        }
    }
    for family in ["m3-com-tiny", "l14-com-tiny", "xl32-com-tiny", "m3-gen-tiny"] {
        let case = HealthCase::read(&committed(family));
        let run = case.runs().iter().find(|run| run["image"].is_string()).unwrap();
        all.push((case.model(), case.question(run)));
    }
    all
}

/// A question about a picture to one of these models.
fn question_to(model: &str) -> (PathBuf, Question) {
    questions().into_iter().find(|(path, _)| path.ends_with(model)).unwrap()
}

fn load_in(model: &Path, precision: Precision) -> Vlm {
    let (spec, device) = (recognise(model).unwrap(), ComputeDevice::cpu());
    let precision = PrecisionChoice::Exactly(precision);
    Vlm::load(&spec, device, precision, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Features of the picture and the scores after the prompt.
struct Traced {
    features: Vec<f32>,
    projected: Vec<f32>,
    logits: Vec<f32>,
}

fn traced(vlm: &mut Vlm, question: &Question) -> Traced {
    let mut trace = Trace::default();
    match question.task {
        Task::Question => {
            ask(vlm, question, Some(&mut trace));
        }
        Task::Reconstruction => {
            let go_on = &mut |_| ControlFlow::Continue(());
            vlm.reconstruct(question, true, go_on, Some(&mut trace)).unwrap();
        }
    }
    let values = |tensor: TraceTensor| tensor.unwrap().1;
    Traced {
        features: values(trace.vision_features),
        projected: values(trace.projected),
        logits: values(trace.prefill_logits),
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Spread of the differences in units of the spread of the scores.
fn deviation(scores: &[f32], exact: &[f32]) -> f64 {
    assert_eq!(scores.len(), exact.len());
    let spread = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let difference = scores.iter().zip(exact).map(|(a, b)| f64::from(a - b));
    spread(&mut difference.into_iter()) / spread(&mut exact.iter().map(|value| f64::from(*value)))
}

#[test]
fn every_family_answers_from_blocks_close_to_its_answers_in_f32() {
    with_room(|| {
        for (model, question) in questions() {
            let exact = traced(&mut load_in(&model, Precision::F32), &question);
            for (precision, bound) in [(Precision::Q8, 0.12), (Precision::Q4, 1.2)] {
                let mut vlm = load_in(&model, precision);
                assert_eq!(vlm.info().precision, precision.as_str());
                let quantised = traced(&mut vlm, &question);
                let features = cosine(&quantised.features, &exact.features);
                let projected = cosine(&quantised.projected, &exact.projected);
                let off = deviation(&quantised.logits, &exact.logits);
                let name = model.strip_prefix(committed("")).unwrap().display();
                println!("{}", told_of_tower(&vlm).map_or("", String::as_str));
                println!(
                    "{name} {}: features {features:.7}, projected {projected:.7}, scores off by {off:.4} of their spread",
                    precision.as_str()
                );
                assert!(features >= 0.9999 && projected >= 0.9999, "{features} {projected}");
                assert!(off < bound, "{off}");
            }
        }
    });
}

/// Numbers between about −1 and 1.
fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next() * next()).collect()
}

#[test]
fn a_packed_matrix_holds_the_blocks_of_its_rows() {
    // panels, blocks and groups of blocks that are not full
    for (rows, columns) in [(1, 1), (16, 32), (17, 33), (40, 588), (33, 128), (5, 320)] {
        let values = noise(rows * columns);
        for format in [BlockFormat::Q14, BlockFormat::Q8, BlockFormat::Q4] {
            let len = HostMatrix::bytes_of(format, rows, columns);
            let mut bytes = HostArena::default().take(len).unwrap();
            let row = |row: usize, out: &mut [f32]| {
                out.copy_from_slice(&values[row * columns..][..columns]);
            };
            pack_rows(format, rows, columns, &row, &mut bytes);
            let matrix = HostMatrix::from_bytes(format, rows, columns, bytes).unwrap();
            assert!(matrix.is_finite());
            for (at, row) in values.chunks(columns).enumerate() {
                for (block, numbers) in row.chunks(BLOCK).enumerate() {
                    let mut whole = [0.0; BLOCK];
                    whole[..numbers.len()].copy_from_slice(numbers);
                    let expected = Block::quantise(format, &whole).values(format);
                    assert_eq!(matrix.block_values(at, block), expected, "{format:?} {at} {block}");
                    let largest = whole.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                    let bound = match format {
                        BlockFormat::Q14 => largest / 8000.0,
                        BlockFormat::Q8 => largest / 126.0,
                        BlockFormat::Q4 => largest / 5.0,
                    };
                    let off = whole.iter().zip(expected).map(|(a, b)| (a - b).abs());
                    assert!(off.fold(0.0_f32, f32::max) <= bound, "{format:?}");
                }
            }
        }
    }
}

/// What was said of the vision tower.
fn told_of_tower(vlm: &Vlm) -> Option<&String> {
    vlm.info().notes.iter().find(|note| note.contains("vision tower"))
}

/// In a copy of a model, multiply some numbers of the tower's blocks: `factor` gives by what, for
/// the rest of a tensor's name and the column.
fn change_blocks(model: &Path, factor: &dyn Fn(&str, usize) -> f32) {
    for entry in std::fs::read_dir(model).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "safetensors") {
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        for name in metadata.offset_keys() {
            let info = metadata.info(&name).unwrap();
            let Some((_, rest)) = name.split_once("vision_model.encoder.layers.") else { continue };
            let ((from, to), columns) = (info.data_offsets, info.shape.last().copied().unwrap());
            let numbers = bytes[8 + header + from..8 + header + to].chunks_mut(2);
            for (at, number) in numbers.enumerate() {
                let value = half::bf16::from_le_bytes([number[0], number[1]]).to_f32();
                let changed = half::bf16::from_f32(value * factor(rest, at % columns));
                number.copy_from_slice(&changed.to_le_bytes());
            }
        }
        std::fs::write(&path, bytes).unwrap();
    }
}

/// What a block adds, made small beside what it is added to.
fn calm(name: &str, _column: usize) -> f32 {
    if name.contains("fc2.") || name.contains("out_proj.") { 0.125 } else { 1.0 }
}

/// One number in every block of inputs of the feed-forward part 32 times as large, and as much
/// smaller before: the same tower, and none for eight bits.
fn with_outliers(name: &str, column: usize) -> f32 {
    match name {
        _ if !column.is_multiple_of(BLOCK) => 1.0,
        _ if name.ends_with("mlp.fc1.weight") => 32.0,
        _ if name.contains("layer_norm2.") => 1.0 / 32.0,
        _ => 1.0,
    }
}

#[test]
fn a_tower_takes_eight_bits_where_they_do_no_harm() {
    let question = question_to("llava-med-v1.5-tiny/model").1;
    for (change, in_8_bits) in
        [(&calm as &dyn Fn(&str, usize) -> f32, true), (&with_outliers, false)]
    {
        let (copy, _folder, cache) = copy_and_cache("llava-med-v1.5-tiny");
        let model = copy.path().join("model");
        change_blocks(&model, change);
        let mut first = load_kept(&model, Precision::Q8, &cache);
        let told = told_of_tower(&first).unwrap().clone();
        println!("{told}, {} bytes kept", cache.bytes());
        assert_eq!(told.starts_with("the vision tower is in 8 bits"), in_8_bits, "{told}");
        assert_eq!(told.starts_with("the vision tower stays in 14 bits"), !in_8_bits, "{told}");
        // the second start knows it
        let mut again = load_kept(&model, Precision::Q8, &cache);
        assert_eq!(told_of_tower(&again), Some(&told));
        let mut in_f32 = load_in(&model, Precision::F32);
        assert_eq!(told_of_tower(&in_f32), None);
        let exact = traced(&mut in_f32, &question);
        for vlm in [&mut first, &mut again] {
            let features = cosine(&traced(vlm, &question).features, &exact.features);
            let bound = if in_8_bits { 0.9999 } else { 0.99999 };
            assert!(features > bound, "{features}");
            assert!(!in_8_bits || features < 0.999_999_9, "{features}");
        }
    }
}

fn load_kept(model: &Path, precision: Precision, cache: &WeightsCache) -> Vlm {
    let mut vlm = try_kept(model, precision, cache, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(vlm.finish_keeping(), None);
    vlm
}

fn try_kept(
    model: &Path,
    precision: Precision,
    cache: &WeightsCache,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<Vlm, ModelError> {
    let precision = PrecisionChoice::Exactly(precision);
    let options = LoadOptions { precision, cache: Some(cache.clone()), ..LoadOptions::default() };
    Vlm::load_with(&options, &recognise(model)?, ComputeDevice::cpu(), progress)
}

/// A copy of a model that may be changed, and a folder for kept weights that is not there yet.
fn copy_and_cache(family: &str) -> (tempfile::TempDir, tempfile::TempDir, WeightsCache) {
    let (copy, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_folder(&committed(family), copy.path(), &|_| true);
    let cache = WeightsCache::in_folder(folder.path().join("weights"));
    (copy, folder, cache)
}

fn files(cache: &WeightsCache) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cache.folder()).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The one file, and the time of its last change.
fn kept(cache: &WeightsCache) -> PathBuf {
    let [file] = files(cache).try_into().unwrap();
    file
}

fn notes_on_cache(vlm: &Vlm) -> Vec<String> {
    let is_one = |note: &&String| note.contains("kept");
    vlm.info().notes.iter().filter(is_one).cloned().collect()
}

#[test]
fn kept_weights_give_the_same_answers_bit_for_bit() {
    with_room(|| {
        for (model, question) in questions() {
            let folder = tempfile::tempdir().unwrap();
            let cache = WeightsCache::in_folder(folder.path().to_owned());
            let mut first = load_kept(&model, Precision::Q4, &cache);
            let file = kept(&cache);
            let made = std::fs::read(&file).unwrap();
            assert_eq!(cache.bytes(), made.len() as u64);
            let mut second = load_kept(&model, Precision::Q4, &cache);
            assert_eq!(notes_on_cache(&second), Vec::<String>::new());
            assert_eq!(std::fs::read(kept(&cache)).unwrap(), made, "it was made anew");
            assert_eq!(first.info(), second.info());
            let question = Question { max_new_tokens: 8, ..question };
            let (a, b) = (traced(&mut first, &question), traced(&mut second, &question));
            assert_eq!((a.features, a.projected, a.logits), (b.features, b.projected, b.logits));
            if question.task == Task::Question {
                let (a, b) = (ask(&mut first, &question, None), ask(&mut second, &question, None));
                assert_eq!(a.output_ids, b.output_ids);
            }
            println!("{}: {} bytes kept", file.display(), made.len());
        }
    });
}

#[test]
fn kept_weights_that_are_damaged_are_made_anew() {
    let (model, _) = question_to("huatuo-7b-tiny/model");
    let folder = tempfile::tempdir().unwrap();
    let cache = WeightsCache::in_folder(folder.path().to_owned());
    load_kept(&model, Precision::Q8, &cache);
    let path = kept(&cache);
    let whole = std::fs::read(&path).unwrap();
    let len = whole.len();
    let with = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    // 8: the version; the list is at the end
    for (bytes, told) in [
        (with(len / 2), "damaged"),
        (with(100), "damaged"),
        (with(len - 10), "damaged"),
        (with(20), "cut short"),
        (with(8), "another version"),
        (with(0), "another kind"),
        (whole[..len / 2].to_vec(), "cut short"),
        (whole[..10].to_vec(), "cut short"),
        (Vec::new(), "cut short"),
        ([whole.as_slice(), b"more"].concat(), "cut short"),
        (b"something else entirely, and longer than the head of such a file is".to_vec(), "kind"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let vlm = load_kept(&model, Precision::Q8, &cache);
        let notes = notes_on_cache(&vlm);
        println!("{notes:?}");
        assert!(notes.len() == 1 && notes[0].contains(told), "{told}: {notes:?}");
        assert_eq!(std::fs::read(kept(&cache)).unwrap(), whole);
        assert!(notes_on_cache(&load_kept(&model, Precision::Q8, &cache)).is_empty());
    }
}

#[test]
fn kept_weights_of_files_that_changed_are_not_used() {
    let (copy, _folder, cache) = copy_and_cache("huatuo-7b-tiny");
    let model = copy.path().join("model");
    let before = load_kept(&model, Precision::Q8, &cache).info().weights_sha256.clone();
    let first = kept(&cache);
    let shard = model.join("model-00002-of-00004.safetensors");
    let mut bytes = std::fs::read(&shard).unwrap();
    let time = std::fs::metadata(&shard).unwrap().modified().unwrap();
    let at = bytes.len() - 1000;
    bytes[at] ^= 1;
    std::fs::write(&shard, &bytes).unwrap();
    // as a program does that keeps times
    std::fs::File::options().append(true).open(&shard).unwrap().set_modified(time).unwrap();
    let changed = load_kept(&model, Precision::Q8, &cache);
    assert_ne!(changed.info().weights_sha256, before);
    assert!(notes_on_cache(&changed)[0].contains("other weight files"));
    // the old file has gone
    assert_eq!(kept(&cache), first);
    // each precision has its own
    load_kept(&model, Precision::Q4, &cache);
    assert_eq!(files(&cache).len(), 2);
}

#[test]
fn numbers_of_other_precisions_are_not_kept() {
    let (model, _) = question_to("huatuo-7b-tiny/model");
    let folder = tempfile::tempdir().unwrap();
    let cache = WeightsCache::in_folder(folder.path().join("weights"));
    for precision in [Precision::F32, Precision::F16] {
        load_kept(&model, precision, &cache);
    }
    assert!(!cache.folder().exists());
}

#[test]
fn without_a_place_to_keep_weights_a_model_works() {
    let (model, question) = question_to("huatuo-7b-tiny/model");
    let folder = tempfile::tempdir().unwrap();
    // a file where the folder should be: so not even the system's owner can write there
    let place = folder.path().join("weights");
    std::fs::write(&place, "a file").unwrap();
    let cache = WeightsCache::in_folder(place.join("inside"));
    let mut vlm = load_kept(&model, Precision::Q8, &cache);
    let notes = notes_on_cache(&vlm);
    println!("{notes:?}");
    assert!(notes.len() == 1 && notes[0].contains("not kept for the next start"), "{notes:?}");
    assert!(
        !ask(&mut vlm, &Question { max_new_tokens: 4, ..question }, None).output_ids.is_empty()
    );
}

#[test]
fn loading_that_is_cancelled_leaves_nothing_behind() {
    let (model, _) = question_to("huatuo-7b-tiny/model");
    let folder = tempfile::tempdir().unwrap();
    let cache = WeightsCache::in_folder(folder.path().to_owned());
    let cancel_at = |share: f64| {
        let mut progress = |progress: LoadProgress| {
            let done = progress.bytes_done as f64 / progress.bytes_total.max(1) as f64;
            if done >= share { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let loaded = try_kept(&model, Precision::Q8, &cache, &mut progress);
        assert!(matches!(loaded, Err(ModelError::Cancelled)));
    };
    cancel_at(0.5);
    let began = std::time::Instant::now();
    while !files(&cache).is_empty() && began.elapsed().as_secs() < 10 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(files(&cache), Vec::<PathBuf>::new());
    // reading what was kept can be stopped as well, and harms nothing
    load_kept(&model, Precision::Q8, &cache);
    let file = kept(&cache);
    cancel_at(0.5);
    assert_eq!(kept(&cache), file);
    assert!(notes_on_cache(&load_kept(&model, Precision::Q8, &cache)).is_empty());
}

#[test]
fn what_a_killed_program_left_is_swept() {
    let (model, _) = question_to("huatuo-7b-tiny/model");
    let folder = tempfile::tempdir().unwrap();
    let cache = WeightsCache::in_folder(folder.path().to_owned());
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let left = folder.path().join("new-left.partial");
    let written = folder.path().join("new-written.partial");
    for path in [&left, &written] {
        std::fs::write(path, "unfinished").unwrap();
        std::fs::File::options().append(true).open(path).unwrap().set_modified(hour_ago).unwrap();
    }
    // another program is at it
    let other = std::fs::File::open(&written).unwrap();
    other.lock().unwrap();
    load_kept(&model, Precision::Q8, &cache);
    assert!(!left.exists() && written.exists());
    assert_eq!(files(&cache).len(), 2);
}

#[test]
fn two_at_once_do_not_harm_each_other() {
    let (model, _) = question_to("huatuo-7b-tiny/model");
    let folder = tempfile::tempdir().unwrap();
    let cache = WeightsCache::in_folder(folder.path().to_owned());
    for _ in 0..4 {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| load_kept(&model, Precision::Q8, &cache));
            }
        });
        let file = kept(&cache);
        assert!(notes_on_cache(&load_kept(&model, Precision::Q8, &cache)).is_empty());
        std::fs::remove_file(file).unwrap();
    }
}
