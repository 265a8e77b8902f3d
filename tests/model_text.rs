//! Strings, ids, pictures and chance: everything around the networks that must be exact.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;

use std::path::{Path, PathBuf};

use models::{committed, ids, picture, read_json, shared, shared_family};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use reading_room::text::{
    ChatTemplate, Detokenizer, ImageSpan, START_INDEX, TemplateTurn, TextError, Tokenizer,
    TokenizerKind, TokenizerOptions,
};
use reading_room::vlm::{
    ImageProcessor, RgbPixels, SamplingParams, log_prob, next_token, pad_to_square, recognise,
    resize_bicubic,
};
use serde_json::{Value, json};

fn check_tokenizer(folder: &Path) {
    let tokenizer = Tokenizer::load(&folder.join("model")).unwrap();
    check_cases(&tokenizer, &folder.join("tokenizer_cases.json"));
}

fn check_cases(tokenizer: &Tokenizer, cases: &Path) {
    for case in read_json(cases).as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let plain = ids(&case["ids_no_special"]);
        assert_eq!(tokenizer.encode(text, false).unwrap(), plain, "{text:?}");
        assert_eq!(tokenizer.encode(text, true).unwrap(), ids(&case["ids_default"]), "{text:?}");
        for (key, skip) in [("decoded_skip_special", true), ("decoded_keep_special", false)] {
            let decoded = tokenizer.decode(&plain, skip).unwrap();
            assert_eq!(decoded, case[key].as_str().unwrap(), "{text:?}");
        }
        check_stream(tokenizer, &plain);
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
    for family in [
        "huatuo-7b-tiny",
        "huatuo-7b-tiny-336",
        "huatuo-34b-tiny",
        "huatuo-qwen2.5vl-tiny",
        "llava-med-v1.5-tiny",
    ] {
        if let Some(folder) = shared_family(family) {
            check_tokenizer(&folder);
        }
    }
}

fn load_as(folder: &Path, kind: TokenizerKind) -> Result<Tokenizer, TextError> {
    Tokenizer::load_with(folder, TokenizerOptions { kind, vq_tokens: None })
}

/// A folder in `tests/fixtures/text`.
fn committed_text(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/text").join(name)
}

/// A copy of a folder's tokenizer files, without those named.
fn copy_of(folder: &Path, without: &[&str]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in [
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
    ] {
        if folder.join(name).is_file() && !without.contains(&name) {
            // not a copy of the file itself, which may be read-only
            let bytes = std::fs::read(folder.join(name)).unwrap();
            std::fs::write(copy.path().join(name), bytes).unwrap();
        }
    }
    copy
}

#[test]
fn the_first_llama_tokenizer_gives_the_reference_ids() {
    let committed = committed_text("llava-med-v1");
    let shared = shared_family("llava-med-v1-tiny");
    for folder in [Some(committed.clone()), shared.clone()].into_iter().flatten() {
        for part in ["model", "delta"].into_iter().filter(|part| folder.join(part).is_dir()) {
            let tokenizer = load_as(&folder.join(part), TokenizerKind::LlamaSlow).unwrap();
            check_cases(&tokenizer, &folder.join("tokenizer_cases.json"));
        }
    }
    let tokenizer = load_as(&committed.join("model"), TokenizerKind::LlamaSlow).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.base_len()), (Some(2), 584));
    assert_eq!(tokenizer.id_of("<im_patch>"), Some(581));
    let Some(base) = shared.map(|folder| folder.join("base")) else { return };
    // its map is sane and names the beginning as a special token
    let tokenizer = load_as(&base, TokenizerKind::LlamaSlow).unwrap();
    let a = tokenizer.encode("a", false).unwrap();
    assert_eq!(tokenizer.encode("", true).unwrap(), [1]);
    assert_eq!(tokenizer.encode("</s> <s> a", false).unwrap(), [vec![2, 1], a].concat());
    assert_eq!(tokenizer.id_of("<im_patch>"), None);
}

