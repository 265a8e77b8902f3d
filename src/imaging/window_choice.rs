//! Which window to show a frame with: presets, and what `--window` may say.

use std::str::FromStr;

use serde::Serialize;

use super::{
    frame::Frame,
    grayscale::{Grayscale, VoiLut},
    window::{VoiLutFunction, Window},
};

/// A window known by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// `soft-tissue`: what the command line and the history say.
    pub id: &'static str,
    /// `Soft tissue`.
    pub name: &'static str,
    /// The key that chooses it.
    pub key: Option<char>,
    /// Window Center, HU.
    pub center: f64,
    /// Window Width, HU.
    pub width: f64,
}

impl Preset {
    const fn new(
        id: &'static str,
        name: &'static str,
        key: char,
        (width, center): (f64, f64),
    ) -> Self {
        Self { id, name, key: Some(key), center, width }
    }

    /// The preset as a window.
    #[must_use]
    pub fn window(&self) -> Window {
        Window::new(self.center, self.width)
    }
}

/// The windows most CT viewers share.
pub const CT_PRESETS: &[Preset] = &[
    Preset::new("soft-tissue", "Soft tissue", '2', (400.0, 40.0)),
    Preset::new("lung", "Lung", '3', (1500.0, -600.0)),
    Preset::new("bone", "Bone", '4', (2000.0, 350.0)),
    Preset::new("brain", "Brain", '5', (80.0, 40.0)),
    Preset::new("abdomen", "Abdomen", '6', (350.0, 40.0)),
    Preset::new("liver", "Liver", '7', (150.0, 90.0)),
    Preset::new("angio", "Angio", '8', (600.0, 300.0)),
];

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum WindowChoice {
    /// The file's first VOI LUT or window, else the frame's whole range.
    #[default]
    File,
    /// 0.1 to 99.9 percentile.
    Auto,
    /// One of [`CT_PRESETS`].
    Preset(&'static Preset),
    /// Two numbers.
    Custom(Window),
}

impl FromStr for WindowChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.trim().to_ascii_lowercase().replace([' ', '_'], "-");
        match word.as_str() {
            "file" => return Ok(Self::File),
            "auto" => return Ok(Self::Auto),
            _ => {}
        }
        if let Some(preset) = CT_PRESETS.iter().find(|preset| preset.id == word) {
            return Ok(Self::Preset(preset));
        }
        let numbers = text.split_once(',').and_then(|(center, width)| {
            Some(Window::new(center.trim().parse().ok()?, width.trim().parse().ok()?))
        });
        match numbers {
            Some(window) if window.is_usable() => Ok(Self::Custom(window)),
            Some(_) => Err("a window needs a width above 0, as in 40,400".to_owned()),
            None => {
                let names: Vec<_> = CT_PRESETS.iter().map(|preset| preset.id).collect();
                Err(format!("a window is CENTER,WIDTH or one of file, auto, {}", names.join(", ")))
            }
        }
    }
}

impl WindowChoice {
    /// The choice as it applies to one frame.
    #[must_use]
    pub fn resolve(&self, frame: &Frame) -> Grayscale {
        let window = match self {
            Self::File => return frame.default_grayscale(),
            Self::Auto => frame.auto_window(),
            Self::Preset(preset) => preset.window(),
            Self::Custom(window) => *window,
        };
        Grayscale { voi_lut: VoiLut::Window(window), inverted: false }
    }

    /// What `render --json` says about the window used; `None` for colour.
    #[must_use]
    pub fn report(&self, frame: &Frame) -> Option<WindowReport> {
        if !frame.is_monochrome() {
            return None;
        }
        let voi_lut = self.resolve(frame).voi_lut;
        let source = match (self, &voi_lut) {
            (Self::File, VoiLut::Window(_)) => "file",
            (Self::File, VoiLut::Table(_)) => "voi_lut",
            (Self::File, VoiLut::Range { .. }) => "range",
            (Self::Auto, _) => "auto",
            (Self::Preset(_), _) => "preset",
            (Self::Custom(_), _) => "custom",
        };
        let (center, width, function) = match &voi_lut {
            VoiLut::Window(window) => (window.center, window.width, window.function.as_str()),
            VoiLut::Table(table) => {
                let (first, last) = table.input_range();
                (f64::midpoint(first, last), last - first + 1.0, "TABLE")
            }
            VoiLut::Range { min, max } => {
                let function = VoiLutFunction::LinearExact.as_str();
                (f64::midpoint(*min, *max), max - min, function)
            }
        };
        Some(WindowReport { center, width, function, source })
    }
}

/// The window of `render --json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WindowReport {
    /// Window Center, or the middle of the table or of the range.
    pub center: f64,
    /// Window Width, or the extent of the table or of the range.
    pub width: f64,
    /// LINEAR, `LINEAR_EXACT`, SIGMOID or TABLE.
    pub function: &'static str,
    /// `voi_lut`, `file`, `auto`, `range`, `preset` or `custom`.
    pub source: &'static str,
}
