//! What of a frame's values does not reach its 8-bit picture.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{frame::Frame, grayscale::Grayscale};

/// Pixels whose values the window does not tell apart; padding is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clipped {
    /// Below the window: all shown alike.
    pub below: u64,
    /// Above it.
    pub above: u64,
    /// Of so many.
    pub counted: u64,
}

impl Clipped {
    /// Share below the window, from 0 to 1.
    #[must_use]
    pub fn share_below(&self) -> f64 {
        self.below as f64 / self.counted.max(1) as f64
    }

    /// Share above the window.
    #[must_use]
    pub fn share_above(&self) -> f64 {
        self.above as f64 / self.counted.max(1) as f64
    }
}

/// What a view of a frame leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewLoss {
    /// Of a stored sample; the picture has 8.
    pub bits_stored: u16,
    /// None for colour, which no window is laid over.
    pub clipped: Option<Clipped>,
}

impl ViewLoss {
    /// "16 → 8 bit", "below the window 31.2 %, above 6.4 %".
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let bits = (self.bits_stored > 8).then(|| format!("{} → 8 bit", self.bits_stored));
        let clipped = self.clipped.map(|clipped| {
            let [below, above] = [clipped.share_below(), clipped.share_above()].map(percent);
            format!("below the window {below}, above {above}")
        });
        bits.into_iter().chain(clipped).collect()
    }
}

impl Grayscale {
    /// What of a frame, or of its part at `[x, y, width, height]`, is lost when it is shown like
    /// this.
    #[must_use]
    pub fn loss(&self, frame: &Frame, part: Option<[u32; 4]>) -> ViewLoss {
        let clipped = frame.is_monochrome().then(|| {
            let whole = [0, 0, frame.columns(), frame.rows()];
            self.clipped(frame, part.unwrap_or(whole))
        });
        ViewLoss { bits_stored: frame.info().bits_stored, clipped }
    }

    fn clipped(&self, frame: &Frame, [x, y, width, height]: [u32; 4]) -> Clipped {
        let (mut clipped, lut) = (Clipped::default(), frame.modality_lut());
        for row in y..y.saturating_add(height).min(frame.rows()) {
            let columns = x..x.saturating_add(width).min(frame.columns());
            let stored = columns.filter_map(|column| frame.stored(column, row));
            for stored in stored.filter(|stored| !frame.is_padding(*stored)) {
                let value = lut.apply(stored);
                if !value.is_finite() {
                    continue;
                }
                clipped.counted += 1;
                match self.voi_lut.side(value) {
                    Ordering::Less => clipped.below += 1,
                    Ordering::Greater => clipped.above += 1,
                    Ordering::Equal => {}
                }
            }
        }
        clipped
    }
}

/// A share as people read it; what is there is never said to be nothing.
#[must_use]
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        little if little > 0.0 && little < 0.05 => "under 0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}
