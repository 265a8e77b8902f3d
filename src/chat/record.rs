//! How chats are written: the same records in the database and in files.
//!
//! A record names no patient and no file. Pictures are named by their content, so that one asked
//! about ten times is kept once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exact::{from_exact, to_exact};
use super::{
    Answer, AnswerState, CodecAlone, Conversation, Drawing, Evidence, Marks, Meter, Provenance,
    Tokens, Turn,
};
use crate::imaging::{Channels, DisplayImage, Similarity, Turned};

const CLOSED_EARLY: &str =
    "The program was closed before this answer ended; the text so far is kept";
const NEVER_ANSWERED: &str = "The program was closed before this question was answered";

/// A picture a question was asked about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EvidenceRecord {
    pub(crate) label: String,
    pub(crate) alias: String,
    pub(crate) modality: String,
    pub(crate) marks: Option<Marks>,
    pub(crate) frame_idx: usize,
    pub(crate) num_frames: usize,
    pub(crate) grayscale: Value,
    pub(crate) turned: Turned,
    pub(crate) image_sha256: String,
    /// Name of the picture; none when it was lost before.
    pub(crate) picture: Option<String>,
    /// What was done to it; not there in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) altered: Option<Value>,
}

/// One answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AnswerRecord {
    #[serde(with = "hex")]
    pub(crate) id: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    pub(crate) state: AnswerState,
    pub(crate) meter: Value,
    pub(crate) provenance: Option<Provenance>,
    pub(crate) drawing: Option<DrawingRecord>,
    /// Not there in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<Value>,
    /// How its pictures were prepared; not there either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Value>,
}

/// What a model drew; its pictures by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DrawingRecord {
    codes: Vec<u32>,
    grid: Option<[usize; 2]>,
    pub(crate) picture: Option<String>,
    pictured: usize,
    pub(crate) original: Option<String>,
    similarity: Option<Value>,
    ceiling: Option<CeilingRecord>,
    only_codes: bool,
    shortfall: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CeilingRecord {
    codes: Vec<u32>,
    picture: String,
    similarity: Option<Value>,
}

/// One question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TurnRecord {
    #[serde(with = "hex")]
    pub(crate) id: u64,
    /// The turn it was asked after; none in what earlier versions wrote, where each is asked
    /// after the one before it.
    #[serde(default, with = "maybe_hex", skip_serializing_if = "Option::is_none")]
    pub(crate) follows: Option<u64>,
    /// Not shown: another version of it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) aside: bool,
    pub(crate) asked_ms: u64,
    pub(crate) question: String,
    pub(crate) wants_picture: bool,
    /// Place of the answer shown.
    pub(crate) shown: usize,
    pub(crate) evidence: Vec<EvidenceRecord>,
    pub(crate) answers: Vec<AnswerRecord>,
    /// P(yes) over slices; not there in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) slices: Option<Value>,
}

/// A whole chat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChatRecord {
    #[serde(with = "hex")]
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) pinned: bool,
    pub(crate) created_ms: u64,
    pub(crate) changed_ms: u64,
    pub(crate) turns: Vec<TurnRecord>,
}

/// Numbers too long for other programs' JSON, as text.
mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(id: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::super::chat_id_text(*id))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        // larger numbers do not fit a database
        let id = u64::from_str_radix(&text, 16).ok().filter(|id| *id < 1 << 62);
        id.ok_or_else(|| D::Error::custom(format!("\"{text}\" is no id")))
    }
}

/// The same where there may be none.
mod maybe_hex {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Id(#[serde(with = "super::hex")] u64);

    pub(super) fn serialize<S: Serializer>(id: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        id.map(Id).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::<Id>::deserialize(from)?.map(|Id(id)| id))
    }
}

/// Name of a picture by its content.
pub(crate) fn picture_name(picture: &DisplayImage) -> String {
    let kind = match picture.channels {
        Channels::Gray => "gray",
        Channels::Rgb => "rgb",
    };
    format!("{}-{}x{}-{kind}", picture.sha256(), picture.width, picture.height)
}

