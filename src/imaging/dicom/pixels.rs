//! The bytes of a frame → stored values: decompress, unpack, mask, sign, colour.

use super::{
    super::{
        codec::{self, Decoded, Expected},
        error::Fault,
        samples::Samples,
    },
    color::{interleave, rgb_from_ybr, upsample_422},
    file::DicomFile,
    header::{Photometric, PixelDescription},
    luts::Palette,
    pixel_data::{FrameBytes, encapsulated_frame, native_frame},
    transfer_syntax::Codec,
};

/// Samples as they come out of the file or a codec, one pixel after the other.
enum Raw {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    Longs(Vec<u32>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
}

/// Stored values of one frame and what is missing of it.
pub(super) struct DecodedFrame {
    pub(super) samples: Samples,
    pub(super) incomplete: Option<String>,
}

/// Raw samples and what is known about them.
struct RawFrame {
    raw: Raw,
    /// What a colour codestream says of itself, where it contradicts the header.
    photometric: Photometric,
    incomplete: Option<String>,
}

/// Decode one frame, counted from 0.
pub(super) fn decode_frame(
    file: &mut DicomFile,
    description: &PixelDescription,
    frame_idx: u32,
) -> Result<DecodedFrame, Fault> {
    let pixels = file.pixels.ok_or(Fault::Truncated)?;
    let frame = if description.codec == Codec::Native {
        let bytes = native_frame(file, pixels, description, frame_idx)?;
        native(file, description, bytes)
    } else {
        let bytes = encapsulated_frame(file, pixels, description, frame_idx)?;
        match description.codec {
            Codec::Rle => rle(description, &bytes)?,
            Codec::DeflatedFrame => deflated(file, description, &bytes)?,
            _ => compressed(file, description, &bytes)?,
        }
    };
    let RawFrame { raw, photometric, incomplete } = frame;
    let samples = match photometric {
        Photometric::Gray => gray(raw, description),
        Photometric::Palette => {
            let palette = Palette::read(&file.object, description.signed)?;
            Samples::Rgb8(palette.paint(gray(raw, description).values()))
        }
        color => {
            let mut bytes = eight_bits(raw, description.bits_stored);
            rgb_from_ybr(color, &mut bytes);
            Samples::Rgb8(bytes)
        }
    };
    Ok(DecodedFrame { samples, incomplete })
}

/// Uncompressed pixels, padded with zeros where the file ends early.
fn native(file: &DicomFile, description: &PixelDescription, frame: FrameBytes) -> RawFrame {
    let FrameBytes { mut bytes, first_bit, cut } = frame;
    let incomplete = cut.then(|| {
        let row_bits = (description.native_frame_bits() / u64::from(description.rows)).max(1);
        let rows = (bytes.len() as u64 * 8 / row_bits).min(description.rows.into());
        format!("shown as far as the file goes: {rows} of {} rows", description.rows)
    });
    let bits = description.native_frame_bits() + u64::from(first_bit);
    bytes.resize(usize::try_from(bits.div_ceil(8)).unwrap_or(0), 0);
    let big_endian = file.form.big_endian;
    let raw = match (description.bits_allocated, description.float) {
        (1, _) => Raw::Bytes(bits_of(&bytes, first_bit, description.pixels())),
        (8, _) => Raw::Bytes(bytes),
        (16, _) => Raw::Words(words(&bytes, big_endian, u16::from_le_bytes)),
        (32, false) => Raw::Longs(words(&bytes, big_endian, u32::from_le_bytes)),
        (32, true) => Raw::Floats(words(&bytes, big_endian, f32::from_le_bytes)),
        _ => Raw::Doubles(words(&bytes, big_endian, f64::from_le_bytes)),
    };
    let subsampled = description.photometric == Photometric::YbrFull422
        || description.photometric == Photometric::YbrPartial;
    let raw = match raw {
        Raw::Bytes(bytes) if subsampled => Raw::Bytes(upsample_422(
            &bytes,
            description.rows as usize,
            description.columns as usize,
        )),
        raw if description.planar => deinterleaved(raw, description),
        raw => raw,
    };
    RawFrame { raw, photometric: description.photometric, incomplete }
}

/// Planar Configuration 1 → 0.
fn deinterleaved(raw: Raw, description: &PixelDescription) -> Raw {
    let planes = usize::from(description.samples_per_pixel);
    match raw {
        Raw::Bytes(v) => Raw::Bytes(interleave(&v, planes)),
        Raw::Words(v) => Raw::Words(interleave(&v, planes)),
        Raw::Longs(v) => Raw::Longs(interleave(&v, planes)),
        float => float,
    }
}

fn rle(description: &PixelDescription, frame: &FrameBytes) -> Result<RawFrame, Fault> {
    let pixels = usize::try_from(description.pixels()).unwrap_or(usize::MAX);
    let samples = usize::from(description.samples_per_pixel);
    let (raw, missing) = if description.bits_allocated == 1 {
        let (packed, missing) = codec::rle::decode(&frame.bytes, pixels.div_ceil(8), 1, 1)?;
        (Raw::Bytes(bits_of(&packed, 0, description.pixels())), missing)
    } else {
        let width = usize::from(description.bits_allocated / 8);
        let (bytes, missing) = codec::rle::decode(&frame.bytes, pixels, samples, width)?;
        let raw = match width {
            1 => Raw::Bytes(bytes),
            2 => Raw::Words(words(&bytes, false, u16::from_le_bytes)),
            _ => Raw::Longs(words(&bytes, false, u32::from_le_bytes)),
        };
        (raw, missing)
    };
    let incomplete = missing.then(|| partial("the compressed data end early"));
    Ok(RawFrame { raw, photometric: description.photometric, incomplete })
}

fn deflated(
    file: &DicomFile,
    description: &PixelDescription,
    frame: &FrameBytes,
) -> Result<RawFrame, Fault> {
    use std::io::Read as _;
    let bytes_wanted = description.native_frame_bits().div_ceil(8);
    let mut bytes = Vec::new();
    let inflate = flate2::read::DeflateDecoder::new(frame.bytes.as_slice());
    if inflate.take(bytes_wanted).read_to_end(&mut bytes).is_err() && bytes.is_empty() {
        return Err(Fault::damaged("the deflated frame can't be read"));
    }
    let cut = (bytes.len() as u64) < bytes_wanted;
    Ok(native(file, description, FrameBytes { bytes, first_bit: 0, cut }))
}

fn compressed(
    file: &DicomFile,
    description: &PixelDescription,
    frame: &FrameBytes,
) -> Result<RawFrame, Fault> {
    let expected = Expected {
        columns: description.columns,
        rows: description.rows,
        components: description.samples_per_pixel,
        max_bits: description.bits_allocated.max(8),
    };
    let decoded = match description.codec {
        Codec::JpegLs => codec::jpeg_ls::decode(&frame.bytes, expected)?,
        Codec::Jpeg2000 => codec::jpeg2000::decode(&frame.bytes, expected)?,
        _ => codec::jpeg::decode(&frame.bytes, expected, &file.transfer_syntax)?,
    };
    let Decoded { samples, is_rgb, incomplete } = decoded;
    let photometric = match (description.photometric, is_rgb) {
        (Photometric::Gray, _) => Photometric::Gray,
        (Photometric::Palette, _) => Photometric::Palette,
        (_, Some(true)) => Photometric::Rgb,
        (Photometric::Rgb, Some(false)) => Photometric::YbrFull,
        // subsampling was undone by the codec
        (Photometric::YbrFull422, _) => Photometric::YbrFull,
        (labelled, _) => labelled,
    };
    let incomplete = match incomplete {
        None if frame.cut => Some(partial("the file ends early")),
        said => said,
    };
    Ok(RawFrame { raw: Raw::Words(samples), photometric, incomplete })
}

fn partial(why: &str) -> String {
    format!("shown in part: {why}")
}

/// One bit a pixel, the lowest bit first (PS3.5 8.1.1).
fn bits_of(bytes: &[u8], first_bit: u32, pixels: u64) -> Vec<u8> {
    let bits = bytes.iter().flat_map(|&byte| (0..8).map(move |bit| byte >> bit & 1));
    let pixels = usize::try_from(pixels).unwrap_or(usize::MAX);
    bits.skip(first_bit as usize).take(pixels).collect()
}

fn words<const N: usize, T>(bytes: &[u8], big_endian: bool, from_le: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _rest) = bytes.as_chunks::<N>();
    if big_endian {
        let reversed = |chunk: &[u8; N]| {
            let mut chunk = *chunk;
            chunk.reverse();
            from_le(chunk)
        };
        return chunks.iter().map(reversed).collect();
    }
    chunks.iter().map(|chunk| from_le(*chunk)).collect()
}

