//! Networks of one task, built anew for every batch.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};

use crate::nn::{Position, WeightSource};
use crate::vlm::config::{VlmConfig, config_error};
use crate::vlm::networks::{Networks, Vision};
use crate::vlm::trainee::Trainee;
use crate::vlm::{ModelError, Task};

/// Networks built for training.
pub struct TraineeNetworks {
    networks: Networks,
    device: Device,
    task: Task,
    /// Ids that answers choose among, where the head has rows that stand for nothing.
    limit: Option<usize>,
}

impl Trainee {
    /// The networks of these tensors that answer questions.
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn networks(&self, weights: &mut impl WeightSource) -> Result<TraineeNetworks, ModelError> {
        self.networks_for(Task::Question, weights)
    }

    /// Those of a task.
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn networks_for(
        &self,
        task: Task,
        weights: &mut impl WeightSource,
    ) -> Result<TraineeNetworks, ModelError> {
        let device = weights.device();
        let config = VlmConfig {
            answers: self.config.answers && task == Task::Question,
            generation: self.config.generation.clone().filter(|_| task == Task::Reconstruction),
            ..self.config.clone()
        };
        let networks = Networks::init(&config, weights)
            .map_err(|error| config_error(&self.folder, "config.json", &error))?;
        let limit = config.vocab_limit.filter(|_| task == Task::Question);
        Ok(TraineeNetworks { networks, device, task, limit })
    }
}

impl TraineeNetworks {
    /// Pictures as rows of the decoder.
    ///
    /// # Shapes
    /// `[pictures, 3, height, width]` → `[pictures·rows, hidden]`.
    ///
    /// # Errors
    /// When the model has no such tower.
    pub fn encode(&self, pixel_values: &[f32], pictures: usize) -> Result<Tensor<2>, ModelError> {
        let seen = self.look(pixel_values, pictures)?;
        let projector = &self.networks.task(self.task)?.projector;
        Ok(projector.as_ref().map_or_else(|| seen.clone(), |one| one.forward(seen.clone())))
    }

    /// Pictures as the tower leaves them.
    ///
    /// # Shapes
    /// `[pictures, 3, height, width]` → `[pictures·rows, width of the tower]`.
    ///
    /// # Errors
    /// When the model has no such tower.
    pub fn look(&self, pixel_values: &[f32], pictures: usize) -> Result<Tensor<2>, ModelError> {
        let task = self.networks.task(self.task)?;
        let Vision::Clip(tower) = &self.networks.vision else {
            return Err(ModelError::TaskNotLoaded { task: self.task.title() });
        };
        let go_on = &mut || ControlFlow::Continue(());
        match tower.forward_many(pixel_values, pictures, task.blocks, &self.device, go_on) {
            ControlFlow::Continue(seen) => Ok(seen),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        }
    }

    /// Scores after some rows of whole sequences.
    ///
    /// # Shapes
    /// embeddings `[sequences·seq, hidden]` → `[rows of choose, ids]`.
    ///
    /// # Errors
    /// When the model was not opened for the task.
    pub fn scores(
        &self,
        embeds: Tensor<2>,
        positions: &[Position],
        sequences: usize,
        choose: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Result<Tensor<2>, ModelError> {
        let decoder = &self.networks.task(self.task)?.decoder;
        let state = decoder.forward_whole(embeds, positions, sequences);
        let scores = decoder.scores(choose(state));
        let [_, ids] = scores.dims();
        Ok(match self.limit.filter(|limit| *limit < ids) {
            Some(limit) => scores.narrow(1, 0, limit),
            None => scores,
        })
    }
}