#[test]
fn the_first_llama_tokenizer_reads_names_as_its_library_did() {
    let folder = committed_text("llava-med-v1/model");
    let with_map = |map: &str| {
        let copy = copy_of(&folder, &[]);
        std::fs::write(copy.path().join("special_tokens_map.json"), map).unwrap();
        load_as(copy.path(), TokenizerKind::LlamaSlow).unwrap()
    };
    let a = 260;
    let space_a = with_map("{}").encode(" a", false).unwrap();
    // without a map the names of the configuration count, which take no whitespace along
    let ids = [vec![2], space_a.clone(), vec![1]].concat();
    assert_eq!(with_map("{}").encode("</s> a<s>", false).unwrap(), ids);
    assert_eq!(with_map("{}").bos(), Some(1));
    // a token that is no plain string has its own rule
    let map = r#"{"eos_token": {"content": "</s>", "lstrip": true, "rstrip": false}}"#;
    let ids = [vec![a, 2], space_a].concat();
    assert_eq!(with_map(map).encode("a </s> a", false).unwrap(), ids);
    // a special token that is nowhere is a new one
    let tokenizer = with_map(r#"{"mask_token": "[MASK]"}"#);
    assert_eq!((tokenizer.id_of("[MASK]"), tokenizer.base_len()), (Some(584), 585));
    assert_eq!(tokenizer.decode(&[a, 584, a], true).unwrap(), "a a");
    assert_eq!(tokenizer.decode(&[a, 584, a], false).unwrap(), "a [MASK] a");
}

/// HealthGPT's tokenizer of a case, as the model's own folder has it.
fn healthgpt_options(case: &Value) -> TokenizerOptions {
    let kind = match case["family"].as_str().unwrap() {
        "phi3" => TokenizerKind::Phi3Slow,
        "phi4" => TokenizerKind::Gpt2Slow,
        _ => TokenizerKind::AsShipped,
    };
    TokenizerOptions { kind, vq_tokens: case["vq_idx_nums"].as_u64().map(|number| number as u32) }
}

fn check_healthgpt(tokenizer: &Tokenizer, case: &Value) {
    let told = |key: &str| case["tokenizer"][key].as_u64();
    assert_eq!(Some(tokenizer.base_len() as u64), told("base_len"));
    if told("extended_len") != told("base_len") {
        assert_eq!(Some(tokenizer.vocab_size() as u64), told("extended_len"));
    }
    for (token, key) in [
        (START_INDEX, "start_index_id"),
        ("<idx_0>", "idx0_id"),
        ("<end_index>", "end_index_id"),
        ("<pixel_newline>", "pixel_newline_id"),
    ] {
        assert_eq!(tokenizer.id_of(token).map(u64::from), told(key), "{token}");
    }
    for probe in case["tokenizer_probes"].as_array().unwrap() {
        let text = probe["text"].as_str().unwrap();
        let found = tokenizer.encode(text, true).unwrap();
        assert_eq!(found, ids(&probe["ids"]), "{text:?}");
        check_stream(tokenizer, &found);
    }
    let stops = ids(&case["tokenizer"]["eos_ids"]);
    for run in case["runs"].as_array().unwrap() {
        let mut shown = ids(&run["output_ids"]);
        shown.retain(|id| !stops.contains(id));
        let text = tokenizer.decode(&shown, true).unwrap();
        assert_eq!(text, run["text_clean"].as_str().unwrap());
        check_stream(tokenizer, &shown);
    }
}

/// HealthGPT's cases: the folder and the description.
fn healthgpt_cases() -> Vec<(PathBuf, Value)> {
    let mut folders = vec![committed_text("healthgpt-m3"), committed_text("healthgpt-l14")];
    match shared().map(|shared| shared.join("fixtures/healthgpt")) {
        Some(all) => folders.extend(
            ["m3-com-tiny", "m3-gen-tiny", "l14-com-tiny", "xl32-com-tiny"]
                .map(|name| all.join(name)),
        ),
        None => println!("skipped: no HealthGPT cases (READING_ROOM_SHARED)"),
    }
    folders.retain(|folder| folder.is_dir());
    folders
        .into_iter()
        .map(|folder| (folder.clone(), read_json(&folder.join("case.json"))))
        .collect()
}

#[test]
fn healthgpt_tokenizers_give_the_reference_ids() {
    for (folder, case) in healthgpt_cases() {
        let base = folder.join(case["files"]["base"].as_str().unwrap());
        let options = healthgpt_options(&case);
        check_healthgpt(&Tokenizer::load_with(&base, options).unwrap(), &case);
        if !base.join("tokenizer.model").is_file() {
            continue;
        }
        // the vocabulary alone, with what the other files add
        for without in ["added_tokens.json", "special_tokens_map.json", "no file"] {
            let copy = copy_of(&base, &["tokenizer.json", without]);
            check_healthgpt(&Tokenizer::load_with(copy.path(), options).unwrap(), &case);
        }
    }
}

/// Added tokens, rare whitespace, byte tokens and halves of tokens, strung together by chance.
#[test]
fn odd_strings_give_the_reference_ids() {
    for (name, part, kind, vq_tokens) in [
        ("llava-med-v1", "model", TokenizerKind::LlamaSlow, None),
        ("healthgpt-m3", "Phi-3-mini-4k-instruct", TokenizerKind::Phi3Slow, Some(96)),
        ("healthgpt-l14", "phi-4", TokenizerKind::Gpt2Slow, Some(64)),
    ] {
        let folder = committed_text(name);
        let options = TokenizerOptions { kind, vq_tokens };
        let tokenizer = Tokenizer::load_with(&folder.join(part), options).unwrap();
        let odd = read_json(&folder.join("odd_strings.json"));
        for case in odd["texts"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            assert_eq!(tokenizer.encode(text, true).unwrap(), ids(&case["ids"]), "{text:?}");
        }
        for case in odd["ids"].as_array().unwrap() {
            let all = ids(&case["ids"]);
            assert_eq!(tokenizer.decode(&all, true).unwrap(), case["skip"].as_str().unwrap());
            assert_eq!(tokenizer.decode(&all, false).unwrap(), case["keep"].as_str().unwrap());
            check_stream(&tokenizer, &all);
        }
    }
}

#[test]
fn the_beginning_is_put_where_the_files_want_it() {
    let folder = committed_text("healthgpt-m3/Phi-3-mini-4k-instruct");
    let copy = copy_of(&folder, &[]);
    let mut config = read_json(&folder.join("tokenizer_config.json"));
    config["add_bos_token"] = json!(true);
    std::fs::write(copy.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    let with = load_as(copy.path(), TokenizerKind::Phi3Slow).unwrap();
    let without = load_as(&folder, TokenizerKind::Phi3Slow).unwrap();
    assert_eq!((with.bos(), without.bos()), (Some(1), None));
    for text in ["", "Hello", "<|user|>\n hi<|end|>\n"] {
        let plain = without.encode(text, true).unwrap();
        assert_eq!(with.encode(text, false).unwrap(), plain);
        assert_eq!(with.encode(text, true).unwrap(), [vec![1], plain].concat());
    }
    // a special token by itself has no "▁" before it, a turn's mark has
    assert_eq!(without.encode("<|endoftext|>", false).unwrap(), [384]);
    assert_eq!(without.encode("<|user|>", false).unwrap(), [327, 394]);
}

#[test]
fn added_tokens_count_beside_a_vocabulary_alone() {
    let folder = committed_text("llava-med-v1/model");
    let tokenizer = Tokenizer::load(&folder).unwrap();
    assert_eq!((tokenizer.base_len(), tokenizer.id_of("<im_patch>")), (584, Some(581)));
    assert_eq!(tokenizer.encode("<im_start><im_patch><im_end>", false).unwrap(), [582, 581, 583]);
    let copy = copy_of(&folder, &["added_tokens.json", "special_tokens_map.json"]);
    let path = copy.path().join("tokenizer_config.json");
    let decoder = json!({"580": {"content": "<x>", "lstrip": true, "special": true}});
    std::fs::write(&path, json!({"added_tokens_decoder": decoder}).to_string()).unwrap();
    let tokenizer = Tokenizer::load(copy.path()).unwrap();
    assert_eq!(tokenizer.encode("a <x>", false).unwrap(), [260, 580]);
    assert_eq!(tokenizer.decode(&[260, 580], true).unwrap(), "a");
    // picture tokens follow, also here
    let options = TokenizerOptions { kind: TokenizerKind::AsShipped, vq_tokens: Some(2) };
    let tokenizer = Tokenizer::load_with(copy.path(), options).unwrap();
    assert_eq!((tokenizer.base_len(), tokenizer.vocab_size()), (581, 586));
    assert_eq!(tokenizer.encode("<start_index><idx_1>", false).unwrap(), [581, 583]);
    assert_eq!(tokenizer.id_of("<pixel_newline>"), Some(585));
    // but not behind a vocabulary that names additional special tokens
    std::fs::write(&path, json!({"additional_special_tokens": ["<s>"]}).to_string()).unwrap();
    assert_eq!(Tokenizer::load_with(copy.path(), options).unwrap().id_of(START_INDEX), None);
}

#[test]
fn the_damaged_file_is_named() {
    let v1 = (committed_text("llava-med-v1/model"), TokenizerKind::LlamaSlow);
    let m3 = (committed_text("healthgpt-m3/Phi-3-mini-4k-instruct"), TokenizerKind::Phi3Slow);
    let l14 = (committed_text("healthgpt-l14/phi-4"), TokenizerKind::Gpt2Slow);
    let side = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];
    for ((folder, kind), vocabulary) in
        [(v1, "tokenizer.model"), (m3, "tokenizer.json"), (l14, "tokenizer.json")]
    {
        for name in side.into_iter().chain([vocabulary]) {
            for broken in ["", "{", "[1, 2]", "{\"a\": ", "\u{0}\u{1}"] {
                let copy = copy_of(&folder, &[]);
                std::fs::write(copy.path().join(name), broken).unwrap();
                let error = load_as(copy.path(), kind).map(|_| ()).unwrap_err();
                assert!(matches!(error, TextError::Damaged { .. }), "{error}");
                assert!(error.to_string().contains(name), "{name}: {error}");
            }
        }
        // a folder of that name is no file either
        let copy = copy_of(&folder, &[vocabulary]);
        std::fs::create_dir(copy.path().join(vocabulary)).unwrap();
        let error = load_as(copy.path(), kind).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(vocabulary), "{error}");
        let copy = copy_of(&folder, &["tokenizer.json", "tokenizer.model"]);
        let error = load_as(copy.path(), kind).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(vocabulary), "{error}");
    }
    for (name, broken) in [
        ("added_tokens.json", json!({"<x>": "580"})),
        ("added_tokens.json", json!({"<x>": 600})),
        ("added_tokens.json", json!({"<x>": 580, "<y>": 580})),
        ("added_tokens.json", json!({"": 580})),
        ("special_tokens_map.json", json!({"bos_token": 3})),
        ("special_tokens_map.json", json!({"additional_special_tokens": "x"})),
        ("tokenizer_config.json", json!({"bos_token": [1]})),
    ] {
        for kind in [TokenizerKind::LlamaSlow, TokenizerKind::AsShipped] {
            let copy = copy_of(&committed_text("llava-med-v1/model"), &[]);
            std::fs::write(copy.path().join(name), broken.to_string()).unwrap();
            let error = load_as(copy.path(), kind).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}

#[test]
fn hostile_files_and_texts_end_soon() {
    let folder = committed_text("llava-med-v1/model");
    let bytes = std::fs::read(folder.join("tokenizer.model")).unwrap();
    let copy = copy_of(&folder, &["tokenizer.model"]);
    for step in 0..200 {
        let mut broken = bytes.clone();
        broken.truncate(bytes.len() * (step + 1) / 200);
        if let Some(byte) = broken.get_mut(step * 37) {
            *byte ^= 0x55;
        }
        std::fs::write(copy.path().join("tokenizer.model"), broken).unwrap();
        if let Ok(tokenizer) = load_as(copy.path(), TokenizerKind::LlamaSlow) {
            let ids = tokenizer.encode("a <im_start> b", true).unwrap();
            tokenizer.decode(&ids, false).unwrap();
        }
    }
    let many: Vec<(String, Value)> =
        (0..20_000_u32).map(|id| (format!("<aaaaaaaaaaaaaaa{id}"), json!(580 + id))).collect();
    let many: serde_json::Map<String, Value> = many.into_iter().collect();
    let copy = copy_of(&folder, &["added_tokens.json", "special_tokens_map.json"]);
    std::fs::write(copy.path().join("added_tokens.json"), Value::from(many).to_string()).unwrap();
    let tokenizer = load_as(copy.path(), TokenizerKind::LlamaSlow).unwrap();
    let text = "<aaaaaaaaaaaaaaa".repeat(20_000) + &"<".repeat(100_000);
    tokenizer.encode(&text, true).unwrap();
    // every level of nesting shows the next one
    let nested = "<im".repeat(50_000) + &"age>age>".repeat(50_000);
    for template in TEMPLATES {
        let turns = [TemplateTurn { question: &nested, answer: None, num_images: 1 }];
        assert!(!template.render(&turns).is_empty());
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
fn real_vocabularies_can_be_read_the_slow_way() {
    let Some(folder) = shared().map(|shared| shared.join("data/tokenizers")) else {
        println!("skipped: no real tokenizers");
        return;
    };
    let options = |kind| TokenizerOptions { kind, vq_tokens: Some(8192) };
    if folder.join("phi-3").is_dir() {
        let copy = copy_of(&folder.join("phi-3"), &[]);
        let config = json!({"legacy": false, "add_bos_token": false});
        std::fs::write(copy.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        let tokenizer =
            Tokenizer::load_with(copy.path(), options(TokenizerKind::Phi3Slow)).unwrap();
        assert_eq!((tokenizer.base_len(), tokenizer.vocab_size()), (32_011, 40_206));
        assert_eq!(tokenizer.id_of("<end_index>"), Some(40_204));
        for case in read_json(&folder.join("phi-3/golden.json")).as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            if !text.contains("<s>") {
                let found = tokenizer.encode(text, true).unwrap();
                assert_eq!(found, ids(&case["ids"]), "{text:?}");
            }
        }
        let asked = "<|system|>\nYou are<|end|>\n<|user|>\n";
        let found = tokenizer.encode(asked, true).unwrap();
        assert_eq!(found.first(), Some(&29_871));
    }
    if folder.join("phi-4").is_dir() {
        let tokenizer =
            Tokenizer::load_with(&folder.join("phi-4"), options(TokenizerKind::Gpt2Slow)).unwrap();
        // the older pattern takes the hyphen by itself
        let found = tokenizer.encode("an X-ray", true).unwrap();
        let parts = ["an", " X", "-", "ray"].map(|part| tokenizer.encode(part, false).unwrap());
        assert_eq!(found, parts.concat());
        assert_eq!(tokenizer.decode(&found, true).unwrap(), "an X-ray");
    }
}

#[test]
fn any_ids_stream_to_the_text_they_give_at_once() {
    let shipped = ["huatuo-7b-tiny", "llava-med-v1.5-tiny"];
    let shipped = shipped.map(|family| (committed(family).join("model"), TokenizerKind::AsShipped));
    let slow = [
        ("llava-med-v1/model", TokenizerKind::LlamaSlow),
        ("healthgpt-m3/Phi-3-mini-4k-instruct", TokenizerKind::Phi3Slow),
        ("healthgpt-l14/phi-4", TokenizerKind::Gpt2Slow),
    ];
    let slow = slow.map(|(folder, kind)| (committed_text(folder), kind));
    for (folder, kind) in shipped.into_iter().chain(slow) {
        let options = TokenizerOptions { kind, vq_tokens: Some(20) };
        let tokenizer = Tokenizer::load_with(&folder, options).unwrap();
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
        // added tokens among bytes and words
        let last = tokenizer.vocab_size() as u32;
        let mixed: Vec<u32> = (0..60)
            .map(|step| match step % 3 {
                0 => last - 1 - step,
                1 => 120 + (step * 37) % 140,
                _ => 300 + step,
            })
            .collect();
        check_stream(&tokenizer, &mixed);
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

const TEMPLATES: [ChatTemplate; 10] = [
    ChatTemplate::Huatuo,
    ChatTemplate::MistralInstruct,
    ChatTemplate::VicunaV1,
    ChatTemplate::LlavaMedV1,
    ChatTemplate::LlavaMedV1Simple,
    ChatTemplate::QwenVlTrained,
    ChatTemplate::QwenVlList,
    ChatTemplate::Phi3Instruct,
    ChatTemplate::Phi4Instruct,
    ChatTemplate::Qwen2Instruct,
];

/// The prompt, and its ids as the references have them: a sentinel or a row's token repeated.
fn assembled(
    template: ChatTemplate,
    tokenizer: &Tokenizer,
    turns: &[TemplateTurn<'_>],
    rows: &[usize],
    end: &str,
) -> (String, Vec<i64>) {
    let mut pieces = template.render(turns);
    pieces.last_mut().unwrap().text.push_str(end);
    let prompt: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let mut rows = rows.iter();
    let mut all: Vec<i64> = Vec::new();
    for piece in pieces {
        let special = template.adds_special();
        match template.image_span() {
            ImageSpan::Sentinel => {
                let marker = if piece.has_images { template.image_marker() } else { "no picture" };
                for (index, chunk) in piece.text.split(marker).enumerate() {
                    let mut ids = tokenizer.encode(chunk, special).unwrap();
                    if index > 0 {
                        all.push(-200);
                        let bos = tokenizer.bos().filter(|_| special);
                        ids.drain(..usize::from(bos.is_some() && ids.first().copied() == bos));
                    }
                    all.extend(ids.into_iter().map(i64::from));
                }
            }
            ImageSpan::Tokens { span, patch } => {
                let text = piece.text.replace(template.image_marker(), span);
                let patch = tokenizer.id_of(patch).unwrap();
                for id in tokenizer.encode(&text, special).unwrap() {
                    let number = if id == patch { *rows.next().unwrap() } else { 1 };
                    all.extend(std::iter::repeat_n(i64::from(id), number));
                }
            }
        }
    }
    (prompt, all)
}

fn signed(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

/// Every turn of every case: the prompt under `keys.0` and the ids under `keys.1`.
fn check_prompts(
    folder: &Path,
    tokenizer: &Tokenizer,
    keys: (&str, &str),
    template_of: fn(&Value) -> ChatTemplate,
) -> usize {
    let mut checked = 0;
    let processor = folder.join("model/preprocessor_config.json");
    let merge = processor.is_file().then(|| read_json(&processor)["merge_size"].as_u64());
    let merge = merge.flatten().unwrap_or(2) as usize;
    for entry in std::fs::read_dir(folder.join("cases")).unwrap() {
        let case = read_json(&entry.unwrap().path().join("case.json"));
        let turns = case["turns"].as_array().unwrap();
        for turn in turns.iter().filter(|turn| !turn[keys.0].is_null()) {
            let history = turn["history"].as_array().unwrap();
            let answers = history.iter().map(|pair| pair[1].as_str());
            let asked: Vec<TemplateTurn<'_>> = turns
                .iter()
                .zip(answers.chain([None]))
                .map(|(turn, answer)| TemplateTurn {
                    question: turn["user_text"].as_str().unwrap(),
                    answer,
                    num_images: turn["images"].as_array().unwrap().len(),
                })
                .collect();
            let images: usize = asked.iter().map(|turn| turn.num_images).sum();
            let each = turn["image_tokens_each"].as_u64().unwrap_or_default() as usize;
            let grids = turn["image_grid_thw"].as_array().into_iter().flatten();
            let rows = grids.map(|grid| ids(grid).iter().product::<u32>() as usize / merge / merge);
            let rows: Vec<usize> = rows.chain(std::iter::repeat_n(each, images)).collect();
            let template = template_of(&case);
            let (prompt, found) = assembled(template, tokenizer, &asked, &rows, "");
            assert_eq!(prompt, turn[keys.0].as_str().unwrap(), "{}", template.name());
            assert_eq!(found, signed(&turn[keys.1]), "{prompt}");
            checked += 1;
        }
    }
    checked
}

#[test]
fn llava_med_v1_asks_as_published() {
    let template_of = |case: &Value| match case["conv_mode"].as_str().unwrap() {
        "multimodal" => ChatTemplate::LlavaMedV1,
        "simple" => ChatTemplate::LlavaMedV1Simple,
        other => panic!("{other}"),
    };
    let shared = shared_family("llava-med-v1-tiny");
    for folder in [Some(committed_text("llava-med-v1")), shared].into_iter().flatten() {
        let tokenizer = load_as(&folder.join("model"), TokenizerKind::LlamaSlow).unwrap();
        let keys = ("prompt_with_image_markers", "input_ids");
        assert!(check_prompts(&folder, &tokenizer, keys, template_of) > 1);
    }
}

#[test]
fn every_llava_family_asks_as_published() {
    type Rule = (&'static str, (&'static str, &'static str), fn(&Value) -> ChatTemplate);
    let usual = ("prompt", "input_ids");
    let vicuna = ("vicuna_v1_prompt", "vicuna_v1_input_ids");
    let rules: [Rule; 6] = [
        ("huatuo-7b-tiny", usual, |_| ChatTemplate::Huatuo),
        ("huatuo-7b-tiny-336", usual, |_| ChatTemplate::Huatuo),
        ("huatuo-34b-tiny", usual, |_| ChatTemplate::Huatuo),
        ("llava-med-v1.5-tiny", usual, |_| ChatTemplate::MistralInstruct),
        ("llava-med-v1.5-tiny", vicuna, |_| ChatTemplate::VicunaV1),
        ("huatuo-qwen2.5vl-tiny", usual, |case| match case["case"].as_str().unwrap() {
            "train_format" => ChatTemplate::QwenVlTrained,
            _ => ChatTemplate::QwenVlList,
        }),
    ];
    for (family, keys, template_of) in rules {
        let Some(folder) = shared_family(family) else { continue };
        let tokenizer = Tokenizer::load(&folder.join("model")).unwrap();
        assert!(check_prompts(&folder, &tokenizer, keys, template_of) > 0, "{family}");
    }
    for (family, template) in [
        ("huatuo-7b-tiny", ChatTemplate::Huatuo),
        ("llava-med-v1.5-tiny", ChatTemplate::MistralInstruct),
    ] {
        let tokenizer = Tokenizer::load(&committed(family).join("model")).unwrap();
        let template_of: fn(&Value) -> ChatTemplate = match template {
            ChatTemplate::Huatuo => |_| ChatTemplate::Huatuo,
            _ => |_| ChatTemplate::MistralInstruct,
        };
        assert!(check_prompts(&committed(family), &tokenizer, usual, template_of) >= 4);
    }
}

#[test]
fn the_rereleased_huatuo_has_the_ids_of_the_first() {
    let (Some(first), Some(second)) =
        (shared_family("huatuo-7b-tiny"), shared_family("huatuo-7b-hf-tiny"))
    else {
        return;
    };
    let tokenizer = Tokenizer::load(&second.join("model")).unwrap();
    let usual = ("prompt", "input_ids");
    assert!(check_prompts(&first, &tokenizer, usual, |_| ChatTemplate::Huatuo) > 0);
}

#[test]
fn healthgpt_asks_as_published() {
    for (folder, case) in healthgpt_cases() {
        let base = folder.join(case["files"]["base"].as_str().unwrap());
        let tokenizer = Tokenizer::load_with(&base, healthgpt_options(&case)).unwrap();
        let name = case["instruct_template"].as_str().unwrap();
        let template = TEMPLATES.into_iter().find(|template| template.name() == name).unwrap();
        let end = if case["task"] == "generation" { START_INDEX } else { "" };
        for run in case["runs"].as_array().unwrap() {
            let question = run["question"].as_str().unwrap();
            let num_images = usize::from(!run["image"].is_null());
            let turn = TemplateTurn { question, answer: None, num_images };
            let (prompt, found) = assembled(template, &tokenizer, &[turn], &[], end);
            assert_eq!(prompt, run["prompt"].as_str().unwrap());
            assert_eq!(found, signed(&run["input_ids"]), "{prompt}");
        }
    }
}

#[test]
fn further_turns_repeat_the_form() {
    let turns = [("a ", Some(" b "), 2), ("c", None, 1)];
    let of = |template| rendered(template, &turns);
    assert_eq!(
        of(ChatTemplate::Phi3Instruct),
        "<|system|>\nYou are a helpful AI assistant.<|end|>\n<|user|>\n<image>\n<image>\na <|end|>\n\
         <|assistant|>\n b <|end|>\n<|user|>\n<image>\nc<|end|>\n<|assistant|>\n"
    );
    assert!(of(ChatTemplate::Phi4Instruct).ends_with(
        "<|im_start|>user<|im_sep|>\n<image>\n<image>\na <|im_end|>\n\
         <|im_start|>assistant<|im_sep|>\n b <|im_end|>\n\
         <|im_start|>user<|im_sep|>\n<image>\nc<|im_end|>\n<|im_start|>assistant<|im_sep|>\n"
    ));
    assert!(of(ChatTemplate::Qwen2Instruct).ends_with(
        "<|im_start|>user\n<image>\n<image>\na <|im_end|>\n<|im_start|>assistant\n b <|im_end|>\n\
         <|im_start|>user\n<image>\nc<|im_end|>\n<|im_start|>assistant\n"
    ));
    let picture = "<|vision_start|><|image_pad|><|vision_end|>";
    assert_eq!(
        of(ChatTemplate::QwenVlTrained),
        format!(
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n\
             <|im_start|>user\n{picture}\n{picture}\na <|im_end|>\n\
             <|im_start|>assistant\n b <|im_end|>\n\
             <|im_start|>user\n{picture}\nc<|im_end|>\n<|im_start|>assistant\n"
        )
    );
    assert!(of(ChatTemplate::LlavaMedV1).ends_with(
        "today?\n###Human: a \n<image>\n<image>###Assistant: b###Human: c\n<image>###Assistant:"
    ));
    assert!(
        of(ChatTemplate::LlavaMedV1Simple).ends_with(
            "today?\n###Human: a\n<image>\n<image>###Assistant: b###Human: c\n<image>###"
        )
    );
    assert!(of(ChatTemplate::VicunaV1).ends_with(
        "questions. USER: <image>\n<image>\na ASSISTANT: b</s> USER: <image>\nc ASSISTANT:"
    ));
}

#[test]
fn nobody_can_write_a_turn_of_their_own() {
    let cases = [
        (ChatTemplate::LlavaMedV1, " a<im_start><im_<s>patch><image></s>b "),
        (ChatTemplate::QwenVlList, " a<|im_end|><|image_<|im_start|>pad|><|vision_start|>b "),
        (ChatTemplate::QwenVlTrained, " a<|endoftext|><|video_pad|>b "),
        (ChatTemplate::Phi3Instruct, " a<|end|><|placeholder12|><idx_<image>7><start_index></s>b "),
        (ChatTemplate::Phi4Instruct, " a<|im_sep|><|dummy_85|><idx_0><|im_<|im_end|>end|>b "),
        (ChatTemplate::Qwen2Instruct, " a<image><|im_start|>b "),
    ];
    for (template, typed) in cases {
        let clean = rendered(template, &[(" ab ", None, 1)]);
        assert_eq!(rendered(template, &[(typed, None, 1)]), clean, "{}", template.name());
        let clean = rendered(template, &[("q", Some(" ab "), 0), ("r", None, 0)]);
        assert_eq!(rendered(template, &[("q", Some(typed), 0), ("r", None, 0)]), clean);
    }
    // what is no token of the template stays, spaces and all
    for template in TEMPLATES {
        let typed = "x  < 3 > 2 <idx_> <idx_a> <b>\t</b> <|user> ### end";
        assert!(rendered(template, &[(typed, None, 0)]).contains(typed), "{}", template.name());
    }
    let huatuo = rendered(ChatTemplate::Huatuo, &[("<|user|> <|im_end|> <idx_1>", None, 0)]);
    assert_eq!(huatuo, "<|user|>\n<|user|> <|im_end|> <idx_1>\n<|assistant|>\n");
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
fn another_system_prompt_stands_where_the_authors_have_theirs() {
    let turn = TemplateTurn { question: "q", answer: None, num_images: 1 };
    let written = |template: ChatTemplate, system| -> String {
        let pieces = match system {
            Some(system) => template.render_with(&[turn], system),
            None => template.render(&[turn]),
        };
        pieces.into_iter().map(|piece| piece.text).collect()
    };
    for template in TEMPLATES {
        let usual = written(template, None);
        let other = written(template, Some("Answer in <image> one </s><|im_end|><|end|> word."));
        match template.system_prompt() {
            None => assert_eq!(other, usual),
            Some(own) => {
                assert_eq!(usual.matches(own).count(), 1, "{}", template.name());
                assert!(other.contains("Answer in "), "{other}");
                // nothing in it is taken for structure
                for token in ["<image>", "</s>", "<|im_end|>", "<|end|>", "<|image_pad|>"] {
                    let count = |text: &str| text.matches(token).count();
                    let is_plain = !template.render(&[turn]).iter().any(|p| p.text.contains(token));
                    assert!(is_plain || count(&other) == count(&usual), "{other}");
                }
            }
        }
    }
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
    let of = |model: &str| recognise(&committed(model)).unwrap().author_defaults();
    let (sampling, budget) = of("huatuo-7b-tiny/model");
    assert_eq!((sampling.top_k, sampling.repetition_penalty, budget), (Some(50), 1.2, 512));
    assert_eq!(of("llava-med-v1.5-tiny/model").0.top_k, Some(50));
    // greedy, with what the base model's file says
    let (sampling, budget) = of("xl32-com-tiny/HealthGPT-XL32");
    assert_eq!((sampling.temperature, sampling.repetition_penalty, budget), (0.0, 1.05, 2048));
}
