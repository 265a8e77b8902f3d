//! The volume the decode worker keeps, so that planes of it are cut without decoding anything.

use std::ops::ControlFlow;

use crate::imaging::{Stack, Volume};

/// One volume at most: memory is limited.
#[derive(Default)]
pub(super) struct Volumes(Option<(Stack, Volume)>);

impl Volumes {
    /// The volume of a stack, built where it is not at hand.
    pub(super) fn of(
        &mut self,
        stack: &Stack,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<&Volume, String> {
        if self.0.as_ref().is_none_or(|(kept, _)| kept != stack) {
            // the one before goes first: both might be too much
            self.0 = None;
            let volume = Volume::read(stack, progress).map_err(|error| error.to_string())?;
            self.0 = Some((stack.clone(), volume));
        }
        let kept = self.0.as_ref().map(|(_, volume)| volume);
        kept.ok_or_else(|| "the volume was lost".to_owned())
    }

    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}