impl EvidenceRecord {
    /// `keep` takes the picture and gives its name.
    pub(crate) fn new<E: From<serde_json::Error>>(
        evidence: &Evidence,
        keep: &mut impl FnMut(&DisplayImage) -> Result<String, E>,
    ) -> Result<Self, E> {
        Ok(Self {
            label: evidence.label.clone(),
            alias: evidence.alias.clone(),
            modality: evidence.modality.clone(),
            marks: evidence.marks.clone(),
            frame_idx: evidence.frame_idx,
            num_frames: evidence.num_frames,
            grayscale: to_exact(&evidence.grayscale)?,
            turned: evidence.turned,
            image_sha256: evidence.image_sha256.clone(),
            picture: evidence.image.as_deref().map(keep).transpose()?,
            altered: evidence.altered.as_ref().map(to_exact).transpose()?,
        })
    }

    pub(crate) fn into_evidence(self, image: Option<DisplayImage>) -> serde_json::Result<Evidence> {
        let evidence = Evidence {
            frame_ref: None,
            marks: self.marks,
            alias: self.alias,
            modality: self.modality,
            grayscale: from_exact(self.grayscale)?,
            turned: self.turned,
            study_key: String::new(),
            series_key: String::new(),
            frame_idx: self.frame_idx,
            num_frames: self.num_frames,
            label: self.label,
            altered: self.altered.map(from_exact).transpose()?,
            image: None,
            thumbnail: None,
            image_sha256: self.image_sha256,
        };
        Ok(evidence.with_image(image))
    }
}

impl AnswerRecord {
    pub(crate) fn new<E: From<serde_json::Error>>(
        answer: &Answer,
        keep: &mut impl FnMut(&DisplayImage) -> Result<String, E>,
    ) -> Result<Self, E> {
        let is_open = answer.is_open();
        let drawing = answer.drawing.as_ref();
        Ok(Self {
            id: answer.id,
            text: answer.text.clone(),
            state: answer.state.clone(),
            meter: to_exact(&answer.meter)?,
            provenance: answer.provenance.clone(),
            drawing: drawing
                .map(|drawing| DrawingRecord::new(drawing, is_open, keep))
                .transpose()?,
            tokens: answer.tokens.as_deref().map(to_exact).transpose()?,
            seen: Some(&answer.seen).filter(|seen| !seen.is_empty()).map(to_exact).transpose()?,
        })
    }

    /// `find` looks for a picture by its name.
    pub(crate) fn into_answer(
        self,
        find: &mut impl FnMut(&str) -> Option<DisplayImage>,
    ) -> serde_json::Result<Answer> {
        let meter: Meter = from_exact(self.meter)?;
        let drawing = self.drawing.map(|drawing| drawing.into_drawing(find)).transpose()?;
        let mut answer = Answer {
            id: self.id,
            text: self.text,
            state: self.state,
            meter,
            provenance: self.provenance,
            drawing,
            tokens: self.tokens.map(from_exact::<Tokens>).transpose()?.map(Arc::new),
            seen: self.seen.map(from_exact).transpose()?.unwrap_or_default(),
        };
        // who wrote it is gone
        if answer.is_open() {
            answer.state = if answer.has_content() {
                AnswerState::Interrupted(CLOSED_EARLY.to_owned())
            } else {
                AnswerState::Failed(NEVER_ANSWERED.to_owned())
            };
        }
        Ok(answer)
    }
}

impl DrawingRecord {
    fn new<E: From<serde_json::Error>>(
        drawing: &Drawing,
        is_open: bool,
        keep: &mut impl FnMut(&DisplayImage) -> Result<String, E>,
    ) -> Result<Self, E> {
        let similarity = |similarity: &Option<Similarity>| {
            similarity.as_ref().map(to_exact::<Similarity>).transpose()
        };
        let ceiling = match &drawing.ceiling {
            Some(alone) => Some(CeilingRecord {
                codes: alone.codes.clone(),
                picture: keep(&alone.picture)?,
                similarity: similarity(&alone.similarity)?,
            }),
            None => None,
        };
        // a look at a picture that still grows is not worth keeping
        let picture = drawing.picture.as_deref().filter(|_| !is_open);
        Ok(Self {
            codes: drawing.codes.clone(),
            grid: drawing.grid,
            picture: picture.map(&mut *keep).transpose()?,
            pictured: drawing.pictured,
            original: drawing.original.as_deref().map(keep).transpose()?,
            similarity: similarity(&drawing.similarity)?,
            ceiling,
            only_codes: drawing.only_codes,
            shortfall: drawing.shortfall.clone(),
        })
    }

