//! The file's tables: modality LUT, VOI LUTs and windows, palettes.

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::{
        error::Fault,
        grayscale::{VoiChoice, VoiLut, VoiTable},
        modality_lut::ModalityLut,
        privacy::printable,
        window::{VoiLutFunction, Window},
    },
    functional_groups::{FRAME_VOI_LUT, FrameAttributes, PIXEL_VALUE_TRANSFORMATION},
    object::{items_of, number_of, numbers_of, text, words_of},
};

/// Modality LUT Sequence if it has data, else Rescale Slope and Intercept (PS3.3 C.11.1).
pub(super) fn modality_lut(
    object: &InMemDicomObject,
    attributes: &FrameAttributes<'_>,
    signed: bool,
) -> ModalityLut {
    let table = items_of(object, Tag(0x0028, 0x3000)).first().and_then(|item| lut(item, signed));
    if let Some(table) = table {
        return ModalityLut::Table(table);
    }
    let value = |tag: Tag| number_of(attributes.holder(PIXEL_VALUE_TRANSFORMATION, tag), tag);
    let slope = value(Tag(0x0028, 0x1053)).filter(|slope| *slope != 0.0);
    let intercept = value(Tag(0x0028, 0x1052));
    match (slope, intercept) {
        (None, None) => ModalityLut::IDENTITY,
        (slope, intercept) => ModalityLut::Rescale {
            slope: slope.unwrap_or(1.0),
            intercept: intercept.unwrap_or(0.0),
        },
    }
}

/// Rescale Type, where it names a unit.
pub(super) fn rescale_type(attributes: &FrameAttributes<'_>) -> Option<String> {
    let tag = Tag(0x0028, 0x1054);
    text(attributes.holder(PIXEL_VALUE_TRANSFORMATION, tag), tag)
        .and_then(|unit| printable(&unit))
        .filter(|unit| unit.len() <= 16 && unit != "US")
}

/// VOI LUTs first, then windows (PS3.3 C.11.2).
pub(super) fn voi_choices(
    object: &InMemDicomObject,
    attributes: &FrameAttributes<'_>,
    modality_is_signed: bool,
) -> Vec<VoiChoice> {
    let tables = items_of(object, Tag(0x0028, 0x3010)).iter().take(64).filter_map(|item| {
        let name = text(item, Tag(0x0028, 0x3003)).and_then(|name| printable(&name));
        Some((name, VoiLut::Table(lut(item, modality_is_signed)?)))
    });
    let center = Tag(0x0028, 0x1050);
    let holder = attributes.holder(FRAME_VOI_LUT, center);
    let function = text(holder, Tag(0x0028, 0x1056))
        .map_or_else(VoiLutFunction::default, |word| VoiLutFunction::parse(&word));
    let names: Vec<String> = holder
        .get(Tag(0x0028, 0x1055))
        .and_then(|element| element.value().primitive())
        .map(|value| value.to_multi_str().to_vec())
        .unwrap_or_default();
    let centers = numbers_of(holder, center);
    let widths = numbers_of(holder, Tag(0x0028, 0x1051));
    let windows = centers.into_iter().zip(widths).take(64).enumerate().filter_map(|(idx, pair)| {
        let window = Window { center: pair.0, width: pair.1, function };
        let name = names.get(idx).and_then(|name| printable(name));
        window.is_usable().then_some((name, VoiLut::Window(window)))
    });
    tables
        .chain(windows)
        .enumerate()
        .map(|(idx, (name, voi_lut))| VoiChoice {
            name: name.unwrap_or_else(|| format!("File {}", idx + 1)),
            voi_lut,
        })
        .collect()
}

/// LUT Descriptor and LUT Data of one item.
fn lut(item: &InMemDicomObject, signed: bool) -> Option<VoiTable> {
    let descriptor = numbers_of(item, Tag(0x0028, 0x3002));
    let (words, num_bytes) = words_of(item, Tag(0x0028, 0x3006))?;
    let (len, first, bits) = descriptor_parts(&descriptor, signed)?;
    let entries = table_entries(&words, num_bytes, len, bits);
    (!entries.is_empty()).then_some(VoiTable { first, entries, bits })
}

/// Number of entries (0 stands for 65536), first value mapped, bits of an entry.
fn descriptor_parts(descriptor: &[f64], signed: bool) -> Option<(usize, f64, u16)> {
    let [len, first, bits] = *descriptor.get(..3)? else { return None };
    let len = match word_from(if len < 0.0 { len + 65536.0 } else { len })? {
        0 => 65536,
        len => usize::from(len),
    };
    let first = if signed && first > 32767.0 { first - 65536.0 } else { first };
    let bits = word_from(bits).filter(|bits| (1..=16).contains(bits)).unwrap_or(16);
    Some((len, first, bits))
}

/// A number within 0..=65535 as a word.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked")]
fn word_from(value: f64) -> Option<u16> {
    (0.0..=65535.0).contains(&value).then_some(value as u16)
}

