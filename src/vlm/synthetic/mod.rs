//! Networks of published shape without files: random weights, made straight on the device.

mod measure;
mod shapes;
mod weights;

use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::Path;

use crate::nn::{ClipVit, VqganConfig};
use crate::vlm::codec::Codec;
use crate::vlm::config::{ClipVision, VlmConfig, config_error};
use crate::vlm::conversion::Conversion;
use crate::vlm::memory::{choose_precision, memory_plan, usual_context};
use crate::vlm::model::guarded;
use crate::vlm::networks::Networks;
use crate::vlm::parts::VISION_PREFIX;
use crate::vlm::tower::{Rows, TowerCheck, settle, settle_tower, test_picture};
use crate::vlm::weights::{Loaded, Plan};
use crate::vlm::{
    ComputeDevice, LoadProgress, LoadStage, MemoryNeed, ModelError, Precision, PrecisionChoice,
};

pub use shapes::Synthetic;

/// A network of random weights on its device.
pub struct SyntheticModel {
    body: Body,
    device: ComputeDevice,
    precision: Precision,
    notes: Vec<String>,
}

/// What it can be measured at.
#[expect(clippy::large_enum_variant, reason = "one a process")]
enum Body {
    /// Questions about pictures.
    Whole { config: VlmConfig, networks: Networks },
    /// Pictures to features.
    Tower { vision: ClipVision, tower: ClipVit },
    /// Pictures to codes and back.
    Codec(Codec),
}

impl SyntheticModel {
    /// Make the weights.
    ///
    /// # Errors
    /// When memory does not suffice, the device does not compute so, or `progress` breaks.
    pub fn make(
        name: Synthetic,
        device: ComputeDevice,
        choice: PrecisionChoice,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        device.start(false);
        let mut maker = Maker { name, device: &device, choice, notes: Vec::new(), progress };
        let made = guarded(&device.label(), "making the weights", || match name {
            Synthetic::ClipL336 => maker.tower(),
            Synthetic::VqganF8 => maker.codec(),
            _ => maker.whole(),
        });
        let notes = maker.notes;
        let (body, precision) = made?;
        Ok(Self { body, device, precision, notes })
    }

    /// What the reader should know of it.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// In which its matrices are stored.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }
}

/// On the way to a [`SyntheticModel`].
struct Maker<'a> {
    name: Synthetic,
    device: &'a ComputeDevice,
    choice: PrecisionChoice,
    notes: Vec<String>,
    progress: &'a mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
}

impl Maker<'_> {
    fn whole(&mut self) -> Result<(Body, Precision), ModelError> {
        let (config, mut plan) = (self.name.config(), Plan::default());
        Networks::init(&config, &mut plan).map_err(|error| self.refused(&error))?;
        let needs = self.needs(&plan);
        let (mut loaded, need) = self.filled(&plan, &needs)?;
        let go_on = &mut || ControlFlow::Continue(());
        let check = settle_tower(&config, Path::new(self.name.as_str()), &mut loaded, go_on)?;
        self.notes.extend(check.map(TowerCheck::note));
        let mut networks =
            Networks::init(&config, &mut loaded).map_err(|error| self.refused(&error))?;
        networks.settle(&need, self.device);
        Ok((Body::Whole { config, networks }, need.precision))
    }

    fn tower(&mut self) -> Result<(Body, Precision), ModelError> {
        let (vision, mut plan) = (shapes::clip_vision(), Plan::default());
        let (config, select, blocks) = (&vision.config, vision.select_feature, vision.blocks);
        ClipVit::init(VISION_PREFIX, config, blocks, select, &mut plan)
            .map_err(|error| self.refused(&error))?;
        let needs = self.needs(&plan);
        let (mut loaded, need) = self.filled(&plan, &needs)?;
        let values = vision.squares.prepare(&test_picture(config.image_size)).values;
        let check = settle(&mut loaded, &mut |loaded| {
            let tower = ClipVit::init(VISION_PREFIX, config, blocks, select, loaded)
                .map_err(|error| self.refused(&error))?;
            let go_on = &mut || ControlFlow::Continue(());
            match tower.forward(&values, blocks, &self.device.device, go_on) {
                ControlFlow::Continue(features) => Ok(vec![Rows::read(features, self.device)?]),
                ControlFlow::Break(()) => Err(ModelError::Cancelled),
            }
        })?;
        self.notes.extend(check.map(TowerCheck::note));
        let tower = ClipVit::init(VISION_PREFIX, config, blocks, select, &mut loaded)
            .map_err(|error| self.refused(&error))?;
        Ok((Body::Tower { vision, tower }, need.precision))
    }

    /// The codec computes in f32 whatever is asked for, as it does in a model.
    fn codec(&mut self) -> Result<(Body, Precision), ModelError> {
        self.choice = PrecisionChoice::Exactly(Precision::F32);
        let (config, mut plan) = (VqganConfig::openimages_f8(), Plan::default());
        Codec::init(config.clone(), self.device, &mut plan)?;
        let mut needs = self.needs(&plan);
        for need in &mut needs {
            // a block holds its input, its result and two values between
            need.activation_bytes += 4 * (config.largest_activation() * size_of::<f32>()) as u64;
        }
        let (mut loaded, need) = self.filled(&plan, &needs)?;
        Ok((Body::Codec(Codec::init(config, self.device, &mut loaded)?), need.precision))
    }

    /// The memory of these tensors and of what is computed with them.
    fn needs(&self, plan: &Plan) -> Vec<MemoryNeed> {
        let config = self.name.config();
        let context = usual_context(config.context_len);
        memory_plan(&config, plan, std::iter::empty()).needs(context, &self.device.info())
    }

    /// Every tensor of the plan, unless there is no room for them.
    fn filled(
        &mut self,
        plan: &Plan,
        needs: &[MemoryNeed],
    ) -> Result<(Loaded, MemoryNeed), ModelError> {
        let (need, _) = choose_precision(self.choice, needs, &self.device.info())?;
        let mut loaded = Loaded::new(Conversion::new(self.device.clone(), need.precision));
        let (stage, bytes_total) = (LoadStage::Transfer, weights::bytes_of(plan));
        weights::fill(&mut loaded, plan, &mut |bytes_done| match (self.progress)(LoadProgress {
            stage,
            bytes_done,
            bytes_total,
        }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        })?;
        self.device.sync("making the weights")?;
        Ok((loaded, need))
    }

    fn refused(&self, error: &dyn Display) -> ModelError {
        config_error(Path::new(self.name.as_str()), "the published shape", error)
    }
}
