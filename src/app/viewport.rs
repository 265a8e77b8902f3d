//! What one viewport shows, and how.

use std::cell::Cell;
use std::sync::Arc;

use super::frames::LoadedFrame;
use super::measure::{Edit, Measurement};
use super::view_transform::ViewTransform;
pub(crate) use crate::imaging::number;
use crate::imaging::{CT_PRESETS, ColorMap, Grayscale, Preset, VoiLut, Window};

const MAX_UNDO: usize = 64;
/// From this zoom on pixels are not blended.
const SQUARES_FROM_ZOOM: f32 = 4.0;

/// How values become grey levels, chosen once for a whole series.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowMode {
    /// The file's n-th window or table, else what the file's values ask for.
    File(usize),
    /// From percentiles of each frame.
    Auto,
    /// One known by name.
    Preset(&'static Preset),
    /// Set by hand.
    Custom(Window),
}

/// A frame of a series of an open study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Study.
    pub study_key: String,
    /// Series.
    pub series_key: String,
    /// From 0.
    pub frame_idx: usize,
}

/// How the picture is looked at: what undo brings back.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Window.
    pub window: WindowMode,
    /// Dark and light swapped.
    pub inverted: bool,
    /// Colours for grey levels; a model is given grey ones.
    pub color_map: ColorMap,
    /// Zoom, position, orientation.
    pub transform: ViewTransform,
}

/// One viewport.
#[derive(Clone, Debug, Default)]
pub struct Viewport {
    /// What it shows; none is an empty viewport.
    pub place: Option<Place>,
    /// How.
    pub view: View,
    /// Zoom as drawn last; what a fitted view zooms from.
    pub(crate) drawn_zoom: Cell<f32>,
    undo: Vec<Step>,
    redo: Vec<Step>,
}

/// One step back: how the picture was looked at, or what was changed on it.
#[derive(Clone, Debug)]
enum Step {
    View(View),
    Edit(Box<Edit>),
}

impl Default for View {
    fn default() -> Self {
        Self {
            window: WindowMode::File(0),
            inverted: false,
            color_map: ColorMap::Grey,
            transform: ViewTransform::default(),
        }
    }
}

impl View {
    /// How this frame becomes grey levels.
    pub fn grayscale(&self, loaded: &Arc<LoadedFrame>) -> Grayscale {
        let frame = &loaded.frame;
        let voi_lut = match &self.window {
            WindowMode::File(idx) => match frame.voi_choices().get(*idx) {
                Some(choice) => choice.voi_lut.clone(),
                None => loaded.default_grayscale().voi_lut,
            },
            WindowMode::Auto => VoiLut::Window(loaded.auto_window()),
            WindowMode::Preset(preset) => VoiLut::Window(preset.window()),
            WindowMode::Custom(window) => VoiLut::Window(*window),
        };
        Grayscale { voi_lut, inverted: self.inverted }
    }

    /// The numbers a drag starts from, whatever the values are shown with.
    pub(crate) fn window_of(&self, loaded: &Arc<LoadedFrame>) -> Window {
        match self.grayscale(loaded).voi_lut {
            VoiLut::Window(window) => window,
            VoiLut::Range { min, max } => {
                Window::new(f64::midpoint(min, max), (max - min).max(1.0))
            }
            VoiLut::Table(table) => {
                let (first, last) = table.input_range();
                Window::new(f64::midpoint(first, last), (last - first).max(1.0))
            }
        }
    }

    /// "Lung", "Auto", "Custom", or the file's own name for it.
    pub(crate) fn window_name(&self, loaded: Option<&Arc<LoadedFrame>>) -> String {
        match &self.window {
            WindowMode::File(idx) => {
                let choices = loaded.map(|loaded| loaded.frame.voi_choices()).unwrap_or_default();
                choices.get(*idx).map_or_else(|| "Full range".to_owned(), |c| c.name.clone())
            }
            WindowMode::Auto => "Auto".to_owned(),
            WindowMode::Preset(preset) => preset.name.to_owned(),
            WindowMode::Custom(_) => "Custom".to_owned(),
        }
    }
}

