//! Answers that another program gave, to be scored here.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::eval::format::Source;
use crate::eval::{Dataset, EvalError};

/// Fields that hold an id, and fields that hold the answer, of the known layouts.
const IDS: [&str; 3] = ["question_id", "test_id", "id"];
const TEXTS: [&str; 2] = ["text", "model_output"];

/// The answer to each question of a data set, in its order: LLaVA-Med's answer lines or
/// HuatuoGPT-Vision's output list. A question without an answer gets none.
///
/// Ids that occur more than once are paired by their order.
///
/// # Errors
/// When the file cannot be read, a record lacks its id or its answer, or an id is unknown.
pub fn read_answers_of_others(
    dataset: &Dataset,
    path: &Path,
) -> Result<Vec<Option<String>>, EvalError> {
    let source = Source::read("the answers", path)?;
    let mut by_id: BTreeMap<String, std::collections::VecDeque<usize>> = BTreeMap::new();
    for item in &dataset.items {
        by_id.entry(item.id.to_string()).or_default().push_back(item.index);
    }
    let mut answers = vec![None; dataset.items.len()];
    for (place, record) in &source.records {
        let fault = |fault: String| EvalError::Record { place: *place, fault, path: path.into() };
        let id = IDS.iter().find_map(|name| record.get(*name));
        let id = id.ok_or_else(|| fault("has no field \"question_id\" or \"test_id\"".into()))?;
        let text = TEXTS.iter().find_map(|name| record.get(*name)).and_then(Value::as_str);
        let text =
            text.ok_or_else(|| fault("has no text in \"text\" or \"model_output\"".into()))?;
        let Some(index) = by_id.get_mut(&id.to_string()).and_then(|places| places.pop_front())
        else {
            // open questions of a benchmark of options are answered by some and never asked here
            if dataset.dropped.open + dataset.dropped.repeated > 0 {
                continue;
            }
            return Err(fault(format!("answers the question {id}, which the data does not have")));
        };
        if let Some(answer) = answers.get_mut(index) {
            *answer = Some(text.to_owned());
        }
    }
    Ok(answers)
}
