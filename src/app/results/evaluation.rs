//! Output folders of evaluations, put side by side question by question.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::verdict::Verdict;
use crate::eval::{Group, Record, Report, Settings};
use crate::imaging::{FrameRef, is_there, parse_image_path};

/// Folders above an output folder in which pictures are looked for.
const FOLDERS_UP: usize = 4;

/// One output folder.
#[derive(Debug)]
pub struct Run {
    /// Where it is.
    pub folder: PathBuf,
    /// Of the model, or of the folder where several models are called the same.
    pub name: String,
    /// What is reckoned from its answers.
    pub report: Report,
    /// Its answers in the order of their questions.
    pub records: Vec<Record>,
}

/// One question with the answers of all runs.
#[derive(Debug)]
pub struct Question {
    /// As the data file counts, from 0.
    pub index: usize,
    /// Of each run, the place of its record.
    pub places: Vec<Option<usize>>,
    /// Of each run.
    pub verdicts: Vec<Verdict>,
    /// The pictures it is about.
    pub frames: Vec<FrameRef>,
    /// Question, reference and answers in lower case, to be searched.
    pub(crate) words: String,
}

/// Runs about the same questions.
#[derive(Debug)]
pub struct Evaluation {
    /// In the order in which they were opened.
    pub runs: Vec<Run>,
    /// All questions that one of the runs asked.
    pub questions: Vec<Question>,
    /// Fields by which questions are divided, with their values.
    pub fields: BTreeMap<String, BTreeSet<String>>,
    /// Fields and values of the score table's rows, after the first one over all questions.
    pub groups: Vec<(String, String)>,
    /// Scores by name and title.
    pub scores: Vec<(&'static str, &'static str)>,
}

impl Evaluation {
    /// Reads output folders and reckons their reports; takes its time.
    ///
    /// # Errors
    /// One sentence, when a folder cannot be read or its run asked other questions.
    pub fn open(folders: &[PathBuf]) -> Result<Self, String> {
        let mut runs: Vec<Run> = Vec::new();
        for folder in folders {
            let (report, records) = Report::open(folder).map_err(|error| error.to_string())?;
            if let Some(first) = runs.first() {
                check_same(&first.report.settings, &report.settings, folder)?;
            }
            runs.push(Run { folder: folder.clone(), name: String::new(), report, records });
        }
        if runs.is_empty() {
            return Err("no folder was chosen".to_owned());
        }
        name(&mut runs);
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (field, value) in runs.iter().flat_map(|run| &run.records).flat_map(|r| &r.groups) {
            fields.entry(field.clone()).or_default().insert(value.clone());
        }
        let groups: BTreeSet<(String, String)> = runs
            .iter()
            .flat_map(|run| &run.report.groups)
            .map(|group| (group.by.clone(), group.name.clone()))
            .collect();
        let mut scores = Vec::new();
        for column in runs.iter().flat_map(|run| run.report.columns()) {
            if !scores.contains(&column) {
                scores.push(column);
            }
        }
        let questions = questions(&runs);
        Ok(Self { questions, fields, groups: groups.into_iter().collect(), scores, runs })
    }

    /// The output folders.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.runs.iter().map(|run| run.folder.clone()).collect()
    }

    /// The record of one run, if it asked the question.
    pub fn record(&self, question: &Question, run: usize) -> Option<&Record> {
        let place = question.places.get(run).copied().flatten()?;
        self.runs.get(run)?.records.get(place)
    }

    /// Any record of a question: what was asked is the same in all.
    pub fn asked(&self, question: &Question) -> Option<&Record> {
        (0..self.runs.len()).find_map(|run| self.record(question, run))
    }
}

impl Run {
    /// A row of the score table: over all questions without a field.
    pub(crate) fn group(&self, row: Option<&(String, String)>) -> Option<&Group> {
        let Some((by, name)) = row else { return Some(&self.report.total) };
        self.report.groups.iter().find(|group| group.by == *by && group.name == *name)
    }
}

/// Questions are the same when they come of the same file in the same way.
fn check_same(first: &Settings, other: &Settings, folder: &Path) -> Result<(), String> {
    let same = first.dataset_sha256 == other.dataset_sha256 && first.turns == other.turns;
    if same {
        return Ok(());
    }
    Err(format!(
        "this evaluation asked other questions ({}, not {}): open it on its own: {}",
        other.dataset,
        first.dataset,
        folder.display()
    ))
}

/// Models by name, and by output folder where that does not tell them apart.
fn name(runs: &mut [Run]) {
    let model = |run: &Run| match &run.report.settings.asked {
        Some(asked) => asked.model.clone(),
        None => "answers of another program".to_owned(),
    };
    let models: Vec<String> = runs.iter().map(model).collect();
    for (run, model) in runs.iter_mut().zip(&models) {
        // the folder of a model trained here is always called so
        let is_telling = model != "model";
        let is_unique = models.iter().filter(|other| *other == model).count() == 1;
        let folder = run.folder.file_name().unwrap_or(run.folder.as_os_str());
        let name = if is_unique && is_telling {
            model.clone()
        } else {
            folder.to_string_lossy().into_owned()
        };
        let blind = if run.report.settings.blind { " (blind)" } else { "" };
        run.name = format!("{name}{blind}");
    }
}

fn questions(runs: &[Run]) -> Vec<Question> {
    let mut places: BTreeMap<usize, Vec<Option<usize>>> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        for (place, record) in run.records.iter().enumerate() {
            let row = places.entry(record.index).or_insert_with(|| vec![None; runs.len()]);
            if let Some(slot) = row.get_mut(at) {
                *slot = Some(place);
            }
        }
    }
    let mut found = BTreeMap::new();
    let question = |(index, places): (usize, Vec<Option<usize>>)| {
        let records: Vec<Option<&Record>> =
            runs.iter().zip(&places).map(|(run, place)| run.records.get((*place)?)).collect();
        let verdicts = records.iter().map(|record| Verdict::of(*record)).collect();
        let mut asked =
            runs.iter().zip(&records).filter_map(|(run, record)| Some((run, (*record)?)));
        let frames = asked.next().map(|(run, record)| {
            record.images.iter().map(|name| frame(&run.folder, name, &mut found)).collect()
        });
        let words = words(records.iter().copied().flatten());
        Question { index, places, verdicts, frames: frames.unwrap_or_default(), words }
    };
    places.into_iter().map(question).collect()
}

fn words<'a>(records: impl Iterator<Item = &'a Record>) -> String {
    let mut words = String::new();
    for (at, record) in records.enumerate() {
        if at == 0 {
            let reference = record.reference.as_deref().unwrap_or_default();
            words = format!("{}\n{}\n{reference}\n", record.id, record.question);
        }
        words += &format!("{}\n", record.text);
    }
    words.to_lowercase()
}

/// A picture as the run named it: from the folder the command was given in, which is mostly one
/// of those above its output.
fn frame(folder: &Path, name: &str, found: &mut BTreeMap<String, PathBuf>) -> FrameRef {
    let path = found.entry(name.to_owned()).or_insert_with(|| {
        let above = folder.ancestors().take(FOLDERS_UP).map(|above| above.join(name));
        let mut places = std::iter::once(PathBuf::from(name)).chain(above);
        let there = places.find(|path| {
            let (path, _) = parse_image_path(path);
            is_there(&path) && !path.is_dir()
        });
        there.unwrap_or_else(|| PathBuf::from(name))
    });
    let (path, frame_number) = parse_image_path(path);
    FrameRef { path, sop_instance_uid: String::new(), frame_number: frame_number.unwrap_or(1) }
}
