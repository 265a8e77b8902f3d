//! Pictures that questions name, decoded as the viewer decodes them.

use std::path::{Path, PathBuf};

use crate::cli::args::ImageArgs;
use crate::cli::images::{Decoder, render};
use crate::imaging::{DisplayImage, WindowChoice, is_there, parse_image_path};

/// 8-bit level of a picture that shows nothing.
const MID_GREY: u8 = 128;

/// Where pictures are looked for, and those of the last question.
pub(super) struct Pictures {
    decoder: Decoder,
    folders: Vec<PathBuf>,
    blind: bool,
    last: Vec<(PathBuf, DisplayImage)>,
}

impl Pictures {
    /// In the folder that was named, then beside the data file.
    pub(super) fn new(decoder: Decoder, named: Option<&Path>, data: &Path, blind: bool) -> Self {
        let beside = data.parent().map(Path::to_owned).unwrap_or_default();
        let folders = named.map(Path::to_owned).into_iter().chain([beside]).collect();
        Self { decoder, folders, blind, last: Vec::new() }
    }

    /// The file that a name in the data stands for; as in the first folder when there is none.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let paths: Vec<PathBuf> = self.folders.iter().map(|folder| folder.join(name)).collect();
        let there = paths.iter().find(|path| is_there(&parse_image_path(path).0));
        there.or(paths.first()).cloned().unwrap_or_default()
    }

    /// Decode the pictures of a question; those of the last one are not decoded again.
    pub(super) fn read(&mut self, paths: &[PathBuf]) -> anyhow::Result<Vec<DisplayImage>> {
        let mut read = Vec::with_capacity(paths.len());
        for path in paths {
            let known = self.last.iter().chain(&read).find(|(known, _)| known == path);
            let picture = match known {
                Some((_, picture)) => picture.clone(),
                None => self.decode(path)?,
            };
            read.push((path.clone(), picture));
        }
        self.last = read;
        Ok(self.last.iter().map(|(_, picture)| picture.clone()).collect())
    }

    fn decode(&self, path: &Path) -> anyhow::Result<DisplayImage> {
        let options = ImageArgs {
            window: WindowChoice::File,
            invert: false,
            crop: None,
            mark: None,
            erase: None,
        };
        let mut picture = render(&*self.decoder.read_frame(path)?, &options)?;
        if self.blind {
            picture.pixels.fill(MID_GREY);
        }
        Ok(picture)
    }
}
