//! The sample study, part of the program, unpacked where the decode worker can read it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Name below the sample folder, and contents. Sources and licences: `assets/sample/README.md`.
const FILES: &[(&str, &[u8])] = &[
    ("ct-torso/01.dcm", include_bytes!("../../assets/sample/ct-torso/01.dcm")),
    ("ct-torso/02.dcm", include_bytes!("../../assets/sample/ct-torso/02.dcm")),
    ("ct-torso/03.dcm", include_bytes!("../../assets/sample/ct-torso/03.dcm")),
    ("ct-torso/04.dcm", include_bytes!("../../assets/sample/ct-torso/04.dcm")),
    ("ct-torso/05.dcm", include_bytes!("../../assets/sample/ct-torso/05.dcm")),
    ("ct-torso/06.dcm", include_bytes!("../../assets/sample/ct-torso/06.dcm")),
    ("ct-torso/07.dcm", include_bytes!("../../assets/sample/ct-torso/07.dcm")),
    ("ct-torso/08.dcm", include_bytes!("../../assets/sample/ct-torso/08.dcm")),
    ("ct-torso/09.dcm", include_bytes!("../../assets/sample/ct-torso/09.dcm")),
    ("ct-torso/10.dcm", include_bytes!("../../assets/sample/ct-torso/10.dcm")),
    ("ct-torso/11.dcm", include_bytes!("../../assets/sample/ct-torso/11.dcm")),
    ("ct-torso/12.dcm", include_bytes!("../../assets/sample/ct-torso/12.dcm")),
    ("ct-torso/13.dcm", include_bytes!("../../assets/sample/ct-torso/13.dcm")),
    ("ct-torso/14.dcm", include_bytes!("../../assets/sample/ct-torso/14.dcm")),
    ("ct-torso/15.dcm", include_bytes!("../../assets/sample/ct-torso/15.dcm")),
    ("ct-torso/16.dcm", include_bytes!("../../assets/sample/ct-torso/16.dcm")),
    ("ct-torso/17.dcm", include_bytes!("../../assets/sample/ct-torso/17.dcm")),
    ("ct-torso/18.dcm", include_bytes!("../../assets/sample/ct-torso/18.dcm")),
    ("ct-torso/19.dcm", include_bytes!("../../assets/sample/ct-torso/19.dcm")),
    ("ct-torso/20.dcm", include_bytes!("../../assets/sample/ct-torso/20.dcm")),
    ("chest-x-ray.png", include_bytes!("../../assets/sample/chest-x-ray.png")),
];

/// Write the sample study below `data_dir` unless it is there, and say where it is.
///
/// Writes three megabytes: not for the window's thread.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn unpack_sample(data_dir: &Path) -> io::Result<PathBuf> {
    let folder = data_dir.join("sample");
    for (name, bytes) in FILES {
        let path = folder.join(name);
        let is_whole = fs::metadata(&path).is_ok_and(|file| file.len() == bytes.len() as u64);
        if !is_whole {
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            fs::write(&path, bytes)?;
        }
    }
    Ok(folder)
}
