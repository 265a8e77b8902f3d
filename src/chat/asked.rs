//! What a model is asked: the question of a turn with what was said before it and the pictures it
//! is about. The same chat, model and parameters give the same question, in the window and without.

use super::{Answer, Conversation, Evidence, Provenance, Tokens, Turn};
use crate::imaging::DisplayImage;
use crate::vlm::{Beginning, Question, SamplingParams, Task, Turn as ModelTurn};

/// How a question is put.
#[derive(Clone, Debug, PartialEq)]
pub struct HowAsked {
    /// How ids are chosen.
    pub sampling: SamplingParams,
    /// Token budget; a picture takes as many as it takes.
    pub max_new_tokens: u32,
    /// In place of the authors' system prompt.
    pub system: Option<String>,
    /// So many of the chat's first questions are not sent along.
    pub left_out: usize,
    /// Pictures that the model takes in all.
    pub max_images: usize,
    /// The weights whose own answers stand in the earlier turns, in place of those shown.
    pub own_weights: Option<String>,
}

impl HowAsked {
    /// As an answer was asked for.
    #[must_use]
    pub fn of(made: &Provenance, max_images: usize) -> Self {
        Self {
            sampling: made.sampling(),
            max_new_tokens: made.max_new_tokens,
            system: made.system.clone(),
            left_out: made.left_out,
            max_images,
            own_weights: made.own_words.then(|| made.weights_sha256.clone()),
        }
    }
}

impl Conversation {
    /// The question of a turn; none where there is no such turn.
    #[must_use]
    pub fn question(&self, turn_idx: usize, how: &HowAsked) -> Option<Question> {
        let turn = self.turns.get(turn_idx)?;
        let mut images = images_of(&turn.evidence);
        let asked = Question {
            sampling: how.sampling,
            max_new_tokens: how.max_new_tokens,
            system: how.system.clone(),
            ..Question::new(&turn.question)
        };
        if turn.wants_picture {
            return Some(Question { images, task: Task::Reconstruction, ..asked });
        }
        let room = how.max_images.saturating_sub(images.len());
        // a question that repeats another is asked after the same turns
        let repeats = self.repeated_by(turn_idx);
        let own = repeats.and_then(|idx| self.turns.get(idx)).map(|turn| &turn.evidence);
        let altered = if own.is_some_and(Vec::is_empty) { images.pop() } else { None };
        let asked_at = repeats.unwrap_or(turn_idx);
        let earlier = self.turns.get(..asked_at).unwrap_or_default();
        let (gone, told) = earlier.split_at(how.left_out.min(asked_at));
        let history = told_before(told, room, how.own_weights.as_deref());
        if images.is_empty() && history.iter().all(|turn| turn.images.is_empty()) {
            // what the chat is about stays when the words about it go
            images = gone.iter().rev().find_map(pictures_of).unwrap_or_default();
        }
        let mut question = Question { history, images, ..asked };
        if let Some(altered) = altered {
            self.put_in_place(turn_idx, &mut question, altered);
        }
        Some(question)
    }

    /// The question as an answer got it, to have it answered again; none for an answer that was
    /// never asked for.
    #[must_use]
    pub fn question_again(
        &self,
        turn_idx: usize,
        answer: &Answer,
        max_images: usize,
    ) -> Option<Question> {
        let made = answer.provenance.as_ref()?;
        let given = answer.tokens.as_deref().and_then(Tokens::given_part);
        let beginning = given.map_or(Beginning::Nothing, |given| Beginning::Ids(given.ids()));
        let question = self.question(turn_idx, &HowAsked::of(made, max_images))?;
        Some(Question { beginning, ..question })
    }

    /// Whether all pictures that a turn is about are there; imported chats may lack some.
    #[must_use]
    pub fn has_pictures_of(&self, turn_idx: usize) -> bool {
        let turn = self.turns.get(turn_idx);
        turn.is_some_and(|turn| turn.evidence.iter().all(|evidence| evidence.image.is_some()))
    }

    /// Gives a question that repeats one without a picture of its own the altered picture in the
    /// place of the one it was about.
    fn put_in_place(&self, turn_idx: usize, question: &mut Question, altered: DisplayImage) {
        let whole = self.turns.get(turn_idx).and_then(|turn| turn.experiment());
        let Some(whole) = whole.map(|altered| &altered.whole_sha256) else { return };
        let told = question.history.iter_mut().flat_map(|turn| &mut turn.images);
        let mut is_placed = false;
        for image in told.chain(&mut question.images) {
            if image.sha256() == *whole {
                image.clone_from(&altered);
                is_placed = true;
            }
        }
        if !is_placed {
            question.images.push(altered);
        }
    }
}

/// Earlier turns, with as many of their pictures as there is room for; the answers are those
/// shown, or those of a model with these weights where it gave some.
#[must_use]
pub fn told_before(turns: &[Turn], mut room: usize, own_weights: Option<&str>) -> Vec<ModelTurn> {
    let mut history = Vec::new();
    // newest first: when not all pictures fit, the latest matter most
    for earlier in turns.iter().rev() {
        let in_words = !earlier.wants_picture && !earlier.is_experiment();
        let told = |answer: &&Answer| in_words && !answer.text.is_empty();
        let own = own_weights.and_then(|weights| earlier.answer_by(weights)).filter(told);
        let Some(answer) = own.or_else(|| earlier.shown().filter(told)) else { continue };
        let fits = earlier.evidence.len() <= room;
        room -= if fits { earlier.evidence.len() } else { 0 };
        history.push(ModelTurn {
            question: earlier.question.clone(),
            answer: answer.text.clone(),
            images: if fits { images_of(&earlier.evidence) } else { Vec::new() },
        });
    }
    history.reverse();
    history
}

fn images_of(evidence: &[Evidence]) -> Vec<DisplayImage> {
    evidence.iter().filter_map(|evidence| evidence.image.as_deref().cloned()).collect()
}

/// Pictures that a turn brings into the conversation, if there are any.
fn pictures_of(turn: &Turn) -> Option<Vec<DisplayImage>> {
    let brings = !turn.wants_picture && !turn.evidence.is_empty();
    brings.then(|| images_of(&turn.evidence))
}
