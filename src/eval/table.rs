//! A report as a table for people.

use crate::eval::{Figure, Group, Report};

/// Scores in the order of their columns, and what stands above them.
const COLUMNS: [(&str, &str); 17] = [
    ("accuracy", "accuracy"),
    ("accuracy_corrected", "accuracy, any case"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("precision", "precision"),
    ("exact_match", "exact match"),
    ("bleu_score_1", "BLEU 1"),
    ("bleu_score_2", "BLEU 2"),
    ("bleu_score_3", "BLEU 3"),
    ("bleu_score", "BLEU"),
    ("open_accuracy_candidates", "open, candidates"),
    ("open_accuracy_contains", "open, contained"),
    ("open_accuracy_corrected", "open, whole words"),
    ("closed_accuracy", "closed, run_eval"),
    ("closed_accuracy_contains", "closed, contained"),
    ("closed_accuracy_corrected", "closed, first word"),
    ("closed_recall", "closed recall"),
];

/// Failures that the table lists; `results.json` has all.
const LISTED: usize = 20;

/// Names and titles of the scores that a report has, in the order of the table.
pub(super) fn columns(report: &Report) -> Vec<(&'static str, &'static str)> {
    let has = |score: &str| report.total.figures.contains_key(score);
    COLUMNS.iter().filter(|(score, _)| has(score)).copied().collect()
}

pub(super) fn markdown(report: &Report) -> String {
    let mut text = heading(report);
    let columns = columns(report);
    let has_majority = report.total.majority.is_some();
    text += "\n| | questions |";
    for (score, title) in &columns {
        text += &format!(" {title} |");
        if is_beside_majority(score) && has_majority {
            text += " most frequent |";
        }
    }
    text += "\n|---|---|";
    let has_class = columns.iter().any(|(score, _)| is_beside_majority(score)) && has_majority;
    text += &"---|".repeat(columns.len() + usize::from(has_class));
    text.push('\n');
    for group in std::iter::once(&report.total).chain(&report.groups) {
        let name = cell(&group.name);
        let name = if group.by == "total" { "**all**".to_owned() } else { name };
        let by = if group.by == "total" { String::new() } else { format!("{}: ", group.by) };
        text += &format!("| {by}{name} | {} |", group.questions);
        for (score, _) in &columns {
            text += &format!(" {} |", figure(group.figures.get(*score)));
            if is_beside_majority(score) && has_majority {
                text += &format!(" {} |", majority(group));
            }
        }
        text.push('\n');
    }
    text + &failures(report)
}

/// The most frequent right answer is what an accuracy has to be compared with.
fn is_beside_majority(score: &str) -> bool {
    matches!(score, "accuracy" | "closed_accuracy_corrected")
}

fn heading(report: &Report) -> String {
    let settings = &report.settings;
    let mut text = format!("# {} · {}\n\n", settings.format.title(), cell(&settings.dataset));
    if let Some(asked) = &settings.asked {
        let devices: Vec<&str> = report.devices.iter().map(String::as_str).collect();
        let precision = asked.precision.as_deref().unwrap_or("?");
        let sampling = asked.sampling;
        let how = if sampling.temperature > 0.0 {
            format!("temperature {}, seed {}", sampling.temperature, sampling.seed)
        } else {
            "greedy".to_owned()
        };
        text += &format!(
            "{} ({}) in {precision} on {}, {how}, at most {} tokens\n\n",
            asked.model,
            asked.family,
            devices.join(" and "),
            asked.max_new_tokens
        );
    }
    if settings.blind {
        text += "**Blind**: every picture was mid-grey.\n\n";
    }
    if let Some(shard) = settings.shard {
        text += &format!("Part {} of {}.\n\n", shard.number, shard.of);
    }
    text += &format!("{} of {} questions answered", report.answered, report.questions);
    let further = [
        (report.failed, "failed"),
        (report.unanswered, "not asked yet"),
        (settings.dropped.open, "dropped as open"),
        (settings.dropped.repeated, "dropped as repeated"),
        (settings.dropped.unanswered, "dropped without an answer"),
    ];
    for (count, what) in further.into_iter().filter(|(count, _)| *count > 0) {
        text += &format!(", {count} {what}");
    }
    text + ". In %, with 95 % intervals.\n"
}

fn figure(figure: Option<&Figure>) -> String {
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    figure.map_or("–".to_owned(), |Figure { value, low, high, .. }| {
        format!("{} ({}–{})", percent(*value), percent(*low), percent(*high))
    })
}

fn majority(group: &Group) -> String {
    group.majority.map_or("–".to_owned(), |share| format!("{:.1}", share * 100.0))
}

fn failures(report: &Report) -> String {
    if report.failures.is_empty() {
        return String::new();
    }
    let mut text = "\nQuestions that could not be asked:\n\n".to_owned();
    for failure in report.failures.iter().take(LISTED) {
        text += &format!("- {}: {}\n", failure.id, cell(&failure.reason));
    }
    match report.failures.len().checked_sub(LISTED) {
        Some(more @ 1..) => text + &format!("- and {more} more\n"),
        _ => text,
    }
}

/// On one line, and without what would end a cell.
fn cell(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() || c == '|' { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}
