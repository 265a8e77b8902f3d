//! Where one stage of a training ends and the next begins.

use crate::train::Metric;

/// Steps in a row that are of one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StageRun {
    pub(crate) name: String,
    /// Its first step, counted over all stages.
    pub(crate) first_step: u64,
    /// Its last step so far.
    pub(crate) last_step: u64,
}

impl StageRun {
    /// Takes in one more step.
    pub(crate) fn extend(stages: &mut Vec<Self>, before: Option<&Metric>, metric: &Metric) {
        // a stage may be called like the one before it: then its epochs begin anew
        let goes_on = before
            .is_some_and(|before| before.stage == metric.stage && before.epoch < metric.epoch);
        match stages.last_mut() {
            Some(last) if goes_on => last.last_step = metric.step,
            _ => stages.push(Self {
                name: metric.stage.clone(),
                first_step: metric.step,
                last_step: metric.step,
            }),
        }
    }

    pub(crate) fn steps(&self) -> u64 {
        self.last_step.saturating_sub(self.first_step) + 1
    }
}
