//! What happens before drawing: events in, commands run, effects out.

use std::time::{Duration, Instant};

use super::ReadingRoomApp;

/// Taking in events never delays a drawing by more than this.
const DRAIN_BUDGET: Duration = Duration::from_millis(8);
/// Timers on the screen move this often.
const TICK: Duration = Duration::from_millis(100);

impl ReadingRoomApp {
    pub(crate) fn run_logic(&mut self, ctx: &egui::Context) {
        self.state.now_secs = ctx.input(|i| i.time);
        self.drain_events(ctx);
        for command in self.commands.take() {
            self.state.run(command);
        }
        self.state.advance_cine();
        self.state.request_frames();
        self.state.request_inside();
        self.state.measure_what_changed();
        self.state.keep_measurements();
        self.state.advance_sides();
        self.state.advance_queue();
        self.state.advance_strip();
        self.state.read_ahead();
        self.state.look();
        for effect in self.state.take_effects() {
            self.outside.perform(ctx, &mut self.state, effect);
        }
        self.outside.save_settings_sometimes(ctx, &mut self.state);
        self.outside.save_chats(ctx, &mut self.state);
        self.retitle(ctx);
        self.note_size(ctx);
        self.schedule(ctx);
        self.launch.run(ctx, &self.state);
        self.scroll.run(ctx, &mut self.state);
    }

    fn drain_events(&mut self, ctx: &egui::Context) {
        let began = Instant::now();
        while let Some(event) = self.outside.poll() {
            self.state.apply(event);
            if began.elapsed() > DRAIN_BUDGET {
                ctx.request_repaint();
                break;
            }
        }
    }

    fn retitle(&mut self, ctx: &egui::Context) {
        let title = self.state.desktop_title();
        if self.title != title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// Remembers how large the app is on the screen.
    fn note_size(&mut self, ctx: &egui::Context) {
        let size = ctx.input(|i| i.viewport().inner_rect.map(|rect| rect.size()));
        if let Some(size) = size.filter(|size| size.min_elem() > 100.0)
            && !self.state.full_screen
        {
            let points = (size * ctx.zoom_factor()).round();
            self.state.settings.app_size = Some([points.x, points.y]);
        }
    }

    /// Asks for the next drawing only if something will have changed by then.
    fn schedule(&mut self, ctx: &egui::Context) {
        if let Some(secs) = self.state.notices.tick(self.state.now_secs) {
            ctx.request_repaint_after(Duration::from_secs_f64(secs));
        }
        if let Some(secs) = self.state.cine_in() {
            ctx.request_repaint_after(Duration::from_secs_f64(secs));
        }
        if let Some(secs) = self.state.ahead_in() {
            ctx.request_repaint_after(Duration::from_secs_f64(secs.max(0.0)));
        }
        if let Some(secs) = self.state.results_tick_secs() {
            ctx.request_repaint_after(Duration::from_secs_f64(secs));
        }
        if self.state.engine.is_busy() {
            ctx.request_repaint_after(TICK);
        }
    }
}
