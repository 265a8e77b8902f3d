//! The learning rate of a step: a rise, then a cosine.

/// Of one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest.
    pub peak: f64,
    /// Where the cosine ends, as a share of the highest.
    pub final_share: f64,
    /// Steps in which the rate rises.
    pub warmup: u64,
    /// Steps in all.
    pub steps: u64,
}

impl Schedule {
    /// The rate of a step counted from 0: linear from 0 over the warm-up, then half a cosine down
    /// to the last (`get_cosine_schedule_with_warmup`; with a floor as HuatuoGPT-Vision has it).
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * step as f64 / self.warmup.max(1) as f64;
        }
        let rest = self.steps.saturating_sub(self.warmup).max(1);
        let progress = ((step - self.warmup) as f64 / rest as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.peak * (self.final_share + (1.0 - self.final_share) * cosine)
    }
}
