//! A picture as a file that leaves the program: PNG or JPEG, with a few words about what it is.

use std::{fs, path::Path};

use image::{ExtendedColorType, ImageEncoder as _, ImageResult, codecs::jpeg::JpegEncoder};

use super::display_image::{Channels, DisplayImage};

/// Fine enough that no block is seen.
const JPEG_QUALITY: u8 = 95;
/// The longest comment of a JPEG, with its two bytes of length.
const MAX_COMMENT: usize = 65_533;
/// The signature of a PNG and its header.
const PNG_HEADER: usize = 8 + 25;
/// The beginning of a JPEG and its JFIF header, after which comments may stand.
const JPEG_BEGIN: usize = 2;

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// Without loss.
    Png,
    /// Smaller, with loss.
    Jpeg,
}

impl PictureFormat {
    /// As the end of a file's name says; none for any other.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            _ => None,
        }
    }
}

/// Words in a picture's file, each with its keyword; they name nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PictureNotes(Vec<(&'static str, String)>);

impl PictureNotes {
    /// What every picture says: the program, and what it is for.
    #[must_use]
    pub fn new() -> Self {
        let software = concat!("Reading Room ", env!("CARGO_PKG_VERSION")).to_owned();
        let disclaimer = "Research use only, not for diagnosis".to_owned();
        Self(vec![("Software", software), ("Disclaimer", disclaimer)])
    }

    /// With another one, unless it is empty.
    #[must_use]
    pub fn with(mut self, keyword: &'static str, text: String) -> Self {
        if !text.is_empty() {
            self.0.push((keyword, text));
        }
        self
    }
}

impl DisplayImage {
    /// The bytes of a file of this format.
    ///
    /// # Errors
    /// When the picture is larger than the format allows.
    pub fn to_file(&self, format: PictureFormat, notes: &PictureNotes) -> ImageResult<Vec<u8>> {
        match format {
            PictureFormat::Png => {
                let mut png = self.to_png()?;
                let chunks: Vec<u8> =
                    notes.0.iter().flat_map(|(key, text)| chunk(key, text)).collect();
                png.splice(PNG_HEADER..PNG_HEADER, chunks);
                Ok(png)
            }
            PictureFormat::Jpeg => {
                let mut jpeg = Vec::new();
                let color = match self.channels {
                    Channels::Gray => ExtendedColorType::L8,
                    Channels::Rgb => ExtendedColorType::Rgb8,
                };
                let encoder = JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY);
                encoder.write_image(&self.pixels, self.width, self.height, color)?;
                let at = after_first_header(&jpeg);
                jpeg.splice(at..at, comment(notes));
                Ok(jpeg)
            }
        }
    }

    /// Writes the file; PNG where its name says nothing else.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, path: &Path, notes: &PictureNotes) -> ImageResult<()> {
        let format = PictureFormat::of(path).unwrap_or(PictureFormat::Png);
        Ok(fs::write(path, self.to_file(format, notes)?)?)
    }
}

/// A text chunk: Latin-1 where that suffices, else UTF-8 (PNG, 11.3.3).
fn chunk(keyword: &str, text: &str) -> Vec<u8> {
    let mut content = Vec::new();
    if text.is_ascii() {
        content.extend(b"tEXt");
        content.extend(keyword.as_bytes());
        content.push(0);
    } else {
        content.extend(b"iTXt");
        content.extend(keyword.as_bytes());
        // not compressed, no language, no translated keyword
        content.extend([0, 0, 0, 0, 0]);
    }
    content.extend(text.as_bytes());
    let length = u32::try_from(content.len() - 4).unwrap_or(u32::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    let sum = crc32fast::hash(&content);
    bytes.extend(content);
    bytes.extend(sum.to_be_bytes());
    bytes
}

/// All words as one comment.
fn comment(notes: &PictureNotes) -> Vec<u8> {
    let lines: Vec<String> = notes.0.iter().map(|(key, text)| format!("{key}: {text}")).collect();
    let mut text = lines.join("\n").into_bytes();
    text.truncate(MAX_COMMENT - 2);
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(u16::try_from(text.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(text);
    bytes
}

/// Behind the JFIF header, which comes first of all where there is one.
fn after_first_header(jpeg: &[u8]) -> usize {
    match jpeg.get(JPEG_BEGIN..JPEG_BEGIN + 4) {
        Some(&[0xFF, 0xE0, high, low]) => {
            JPEG_BEGIN + 2 + usize::from(u16::from_be_bytes([high, low]))
        }
        _ => JPEG_BEGIN,
    }
}
