//! What the model's eye sees, saved as it is: no mark is laid over a pixel, so that the file can be
//! checked against the tensor.

use std::sync::Arc;

use super::super::effect::Effect;
use super::super::save_drawn::ToSave;
use super::super::state::AppState;
use super::state::EyeView;

const NAME: &str = "model-eye.png";

impl AppState {
    /// What is seen, as long as it is what is shown.
    pub(crate) fn eye_shown(&self) -> Option<&Arc<EyeView>> {
        self.eye.seen.as_ref().filter(|seen| self.eye.is_current && seen.sight.is_ok())
    }

    /// Asks where to save the picture.
    pub(crate) fn save_eye(&mut self) {
        let saved = self.eye_shown().and_then(|seen| {
            let picture = seen.picture.as_deref()?.clone();
            Some(ToSave { picture, facts: seen.json()? })
        });
        if let Some(saved) = saved {
            self.effects.push(Effect::PickPlaceFor(Arc::new(saved), NAME));
        }
    }

    /// Puts all that is known of it on the clipboard.
    pub(crate) fn copy_eye(&mut self) {
        if let Some(facts) = self.eye_shown().and_then(|seen| seen.json()) {
            self.effects.push(Effect::CopyText(facts));
        }
    }
}
