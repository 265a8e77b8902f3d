//! The blind test: an answer's question asked again on a blank picture and on noise.

use super::super::state::AppState;
use crate::chat::Evidence;
use crate::imaging::Alteration;

/// The same noise for every test, so that tests can be compared.
const SEED: u64 = 0;

impl AppState {
    /// Whether the answer of a turn can be tested: it is about a picture that is at hand.
    pub(crate) fn can_test_blindly(&self, turn_idx: usize) -> bool {
        let chat = self.conversation();
        let Some(turn) = chat.turns.get(turn_idx) else { return false };
        let has_answer = turn.shown().is_some_and(|answer| !answer.text.trim().is_empty());
        has_answer
            && !turn.wants_picture
            && !turn.is_experiment()
            && turn.evidence.len() < 2
            && chat.evidence_at(turn_idx).is_some_and(|evidence| evidence.image.is_some())
    }

    pub(super) fn blind_test(&mut self, turn_idx: usize) {
        if !self.can_test_blindly(turn_idx) {
            return;
        }
        let Some(evidence) = self.conversation().evidence_at(turn_idx).cloned() else { return };
        for how in [Alteration::Blank, Alteration::Noise(SEED)] {
            if let Some(blind) = without_picture(&evidence, how) {
                self.ask_again(turn_idx, blind);
            }
        }
    }
}

fn without_picture(evidence: &Evidence, how: Alteration) -> Option<Evidence> {
    let altered = how.apply(evidence.image.as_deref()?)?;
    Some(evidence.clone().with_alteration(how, altered))
}
