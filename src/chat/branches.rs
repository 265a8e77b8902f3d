//! A question that was edited stands beside the one it was, each with what followed it: a
//! conversation is a tree, of which one path is shown.

use std::collections::BTreeMap;

use super::{Conversation, Evidence, Turn};

impl Conversation {
    /// Every turn, also those that are not shown.
    pub fn all_turns(&self) -> impl Iterator<Item = &Turn> {
        self.turns.iter().chain(&self.aside)
    }

    /// Adds a question in the place of turn `turn_idx`, which is put aside with all that followed
    /// it, and says where it stands.
    pub fn ask_instead(
        &mut self,
        turn_idx: usize,
        question: String,
        evidence: Vec<Evidence>,
    ) -> usize {
        let title = std::mem::take(&mut self.title);
        let tail = self.turns.split_off(turn_idx.min(self.turns.len()));
        self.aside.extend(tail);
        let turn_idx = self.ask(question, evidence);
        self.title = title;
        turn_idx
    }

    /// Which of the versions of a question is shown, from 0, and how many there are.
    pub fn version(&self, turn_idx: usize) -> (usize, usize) {
        let Some(turn) = self.turns.get(turn_idx) else { return (0, 0) };
        if self.aside.is_empty() {
            return (0, 1);
        }
        let versions = self.versions(turn);
        (versions.iter().position(|id| *id == turn.id).unwrap_or(0), versions.len())
    }

    /// Shows another version of a question, with what followed it last.
    pub fn step_version(&mut self, turn_idx: usize, step: isize) {
        let Some(turn) = self.turns.get(turn_idx) else { return };
        let (place, _) = self.version(turn_idx);
        let wanted = place.checked_add_signed(step);
        if let Some(id) = wanted.and_then(|place| self.versions(turn).get(place).copied()) {
            self.show_path_of(id);
        }
    }

    /// Shows the versions of the questions that lead to a turn; says whether others were shown.
    pub fn show_turn(&mut self, turn_id: u64) -> bool {
        let is_aside = self.aside.iter().any(|turn| turn.id == turn_id);
        if is_aside {
            self.show_path_of(turn_id);
        }
        is_aside
    }

    /// Turns that are not shown and their places from 0, each after the one it followed.
    #[must_use]
    pub fn turns_aside(&self) -> Vec<(usize, &Turn)> {
        let links: BTreeMap<u64, Option<u64>> =
            self.all_turns().map(|turn| (turn.id, turn.follows)).collect();
        let path = |turn: &Turn| {
            let mut path = vec![turn.id];
            let before = |id: &u64| links.get(id).copied().flatten();
            while let Some(id) = path.last().and_then(before).filter(|id| !path.contains(id)) {
                path.push(id);
            }
            path.reverse();
            path
        };
        let mut aside: Vec<(Vec<u64>, &Turn)> =
            self.aside.iter().map(|turn| (path(turn), turn)).collect();
        aside.sort_by(|(a, _), (b, _)| a.cmp(b));
        aside.into_iter().map(|(path, turn)| (path.len() - 1, turn)).collect()
    }

    /// Turns asked at the same place, oldest first.
    fn versions(&self, turn: &Turn) -> Vec<u64> {
        let beside = self.aside.iter().filter(|other| other.follows == turn.follows);
        let mut ids: Vec<u64> = beside.map(|other| other.id).chain([turn.id]).collect();
        ids.sort_unstable();
        ids
    }

    fn show_path_of(&mut self, id: u64) {
        let mut all = std::mem::take(&mut self.turns);
        all.append(&mut self.aside);
        let mut path = path_to(&all, id);
        // what was said there last
        while let Some(next) = newest_after(&all, path.last().copied()) {
            path.push(next);
        }
        let mut rest: Vec<Option<Turn>> = all.into_iter().map(Some).collect();
        for id in path {
            let found = rest.iter_mut().find(|turn| turn.as_ref().is_some_and(|t| t.id == id));
            self.turns.extend(found.and_then(Option::take));
        }
        self.aside = rest.into_iter().flatten().collect();
    }
}

/// Ids from the first question to this one. What leads in a circle ends there.
fn path_to(all: &[Turn], id: u64) -> Vec<u64> {
    let mut path = vec![id];
    let before = |id: &u64| all.iter().find(|turn| turn.id == *id)?.follows;
    while let Some(id) = path.last().and_then(before).filter(|id| !path.contains(id)) {
        path.push(id);
    }
    path.reverse();
    path
}

fn newest_after(all: &[Turn], id: Option<u64>) -> Option<u64> {
    let after = all.iter().filter(|turn| turn.follows == id && Some(turn.id) > id);
    after.map(|turn| turn.id).max()
}
