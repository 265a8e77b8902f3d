//! Whether an answer is right, by the score that decides it for its kind of question.

use crate::eval::Record;

/// Scores that are 0 or 1, in the order in which they decide.
const DECIDING: [&str; 4] =
    ["accuracy", "closed_accuracy_corrected", "open_accuracy_corrected", "closed_accuracy"];

/// Of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As the reference.
    Right,
    /// Not as the reference.
    Wrong,
    /// No score says so.
    Unscored,
    /// The question could not be asked.
    Failed,
    /// The question was not asked yet.
    NotAsked,
}

impl Verdict {
    /// Of a record, if there is one.
    #[must_use]
    pub fn of(record: Option<&Record>) -> Self {
        let Some(record) = record else { return Self::NotAsked };
        if record.failure.is_some() {
            return Self::Failed;
        }
        match Self::deciding(record) {
            Some((_, value)) if value < 0.5 => Self::Wrong,
            Some(_) => Self::Right,
            None => Self::Unscored,
        }
    }

    /// The score that decides, with its value.
    #[must_use]
    pub fn deciding(record: &Record) -> Option<(&'static str, f64)> {
        DECIDING.iter().find_map(|name| Some((*name, *record.scores.get(*name)?)))
    }

    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Unscored => "not scored",
            Self::Failed => "failed",
            Self::NotAsked => "not asked",
        }
    }
}
