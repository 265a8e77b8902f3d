//! Cine: the slices of the active viewport one after the other, over and over.

use super::command::Command;
use super::state::AppState;

/// Frames a second where the file does not say; and the choices of those who want others.
const USUAL: f64 = 10.0;
const RATES: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0];

/// What plays, and how fast.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cine {
    /// When the next frame is due; none while it stands still.
    pub(crate) next_secs: Option<f64>,
    /// As the reader chose; none is as the file says.
    pub(crate) rate: Option<f64>,
}

impl AppState {
    /// Whether frames follow each other by themselves.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.cine.next_secs.is_some() && self.num_frames() > 1
    }

    pub(crate) fn toggle_cine(&mut self) {
        let starts = self.cine.next_secs.is_none() && self.num_frames() > 1;
        self.cine.next_secs = starts.then_some(self.now_secs);
    }

    /// Frames a second: as chosen, else as the file says.
    pub(crate) fn cine_rate(&self) -> f64 {
        let place = self.active_viewport().place.as_ref();
        let told = place.and_then(|place| {
            let (_, series) = self.shown_series(place)?;
            let (instance, _) = series.instance_of(place.frame_idx)?;
            instance.frame_time_ms.filter(|ms| *ms > 1.0).map(|ms| 1000.0 / ms)
        });
        self.cine.rate.or(told).unwrap_or(USUAL)
    }

    /// Faster or slower by one choice.
    pub(crate) fn change_cine_rate(&mut self, faster: bool) {
        let rate = self.cine_rate();
        let next = match faster {
            true => RATES.into_iter().find(|other| *other > rate + 0.01),
            false => RATES.into_iter().rev().find(|other| *other < rate - 0.01),
        };
        self.cine.rate = next.or(Some(rate));
    }

    /// Shows the next frame when it is due and has been read; frames are never skipped.
    pub(crate) fn advance_cine(&mut self) {
        let Some(due) = self.cine.next_secs.filter(|_| self.has_viewports()) else { return };
        let (n, viewport) = (self.num_frames(), self.active_viewport());
        let Some(place) = viewport.place.as_ref().filter(|_| n > 1 && self.now_secs >= due) else {
            return;
        };
        let is_pending = self.frame_ref(place).is_some_and(|frame| self.frames.is_pending(&frame));
        if is_pending {
            return;
        }
        let next = (place.frame_idx + 1) % n;
        self.run(Command::ShowFrame(next));
        // a late frame does not make those after it come in a rush
        self.cine.next_secs = Some((due + 1.0 / self.cine_rate()).max(self.now_secs));
    }

    /// Seconds until the next frame is due.
    pub(crate) fn cine_in(&self) -> Option<f64> {
        let due = self.cine.next_secs.filter(|_| self.is_playing())?;
        Some((due - self.now_secs).max(0.0))
    }
}
