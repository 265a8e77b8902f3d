//! The parts of a run, asked on several machines, become one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::eval::folder::{read_answers, read_settings};
use crate::eval::{EvalError, Folder, Report};

/// Put the answers of several output folders into one and write its report.
///
/// # Errors
/// When they are not parts of the same run, share a question, or cannot be read or written.
pub fn merge(parts: &[PathBuf], out: &Path) -> Result<Report, EvalError> {
    let mut whole = None;
    let mut lines: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for part in parts {
        let settings = read_settings(part)?.without_shard();
        let not_mergeable = |reason| EvalError::NotMergeable { reason, path: part.clone() };
        let first = whole.get_or_insert_with(|| settings.clone());
        let differences = settings.differences(first);
        if !differences.is_empty() {
            return Err(not_mergeable(differences.join("; ")));
        }
        // a part without a question never loaded the model
        if !first.is_known() {
            *first = settings;
        }
        for (index, (line, record)) in read_answers(part)? {
            if lines.insert(index, line).is_some() {
                let id = record.id;
                return Err(not_mergeable(format!("the question {id} is in two of them")));
            }
        }
    }
    let Some(settings) = whole else {
        return Err(EvalError::Empty { reason: String::new(), path: out.to_owned() });
    };
    let mut folder = Folder::start(out, &settings)?;
    folder.keep_settings(&settings)?;
    folder.fill(&lines)?;
    Report::write(out)
}
