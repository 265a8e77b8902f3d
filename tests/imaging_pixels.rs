//! Pixels: every shared study against its reference rendering, and the arithmetic behind them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use reading_room::imaging::{DisplayImage, Frame, FrameRef, read_frame};
use serde_json::Value;

/// The shared studies, or why the test is skipped.
fn shared_data() -> Option<PathBuf> {
    let named = env::var_os("READING_ROOM_SHARED").map(PathBuf::from);
    let shared = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let data = shared.join("data");
    if data.join("MANIFEST.tsv").is_file() {
        return Some(data);
    }
    println!("skipped: no shared studies at {} (READING_ROOM_SHARED)", data.display());
    None
}

fn frame_of(path: &Path, frame_number: u32) -> Result<Frame, String> {
    let frame_ref =
        FrameRef { path: path.to_owned(), sop_instance_uid: String::new(), frame_number };
    read_frame(&frame_ref).map_err(|error| error.to_string())
}

/// Largest and mean difference of two pictures.
fn difference(ours: &[u8], theirs: &[u8]) -> (u8, f64) {
    let differences = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b));
    let total: u64 = differences.clone().map(u64::from).sum();
    (differences.max().unwrap_or(0), total as f64 / ours.len().max(1) as f64)
}

/// Compare one frame with its golden; what differs, in words.
fn check(data: &Path, path: &Path, golden: &Value, tolerance: u8) -> Result<(), String> {
    let number = golden["frame"].as_u64().unwrap() as u32 + 1;
    let frame = frame_of(path, number)?;
    let shown = frame.default_grayscale().render(&frame);
    if shown.sha256() != golden["sha256_8bit"].as_str().unwrap() {
        let Some(png) = golden["png"].as_str() else {
            if tolerance > 0 {
                return check_pixels(&frame, &shown, golden, tolerance);
            }
            return Err("its hash differs".to_owned());
        };
        let theirs = image::open(data.join(png)).unwrap();
        let theirs = if frame.is_monochrome() {
            theirs.into_luma8().into_raw()
        } else {
            theirs.into_rgb8().into_raw()
        };
        if theirs.len() != shown.pixels.len() {
            return Err(format!("{} samples instead of {}", shown.pixels.len(), theirs.len()));
        }
        let (largest, mean) = difference(&shown.pixels, &theirs);
        if largest > tolerance {
            return Err(format!("differs by up to {largest}, {mean:.4} on average"));
        }
    }
    check_pixels(&frame, &shown, golden, tolerance)
}

fn check_pixels(
    frame: &Frame,
    shown: &DisplayImage,
    golden: &Value,
    tolerance: u8,
) -> Result<(), String> {
    for pixel in golden["pixels"].as_array().into_iter().flatten() {
        let row = pixel["row"].as_u64().unwrap() as u32;
        let column = pixel["col"].as_u64().unwrap() as u32;
        let at = row as usize * shown.width as usize + column as usize;
        let (ours, theirs): (Vec<u8>, Vec<u8>) = match &pixel["out8"] {
            Value::Array(rgb) => (
                frame.rgb(column, row).ok_or("no colour")?.to_vec(),
                rgb.iter().map(|v| v.as_u64().unwrap() as u8).collect(),
            ),
            gray => (vec![shown.pixels[at]], vec![gray.as_u64().unwrap() as u8]),
        };
        if difference(&ours, &theirs).0 > tolerance {
            return Err(format!("pixel {column},{row}: shown {ours:?} instead of {theirs:?}"));
        }
        let lossy = f64::from(tolerance) * 4.0;
        for (name, ours) in
            [("stored", frame.stored(column, row)), ("modality", frame.modality_value(column, row))]
        {
            if let (Some(ours), Some(theirs)) = (ours, pixel[name].as_f64()) {
                if (ours - theirs).abs()
                    > lossy * theirs.abs().max(50.0) / 50.0 + 1e-9 * theirs.abs()
                {
                    return Err(format!("pixel {column},{row}: {name} {ours} instead of {theirs}"));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn every_shared_study_looks_as_its_reference_rendering() {
    let Some(data) = shared_data() else { return };
    let goldens: Value =
        serde_json::from_slice(&fs::read(data.join("goldens/goldens.json")).unwrap()).unwrap();
    let manifest = fs::read_to_string(data.join("MANIFEST.tsv")).unwrap();
    let (mut matched, mut failures) = (0, Vec::new());
    for line in manifest.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let path = columns[0];
        let Some(frames) = goldens[path]["frame_goldens"].as_array() else { continue };
        let tolerance = columns[17].parse().unwrap_or(0);
        for golden in frames {
            match check(&data, &data.join(path), golden, tolerance) {
                Ok(()) => matched += 1,
                Err(why) => failures.push(format!("{path} frame {}: {why}", golden["frame"])),
            }
        }
    }
    println!("{matched} of {} frames match", matched + failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
