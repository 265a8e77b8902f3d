//! One batch: networks, loss, gradients.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};

use crate::train::batch::{Batch, Example};
use crate::train::optimizer::GradientSums;
use crate::train::parameters::host_values;
use crate::train::source::Learning;
use crate::train::{Parameters, TrainError};
use crate::vlm::Trainee;

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Sum of −log p over what was to be said.
    pub loss: f64,
    /// How many ids were to be said.
    pub tokens: usize,
    /// How many of them were the likeliest.
    pub right: usize,
}

impl Outcome {
    /// Mean of −log p.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.loss / self.tokens.max(1) as f64
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.tokens += other.tokens;
        self.right += other.right;
    }
}

/// What is made small: −log p of the answers' ids.
pub struct Objective<'a> {
    /// The model.
    pub trainee: &'a Trainee,
}

impl Objective<'_> {
    /// The loss of a batch; its gradients are added to `sums`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn learn(
        &self,
        parameters: &Parameters,
        examples: &[Example],
        sums: &mut GradientSums,
    ) -> Result<Outcome, TrainError> {
        let mut whole = Outcome::default();
        for examples in of_one_task(examples) {
            let (loss, outcome) = self.loss(parameters, examples)?;
            if loss.is_autodiff() && loss.is_tracked() {
                sums.learn(parameters, loss, outcome.tokens);
            }
            whole.add(outcome);
        }
        Ok(whole)
    }

    /// The loss of a batch alone.
    ///
    /// # Errors
    /// When the device fails.
    pub fn measure(
        &self,
        parameters: &Parameters,
        examples: &[Example],
    ) -> Result<Outcome, TrainError> {
        let mut whole = Outcome::default();
        for examples in of_one_task(examples) {
            whole.add(self.loss(parameters, examples)?.1);
        }
        Ok(whole)
    }

    fn loss(
        &self,
        parameters: &Parameters,
        examples: &[Example],
    ) -> Result<(Tensor<1>, Outcome), TrainError> {
        let batch = Batch::of(examples);
        let device = parameters.device();
        let indices = |values: Vec<i64>| {
            let len = values.len();
            Tensor::<1, Int>::from_data(TensorData::new(values, [len]), device)
        };
        let task = examples.first().map(|one| one.sequence.task).unwrap_or_default();
        let networks = self.trainee.networks_for(task, &mut Learning { parameters })?;
        let name = Trainee::embedding_of(task);
        let embedding = parameters.get(&name).map(|parameter| {
            let columns = parameter.shape.get(1).copied().unwrap_or(1);
            parameter.tensor().reshape([-1, columns as i32])
        });
        let Some(embedding): Option<Tensor<2>> = embedding else {
            let (files, path) = (vec![name], self.trainee.folder().to_owned());
            return Err(crate::checkpoint::CheckpointError::MissingShards { files, path }.into());
        };
        let mut all =
            embedding.select(0, indices(batch.ids.iter().map(|id| i64::from(*id)).collect()));
        if !batch.pictures.is_empty() {
            let pictures = networks.encode(&batch.pictures)?;
            all = Tensor::cat(vec![all, pictures], 0);
        }
        let embeds = all.select(0, indices(batch.rows.iter().map(|row| *row as i64).collect()));
        let asked = indices(batch.asked.iter().map(|at| *at as i64).collect());
        let choose = |state: Tensor<2>| state.select(0, asked);
        let scores = networks.scores(embeds, &batch.positions, batch.sequences, choose)?;
        let labels = indices(batch.labels.iter().map(|id| i64::from(*id)).collect());
        let right = scores.clone().without_autodiff().argmax(1).reshape([-1]).equal(labels.clone());
        let said = log_softmax(scores, 1).gather(1, labels.reshape([-1, 1]));
        let loss = said.sum().neg();
        let right = right.int().float().sum();
        let values = host_values(Tensor::cat(vec![loss.clone().without_autodiff(), right], 0))?;
        let [sum, right] = values.as_slice() else {
            return Ok((loss, Outcome::default()));
        };
        let outcome =
            Outcome { loss: f64::from(*sum), tokens: batch.labels.len(), right: *right as usize };
        Ok((loss, outcome))
    }
}

/// Every task has its own networks.
fn of_one_task(examples: &[Example]) -> impl Iterator<Item = &[Example]> {
    examples.chunk_by(|a, b| a.sequence.task == b.sequence.task)
}
