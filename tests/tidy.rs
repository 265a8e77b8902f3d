//! The promises README makes about the source tree, kept true.
#![expect(clippy::unwrap_used, reason = "a broken tree should fail loudly")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each folder under `src` and the folders of this crate it may name, lowest first.
const LAYERS: &[(&str, &[&str])] = &[
    ("imaging", &[]),
    ("nn", &[]),
    ("checkpoint", &[]),
    ("text", &[]),
    ("vlm", &["imaging", "nn", "checkpoint", "text"]),
    ("train", &["imaging", "nn", "checkpoint", "text", "vlm"]),
    ("worker", &["imaging", "vlm"]),
    ("eval", &["imaging", "vlm"]),
    ("chat", &["imaging", "vlm"]),
    ("cli", &["imaging", "nn", "checkpoint", "text", "vlm", "train", "eval", "worker", "chat"]),
    ("app", &["imaging", "vlm", "train", "eval", "worker", "chat"]),
];

/// Names from outside and the only folders that may use them.
const OWNERS: &[(&str, &[&str])] = &[
    ("egui::", &["app"]),
    ("eframe::", &["app"]),
    ("rfd::", &["app"]),
    ("dicom_", &["imaging"]),
    ("image::", &["imaging"]),
    ("burn::", &["nn", "checkpoint", "vlm", "train"]),
    ("safetensors::", &["checkpoint"]),
    ("pytorch_reader::", &["checkpoint"]),
    ("serde_norway::", &["vlm"]),
    ("tokenizers::", &["text"]),
    ("rusqlite::", &["chat"]),
    ("postcard::", &["worker"]),
    ("std::process::Command", &["worker"]),
    ("clap::", &["cli"]),
    ("anyhow::", &["cli"]),
    ("std::net", &[]),
];

const MAX_LINES: usize = 600;

/// The only files with `unsafe`: instructions and kernels chosen at run time, memory in large
/// pages, an option of the allocator, and a question to a graphics driver.
const UNSAFE: &[&str] = &[
    "src/nn/kernel/attend_device_ops.rs",
    "src/nn/kernel/cube_activation.rs",
    "src/nn/kernel/host/processor.rs",
    "src/nn/kernel/quant_cube.rs",
    "src/nn/kernel/quant_several_cube.rs",
    "src/nn/kernel/rows_device.rs",
    "src/nn/quant/avx2.rs",
    "src/nn/quant/avx512.rs",
    "src/nn/quant/memory.rs",
    "src/nn/quant/pack.rs",
    "src/vlm/device/heaps.rs",
    "src/worker/allocator.rs",
];

#[test]
fn every_folder_has_a_layer() {
    let listed: BTreeSet<_> = LAYERS.iter().map(|(folder, _)| (*folder).to_owned()).collect();
    let present: BTreeSet<_> = fs::read_dir("src")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(present, listed);
}

#[test]
fn folders_name_only_the_layers_below_them() {
    for (folder, below) in LAYERS {
        for (path, line) in code_lines(&Path::new("src").join(folder)) {
            for rest in line.split("crate::").skip(1) {
                let named = identifier(rest);
                assert!(!named.is_empty(), "{path}: write one `use crate::folder::…` per folder");
                assert!(
                    named == *folder || below.contains(&named),
                    "{path}: {folder} may not name {named}"
                );
            }
        }
    }
}

#[test]
fn outside_crates_stay_with_their_owners() {
    for (folder, _) in LAYERS {
        for (path, line) in code_lines(&Path::new("src").join(folder)) {
            for (name, owners) in OWNERS {
                assert!(
                    !names(&line, name) || owners.contains(folder),
                    "{path}: {name} belongs to {owners:?}"
                );
            }
        }
    }
}

#[test]
fn files_open_with_a_purpose_and_stay_short() {
    for path in rust_files(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(text.starts_with("//! "), "{}: no //! first line", path.display());
        assert!(lines <= MAX_LINES, "{}: {lines} lines", path.display());
    }
}

#[test]
fn unsafe_code_stays_in_the_files_that_say_why() {
    let starts = ["unsafe {", "unsafe impl", "unsafe fn", "unsafe trait"];
    let with_unsafe: BTreeSet<String> = rust_files(Path::new("src"))
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            starts.iter().any(|start| text.contains(start))
        })
        .map(|path| path.display().to_string().replace('\\', "/"))
        .collect();
    assert_eq!(with_unsafe, UNSAFE.iter().map(|path| (*path).to_owned()).collect());
}

/// Crates that open sockets or speak HTTP; none may be in the built tree.
const NETWORK: &[&str] = &[
    "attohttpc",
    "curl",
    "hf-hub",
    "hyper",
    "isahc",
    "minreq",
    "native-tls",
    "openssl",
    "quinn",
    "reqwest",
    "rustls",
    "self_update",
    "sentry",
    "socket2",
    "tungstenite",
    "ureq",
];

#[test]
fn nothing_in_the_built_tree_speaks_to_a_network() {
    let args = ["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none"];
    let output = std::process::Command::new(env!("CARGO")).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.lines().count() > 100, "the tree is too small to be true:\n{tree}");
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or(line);
        assert!(!NETWORK.contains(&name), "{name} is in the dependency tree");
    }
}

/// Whether a line names `name` itself, not something that ends like it.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn code_lines(folder: &Path) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for path in rust_files(folder) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.extend(code.map(|line| (path.display().to_string(), line.to_owned())));
    }
    lines
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
