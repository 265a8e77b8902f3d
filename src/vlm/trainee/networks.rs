//! Networks of one task, built anew for every batch.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};

use crate::nn::{ClipVit, Position, QwenFeatures, QwenVit, WeightSource};
use crate::vlm::config::{VlmConfig, config_error};
use crate::vlm::networks::{Networks, Vision};
use crate::vlm::trainee::{TowerPicture, Trainee};
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
    /// Pictures as rows of the decoder, one after the other.
    ///
    /// # Shapes
    /// → `[rows of all pictures, hidden]`.
    ///
    /// # Errors
    /// When the model was not opened for the task.
    pub fn encode(&self, pictures: &[&TowerPicture]) -> Result<Tensor<2>, ModelError> {
        let task = self.networks.task(self.task)?;
        match &self.networks.vision {
            Vision::Clip(tower) => {
                let seen = self.squares(tower, task.blocks, pictures)?;
                let projector = task.projector.as_ref();
                Ok(projector.map_or_else(|| seen.clone(), |one| one.forward(seen.clone())))
            }
            Vision::Qwen(tower) => {
                let rows: Result<Vec<_>, _> = pictures
                    .iter()
                    .map(|picture| Ok::<_, ModelError>(self.patches(tower, picture)?.merged))
                    .collect();
                Ok(Tensor::cat(rows?, 0))
            }
        }
    }

    /// The mean of every picture's rows as the tower leaves them.
    ///
    /// # Shapes
    /// → `[pictures, width of the tower]`.
    ///
    /// # Errors
    /// When the model was not opened for the task.
    pub fn means(&self, pictures: &[&TowerPicture]) -> Result<Tensor<2>, ModelError> {
        let task = self.networks.task(self.task)?;
        let count = pictures.len().max(1);
        match &self.networks.vision {
            Vision::Clip(tower) => {
                let rows = self.squares(tower, task.blocks, pictures)?;
                let [all, width] = rows.dims();
                let rows: Tensor<3> = rows.reshape([count, all / count, width]);
                Ok(rows.mean_dim(1).reshape([count, width]))
            }
            Vision::Qwen(tower) => {
                let mean = |picture: &&TowerPicture| {
                    Ok::<_, ModelError>(self.patches(tower, picture)?.pre_merger.mean_dim(0))
                };
                let means: Result<Vec<_>, _> = pictures.iter().map(mean).collect();
                Ok(Tensor::cat(means?, 0))
            }
        }
    }

    /// Pictures of one size, all at once.
    fn squares(
        &self,
        tower: &ClipVit,
        blocks: usize,
        pictures: &[&TowerPicture],
    ) -> Result<Tensor<2>, ModelError> {
        let values: Vec<f32> =
            pictures.iter().flat_map(|picture| &picture.values).copied().collect();
        let go_on = &mut || ControlFlow::Continue(());
        match tower.forward_many(&values, pictures.len(), blocks, &self.device, go_on) {
            ControlFlow::Continue(seen) => Ok(seen),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        }
    }

    /// A picture of its own size.
    fn patches(&self, tower: &QwenVit, picture: &TowerPicture) -> Result<QwenFeatures, ModelError> {
        let merge = tower.config().spatial_merge_size;
        let Some(grid) = picture.cells.map(|cells| cells.map(|cells| cells * merge)) else {
            let reason = "it was prepared for a tower of another kind".to_owned();
            return Err(ModelError::BadPicture { reason });
        };
        let go_on = &mut || ControlFlow::Continue(());
        match tower.forward(&picture.values, grid, &self.device, go_on) {
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
