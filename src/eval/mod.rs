//! How good a model's answers are: published benchmarks, their metrics, reports.
//!
//! A data file becomes [`Item`]s ([`format`]); a model's answer to one of them becomes a
//! [`Record`] with scores ([`metric`]); records are lines in an output [`Folder`], and a
//! [`Report`] is reckoned from them.

mod error;

mod item;

mod format;
mod metric;
mod score;

mod bootstrap;
mod folder;
mod merge;
mod predictions;
mod published;
mod record;
mod report;
mod settings;
mod table;

mod answers;

pub use answers::read_answers_of_others;
pub use bootstrap::Figure;
pub use error::{EvalError, Place};
pub use folder::Folder;
pub use format::Dataset;
pub use item::{Dropped, Exchange, Format, Item, Kind, Shard, Turns};
pub use merge::merge;
pub use metric::{
    Candidates, ChoiceRule, Chosen, JudgeRow, JudgeTable, Overlap, bleu, choose, choose_any_case,
    closed_corrected, closed_run_eval, contained_choice, exact_match, first_yes_or_no,
    judge_scores, normalize, normalized, overlap, ratio,
};
pub use record::Record;
pub use report::{Failure, Group, Report, Times};
pub use score::{Scored, score};
pub use settings::{Asked, Settings};
