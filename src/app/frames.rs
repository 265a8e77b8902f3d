//! Decoded frames kept for scrolling, up to a number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use super::layout::MOST_VIEWPORTS;
use crate::imaging::{Frame, FrameRef, Grayscale, Window};
use crate::worker::JobId;

/// A decoded frame with what is costly to ask of it twice.
#[derive(Debug)]
pub struct LoadedFrame {
    /// The stored values.
    pub frame: Arc<Frame>,
    auto_window: OnceLock<Window>,
    default_grayscale: OnceLock<Grayscale>,
}

/// Where a frame stands.
#[derive(Clone, Debug)]
pub enum FrameState {
    /// Nobody asked for it.
    Unknown,
    /// Being read.
    Pending,
    /// Here.
    Ready(Arc<LoadedFrame>),
    /// Cannot be shown, and the sentence that says why.
    Failed(String),
}

/// Frames by reference; the least recently shown go first.
#[derive(Debug)]
pub struct FrameCache {
    entries: HashMap<FrameRef, Entry>,
    order: BTreeMap<u64, FrameRef>,
    pending: Vec<(JobId, FrameRef)>,
    failed: HashMap<FrameRef, String>,
    /// Pasted pictures have no file to be read from again.
    pinned: HashMap<FrameRef, Arc<LoadedFrame>>,
    clock: u64,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    loaded: Arc<LoadedFrame>,
    used: u64,
}

impl LoadedFrame {
    pub(crate) fn new(frame: Arc<Frame>) -> Arc<Self> {
        Arc::new(Self { frame, auto_window: OnceLock::new(), default_grayscale: OnceLock::new() })
    }

    /// The window from percentiles.
    pub fn auto_window(&self) -> Window {
        *self.auto_window.get_or_init(|| self.frame.auto_window())
    }

    /// What the file asks for.
    pub fn default_grayscale(&self) -> Grayscale {
        self.default_grayscale.get_or_init(|| self.frame.default_grayscale()).clone()
    }
}

impl FrameCache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            pending: Vec::new(),
            failed: HashMap::new(),
            pinned: HashMap::new(),
            clock: 0,
            bytes: 0,
            max_bytes,
        }
    }

    /// Where a frame stands, without counting as use.
    pub fn state(&self, frame_ref: &FrameRef) -> FrameState {
        if let Some(loaded) = self.loaded(frame_ref) {
            FrameState::Ready(loaded)
        } else if let Some(message) = self.failed.get(frame_ref) {
            FrameState::Failed(message.clone())
        } else if self.pending.iter().any(|(_, pending)| pending == frame_ref) {
            FrameState::Pending
        } else {
            FrameState::Unknown
        }
    }

    /// The frame, if it is here.
    pub fn loaded(&self, frame_ref: &FrameRef) -> Option<Arc<LoadedFrame>> {
        let entry = self.entries.get(frame_ref).map(|entry| &entry.loaded);
        entry.or_else(|| self.pinned.get(frame_ref)).map(Arc::clone)
    }

    /// Marks a frame as shown just now.
    pub(crate) fn touch(&mut self, frame_ref: &FrameRef) {
        if let Some(entry) = self.entries.get_mut(frame_ref) {
            self.order.remove(&entry.used);
            self.clock += 1;
            entry.used = self.clock;
            self.order.insert(self.clock, frame_ref.clone());
        }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Keeps so many bytes from now on.
    pub(crate) fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
        self.make_room();
    }

    /// What the frames take that can be read again.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn num_pending(&self) -> usize {
        self.pending.len()
    }

    /// Whether a frame is being read.
    pub(crate) fn is_pending(&self, frame_ref: &FrameRef) -> bool {
        self.pending.iter().any(|(_, pending)| pending == frame_ref)
    }

    /// Reads under way.
    pub fn pending_jobs(&self) -> &[(JobId, FrameRef)] {
        &self.pending
    }

    pub(crate) fn started(&mut self, job: JobId, frame_ref: FrameRef) {
        self.pending.push((job, frame_ref));
    }

    /// Ends a read; gives the frame it was for.
    pub(crate) fn ended(&mut self, job: JobId) -> Option<FrameRef> {
        let idx = self.pending.iter().position(|(pending, _)| *pending == job)?;
        Some(self.pending.remove(idx).1)
    }

    pub(crate) fn insert(&mut self, frame_ref: FrameRef, frame: Arc<Frame>) {
        self.remove(&frame_ref);
        self.failed.remove(&frame_ref);
        self.clock += 1;
        self.bytes += frame.bytes();
        self.order.insert(self.clock, frame_ref.clone());
        let entry = Entry { loaded: LoadedFrame::new(frame), used: self.clock };
        self.entries.insert(frame_ref, entry);
        self.make_room();
    }

    pub(crate) fn pin(&mut self, frame_ref: FrameRef, frame: Arc<Frame>) {
        self.pinned.insert(frame_ref, LoadedFrame::new(frame));
    }

    pub(crate) fn fail(&mut self, frame_ref: FrameRef, message: String) {
        self.failed.insert(frame_ref, message);
    }

    /// Forgets what went wrong, so that frames are asked for again.
    pub(crate) fn forget_failures(&mut self) {
        self.failed.clear();
    }

    /// Forgets every frame for which `gone` holds.
    pub(crate) fn drop_frames(&mut self, gone: impl Fn(&FrameRef) -> bool) {
        let going: Vec<FrameRef> =
            self.order.values().filter(|frame_ref| gone(frame_ref)).cloned().collect();
        for frame_ref in going {
            self.remove(&frame_ref);
        }
        self.pinned.retain(|frame_ref, _| !gone(frame_ref));
        self.failed.retain(|frame_ref, _| !gone(frame_ref));
    }

    fn remove(&mut self, frame_ref: &FrameRef) {
        if let Some(entry) = self.entries.remove(frame_ref) {
            self.order.remove(&entry.used);
            self.bytes = self.bytes.saturating_sub(entry.loaded.frame.bytes());
        }
    }

    /// Lets the oldest go, but always keeps as many as there may be viewports, each showing one.
    fn make_room(&mut self) {
        while self.bytes > self.max_bytes && self.order.len() > MOST_VIEWPORTS {
            let Some(oldest) = self.order.values().next().cloned() else { return };
            self.remove(&oldest);
        }
    }
}
