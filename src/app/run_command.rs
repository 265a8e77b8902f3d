//! What each command does to the state.

use super::command::Command;
use super::effect::Effect;
use super::state::{AppState, Overlays};
use super::view_transform::{ViewTransform, ZOOM_RANGE};
use super::viewport::{View, WindowMode, presets};

impl AppState {
    /// Runs a command; what it needs from outside becomes an effect.
    pub fn run(&mut self, command: Command) {
        if command.leads_to_viewports() {
            self.comparing = None;
            self.eye.stored = None;
            self.sides.is_shown = false;
        }
        let was_showing = self.is_showing_results();
        if command.leaves_results() {
            self.results.shown = None;
        }
        if was_showing && matches!(command, Command::ShowTab(_)) {
            // the panel was out of sight: it is shown, not put away
            self.settings.left_open = false;
        }
        let before = self.are_linked.then(|| (self.active, self.active_viewport().place.clone()));
        let rest = self.run_open(command).and_then(|command| self.run_results(command));
        let rest = rest.and_then(|command| self.run_view(command));
        let rest = rest.and_then(|command| self.run_planes(command));
        let rest = rest.and_then(|command| self.run_key_images(command));
        let rest = rest.and_then(|command| self.run_inside(command));
        let rest = rest.and_then(|command| self.run_pictures(command));
        let rest = rest.and_then(|command| self.run_copies(command));
        let rest = rest.and_then(|command| self.run_measure(command));
        let rest = rest.and_then(|command| self.run_region(command));
        let rest = rest.and_then(|command| self.run_strip(command));
        let rest = rest.and_then(|command| self.run_history(command));
        let rest = rest.and_then(|command| self.run_sides(command));
        if let Some(command) = rest.and_then(|command| self.run_chat(command)) {
            self.run_shell(command);
        }
        if let Some((active, place)) = before.filter(|_| self.are_linked)
            && self.active == active
        {
            self.follow_active(place.as_ref());
        }
        self.share_window();
    }

