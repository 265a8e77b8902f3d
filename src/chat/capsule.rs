//! "Copy evidence": everything an answer depends on, as one piece of JSON.

use serde::Serialize;

use super::record::{AnswerRecord, EvidenceRecord, picture_name};
use super::{Answer, Turn};
use crate::imaging::DisplayImage;

/// What says which form it has.
const FORM: &str = "Reading Room evidence 1";
const CAUTION: &str = "Model output, unverified. Research use only. Probabilities are the model's \
    own and not calibrated.";

#[derive(Serialize)]
struct Capsule<'a> {
    form: &'static str,
    caution: &'static str,
    question: &'a str,
    /// By hash, window and place; the pictures themselves are in the exported chat.
    pictures: Vec<EvidenceRecord>,
    answer: AnswerRecord,
}

/// Pictures by their hashes, window, model, weights, device, sampling, ids and probabilities; names
/// no patient and no file.
///
/// # Errors
/// When a number cannot be written.
pub fn capsule(turn: &Turn, answer: &Answer) -> serde_json::Result<String> {
    let keep = &mut |picture: &DisplayImage| Ok::<_, serde_json::Error>(picture_name(picture));
    let pictures = turn.evidence.iter().map(|evidence| EvidenceRecord::new(evidence, keep));
    let pictures = pictures.collect::<serde_json::Result<_>>()?;
    let answer = AnswerRecord::new(answer, keep)?;
    let capsule =
        Capsule { form: FORM, caution: CAUTION, question: &turn.question, pictures, answer };
    serde_json::to_string_pretty(&capsule)
}
