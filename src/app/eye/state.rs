//! What is looked at with the model's eye, and what it saw.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::imaging::{DisplayImage, Frame, Grayscale, Turned, ViewLoss};
use crate::vlm::{Eye, EyeReport, Sight};
use crate::worker::JobId;

const BROKE_OFF: &str = "the picture could not be prepared: the computation broke off";

/// What the window knows of the model's eye.
#[derive(Debug, Default)]
pub struct EyeState {
    /// The active viewport shows it in place of its own picture.
    pub is_on: bool,
    /// The picture of a question, shown in place of the viewports.
    pub stored: Option<Stored>,
    /// What was seen last.
    pub seen: Option<Arc<EyeView>>,
    /// What was seen last is what is looked at now.
    pub is_current: bool,
    /// The look under way.
    pub(super) job: Option<JobId>,
}

/// The picture of a question.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As it was given.
    pub picture: Arc<DisplayImage>,
    /// Says what it is without naming anybody.
    pub label: String,
}

/// All that a look depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct EyeRequest {
    /// Folder name of the model.
    pub model: String,
    /// Its family.
    pub family: String,
    /// What it does to pictures.
    pub eye: Eye,
    /// Says what is looked at without naming anybody.
    pub label: String,
    /// The picture, or how it is made.
    pub source: EyeSource,
}

/// Where the picture comes from.
#[derive(Clone, Debug)]
pub enum EyeSource {
    /// A frame as it stands on the screen.
    View {
        /// Stored values.
        frame: Arc<Frame>,
        /// Series it is of.
        series_key: String,
        /// How they become grey levels.
        grayscale: Grayscale,
        /// How it is mirrored and turned.
        turned: Turned,
    },
    /// As it was given with a question.
    Stored(Arc<DisplayImage>),
}

impl PartialEq for EyeSource {
    /// Pictures are the same when they are one and the same: none of them changes.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::View { frame, grayscale, turned, .. },
                Self::View { frame: frame_b, grayscale: grayscale_b, turned: turned_b, .. },
            ) => Arc::ptr_eq(frame, frame_b) && grayscale == grayscale_b && turned == turned_b,
            (Self::Stored(picture), Self::Stored(other)) => Arc::ptr_eq(picture, other),
            _ => false,
        }
    }
}

/// What came of a look.
#[derive(Clone, Debug)]
pub struct EyeView {
    /// What was looked at.
    pub request: EyeRequest,
    /// What the model is given, or why it takes no such picture.
    pub sight: Result<Sight, String>,
    /// The picture of the sight, for the screen.
    pub picture: Option<Arc<DisplayImage>>,
    /// What the view of the frame had lost before; none for a stored picture.
    pub lost: Option<ViewLoss>,
}

impl EyeRequest {
    /// Looks. Not for the window's thread.
    #[must_use]
    pub fn look(self) -> EyeView {
        let (image, lost) = match &self.source {
            EyeSource::View { frame, grayscale, turned, .. } => {
                let image = turned.apply(&grayscale.render(frame));
                (Arc::new(image), Some(grayscale.loss(frame, None)))
            }
            EyeSource::Stored(picture) => (Arc::clone(picture), None),
        };
        // a look that never came back would be waited for without end
        let sight = catch_unwind(AssertUnwindSafe(|| self.eye.look(&image)))
            .map_or_else(|_| Err(BROKE_OFF.to_owned()), |seen| seen.map_err(|e| e.to_string()));
        let picture = sight.as_ref().ok().map(|sight| Arc::new(sight.picture.clone()));
        EyeView { request: self, sight, picture, lost }
    }
}

impl EyeView {
    /// What was lost on the way, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let sight = self.sight.as_ref();
        sight.map_or_else(|_| Vec::new(), |sight| sight.facts.lines(self.lost.as_ref()))
    }

    /// "nano · 64 × 64".
    #[must_use]
    pub fn title(&self) -> String {
        let model = &self.request.model;
        match &self.sight {
            Ok(sight) => {
                let [width, height] = sight.facts.seen;
                format!("Model's eye · {model} · {width} × {height}")
            }
            Err(_) => format!("Model's eye · {model}"),
        }
    }

    /// All that is known of it, as JSON; none when nothing was seen.
    #[must_use]
    pub fn json(&self) -> Option<String> {
        let request = &self.request;
        let (model, sight) = ([request.model.as_str(), &request.family], self.sight.as_ref().ok()?);
        EyeReport::new(model, Some(&request.label), sight, self.lost.as_ref()).json().ok()
    }

    /// Whether it is of a series that a viewport shows.
    pub(crate) fn is_of_series(&self, key: &str) -> bool {
        matches!(&self.request.source, EyeSource::View { series_key, .. } if series_key == key)
    }
}
