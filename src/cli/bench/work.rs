//! What is asked in a measurement.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use crate::cli::args::BenchArgs;
use crate::cli::images::Decoder;
use crate::imaging::{Channels, DisplayImage, WindowChoice};
use crate::vlm::{WorkPrompt, Workload};

/// A usual question and one that may follow it.
const QUESTION: &str = "Describe the findings in this image.";
const OTHER: &str = "Is there anything that needs attention at once?";

/// As many ids as a usual question has beside its picture.
const USUAL_TOKENS: usize = 24;

/// A CT slice has as many.
const SIDE: u32 = 512;

/// The keys of a `--bench` file that count; the rest says what the file was made for.
#[derive(Deserialize)]
struct BenchFile {
    before: Vec<u32>,
    after: Vec<u32>,
}

/// As it was typed; random weights have no tokenizer for a question.
pub(super) fn of(args: &BenchArgs) -> anyhow::Result<Workload> {
    let prompt = match (&args.bench, args.prompt_tokens) {
        (Some(path), _) => ids_of(path)?,
        (None, Some(tokens)) => WorkPrompt::Filler { tokens },
        (None, None) if args.synthetic.is_some() => WorkPrompt::Filler { tokens: USUAL_TOKENS },
        (None, None) => WorkPrompt::Text { question: QUESTION.to_owned(), other: OTHER.to_owned() },
    };
    let picture = picture(args)?;
    Ok(Workload {
        images: vec![picture; args.images as usize],
        prompt,
        decode_tokens: args.decode_tokens,
        repeat: args.repeat,
    })
}

fn ids_of(path: &Path) -> anyhow::Result<WorkPrompt> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the prompt could not be read: {}", path.display()))?;
    let file: BenchFile = serde_json::from_str(&text).with_context(|| {
        format!("the prompt has no lists of ids before and after: {}", path.display())
    })?;
    Ok(WorkPrompt::Ids { before: file.before, after: file.after })
}

/// The file as the viewer shows it, or something like a slice.
fn picture(args: &BenchArgs) -> anyhow::Result<DisplayImage> {
    let Some(path) = &args.image else { return Ok(made_up()) };
    let frame = Decoder::InProcess.read_frame(path)?;
    Ok(WindowChoice::File.resolve(&frame).render(&frame))
}

/// Rings, brighter to the middle.
fn made_up() -> DisplayImage {
    let level = |index: u32| {
        let [x, y] = [index % SIDE, index / SIDE].map(|at| i64::from(at.abs_diff(SIDE / 2)));
        let (far, ring) = ((x * x + y * y) / 512, (x * x + y * y) / 97 % 64);
        (255 - far - ring).clamp(0, 255) as u8
    };
    let pixels = (0..SIDE * SIDE).map(level).collect();
    DisplayImage { width: SIDE, height: SIDE, channels: Channels::Gray, pixels }
}
