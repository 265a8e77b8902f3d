//! Strings, ids, pictures and chance: everything around the networks that must be exact.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::path::Path;

use models::{committed, ids, picture, read_json, shared, shared_family};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use reading_room::text::{ChatTemplate, Detokenizer, TemplateTurn, TextError, Tokenizer};
use reading_room::vlm::{
    Family, ImageProcessor, RgbPixels, SamplingParams, log_prob, next_token, pad_to_square,
    resize_bicubic,
};
use serde_json::{Value, json};

fn check_tokenizer(folder: &Path) {
    let tokenizer = Tokenizer::load(&folder.join("model")).unwrap();
    for case in read_json(&folder.join("tokenizer_cases.json")).as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let plain = ids(&case["ids_no_special"]);
        assert_eq!(tokenizer.encode(text, false).unwrap(), plain, "{text:?}");
        assert_eq!(tokenizer.encode(text, true).unwrap(), ids(&case["ids_default"]), "{text:?}");
        for (key, skip) in [("decoded_skip_special", true), ("decoded_keep_special", false)] {
            let decoded = tokenizer.decode(&plain, skip).unwrap();
            assert_eq!(decoded, case[key].as_str().unwrap(), "{text:?}");
        }
        check_stream(&tokenizer, &plain);
    }
}

/// Text as it arrives is the text at once, and never ends in half a character.
fn check_stream(tokenizer: &Tokenizer, all: &[u32]) {
    let mut detokenizer = Detokenizer::new();
    let whole = tokenizer.decode(all, true).unwrap();
    let mut streamed = String::new();
    for id in all {
        streamed.push_str(&detokenizer.push(tokenizer, *id).unwrap());
        assert!(whole.starts_with(&streamed), "{whole:?} does not begin with {streamed:?}");
    }
    streamed.push_str(&detokenizer.finish(tokenizer).unwrap());
    assert_eq!(streamed, whole);
}

#[test]
fn the_committed_tokenizers_give_the_reference_ids() {
    check_tokenizer(&committed("huatuo-7b-tiny"));
    check_tokenizer(&committed("llava-med-v1.5-tiny"));
}

#[test]
fn every_tokenizer_kind_gives_the_reference_ids() {
    for family in ["huatuo-7b-tiny", "huatuo-34b-tiny", "llava-med-v1.5-tiny"] {
        if let Some(folder) = shared_family(family) {
            check_tokenizer(&folder);
        }
    }
}

#[test]
fn real_vocabularies_give_the_reference_ids() {
    let Some(folder) = shared().map(|shared| shared.join("data/tokenizers")) else {
        println!("skipped: no real tokenizers");
        return;
    };
    for name in ["qwen2", "mistral-7b-v1", "llama-2", "phi-3", "phi-4", "smollm2"] {
        let folder = folder.join(name);
        if !folder.is_dir() {
            println!("skipped: no {name}");
            continue;
        }
        let mut kinds = vec![Tokenizer::load(&folder).unwrap()];
        if folder.join("tokenizer.model").is_file() {
            // the same vocabulary without its tokenizer.json
            let copy = tempfile::tempdir().unwrap();
            let file = "tokenizer.model";
            std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
            kinds.push(Tokenizer::load(copy.path()).unwrap());
        }
        for tokenizer in kinds {
            for case in read_json(&folder.join("golden.json")).as_array().unwrap() {
                let text = case["text"].as_str().unwrap();
                if text.contains("<s>") {
                    continue; // the golden ids are of SentencePiece itself, which has no special tokens in texts
                }
                let found = tokenizer.encode(text, false).unwrap();
                assert_eq!(found, ids(&case["ids"]), "{name}: {text:?}");
                check_stream(&tokenizer, &found);
            }
        }
    }
}

#[test]
fn any_ids_stream_to_the_text_they_give_at_once() {
    for family in ["huatuo-7b-tiny", "llava-med-v1.5-tiny"] {
        let tokenizer = Tokenizer::load(&committed(family).join("model")).unwrap();
        let mut seed = 12_345_u64;
        for _ in 0..300 {
            let all: Vec<u32> = (0..24)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 33) as u32 % 700
                })
                .collect();
            check_stream(&tokenizer, &all);
        }
        // bytes of a character one by one, whole and broken
        let low: Vec<u32> = (0..60).map(|step| 120 + (step * 37) % 140).collect();
        check_stream(&tokenizer, &low);
    }
}

