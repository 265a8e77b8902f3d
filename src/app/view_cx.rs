//! What a panel may look at while it draws, and where it puts its wishes.

use super::command::Command;
use super::command_sender::CommandSender;
use super::state::AppState;
use super::textures::TextureCache;
use super::viewport::Viewport;

/// Handed to every panel.
#[derive(Clone, Copy)]
pub(crate) struct ViewCx<'a> {
    pub(crate) state: &'a AppState,
    pub(crate) textures: &'a TextureCache,
    pub(crate) commands: &'a CommandSender,
}

impl ViewCx<'_> {
    pub(crate) fn send(&self, command: Command) {
        self.commands.send(command);
    }

    pub(crate) fn is_enabled(&self, command: &Command) -> bool {
        command.is_enabled(self.state)
    }

    /// Which viewport this is.
    pub(crate) fn index_of(&self, viewport: &Viewport) -> usize {
        let same = |other: &&Viewport| std::ptr::eq::<Viewport>(*other, viewport);
        self.state.viewports.iter().position(|other| same(&other)).unwrap_or(0)
    }
}
