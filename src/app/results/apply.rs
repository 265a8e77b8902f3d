//! What commands and events about trainings and evaluations do to the state.

use std::path::PathBuf;

use super::super::apply_decode::sentence;
use super::super::command::Command;
use super::super::effect::Effect;
use super::super::jobs::Purpose;
use super::super::notices::NoticeLevel;
use super::super::settings::Recent;
use super::super::state::AppState;
use super::{Evaluation, News, ResultsScreen, Sorted, Training, TrainingStatus};
use crate::imaging::FrameRef;
use crate::worker::JobId;

impl AppState {
    pub(crate) fn run_results(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::OpenTraining => self.effects.push(Effect::PickTraining),
            Command::OpenEvaluation => self.effects.push(Effect::PickEvaluation { adds: false }),
            Command::AddEvaluation => self.effects.push(Effect::PickEvaluation { adds: true }),
            Command::ReadEvaluationAgain => {
                if let Some(evaluation) = &self.results.evaluation {
                    let folders = evaluation.folders();
                    self.read_evaluation(folders);
                }
            }
            Command::ToggleResults(screen) => {
                let is_shown = self.results.shown == Some(screen);
                self.results.shown = (!is_shown && self.results.has(screen)).then_some(screen);
            }
            Command::HideResults => self.results.shown = None,
            Command::CloseResults(screen) => self.close_results(screen),
            Command::ShowQuestion(question) => self.results.question = Some(question),
            other => return Some(other),
        }
        None
    }

    /// What was opened turned out to be this.
    pub(crate) fn apply_sorted(&mut self, job: JobId, mut sorted: Sorted) {
        // a job that was stopped is no longer listed
        if self.jobs.get_mut(job).is_none() {
            return;
        }
        if !self.forget_missing(&sorted.missing) {
            // whoever opens it says that it is not there
            sorted.studies.append(&mut sorted.missing);
        }
        let Some(listed) = self.jobs.get_mut(job) else { return };
        listed.purpose = Purpose::Open(sorted.studies.clone());
        if sorted.studies.is_empty() {
            self.jobs.end(job);
        } else {
            self.effects.push(Effect::OpenStudies(job, sorted.studies));
        }
        if sorted.trainings.len() > 1 {
            let text = "One training is shown at a time: the last of those is opened";
            self.notices.push(NoticeLevel::Info, text);
        }
        if let Some(folder) = sorted.trainings.into_iter().next_back() {
            self.follow(folder);
        }
        self.read_evaluation(sorted.evaluations);
    }

    /// Watches a training; the one that is open stays until something is heard of the new one.
    pub(crate) fn follow(&mut self, folder: PathBuf) {
        if let Some((given_up, _)) = self.results.opening.take() {
            self.jobs.end(given_up);
            self.effects.push(Effect::StopFollowing(given_up));
        }
        let id = JobId::next();
        self.jobs.start(id, Purpose::Training);
        self.results.opening = Some((id, folder.clone()));
        self.effects.push(Effect::Follow(id, folder));
    }

    pub(crate) fn apply_news(&mut self, news: News) {
        let is_new = self.results.opening.as_ref().is_some_and(|(id, _)| *id == news.id);
        if is_new {
            let wanted = self.jobs.end(news.id).is_some();
            let Some((id, folder)) = self.results.opening.take() else { return };
            if let Some(why) = news.trouble.filter(|_| wanted) {
                self.notices.push(NoticeLevel::Error, why);
                self.effects.push(Effect::StopFollowing(id));
                return;
            }
            if !wanted {
                self.effects.push(Effect::StopFollowing(id));
                return;
            }
            if let Some(before) = &self.results.training {
                self.effects.push(Effect::StopFollowing(before.id));
            }
            self.settings.remember(Recent::results(vec![folder.clone()], "training"));
            self.results.training = Some(Training::new(id, folder));
            self.results.shown = Some(ResultsScreen::Training);
            self.take_news(News { trouble: None, ..news });
        } else {
            self.take_news(news);
        }
    }

    fn take_news(&mut self, news: News) {
        let now_secs = self.now_secs;
        if let Some(training) = self.results.training.as_mut().filter(|one| one.id == news.id) {
            training.take(news, now_secs);
        }
    }

    /// Reads evaluations to be put side by side; what is open stays until they are read.
    pub(crate) fn read_evaluation(&mut self, folders: Vec<PathBuf>) {
        if folders.is_empty() {
            return;
        }
        let job = JobId::next();
        self.jobs.start(job, Purpose::Evaluation);
        self.effects.push(Effect::ReadEvaluation(job, folders));
    }

    /// The reader chose folders, to stand alone or beside those that are open.
    pub(crate) fn picked_evaluation(&mut self, folders: Vec<PathBuf>, adds: bool) {
        let open = self.results.evaluation.as_ref().filter(|_| adds);
        let mut all = open.map(Evaluation::folders).unwrap_or_default();
        for folder in folders {
            if !all.contains(&folder) {
                all.push(folder);
            }
        }
        self.read_evaluation(all);
    }

    pub(crate) fn apply_evaluation(&mut self, job: JobId, read: Result<Evaluation, String>) {
        if self.jobs.end(job).is_none() {
            return;
        }
        match read {
            Ok(evaluation) => {
                self.settings.remember(Recent::results(evaluation.folders(), "evaluation"));
                let same = |open: &Evaluation| {
                    open.questions.len() == evaluation.questions.len()
                        && open.runs.first().map(|run| &run.folder)
                            == evaluation.runs.first().map(|run| &run.folder)
                };
                // another model beside the first, or read again: the reader stays where they are
                if !self.results.evaluation.as_ref().is_some_and(same) {
                    self.results.question = (!evaluation.questions.is_empty()).then_some(0);
                }
                self.results.evaluation = Some(evaluation);
                self.results.evaluation_revision += 1;
                self.results.shown = Some(ResultsScreen::Evaluation);
            }
            Err(why) => {
                self.notices.push(NoticeLevel::Error, sentence(&why));
            }
        }
    }

    fn close_results(&mut self, screen: ResultsScreen) {
        match screen {
            ResultsScreen::Training => {
                if let Some(training) = self.results.training.take() {
                    self.effects.push(Effect::StopFollowing(training.id));
                }
            }
            ResultsScreen::Evaluation => {
                self.results.evaluation = None;
                self.results.question = None;
            }
        }
        if self.results.shown == Some(screen) {
            self.results.shown = None;
        }
    }

    /// Pictures of the question that is open.
    pub(crate) fn frames_of_question(&self) -> &[FrameRef] {
        let results = &self.results;
        let is_shown = results.shown == Some(ResultsScreen::Evaluation);
        let evaluation = results.evaluation.as_ref().filter(|_| is_shown);
        let question = evaluation.zip(results.question);
        let question = question.and_then(|(evaluation, at)| evaluation.questions.get(at));
        question.map(|question| question.frames.as_slice()).unwrap_or_default()
    }

    /// Whether a training or an evaluation is in place of the viewports.
    pub fn is_showing_results(&self) -> bool {
        self.results.shown.is_some_and(|screen| self.results.has(screen))
    }

    /// Whether the viewports are there to be worked on.
    pub(crate) fn has_viewports(&self) -> bool {
        let is_covered = self.is_comparing() || self.is_showing_sides();
        !is_covered && !self.is_showing_results() && !self.is_looking_at_evidence()
    }

    /// Seconds after which a training that is shown says something else.
    pub(crate) fn results_tick_secs(&self) -> Option<f64> {
        let is_shown = self.results.shown == Some(ResultsScreen::Training);
        let training = self.results.training.as_ref().filter(|_| is_shown)?;
        match training.status(self.now_secs) {
            TrainingStatus::Running => Some(1.0),
            TrainingStatus::Stopped(_) => Some(20.0),
            TrainingStatus::NoFile | TrainingStatus::NoStep | TrainingStatus::Finished => None,
        }
    }
}

impl super::Results {
    /// Whether there is something to show.
    pub fn has(&self, screen: ResultsScreen) -> bool {
        match screen {
            ResultsScreen::Training => self.training.is_some(),
            ResultsScreen::Evaluation => self.evaluation.is_some(),
        }
    }
}