    fn run_open(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::OpenFiles => self.effects.push(Effect::PickFiles),
            Command::OpenFolder => self.effects.push(Effect::PickFolder),
            Command::OpenPaths(paths) => self.open_paths(paths),
            Command::OpenSample => self.effects.push(Effect::UnpackSample),
            Command::CloseStudy(study_key) => self.close_study(&study_key),
            Command::CloseActiveStudy => {
                if let Some(place) = self.active_viewport().place.clone() {
                    self.close_study(&place.study_key);
                }
            }
            Command::ShowFolder(folder) => self.effects.push(Effect::ShowFolder(folder)),
            Command::ClearRecent => self.settings.recent.clear(),
            other => return Some(other),
        }
        None
    }

    fn run_view(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::ShowSeries { study_key, series_key } => {
                self.show_series(&study_key, &series_key);
            }
            Command::ShowFrame(frame_idx) => self.show_frame(frame_idx),
            Command::StepFrame(step) => self.step_frame(step),
            Command::FirstFrame => self.show_frame(0),
            Command::LastFrame => self.show_frame(usize::MAX),
            Command::StepSeries(step) => self.step_series(step),
            Command::SetViewports(n) => self.set_viewports(n),
            Command::ToggleLink => self.are_linked = !self.are_linked,
            Command::ToggleCine => self.toggle_cine(),
            Command::ChangeCineRate { faster } => self.change_cine_rate(faster),
            Command::ActivateViewport(idx) => self.active = idx.min(self.viewports.len() - 1),
            Command::PresetKey(key) => self.choose_preset(key),
            Command::CycleOverlays => {
                self.overlays = match self.overlays {
                    Overlays::Full => Overlays::Minimal,
                    Overlays::Minimal => Overlays::Off,
                    Overlays::Off => Overlays::Full,
                };
            }
            Command::ToggleInterpolation => self.settings.nearest = !self.settings.nearest,
            Command::ToggleEye => self.toggle_eye(),
            Command::SaveEye => self.save_eye(),
            Command::CopyEyeFacts => self.copy_eye(),
            Command::RememberView => self.active_viewport_mut().remember(),
            Command::Undo => self.step_back(false),
            Command::Redo => self.step_back(true),
            Command::SetWindow(mode @ WindowMode::Custom(_)) => {
                // one step back for a whole drag: the drag remembers the view when it begins
                self.active_viewport_mut().view.window = mode;
            }
            Command::ZoomBy(factor) => {
                let viewport = self.active_viewport_mut();
                let before = viewport.view.transform.zoom.unwrap_or(viewport.drawn_zoom.get());
                let zoom = (before * factor).clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
                if before > 0.0 && viewport.place.is_some() {
                    viewport.view.transform.pan *= zoom / before;
                    viewport.view.transform.zoom = Some(zoom);
                }
            }
            Command::MoveView { zoom, pan } => {
                let clamped = zoom.map(|zoom| zoom.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end()));
                let view = &mut self.active_viewport_mut().view;
                view.transform = ViewTransform { zoom: clamped, pan, ..view.transform };
            }
            other => return self.change_view(other),
        }
        None
    }

    /// Changes of the view that are one step back each.
    fn change_view(&mut self, command: Command) -> Option<Command> {
        let viewport = self.active_viewport_mut();
        let mut view = viewport.view.clone();
        match command {
            Command::SetWindow(mode) => view.window = mode,
            Command::SetColorMap(map) => view.color_map = map,
            Command::Invert => view.inverted = !view.inverted,
            Command::FlipHorizontal => {
                view.transform.turned = view.transform.turned.flipped_horizontally();
            }
            Command::FlipVertical => {
                view.transform.turned = view.transform.turned.flipped_vertically();
            }
            Command::Rotate(turns) => {
                for _ in 0..turns.rem_euclid(4) {
                    view.transform.turned = view.transform.turned.rotated_right();
                }
            }
            Command::Fit => {
                view.transform =
                    ViewTransform { turned: view.transform.turned, ..ViewTransform::default() };
            }
            Command::ActualSize => view.transform.zoom = Some(1.0),
            Command::ResetView => view = View::default(),
            other => return Some(other),
        }
        if viewport.place.is_some() && view != viewport.view {
            viewport.remember();
            viewport.view = view;
        }
        None
    }

    pub(crate) fn num_frames(&self) -> usize {
        let place = self.active_viewport().place.as_ref();
        place
            .and_then(|place| self.shown_series(place))
            .map_or(0, |(_, series)| series.num_frames())
    }

    fn show_frame(&mut self, frame_idx: usize) {
        let last = self.num_frames().saturating_sub(1);
        if let Some(place) = &mut self.active_viewport_mut().place {
            place.frame_idx = frame_idx.min(last);
        }
    }

    fn step_frame(&mut self, step: isize) {
        let Some(place) = &self.active_viewport().place else { return };
        let onward = place.frame_idx.saturating_add_signed(step);
        let frame_idx = self.step_among_keys(step).unwrap_or(onward);
        self.show_frame(frame_idx);
    }

    pub(crate) fn step_series(&mut self, step: isize) {
        let all: Vec<(String, String)> = self
            .studies
            .open()
            .iter()
            .flat_map(|open| {
                open.study.series.iter().map(|s| (open.study.key.clone(), s.key.clone()))
            })
            .collect();
        let Some(place) = &self.active_viewport().place else { return };
        let here = all
            .iter()
            .position(|(study, series)| *study == place.study_key && *series == place.series_key);
        let next = here.and_then(|idx| idx.checked_add_signed(step)).and_then(|idx| all.get(idx));
        if let Some((study_key, series_key)) = next.cloned() {
            self.show_series(&study_key, &series_key);
        }
    }

    fn choose_preset(&mut self, key: char) {
        let Some(place) = &self.active_viewport().place else { return };
        let Some((_, series)) = self.shown_series(place) else { return };
        let mode = match key {
            '0' => WindowMode::Auto,
            '1' => WindowMode::File(0),
            _ => match presets(&series.modality).iter().find(|p| p.key == Some(key)) {
                Some(preset) => WindowMode::Preset(preset),
                None => return,
            },
        };
        self.run(Command::SetWindow(mode));
    }

    fn run_chat(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::Ask { question, with_view, again_of } => {
                self.ask(&question, with_view, again_of);
            }
            Command::AskAboutView => {
                self.settings.right_open = true;
                self.focus_question = true;
            }
            Command::Reconstruct { request, again_of } => self.reconstruct(&request, again_of),
            Command::RedrawCodesOnly(turn_idx) => self.redraw_codes_only(turn_idx),
            Command::OpenComparison(turn_idx) => {
                self.sides.is_shown = false;
                self.open_comparison(turn_idx);
            }
            Command::CloseComparison => self.comparing = None,
            Command::SaveDrawn(what) => self.save_drawn(what),
            Command::StopAnswer => self.stop_answer(),
            Command::Regenerate(turn_idx) => self.regenerate(turn_idx),
            Command::RegenerateLast => {
                if let Some(last) = self.conversation().turns.len().checked_sub(1) {
                    self.regenerate(last);
                }
            }
            Command::Replay(turn_idx) => self.replay(turn_idx),
            Command::Continue(turn_idx) => self.go_on(turn_idx),
            Command::TurnOff { turn_idx, token_idx, id } => self.turn_off(turn_idx, token_idx, id),
            Command::StepVersion { turn_idx, step } => self.step_version(turn_idx, step),
            Command::StepLastAnswer(step) => {
                if let Some(turn) = self.conversation_mut().turns.last_mut() {
                    turn.show_neighbour(step);
                }
            }
            Command::NewChatSamePicture => self.new_chat_same_picture(),
            Command::ForkChat(turn_idx) => self.fork_chat(turn_idx),
            Command::Unqueue(place) => {
                self.engine.queue.remove(place);
            }
            Command::LeaveOutOldest(turn_idx) => self.leave_out_oldest(turn_idx),
            Command::AskInNewChat(turn_idx) => self.ask_in_new_chat(turn_idx),
            Command::ToggleTint => self.has_tint = !self.has_tint,
            Command::StepAnswer { turn_idx, step } => {
                if let Some(turn) = self.conversation_mut().turns.get_mut(turn_idx) {
                    turn.show_neighbour(step);
                }
            }
            Command::GoToEvidence { turn_idx, evidence_idx } => {
                self.go_to_evidence(turn_idx, evidence_idx);
            }
            Command::LookAtEvidence { turn_idx, evidence_idx } => {
                self.look_at_evidence(turn_idx, evidence_idx);
            }
            Command::NewChat => self.new_chat(),
            Command::LoadModel(request) => self.load_model(request),
            Command::CancelLoad => self.cancel_load(),
            Command::UnloadModel => {
                self.engine.kept.clear();
                self.effects.push(Effect::Unload);
            }
            Command::ChooseModelsFolder => self.effects.push(Effect::PickModelsFolder),
            Command::OpenModelsFolder => {
                if let Some(folder) = self.models_dir().cloned() {
                    self.effects.push(Effect::ShowFolder(folder));
                }
            }
            Command::RescanModels => self.scan_models(),
            Command::ChooseDevice(device, precision) => {
                self.settings.device = device;
                self.settings.precision = precision;
                self.engine.device_label = None;
                self.engine.device_info = None;
                self.effects.push(Effect::ProbeDevice(device));
            }
            other => return self.run_params(other),
        }
        None
    }

    fn run_shell(&mut self, command: Command) {
        match command {
            Command::ToggleModelPicker => {
                self.picker_open = !self.picker_open;
                if self.picker_open {
                    self.scan_models();
                    // what is free has changed since
                    self.effects.push(Effect::ProbeDevice(self.settings.device));
                }
            }
            Command::ToggleLeftPanel => self.settings.left_open = !self.settings.left_open,
            Command::ToggleChatPanel => self.settings.right_open = !self.settings.right_open,
            Command::ShowTab(tab) => {
                let same = self.left_tab == tab;
                self.settings.left_open = !(same && self.settings.left_open);
                self.left_tab = tab;
            }
            Command::TogglePrivacy => self.settings.privacy = !self.settings.privacy,
            Command::SetTheme(theme) => {
                self.settings.theme = theme;
                self.effects.push(Effect::Restyle);
            }
            Command::ToggleReadAhead => {
                self.settings.read_ahead = !self.settings.read_ahead;
            }
            Command::ToggleMotion => {
                self.settings.less_motion = !self.settings.less_motion;
                self.effects.push(Effect::Restyle);
            }
            Command::ToggleWeightsCache => {
                self.settings.weights_cache = !self.settings.weights_cache;
            }
            Command::SetFramesMemory(mb) => {
                self.settings.frames_mb = mb;
                self.frames.set_max_bytes(self.settings.frames_bytes());
            }
            Command::SetScale(scale) => {
                self.settings.ui_scale = scale.clamp(0.8, 2.0);
                self.effects.push(Effect::Restyle);
            }
            Command::ToggleSheet(sheet) => {
                self.sheet = if self.sheet == Some(sheet) { None } else { Some(sheet) };
            }
            Command::CloseSheet => {
                self.sheet = None;
                self.picker_open = false;
            }
            Command::Acknowledge => {
                self.settings.acknowledged = Some(env!("CARGO_PKG_VERSION").to_owned());
            }
            Command::DismissNotice(id) => self.notices.dismiss(id),
            Command::ToggleNoticeDetails(id) => self.notices.toggle_details(id),
            Command::CancelJob(job) => self.cancel_job(job),
            Command::CopyText(text) => self.effects.push(Effect::CopyText(text)),
            Command::ToggleFullScreen => {
                self.full_screen = !self.full_screen;
                self.effects.push(Effect::FullScreen(self.full_screen));
            }
            Command::Quit => self.effects.push(Effect::Quit),
            _ => {}
        }
    }
}
