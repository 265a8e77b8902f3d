//! `inspect --extract`: the document inside a DICOM file, written as a file of its own.

use std::{
    fs::File,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use crate::imaging::{Aspect, Contents, is_there};

use super::super::images::Decoder;

pub(super) fn extract(paths: &[PathBuf], to: &Path, json: bool) -> anyhow::Result<()> {
    let [from] = paths else {
        bail!("--extract takes one DICOM file, and {} are named", paths.len())
    };
    ensure!(is_there(from), "there is no such file: {}", from.display());
    ensure!(!from.is_dir(), "this is a folder: name one file of it: {}", from.display());
    let Contents::Embedded(bytes) = Decoder::new(false).read_contents(from, Aspect::Embedded)?
    else {
        bail!("the image decoder gave no document of {}", from.display());
    };
    let mut file = File::create_new(to)
        .with_context(|| format!("the document can't be written to {}", to.display()))?;
    file.write_all(&bytes)?;
    let mut out = stdout().lock();
    if json {
        let report = serde_json::json!({ "path": to.display().to_string(), "bytes": bytes.len() });
        writeln!(out, "{report}")?;
    } else {
        writeln!(out, "{} bytes written to {}", bytes.len(), to.display())?;
    }
    Ok(())
}
