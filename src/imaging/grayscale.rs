//! Modality values → the 8-bit picture: VOI LUT and polarity, in the standard's order.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{
    display_image::{Channels, DisplayImage},
    frame::Frame,
    samples::Samples,
    window::{Window, side_of},
};

/// A table of the file: Modality LUT, VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoiTable {
    /// The value that the first entry stands for.
    pub first: f64,
    /// What comes out.
    pub entries: Vec<u16>,
    /// Bits of an entry, 1 to 16.
    pub bits: u16,
}

impl VoiTable {
    /// The entry for a value; beyond both ends the nearest.
    #[must_use]
    pub fn lookup(&self, value: f64) -> f64 {
        let last = self.entries.len().saturating_sub(1);
        self.entries.get(index_from(value - self.first, last)).map_or(0.0, |&v| f64::from(v))
    }

    /// The values of the first and of the last entry.
    #[must_use]
    pub fn input_range(&self) -> (f64, f64) {
        let entries = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        (self.first, self.first + f64::from(entries.saturating_sub(1)))
    }

    fn brightness(&self, modality_value: f64) -> f64 {
        let top = (1_u32 << self.bits.clamp(1, 16)) - 1;
        self.lookup(modality_value) * 255.0 / f64::from(top)
    }
}

/// Modality value → contrast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum VoiLut {
    /// Window Center and Width.
    Window(Window),
    /// VOI LUT Sequence.
    Table(VoiTable),
    /// Nothing in the file: from the frame's smallest to its largest modality value.
    Range {
        /// Shown black.
        min: f64,
        /// Shown white.
        max: f64,
    },
}

impl VoiLut {
    /// A modality value becomes a brightness between 0 and 255, not yet rounded.
    #[must_use]
    pub fn brightness(&self, modality_value: f64) -> f64 {
        match self {
            Self::Window(window) => window.brightness(modality_value),
            Self::Table(table) => table.brightness(modality_value),
            Self::Range { min, max } if max > min => (modality_value - min) / (max - min) * 255.0,
            Self::Range { .. } => 0.0,
        }
    }

    /// Where a modality value lies: below what is told apart, within it, or above.
    pub(super) fn side(&self, modality_value: f64) -> Ordering {
        match self {
            Self::Window(window) => window.side(modality_value),
            Self::Table(table) => {
                let (first, last) = table.input_range();
                side_of(modality_value, first, last)
            }
            Self::Range { min, max } => side_of(modality_value, *min, *max),
        }
    }
}

/// One of the file's own ways to be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoiChoice {
    /// Its explanation in the file, or `File 1`.
    pub name: String,
    /// The window or table.
    pub voi_lut: VoiLut,
}

/// How a frame is shown: one immutable value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grayscale {
    /// Window or table.
    pub voi_lut: VoiLut,
    /// The reader's Invert, on top of MONOCHROME1.
    pub inverted: bool,
}

impl Grayscale {
    /// The picture. Colour frames heed `inverted` alone.
    #[must_use]
    pub fn render(&self, frame: &Frame) -> DisplayImage {
        let (width, height) = (frame.columns(), frame.rows());
        if let Samples::Rgb8(rgb) = frame.samples() {
            let mut pixels = rgb.clone();
            if self.inverted {
                pixels.iter_mut().for_each(|v| *v = 255 - *v);
            }
            return DisplayImage { width, height, channels: Channels::Rgb, pixels };
        }
        let inverted = self.inverted != frame.is_monochrome1();
        let shade = |stored: f64| {
            // PS3.3 C.11.1: modality LUT
            let modality_value = frame.modality_lut().apply(stored);
            // PS3.3 C.11.2: VOI LUT
            let shown = byte_from(self.voi_lut.brightness(modality_value));
            // PS3.3 C.7.6.3.1.2: polarity
            if inverted { 255 - shown } else { shown }
        };
        let pixels = match frame.samples() {
            Samples::U8(v) => through_table(v, frame, shade),
            Samples::U16(v) => through_table(v, frame, shade),
            Samples::I16(v) => through_table(v, frame, shade),
            // planes of volumes: no call for each pixel
            Samples::F32(v) => v.iter().map(|&v| shade(f64::from(v))).collect(),
            wide => wide.values().map(shade).collect(),
        };
        DisplayImage { width, height, channels: Channels::Gray, pixels }
    }

    /// The window to start dragging from; `None` when a table of the file is shown.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        match &self.voi_lut {
            VoiLut::Window(window) => Some(*window),
            VoiLut::Range { min, max } => Some(Window {
                center: f64::midpoint(*min, *max),
                width: (max - min).max(f64::MIN_POSITIVE),
                function: super::window::VoiLutFunction::LinearExact,
            }),
            VoiLut::Table(_) => None,
        }
    }
}

/// Narrow samples: work out each possible value once, then look the pixels up.
fn through_table<T: Copy + Into<i32>>(
    samples: &[T],
    frame: &Frame,
    shade: impl Fn(f64) -> u8,
) -> Vec<u8> {
    let (low, high) = frame.stored_range_i32();
    let table: Vec<u8> = (low..=high).map(|stored| shade(f64::from(stored))).collect();
    let at = |sample: T| {
        let idx = usize::try_from(sample.into() - low).unwrap_or(0);
        table.get(idx).copied().unwrap_or(0)
    };
    samples.iter().map(|&sample| at(sample)).collect()
}

/// Round half up within 0..=255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=255; not-a-number becomes 0"
)]
pub(super) fn byte_from(brightness: f64) -> u8 {
    (brightness.clamp(0.0, 255.0) + 0.5).floor() as u8
}

/// The nearest index within 0..=last.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is clamped; not-a-number becomes 0"
)]
fn index_from(position: f64, last: usize) -> usize {
    (position.round().max(0.0) as usize).min(last)
}