    /// Names of all its pictures.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = &str> {
        let codec = self.ceiling.as_ref().map(|alone| &alone.picture);
        [self.picture.as_ref(), self.original.as_ref(), codec]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    fn into_drawing(
        self,
        find: &mut impl FnMut(&str) -> Option<DisplayImage>,
    ) -> serde_json::Result<Drawing> {
        let similarity = |json: Option<Value>| json.map(from_exact::<Similarity>).transpose();
        let mut named = |name: Option<String>| find(&name?).map(Arc::new);
        let (picture, original) = (named(self.picture), named(self.original));
        let ceiling = match self.ceiling {
            Some(alone) => {
                let measured = similarity(alone.similarity)?;
                named(Some(alone.picture)).map(|picture| CodecAlone {
                    codes: alone.codes,
                    picture,
                    similarity: measured,
                })
            }
            None => None,
        };
        Ok(Drawing {
            codes: self.codes,
            grid: self.grid,
            pictured: if picture.is_some() { self.pictured } else { 0 },
            picture,
            original,
            similarity: similarity(self.similarity)?,
            ceiling,
            only_codes: self.only_codes,
            shortfall: self.shortfall,
        })
    }
}

impl ChatRecord {
    /// `keep` takes each picture and gives its name.
    pub(crate) fn new<E: From<serde_json::Error>>(
        conversation: &Conversation,
        keep: &mut impl FnMut(&DisplayImage) -> Result<String, E>,
    ) -> Result<Self, E> {
        let mut turns = Vec::with_capacity(conversation.turns.len());
        let aside = conversation.aside.iter().map(|turn| (turn, true));
        for (turn, aside) in conversation.turns.iter().map(|turn| (turn, false)).chain(aside) {
            let evidence = turn.evidence.iter().map(|e| EvidenceRecord::new(e, keep));
            let evidence = evidence.collect::<Result<_, E>>()?;
            let answers = turn.answers.iter().map(|answer| AnswerRecord::new(answer, keep));
            turns.push(TurnRecord {
                id: turn.id,
                follows: turn.follows,
                aside,
                asked_ms: turn.asked_ms,
                question: turn.question.clone(),
                wants_picture: turn.wants_picture,
                shown: turn.shown_idx,
                evidence,
                answers: answers.collect::<Result<_, E>>()?,
                slices: turn.slices.as_deref().map(to_exact).transpose()?,
            });
        }
        Ok(Self {
            id: conversation.id,
            title: conversation.title.clone(),
            pinned: conversation.pinned,
            created_ms: conversation.created_ms,
            changed_ms: conversation.changed_ms,
            turns,
        })
    }

    /// `find` looks for a picture by its name.
    pub(crate) fn into_conversation(
        self,
        find: &mut impl FnMut(&str) -> Option<DisplayImage>,
    ) -> serde_json::Result<Conversation> {
        let (mut turns, mut aside) = (Vec::<Turn>::new(), Vec::new());
        for record in self.turns {
            let is_aside = record.aside;
            let mut turn = record.into_turn(find)?;
            if is_aside {
                aside.push(turn);
            } else {
                turn.follows = turn.follows.or(turns.last().map(|before| before.id));
                turns.push(turn);
            }
        }
        Ok(Conversation {
            id: self.id,
            title: self.title,
            pinned: self.pinned,
            created_ms: self.created_ms,
            changed_ms: self.changed_ms,
            turns,
            aside,
        })
    }
}

impl TurnRecord {
    fn into_turn(
        self,
        find: &mut impl FnMut(&str) -> Option<DisplayImage>,
    ) -> serde_json::Result<Turn> {
        let mut evidence = Vec::with_capacity(self.evidence.len());
        for record in self.evidence {
            let image = record.picture.as_deref().and_then(&mut *find);
            evidence.push(record.into_evidence(image)?);
        }
        let answers = self.answers.into_iter().map(|answer| answer.into_answer(find));
        let mut answers: Vec<Answer> = answers.collect::<serde_json::Result<_>>()?;
        if answers.is_empty() {
            let state = AnswerState::Failed(NEVER_ANSWERED.to_owned());
            answers.push(Answer { state, ..Answer::waiting() });
        }
        Ok(Turn {
            id: self.id,
            follows: self.follows,
            asked_ms: self.asked_ms,
            question: self.question,
            wants_picture: self.wants_picture,
            evidence,
            shown_idx: self.shown.min(answers.len() - 1),
            slices: self.slices.map(from_exact).transpose()?.map(Box::new),
            answers,
        })
    }
}
