//! A DICOMDIR → the files it names, found on the disc or in the archive it lies in (PS3.10 8).

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{
    archive,
    dicom::{Directory, read_directory},
    open::{OpenWarning, few},
};

/// The standard has eight; some writers have more.
const MAX_COMPONENTS: usize = 32;

/// What was found of what is named.
pub(super) struct Named {
    pub(super) files: Vec<PathBuf>,
    pub(super) warnings: Vec<OpenWarning>,
}

/// The files a DICOMDIR names, in its order, or why it is of no use.
pub(super) fn read(path: &Path) -> Result<Named, String> {
    let Directory { references, fault } = read_directory(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut place = Place::new(folder, path);
    let mut named = Named { files: Vec::new(), warnings: Vec::new() };
    named.warnings.extend(fault.map(|fault| OpenWarning {
        path: path.to_owned(),
        message: format!("{fault}: {}", path.display()),
    }));
    let (mut missing, mut outside) = (Vec::new(), Vec::new());
    for reference in references {
        if !is_safe(&reference) {
            let what = "The DICOMDIR names a file outside its folder";
            outside.push(warning(what, folder, &reference));
            continue;
        }
        match place.find(&reference) {
            Some(file) => named.files.push(file),
            None => {
                missing.push(warning(
                    "The DICOMDIR names a file that is not there",
                    folder,
                    &reference,
                ));
            }
        }
    }
    named.warnings.extend(few(
        outside,
        path,
        "files that the DICOMDIR names lie outside its folder",
    ));
    named.warnings.extend(few(missing, path, "files that the DICOMDIR names are not there"));
    Ok(named)
}

fn warning(what: &str, folder: &Path, reference: &[String]) -> OpenWarning {
    let name = reference.join("/");
    let clean: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    // not joined as a path: an absolute one would take the folder's place
    let path = PathBuf::from(format!("{}/{clean}", folder.display()));
    let message = format!("{what}: {}", path.display());
    OpenWarning { path, message }
}

/// Names of folders and a file, and nothing that leads elsewhere.
fn is_safe(reference: &[String]) -> bool {
    let is_name = |part: &String| {
        !matches!(part.as_str(), "" | "." | "..")
            && !part.contains(['/', '\\', ':'])
            && !part.chars().any(char::is_control)
    };
    (1..=MAX_COMPONENTS).contains(&reference.len()) && reference.iter().all(is_name)
}

/// Where a DICOMDIR lies: names on discs often come in other cases.
enum Place {
    Folder {
        folder: PathBuf,
        /// Names in folders already looked into, by how they are compared.
        seen: HashMap<PathBuf, BTreeMap<String, OsString>>,
    },
    Archive {
        /// By how their names below the DICOMDIR's folder are compared.
        entries: BTreeMap<String, PathBuf>,
    },
}

impl Place {
    fn new(folder: &Path, path: &Path) -> Self {
        if path.exists() {
            return Self::Folder { folder: folder.to_owned(), seen: HashMap::new() };
        }
        let below = archive::split(path).and_then(|(archive, name)| {
            let inner = name.rsplit_once('/').map_or("", |(inner, _)| inner);
            archive::list(&archive, inner).ok()
        });
        let files = below.map(|listed| listed.files).unwrap_or_default();
        let key = |file: &PathBuf| {
            let rest = file.strip_prefix(folder).ok()?;
            let parts: Vec<String> = rest
                .components()
                .map(|part| compared(&part.as_os_str().to_string_lossy()))
                .collect();
            Some(parts.join("/"))
        };
        let entries = files.into_iter().filter_map(|file| Some((key(&file)?, file))).collect();
        Self::Archive { entries }
    }

    fn find(&mut self, reference: &[String]) -> Option<PathBuf> {
        match self {
            Self::Archive { entries } => {
                let parts: Vec<String> = reference.iter().map(|part| compared(part)).collect();
                entries.get(&parts.join("/")).cloned()
            }
            Self::Folder { folder, seen } => {
                let exact: PathBuf = std::iter::once(folder.as_path())
                    .chain(reference.iter().map(Path::new))
                    .collect();
                if exact.is_file() {
                    return Some(exact);
                }
                let mut at = folder.clone();
                for part in reference {
                    let names = seen.entry(at.clone()).or_insert_with(|| names_in(&at));
                    let name = names.get(&compared(part))?;
                    at.push(name);
                }
                at.is_file().then_some(at)
            }
        }
    }
}

fn names_in(folder: &Path) -> BTreeMap<String, OsString> {
    // at the root of what was named `.` stands for nothing
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| entry.file_name())
        .map(|name| (compared(&name.to_string_lossy()), name))
        .collect()
}

/// Without case, and without the version and the full stop that ISO 9660 adds.
fn compared(name: &str) -> String {
    let name = name.split_once(';').map_or(name, |(name, _)| name);
    name.trim_end_matches('.').to_uppercase()
}
