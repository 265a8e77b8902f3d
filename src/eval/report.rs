//! The numbers of a run: means with intervals, over all questions and by group.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::eval::bootstrap::{Figure, figures};
use crate::eval::folder::{read_answers, read_settings, write_json, write_whole};
use crate::eval::predictions::write_predictions;
use crate::eval::published::{Published, published};
use crate::eval::table::{columns, markdown};
use crate::eval::{EvalError, Record, Settings};

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the answers depend on.
    pub settings: Settings,
    /// What the model ran on, one or more.
    pub devices: BTreeSet<String>,
    /// Questions of this run.
    pub questions: usize,
    /// Those with an answer.
    pub answered: usize,
    /// Those that could not be asked; they do not count in the figures.
    pub failed: usize,
    /// Those not asked yet.
    pub unanswered: usize,
    /// Why questions could not be asked.
    pub failures: Vec<Failure>,
    /// Over all questions.
    pub total: Group,
    /// By field and value.
    pub groups: Vec<Group>,
    /// The tables that the authors' scripts print, under their names and in their numbers.
    pub published: Published,
    /// Of the answers; none when another program gave them.
    pub times: Option<Times>,
}

/// A question that could not be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Of the question.
    pub index: usize,
    /// As the data file has it.
    pub id: Value,
    /// One sentence.
    pub reason: String,
}

/// Questions that share something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The field; `total` for all questions.
    pub by: String,
    /// Its value.
    pub name: String,
    /// Answered questions.
    pub questions: usize,
    /// By name, from 0 to 1.
    pub figures: BTreeMap<String, Figure>,
    /// How often always giving the most frequent right class would be right.
    pub majority: Option<f64>,
}

/// How long answers took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Mean, in milliseconds.
    pub first_token_ms: f64,
    /// Mean of whole answers, in milliseconds.
    pub answer_ms: f64,
    /// Of all answers.
    pub output_tokens: usize,
}

impl Report {
    /// Reckon the report of an output folder, of a finished run or one under way; the records
    /// come with it in the order of their questions.
    ///
    /// # Errors
    /// When the folder's files cannot be read.
    pub fn open(folder: &Path) -> Result<(Self, Vec<Record>), EvalError> {
        let settings = read_settings(folder)?;
        let records: Vec<Record> =
            read_answers(folder)?.into_values().map(|(_, record)| record).collect();
        Ok((Self::new(settings, &records), records))
    }

    /// Reckon the report and write `results.json`, `results.md` and the predictions in the form
    /// of the authors' scripts.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn write(folder: &Path) -> Result<Self, EvalError> {
        let (report, records) = Self::open(folder)?;
        write_json(&folder.join("results.json"), &report)?;
        write_whole(&folder.join("results.md"), report.markdown().as_bytes())?;
        write_predictions(folder, &report.settings, &records)?;
        Ok(report)
    }

    /// The table for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown(self)
    }

    /// Names and titles of its scores, in the order of the table's columns.
    #[must_use]
    pub fn columns(&self) -> Vec<(&'static str, &'static str)> {
        columns(self)
    }

    fn new(settings: Settings, records: &[Record]) -> Self {
        let answered: Vec<&Record> =
            records.iter().filter(|record| record.failure.is_none()).collect();
        let failure = |record: &Record| {
            let reason = record.failure.clone()?;
            Some(Failure { index: record.index, id: record.id.clone(), reason })
        };
        let mut total = Group::of(&answered);
        (total.by, total.name) = ("total".to_owned(), "all".to_owned());
        let questions = settings.expected();
        Self {
            questions,
            answered: answered.len(),
            failed: records.len() - answered.len(),
            unanswered: questions.saturating_sub(records.len()),
            failures: records.iter().filter_map(failure).collect(),
            devices: answered
                .iter()
                .map(|record| record.device.clone())
                .filter(|device| !device.is_empty())
                .collect(),
            groups: groups(&answered),
            published: published(settings.format, &answered),
            times: Times::of(&answered),
            total,
            settings,
        }
    }
}

/// In the alphabetical order of fields and values.
fn groups(records: &[&Record]) -> Vec<Group> {
    let mut members: BTreeMap<(&str, &str), Vec<&Record>> = BTreeMap::new();
    for &record in records {
        for (by, name) in &record.groups {
            members.entry((by, name)).or_default().push(record);
        }
    }
    let group = |((by, name), records): ((&str, &str), Vec<&Record>)| Group {
        by: by.to_owned(),
        name: name.to_owned(),
        ..Group::of(&records)
    };
    members.into_iter().map(group).collect()
}

impl Group {
    fn of(records: &[&Record]) -> Self {
        let scores: Vec<_> = records.iter().map(|record| &record.scores).collect();
        let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
        for class in records.iter().filter_map(|record| record.class.as_deref()) {
            *classes.entry(class).or_default() += 1;
        }
        let all: usize = classes.values().sum();
        let most = classes.values().max().copied();
        Self {
            questions: records.len(),
            figures: figures(&scores),
            majority: most.map(|most| most as f64 / all as f64),
            ..Self::default()
        }
    }
}

impl Times {
    fn of(records: &[&Record]) -> Option<Self> {
        let times: Vec<_> = records.iter().filter_map(|record| record.timings).collect();
        if times.is_empty() {
            return None;
        }
        let count = times.len() as f64;
        let first: f64 = times.iter().map(|times| times.first_token_ms).sum();
        let decode: f64 = times.iter().map(|times| times.decode_ms).sum();
        Some(Self {
            first_token_ms: first / count,
            answer_ms: (first + decode) / count,
            output_tokens: records.iter().map(|record| record.output_ids.len()).sum(),
        })
    }
}
