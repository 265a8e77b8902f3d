//! Colour samples: planes to pixels, YBR to RGB (PS3.3 C.7.6.3.1.2).

use super::header::Photometric;

/// Planar Configuration 1 → 0: plane after plane becomes pixel after pixel.
pub(super) fn interleave<T: Copy>(planes: &[T], num_planes: usize) -> Vec<T> {
    let len = planes.len() / num_planes.max(1);
    let at = |pixel: usize| (0..num_planes).map(move |plane| plane * len + pixel);
    (0..len).flat_map(at).filter_map(|idx| planes.get(idx).copied()).collect()
}

/// `Y1 Y2 Cb Cr` → two pixels with the same chroma.
pub(super) fn upsample_422(bytes: &[u8], rows: usize, columns: usize) -> Vec<u8> {
    let row_len = columns.div_ceil(2) * 4;
    let mut pixels = Vec::with_capacity(rows * columns * 3);
    for row in bytes.chunks_exact(row_len).take(rows) {
        let doubled = row.as_chunks::<4>().0.iter();
        let doubled = doubled.flat_map(|&[y1, y2, cb, cr]| [[y1, cb, cr], [y2, cb, cr]]);
        pixels.extend(doubled.take(columns).flatten());
    }
    pixels
}

/// Convert in place; RGB stays as it is.
pub(super) fn rgb_from_ybr(photometric: Photometric, pixels: &mut [u8]) {
    let convert = match photometric {
        Photometric::YbrFull | Photometric::YbrFull422 => full,
        Photometric::YbrPartial => partial,
        // the codec undoes the reversible and irreversible transforms of JPEG 2000
        _ => return,
    };
    pixels.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = convert(*pixel));
}

/// CCIR 601-2, full range.
fn full([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
    let green = y - (0.114 * 1.772 / 0.587) * cb - (0.299 * 1.402 / 0.587) * cr;
    [y + 1.402 * cr, green, y + 1.772 * cb].map(super::super::grayscale::byte_from)
}

/// CCIR 601-2, 16 to 235.
fn partial([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let y = 1.1644 * (f64::from(y) - 16.0);
    let (cb, cr) = (f64::from(cb) - 128.0, f64::from(cr) - 128.0);
    [y + 1.596 * cr, y - 0.3917 * cb - 0.813 * cr, y + 2.0173 * cb]
        .map(super::super::grayscale::byte_from)
}
