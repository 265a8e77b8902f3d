//! One frame: stored values and all that is needed to show them.

use serde::{Deserialize, Serialize};

use super::{
    frame_info::FrameInfo,
    grayscale::{Grayscale, VoiChoice, VoiLut},
    modality_lut::ModalityLut,
    samples::Samples,
    window::{VoiLutFunction, Window},
};

/// A decoded frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    info: FrameInfo,
    samples: Samples,
    modality_lut: ModalityLut,
    voi_choices: Vec<VoiChoice>,
    padding: Option<(f64, f64)>,
    incomplete: Option<String>,
    stored_range: (f64, f64),
    modality_range: (f64, f64),
}

/// What a reader of files hands over.
pub(super) struct FrameParts {
    pub(super) info: FrameInfo,
    pub(super) samples: Samples,
    pub(super) modality_lut: ModalityLut,
    pub(super) voi_choices: Vec<VoiChoice>,
    /// Stored values outside the field of view (PS3.3 C.7.5.1.1.2).
    pub(super) padding: Option<(f64, f64)>,
    pub(super) incomplete: Option<String>,
}

impl Frame {
    pub(super) fn new(parts: FrameParts) -> Self {
        let FrameParts { info, samples, modality_lut, voi_choices, padding, incomplete } = parts;
        let stored_range = samples.range().unwrap_or((0.0, 0.0));
        let modality_range = modality_range(&samples, &modality_lut, stored_range);
        Self {
            info,
            samples,
            modality_lut,
            voi_choices,
            padding,
            incomplete,
            stored_range,
            modality_range,
        }
    }

    /// Width in pixels.
    #[must_use]
    pub fn columns(&self) -> u32 {
        self.info.columns
    }