impl Viewport {
    /// One that shows this as its files say.
    pub(crate) fn at(place: Option<Place>) -> Self {
        Self { place, ..Self::default() }
    }

    /// Shows a place as its file asks for it, with nothing to undo.
    pub(crate) fn show(&mut self, place: Place) {
        *self = Self { place: Some(place), ..Self::default() };
    }

    /// Whether pixels are shown as the squares they are.
    pub(crate) fn draws_squares(&self, always: bool) -> bool {
        always || self.drawn_zoom.get() >= SQUARES_FROM_ZOOM
    }

    /// What follows can be undone in one step.
    pub(crate) fn remember(&mut self) {
        let is_known = matches!(self.undo.last(), Some(Step::View(last)) if *last == self.view);
        if !is_known {
            self.push(Step::View(self.view.clone()));
        }
        self.redo.clear();
    }

    /// The change just made to a measurement can be undone in one step.
    pub(crate) fn remember_edit(&mut self, edit: Edit) {
        self.push(Step::Edit(Box::new(edit)));
        self.redo.clear();
    }

    /// Words written to what was made in the last step belong to that step; whether they do.
    pub(crate) fn amend_edit(&mut self, after: &Measurement) -> bool {
        let made = self.last_made(after.id).filter(|made| made.text.is_empty());
        made.map(|made| *made = after.clone()).is_some()
    }

    /// What was made in the last step is as if it never had been; whether it was.
    pub(crate) fn forget_made(&mut self, id: u64) -> bool {
        self.last_made(id).is_some() && self.undo.pop().is_some()
    }

    fn last_made(&mut self, id: u64) -> Option<&mut Measurement> {
        let Some(Step::Edit(edit)) = self.undo.last_mut() else { return None };
        let is_new = edit.before.is_none();
        edit.after.as_mut().filter(|made| is_new && made.id == id)
    }

    fn push(&mut self, step: Step) {
        self.undo.push(step);
        if self.undo.len() > MAX_UNDO {
            self.undo.remove(0);
        }
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether there is something to make again.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Takes the last step back; one of a measurement is given back, to be made outside.
    pub(crate) fn undo(&mut self) -> Option<Edit> {
        match self.undo.pop()? {
            Step::View(before) => {
                self.redo.push(Step::View(std::mem::replace(&mut self.view, before)));
                None
            }
            Step::Edit(edit) => {
                self.redo.push(Step::Edit(edit.clone()));
                Some(edit.reversed())
            }
        }
    }

    /// Makes it again.
    pub(crate) fn redo(&mut self) -> Option<Edit> {
        match self.redo.pop()? {
            Step::View(after) => {
                self.undo.push(Step::View(std::mem::replace(&mut self.view, after)));
                None
            }
            Step::Edit(edit) => {
                self.undo.push(Step::Edit(edit.clone()));
                Some(*edit)
            }
        }
    }
}

/// The windows offered for a modality, apart from the file's own and the automatic one.
pub(crate) fn presets(modality: &str) -> &'static [Preset] {
    if modality == "CT" { CT_PRESETS } else { &[] }
}

/// Modality values a drag of one point changes the window by.
pub(crate) fn window_step(range: (f64, f64)) -> f64 {
    let extent = range.1 - range.0;
    // values between 0 and 1 would jump from black to white at one unit a point
    if extent < 64.0 { (extent / 1024.0).max(1e-9) } else { (extent / 1024.0).max(1.0) }
}

/// The window after a drag: right widens, up brightens.
pub(crate) fn dragged_window(window: Window, delta: egui::Vec2, step: f64) -> Window {
    let narrowest = step.min(1.0);
    Window {
        width: (window.width + f64::from(delta.x) * step).max(narrowest),
        center: window.center + f64::from(delta.y) * step,
        function: window.function,
    }
}
