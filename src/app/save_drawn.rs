//! Saving a drawing: the picture says in its own pixels what it is, a file beside it what it came of.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::command::Drawn;
use super::compare::{marked, side_by_side};
use super::effect::Effect;
use super::run_reconstruct::Compared;
use super::state::AppState;
use crate::imaging::DisplayImage;

/// A picture to be saved and what it came of: a drawing, or what a model is given.
#[derive(Clone, Debug, PartialEq)]
pub struct ToSave {
    /// A drawing is marked as generated.
    pub picture: DisplayImage,
    /// Model, request, codes and figures, or how it was prepared, as JSON; names no patient.
    pub facts: String,
}

impl ToSave {
    /// Writes the picture, and the facts under the same name with `.json` after it.
    ///
    /// # Errors
    /// In one sentence, when a file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        self.picture.write_png(path).map_err(|error| error.to_string())?;
        let beside = path.with_extension("png.json");
        std::fs::write(beside, &self.facts).map_err(|error| error.to_string())
    }
}

impl AppState {
    pub(crate) fn can_save(&self, what: Drawn) -> bool {
        self.compared().is_some_and(|compared| {
            let drawing = compared.drawing;
            let has_picture = drawing.picture.is_some() && !drawing.codes.is_empty();
            !compared.answer.is_open()
                && has_picture
                && (what == Drawn::Picture || drawing.original.is_some())
        })
    }

    /// Asks where to save a drawing.
    pub(crate) fn save_drawn(&mut self, what: Drawn) {
        if !self.can_save(what) {
            return;
        }
        let name = match what {
            Drawn::Picture => "ai-reconstruction.png",
            Drawn::Comparison => "ai-reconstruction-compared.png",
        };
        let saved = self.compared().and_then(|compared| {
            Some(ToSave { picture: picture_of(&compared, what)?, facts: facts_of(&compared) })
        });
        if let Some(saved) = saved {
            self.effects.push(Effect::PickPlaceFor(Arc::new(saved), name));
        }
    }
}

fn picture_of(compared: &Compared<'_>, what: Drawn) -> Option<DisplayImage> {
    let drawing = compared.drawing;
    let picture = drawing.picture.as_deref()?;
    let is_whole = drawing.wanted() == Some(drawing.codes.len());
    let drawn = marked(picture, is_whole);
    Some(match what {
        Drawn::Picture => drawn,
        Drawn::Comparison => {
            let codec = drawing.ceiling.as_ref().map(|codec| codec.picture.as_ref());
            side_by_side(drawing.original.as_deref()?, drawn, codec)
        }
    })
}

fn facts_of(compared: &Compared<'_>) -> String {
    let drawing = compared.drawing;
    let given = compared.turn.evidence.last();
    let facts = json!({
        "what": "AI-generated picture, not acquired data; research use only",
        "request": compared.turn.question,
        "given": given.map(|given| json!({
            "label": given.label,
            "sha256": given.image_sha256,
        })),
        "model": compared.answer.provenance,
        "grid": drawing.grid,
        "codes": drawing.codes,
        "only_codes": drawing.only_codes,
        "count": drawing.count(),
        "similarity_not_correctness": drawing.similarity,
        "codec_alone": drawing.ceiling.as_ref().map(|codec| codec.similarity),
        "differing": drawing.difference_count(),
    });
    format!("{facts:#}\n")
}
