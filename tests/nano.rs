//! nano, the model that is part of the program: it answers without any set-up.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

/// One answer about a picture, from a cache folder of its own.
fn ask(cache: &Path, image: Option<&str>, question: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reading-room"));
    command.env("READING_ROOM_CACHE", cache).args([
        "ask",
        "--device",
        "cpu",
        "--question",
        question,
    ]);
    if let Some(image) = image {
        command.args(["--image", image]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_samples_are_named() {
    let cache = tempfile::tempdir().unwrap();
    let ct = ask(cache.path(), Some("assets/sample/ct-torso/10.dcm"), "What modality is this?");
    assert!(ct.contains("CT"), "{ct}");
    let chest = Some("assets/sample/chest-x-ray.png");
    let modality = ask(cache.path(), chest, "Which imaging modality was used?");
    assert!(modality.contains("X-ray"), "{modality}");
    let part = ask(cache.path(), chest, "What body part is this?");
    assert!(part.contains("chest"), "{part}");
}

#[test]
fn what_it_was_not_taught_is_declined() {
    let cache = tempfile::tempdir().unwrap();
    for question in ["What is the capital of France?", "Is there a fracture?"] {
        let answer = ask(cache.path(), Some("assets/sample/chest-x-ray.png"), question);
        assert!(answer.contains("not trained"), "{question} {answer}");
    }
}

#[test]
fn a_damaged_copy_is_written_anew() {
    let cache = tempfile::tempdir().unwrap();
    let first = ask(cache.path(), None, "Hello");
    let find = |name: &str| {
        let folder = std::fs::read_dir(cache.path().join("models")).unwrap().next().unwrap();
        folder.unwrap().path().join("nano").join(name)
    };
    let weights = find("model.safetensors");
    let whole = std::fs::metadata(&weights).unwrap().len();
    std::fs::write(&weights, b"cut").unwrap();
    std::fs::remove_file(find("tokenizer.json")).unwrap();
    assert_eq!(ask(cache.path(), None, "Hello"), first);
    assert_eq!(std::fs::metadata(&weights).unwrap().len(), whole);
}

#[test]
fn a_picture_is_drawn_again() {
    let cache = tempfile::tempdir().unwrap();
    let out = cache.path().join("drawn.png");
    let output = Command::new(env!("CARGO_BIN_EXE_reading-room"))
        .env("READING_ROOM_CACHE", cache.path())
        .args(["reconstruct", "--device", "cpu", "--json", "--image"])
        .args(["assets/sample/chest-x-ray.png", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["complete"], &said["grid"]), (&true.into(), &serde_json::json!([16, 16])));
    // another picture of the same kind gets a quarter on average
    assert!(said["metrics"]["ssim"].as_f64().unwrap() > 0.45, "{}", said["metrics"]);
    assert!(out.is_file());
}
