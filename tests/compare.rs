//! Answers side by side: what differs, whether they agree, and `compare` with real models.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Output};

use reading_room::chat::{Agreement, Marked, WordKind, agreement, differences, likeness};
use serde_json::Value;

const HUATUO: &str = "tests/fixtures/models/huatuo-7b-tiny/model";
const LLAVA_MED: &str = "tests/fixtures/models/llava-med-v1.5-tiny/model";
const QWEN_VL: &str = "tests/fixtures/models/huatuo-qwen2.5vl-tiny/model";
const PICTURE: &str = "tests/fixtures/models/images/ct_square_gray.png";

fn told(marked: &[Marked], is_shared: bool) -> String {
    let wanted = marked.iter().filter(|one| one.is_shared == is_shared);
    wanted.map(|one| one.text.trim_end()).collect::<Vec<_>>().join("|")
}

#[test]
fn words_that_only_one_answer_has_are_marked() {
    let answers = ["There is a nodule in the left lung.", "There is no nodule in the right lung."];
    let [a, b] = <[Vec<Marked>; 2]>::try_from(differences(&answers)).unwrap();
    // marked text is the whole answer, letter for letter
    for (marked, answer) in [&a, &b].into_iter().zip(answers) {
        assert_eq!(marked.iter().map(|one| one.text.as_str()).collect::<String>(), answer);
    }
    assert_eq!(told(&a, false), "a|left");
    assert_eq!(told(&b, false), "no|right");
    let kind = |marked: &[Marked], text: &str| {
        marked.iter().find(|one| one.text.trim_end() == text).unwrap().kind
    };
    assert_eq!(kind(&a, "left"), WordKind::Side);
    assert_eq!(kind(&b, "no"), WordKind::Negation);
    // a number stands out even where both have it
    let both = differences(&["It measures 12 mm.", "It measures 12 mm."]);
    assert!(both[0].iter().all(|one| one.is_shared));
    assert_eq!(kind(&both[0], "12"), WordKind::Number);
    // case and punctuation are not a difference
    let alike = differences(&["CT, of the chest", "ct of the Chest."]);
    assert!(alike.iter().flatten().all(|one| one.is_shared));
    // of three answers a word is shared when all have it
    let three = differences(&["a b c", "a b d", "a e c"]);
    assert_eq!(told(&three[0], true), "a");
}

#[test]
fn chinese_is_compared_character_by_character() {
    let [a, b] =
        <[Vec<Marked>; 2]>::try_from(differences(&["左肺有结节。", "右肺无结节。"])).unwrap();
    assert_eq!(told(&a, false), "左|有");
    assert_eq!(told(&b, false), "右|无");
    assert_eq!(a.first().unwrap().kind, WordKind::Side);
    assert_eq!(agreement(&["是。", "否，未见异常。"]), Some(Agreement::Contradict));
    assert_eq!(agreement(&["左侧胸腔积液", "右侧胸腔积液"]), Some(Agreement::Contradict));
}

#[test]
fn agreement_is_about_what_is_said() {
    let of = |a: &str, b: &str| agreement(&[a, b]);
    assert_eq!(of("Yes.", "yes, there is one"), Some(Agreement::Agree));
    assert_eq!(of("Yes.", "No."), Some(Agreement::Contradict));
    assert_eq!(of("A nodule on the left.", "A nodule on the right."), Some(Agreement::Contradict));
    assert_eq!(of("Left and right are clear.", "The right is clear."), Some(Agreement::Differ));
    assert_eq!(of("A chest CT.", "a chest CT"), Some(Agreement::Agree));
    assert_eq!(of("A chest CT.", "An MRI."), Some(Agreement::Differ));
    assert_eq!(of("Nodule.", "No."), Some(Agreement::Differ));
    assert_eq!(of("Yes.", ""), None);
    assert_eq!(agreement(&["Yes.", "Yes.", "No."]), Some(Agreement::Contradict));
    assert!((likeness("a b c d", "a b c d") - 1.0).abs() < 1e-9);
    assert!((likeness("a b", "c d")).abs() < 1e-9);
    assert!((likeness("a b c d", "a b") - 4.0 / 6.0).abs() < 1e-9);
}

fn compare(models: &[&str], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reading-room"));
    command.args(["compare", "--device", "cpu", "--precision", "f32", "--image", PICTURE]);
    command.args(["--question", "Is there a nodule?", "--max-new-tokens", "6"]);
    for model in models {
        command.args(["--model", model]);
    }
    command.args(more).output().unwrap()
}

#[test]
fn each_column_is_what_ask_says_and_the_ladder_goes_by_size() {
    let output = compare(&[HUATUO, LLAVA_MED], &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let compared: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answers = compared["answers"].as_array().unwrap();
    for (model, column) in [HUATUO, LLAVA_MED].into_iter().zip(answers) {
        let asked = Command::new(env!("CARGO_BIN_EXE_reading-room"))
            .args(["ask", "--device", "cpu", "--precision", "f32", "--image", PICTURE, "--json"])
            .args(["--question", "Is there a nodule?", "--max-new-tokens", "6"])
            .args(["--model", model])
            .output()
            .unwrap();
        let asked: Value = serde_json::from_slice(&asked.stdout).unwrap();
        assert_eq!(column["output_ids"], asked["output_ids"]);
        assert_eq!(column["model"]["weights_sha256"], asked["model"]["weights_sha256"]);
        let text = column["text"].as_str().unwrap();
        let marked = column["differences"].as_array().unwrap();
        let whole: String = marked.iter().map(|one| one["text"].as_str().unwrap()).collect();
        assert_eq!(whole.trim(), text.trim());
        assert!(column["size"]["parameters"].as_u64().unwrap() > 1000);
        assert!(column["size"]["load_ms"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(compared["like_for_like"], true);
    // what the authors ship is another for every family
    let output = compare(&[HUATUO, QWEN_VL], &["--author-defaults", "--json"]);
    let authors: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(authors["like_for_like"], false);
    let ladder = compared["ladder"].as_array().unwrap();
    let sizes: Vec<u64> = ladder.iter().map(|one| one["parameters"].as_u64().unwrap()).collect();
    assert!(sizes.len() == 2 && sizes.is_sorted(), "{sizes:?}");
    assert_eq!(ladder[1]["likeness"], 1.0);
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn one_model_that_fails_does_not_take_the_others_answer() {
    let broken = tempfile::tempdir().unwrap();
    copy(Path::new(HUATUO), broken.path());
    // its last numbers are none: it is recognised, and fails when it is loaded
    let shard = broken.path().join("model-00002-of-00004.safetensors");
    let mut bytes = std::fs::read(&shard).unwrap();
    let end = bytes.len();
    bytes[end - 64..].fill(0xff);
    std::fs::write(&shard, &bytes).unwrap();
    let output = compare(&[&broken.path().display().to_string(), HUATUO], &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let compared: Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = compared["answers"][0]["error"].as_str().unwrap();
    assert!(error.contains("not finite"), "{error}");
    assert!(!compared["answers"][1]["output_ids"].as_array().unwrap().is_empty());
    let said = compare(&[HUATUO], &[]);
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("at least two models"));
}
