//! The model's own picture of a picture: codes one by one, then the codec's decoder.

use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::imaging::{DisplayImage, Similarity};
use crate::vlm::answer::answer;
use crate::vlm::codec::Codec;
use crate::vlm::{
    Answer, FinishReason, ModelError, Progress, Question, RgbPixels, Task, Trace, Vlm,
    pad_to_square, resize_lanczos,
};

/// A glimpse may cost this share of the time between two.
const GLIMPSE_SHARE: f64 = 0.1;

/// Tokens beside the codes: marks at the end, and line ends should the model write them. The
/// authors' program allows 1100 for 1024 codes.
const SPARE_TOKENS: u32 = 76;

/// What came of a reconstruction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconstruction {
    /// Ids, codes, timings.
    pub answer: Answer,
    /// Rows and columns of codes that make a picture.
    pub grid: [usize; 2],
    /// As many codes came as the picture has.
    pub complete: bool,
    /// The picture of the codes that came; places without one are left plain.
    pub picture: DisplayImage,
    /// What the model was asked to rebuild: square, at the size of the picture.
    pub original: Option<DisplayImage>,
    /// How near it comes to the original: likeness, not correctness.
    pub similarity: Option<Similarity>,
    /// The original through the codec alone: what no model could do better.
    pub ceiling: Option<Ceiling>,
}

/// A picture encoded and decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Of the original, row by row.
    pub codes: Vec<u32>,
    /// What the codec makes of them.
    pub picture: DisplayImage,
    /// How near that comes to the original.
    pub similarity: Option<Similarity>,
}

impl Reconstruction {
    /// "640 of 1,024 codes", when it is not whole.
    #[must_use]
    pub fn shortfall(&self) -> Option<String> {
        let [rows, columns] = self.grid;
        let (came, wanted) = (self.answer.codes.len(), rows * columns);
        (came != wanted).then(|| format!("{} of {} codes", grouped(came), grouped(wanted)))
    }
}

/// A count with a comma between thousands.
fn grouped(count: usize) -> String {
    match count {
        0..1000 => count.to_string(),
        _ => format!("{},{:03}", grouped(count / 1000), count % 1000),
    }
}

impl Vlm {
    /// Tokens a whole picture may take; `None` when the model does not reconstruct.
    #[must_use]
    pub fn picture_tokens(&self) -> Option<u32> {
        let [rows, columns] = self.codec.as_ref()?.grid();
        Some((rows * columns) as u32 + SPARE_TOKENS)
    }

    /// Draw the picture of a question; `emit` breaks to cancel, which keeps what came.
    ///
    /// `max_new_tokens` 0 means as many as a picture takes. With `only_codes` true nothing but
    /// codes may follow until the picture is whole.
    ///
    /// # Errors
    /// When the model does not reconstruct, the question does not fit, or the device fails.
    pub fn reconstruct(
        &mut self,
        question: &Question,
        only_codes: bool,
        emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        trace: Option<&mut Trace>,
    ) -> Result<Reconstruction, ModelError> {
        let Some(codec) = self.codec.take() else {
            return Err(ModelError::TaskNotLoaded { task: Task::Reconstruction.title() });
        };
        let result = self
            .guard("drawing", |vlm| reconstruct(vlm, &codec, question, only_codes, emit, trace));
        self.codec = Some(codec);
        result
    }
}

fn reconstruct(
    vlm: &mut Vlm,
    codec: &Codec,
    question: &Question,
    only_codes: bool,
    emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    mut trace: Option<&mut Trace>,
) -> Result<Reconstruction, ModelError> {
    let [rows, columns] = codec.grid();
    let wanted = rows * columns;
    let usual = wanted as u32 + SPARE_TOKENS;
    let question = Question {
        task: Task::Reconstruction,
        only_codes: if only_codes { wanted as u32 } else { 0 },
        max_new_tokens: if question.max_new_tokens == 0 { usual } else { question.max_new_tokens },
        ..question.clone()
    };
    let mut glimpses = Glimpses::new(codec, emit);
    let answer = answer(vlm, &question, &mut |step| glimpses.tell(step), trace.as_deref_mut())?;
    let stopped = answer.finish_reason == FinishReason::Cancelled;
    let go_on = &mut || ControlFlow::Continue(());
    let decoded = match codec.decode(&placed(&answer.codes, wanted), go_on)? {
        ControlFlow::Continue(decoded) => decoded,
        ControlFlow::Break(()) => return Err(ModelError::Cancelled),
    };
    let picture = shown(&decoded.picture);
    if let Some(trace) = trace {
        let shape = vec![3, decoded.picture.height, decoded.picture.width];
        trace.image = Some((shape, decoded.values));
        trace.codes = Some(answer.codes.iter().map(|code| i64::from(*code)).collect());
    }
    let original = question.images.last().map(|image| original(vlm, codec, image));
    let ceiling = match original.as_ref().filter(|_| codec.can_encode() && !stopped) {
        Some(original) => ceiling(codec, original, emit)?,
        None => None,
    };
    Ok(Reconstruction {
        grid: codec.grid(),
        complete: answer.codes.len() == wanted,
        similarity: original.as_ref().and_then(|original| Similarity::between(original, &picture)),
        answer,
        picture,
        original,
        ceiling,
    })
}

