//! Dates and times of a data set as seconds, to be subtracted from each other.

const SECONDS_OF_A_DAY: f64 = 86_400.0;

/// A moment in the clock of where it was written. Day and time are apart: in one number the parts
/// of a second would be rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    day: f64,
    seconds: f64,
}

impl Moment {
    /// Of a DT.
    pub(super) fn of_date_time(text: &str) -> Option<Self> {
        let moment = text.split(['+', '-']).next()?.trim();
        let (date, time) = moment.split_at_checked(8)?;
        Self::of(date, time)
    }

    /// Of a DA and a TM.
    pub(super) fn of(date: &str, time: &str) -> Option<Self> {
        Some(Self { day: day(date)?, seconds: time_of_day(time)? })
    }

    /// The same day at another time.
    pub(super) fn at(self, seconds: f64) -> Self {
        Self { seconds, ..self }
    }

    /// So many seconds later.
    pub(super) fn after(self, seconds: f64) -> Self {
        Self { seconds: self.seconds + seconds, ..self }
    }

    /// Seconds since another moment.
    pub(super) fn since(self, other: Self) -> f64 {
        (self.day - other.day) * SECONDS_OF_A_DAY + (self.seconds - other.seconds)
    }
}

/// `HHMMSS.FFFFFF`, of which what is smaller may be missing; old files have colons.
pub(super) fn time_of_day(text: &str) -> Option<f64> {
    let text = text.trim().replace(':', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if whole.len() < 2 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| match whole.get(at..at + 2) {
        Some(digits) => digits.parse::<f64>().ok(),
        None => (whole.len() <= at).then_some(0.0),
    };
    let (hours, minutes, seconds) = (two(0)?, two(2)?, two(4)?);
    let fraction: f64 = format!("0.{fraction}0").parse().ok()?;
    let is_right = hours < 24.0 && minutes < 60.0 && seconds <= 60.0;
    is_right.then_some(hours * 3600.0 + minutes * 60.0 + seconds + fraction)
}

/// Days since 1 March of year 0.
fn day(text: &str) -> Option<f64> {
    let digits = text.trim().replace('.', "");
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i32>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // years begin in March, so that a leap day is their last
    let from_march = (month + 9) % 12;
    let year = year - from_march / 10;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (from_march * 306 + 5) / 10;
    Some(f64::from(days + day - 1))
}
