//! Pictures that leave the program with something laid over them: colours and their bar, a scale
//! bar, the letters of the directions, shapes with their figures, words in the corners.
//!
//! Everything is drawn into the picture's own pixels, or into a whole multiple of them, so that a
//! small and a large picture come out alike and the pixels between the marks stay what they were.

mod bars;
mod canvas;
mod letters;
mod marks;
mod words;

use super::{
    color_map::ColorMap,
    display_image::DisplayImage,
    frame::Frame,
    geometry::orientation_labels,
    grayscale::Grayscale,
    measure::{Scale, Shape},
    turned::Turned,
};
use canvas::{Canvas, Spot};

pub use words::{bar_values, number, round_length, scale_label, window_words};

/// Longest side of a picture that is written.
const MAX_SIDE: u32 = 16_384;
/// Light grey, as over the picture in the window.
const INK: [u8; 3] = [0xE8, 0xEA, 0xED];
const DIM: [u8; 3] = [0xA9, 0xB0, 0xBA];

/// What is laid over a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaidOver {
    /// Colours for grey levels, and their bar.
    pub color_map: ColorMap,
    /// Shapes in the pixels of the stored frame, and the words beside them.
    pub shapes: Vec<(Shape, String)>,
    /// Words in the corners: left top, right top, left bottom, right bottom.
    pub corners: [Vec<String>; 4],
}

impl LaidOver {
    /// The picture of a frame with all of it, each pixel so many times as wide and as high; none
    /// when that would be more pixels than are written.
    #[must_use]
    pub fn draw(
        &self,
        frame: &Frame,
        grayscale: &Grayscale,
        turned: Turned,
        times: u32,
    ) -> Option<DisplayImage> {
        let shown = turned.apply(&self.color_map.apply(grayscale.render(frame)));
        let longer = shown.width.max(shown.height);
        if longer == 0 || longer.checked_mul(times.max(1))? > MAX_SIDE.max(longer) {
            return None;
        }
        let mut canvas = Canvas::new(&shown, times.max(1));
        let scale = f64::from(times.max(1));
        let to = |point| {
            let at = turned.point(point, (frame.columns(), frame.rows()));
            Spot::new(at.x * scale, at.y * scale)
        };
        for (shape, _) in &self.shapes {
            marks::shape(&mut canvas, shape, to);
        }
        // words lie over every line
        for (shape, words) in &self.shapes {
            marks::label(&mut canvas, shape, words, to);
        }
        let up = self.corners_of(&mut canvas);
        if let Some(iop) = frame.info().geometry.image_orientation {
            let labels = turned.labels(&orientation_labels(&iop));
            words::directions(&mut canvas, &labels);
        }
        if !self.color_map.is_grey() && frame.is_monochrome() {
            bars::color_bar(&mut canvas, self.color_map, grayscale, frame);
        }
        let across = spacing_across(frame, turned).map(|mm| mm / scale);
        bars::scale_bar(&mut canvas, Scale::of(frame.info()), across, up);
        Some(canvas.into_image())
    }

    /// Writes the words of the corners; gives how many lines the scale bar has to go up for them.
    fn corners_of(&self, canvas: &mut Canvas) -> usize {
        let places = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
        let mut up = 0;
        for (lines, place) in self.corners.iter().zip(places) {
            let (count, widest) = words::corner(canvas, lines, place);
            let is_wide = widest > canvas.width() * 0.33;
            if place[1] > 0.5 && is_wide {
                up = up.max(count);
            }
        }
        up
    }
}

/// Millimetres from one pixel to the next along the picture's width as it is turned.
fn spacing_across(frame: &Frame, turned: Turned) -> Option<f64> {
    let [rows, columns] = Scale::of(frame.info()).millimetres()?;
    Some(if turned.is_sideways() { rows } else { columns })
}
