//! Models as `inspect` describes them to a person.

use std::io::{self, Write};

use crate::vlm::{
    DeviceInfo, Fit, MemoryNeed, ModelSpec, PrecisionChoice, WeightsCache, gigabytes,
    likely_precision, why_this_precision,
};

use super::super::terminal::one_line;
use super::Described;

/// Where the second column begins.
const COLUMN: usize = 14;

pub(super) fn write_model(out: &mut impl Write, described: &Described) -> io::Result<()> {
    let spec = &described.spec;
    writeln!(out, "{} · {} ({})", one_line(&spec.name), spec.title, spec.family.as_str())?;
    line(out, "folder", &spec.path.display().to_string())?;
    line(out, "size", &size(spec))?;
    if spec.context_len > 0 {
        let text = format!(
            "{} tokens of context, {} for an image, at most {} images",
            spec.context_len, spec.image_tokens, spec.max_images
        );
        line(out, "reads", &text)?;
    }
    line(out, "abilities", &abilities(spec))?;
    if let Some(status) = spec.reconstruction_status() {
        line(out, "", &format!("reconstruction: {status}"))?;
    }
    line(out, "licence", spec.licence.as_deref().unwrap_or("its files state none"))?;
    write_parts(out, spec)?;
    for (idx, missing) in spec.missing.iter().enumerate() {
        line(out, if idx == 0 { "missing" } else { "" }, missing)?;
    }
    write_memory(out, described)?;
    writeln!(out)
}

fn write_parts(out: &mut impl Write, spec: &ModelSpec) -> io::Result<()> {
    let widest = spec.parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
    for (idx, part) in spec.parts.iter().enumerate() {
        // most lie in the folder itself
        let path = part.path.strip_prefix(&spec.path).unwrap_or(&part.path).display();
        let (size, name) = (gigabytes(part.bytes), &part.name);
        let text = format!("{size:>8}  {name:widest$}  {path}");
        line(out, if idx == 0 { "parts" } else { "" }, text.trim_end())?;
    }
    Ok(())
}

fn line(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:COLUMN$}{}", without_controls(text))
}

/// A file's name must not drive the terminal; columns stay.
fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn size(spec: &ModelSpec) -> String {
    let parameters = spec.parameters as f64;
    if spec.parameters == 0 {
        return "no weights were found".to_owned();
    }
    let words = if parameters >= 1e8 {
        format!("{:.2} billion parameters", parameters / 1e9)
    } else {
        format!("{:.2} million parameters", parameters / 1e6)
    };
    format!("{words}, {} on disk", gigabytes(spec.weights_bytes))
}

fn abilities(spec: &ModelSpec) -> String {
    if !spec.is_supported() {
        return "none: this family is not supported yet".to_owned();
    }
    let languages = spec.languages.join(", ");
    let several = if spec.abilities.several_images { ", several images at once" } else { "" };
    let when = if spec.abilities.questions { "" } else { " (once nothing is missing)" };
    format!("questions in {languages}{several}{when}")
}

fn write_memory(out: &mut impl Write, described: &Described) -> io::Result<()> {
    let Described { spec, device, context } = described;
    let needs = spec.memory_needs(*context, device);
    if needs.is_empty() {
        return line(out, "memory", "not known: its configuration cannot be read whole");
    }
    let room = device.room().unwrap_or_else(|| "whose memory is not known".to_owned());
    let text = format!("for {context} tokens; {}, {room}", one_line(&device.name));
    line(out, "memory", &text)?;
    for need in &needs {
        line(out, "", &need_text(need, device))?;
    }
    let auto = PrecisionChoice::Auto;
    if let Some(need) = likely_precision(auto, &needs, device) {
        let why = why_this_precision(auto, &needs, device);
        let text = why.unwrap_or_else(|| need.precision.as_str().to_owned());
        line(out, "", &format!("auto takes {text}"))?;
    }
    if let Some(cache) = WeightsCache::usual().filter(|cache| cache.bytes() > 0) {
        let (bytes, folder) = (gigabytes(cache.bytes()), cache.folder().display());
        line(out, "kept", &format!("{bytes} of converted weights, of all models, in {folder}"))?;
    }
    match &spec.memory {
        Some(plan) if device.has_own_memory() => {
            let size = gigabytes(plan.host_bytes);
            line(out, "", &format!("and {size} of this computer's memory for the embedding"))
        }
        _ => Ok(()),
    }
}

/// "f16   needs 17.1 GB (weights 15.9 GB, cache 0.5 GB, working 0.7 GB) of 24.0 GB: fits".
fn need_text(need: &MemoryNeed, device: &DeviceInfo) -> String {
    let name = need.precision.as_str();
    if !device.supports(need.precision) {
        return format!("{name:<6}not computed by this device");
    }
    let room = device.memory_bytes.map(|all| format!(" of {}", gigabytes(all)));
    let fit = match need.fit(device) {
        Some(Fit::Comfortable) => ": fits",
        Some(Fit::Tight) => ": fits, with little to spare",
        Some(Fit::TooLarge) => ": does not fit",
        None => "",
    };
    let (total, parts) = (gigabytes(need.total_bytes()), need.in_words());
    format!("{name:<6}needs {total}{} ({parts}){fit}", room.unwrap_or_default())
}
