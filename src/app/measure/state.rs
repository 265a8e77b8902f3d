//! What was measured in the studies that are open.

use super::super::viewport::Place;
use crate::imaging::{Figures, FrameRef, Shape};

/// One thing drawn on one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Its number; none is given twice.
    pub id: u64,
    /// Where its frame was when it was drawn.
    pub place: Place,
    /// The frame it belongs to.
    pub frame_ref: FrameRef,
    /// In the frame's own pixels.
    pub shape: Shape,
    /// What it measures; none until it is computed.
    pub figures: Option<Figures>,
    /// What the reader wrote to it, as typed; empty where nothing.
    pub text: String,
}

/// A change of one measurement: what it was before and after, none where it was not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Before the change.
    pub before: Option<Measurement>,
    /// After it.
    pub after: Option<Measurement>,
}

/// All of them, as they were drawn.
#[derive(Debug, Default)]
pub struct Measurements {
    items: Vec<Measurement>,
    selected: Option<u64>,
    last_id: u64,
    /// What is being moved, as it was at first.
    moving: Option<Measurement>,
    /// What is being written to.
    editing: Option<u64>,
    /// Grows with every change that is worth keeping.
    revision: u64,
}

impl Measurements {
    /// In the order they were drawn.
    pub fn all(&self) -> &[Measurement] {
        &self.items
    }

    /// The one with this number.
    pub fn get(&self, id: u64) -> Option<&Measurement> {
        self.items.iter().find(|item| item.id == id)
    }

    /// The chosen one.
    pub fn selected(&self) -> Option<u64> {
        self.selected
    }

    /// Those on a frame.
    pub(crate) fn on<'a>(
        &'a self,
        frame_ref: &'a FrameRef,
    ) -> impl DoubleEndedIterator<Item = &'a Measurement> {
        self.items.iter().filter(move |item| item.frame_ref == *frame_ref)
    }

    pub(super) fn select(&mut self, id: Option<u64>) {
        self.selected = id.filter(|id| self.get(*id).is_some());
    }

    /// Adds one, chosen; words are written to an arrow or a text at once.
    pub(super) fn add(&mut self, place: Place, frame_ref: FrameRef, shape: Shape) -> u64 {
        let has_text = shape.kind().has_text();
        let id = self.restore(place, frame_ref, shape, String::new());
        self.selected = Some(id);
        self.editing = has_text.then_some(id);
        id
    }

    /// Adds one that was kept.
    pub(super) fn restore(
        &mut self,
        place: Place,
        frame_ref: FrameRef,
        shape: Shape,
        text: String,
    ) -> u64 {
        self.last_id += 1;
        self.revision += 1;
        let id = self.last_id;
        self.items.push(Measurement { id, place, frame_ref, shape, figures: None, text });
        id
    }

    /// The one that is being written to.
    pub(crate) fn editing(&self) -> Option<u64> {
        self.editing
    }

    pub(super) fn edit(&mut self, id: Option<u64>) {
        let can_be = |id: &u64| self.get(*id).is_some_and(|item| item.shape.kind().has_text());
        self.editing = id.filter(can_be);
        if self.editing.is_some() {
            self.selected = self.editing;
        }
    }

    /// Other words; gives what it was before.
    pub(super) fn write(&mut self, id: u64, text: String) -> Option<Measurement> {
        let item = self.items.iter_mut().find(|item| item.id == id)?;
        let before = item.clone();
        if item.text != text {
            item.text = text;
            self.revision += 1;
        }
        Some(before)
    }

    /// Grows with every change that is worth keeping.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether something is in the reader's hand.
    pub(super) fn is_busy(&self) -> bool {
        self.moving.is_some() || self.editing.is_some()
    }

    /// Gives one another form; remembers what it was before the first of several moves.
    pub(super) fn reshape(&mut self, id: u64, shape: Shape) {
        let Some(item) = self.items.iter_mut().find(|item| item.id == id) else { return };
        if self.moving.as_ref().is_none_or(|moving| moving.id != id) {
            self.moving = Some(item.clone());
        }
        if item.shape != shape {
            self.revision += 1;
            item.shape = shape;
            item.figures = None;
        }
    }

    /// Whether one is being moved just now.
    pub(super) fn is_moving(&self, id: u64) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.id == id)
    }

    /// The moves have ended: what it was before them.
    pub(super) fn end_move(&mut self) -> Option<Measurement> {
        self.moving.take()
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Measurement> {
        let idx = self.items.iter().position(|item| item.id == id)?;
        self.revision += 1;
        if self.selected == Some(id) {
            self.selected = None;
        }
        self.editing.take_if(|editing| *editing == id);
        Some(self.items.remove(idx))
    }

    /// Makes one what a change says it is, in its old place among the others.
    pub(super) fn put(&mut self, id: u64, item: Option<Measurement>) {
        self.moving = None;
        self.editing = None;
        self.revision += 1;
        let at = self.items.partition_point(|other| other.id < id);
        let is_there = self.items.get(at).is_some_and(|other| other.id == id);
        match item {
            Some(item) if is_there => self.items[at] = item,
            Some(item) => self.items.insert(at, item),
            None => {
                self.remove(id);
            }
        }
        self.select(Some(id));
    }

    pub(super) fn items_mut(&mut self) -> impl Iterator<Item = &mut Measurement> {
        self.items.iter_mut()
    }

    /// The study was closed.
    pub(crate) fn forget_study(&mut self, study_key: &str) {
        self.items.retain(|item| item.place.study_key != study_key);
        self.moving = None;
        self.editing = None;
        self.revision += 1;
        self.select(self.selected);
    }
}

impl Edit {
    /// Which measurement it changed.
    pub(crate) fn id(&self) -> Option<u64> {
        self.before.as_ref().or(self.after.as_ref()).map(|item| item.id)
    }

    /// The change that takes it back.
    pub(crate) fn reversed(self) -> Self {
        Self { before: self.after, after: self.before }
    }
}
