//! Which weight files a kept file was made of, told without reading them whole.

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use crate::nn::kernels_of_this_processor;
use crate::vlm::conversion::Conversion;
use crate::vlm::parts::{PartKind, Parts};
use crate::vlm::weights::Plan;
use crate::vlm::weights_cache::ENDING;

/// Bytes read at the front of a file, where its list of tensors is, and at its end.
const EDGE: u64 = 64 << 10;

/// Further places of a file that are looked at, and bytes of each.
const SAMPLES: u64 = 16;
const SAMPLE: u64 = 4 << 10;

/// One a model, its tasks and its precision, so that files made of older weights are replaced.
pub(super) fn file_name(parts: &Parts, plan: &Plan, conversion: &Conversion) -> String {
    let mut hash = Sha256::new();
    for part in &parts.weights {
        hash.update(format!("{:?}\n", whole(&part.folder)));
    }
    hash_plan(&mut hash, plan, conversion);
    let own = parts.weights.iter().rfind(|part| part.kind != PartKind::Tower);
    let model = own.map(|part| whole(&part.folder)).unwrap_or_default();
    let model = model.file_name().map(|name| name.to_string_lossy().into_owned());
    let model: String = model
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .take(64)
        .collect();
    let key: String = hex(hash).chars().take(16).collect();
    format!("{model}-{}-{key}{ENDING}", conversion.precision.as_str())
}

/// Sizes, times and samples of all weight files, and what is made of them.
pub(super) fn of_files(
    parts: &Parts,
    plan: &Plan,
    conversion: &Conversion,
) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    for part in &parts.weights {
        hash.update(format!("{:?} {}\n", part.kind, part.prefix));
        for path in &part.files.present {
            hash_file(&mut hash, path)?;
        }
    }
    hash_plan(&mut hash, plan, conversion);
    Ok(hex(hash))
}

fn whole(folder: &Path) -> std::path::PathBuf {
    std::fs::canonicalize(folder).unwrap_or_else(|_error| folder.to_owned())
}

/// Every tensor and what becomes of it.
fn hash_plan(hash: &mut Sha256, plan: &Plan, conversion: &Conversion) {
    let order = if cfg!(target_endian = "little") { "little" } else { "big" };
    // other kernels round inputs otherwise: what was seen of the tower is true for these
    let kernels = kernels_of_this_processor();
    hash.update(format!("{:?} {order} {kernels}\n", conversion.device.kind()));
    for (name, expected) in &plan.expected {
        hash.update(format!("{name} {expected:?} {:?}\n", conversion.storage(name)));
    }
}

fn hash_file(hash: &mut Sha256, path: &Path) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let len = metadata.len();
    hash.update(format!("{:?} {len} {}\n", whole(path), times(&metadata)));
    let step = (len / SAMPLES).max(1);
    let samples = (1..SAMPLES).map(|at| (at * step, SAMPLE));
    for (start, count) in [(0, EDGE), (len.saturating_sub(EDGE), EDGE)].into_iter().chain(samples) {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        (&mut file).take(count).read_to_end(&mut bytes)?;
        hash.update(&bytes);
    }
    Ok(())
}

/// When it was written; where the system knows, also which file it is and when anything about it
/// was changed, which no program sets back.
fn times(metadata: &Metadata) -> String {
    let written = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.map_or(0, |time| time.as_nanos());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (seconds, part, file) = (metadata.ctime(), metadata.ctime_nsec(), metadata.ino());
        format!("{written} {seconds} {part} {file}")
    }
    #[cfg(not(unix))]
    {
        let made = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        format!("{written} {}", made.map_or(0, |time| time.as_nanos()))
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
