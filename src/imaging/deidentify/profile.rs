//! The standard's table (PS3.15 Table E.1-1), read from `profile.tsv`.

use std::{collections::BTreeMap, sync::LazyLock};

use dicom_core::Tag;

use super::DeidentifyOptions;

const TABLE: &str = include_str!("profile.tsv");

/// What the table asks for; of combined codes one is chosen by what the attribute is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Remove,
    Empty,
    Dummy,
    NewUid,
    RemoveOrEmpty,
    RemoveOrDummy,
    EmptyOrDummy,
    RemoveEmptyOrDummy,
    /// Remove, empty, or new UIDs inside.
    RemoveEmptyOrUids,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) code: Code,
    options: &'static str,
}

impl Rule {
    /// Whether a chosen option retains the attribute as it is.
    pub(super) fn is_kept(self, options: &DeidentifyOptions) -> bool {
        let has = |letter: char| self.options.contains(letter);
        (options.keep_uids && has('u'))
            || (options.keep_dates && has('d'))
            || (options.keep_device && has('v'))
            || (options.keep_patient_characteristics && has('p'))
    }
}

/// The table's row for an attribute.
pub(super) fn rule_of(tag: Tag) -> Option<Rule> {
    static RULES: LazyLock<BTreeMap<u32, Rule>> =
        LazyLock::new(|| TABLE.lines().filter_map(row).collect());
    let number = (u32::from(tag.group()) << 16) | u32::from(tag.element());
    RULES.get(&number).copied()
}

fn row(line: &'static str) -> Option<(u32, Rule)> {
    let mut cells = line.split('\t');
    let tag = u32::from_str_radix(cells.next()?, 16).ok()?;
    let code = match cells.next()? {
        "Z" => Code::Empty,
        "D" => Code::Dummy,
        "U" => Code::NewUid,
        "X/Z" => Code::RemoveOrEmpty,
        "X/D" => Code::RemoveOrDummy,
        "Z/D" => Code::EmptyOrDummy,
        "X/Z/D" => Code::RemoveEmptyOrDummy,
        "X/Z/U" => Code::RemoveEmptyOrUids,
        _ => Code::Remove,
    };
    Some((tag, Rule { code, options: cells.next()? }))
}
