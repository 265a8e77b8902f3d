//! What `compare` prints beside the answers: sizes, speeds, differences, and the ladder.

use std::io::Write;

use serde::Serialize;

use crate::chat::{Agreement, Marked, agreement, differences, likeness};
use crate::cli::ask_report;
use crate::vlm::parameters_text;

use super::Column;

#[derive(Serialize)]
struct Report<'a, R: Serialize> {
    question: &'a str,
    /// The same parameters for all.
    like_for_like: bool,
    agreement: Option<Agreement>,
    answers: Vec<Asked<'a, R>>,
    /// Smallest first.
    ladder: Vec<Rung<'a>>,
}

#[derive(Serialize)]
struct Asked<'a, R: Serialize> {
    title: &'a str,
    size: Size,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    answer: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// Its words: shared with all others or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Marked>,
}

/// What a model costs.
#[derive(Serialize)]
struct Size {
    parameters: u64,
    bytes_on_disk: u64,
    peak_rss_mb: Option<u64>,
    load_ms: Option<f64>,
    first_token_ms: Option<f64>,
    tokens_per_s: Option<f64>,
}

/// A model by what it costs and how far its words are those of the largest.
#[derive(Serialize)]
struct Rung<'a> {
    title: &'a str,
    parameters: u64,
    /// Of the answer without loading, in milliseconds.
    answer_ms: f64,
    agreement: Option<Agreement>,
    likeness: f64,
}

fn text(column: &Column) -> &str {
    column.outcome.as_ref().map_or("", |answered| answered.answer.text.as_str())
}

fn size(column: &Column) -> Size {
    let answered = column.outcome.as_ref().ok();
    let timings = answered.map(|answered| answered.answer.timings);
    let speed = timings.filter(|times| times.decode_tokens > 0 && times.decode_ms > 0.0);
    Size {
        parameters: column.spec.parameters,
        bytes_on_disk: column.spec.weights_bytes,
        peak_rss_mb: answered.map(|answered| answered.peak_rss_mb),
        load_ms: timings.map(|times| times.load_ms),
        first_token_ms: timings.map(|times| times.first_token_ms),
        tokens_per_s: speed.map(|times| f64::from(times.decode_tokens) / times.decode_ms * 1000.0),
    }
}

/// Every model that answered beside the largest that did.
fn ladder(columns: &[Column]) -> Vec<Rung<'_>> {
    let mut answered: Vec<&Column> = columns.iter().filter(|one| one.outcome.is_ok()).collect();
    answered.sort_by_key(|column| column.spec.parameters);
    let Some(largest) = answered.last().map(|column| text(column)) else { return Vec::new() };
    let rungs = answered.iter().map(|column| {
        let timings = column.outcome.as_ref().ok().map(|answered| answered.answer.timings);
        let own = text(column);
        Rung {
            title: &column.spec.title,
            parameters: column.spec.parameters,
            answer_ms: timings.map_or(0.0, |times| times.first_token_ms + times.decode_ms),
            agreement: agreement(&[own, largest]),
            likeness: likeness(own, largest),
        }
    });
    rungs.collect()
}

fn is_like_for_like(columns: &[Column]) -> bool {
    columns.windows(2).all(|pair| match pair {
        [a, b] => a.parameters == b.parameters,
        _ => true,
    })
}

/// One object for one question, and a list of them for several.
pub(super) fn write_json(
    out: &mut impl Write,
    questions: &[String],
    asked: &[Vec<Column>],
) -> anyhow::Result<()> {
    let reports: Vec<_> =
        questions.iter().zip(asked).map(|(question, columns)| report(question, columns)).collect();
    match &reports[..] {
        [only] => serde_json::to_writer(&mut *out, only)?,
        all => serde_json::to_writer(&mut *out, all)?,
    }
    writeln!(out)?;
    Ok(())
}

fn report<'a>(question: &'a str, columns: &'a [Column]) -> Report<'a, impl Serialize + 'a> {
    let texts: Vec<&str> = columns.iter().map(text).collect();
    let marked = differences(&texts);
    let answers = columns.iter().zip(marked).map(|(column, differences)| Asked {
        title: &column.spec.title,
        size: size(column),
        answer: column.outcome.as_ref().ok().map(|answered| ask_report::report(answered, None)),
        error: column.outcome.as_ref().err().map(String::as_str),
        differences,
    });
    Report {
        question,
        like_for_like: is_like_for_like(columns),
        agreement: agreement(&texts),
        answers: answers.collect(),
        ladder: ladder(columns),
    }
}

/// After the answers, for every question: a line a model, smallest first, and whether they agree.
pub(super) fn write_text(
    out: &mut impl Write,
    questions: &[String],
    asked: &[Vec<Column>],
) -> anyhow::Result<()> {
    for (question, columns) in questions.iter().zip(asked) {
        if questions.len() > 1 {
            writeln!(out, "> {question}")?;
        }
        write_summary(out, columns)?;
    }
    Ok(())
}

fn write_summary(out: &mut impl Write, columns: &[Column]) -> anyhow::Result<()> {
    for rung in ladder(columns) {
        let likeness = 100.0 * rung.likeness;
        writeln!(
            out,
            "{}: {}, {:.1} s an answer, {likeness:.0} % of its words as the largest",
            rung.title,
            parameters_text(rung.parameters),
            rung.answer_ms / 1000.0,
        )?;
    }
    let texts: Vec<&str> = columns.iter().map(text).collect();
    if let Some(agreement) = agreement(&texts) {
        writeln!(out, "{}", agreement.title())?;
    }
    if !is_like_for_like(columns) {
        writeln!(out, "Not like for like: the models' parameters differ")?;
    }
    Ok(())
}
