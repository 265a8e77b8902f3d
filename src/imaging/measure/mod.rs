//! Shapes a reader draws on a frame, and what they measure.
//!
//! A [`Shape`] lies in the pixels of the stored frame: zoom, turning and window never change it.
//! [`Scale`] says what a pixel is worth, and where: at the patient, at the detector, or nothing
//! known. An ultrasound picture has a scale in each of its regions, a PET picture an [`Uptake`] that
//! makes SUV of its values. [`Figures`] are the answer: lengths and areas come from the shape alone, the values of a
//! region from the pixels whose centres lie inside it, pixel padding left out.

mod figures;
mod region;
mod scale;
mod shape;
mod spread;
mod ultrasound;
mod uptake;

pub use figures::{Figures, ProbeValue, Quantity, Region};
pub(super) use region::for_runs;
pub use scale::Scale;
pub use shape::{Point, Shape, ShapeKind};
pub use spread::Spread;
pub use ultrasound::UltrasoundRegion;
pub use uptake::{SuvKind, Uptake};
