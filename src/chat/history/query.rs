//! What was typed into the search box: words, and what the chat has to be about.

use super::index::separated;

/// A search, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// All of them have to occur in one turn, or in the title.
    pub words: Vec<String>,
    /// `model:`: part of the model's title or folder.
    pub model: Option<String>,
    /// `modality:`: as DICOM writes it.
    pub modality: Option<String>,
    /// `study:`: the number of its alias, or the beginning of its mark.
    pub study: Option<String>,
}

impl Query {
    /// Splits at spaces; quotes keep words together.
    #[must_use]
    pub fn parse(typed: &str) -> Self {
        let mut query = Self::default();
        for part in parts(typed) {
            let filter = part.split_once(':').map(|(name, rest)| (name.to_lowercase(), rest));
            match filter {
                Some((name, rest)) if name == "model" => query.model = some(rest),
                Some((name, rest)) if name == "modality" => query.modality = some(rest),
                Some((name, rest)) if name == "study" => query.study = some(rest),
                _ => query.words.push(part),
            }
        }
        query
    }

    /// Nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// In the language of the index: every word somewhere, the last one perhaps only begun.
    pub(super) fn for_index(&self) -> Option<String> {
        let words = self.words.iter().map(|word| separated(word));
        let words: Vec<String> = words
            .filter(|word| word.chars().any(char::is_alphanumeric))
            .map(|word| format!("\"{}\"*", word.replace('"', " ").trim()))
            .collect();
        (!words.is_empty()).then(|| words.join(" AND "))
    }

    /// Whether all words occur in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        !self.words.is_empty() && self.words.iter().all(|word| text.contains(&word.to_lowercase()))
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn parts(typed: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for c in typed.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                parts.extend(some(&part));
                part.clear();
            }
            c => part.push(c),
        }
    }
    parts.extend(some(&part));
    parts
}
