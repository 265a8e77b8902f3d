//! What an archive promises, judged: which entries are opened, and why others are not.

use std::{
    collections::{BTreeMap, btree_map::Entry as Slot},
    fs::File,
};

use super::{
    names::{decoded, is_hidden, safe, shown},
    records::{Record, Records},
};

/// One entry is unpacked into memory.
const MAX_ENTRY: u64 = 512 << 20;
/// All entries together.
const MAX_TOTAL: u64 = 64 << 30;
/// Deflate cannot pack better than 1 : 1032.
const MAX_RATIO: u64 = 1100;
/// Pictures that are larger than `LARGE` do not pack as well as this.
const MAX_LARGE_RATIO: u64 = 400;
const LARGE: u64 = 128 << 20;
/// Below this no ratio says anything.
const SMALL: u64 = 1 << 20;
const ENCRYPTED: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// An entry that may be opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) is_deflated: bool,
    pub(super) crc32: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
    /// Its place in the list.
    order: usize,
}

/// The entries of one archive.
#[derive(Debug, Default)]
pub(super) struct Contents {
    entries: BTreeMap<String, Entry>,
    refused: Vec<(String, String)>,
    is_cut: bool,
}

impl Contents {
    /// Read the list of an archive that is `len` bytes long.
    pub(super) fn read(file: &mut File, len: u64) -> Result<Self, String> {
        let Records { list, cut } = Records::read(file, len)?;
        let mut contents = Self { is_cut: cut, ..Self::default() };
        for (order, record) in list.iter().enumerate() {
            contents.take(record, order, len);
        }
        contents.refuse_shared_bytes();
        let total = contents.entries.values().map(|entry| entry.size).fold(0, u64::saturating_add);
        if total > MAX_TOTAL {
            return Err(format!("it unpacks to more than {} GiB", MAX_TOTAL >> 30));
        }
        Ok(contents)
    }

    fn take(&mut self, record: &Record, order: usize, len: u64) {
        let name = decoded(&record.name);
        if name.ends_with('/') || is_hidden_file(&name) {
            return;
        }
        let judged = safe(&name).map_err(str::to_owned);
        let judged = judged.and_then(|name| judge(record, order, len).map(|entry| (name, entry)));
        match judged {
            Ok((name, entry)) => match self.entries.entry(name) {
                Slot::Vacant(place) => {
                    place.insert(entry);
                }
                Slot::Occupied(place) => {
                    let why = "another entry has the same name".to_owned();
                    self.refused.push((place.key().clone(), why));
                }
            },
            Err(why) => self.refused.push((shown(&name), why)),
        }
    }

    /// Entries that lie on one another are made to swell; the first of them is believed.
    fn refuse_shared_bytes(&mut self) {
        let mut by_place: Vec<(u64, usize, u64, &String)> = self
            .entries
            .iter()
            .map(|(name, entry)| {
                (entry.offset, entry.order, entry.offset + 30 + entry.packed, name)
            })
            .collect();
        by_place.sort_unstable();
        let (mut taken, mut shared) = (0, Vec::new());
        for (start, _, end, name) in by_place {
            if start < taken {
                shared.push(name.clone());
            } else {
                taken = end;
            }
        }
        for name in shared {
            self.entries.remove(&name);
            self.refused.push((name, "it shares its bytes with another entry".to_owned()));
        }
    }

    pub(super) fn entry(&self, name: &str) -> Option<Entry> {
        self.entries.get(name).copied()
    }

    /// Whether there is an entry or a folder of this name.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.entries.contains_key(name) || self.names_below(name).next().is_some()
    }

    /// Names in a folder and its folders; an empty one stands for all.
    pub(super) fn names_below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries.keys().map(String::as_str).filter(move |name| {
            let rest = name.strip_prefix(folder);
            folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// Entries left out, and why.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        self.refused.iter().map(|(name, why)| (name.as_str(), why.as_str()))
    }

    /// What is wrong with the archive itself.
    pub(super) fn damage(&self) -> Option<&'static str> {
        self.is_cut
            .then_some("The archive is cut off or damaged; what could be found in it is opened")
    }
}

fn is_hidden_file(name: &str) -> bool {
    // `..` leads out of the archive and is to be named, not passed over
    safe(name).is_ok_and(|name| is_hidden(&name))
}

/// Whether what a record says can be so, and is bearable.
fn judge(record: &Record, order: usize, len: u64) -> Result<Entry, String> {
    let Record { flags, method, crc32, packed, size, offset, .. } = *record;
    let ratio = size / packed.max(1);
    if flags & ENCRYPTED != 0 {
        return Err("it is protected by a password: unpack the archive first".to_owned());
    }
    if !matches!(method, STORED | DEFLATED) {
        return Err(format!("it is packed by method {method}, which this build can't unpack"));
    }
    if size > SMALL && ratio > MAX_RATIO || method == STORED && size != packed {
        return Err(format!("it says it is {size} bytes, which {packed} bytes can't hold"));
    }
    if size > LARGE && ratio > MAX_LARGE_RATIO {
        let (all, from) = (size >> 20, packed >> 10);
        return Err(format!("it would swell from {from} KiB to {all} MiB, as a trap would"));
    }
    if size > MAX_ENTRY {
        let (all, most) = (size >> 20, MAX_ENTRY >> 20);
        return Err(format!(
            "it unpacks to {all} MiB, and {most} MiB are the most: unpack it first"
        ));
    }
    if offset.saturating_add(30).saturating_add(packed) > len {
        return Err("the archive ends before it does".to_owned());
    }
    Ok(Entry { is_deflated: method == DEFLATED, crc32, packed, size, offset, order })
}
