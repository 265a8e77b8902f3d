//! How panels, which only draw, ask for commands.

use std::cell::RefCell;

use super::command::Command;

/// Where panels put commands; they are run before the next drawing.
#[derive(Debug, Default)]
pub struct CommandSender(RefCell<Vec<Command>>);

impl CommandSender {
    /// Asks for `command`.
    pub fn send(&self, command: Command) {
        self.0.borrow_mut().push(command);
    }

    /// Everything asked for since the last time.
    pub(crate) fn take(&self) -> Vec<Command> {
        self.0.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}
