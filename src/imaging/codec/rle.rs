//! RLE Lossless: byte planes packed by `PackBits` (PS3.5 annex G).

use super::super::error::Fault;

/// Unpack a frame into little-endian samples, pixel after pixel. The second value tells whether
/// the data ended early; what is missing is zero.
pub(in super::super) fn decode(
    frame: &[u8],
    pixels: usize,
    samples: usize,
    width: usize,
) -> Result<(Vec<u8>, bool), Fault> {
    let (words, _rest) = frame.get(..64).unwrap_or_default().as_chunks::<4>();
    let mut offsets = words.iter().map(|word| u32::from_le_bytes(*word) as usize);
    let segments = offsets.next().ok_or_else(|| Fault::damaged("its RLE header is cut off"))?;
    if segments != samples * width {
        return Err(Fault::Mismatch(format!(
            "{segments} RLE segments instead of {}",
            samples * width
        )));
    }
    // PackBits can't do better than 128 bytes from 2
    if frame.len().saturating_mul(64) < pixels * segments / 64 {
        return Err(Fault::damaged("far too few bytes for so many pixels"));
    }
    let offsets: Vec<usize> = offsets.take(segments).collect();
    let mut out = vec![0; pixels * samples * width];
    let mut missing = false;
    for (segment, &from) in offsets.iter().enumerate() {
        let to = offsets.get(segment + 1).copied().unwrap_or(frame.len());
        let packed = match frame.get(from..to) {
            Some(packed) => packed,
            None => {
                missing = true;
                frame.get(from..).unwrap_or_default()
            }
        };
        // segments hold a sample's bytes from the highest to the lowest (PS3.5 G.2)
        let byte = width - 1 - segment % width;
        let first = segment / width * width + byte;
        missing |= !unpack(packed, out.iter_mut().skip(first).step_by(samples * width), pixels);
    }
    Ok((out, missing))
}

/// Fill one byte plane; whether it was filled to its end.
fn unpack<'a>(packed: &[u8], mut plane: impl Iterator<Item = &'a mut u8>, len: usize) -> bool {
    let mut bytes = packed.iter().copied();
    let mut left = len;
    while left > 0 {
        let Some(control) = bytes.next() else { return false };
        match control {
            0..=127 => {
                for _ in 0..=control {
                    let (Some(byte), true) = (bytes.next(), left > 0) else { return left == 0 };
                    if let Some(slot) = plane.next() {
                        *slot = byte;
                    }
                    left -= 1;
                }
            }
            128 => {}
            129..=255 => {
                let Some(byte) = bytes.next() else { return false };
                let run = (257 - usize::from(control)).min(left);
                plane.by_ref().take(run).for_each(|slot| *slot = byte);
                left -= run;
            }
        }
    }
    true
}
