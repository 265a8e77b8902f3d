//! What a model costs, in words and in bars to scale.

use super::super::state::AppState;
use super::state::Column;
use crate::vlm::gigabytes;

/// What is known of a column's model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) parameters: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) peak_rss_mb: Option<u64>,
    pub(super) load_secs: Option<f64>,
    pub(super) first_token_secs: Option<f64>,
    pub(super) tokens_per_sec: Option<f64>,
    /// Its weights are in memory now.
    pub(super) is_in_memory: bool,
    /// From the question to the end of the answer.
    pub(super) answer_secs: Option<f64>,
}

impl Facts {
    pub(super) fn of(state: &AppState, column: &Column) -> Self {
        let spec = state.side_spec(column);
        let answer = state.side_answer(column).filter(|answer| !answer.is_open());
        let meter = answer.map(|answer| &answer.meter);
        Self {
            parameters: spec.map(|spec| spec.parameters).filter(|count| *count > 0),
            bytes: spec.map(|spec| spec.weights_bytes).filter(|count| *count > 0),
            peak_rss_mb: column.peak_rss_mb,
            load_secs: column.load_secs,
            first_token_secs: meter.and_then(|meter| meter.first_token_ms).map(|ms| ms / 1000.0),
            tokens_per_sec: meter.and_then(|meter| meter.tokens_per_sec()),
            is_in_memory: column.request.as_ref().is_some_and(|r| state.engine.is_in_memory(r)),
            answer_secs: meter.map(|meter| meter.elapsed_ms / 1000.0).filter(|secs| *secs > 0.0),
        }
    }

    /// "first token 0.4 s · 31.0 tok/s · loaded in 2.1 s · 3.2 GB at most".
    pub(super) fn line(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.first_token_secs.map(|secs| format!("first token {secs:.2} s")));
        parts.extend(self.tokens_per_sec.map(|rate| format!("{rate:.1} tok/s")));
        parts.extend(self.load_secs.map(|secs| format!("loaded in {secs:.1} s")));
        parts.extend(self.peak_rss_mb.map(|mb| format!("{} at most", gigabytes(mb << 20))));
        parts.extend(self.is_in_memory.then(|| "in memory".to_owned()));
        parts.join(" · ")
    }
}
