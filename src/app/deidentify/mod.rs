//! De-identified copies of the study shown: what is kept and what is made black (`sheet_ui`), and
//! what came of it (`run`). The copying worker does the work.

mod run;
mod sheet_ui;

pub(crate) use sheet_ui::deidentify_sheet_ui;

use crate::imaging::DeidentifyOptions;

/// What the reader chose for the copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyChoice {
    /// UIDs stay.
    pub keep_uids: bool,
    /// Dates and times stay.
    pub keep_dates: bool,
    /// Device identity stays.
    pub keep_device: bool,
    /// Sex, age, size, weight and the like stay.
    pub keep_patient_characteristics: bool,
    /// Files whose pixels may have text in them are left out.
    pub strict: bool,
    /// Only the series shown; else the whole study.
    pub series_only: bool,
    /// The rectangles marked on the picture shown are made black in all of its series.
    pub blackout: bool,
}

impl CopyChoice {
    /// As the worker takes it, with these rectangles.
    fn options(self, rectangles: Vec<[u32; 4]>) -> DeidentifyOptions {
        DeidentifyOptions {
            keep_uids: self.keep_uids,
            keep_dates: self.keep_dates,
            keep_device: self.keep_device,
            keep_patient_characteristics: self.keep_patient_characteristics,
            blackout: if self.blackout { rectangles } else { Vec::new() },
            strict: self.strict,
        }
    }
}
