//! Days, for a list of chats grouped by when they were.

use std::fmt;

const DAY_SECS: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Since 1 January 1970.
    days: i64,
    year: i64,
    /// From 1.
    month: usize,
    /// From 1.
    day: i64,
}

impl Date {
    /// The day of so many seconds after 1970.
    pub(crate) fn of_secs(secs: u64) -> Self {
        Self::of_days(i64::try_from(secs).unwrap_or(i64::MAX) / DAY_SECS)
    }

    /// From days since 1970, by the rules of the Gregorian calendar.
    fn of_days(days: i64) -> Self {
        // years that begin in March have their leap day at the end
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { days, year, month: usize::try_from(month).unwrap_or(1), day }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Days as the clock on the wall has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// What the wall is ahead of universal time.
    pub offset_secs: i64,
}

impl Calendar {
    /// The day of a moment in milliseconds since 1970.
    #[must_use]
    pub fn date(self, ms: u64) -> Date {
        let secs = i64::try_from(ms / 1000).unwrap_or(i64::MAX).saturating_add(self.offset_secs);
        Date::of_days(secs.div_euclid(DAY_SECS))
    }

    /// `2026-11-29 14:05`.
    #[must_use]
    pub fn moment(self, ms: u64) -> String {
        let secs = i64::try_from(ms / 1000).unwrap_or(i64::MAX).saturating_add(self.offset_secs);
        let of_day = secs.rem_euclid(DAY_SECS);
        format!("{} {:02}:{:02}", self.date(ms), of_day / 3600, of_day / 60 % 60)
    }

    /// "Today", "Yesterday", "Previous 7 days", or a month.
    #[must_use]
    pub fn group(self, ms: u64, now_ms: u64) -> String {
        let (then, now) = (self.date(ms), self.date(now_ms));
        match now.days - then.days {
            ..=0 => "Today".to_owned(),
            1 => "Yesterday".to_owned(),
            2..=7 => "Previous 7 days".to_owned(),
            _ => {
                let month = MONTHS.get(then.month - 1).copied().unwrap_or_default();
                if then.year == now.year {
                    month.to_owned()
                } else {
                    format!("{month} {}", then.year)
                }
            }
        }
    }
}
