//! Short messages that do not stop the reader.

use super::command::Command;

/// Seconds a notice stays, unless it is an error.
const LIFETIME_SECS: f64 = 6.0;
const MAX_SHOWN: usize = 3;

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeLevel {
    /// For information.
    Info,
    /// Something succeeded.
    Ok,
    /// Something to look at.
    Warn,
    /// Something failed; stays until dismissed.
    Error,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Tells notices apart.
    pub id: u64,
    /// How grave it is.
    pub level: NoticeLevel,
    /// One sentence.
    pub text: String,
    /// Longer lines, shown on demand.
    pub details: Vec<String>,
    /// What can be done about it.
    pub actions: Vec<(&'static str, Command)>,
    born_secs: f64,
    /// The details are unfolded; such a notice stays.
    pub unfolded: bool,
}

/// All that are shown.
#[derive(Debug, Default)]
pub struct Notices {
    shown: Vec<Notice>,
    next_id: u64,
    now_secs: f64,
}

impl Notices {
    /// Newest last.
    pub fn shown(&self) -> &[Notice] {
        &self.shown
    }

    /// Shows a sentence.
    pub fn push(&mut self, level: NoticeLevel, text: impl Into<String>) -> &mut Notice {
        let text = text.into();
        // the same sentence twice says nothing new
        self.shown.retain(|notice| notice.text != text);
        while self.shown.len() >= MAX_SHOWN {
            let oldest_calm = self.shown.iter().position(|n| n.level != NoticeLevel::Error);
            self.shown.remove(oldest_calm.unwrap_or(0));
        }
        self.next_id += 1;
        let idx = self.shown.len();
        self.shown.push(Notice {
            id: self.next_id,
            level,
            text,
            details: Vec::new(),
            actions: Vec::new(),
            born_secs: self.now_secs,
            unfolded: false,
        });
        &mut self.shown[idx]
    }

    /// Takes one away.
    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|notice| notice.id != id);
    }

    /// Folds or unfolds the details of one.
    pub fn toggle_details(&mut self, id: u64) {
        if let Some(notice) = self.shown.iter_mut().find(|notice| notice.id == id) {
            notice.unfolded = !notice.unfolded;
        }
    }

    /// Lets time pass; seconds until the next one goes, if any will.
    pub(crate) fn tick(&mut self, now_secs: f64) -> Option<f64> {
        self.now_secs = now_secs;
        self.shown.retain(|n| n.stays() || now_secs - n.born_secs < LIFETIME_SECS);
        self.shown
            .iter()
            .filter(|n| !n.stays())
            .map(|n| (LIFETIME_SECS - (now_secs - n.born_secs)).max(0.05))
            .reduce(f64::min)
    }
}

impl Notice {
    fn stays(&self) -> bool {
        self.level == NoticeLevel::Error || self.unfolded
    }

    /// Adds lines shown on demand.
    pub fn with_details(&mut self, details: Vec<String>) -> &mut Self {
        self.details = details;
        self
    }

    /// Adds something that can be done about it.
    pub fn with_action(&mut self, label: &'static str, command: Command) -> &mut Self {
        self.actions.push((label, command));
        self
    }
}
