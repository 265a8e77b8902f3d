//! JPEG 2000 through `OpenJPEG`, once the codestream's own header is known to be sound.

use jpeg2k::{DecodeParameters, Image};

use super::{super::error::Fault, Decoded, Expected};

/// Pixels that one byte can reasonably stand for.
const MAX_PIXELS_PER_BYTE: usize = 20_000;

/// Decode a codestream, bare or in a JP2 box.
pub(in super::super) fn decode(bytes: &[u8], expected: Expected) -> Result<Decoded, Fault> {
    let stream =
        codestream(bytes).ok_or_else(|| Fault::damaged("it does not begin as JPEG 2000"))?;
    let header = SizeHeader::read(stream).ok_or_else(|| Fault::damaged("its header is cut off"))?;
    header.check(&expected)?;
    if expected.samples() / MAX_PIXELS_PER_BYTE > stream.len() {
        return Err(Fault::damaged("far too few bytes for so many pixels"));
    }
    let miscounted = header.miscounts_tile_parts(stream);
    let strictly = if miscounted { None } else { open(stream, true) };
    let (image, whole) = match strictly {
        Some(image) => (image, true),
        None => match open(stream, false) {
            Some(image) => (image, miscounted && ends(stream)),
            None => return Err(Fault::damaged("JPEG 2000 can't be read")),
        },
    };
    let samples = interleaved(&image, &expected)?;
    let incomplete = (!whole).then(|| "shown in part: the compressed data end early".to_owned());
    // the component transform is undone by the decoder
    let is_rgb = header.has_transform(stream).then_some(true);
    Ok(Decoded { samples, is_rgb, incomplete })
}

/// Whether the end marker is there, padding aside.
fn ends(stream: &[u8]) -> bool {
    let padding = stream.iter().rev().take_while(|byte| **byte == 0).count();
    stream.get(..stream.len() - padding).is_some_and(|used| used.ends_with(&[0xFF, 0xD9]))
}

fn open(stream: &[u8], strict: bool) -> Option<Image> {
    Image::from_bytes_with(stream, DecodeParameters::new().strict(strict)).ok()
}

/// Skip the boxes of a JP2 file; some writers wrap the codestream.
fn codestream(bytes: &[u8]) -> Option<&[u8]> {
    const START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
    let at = bytes.windows(4).take(1 << 16).position(|window| window == START)?;
    bytes.get(at..)
}

fn interleaved(image: &Image, expected: &Expected) -> Result<Vec<u16>, Fault> {
    let components = image.components();
    // a damaged stream can leave a component without memory, which `data` would read all the same
    if components.iter().any(|component| format!("{component:?}").contains("data: 0x0,")) {
        return Err(Fault::damaged("a component is missing"));
    }
    let planes: Vec<&[i32]> = components.iter().map(jpeg2k::ImageComponent::data).collect();
    let pixels = expected.columns as usize * expected.rows as usize;
    if planes.len() != usize::from(expected.components)
        || planes.iter().any(|plane| plane.len() != pixels)
    {
        return Err(Fault::Mismatch("its components differ in size".to_owned()));
    }
    let mut samples = vec![0; expected.samples()];
    for (component, plane) in planes.iter().enumerate() {
        let slots = samples.iter_mut().skip(component).step_by(planes.len());
        slots.zip(plane.iter()).for_each(|(slot, value)| *slot = low_word(*value));
    }
    Ok(samples)
}

/// Two's complement of 16 bits.
fn low_word(value: i32) -> u16 {
    let [a, b, ..] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// SIZ (ISO 15444-1 A.5.1).
struct SizeHeader {
    size: (u32, u32),
    components: u16,
    bits: u16,
    uniform: bool,
    len: usize,
}

impl SizeHeader {
    fn read(stream: &[u8]) -> Option<Self> {
        let siz = stream.get(4..)?;
        let word = |at: usize| Some(u16::from_be_bytes(*siz.get(at..)?.first_chunk()?));
        let long = |at: usize| Some(u32::from_be_bytes(*siz.get(at..)?.first_chunk()?));
        let components = word(36)?;
        let parts = siz.get(38..38 + usize::from(components).checked_mul(3)?)?.as_chunks::<3>().0;
        let &[depth, ..] = parts.first()?;
        let tile = (long(20)?, long(24)?);
        Some(Self {
            size: (long(4)?.checked_sub(long(12)?)?, long(8)?.checked_sub(long(16)?)?),
            components,
            bits: u16::from(depth & 0x7F) + 1,
            uniform: parts.iter().all(|part| *part == [depth, 1, 1]) && tile.0 > 0 && tile.1 > 0,
            len: usize::from(word(0)?),
        })
    }

    fn check(&self, expected: &Expected) -> Result<(), Fault> {
        expected.check(self.size, self.components, self.bits)?;
        if !self.uniform {
            return Err(Fault::Unsupported("its JPEG 2000 components are subsampled".to_owned()));
        }
        Ok(())
    }

    /// Some writers count the parts of a tile one too low, which only the lenient decoder mends.
    fn miscounts_tile_parts(&self, stream: &[u8]) -> bool {
        let mut at = 4 + self.len;
        while let Some(&[0xFF, marker, high, low]) = stream.get(at..at + 4) {
            let mut step = 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            if marker == 0x90 {
                // SOT: tile, length of the part, its number, number of parts (A.4.2)
                let Some(&[_, _, a, b, c, d, part, parts]) =
                    stream.get(at + 4..).and_then(<[u8]>::first_chunk)
                else {
                    return false;
                };
                if parts != 0 && part >= parts {
                    return true;
                }
                step = u32::from_be_bytes([a, b, c, d]) as usize;
                if step < 12 {
                    return false;
                }
            }
            at += step;
        }
        false
    }

    /// COD says whether a component transform was applied (A.6.1).
    fn has_transform(&self, stream: &[u8]) -> bool {
        let mut at = 4 + self.len;
        while let Some(&[0xFF, marker, high, low]) = stream.get(at..at + 4) {
            match marker {
                0x52 => return stream.get(at + 8) == Some(&1),
                0x90 => return false,
                _ => at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2),
            }
        }
        false
    }
}
