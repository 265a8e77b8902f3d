//! From numbers to places on a chart's axis, and where its marks are.

/// One axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Scale {
    /// Around these values, with a little room; on a logarithmic axis only those above zero count.
    pub(super) fn around(values: impl Iterator<Item = f64>, is_log: bool) -> Option<Self> {
        let usable = values.filter(|value| value.is_finite() && (!is_log || *value > 0.0));
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return None;
        }
        let scale = Self { low: into(low, is_log), high: into(high, is_log), is_log };
        let span = scale.high - scale.low;
        let room = if span > 0.0 { span * 0.06 } else { scale.high.abs().max(1e-6) * 0.1 };
        Some(Self { low: scale.low - room, high: scale.high + room, is_log })
    }

    /// Shares of one: never beyond none and all, and not closer than a few percent.
    pub(super) fn around_shares(values: impl Iterator<Item = f64>) -> Option<Self> {
        let Self { low, high, .. } = Self::around(values, false)?;
        let room = (0.04 - (high - low)).max(0.0) / 2.0;
        let (low, high) = ((low - room).clamp(0.0, 0.96), (high + room).clamp(0.04, 1.0));
        Some(Self { low, high, is_log: false })
    }

    /// From one value exactly to another.
    pub(super) fn exact(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, is_log: false }
    }

    /// From 0 at the low end to 1 at the high end; a value that has no logarithm lies below.
    pub(super) fn share(&self, value: f64) -> f64 {
        if self.is_log && value <= 0.0 {
            return -1.0;
        }
        (into(value, self.is_log) - self.low) / (self.high - self.low)
    }

    /// The value at a share.
    pub(super) fn value(&self, share: f64) -> f64 {
        let value = self.low + share * (self.high - self.low);
        if self.is_log { 10.0_f64.powf(value) } else { value }
    }

    /// Round values, about as many as wanted.
    pub(super) fn marks(&self, wanted: usize) -> Vec<f64> {
        if self.is_log && self.high - self.low > 1.0 {
            return self.decades();
        }
        let (low, high) = (self.value(0.0), self.value(1.0));
        let step = round_step((high - low) / wanted.max(1) as f64);
        let first = (low / step).ceil() as i64;
        (first..).map(|at| at as f64 * step).take_while(|mark| *mark <= high).take(64).collect()
    }

    /// 1, 2 and 5 of every power of ten, fewer when there are many.
    fn decades(&self) -> Vec<f64> {
        let factors: &[f64] = if self.high - self.low > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = self.low.floor() as i32..=self.high.ceil() as i32;
        let marks = powers.flat_map(|power| factors.iter().map(move |f| f * 10.0_f64.powi(power)));
        marks.filter(|mark| (0.0..=1.0).contains(&self.share(*mark))).collect()
    }
}

fn into(value: f64, is_log: bool) -> f64 {
    if is_log { value.log10() } else { value }
}

/// 1, 2 or 5 times a power of ten, not below the least.
fn round_step(least: f64) -> f64 {
    let least = least.max(1e-12);
    let power = 10.0_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|f| f * power).find(|s| *s >= least).unwrap_or(10.0 * power)
}

/// A number with as many digits as are of use.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if size < 1e-4 {
        format!("{value:.2e}")
    } else if size < 10.0 {
        let digits = match size {
            ..0.01 => 6,
            ..0.1 => 5,
            _ => 4,
        };
        format!("{value:.digits$}")
    } else if size < 1000.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

/// The same without zeros at the end, for an axis.
pub(super) fn mark(value: f64) -> String {
    let text = number(value);
    match text.split_once('e') {
        Some((digits, power)) => format!("{}e{power}", trimmed(digits)),
        None => trimmed(&text).to_owned(),
    }
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A share of one in percent without its sign, for an axis.
pub(super) fn percent_mark(share: f64) -> String {
    trimmed(&format!("{:.1}", share * 100.0)).to_owned()
}

/// A share of one, in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
