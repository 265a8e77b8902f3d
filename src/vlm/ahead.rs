//! Reading a picture before the question about it is there.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use crate::imaging::DisplayImage;
use crate::vlm::answer::{Ahead, encode_images, placed_images, prompt_of, read, resume};
use crate::vlm::config::ImageExtent;
use crate::vlm::generate::Pulse;
use crate::vlm::slots::{Slot, positions};
use crate::vlm::{ModelError, Progress, Question, Vlm};

/// Stands for a question that is still being typed.
const ANY_TEXT: &str = "?";

/// Encode the pictures of a conversation and read it up to the last of them. The question that
/// follows begins the same way and finds it done.
pub(crate) fn read_ahead(
    vlm: &mut Vlm,
    question: &Question,
    emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let question = Question { text: ANY_TEXT.to_owned(), ..question.clone() };
    let task = question.task;
    let images: Vec<&DisplayImage> =
        question.history.iter().flat_map(|turn| &turn.images).chain(&question.images).collect();
    let placed = placed_images(vlm, &images, task)?;
    let extents: Vec<ImageExtent> = placed.iter().map(|image| image.extent).collect();
    let prompt = prompt_of(vlm, &question, &placed)?;
    let is_row = |slot: &Slot| matches!(slot, Slot::Row { .. });
    let end = prompt.slots.iter().rposition(is_row).map_or(0, |last| last + 1);
    let slots = prompt.slots.get(..end).unwrap_or_default();
    // what does not fit is for the question itself to say
    if slots.is_empty() || slots.len() >= vlm.config.context_len {
        return Ok(());
    }
    let (positions, _) = positions(slots, &extents);
    let mut pulse = Pulse::new(emit);
    let encoded = encode_images(vlm, task, &images, &placed, &mut pulse, None)?;
    let ControlFlow::Continue(seen) = encoded else { return Ok(()) };
    let features: Vec<Tensor<2>> = seen.into_iter().map(|seen| seen.features).collect();
    let session = vlm.session.take();
    let engine = vlm.engine(task)?;
    let mut session = resume(&engine, task, session, slots, false);
    let ahead = Ahead { slots, positions: &positions, features: &features, budget: usize::MAX };
    let done = read(&engine, &mut session, &ahead, &mut pulse);
    vlm.device.sync("reading a picture")?;
    vlm.session = Some(session);
    // a break leaves what was read, which is of use all the same
    done.map(|_| ())
}
