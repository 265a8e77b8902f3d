//! Training that is killed, and training on a disk that is full: nothing learnt so far is lost.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reading_room::imaging::{Channels, DisplayImage};
use reading_room::train::read_metrics;
use serde_json::{Value, json};

const TINY: &str = "tests/fixtures/models/huatuo-7b-tiny/model";
const STEPS: usize = 240;

/// Pictures, questions and a configuration whose output lies in `output`.
fn room(folder: &Path, output: &Path) -> PathBuf {
    let mut records = Vec::new();
    for index in 0..4_u32 {
        let name = format!("{index}.png");
        let pixels = (0..32 * 32).map(|at| (at * (index + 3) % 251) as u8).collect();
        let picture = DisplayImage { width: 32, height: 32, channels: Channels::Gray, pixels };
        picture.write_png(&folder.join(&name)).unwrap();
        records.push(json!({"id": name, "image": name, "conversations": [
            {"from": "human", "value": "<image>\nWhich?"},
            {"from": "gpt", "value": format!("Number {index}.")}]}));
    }
    std::fs::write(folder.join("data.json"), Value::from(records).to_string()).unwrap();
    let text = format!(
        "seed = 5\n[model]\nfolder = \"{}\"\n[data]\ntrain = [\"data.json\"]\nimages = \".\"\n\
         [output]\nfolder = \"{}\"\nsave_every = 20\n[[stage]]\nname = \"all\"\n\
         train = [\"projector\", \"language\"]\nsteps = {STEPS}\nbatch = 2\nlearning_rate = 1e-3\n",
        std::fs::canonicalize(TINY).unwrap().display(),
        output.display()
    );
    let name = format!("{}.toml", output.file_name().unwrap().to_string_lossy());
    std::fs::write(folder.join(&name), text).unwrap();
    folder.join(name)
}

fn train(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reading-room"));
    command.args(["train", "--device", "cpu", "--json", "--threads", "1"]).arg(config);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn weights(output: &Path) -> Vec<u8> {
    std::fs::read(output.join("model/model.safetensors")).unwrap()
}

#[test]
fn killed_anywhere_it_ends_as_if_it_had_never_been() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let output = train(&room(folder.path(), &whole)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let killed = folder.path().join("killed");
    let config = room(folder.path(), &killed);
    let mut kills = 0;
    // each life is a little longer than the last, so that some end within a save
    for life in 1..=8_usize {
        let mut child = train(&config).spawn().unwrap();
        let metrics = killed.join("metrics.jsonl");
        let seen = || std::fs::read_to_string(&metrics).unwrap_or_default().lines().count();
        let wanted = (seen() + 20 + life).min(STEPS - 1);
        let begun = Instant::now();
        while seen() < wanted && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(120), "nothing is learnt");
            std::thread::sleep(Duration::from_millis(life as u64));
        }
        // SIGKILL: nothing is told, nothing is tidied up
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
    }
    assert!(kills >= 6, "only {kills} runs were killed before their end");
    let output = train(&config).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let resumed = printed["resumed"].as_u64().unwrap();
    println!("{kills} kills, the last run went on from step {resumed}");
    assert!(weights(&whole) == weights(&killed), "the weights differ");
    let steps = |output: &Path| {
        let all = read_metrics(&output.join("metrics.jsonl")).unwrap();
        all.iter().map(|one| (one.step, one.loss.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(steps(&whole), steps(&killed));
}

/// A file system in memory, of a size.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(kilobytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kilobytes}k");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(self.0.path()).status().ok();
    }
}

#[test]
fn a_full_disk_is_said_and_what_was_saved_is_there_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(16 << 10) else {
        println!("skipped: a small file system cannot be mounted here (it takes root on Linux)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = disk.0.path().join("run");
    let config = room(folder.path(), &output);
    // what one saved state takes, to fill the disk up to a little more
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("steps = 240", "steps = 20")).unwrap();
    assert!(train(&config).status().unwrap().success());
    let state = output.join("state/step-00000020");
    let size = |name: &str| std::fs::metadata(state.join(name)).map_or(0, |file| file.len());
    let a_state = 3 * size("model.safetensors");
    std::fs::remove_dir_all(&output).unwrap();
    std::fs::write(&config, text).unwrap();
    let ballast = disk.0.path().join("ballast");
    let room_left = a_state + a_state / 2;
    std::fs::write(&ballast, vec![0; ((16 << 20) - room_left) as usize]).unwrap();
    let failed = train(&config).output().unwrap();
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(last.contains("the disk is full") && last.contains("make room"), "{said}");
    std::fs::remove_file(&ballast).unwrap();
    let went_on = train(&config).output().unwrap();
    let said = String::from_utf8_lossy(&went_on.stderr);
    assert!(went_on.status.success(), "{said}");
    let printed: Value = serde_json::from_slice(&went_on.stdout).unwrap();
    assert_eq!(printed["resumed"], 20, "{said}");
}
