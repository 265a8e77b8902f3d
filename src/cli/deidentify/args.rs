//! What was typed after `deidentify`.

use std::path::PathBuf;

use clap::ArgAction;

use crate::imaging::DeidentifyOptions;

use super::super::args::parse_crop;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DeidentifyArgs {
    /// DICOM files, folders, a DICOMDIR, ZIP archives
    #[arg(required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// A new or an empty folder for the files
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Keep UIDs (113110); otherwise each gets a new one, the same in all files of the export
    #[arg(long)]
    keep_uids: bool,
    /// Keep dates and times (113106)
    #[arg(long)]
    keep_dates: bool,
    /// Keep station, serial numbers and other ids of devices (113109)
    #[arg(long)]
    keep_device: bool,
    /// Keep sex, age, size, weight, ethnic group, smoking and pregnancy (113108)
    #[arg(long)]
    keep_patient_characteristics: bool,
    /// Make this part of every picture black, in image pixels; only uncompressed pictures (113101)
    #[arg(long, value_name = "X,Y,W,H", action = ArgAction::Append, value_parser = parse_crop)]
    blackout: Vec<[u32; 4]>,
    /// Refuse files whose pixels may have text burned in, unless --blackout is given
    #[arg(long)]
    strict: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl DeidentifyArgs {
    pub(super) fn options(&self) -> DeidentifyOptions {
        DeidentifyOptions {
            keep_uids: self.keep_uids,
            keep_dates: self.keep_dates,
            keep_device: self.keep_device,
            keep_patient_characteristics: self.keep_patient_characteristics,
            blackout: self.blackout.clone(),
            strict: self.strict,
        }
    }
}