/// Entries of at most 8 bits may be packed two to a word (PS3.3 C.7.6.3.1.6).
fn table_entries(words: &[u16], num_bytes: usize, len: usize, bits: u16) -> Vec<u16> {
    if bits <= 8 && num_bytes < len.saturating_mul(2) {
        return words.iter().flat_map(|word| word.to_le_bytes()).map(u16::from).take(len).collect();
    }
    words.iter().copied().take(len).collect()
}

/// Stored value → colour.
pub(super) struct Palette {
    first: f64,
    colors: Vec<[u8; 3]>,
}

impl Palette {
    /// Palette Color Lookup Tables, plain or segmented (PS3.3 C.7.6.3.1.5, C.7.9.2).
    pub(super) fn read(object: &InMemDicomObject, signed: bool) -> Result<Self, Fault> {
        let missing = || Fault::Missing("palette".to_owned());
        let mut first = 0.0;
        let mut planes: Vec<Vec<u8>> = Vec::with_capacity(3);
        for element in [0x1101, 0x1102, 0x1103] {
            let descriptor = numbers_of(object, Tag(0x0028, element));
            let (len, start, bits) = descriptor_parts(&descriptor, signed).ok_or_else(missing)?;
            first = start;
            let plain = words_of(object, Tag(0x0028, element + 0x100)).filter(|data| data.1 > 0);
            let entries = match plain {
                Some((words, num_bytes)) => table_entries(&words, num_bytes, len, bits),
                None => {
                    let tag = Tag(0x0028, element + 0x120);
                    let (words, num_bytes) = words_of(object, tag).ok_or_else(missing)?;
                    let packed = bits <= 8;
                    let units =
                        if packed { table_entries(&words, num_bytes, num_bytes, 8) } else { words };
                    expand_segments(&units, len)?
                }
            };
            // 16-bit entries are scaled down, 8-bit ones are as they are
            let wide = bits > 8;
            let byte = |entry: u16| {
                let [low, high] = entry.to_le_bytes();
                if wide { high } else { low }
            };
            planes.push(entries.into_iter().map(byte).collect());
        }
        let [red, green, blue] = planes.as_slice() else { return Err(missing()) };
        let colors: Vec<_> =
            red.iter().zip(green).zip(blue).map(|((&r, &g), &b)| [r, g, b]).collect();
        if colors.is_empty() {
            return Err(missing());
        }
        Ok(Self { first, colors })
    }

    /// Colours of stored values; beyond both ends the nearest entry.
    pub(super) fn paint(&self, stored: impl Iterator<Item = f64>) -> Vec<u8> {
        let last = self.colors.len() - 1;
        stored
            .flat_map(|value| {
                let idx = word_from((value - self.first).clamp(0.0, 65535.0));
                let idx = usize::from(idx.unwrap_or(0)).min(last);
                self.colors.get(idx).copied().unwrap_or_default()
            })
            .collect()
    }
}

/// Segmented palettes (PS3.3 C.7.9.2.1): discrete runs, straight lines, and repeats.
fn expand_segments(units: &[u16], len: usize) -> Result<Vec<u16>, Fault> {
    let bad = || Fault::Damaged("its segmented palette does not add up".to_owned());
    let mut entries: Vec<u16> = Vec::new();
    let mut starts: Vec<usize> = Vec::new();
    let (mut at, mut resume): (usize, Option<(usize, u16)>) = (0, None);
    while entries.len() < len && at + 1 < units.len() {
        let unit = |idx: usize| units.get(idx).copied().ok_or_else(bad);
        let (opcode, count) = (unit(at)?, unit(at + 1)?);
        if resume.is_none() {
            starts.push(at);
        }
        match opcode {
            0 => {
                let run = units.get(at + 2..at + 2 + usize::from(count)).ok_or_else(bad)?;
                entries.extend_from_slice(run);
                at += 2 + usize::from(count);
            }
            1 => {
                let (from, to) = (entries.last().copied().ok_or_else(bad)?, unit(at + 2)?);
                entries.extend((1..=count).map(|step| between(from, to, step, count)));
                at += 3;
            }
            2 if resume.is_none() => {
                let offset = usize::from(unit(at + 2)?) | usize::from(unit(at + 3)?) << 16;
                let target = starts.iter().position(|start| *start == offset).ok_or_else(bad)?;
                resume = Some((at + 4, count));
                at = *starts.get(target).ok_or_else(bad)?;
                if count == 0 {
                    (at, resume) = (resume.map_or(at, |back| back.0), None);
                }
                continue;
            }
            _ => return Err(bad()),
        }
        if let Some((back, left)) = resume {
            resume = (left > 1).then_some((back, left - 1));
            if resume.is_none() {
                at = back;
            }
        }
    }
    entries.truncate(len);
    Ok(entries)
}

fn between(from: u16, to: u16, step: u16, steps: u16) -> u16 {
    let (from, to) = (f64::from(from), f64::from(to));
    let value = from + (to - from) * f64::from(step) / f64::from(steps.max(1));
    word_from(value.round()).unwrap_or(0)
}
