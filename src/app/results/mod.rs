//! Trainings and evaluations in the window: what `train` and `eval` write, shown in place of the
//! viewports.
//!
//! [`sort`] says what a folder is, [`Follower`] reads a training's file as it grows, and
//! [`Evaluation`] puts runs about the same questions side by side. Everything is read on threads
//! of its own; the state hears of it by events.

mod apply;
mod evaluation;
mod follow;
mod kind;
mod line;
mod plan;
mod stages;
mod training;
mod verdict;

mod answers_ui;
mod chart;
mod chart_scale;
mod curves;
mod evaluation_ui;
mod filter;
mod heading_ui;
mod question_ui;
mod questions_ui;
mod scores_ui;
mod training_ui;

use std::path::PathBuf;

pub use evaluation::{Evaluation, Question, Run};
pub use follow::{Follower, News};
pub use kind::{Sorted, sort};
pub use plan::Plan;
pub use training::{Training, TrainingStatus};
pub use verdict::Verdict;

use super::view_cx::ViewCx;
use crate::worker::JobId;
use evaluation_ui::EvaluationPanel;
use training_ui::TrainingPanel;

/// A screen in place of the viewports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultsScreen {
    /// Curves of a training.
    Training,
    /// Scores and questions of evaluations.
    Evaluation,
}

/// What is open beside the studies.
#[derive(Debug, Default)]
pub struct Results {
    /// The screen in place of the viewports.
    pub shown: Option<ResultsScreen>,
    /// The training that is followed.
    pub training: Option<Training>,
    /// The evaluations that are side by side.
    pub evaluation: Option<Evaluation>,
    /// Changes with every reading.
    pub(crate) evaluation_revision: u64,
    /// Of the evaluation's questions, the one that is open.
    pub question: Option<usize>,
    /// A training that nothing was heard of yet.
    opening: Option<(JobId, PathBuf)>,
}

/// What is chosen and typed on these screens.
#[derive(Default)]
pub(crate) struct ResultsPanel {
    training: TrainingPanel,
    evaluation: EvaluationPanel,
}

/// The whole area of the screen that is shown.
pub(crate) fn results_ui(ui: &mut egui::Ui, cx: &ViewCx<'_>, panel: &mut ResultsPanel) {
    let results = &cx.state.results;
    match (results.shown, &results.training, &results.evaluation) {
        (Some(ResultsScreen::Training), Some(training), _) => {
            training_ui::training_ui(ui, cx, training, &mut panel.training);
        }
        (Some(ResultsScreen::Evaluation), _, Some(evaluation)) => {
            evaluation_ui::evaluation_ui(ui, cx, evaluation, &mut panel.evaluation);
        }
        _ => {}
    }
}
