//! Questions of yes or no: what LLaVA-Med's scripts count, and what was meant.

/// What `run_eval` counts: without "yes" or "no" anywhere in the answer it is wrong; with them
/// and the reference inside it is right; with them and without the reference **it is not counted
/// at all**. Takes normalised texts. Both tests are for letters, so "no" is in "nodule".
#[must_use]
pub fn closed_run_eval(prediction: &str, reference: &str) -> Option<bool> {
    if !prediction.contains("yes") && !prediction.contains("no") {
        return Some(false);
    }
    prediction.contains(reference).then_some(true)
}

/// The first word that is yes or no decides; another reference has to be there in whole words.
/// Takes normalised texts.
#[must_use]
pub fn closed_corrected(prediction: &str, reference: &str) -> bool {
    if is_yes_or_no(reference) {
        return first_yes_or_no(prediction) == Some(reference);
    }
    has_words(prediction, reference)
}

/// The first word that is yes or no.
#[must_use]
pub fn first_yes_or_no(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| is_yes_or_no(word))
}

pub(in crate::eval) fn is_yes_or_no(text: &str) -> bool {
    matches!(text, "yes" | "no")
}

/// Whether the reference's words stand in the text one after the other.
pub(in crate::eval) fn has_words(text: &str, reference: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let wanted: Vec<&str> = reference.split_whitespace().collect();
    !wanted.is_empty() && words.windows(wanted.len()).any(|part| part == wanted)
}
