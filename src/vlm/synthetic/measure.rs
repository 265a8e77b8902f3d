//! What a network of random weights is measured at.

use std::ops::ControlFlow;

use crate::nn::ClipVit;
use crate::vlm::codec::Codec;
use crate::vlm::config::ClipVision;
use crate::vlm::measure::{Stopwatch, Subject};
use crate::vlm::model::guarded;
use crate::vlm::synthetic::{Body, SyntheticModel};
use crate::vlm::{ComputeDevice, Measured, ModelError, RgbPixels, RunTimes, Workload};

impl SyntheticModel {
    /// Time a piece of work; `tell` is called after every run. The prompt is one of ids; a tower
    /// or a codec alone takes only the pictures.
    ///
    /// # Errors
    /// When the work does not fit the model or the device fails.
    pub fn measure(&self, work: &Workload, tell: &mut dyn FnMut()) -> Result<Measured, ModelError> {
        let device = &self.device;
        guarded(&device.label(), "measuring", || match &self.body {
            Body::Whole { config, networks } => {
                Subject { config, device, networks }.measure_ids(work, tell)
            }
            Body::Tower { vision, tower } => {
                repeated(work, tell, &|image| encode(vision, tower, device, image))
            }
            Body::Codec(codec) => repeated(work, tell, &|image| there_and_back(codec, image)),
        })
    }
}

/// One run to warm up, then those that count.
fn repeated(
    work: &Workload,
    tell: &mut dyn FnMut(),
    one: &dyn Fn(&RgbPixels) -> Result<RunTimes, ModelError>,
) -> Result<Measured, ModelError> {
    let reason = "there is none".to_owned();
    let image = work.images.first().ok_or(ModelError::BadPicture { reason })?;
    let image = RgbPixels::from(image);
    let mut measured = Measured { cold: one(&image)?, ..Measured::default() };
    tell();
    for _ in 0..work.repeat {
        measured.runs.push(one(&image)?);
        tell();
    }
    Ok(measured)
}

/// Preprocessing and tower.
fn encode(
    vision: &ClipVision,
    tower: &ClipVit,
    device: &ComputeDevice,
    image: &RgbPixels,
) -> Result<RunTimes, ModelError> {
    let clock = Stopwatch::start();
    let values = vision.squares.prepare(image).values;
    let go_on = &mut || ControlFlow::Continue(());
    let (ControlFlow::Continue(_) | ControlFlow::Break(_)) =
        tower.forward(&values, vision.blocks, &device.device, go_on);
    device.sync("encoding a picture")?;
    Ok(RunTimes { image_encode: clock.read(), ..RunTimes::default() })
}

/// A picture becomes codes, and these a picture.
fn there_and_back(codec: &Codec, image: &RgbPixels) -> Result<RunTimes, ModelError> {
    let go_on = &mut || ControlFlow::Continue(());
    let clock = Stopwatch::start();
    let ControlFlow::Continue(codes) = codec.encode(image, go_on)? else {
        return Err(ModelError::Cancelled);
    };
    let image_encode = clock.read();
    let codes: Vec<Option<u32>> = codes.into_iter().map(Some).collect();
    let clock = Stopwatch::start();
    let (ControlFlow::Continue(_) | ControlFlow::Break(())) = codec.decode(&codes, go_on)?;
    Ok(RunTimes { image_encode, picture_decode: Some(clock.read()), ..RunTimes::default() })
}
