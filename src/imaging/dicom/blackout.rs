//! Rectangles made black in every frame of uncompressed pixels.

use super::{
    super::error::Fault,
    encoding::Form,
    header::{Photometric, PixelDescription, is_word_swapped},
    transfer_syntax::Codec,
    whole::{Pixels, WholeFile},
};

impl WholeFile {
    /// Make rectangles (column, row, width, height) black; those partly outside are cut.
    pub(in super::super) fn black_out(&mut self, rectangles: &[[u32; 4]]) -> Result<(), Fault> {
        let Some(pixels) = self.pixels.as_mut().filter(|_| !rectangles.is_empty()) else {
            return Ok(());
        };
        let unfit =
            |why: &str| Err(Fault::NotDeidentified(format!("nothing can be blacked out, {why}")));
        if pixels.encapsulated {
            return unfit("its pixels are compressed");
        }
        let shape = PixelDescription::read(&self.file)?;
        if shape.codec != Codec::Native || shape.float || shape.bits_allocated % 8 != 0 {
            return unfit("its pixels are not whole bytes");
        }
        if is_word_swapped(&self.file, shape.bits_allocated) {
            return unfit("its bytes lie in big-endian words");
        }
        let black = match shape.photometric {
            Photometric::YbrFull422 | Photometric::YbrPartial => {
                return unfit("its pixels share their colours");
            }
            Photometric::YbrFull | Photometric::YbrIct | Photometric::YbrRct => vec![0, 128, 128],
            _ => vec![0; usize::from(shape.samples_per_pixel)],
        };
        let sample = darkest(&shape, self.file.form);
        for rectangle in rectangles {
            if rectangle[0] >= shape.columns || rectangle[1] >= shape.rows {
                let (columns, rows) = (shape.columns, shape.rows);
                let why = format!("the rectangle lies outside its {columns} x {rows} pixels");
                return unfit(&why);
            }
            Painter { shape: &shape, sample: &sample, black: &black }.paint(pixels, *rectangle);
        }
        Ok(())
    }
}

/// The bytes of the darkest value of a grey sample.
fn darkest(shape: &PixelDescription, form: Form) -> Vec<u8> {
    let inverse = shape.photometric_text == "MONOCHROME1";
    let stored = u32::from(shape.bits_stored.clamp(1, 32));
    let most = u32::MAX >> (32 - stored);
    let value = match (inverse, shape.signed) {
        (false, false) => 0,
        (true, false) => most,
        // two's complement within the bits that are stored
        (false, true) => (most >> 1) + 1,
        (true, true) => most >> 1,
    };
    let extended = if shape.signed && !inverse { value | !most } else { value };
    let mut bytes = extended.to_le_bytes().to_vec();
    bytes.truncate(usize::from(shape.bits_allocated / 8));
    if form.big_endian {
        bytes.reverse();
    }
    bytes
}

struct Painter<'a> {
    shape: &'a PixelDescription,
    /// Of a picture with one sample.
    sample: &'a [u8],
    /// Each sample of a picture with several, as bytes.
    black: &'a [u8],
}

impl Painter<'_> {
    fn paint(&self, pixels: &mut Pixels, [x, y, width, height]: [u32; 4]) {
        let shape = self.shape;
        let width_of = |value: u32| value as usize;
        let (columns, rows) = (width_of(shape.columns), width_of(shape.rows));
        let (left, top) = (width_of(x), width_of(y));
        let right = left.saturating_add(width_of(width)).min(columns);
        let bottom = top.saturating_add(width_of(height)).min(rows);
        let samples = usize::from(shape.samples_per_pixel);
        for frame in 0..width_of(shape.num_frames) {
            for row in top..bottom {
                for column in left..right {
                    for sample in 0..samples {
                        let at = if shape.planar {
                            ((frame * samples + sample) * rows + row) * columns + column
                        } else {
                            ((frame * rows + row) * columns + column) * samples + sample
                        };
                        self.put(pixels, at, sample);
                    }
                }
            }
        }
    }

    /// One sample, counted over all frames.
    fn put(&self, pixels: &mut Pixels, at: usize, sample: usize) {
        let width = self.sample.len();
        let Some(place) = pixels.bytes.get_mut(at * width..(at + 1) * width) else { return };
        if self.shape.samples_per_pixel == 1 {
            place.copy_from_slice(self.sample);
        } else {
            place.fill(self.black.get(sample).copied().unwrap_or(0));
        }
    }
}
