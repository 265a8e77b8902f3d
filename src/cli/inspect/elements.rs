//! `inspect --tags`: every element of the files named, values as they are.

use std::io::{Write as _, stdout};

use anyhow::{bail, ensure};
use serde::Serialize;

use crate::imaging::{
    Aspect, Contents, ElementFilter, ElementRow, FileElements, is_there, parse_image_path,
};

use super::{
    super::{args::InspectArgs, images::Decoder, terminal::one_line},
    text,
};

#[derive(Serialize)]
struct FileReport<'a> {
    path: String,
    elements: Vec<ElementReport<'a>>,
    left_out: usize,
}

#[derive(Serialize)]
struct ElementReport<'a> {
    depth: usize,
    tag: String,
    vr: &'a str,
    name: &'a str,
    keyword: &'a str,
    value: &'a str,
    length: Option<u64>,
    private: bool,
    /// Whether the de-identification profile would change it.
    identifying: bool,
}

pub(super) fn list_elements(args: &InspectArgs) -> anyhow::Result<()> {
    let decoder = Decoder::new(false);
    let mut found: Vec<(String, FileElements)> = Vec::new();
    for path in &args.paths {
        // a frame of a file has the file's elements
        let (path, _frame) = parse_image_path(path);
        ensure!(is_there(&path), "there is no such file: {}", path.display());
        ensure!(!path.is_dir(), "this is a folder: name files of it: {}", path.display());
        match decoder.read_contents(&path, Aspect::Elements)? {
            Contents::Elements(elements) => found.push((text(&path), elements)),
            _ => bail!("the image decoder gave no elements of {}", path.display()),
        }
    }
    let search = args.search.clone().unwrap_or_default();
    let filter = ElementFilter { search, private: true, privacy: false };
    let shown = |elements: &'_ FileElements| -> Vec<usize> { elements.shown(&filter) };
    let mut out = stdout().lock();
    if args.json {
        let reports: Vec<FileReport<'_>> = found
            .iter()
            .map(|(path, elements)| FileReport {
                path: path.clone(),
                elements: rows(elements, &shown(elements)).map(report).collect(),
                left_out: elements.left_out,
            })
            .collect();
        serde_json::to_writer(&mut out, &serde_json::json!({ "files": reports }))?;
        writeln!(out)?;
        return Ok(());
    }
    for (path, elements) in &found {
        if found.len() > 1 {
            writeln!(out, "{path}")?;
        }
        for row in rows(elements, &shown(elements)) {
            let indent = "  ".repeat(row.depth);
            writeln!(out, "{indent}{}", one_line(&row.line(false)))?;
        }
        if elements.left_out > 0 {
            writeln!(out, "{} more elements are left out", elements.left_out)?;
        }
    }
    Ok(())
}

fn rows<'a>(
    elements: &'a FileElements,
    shown: &[usize],
) -> impl Iterator<Item = &'a ElementRow> + use<'a> {
    let chosen: Vec<&ElementRow> = shown.iter().filter_map(|idx| elements.rows.get(*idx)).collect();
    chosen.into_iter()
}

fn report(row: &ElementRow) -> ElementReport<'_> {
    ElementReport {
        depth: row.depth,
        tag: row.number_text(),
        vr: &row.vr,
        name: &row.name,
        keyword: &row.keyword,
        value: &row.value,
        length: row.length,
        private: row.is_private,
        identifying: row.identifies,
    }
}
