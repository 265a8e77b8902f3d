//! Keys, dropped files and pasted pictures become commands.

use std::path::PathBuf;

use egui::{Context, Event, Key, Modifiers, Popup};

use super::ReadingRoomApp;
use super::apply_decode::sentence;
use super::command::Command;
use super::command_table::TABLE;
use super::measure::Tool;
use super::notices::NoticeLevel;
use crate::imaging::frame_from_rgba;

impl ReadingRoomApp {
    pub(crate) fn take_input(&mut self, ctx: &Context) {
        self.take_drops(ctx);
        self.take_pictures(ctx);
        self.take_escape(ctx);
        self.take_keys(ctx);
    }

    fn take_drops(&self, ctx: &Context) {
        let paths: Vec<PathBuf> = ctx
            .input(|i| i.raw.dropped_files.iter().map(|file| file.path().to_path_buf()).collect());
        if !paths.is_empty() {
            self.commands.send(Command::OpenPaths(paths));
        }
    }

    fn take_pictures(&mut self, ctx: &Context) {
        let pasted = ctx.input(|i| {
            i.events.iter().find_map(|event| match event {
                Event::PasteImage(image) => Some(std::sync::Arc::clone(image)),
                _ => None,
            })
        });
        let Some(image) = pasted else { return };
        let rgba = image.pixels.iter().flat_map(|color| color.to_srgba_unmultiplied()).collect();
        let side = |n: usize| u32::try_from(n).unwrap_or(0);
        match frame_from_rgba(side(image.size[0]), side(image.size[1]), rgba) {
            Ok(frame) => self.state.open_picture(frame),
            Err(error) => {
                self.state.notices.push(NoticeLevel::Error, sentence(&error.to_string()));
            }
        }
    }

    /// Esc stops an answer, then closes what is on top, then puts the tool down; popups close by themselves.
    fn take_escape(&mut self, ctx: &Context) {
        if Popup::is_any_open(ctx) || !ctx.input(|i| i.key_pressed(Key::Escape)) {
            return;
        }
        if self.state.measurements.editing().is_some() {
            self.commands.send(Command::CancelText);
        } else if self.state.history.renaming.is_some() {
            self.commands.send(Command::CancelRename);
        } else if self.state.sheet.is_some() {
            self.commands.send(Command::CloseSheet);
        } else if self.state.history.is_finding {
            self.commands.send(Command::CloseFind);
        } else if self.state.is_showing_results() {
            self.commands.send(Command::HideResults);
        } else if self.state.engine.asking.is_some() {
            self.commands.send(Command::StopAnswer);
        } else if self.state.is_showing_sides() {
            self.commands.send(Command::CloseSides);
        } else if self.state.is_comparing() {
            self.commands.send(Command::CloseComparison);
        } else if self.state.eye.is_on || self.state.is_looking_at_evidence() {
            self.commands.send(Command::ToggleEye);
        } else {
            self.put_tool_down();
        }
    }

    /// First what is half drawn goes, then the tool, then the choice of a measurement.
    fn put_tool_down(&mut self) {
        let pens = || self.panels.viewports.iter();
        if pens().any(|panel| panel.pen.is_drawing()) {
            self.panels.viewports.iter_mut().for_each(|panel| panel.pen.put_down());
        } else if self.state.tool != Tool::default() {
            self.commands.send(Command::SetTool(Tool::default()));
        } else if self.state.measurements.selected().is_some() {
            self.commands.send(Command::SelectMeasurement(None));
        }
    }

    fn take_keys(&self, ctx: &Context) {
        let bare_allowed = !ctx.text_edit_focused()
            && !Popup::is_any_open(ctx)
            && self.state.sheet.is_none()
            && ctx.memory(|memory| memory.focused().is_none());
        for entry in TABLE {
            let Some(keys) = &entry.keys else { continue };
            if Command::key_is_bare(keys) && !bare_allowed {
                continue;
            }
            let is_enabled = entry.command.is_enabled(&self.state);
            // a key with shift that does nothing now is not taken for the one without
            if !is_enabled && !keys.modifiers.shift {
                continue;
            }
            // shift is part of how some layouts write a sign: only letters and arrows mind it
            let presses =
                ctx.input_mut(|i| i.count_and_consume_key(keys.modifiers, keys.logical_key));
            for _ in (0..presses).filter(|_| is_enabled) {
                self.commands.send(entry.command.clone());
            }
        }
        // the question box keeps bare keys; Ctrl+Enter there asks about the view
        if ctx.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::Enter)) {
            self.commands.send(Command::AskAboutView);
        }
    }
}