    /// Height in pixels.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.info.rows
    }

    /// Whether there is one value a pixel, to be shown through a window.
    #[must_use]
    pub fn is_monochrome(&self) -> bool {
        !matches!(self.samples, Samples::Rgb8(_))
    }

    /// `CT`, `MR` …; `PIC` for pictures.
    #[must_use]
    pub fn modality(&self) -> &str {
        &self.info.modality
    }

    /// Unit of the modality values: `HU` for CT with a rescale, else what the file says or empty.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.info.unit
    }

    /// The sample as in Pixel Data after decompression, masked and signed.
    #[must_use]
    pub fn stored(&self, column: u32, row: u32) -> Option<f64> {
        self.samples.get(self.pixel_idx(column, row)?)
    }

    /// The value after the modality LUT; `None` outside the frame and for colour.
    #[must_use]
    pub fn modality_value(&self, column: u32, row: u32) -> Option<f64> {
        self.stored(column, row).map(|stored| self.modality_lut.apply(stored))
    }

    /// The colour of a pixel; `None` outside the frame and for grey.
    #[must_use]
    pub fn rgb(&self, column: u32, row: u32) -> Option<[u8; 3]> {
        let Samples::Rgb8(rgb) = &self.samples else { return None };
        let from = self.pixel_idx(column, row)?.checked_mul(3)?;
        rgb.get(from..from + 3)?.try_into().ok()
    }

    fn pixel_idx(&self, column: u32, row: u32) -> Option<usize> {
        let inside = column < self.info.columns && row < self.info.rows;
        inside.then(|| row as usize * self.info.columns as usize + column as usize)
    }

    /// Smallest and largest modality value.
    #[must_use]
    pub fn modality_range(&self) -> (f64, f64) {
        self.modality_range
    }

    /// From the 0.1 to the 99.9 percentile of what is not padding.
    #[must_use]
    pub fn auto_window(&self) -> Window {
        if let Some(window) = self.counted_window() {
            return window;
        }
        let mut values: Vec<f64> = self
            .samples
            .values()
            .step_by(self.samples.len().div_ceil(1 << 20).max(1))
            .filter(|&stored| !self.is_padding(stored))
            .map(|stored| self.modality_lut.apply(stored))
            .filter(|value| value.is_finite())
            .collect();
        let (low, high) = percentiles(&mut values).unwrap_or(self.modality_range);
        window_between(low, high)
    }

    /// Narrow samples are counted; a rescale keeps their order, a table does not.
    fn counted_window(&self) -> Option<Window> {
        let ModalityLut::Rescale { .. } = self.modality_lut else { return None };
        if !matches!(self.samples, Samples::U8(_) | Samples::U16(_) | Samples::I16(_)) {
            return None;
        }
        let (low, high) = self.stored_range_i32();
        let mut counts = vec![0_usize; usize::try_from(high.checked_sub(low)?).ok()? + 1];
        let mut count = |stored: i32| {
            let slot = usize::try_from(stored - low).ok().and_then(|idx| counts.get_mut(idx));
            if let Some(slot) = slot {
                *slot += 1;
            }
        };
        match &self.samples {
            Samples::U8(v) => v.iter().for_each(|&v| count(v.into())),
            Samples::U16(v) => v.iter().for_each(|&v| count(v.into())),
            Samples::I16(v) => v.iter().for_each(|&v| count(v.into())),
            _ => {}
        }
        let stored = |idx: usize| i32::try_from(idx).map_or(0.0, |idx| f64::from(low + idx));
        for (idx, count) in counts.iter_mut().enumerate() {
            if self.is_padding(stored(idx)) {
                *count = 0;
            }
        }
        let last = counts.iter().sum::<usize>().checked_sub(1)?;
        let at_rank = |rank: usize| {
            let mut before = 0;
            counts.iter().position(|count| {
                before += count;
                before > rank
            })
        };
        let ends = [at_rank(last / 1000)?, at_rank(last - last / 1000)?];
        let [a, b] = ends.map(|idx| self.modality_lut.apply(stored(idx)));
        Some(window_between(a.min(b), a.max(b)))
    }

    /// Whether a stored value lies outside the field of view.
    #[must_use]
    pub fn is_padding(&self, stored: f64) -> bool {
        self.padding.is_some_and(|(low, high)| (low..=high).contains(&stored))
    }

    /// The file's own ways to be shown: VOI LUTs first, then windows.
    #[must_use]
    pub fn voi_choices(&self) -> &[VoiChoice] {
        &self.voi_choices
    }

    /// The file's first way to be shown, else the frame's whole range.
    #[must_use]
    pub fn default_grayscale(&self) -> Grayscale {
        let (min, max) = self.modality_range;
        let first = self.voi_choices.first().map(|choice| choice.voi_lut.clone());
        Grayscale { voi_lut: first.unwrap_or(VoiLut::Range { min, max }), inverted: false }
    }

    /// What is missing, when the file ended early or was damaged.
    #[must_use]
    pub fn incomplete(&self) -> Option<&str> {
        self.incomplete.as_deref()
    }

    /// Memory held by the pixels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.samples.bytes()
    }

    /// Height of a pixel over its width.
    #[must_use]
    pub fn pixel_aspect(&self) -> f64 {
        self.info.pixel_aspect
    }

    /// The facts about the frame.
    #[must_use]
    pub fn info(&self) -> &FrameInfo {
        &self.info
    }

    /// The stored values.
    #[must_use]
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Stored → modality values.
    #[must_use]
    pub fn modality_lut(&self) -> &ModalityLut {
        &self.modality_lut
    }

    pub(super) fn is_monochrome1(&self) -> bool {
        self.info.photometric_interpretation == "MONOCHROME1"
    }

    /// The range of samples of at most 16 bits.
    #[expect(clippy::cast_possible_truncation, reason = "asked for narrow samples; saturates")]
    pub(super) fn stored_range_i32(&self) -> (i32, i32) {
        (self.stored_range.0 as i32, self.stored_range.1 as i32)
    }
}

/// A rescale is monotonic, so its ends are the range's ends; a table is not.
fn modality_range(
    samples: &Samples,
    lut: &ModalityLut,
    (stored_min, stored_max): (f64, f64),
) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut see = |stored: f64| {
        let value = lut.apply(stored);
        (low, high) = (low.min(value), high.max(value));
    };
    match lut {
        ModalityLut::Rescale { .. } => [stored_min, stored_max].into_iter().for_each(&mut see),
        ModalityLut::Table(_) => samples.values().for_each(&mut see),
    }
    if low <= high { (low, high) } else { (0.0, 0.0) }
}

fn window_between(low: f64, high: f64) -> Window {
    Window {
        center: f64::midpoint(low, high),
        width: if high > low { high - low } else { 1.0 },
        function: VoiLutFunction::LinearExact,
    }
}

fn percentiles(values: &mut [f64]) -> Option<(f64, f64)> {
    let last = values.len().checked_sub(1)?;
    let from_low = last / 1000;
    let (_, &mut low, _) = values.select_nth_unstable_by(from_low, f64::total_cmp);
    let (_, &mut high, _) = values.select_nth_unstable_by(last - from_low, f64::total_cmp);
    Some((low, high))
}
