//! Folders and file names that name nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use dicom_core::Tag;

use super::super::dicom::{Element, find};

/// The places given so far.
#[derive(Default)]
pub(super) struct Names {
    folders: BTreeMap<[String; 2], String>,
    taken: BTreeSet<String>,
    files: BTreeMap<String, u32>,
}

impl Names {
    /// The folder of an object's series: `series-3`, and `series-3-2` … for another series of that
    /// number.
    pub(super) fn folder(&mut self, elements: &[Element]) -> String {
        let value = |tag: Tag| find(elements, tag).map(Element::text).unwrap_or_default();
        let key = [value(Tag(0x0020, 0x000D)), value(Tag(0x0020, 0x000E))];
        if let Some(folder) = self.folders.get(&key) {
            return folder.clone();
        }
        let number = value(Tag(0x0020, 0x0011)).parse::<i32>();
        let plain = match number {
            Ok(number) => format!("series-{number}"),
            Err(_none) => "series-without-number".to_owned(),
        };
        let more = (2_u32..).map(|count| format!("{plain}-{count}"));
        let folder =
            std::iter::once(plain.clone()).chain(more).find(|name| !self.taken.contains(name));
        let folder = folder.unwrap_or(plain);
        self.taken.insert(folder.clone());
        self.folders.insert(key, folder.clone());
        folder
    }

    /// The next file of a folder.
    pub(super) fn file(&mut self, folder: &str) -> PathBuf {
        let count = self.files.entry(folder.to_owned()).or_default();
        *count += 1;
        PathBuf::from(folder).join(format!("{count:06}.dcm"))
    }
}
