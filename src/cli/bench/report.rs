//! What a measurement prints: one JSON object, and a table for people.

use std::io::Write;

use serde::Serialize;

use crate::vlm::{ComputeDevice, Measured, SecondQuestion};

use super::Done;
use super::figures::{Figures, Range, median, range, rounded};

/// Ids whose scores after the prompt tell whether two programs compute the same.
const PROBED: [usize; 8] = [101, 1009, 5003, 9001, 12007, 20011, 25013, 30011];

/// `bench --json`.
#[derive(Serialize)]
pub(super) struct Report {
    model: String,
    device: String,
    driver: String,
    /// Of the programs of a graphics adapter.
    shaders: Option<&'static str>,
    precision: String,
    notes: Vec<String>,
    threads: usize,
    load_ms: f64,
    prefill_tokens: u32,
    decode_tokens: u32,
    #[serde(flatten)]
    median: Figures<f64>,
    peak_rss_mb: u64,
    peak_gpu_mb: Option<u64>,
    tokens: Vec<u32>,
    /// `null` for ids that the vocabulary does not have.
    probe: [Option<f32>; PROBED.len()],
    runs: usize,
    spread: Figures<Range>,
    cold: Figures<f64>,
    cold_image_encode_ms: Option<f64>,
    cold_prefill_ms: Option<f64>,
    second_question: Option<Second>,
}

#[derive(Serialize)]
struct Second {
    prefill_tokens: u32,
    first_token_ms: f64,
}

impl Report {
    pub(super) fn new(
        done: &Done,
        device: &ComputeDevice,
        threads: usize,
        peak_rss_mb: u64,
        peak_gpu_mb: Option<u64>,
    ) -> Self {
        let Done { model, precision, notes, load_ms, measured } = done;
        let Measured { prefill_tokens, decode_tokens, cold, runs, .. } = measured;
        let (cold, all) = (Figures::of(cold), runs.iter().map(Figures::of).collect::<Vec<_>>());
        let second = |second: SecondQuestion| Second {
            prefill_tokens: second.prefill_tokens,
            first_token_ms: rounded(second.first_token_ms),
        };
        Self {
            model: model.clone(),
            device: device.label(),
            driver: device.driver(),
            shaders: device.shader_language(),
            precision: precision.clone(),
            notes: notes.clone(),
            threads,
            load_ms: rounded(*load_ms),
            prefill_tokens: *prefill_tokens,
            decode_tokens: *decode_tokens,
            median: Figures::over(&all, median),
            peak_rss_mb,
            peak_gpu_mb,
            tokens: measured.tokens.clone(),
            probe: PROBED.map(|id| measured.logits.get(id).copied()),
            runs: all.len(),
            spread: Figures::over(&all, range),
            cold,
            cold_image_encode_ms: cold.image_encode_ms,
            cold_prefill_ms: cold.prefill_ms,
            second_question: measured.second_question.map(second),
        }
    }

    /// A line for every timing that there is.
    pub(super) fn write_table(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let Self { model, precision, device, threads, runs, .. } = self;
        writeln!(out, "{model} in {precision} on {device}")?;
        writeln!(out, "CPU threads {threads}, median of {runs} after one to warm up, in ms")?;
        writeln!(
            out,
            "{:<16}{:>11}{:>11}{:>11}{:>11}{:>11}",
            "", "median", "least", "most", "first run", "CPU"
        )?;
        for (name, figure, cpu) in TIMINGS {
            let Some(median) = figure.of(&self.median) else { continue };
            let spread = figure.of(&self.spread);
            let number = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.1}"));
            writeln!(
                out,
                "{name:<16}{:>11}{:>11}{:>11}{:>11}{:>11}",
                number(Some(median)),
                number(spread.map(|range| range.min)),
                number(spread.map(|range| range.max)),
                number(figure.of(&self.cold)),
                number(cpu.and_then(|cpu| cpu(&self.median))),
            )?;
        }
        self.write_rates(out)
    }

    fn write_rates(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let rate = |tokens: u32, ms: Option<f64>| {
            let ms = ms.filter(|ms| *ms > 0.0)?;
            Some(format!("{tokens} tokens, {:.1} a second", f64::from(tokens) / ms * 1e3))
        };
        writeln!(out, "{:<16}{:.1} ms", "load", self.load_ms)?;
        if let Some(rate) = rate(self.prefill_tokens, self.median.prefill_ms) {
            writeln!(out, "{:<16}{rate}", "prompt")?;
        }
        if let Some(rate) = rate(self.decode_tokens, self.median.decode_ms) {
            writeln!(out, "{:<16}{rate}", "answer")?;
        }
        if let Some(second) = &self.second_question {
            let Second { prefill_tokens, first_token_ms } = second;
            let label = "second question";
            writeln!(
                out,
                "{label:<16}{prefill_tokens} tokens read, first token after {first_token_ms:.1} ms"
            )?;
        }
        let gpu = self.peak_gpu_mb.map_or(String::new(), |mb| format!(", {mb} MB of the GPU's"));
        writeln!(out, "{:<16}{} MB{gpu}", "memory", self.peak_rss_mb)?;
        Ok(())
    }
}

/// Which timing a line of the table is about.
#[derive(Clone, Copy)]
enum Timing {
    ImageEncode,
    Prefill,
    FirstToken,
    Decode,
    PictureDecode,
}

/// Name, timing, and its processor time.
type Line = (&'static str, Timing, Option<fn(&Figures<f64>) -> Option<f64>>);

const TIMINGS: [Line; 5] = [
    ("image encode", Timing::ImageEncode, Some(|figures| figures.image_encode_cpu_ms)),
    ("prefill", Timing::Prefill, Some(|figures| figures.prefill_cpu_ms)),
    ("first token", Timing::FirstToken, None),
    ("decode", Timing::Decode, Some(|figures| figures.decode_cpu_ms)),
    ("picture decode", Timing::PictureDecode, Some(|figures| figures.picture_decode_cpu_ms)),
];

impl Timing {
    fn of<T: Copy>(self, figures: &Figures<T>) -> Option<T> {
        match self {
            Self::ImageEncode => figures.image_encode_ms,
            Self::Prefill => figures.prefill_ms,
            Self::FirstToken => figures.first_token_ms,
            Self::Decode => figures.decode_ms,
            Self::PictureDecode => figures.picture_decode_ms,
        }
    }
}
