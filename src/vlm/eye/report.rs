//! What a model was given of a picture, as one piece of JSON.

use serde::Serialize;

use crate::imaging::ViewLoss;
use crate::vlm::{EyeFacts, Sight};

/// All that is known of a [`Sight`]; names no patient and no file.
#[derive(Clone, Debug, Serialize)]
pub struct EyeReport<'a> {
    /// Folder name of the model.
    pub model: &'a str,
    /// Its family.
    pub family: &'a str,
    /// What is looked at, in words that name nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<&'a str>,
    /// How it was prepared.
    #[serde(flatten)]
    pub facts: &'a EyeFacts,
    /// SHA-256 of the samples of the picture that the tensor denotes.
    pub picture_sha256: String,
    /// What was lost before.
    pub lost: Option<&'a ViewLoss>,
    /// The same for people.
    pub lines: Vec<String>,
}

impl<'a> EyeReport<'a> {
    /// Of what this model is given; `lost` is what the picture itself had lost before.
    #[must_use]
    pub fn new(
        [model, family]: [&'a str; 2],
        view: Option<&'a str>,
        sight: &'a Sight,
        lost: Option<&'a ViewLoss>,
    ) -> Self {
        let (facts, lines) = (&sight.facts, sight.facts.lines(lost));
        Self { model, family, view, facts, picture_sha256: sight.picture.sha256(), lost, lines }
    }

    /// The JSON.
    ///
    /// # Errors
    /// When a number cannot be written.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| format!("{json}\n"))
    }
}
