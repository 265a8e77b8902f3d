//! The object that `ask --json` prints.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::imaging::Similarity;
use crate::vlm::{EyeFacts, FinishReason, Step, Timings, YesNo};

use super::ask::Answered;

#[derive(Serialize)]
struct Report<'a> {
    model: Model<'a>,
    prompt: &'a str,
    prompt_ids: &'a [i64],
    output_ids: &'a [u32],
    text: &'a str,
    finish_reason: &'static str,
    logprobs: &'a [f32],
    steps: &'a [Step],
    #[serde(skip_serializing_if = "Option::is_none")]
    yes_no: Option<YesNo>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    seen: &'a [EyeFacts],
    timings: Times,
    peak_rss_mb: u64,
    peak_gpu_mb: Option<u64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    drawn: Option<DrawnReport<'a>>,
}

/// What a reconstruction adds.
pub(super) struct Drawn<'a> {
    pub(super) grid: [usize; 2],
    pub(super) complete: bool,
    pub(super) out: &'a Path,
    pub(super) metrics: Option<Similarity>,
}

#[derive(Serialize)]
struct DrawnReport<'a> {
    codes: &'a [u32],
    grid: [usize; 2],
    complete: bool,
    out: String,
    metrics: Option<Similarity>,
}

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    family: &'a str,
    precision: &'a str,
    device: &'a str,
    driver: &'a str,
    weights_sha256: &'a str,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Times {
    load_ms: f64,
    image_encode_ms: f64,
    prefill_tokens: u32,
    prefill_ms: f64,
    first_token_ms: f64,
    decode_tokens: u32,
    decode_ms: f64,
}

/// Write the object, without a line end.
pub(super) fn write(
    out: &mut impl Write,
    answered: &Answered,
    drawn: Option<Drawn<'_>>,
) -> anyhow::Result<()> {
    serde_json::to_writer(out, &report(answered, drawn))?;
    Ok(())
}

/// The object.
pub(super) fn report<'a>(
    answered: &'a Answered,
    drawn: Option<Drawn<'a>>,
) -> impl Serialize + use<'a> {
    let Answered { info, answer, peak_rss_mb } = answered;
    Report {
        model: Model {
            name: &info.name,
            family: &info.family,
            precision: &info.precision,
            device: &info.device,
            driver: &info.driver,
            weights_sha256: &info.weights_sha256,
            notes: &info.notes,
        },
        prompt: &answer.prompt,
        prompt_ids: &answer.prompt_ids,
        output_ids: &answer.output_ids,
        text: &answer.text,
        finish_reason: match answer.finish_reason {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Cancelled => "cancelled",
        },
        logprobs: &answer.logprobs,
        steps: &answer.steps,
        yes_no: answer.yes_no,
        seen: &answer.seen,
        timings: times(&answer.timings),
        peak_rss_mb: *peak_rss_mb,
        peak_gpu_mb: None,
        drawn: drawn.map(|drawn| DrawnReport {
            codes: &answer.codes,
            grid: drawn.grid,
            complete: drawn.complete,
            out: drawn.out.display().to_string(),
            metrics: drawn.metrics,
        }),
    }
}

fn times(timings: &Timings) -> Times {
    Times {
        load_ms: timings.load_ms,
        image_encode_ms: timings.image_encode_ms,
        prefill_tokens: timings.prefill_tokens,
        prefill_ms: timings.prefill_ms,
        first_token_ms: timings.first_token_ms,
        decode_tokens: timings.decode_tokens,
        decode_ms: timings.decode_ms,
    }
}
