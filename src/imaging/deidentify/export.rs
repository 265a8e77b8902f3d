//! Files in, cleaned files out.

use std::{
    collections::BTreeSet,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use dicom_core::{Tag, VR};
use tempfile::NamedTempFile;

use super::{
    super::{
        dicom::{Element, WholeFile, find},
        error::{Fault, OpenError},
        open::{OpenProgress, OpenWarning},
        raster,
        walk::{Found, find_files},
    },
    Deidentified, DeidentifyError, DeidentifyOptions, SeriesWarning,
    clean::clean,
    doubts::{burned_in, shows_a_face},
    names::Names,
    refuse::{is_directory, refuse},
    stamp::{put, stamp},
    uids::UidMap,
};

const SOP_INSTANCE_UID: Tag = Tag(0x0008, 0x0018);

/// Write the DICOM files among these paths, cleaned, into a new or an empty folder.
///
/// A file that cannot be cleaned is left out and listed; the others are written all the same.
///
/// # Errors
/// When nothing can be read, when the folder holds something or cannot be written to, or when
/// `progress` breaks off; what was written until then stays.
pub fn deidentify(
    paths: &[PathBuf],
    out: &Path,
    options: &DeidentifyOptions,
    progress: &mut dyn FnMut(OpenProgress) -> ControlFlow<()>,
) -> Result<Deidentified, DeidentifyError> {
    let found = find_files(paths, &mut |_| false)?;
    let is_single = found.is_one_of(paths);
    let Found { files, warnings: unreadable, .. } = found;
    let mut export = Export {
        out,
        options,
        uids: UidMap::new()?,
        names: Names::default(),
        warnings: BTreeSet::new(),
        done: Deidentified { refused: unreadable, ..Deidentified::default() },
    };
    let made = new_folder(out)?;
    let worked = files.iter().enumerate().try_for_each(|(files_done, path)| {
        if progress(OpenProgress { files_done, files_total: files.len() }).is_break() {
            return Err(OpenError::Cancelled.into());
        }
        export.file(path, is_single)
    });
    if made && export.done.written.is_empty() {
        // gone again; it stays when something else has come into it meanwhile
        fs::remove_dir(out).ok();
    }
    worked?;
    let Export { mut done, warnings, .. } = export;
    if done.written.is_empty() && done.refused.is_empty() {
        return Err(DeidentifyError::NothingToDo);
    }
    done.warnings = warnings.into_iter().collect();
    Ok(done)
}

/// Make the folder, unless it is there and empty; whether it was made.
fn new_folder(out: &Path) -> Result<bool, DeidentifyError> {
    let unwritable = |error: &io::Error| unwritable(error, out);
    match fs::read_dir(out) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(DeidentifyError::NotEmpty { path: out.to_owned() }),
            None => Ok(false),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(out).map_err(|error| unwritable(&error))?;
            Ok(true)
        }
        Err(error) => Err(unwritable(&error)),
    }
}

fn unwritable(error: &io::Error, out: &Path) -> DeidentifyError {
    DeidentifyError::Unwritable { reason: error.kind().to_string(), path: out.to_owned() }
}

struct Export<'a> {
    out: &'a Path,
    options: &'a DeidentifyOptions,
    uids: UidMap,
    names: Names,
    warnings: BTreeSet<SeriesWarning>,
    done: Deidentified,
}

impl Export<'_> {
    fn file(&mut self, path: &Path, is_single: bool) -> Result<(), DeidentifyError> {
        match read(path, self.options) {
            Ok(Some(file)) => self.write(file),
            Ok(None) => {
                self.done.skipped += 1;
                Ok(())
            }
            Err(error) if is_single => Err(error.into()),
            Err(error) => {
                let message = error.to_string();
                self.done.refused.push(OpenWarning { path: path.to_owned(), message });
                Ok(())
            }
        }
    }

    fn write(&mut self, mut file: WholeFile) -> Result<(), DeidentifyError> {
        let folder = self.names.folder(&file.elements);
        self.warn(&folder, &file);
        if find(&file.elements, SOP_INSTANCE_UID).is_none_or(|uid| uid.text().is_empty()) {
            // a file must have one; this one is of its place
            let place = self.uids.new_uid(&format!("file {}", self.done.written.len()));
            put(&mut file.elements, Element::new(SOP_INSTANCE_UID, VR::UI, place));
        }
        file.elements = clean(std::mem::take(&mut file.elements), self.options, &self.uids);
        let has_pixels = file.pixels.is_some();
        stamp(&mut file.elements, self.options, has_pixels);
        let target = self.out.join(self.names.file(&folder));
        write_new(&file, &target).map_err(|error| unwritable(&error, self.out))?;
        self.done.written.push(target);
        Ok(())
    }

    fn warn(&mut self, folder: &str, file: &WholeFile) {
        let mut add = |message: &str| {
            let (series, message) = (folder.to_owned(), message.to_owned());
            self.warnings.insert(SeriesWarning { series, message });
        };
        if self.options.blackout.is_empty() {
            burned_in(file).into_iter().for_each(&mut add);
        } else if file.pixels.is_some() {
            add("has the given rectangles black and nothing else: look at every picture");
        }
        if shows_a_face(file) {
            add("may show a face when its slices are put together");
        }
    }
}

/// Read a file that can be cleaned; `None` for one that is no DICOM object.
fn read(path: &Path, options: &DeidentifyOptions) -> Result<Option<WholeFile>, OpenError> {
    if raster::format_of_file(path)?.is_some() {
        return Ok(None);
    }
    let mut file = match WholeFile::open(path) {
        Err(OpenError::Picture { fault: Fault::NotAPicture, .. }) => return Ok(None),
        file => file?,
    };
    if is_directory(&file) {
        return Ok(None);
    }
    refuse(&file).map_err(|fault| fault.at(path))?;
    let doubt = burned_in(&file).filter(|_| options.strict && options.blackout.is_empty());
    if let Some(doubt) = doubt {
        return Err(Fault::NotDeidentified(format!("it {doubt}")).at(path));
    }
    file.black_out(&options.blackout).map_err(|fault| fault.at(path))?;
    Ok(Some(file))
}

/// Write a file whole or not at all, and never over another.
fn write_new(file: &WholeFile, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = NamedTempFile::new_in(folder)?;
    let mut out = io::BufWriter::new(temporary);
    file.write(&mut out)?;
    let temporary = out.into_inner()?;
    temporary.as_file().sync_all()?;
    temporary.persist_noclobber(target)?;
    Ok(())
}