/// Mask to Bits Stored below High Bit and extend the sign (PS3.5 8.1.1).
fn gray(raw: Raw, description: &PixelDescription) -> Samples {
    let bits = description.bits_stored;
    let shift = description.high_bit + 1 - bits;
    let signed = description.signed;
    match raw {
        Raw::Bytes(v) if !signed && bits >= 8 => Samples::U8(v),
        Raw::Bytes(v) if !signed => {
            let mask = (1_u16 << bits) - 1;
            Samples::U8(v.iter().map(|&v| low_byte((u16::from(v) >> shift) & mask)).collect())
        }
        Raw::Bytes(v) => {
            Samples::I16(v.iter().map(|&v| sign_16(u16::from(v) >> shift, bits.min(8))).collect())
        }
        Raw::Words(v) if signed => {
            Samples::I16(v.iter().map(|&v| sign_16(v >> shift, bits.min(16))).collect())
        }
        Raw::Words(v) if bits >= 16 => Samples::U16(v),
        Raw::Words(mut v) => {
            let mask = (1_u16 << bits) - 1;
            v.iter_mut().for_each(|v| *v = (*v >> shift) & mask);
            Samples::U16(v)
        }
        Raw::Longs(v) if signed => {
            let unused = 32 - u32::from(bits.min(32));
            let extend = |v: u32| ((v >> shift) << unused).cast_signed() >> unused;
            Samples::I32(v.into_iter().map(extend).collect())
        }
        Raw::Longs(mut v) => {
            if bits < 32 {
                let mask = (1_u32 << bits) - 1;
                v.iter_mut().for_each(|v| *v = (*v >> shift) & mask);
            }
            Samples::U32(v)
        }
        Raw::Floats(v) => Samples::F32(v),
        Raw::Doubles(v) => Samples::F64(v),
    }
}

fn sign_16(value: u16, bits: u16) -> i16 {
    let unused = 16 - bits;
    (value << unused).cast_signed() >> unused
}

fn low_byte(word: u16) -> u8 {
    word.to_le_bytes()[0]
}

/// Colour samples scaled to 8 bits: the highest eight of those stored.
fn eight_bits(raw: Raw, bits_stored: u16) -> Vec<u8> {
    let shift = bits_stored.saturating_sub(8);
    match raw {
        Raw::Bytes(v) => v,
        Raw::Words(v) => v.into_iter().map(|v| low_byte(v >> shift)).collect(),
        Raw::Longs(v) => v.into_iter().map(|v| (v >> shift).to_le_bytes()[0]).collect(),
        Raw::Floats(_) | Raw::Doubles(_) => Vec::new(),
    }
}
