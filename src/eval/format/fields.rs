//! The fields of one record; what is missing or of another kind is named with its place.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::eval::EvalError;
use crate::eval::error::Place;

/// Fields that divide a report when a record has them.
const GROUP_FIELDS: [&str; 7] =
    ["dataset", "subset", "type", "question_type", "answer_type", "modality", "body_part"];

/// One record.
pub(super) struct Fields<'a> {
    path: &'a Path,
    place: Place,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(path: &'a Path, record: &'a (Place, Value)) -> Result<Self, EvalError> {
        let (place, value) = record;
        match value {
            Value::Object(map) => Ok(Self { path, place: *place, map }),
            _ => Err(EvalError::Record {
                place: *place,
                fault: "is not an object with named fields".to_owned(),
                path: path.to_owned(),
            }),
        }
    }

    pub(super) fn fault(&self, fault: impl Into<String>) -> EvalError {
        EvalError::Record { place: self.place, fault: fault.into(), path: self.path.to_owned() }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// `null` is as good as not there.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, EvalError> {
        self.optional_text(name)?.ok_or_else(|| self.fault(format!("has no field \"{name}\"")))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, EvalError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(format!("has a field \"{name}\" that is not a text"))),
        }
    }

    /// A text, or a number or truth value as text: references are written as all of these.
    pub(super) fn plain(&self, name: &str) -> Result<Option<String>, EvalError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match plain_text(value) {
                Some(text) => Ok(Some(text)),
                None => Err(self.fault(format!("has a field \"{name}\" that is not a text"))),
            },
        }
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, EvalError> {
        let wrong = || self.fault(format!("has a field \"{name}\" that is not a list of texts"));
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => {
                list.iter().map(|value| plain_text(value).ok_or_else(wrong)).collect()
            }
            Some(value) => Ok(vec![plain_text(value).ok_or_else(wrong)?]),
        }
    }

    /// Pictures: `image` or `images`, a path or a list of paths.
    pub(super) fn images(&self) -> Result<Vec<String>, EvalError> {
        let name = if self.has("image") { "image" } else { "images" };
        self.texts(name)
    }

    /// A text or a number, else the place's number.
    pub(super) fn id(&self, names: &[&str]) -> Value {
        let known = names.iter().find_map(|name| self.get(name));
        let known = known.filter(|value| value.is_string() || value.is_number());
        known.cloned().unwrap_or_else(|| self.number().into())
    }

    /// From 1.
    pub(super) fn number(&self) -> usize {
        match self.place {
            Place::Record(number) | Place::Line(number) => number,
        }
    }

    /// Fields by which the report is divided; empty texts do not count.
    pub(super) fn groups(&self) -> BTreeMap<String, String> {
        let text = |name: &&str| -> Option<(String, String)> {
            let text = match self.get(name)? {
                Value::String(text) => text.trim().to_owned(),
                Value::Array(list) => {
                    list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
                }
                _ => return None,
            };
            (!text.is_empty()).then(|| ((*name).to_owned(), text))
        };
        GROUP_FIELDS.iter().filter_map(text).collect()
    }
}

fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
