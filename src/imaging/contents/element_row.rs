//! One element of a file, or an item of a sequence, as a row of a table.

use serde::{Deserialize, Serialize};

use super::HIDDEN;

/// The elements of a file in its order, sequences with their items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileElements {
    /// One an element or item.
    pub rows: Vec<ElementRow>,
    /// Elements beyond the limit.
    pub left_out: usize,
}

/// An element or an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementRow {
    /// Sequences and items around it.
    pub depth: usize,
    /// Group and element.
    pub number: [u16; 2],
    /// `PN`; empty for an item.
    pub vr: String,
    /// The keyword in words; of a private element, its creator.
    pub name: String,
    /// `PatientName`; empty where the standard's dictionary has none.
    pub keyword: String,
    /// As text, shortened; empty for binary values that are long.
    pub value: String,
    /// Bytes; none for what is made of items or fragments.
    pub length: Option<u64>,
    /// In an odd group, or inside a private sequence.
    pub is_private: bool,
    /// Whether the de-identification profile would change its value.
    pub identifies: bool,
}

/// Which rows are shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ElementFilter {
    /// Looked for in number, name, keyword and value, whatever the case.
    pub search: String,
    /// Private elements as well.
    pub private: bool,
    /// Values that identify are neither shown nor searched.
    pub privacy: bool,
}

impl ElementRow {
    /// `(0010,0020)`; an item has no number of its own.
    #[must_use]
    pub fn number_text(&self) -> String {
        if self.is_item() {
            return String::new();
        }
        format!("({:04X},{:04X})", self.number[0], self.number[1])
    }

    /// Whether it is an item of a sequence.
    #[must_use]
    pub fn is_item(&self) -> bool {
        self.number == [0xFFFE, 0xE000]
    }

    /// The value, or what stands for it in privacy mode.
    #[must_use]
    pub fn shown_value(&self, privacy: bool) -> &str {
        if privacy && self.identifies && !self.value.is_empty() { HIDDEN } else { &self.value }
    }

    /// One line of text, indented by depth.
    #[must_use]
    pub fn line(&self, privacy: bool) -> String {
        let indent = "  ".repeat(self.depth);
        let head: Vec<&str> = [self.vr.as_str(), self.name.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let number = self.number_text();
        let space = if number.is_empty() { "" } else { " " };
        let value = match (self.shown_value(privacy), self.length) {
            ("", Some(0)) => String::new(),
            ("", Some(length)) => format!(": {length} bytes"),
            ("", None) => String::new(),
            (value, _) => format!(": {value}"),
        };
        format!("{indent}{number}{space}{}{value}", head.join(" "))
    }

    fn holds(&self, words: &str, privacy: bool) -> bool {
        let bare = format!("{:04x}{:04x}", self.number[0], self.number[1]);
        let value = if privacy && self.identifies { "" } else { &self.value };
        let has = |text: &str| text.to_lowercase().contains(words);
        bare.contains(words)
            || has(&self.number_text())
            || has(&self.name)
            || has(&self.keyword)
            || has(value)
    }
}

impl FileElements {
    /// The places of the rows that are shown: those that hold what is looked for, and the
    /// sequences and items around them.
    #[must_use]
    pub fn shown(&self, filter: &ElementFilter) -> Vec<usize> {
        let words = filter.search.trim().to_lowercase();
        let mut shown = Vec::new();
        // rows around the one at hand that are not listed yet
        let mut around: Vec<usize> = Vec::new();
        for (idx, row) in self.rows.iter().enumerate() {
            around.retain(|outer| self.rows.get(*outer).is_some_and(|one| one.depth < row.depth));
            if row.is_private && !filter.private {
                continue;
            }
            if words.is_empty() || row.holds(&words, filter.privacy) {
                shown.append(&mut around);
                shown.push(idx);
            } else {
                around.push(idx);
            }
        }
        shown
    }
}
