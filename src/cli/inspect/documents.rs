//! Reports and other documents as `inspect` prints them; what identifies is hidden unless asked for.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::imaging::{
    Aspect, Contents, Document, DocumentKind, DocumentLine, Embedded, LineKind, Opened,
};

use super::{
    super::{
        images::Decoder,
        terminal::{one_line, warn},
    },
    text,
};

/// Documents printed at once.
const MOST: usize = 100;

/// A document and the file it is in.
#[derive(Serialize)]
pub(super) struct DocumentReport {
    path: String,
    kind: &'static str,
    title: String,
    facts: Vec<LineReport>,
    lines: Vec<LineReport>,
    /// Images and other objects that it refers to.
    references: usize,
    left_out: usize,
    embedded: Option<Embedded>,
}

#[derive(Serialize)]
struct LineReport {
    depth: usize,
    heading: bool,
    name: String,
    value: String,
}

/// Documents among the files named; those in folders are counted among the studies alone.
pub(super) fn document_reports(
    decoder: &Decoder,
    opened: &Opened,
    named: &[PathBuf],
    hides: bool,
) -> Vec<DocumentReport> {
    let series = opened.studies.iter().flat_map(|study| &study.series);
    let instances = series.flat_map(|series| &series.instances);
    let documents = instances.filter(|instance| {
        named.contains(&instance.path) && DocumentKind::of(&instance.sop_class_uid).is_some()
    });
    let read = |path: &Path| match decoder.read_contents(path, Aspect::Document) {
        Ok(Contents::Document(document)) => Some(report(path, &document, hides)),
        Ok(_) => None,
        Err(error) => {
            warn(&error.to_string());
            None
        }
    };
    documents.take(MOST).filter_map(|instance| read(&instance.path)).collect()
}

fn report(path: &Path, document: &Document, hides: bool) -> DocumentReport {
    let line = |line: &DocumentLine| LineReport {
        depth: line.depth,
        heading: line.kind == LineKind::Heading,
        name: line.name.clone(),
        value: line.shown_value(hides).to_owned(),
    };
    DocumentReport {
        path: text(path),
        kind: document.kind.name(),
        title: document.title.shown_value(hides).to_owned(),
        facts: document.facts.iter().map(line).collect(),
        lines: document.lines.iter().map(line).collect(),
        references: document.references.len(),
        left_out: document.left_out,
        embedded: document.embedded.clone(),
    }
}

pub(super) fn write_document(
    out: &mut impl Write,
    document: &DocumentReport,
) -> anyhow::Result<()> {
    let title = if document.title.is_empty() { "no title" } else { &document.title };
    writeln!(out, "{}: {}", document.kind, one_line(title))?;
    if let Some(embedded) = &document.embedded {
        let Embedded { media_type, bytes } = embedded;
        writeln!(out, "  {} of {bytes} bytes: --extract FILE writes it", one_line(media_type))?;
    }
    for line in document.facts.iter().chain(&document.lines) {
        let indent = "  ".repeat(line.depth + 1);
        let (name, value) = (one_line(&line.name), one_line(&line.value));
        let colon = if name.is_empty() || value.is_empty() { "" } else { ": " };
        writeln!(out, "{indent}{name}{colon}{value}")?;
    }
    if document.references > 0 {
        writeln!(out, "  refers to {} images or objects", document.references)?;
    }
    if document.left_out > 0 {
        writeln!(out, "  {} more lines", document.left_out)?;
    }
    Ok(())
}
