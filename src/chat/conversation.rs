//! A conversation: questions in order, each with its pictures and its answers.

use super::id::{fresh_chat_id, fresh_turn_id, now_ms, renew};
use super::{Answer, Evidence, Slices};

/// Questions and answers about one study, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Tells conversations apart, in every history.
    pub id: u64,
    /// The first question, shortened, or what the reader called it.
    pub title: String,
    /// Kept on top of the list.
    pub pinned: bool,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// When something was asked last.
    pub changed_ms: u64,
    /// Oldest first: those that are shown, and that later questions build on.
    pub turns: Vec<Turn>,
    /// Questions that were edited, and what followed them.
    pub aside: Vec<Turn>,
}

/// One question with everything that came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Tells turns apart, in every history; later ones have greater numbers.
    pub id: u64,
    /// The turn it was asked after; none for the first.
    pub follows: Option<u64>,
    /// When it was asked, in milliseconds since 1970.
    pub asked_ms: u64,
    /// What the reader asked.
    pub question: String,
    /// The answer is to be the model's own picture of the evidence, not words.
    pub wants_picture: bool,
    /// The pictures it was asked about.
    pub evidence: Vec<Evidence>,
    /// Every answer it got, oldest first; never empty.
    pub answers: Vec<Answer>,
    /// The one shown, and the one later questions build on.
    pub shown_idx: usize,
    /// The same asked of slices all over the series, last.
    pub slices: Option<Box<Slices>>,
}

impl Conversation {
    /// An empty one.
    pub fn begin() -> Self {
        let now = now_ms();
        Self {
            id: fresh_chat_id(),
            title: "New chat".to_owned(),
            pinned: false,
            created_ms: now,
            changed_ms: now,
            turns: Vec::new(),
            aside: Vec::new(),
        }
    }

    /// Adds a question that waits for its answer, and says where it stands.
    pub fn ask(&mut self, question: String, evidence: Vec<Evidence>) -> usize {
        if self.turns.is_empty() {
            self.title = shortened(&question, 48);
        }
        // turns are told apart in time, also where two come at once
        let last = self.all_turns().map(|turn| turn.asked_ms).max();
        let asked_ms = now_ms().max(last.map_or(0, |last| last + 1));
        self.changed_ms = asked_ms;
        self.turns.push(Turn {
            id: fresh_turn_id(asked_ms),
            follows: self.turns.last().map(|turn| turn.id),
            asked_ms,
            question,
            wants_picture: false,
            evidence,
            answers: vec![Answer::waiting()],
            shown_idx: 0,
            slices: None,
        });
        self.turns.len() - 1
    }

    /// Adds a request for the model's own picture, and says where it stands.
    pub fn ask_for_picture(&mut self, request: String, evidence: Evidence) -> usize {
        let turn_idx = self.ask(request, vec![evidence]);
        if let Some(turn) = self.turns.last_mut() {
            turn.wants_picture = true;
            turn.answers = vec![Answer::waiting_for_picture()];
        }
        turn_idx
    }

    /// Whether an answer may still grow.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.all_turns().flat_map(|turn| &turn.answers).any(Answer::is_open)
    }

    /// The answer at `turn_idx`, `answer_idx`.
    pub fn answer_mut(&mut self, turn_idx: usize, answer_idx: usize) -> Option<&mut Answer> {
        self.turns.get_mut(turn_idx)?.answers.get_mut(answer_idx)
    }
}

impl Turn {
    /// The answer shown.
    pub fn shown(&self) -> Option<&Answer> {
        self.answers.get(self.shown_idx)
    }

    /// The last whole answer of a model with these weights.
    pub fn answer_by(&self, weights_sha256: &str) -> Option<&Answer> {
        let is_by = |answer: &&Answer| {
            let made = answer.provenance.as_ref();
            !answer.is_open() && made.is_some_and(|made| made.weights_sha256 == weights_sha256)
        };
        self.answers.iter().rev().find(is_by)
    }

    /// Adds an answer beside the others, shows it, and says where it stands.
    pub fn add_answer(&mut self) -> usize {
        let answer =
            if self.wants_picture { Answer::waiting_for_picture() } else { Answer::waiting() };
        self.answers.push(answer);
        self.shown_idx = self.answers.len() - 1;
        self.shown_idx
    }

    /// Shows the answer `step` places further, if there is one.
    pub fn show_neighbour(&mut self, step: isize) {
        if let Some(idx) = self.shown_idx.checked_add_signed(step)
            && idx < self.answers.len()
        {
            self.shown_idx = idx;
        }
    }
}

/// A chat of its own with all that was said up to a turn, answers that are still written left out.
pub fn forked(chat: &Conversation, turn_idx: usize) -> Conversation {
    const MARK: &str = " (fork)";
    let now = now_ms();
    let title = chat.title.strip_suffix(MARK).unwrap_or(&chat.title);
    let mut copy = Conversation {
        title: format!("{title}{MARK}"),
        pinned: false,
        created_ms: now,
        changed_ms: now,
        turns: chat.turns.iter().take(turn_idx + 1).cloned().collect(),
        aside: Vec::new(),
        ..*chat
    };
    for turn in &mut copy.turns {
        let shown = turn.shown().map(|answer| answer.id);
        turn.answers.retain(|answer| !answer.is_open());
        let is_shown = |answer: &Answer| Some(answer.id) == shown;
        turn.shown_idx = turn.answers.iter().position(is_shown).unwrap_or(0);
    }
    copy.turns.retain(|turn| !turn.answers.is_empty());
    renew(&mut copy);
    copy
}

/// The first line of `text`, cut at a word near `max_chars`.
fn shortened(text: &str, max_chars: usize) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() <= max_chars {
        return line.to_owned();
    }
    let cut: String = line.chars().take(max_chars).collect();
    let at_word = match cut.rfind(' ') {
        Some(space) if space > cut.len() / 2 => &cut[..space],
        _ => cut.as_str(),
    };
    format!("{at_word}…")
}
