//! How answers are scored: literally as the authors' scripts do it, and beside that corrected.

mod bleu;
mod candidates;
mod choice;
mod closed;
mod contractions;
mod judge;
mod normalize;
mod overlap;
mod similarity;

pub use bleu::bleu;
pub use candidates::Candidates;
pub use choice::{ChoiceRule, Chosen, choose, choose_any_case, contained_choice};
pub use closed::{closed_corrected, closed_run_eval, first_yes_or_no};
pub use judge::{JudgeRow, JudgeTable, judge_scores};
pub use normalize::{normalize, normalized};
pub use overlap::{Overlap, exact_match, overlap};
pub use similarity::ratio;

pub(super) use choice::choice_letter;
pub(super) use closed::{has_words, is_yes_or_no};
pub(super) use judge::domain_of;
