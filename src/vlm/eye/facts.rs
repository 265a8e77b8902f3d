//! What was done to a picture until it was a tensor, in numbers and in words.

use serde::{Deserialize, Serialize};

use crate::imaging::{ViewLoss, percent};
use crate::vlm::QwenImageProcessor;
use crate::vlm::preprocess::{Prepared, Squares, middle, square_margins};

/// Less than this share is rounding.
const NOTHING: f64 = 5e-4;
/// As much of a hash as people need to tell two apart.
const SHORT: usize = 12;

/// How a picture was prepared for a tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EyeFacts {
    /// Width and height of the picture that was given.
    pub given: [u32; 2],
    /// Width and height of the picture that the tensor denotes.
    pub seen: [u32; 2],
    /// What was put around it to make it square.
    pub padded: Option<Padded>,
    /// Share of it that was cut away around its middle.
    pub cut_away: Option<f64>,
    /// Whether there is black where the crop reaches beyond the picture.
    pub black_around: bool,
    /// How much wider it became than it would be to scale: 0.02 is two hundredths, less than 0
    /// narrower.
    pub stretched: Option<f64>,
    /// What it was cut into.
    pub cells: Option<Cells>,
    /// Extents of the tensor.
    pub tensor_shape: Vec<usize>,
    /// SHA-256 of its values as 32-bit floats, little-endian.
    pub tensor_sha256: String,
    /// Positions it takes in the prompt.
    pub tokens: usize,
}

/// One colour around a picture, in pixels of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Padded {
    /// Red, green, blue.
    pub color: [u8; 3],
    /// At the left.
    pub left: usize,
    /// Above.
    pub top: usize,
    /// At the right.
    pub right: usize,
    /// Below.
    pub bottom: usize,
}

/// Squares of a picture, one position each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    /// In pixels.
    pub side: usize,
    /// Across and down.
    pub grid: [usize; 2],
}

pub(super) fn of_square(
    squares: &Squares,
    tokens: usize,
    given: [u32; 2],
    prepared: &Prepared,
) -> EyeFacts {
    let [width, height] = given.map(|side| side as usize);
    let margins = if squares.pads_to_square { square_margins(width, height) } else { [0; 4] };
    let [left, top, right, bottom] = margins;
    let (full_width, full_height) = (width + left + right, height + top + bottom);
    let (new_width, new_height) = squares.processor.resized(full_width, full_height);
    let (kept_width, kept_height) = squares.processor.kept().unwrap_or((new_width, new_height));
    let across = Side { len: width, before: left, full: full_width, new: new_width };
    let down = Side { len: height, before: top, full: full_height, new: new_height };
    let cut_away = 1.0 - across.share_in(kept_width) * down.share_in(kept_height);
    let color = squares.processor.pad_color();
    EyeFacts {
        padded: (margins != [0; 4]).then_some(Padded { color, left, top, right, bottom }),
        cut_away: (cut_away > 1e-9).then_some(cut_away),
        black_around: kept_width > new_width || kept_height > new_height,
        stretched: stretched(across.scale(), down.scale()),
        ..plain(given, prepared, tokens)
    }
}

pub(super) fn of_patches(
    processor: &QwenImageProcessor,
    given: [u32; 2],
    prepared: &Prepared,
) -> EyeFacts {
    let side = processor.cell();
    let [rows, columns] = prepared.size.map(|pixels| pixels / side);
    let scale = |seen: usize, given: u32| seen as f64 / f64::from(given.max(1));
    let [height, width] = prepared.size;
    EyeFacts {
        stretched: stretched(scale(width, given[0]), scale(height, given[1])),
        cells: Some(Cells { side, grid: [columns, rows] }),
        ..plain(given, prepared, rows * columns)
    }
}

fn plain(given: [u32; 2], prepared: &Prepared, tokens: usize) -> EyeFacts {
    let [height, width] = prepared.size;
    EyeFacts {
        given,
        seen: [width as u32, height as u32],
        padded: None,
        cut_away: None,
        black_around: false,
        stretched: None,
        cells: None,
        tensor_shape: prepared.shape.clone(),
        tensor_sha256: prepared.sha256(),
        tokens,
    }
}

fn stretched(across: f64, down: f64) -> Option<f64> {
    let stretched = across / down - 1.0;
    (stretched.abs() >= NOTHING).then_some(stretched)
}

/// One direction of a picture: its pixels, those put before it, all of them, and what they become.
struct Side {
    len: usize,
    before: usize,
    full: usize,
    new: usize,
}

impl Side {
    fn scale(&self) -> f64 {
        self.new as f64 / self.full.max(1) as f64
    }

    /// How much of the picture is left when the middle of so many pixels is kept.
    fn share_in(&self, kept: usize) -> f64 {
        let from = middle(self.new, kept).max(0) as f64;
        let to = (middle(self.new, kept) + kept as i64).min(self.new as i64) as f64;
        let [begin, end] = [self.before, self.before + self.len].map(|at| at as f64);
        let [from, to] = [from, to].map(|at| (at / self.scale()).clamp(begin, end));
        (to - from) / (self.len.max(1) as f64)
    }
}

impl EyeFacts {
    /// What was lost on the way, a line each, before the tensor and at the frame it comes from.
    #[must_use]
    pub fn lines(&self, lost: Option<&ViewLoss>) -> Vec<String> {
        let ([width, height], [new_width, new_height]) = (self.given, self.seen);
        let mut lines = vec![format!("{width} × {height} → {new_width} × {new_height} px")];
        lines.extend(lost.map(ViewLoss::lines).into_iter().flatten());
        lines.extend(self.padded.as_ref().map(Padded::line));
        lines.extend(
            self.cut_away.map(|share| format!("{} of the picture cut away", percent(share))),
        );
        lines.extend(self.black_around.then(|| "black around it".to_owned()));
        lines.extend(self.stretched.map(|share| match share {
            wider if wider > 0.0 => format!("stretched, {} wider", percent(wider)),
            narrower => format!("stretched, {} narrower", percent(-narrower)),
        }));
        lines.extend(self.cells.map(|Cells { side, grid: [across, down] }| {
            format!("{across} × {down} cells of {side} px")
        }));
        lines.push(match self.tokens {
            1 => "1 token".to_owned(),
            tokens => format!("{tokens} tokens"),
        });
        lines
    }

    /// The beginning of the tensor's hash.
    #[must_use]
    pub fn short_hash(&self) -> &str {
        self.tensor_sha256.get(..SHORT).unwrap_or(&self.tensor_sha256)
    }
}

impl Padded {
    /// "padded left and right with 122, 116, 104".
    fn line(&self) -> String {
        let [red, green, blue] = self.color;
        let sides = [
            ("left", self.left),
            ("right", self.right),
            ("above", self.top),
            ("below", self.bottom),
        ];
        let named: Vec<&str> =
            sides.iter().filter(|(_, pixels)| *pixels > 0).map(|(name, _)| *name).collect();
        format!("padded {} with RGB {red}, {green}, {blue}", named.join(" and "))
    }
}
