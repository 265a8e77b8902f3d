//! One question of a data file, whatever its format.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which published layout a data file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// HuatuoGPT-Vision's benchmark file: questions with options.
    Huatuo,
    /// LLaVA-Med's visual questions, open and closed.
    LlavaMedVqa,
    /// LLaVA-Med's chat questions, which a judge scores.
    LlavaMedChat,
    /// Conversations as `PubMedVision` and LLaVA publish them.
    Conversations,
}

impl Format {
    /// All of them in words, for an error.
    pub(crate) const NAMES: &str = "HuatuoGPT-Vision's benchmark list with \"question\", \
        \"options\" and \"answer\"; LLaVA-Med's questions with \"conversations\" and \
        \"answer_type\", or lines with \"question_id\" and \"text\"; its chat lines with \"type\" \
        and \"domain\"; PubMedVision's or LLaVA's list with \"conversations\"";

    /// For people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Huatuo => "HuatuoGPT-Vision benchmark",
            Self::LlavaMedVqa => "LLaVA-Med VQA",
            Self::LlavaMedChat => "LLaVA-Med chat",
            Self::Conversations => "conversations",
        }
    }
}

/// How an answer is scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of lettered options is right.
    Choice {
        /// In the order of their letters.
        options: Vec<String>,
    },
    /// Free text, as LLaVA-Med's scripts score it.
    Open,
    /// Yes or no, as LLaVA-Med's scripts score it.
    Closed,
    /// Free text, or one of these choices when there are any.
    Reference {
        /// What the reference may be.
        choices: Vec<String>,
    },
    /// Asked and written down only.
    Unscored,
}

/// An earlier turn, with the answer that the data file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Without image markers.
    pub question: String,
    /// The reference.
    pub answer: String,
    /// Pictures of this turn.
    pub images: Vec<String>,
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// From 0, over the questions that are asked.
    pub index: usize,
    /// As the file has it, or a number from 1.
    pub id: Value,
    /// What the model is asked, without image markers.
    pub question: String,
    /// Earlier turns of the same record, oldest first.
    pub history: Vec<Exchange>,
    /// Pictures of this turn, as the file names them.
    pub images: Vec<String>,
    /// The right answer, when the file has one.
    pub reference: Option<String>,
    /// How it is scored.
    pub kind: Kind,
    /// Field and value by which the report is divided.
    pub groups: BTreeMap<String, String>,
}

/// Records that are not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Questions without options in a benchmark of options.
    pub open: usize,
    /// Records whose id came before.
    pub repeated: usize,
    /// Conversations without a question and its answer.
    pub unanswered: usize,
}

/// Which human turns of a conversation are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turns {
    /// The first.
    #[default]
    First,
    /// The last, after the earlier ones with their references.
    Last,
    /// Each one, after the earlier ones with their references.
    All,
}

impl std::str::FromStr for Turns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            "all" => Ok(Self::All),
            _ => Err("expected first, last or all".to_owned()),
        }
    }
}

/// A part of the questions: those whose number leaves the same rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
}

impl Shard {
    /// Whether a question belongs to this part.
    #[must_use]
    pub fn has(self, index: usize) -> bool {
        index % self.of.max(1) + 1 == self.number
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("expected I/N with I from 1 to N, such as 3/8".to_owned()),
        }
    }
}
