//! Answers in the form that the authors' own scripts read.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::eval::folder::{write_json, write_whole};
use crate::eval::format::sha256_hex;
use crate::eval::{EvalError, Format, Record, Settings};

/// One line as LLaVA-Med's scripts write it.
#[derive(Serialize)]
struct LlavaLine<'a> {
    question_id: &'a Value,
    prompt: String,
    text: &'a str,
    answer_id: String,
    model_id: &'a str,
    metadata: Map<String, Value>,
}

/// One record as HuatuoGPT-Vision's scorer reads it.
#[derive(Serialize)]
struct HuatuoRecord<'a> {
    test_id: &'a Value,
    query: &'a str,
    options: &'a [String],
    answer: Option<&'a str>,
    image: &'a [String],
    dataset: &'a str,
    subset: &'a str,
    model_output: &'a str,
}

/// `predictions.json` for HuatuoGPT-Vision's scorer, else `predictions.jsonl` for LLaVA-Med's
/// scripts. A question that could not be asked has an empty answer, so that the order holds.
pub(super) fn write_predictions(
    folder: &Path,
    settings: &Settings,
    records: &[Record],
) -> Result<(), EvalError> {
    if settings.format == Format::Huatuo {
        let records: Vec<_> = records.iter().map(huatuo).collect();
        return write_json(&folder.join("predictions.json"), &records);
    }
    let path = folder.join("predictions.jsonl");
    let mut text = Vec::new();
    for record in records {
        serde_json::to_writer(&mut text, &llava(record, settings))
            .map_err(|error| EvalError::not_json("a prediction", &error, &path))?;
        text.push(b'\n');
    }
    write_whole(&path, &text)
}

fn huatuo(record: &Record) -> HuatuoRecord<'_> {
    let group = |name: &str| record.groups.get(name).map_or("", String::as_str);
    let dataset = group("dataset");
    let subset = group("subset");
    let subset = subset.strip_prefix(dataset).and_then(|rest| rest.strip_prefix('_'));
    HuatuoRecord {
        test_id: &record.id,
        query: &record.question,
        options: &record.options,
        answer: record.reference.as_deref(),
        image: &record.images,
        dataset,
        subset: subset.unwrap_or_default(),
        model_output: &record.text,
    }
}

fn llava<'a>(record: &'a Record, settings: &'a Settings) -> LlavaLine<'a> {
    let asked = settings.asked.as_ref();
    // the scripts of the first version write the marker, those of 1.5 do not
    let is_v1 = asked.is_some_and(|asked| asked.family == "llava-med-v1");
    let marker = if is_v1 && !record.images.is_empty() { "\n<image>" } else { "" };
    let what = format!("{}\n{}\n{}", settings.dataset_sha256, record.index, record.text);
    LlavaLine {
        question_id: &record.id,
        prompt: format!("{}{marker}", record.question),
        text: &record.text,
        answer_id: sha256_hex(what.as_bytes()).chars().take(22).collect(),
        model_id: asked.map_or("", |asked| &asked.model),
        metadata: Map::new(),
    }
}
