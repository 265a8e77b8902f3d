//! A picture that a model drew of the picture it was given, or is drawing.

use std::sync::Arc;

use crate::imaging::{DisplayImage, Similarity};

/// The codes so far and what they look like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// In the order they came, row by row.
    pub codes: Vec<u32>,
    /// Rows and columns of codes that make a picture; none until it is known.
    pub grid: Option<[usize; 2]>,
    /// The latest look at it; places without a code are left plain.
    pub picture: Option<Arc<DisplayImage>>,
    /// How many of the codes that look has.
    pub pictured: usize,
    /// What the model was asked to rebuild, at the size of the picture; known at the end.
    pub original: Option<Arc<DisplayImage>>,
    /// How near the picture comes to it: likeness, not correctness.
    pub similarity: Option<Similarity>,
    /// The original through the codec alone.
    pub ceiling: Option<CodecAlone>,
    /// Nothing but codes was allowed until it was whole.
    pub only_codes: bool,
    /// "640 of 1,024 codes", when nothing more comes and it is not whole.
    pub shortfall: Option<String>,
}

/// A picture encoded and decoded, with no model between: what it loses is not the model's doing.
#[derive(Clone, Debug, PartialEq)]
pub struct CodecAlone {
    /// Of the original, row by row.
    pub codes: Vec<u32>,
    /// What the codec makes of them.
    pub picture: Arc<DisplayImage>,
    /// How near that comes to the original.
    pub similarity: Option<Similarity>,
}

impl Drawing {
    /// How many codes a whole picture has.
    #[must_use]
    pub fn wanted(&self) -> Option<usize> {
        self.grid.map(|[rows, columns]| rows * columns)
    }

    /// Share of the codes that came, from 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> Option<f32> {
        let wanted = self.wanted().filter(|wanted| *wanted > 0)?;
        Some((self.codes.len() as f32 / wanted as f32).min(1.0))
    }

    /// "412 of 1,024 codes", or "12 codes" while the size of the picture is not known.
    #[must_use]
    pub fn count(&self) -> String {
        let came = grouped(self.codes.len());
        match self.wanted() {
            Some(wanted) => format!("{came} of {} codes", grouped(wanted)),
            None if self.codes.len() == 1 => "1 code".to_owned(),
            None => format!("{came} codes"),
        }
    }

    /// For each code that came, whether it differs from the codec's own code of the original.
    #[must_use]
    pub fn differing(&self) -> Option<Vec<bool>> {
        let own = &self.ceiling.as_ref()?.codes;
        Some(self.codes.iter().zip(own).map(|(code, own)| code != own).collect())
    }

    /// "312 of 1,024 codes differ", of those that both have.
    #[must_use]
    pub fn difference_count(&self) -> Option<String> {
        let differing = self.differing()?;
        let count = differing.iter().filter(|differs| **differs).count();
        Some(format!("{} of {} codes differ", grouped(count), grouped(differing.len())))
    }
}

/// A count with a comma between thousands.
fn grouped(count: usize) -> String {
    match count {
        0..1000 => count.to_string(),
        _ => format!("{},{:03}", grouped(count / 1000), count % 1000),
    }
}