#[test]
fn a_damaged_tokenizer_is_an_error() {
    let good = read_json(&committed("huatuo-7b-tiny").join("model/tokenizer.json"));
    let mut damaged = vec![json!({}), json!([]), json!({"model": {"type": "BPE"}})];
    for (pointer, value) in [
        ("/model/merges", json!(["a b c", "x"])),
        ("/model/vocab", json!({"a": 0})),
        ("/decoder", json!({"type": "WordPiece", "prefix": 3})),
        ("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"})),
        ("/pre_tokenizer", json!({"type": "FixedLength", "length": 0})),
    ] {
        let mut json = good.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        damaged.push(json);
    }
    let mut errors = 0;
    for json in damaged {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
        match Tokenizer::load(folder.path()) {
            Err(TextError::Damaged { .. }) => errors += 1,
            Err(other) => panic!("{other}"),
            Ok(_) => {}
        }
    }
    assert!(errors >= 5, "only {errors} were noticed");
    // what asks for gigabytes is not even looked at
    let mut json = good;
    json["padding"] = json!({"strategy": {"Fixed": 4_000_000_000_u64}, "direction": "Right",
        "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "x"});
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
    assert!(Tokenizer::load(folder.path()).unwrap().encode("heart", true).unwrap().len() < 10);
    std::fs::write(folder.path().join("tokenizer.json"), b"{ not json").unwrap();
    assert!(Tokenizer::load(folder.path()).is_err());
}

fn rendered(template: ChatTemplate, turns: &[(&str, Option<&str>, usize)]) -> String {
    let turns: Vec<_> = turns
        .iter()
        .map(|(question, answer, num_images)| TemplateTurn {
            question,
            answer: *answer,
            num_images: *num_images,
        })
        .collect();
    template.render(&turns).into_iter().map(|piece| piece.text).collect()
}

#[test]
fn prompts_are_written_as_published() {
    let huatuo = |turns: &[_]| rendered(ChatTemplate::Huatuo, turns);
    assert_eq!(huatuo(&[(" hi ", None, 0)]), "<|user|>\nhi\n<|assistant|>\n");
    assert_eq!(huatuo(&[("", None, 1)]), "<|user|>\n<image>\n<|assistant|>\n");
    assert_eq!(
        huatuo(&[("a", Some(" b"), 2), ("c", None, 0)]),
        "<|user|>\n<image>\n<image>\na\n<|assistant|>\n b \n<|user|>\nc\n<|assistant|>\n"
    );
    assert_eq!(huatuo(&[("a<im<s>age></s>b", None, 0)]), "<|user|>\nab\n<|assistant|>\n");
    let mistral = |turns: &[_]| rendered(ChatTemplate::MistralInstruct, turns);
    assert_eq!(mistral(&[("hi", None, 1)]), "[INST] <image>\nhi [/INST]");
    assert_eq!(
        mistral(&[("a", Some(" b "), 0), ("c<image>", None, 0)]),
        "[INST] a [/INST] b </s>[INST] c [/INST]"
    );
}

fn pixels(path: &Path) -> RgbPixels {
    RgbPixels::from(&picture(path))
}

#[test]
fn resizing_is_exact() {
    let Some(folder) = shared_family("preprocess") else { return };
    for case in read_json(&folder.join("cases.json")).as_array().unwrap() {
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let source = pixels(&folder.join(case["source"].as_str().unwrap()));
        let found = match case["op"].as_str().unwrap() {
            "resize_bicubic" => resize_bicubic(&source, number("width"), number("height")),
            "pad_to_square_then_336" => {
                let processor = ImageProcessor::clip(number("edge"));
                assert_eq!(processor.pad_color(), [122, 116, 104]);
                processor.pixels(&pad_to_square(&source, processor.pad_color()))
            }
            "shortest_edge_224_center_crop_224" => {
                ImageProcessor::clip(number("edge")).pixels(&source)
            }
            _ => continue,
        };
        let expected = pixels(&folder.join(case["expected_png"].as_str().unwrap()));
        assert!(found == expected, "{}", case["name"]);
    }
}

#[test]
fn both_forms_of_the_processor_configuration_are_read() {
    let old = json!({"crop_size": 336, "size": 336, "do_center_crop": true, "do_normalize": true,
        "do_resize": true, "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3,
        "image_mean": [0.481_454_66, 0.457_827_5, 0.408_210_73],
        "image_std": [0.268_629_54, 0.261_302_58, 0.275_777_11]});
    let mut new = old.clone();
    new["size"] = json!({"shortest_edge": 336});
    new["crop_size"] = json!({"height": 336, "width": 336});
    new["rescale_factor"] = json!(1.0 / 255.0);
    let read = |json: &Value| ImageProcessor::from_json(json).unwrap();
    assert_eq!(read(&old), ImageProcessor::clip(336));
    assert_eq!(read(&new), ImageProcessor::clip(336));
    assert_eq!(read(&json!({})), ImageProcessor::clip(224));
    assert!(ImageProcessor::from_json(&json!({"size": -1})).is_err());
    assert!(ImageProcessor::from_json(&json!({"resample": 2})).is_err());
}

fn chosen(logits: &[f32], generated: &[u32], params: SamplingParams) -> u32 {
    let mut rng = ChaCha8Rng::seed_from_u64(params.seed);
    next_token(logits, generated, &[], &params, &mut rng)
}

#[test]
fn greedy_takes_the_highest_after_the_penalty() {
    let logits = [1.0, 3.0, 2.9, -1.0];
    let greedy = SamplingParams::greedy();
    assert_eq!(chosen(&logits, &[], greedy), 1);
    let penalised = SamplingParams { repetition_penalty: 1.2, ..greedy };
    assert_eq!(chosen(&logits, &[], penalised), 1);
    assert_eq!(chosen(&logits, &[1, 1], penalised), 2);
    assert_eq!(chosen(&[-1.0, -1.1], &[0], penalised), 1);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assert_eq!(next_token(&logits, &[], &[1], &greedy, &mut rng), 2);
}

#[test]
fn sampling_keeps_to_its_limits_and_its_seed() {
    let logits: Vec<f32> = (0..100).map(|id| (id as f32 * 0.37).sin() * 3.0).collect();
    let mut order: Vec<u32> = (0..100).collect();
    order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
    let warm = SamplingParams { temperature: 1.0, ..SamplingParams::greedy() };
    let with = |params: SamplingParams| -> Vec<u32> {
        (0..2000).map(|seed| chosen(&logits, &[], SamplingParams { seed, ..params })).collect()
    };
    assert_eq!(with(warm), with(warm));
    assert!(
        with(SamplingParams { top_k: Some(3), ..warm }).iter().all(|id| order[..3].contains(id))
    );
    assert!(with(SamplingParams { top_p: Some(1e-6), ..warm }).iter().all(|id| *id == order[0]));
    let all = with(warm);
    let share = all.iter().filter(|id| **id == order[0]).count() as f32 / 2000.0;
    let expected = log_prob(&logits, order[0]).exp();
    assert!((share - expected).abs() < 0.02, "{share} instead of {expected}");
    // half of the mass: the smallest set of the likeliest that reaches it
    let half = with(SamplingParams { top_p: Some(0.5), ..warm });
    let mut mass = 0.0;
    let kept = order.iter().take_while(|id| {
        let before = mass;
        mass += log_prob(&logits, **id).exp();
        before < 0.5
    });
    let kept: Vec<u32> = kept.copied().collect();
    assert!(half.iter().all(|id| kept.contains(id)));
}

#[test]
fn probabilities_are_of_the_raw_scores() {
    let sum: f32 = (0..4).map(|id| log_prob(&[1.0, 2.0, 3.0, -4.0], id).exp()).sum();
    assert!((sum - 1.0).abs() < 1e-6);
}

#[test]
fn authors_settings_have_the_library_default_of_fifty() {
    let (sampling, budget) = Family::HuatuoVision7b.author_defaults();
    assert_eq!((sampling.top_k, sampling.repetition_penalty, budget), (Some(50), 1.2, 512));
    assert_eq!(Family::LlavaMedV15.author_defaults().0.top_k, Some(50));
}
