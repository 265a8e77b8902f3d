//! One picture: networks, loss, gradients.

use std::ops::ControlFlow;

use burn::tensor::{Int, Tensor, TensorData};

use crate::checkpoint::CheckpointError;
use crate::nn::{MissingTensor, VqganDecoder, VqganEncoder};
use crate::train::codec::source::CodecLearning;
use crate::train::codec::{CODEBOOK, Quantiser};
use crate::train::optimizer::GradientSums;
use crate::train::parameters::host_values;
use crate::train::source::Learning;
use crate::train::{Parameters, TrainError};
use crate::vlm::{CodecTrainee, highest};

/// What pictures came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodecOutcome {
    /// How many there were.
    pub pictures: usize,
    /// Sum over pictures of the mean of absolute differences.
    pub reconstruction: f64,
    /// Sum over pictures of the quantiser's loss, without its weight.
    pub codebook: f64,
    /// Codes of all places.
    pub codes: Vec<u32>,
    /// What the encoder gave these places, `[places, embed_dim]`.
    pub vectors: Vec<f32>,
}

impl CodecOutcome {
    pub(super) fn add(&mut self, other: Self) {
        self.pictures += other.pictures;
        self.reconstruction += other.reconstruction;
        self.codebook += other.codebook;
        self.codes.extend(other.codes);
        self.vectors.extend(other.vectors);
    }

    /// How often each of so many codes was used.
    #[must_use]
    pub fn counts(&self, codes: usize) -> Vec<u64> {
        let mut counts = vec![0; codes];
        for code in &self.codes {
            if let Some(count) = counts.get_mut(*code as usize) {
                *count += 1;
            }
        }
        counts
    }
}

/// e to the entropy of how often codes were used.
pub(super) fn perplexity(counts: &[u64]) -> f64 {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let shares = counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / total);
    (-shares.map(|share| share * share.ln()).sum::<f64>()).exp()
}

/// What is made small: differences of pictures, and of vectors to the rows they are rounded to.
pub struct CodecObjective<'a> {
    /// The codec.
    pub trainee: &'a CodecTrainee,
    /// How vectors are rounded.
    pub quantiser: Quantiser,
}

/// A picture on its way, and what it cost.
struct Passed {
    loss: Tensor<1>,
    pixels: Tensor<2>,
    outcome: CodecOutcome,
}

impl CodecObjective<'_> {
    /// The loss of one picture, `[pixels, 3]` from −1 to 1; its gradients are added to `sums`.
    ///
    /// The encoder gets the gradient of the rounded vectors as if they were its own.
    ///
    /// # Errors
    /// When the device fails.
    pub fn learn(
        &self,
        parameters: &Parameters,
        picture: &[f32],
        sums: &mut GradientSums,
    ) -> Result<CodecOutcome, TrainError> {
        let Passed { loss, outcome, .. } = self.pass(parameters, picture)?;
        if loss.is_autodiff() && loss.is_tracked() {
            sums.add(parameters, loss.backward());
        }
        Ok(outcome)
    }

    /// The loss of one picture alone, and the picture made again, `[pixels, 3]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn measure(
        &self,
        parameters: &Parameters,
        picture: &[f32],
    ) -> Result<(CodecOutcome, Vec<f32>), TrainError> {
        let Passed { pixels, outcome, .. } = self.pass(parameters, picture)?;
        Ok((outcome, host_values(pixels.without_autodiff())?))
    }

    fn pass(&self, parameters: &Parameters, picture: &[f32]) -> Result<Passed, TrainError> {
        let config = self.trainee.config();
        let absent = |error: MissingTensor| {
            let (files, path) = (vec![error.0], self.trainee.folder().to_owned());
            TrainError::from(CheckpointError::MissingShards { files, path })
        };
        let source = &mut CodecLearning { inner: Learning { parameters } };
        let encoder = VqganEncoder::init(config, source).map_err(absent)?;
        let decoder = VqganDecoder::init(config, source).map_err(absent)?;
        let shape = [picture.len() / 3, 3];
        let wanted =
            Tensor::from_data(TensorData::new(picture.to_vec(), shape), parameters.device());
        let go_on = &mut || ControlFlow::Continue(());
        let ControlFlow::Continue(z) = encoder.forward(wanted.clone(), go_on) else {
            return Err(TrainError::Stopped);
        };
        let z_alone = z.clone().without_autodiff();
        let scores = host_values(encoder.logits(z_alone.clone()))?;
        let codes: Vec<u32> = scores.chunks(config.n_embed.max(1)).map(highest).collect();
        let rows = self.rows(parameters, &codes)?;
        let rows_alone = rows.clone().without_autodiff();
        let codebook = self.quantiser.loss([&z, &z_alone], [&rows, &rows_alone]);
        // straight through: the value is the row's, the gradient the encoder's
        let z_q = z + (rows_alone - z_alone.clone());
        let ControlFlow::Continue(pixels) = decoder.forward(z_q, go_on) else {
            return Err(TrainError::Stopped);
        };
        let reconstruction = (pixels.clone() - wanted).abs().mean();
        let both = [reconstruction.clone(), codebook.clone()].map(Tensor::without_autodiff);
        let values = host_values(Tensor::cat(both.to_vec(), 0))?;
        let value = |at: usize| values.get(at).copied().map_or(f64::NAN, f64::from);
        let outcome = CodecOutcome {
            pictures: 1,
            reconstruction: value(0),
            codebook: value(1),
            codes,
            vectors: host_values(z_alone)?,
        };
        Ok(Passed { loss: reconstruction + codebook * self.quantiser.weight, pixels, outcome })
    }

    /// # Shapes
    /// → `[places, embed_dim]`.
    fn rows(&self, parameters: &Parameters, codes: &[u32]) -> Result<Tensor<2>, TrainError> {
        let Some(codebook) = parameters.get(CODEBOOK) else {
            let (files, path) = (vec![CODEBOOK.to_owned()], self.trainee.folder().to_owned());
            return Err(CheckpointError::MissingShards { files, path }.into());
        };
        let (rows, columns) = (self.trainee.config().n_embed, self.trainee.config().embed_dim);
        let indices: Vec<i64> = codes.iter().map(|code| i64::from(*code)).collect();
        let indices = TensorData::new(indices, [codes.len()]);
        let indices = Tensor::<1, Int>::from_data(indices, parameters.device());
        Ok(codebook.tensor().reshape([rows, columns]).select(0, indices))
    }
}

impl Quantiser {
    /// Mean of squares between vectors and rows, once for the rows and once for the vectors.
    fn loss(
        &self,
        [z, z_alone]: [&Tensor<2>; 2],
        [rows, rows_alone]: [&Tensor<2>; 2],
    ) -> Tensor<1> {
        let apart = |a: &Tensor<2>, b: &Tensor<2>| (a.clone() - b.clone()).powi_scalar(2).mean();
        let (of_rows, of_vectors) = (apart(rows, z_alone), apart(z, rows_alone));
        if self.legacy {
            of_vectors + of_rows * self.beta
        } else {
            of_rows + of_vectors * self.beta
        }
    }
}
