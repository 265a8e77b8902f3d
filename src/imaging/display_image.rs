//! The 8-bit picture that the reader and the model both see.

use std::{
    io::{BufWriter, Cursor, Write},
    path::Path,
};

use image::{
    ColorType, ExtendedColorType, ImageEncoder as _, ImageFormat, ImageReader, ImageResult,
    codecs::png::PngEncoder,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::raster::limits;

/// How many samples a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channels {
    /// One grey sample.
    Gray,
    /// Red, green, blue.
    Rgb,
}

impl Channels {
    /// Samples per pixel.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// The end of the pixel pipeline: 8 bits a sample, rows from the top, no padding between rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayImage {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Grey or colour.
    pub channels: Channels,
    /// `[height, width, channels]`.
    pub pixels: Vec<u8>,
}

impl DisplayImage {
    /// The same picture with three samples a pixel, grey copied three times.
    #[must_use]
    pub fn to_rgb8(&self) -> Vec<u8> {
        match self.channels {
            Channels::Rgb => self.pixels.clone(),
            Channels::Gray => self.pixels.iter().flat_map(|&v| [v, v, v]).collect(),
        }
    }

    /// The part of the picture inside a rectangle; `None` when it is empty or reaches outside.
    #[must_use]
    pub fn crop(&self, x: u32, y: u32, width: u32, height: u32) -> Option<Self> {
        let inside = x.checked_add(width)? <= self.width && y.checked_add(height)? <= self.height;
        if !inside || width == 0 || height == 0 {
            return None;
        }
        let samples = self.channels.count();
        let row_len = self.width as usize * samples;
        let (from, len) = (x as usize * samples, width as usize * samples);
        let rows = self.pixels.chunks_exact(row_len).skip(y as usize).take(height as usize);
        let pixels = rows.flat_map(|row| &row[from..from + len]).copied().collect();
        Some(Self { width, height, channels: self.channels, pixels })
    }

    /// A smaller copy whose longer side is at most `side`, for thumbnails; never larger.
    #[must_use]
    pub fn resized_to_fit(&self, side: u32) -> Self {
        let longer = self.width.max(self.height);
        if longer <= side || side == 0 {
            return self.clone();
        }
        let scaled = |len: u32| {
            u32::try_from(u64::from(len) * u64::from(side) / u64::from(longer))
                .unwrap_or(side)
                .max(1)
        };
        let (width, height) = (scaled(self.width), scaled(self.height));
        let filter = image::imageops::FilterType::Triangle;
        let pixels = match self.channels {
            Channels::Gray => {
                image::GrayImage::from_raw(self.width, self.height, self.pixels.clone()).map(
                    |picture| image::imageops::resize(&picture, width, height, filter).into_raw(),
                )
            }
            Channels::Rgb => {
                image::RgbImage::from_raw(self.width, self.height, self.pixels.clone()).map(
                    |picture| image::imageops::resize(&picture, width, height, filter).into_raw(),
                )
            }
        };
        let Some(pixels) = pixels else { return self.clone() };
        Self { width, height, channels: self.channels, pixels }
    }

    /// SHA-256 of the raw samples, lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.pixels).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Write an 8-bit PNG without metadata.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_png(&self, path: &Path) -> ImageResult<()> {
        self.encode_png(BufWriter::new(std::fs::File::create(path)?))
    }

    /// The same PNG in memory.
    ///
    /// # Errors
    /// When the number of samples is not that of the size.
    pub fn to_png(&self) -> ImageResult<Vec<u8>> {
        let mut png = Vec::new();
        self.encode_png(&mut png)?;
        Ok(png)
    }

    fn encode_png(&self, out: impl Write) -> ImageResult<()> {
        let color: ExtendedColorType = match self.channels {
            Channels::Gray => ColorType::L8,
            Channels::Rgb => ColorType::Rgb8,
        }
        .into();
        PngEncoder::new(out).write_image(&self.pixels, self.width, self.height, color)
    }

    /// A picture as [`Self::to_png`] wrote it; other PNGs become 8-bit RGB.
    ///
    /// # Errors
    /// When the bytes are no PNG of bearable size.
    pub fn from_png(png: &[u8]) -> ImageResult<Self> {
        let mut reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
        reader.limits(limits());
        let picture = reader.decode()?;
        let (width, height) = (picture.width(), picture.height());
        Ok(match picture {
            image::DynamicImage::ImageLuma8(gray) => {
                Self { width, height, channels: Channels::Gray, pixels: gray.into_raw() }
            }
            other => {
                let pixels = other.into_rgb8().into_raw();
                Self { width, height, channels: Channels::Rgb, pixels }
            }
        })
    }
}