/// Codes at their places; those beyond the last have none.
fn placed(codes: &[u32], wanted: usize) -> Vec<Option<u32>> {
    let came = codes.iter().map(|code| Some(*code));
    came.chain(std::iter::repeat(None)).take(wanted).collect()
}

fn shown(pixels: &RgbPixels) -> DisplayImage {
    pixels.clone().into()
}

/// The square that the model saw, at the size of the codec's pictures.
fn original(vlm: &Vlm, codec: &Codec, image: &DisplayImage) -> DisplayImage {
    shown(&square(vlm.config.vision.pad_color(), codec, image))
}

/// A picture as a model is asked to draw it.
pub(crate) fn square(color: [u8; 3], codec: &Codec, image: &DisplayImage) -> RgbPixels {
    let square = pad_to_square(&RgbPixels::from(image), color);
    resize_lanczos(&square, codec.side(), codec.side())
}

fn ceiling(
    codec: &Codec,
    original: &DisplayImage,
    emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Ceiling>, ModelError> {
    let mut between = || emit(Progress::Measuring);
    let pixels = RgbPixels::from(original);
    let ControlFlow::Continue(codes) = codec.encode(&pixels, &mut between)? else {
        return Ok(None);
    };
    let all: Vec<Option<u32>> = codes.iter().map(|code| Some(*code)).collect();
    let ControlFlow::Continue(decoded) = codec.decode(&all, &mut between)? else {
        return Ok(None);
    };
    let picture = shown(&decoded.picture);
    Ok(Some(Ceiling { similarity: Similarity::between(original, &picture), codes, picture }))
}

/// Shows the picture while it grows, as often as that costs little.
struct Glimpses<'a, 'b> {
    codec: &'a Codec,
    emit: &'b mut dyn FnMut(Progress) -> ControlFlow<()>,
    codes: Vec<u32>,
    last: Instant,
    cost_secs: f64,
}

impl<'a, 'b> Glimpses<'a, 'b> {
    fn new(codec: &'a Codec, emit: &'b mut dyn FnMut(Progress) -> ControlFlow<()>) -> Self {
        Self { codec, emit, codes: Vec::new(), last: Instant::now(), cost_secs: 0.0 }
    }

    fn tell(&mut self, progress: Progress) -> ControlFlow<()> {
        if let Progress::Code { code, .. } = progress {
            self.codes.push(code);
        }
        let is_row = matches!(progress, Progress::Code { .. }) && self.ends_a_row();
        (self.emit)(progress)?;
        if is_row { self.glimpse() } else { ControlFlow::Continue(()) }
    }

    fn ends_a_row(&self) -> bool {
        let [rows, columns] = self.codec.grid();
        let done = self.codes.len();
        let is_due = self.last.elapsed().as_secs_f64() * GLIMPSE_SHARE >= self.cost_secs;
        done.is_multiple_of(columns.max(1)) && done < rows * columns && is_due
    }

    /// Faults show themselves when the whole picture is made.
    fn glimpse(&mut self) -> ControlFlow<()> {
        let [rows, columns] = self.codec.grid();
        let started = Instant::now();
        let codes = placed(&self.codes, rows * columns);
        let decoded = self.codec.decode(&codes, &mut || ControlFlow::Continue(()));
        self.cost_secs = started.elapsed().as_secs_f64();
        self.last = Instant::now();
        match decoded {
            Ok(ControlFlow::Continue(decoded)) => {
                let done = self.codes.len();
                (self.emit)(Progress::Glimpse { picture: shown(&decoded.picture), done })
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
