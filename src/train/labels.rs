//! Pretraining of a tower: what the labels of a picture say, read from the mean of its patch rows.
//!
//! The published families begin with a tower that CLIP's captions taught. Where there is none,
//! every label of a picture teaches it at once, at the cost of the tower alone. The heads are
//! laid aside when the model is written.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};

use crate::train::optimizer::GradientSums;
use crate::train::parameters::host_values;
use crate::train::source::Learning;
use crate::train::{Outcome, Parameters, Record, TrainError};
use crate::vlm::{TensorShape, TowerPicture, Trainee};

/// Before the names of the heads' tensors.
pub(crate) const LABELS: &str = "labels.";

/// Every key with its values, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(Vec<(String, Vec<String>)>);

impl LabelSet {
    /// All that these records say; a key with one value teaches nothing.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut values: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for (key, value) in records.iter().flat_map(|record| &record.labels) {
            values.entry(key).or_default().insert(value);
        }
        let several = values.into_iter().filter(|(_, values)| values.len() > 1);
        Self(several.map(|(key, all)| (key.clone(), all.into_iter().cloned().collect())).collect())
    }

    /// The weight and bias of every head over rows of this width.
    pub(crate) fn tensors(&self, hidden: usize) -> Vec<TensorShape> {
        let heads = self.0.iter().flat_map(|(key, values)| {
            let tensor = |part: &str, shape: Vec<usize>| TensorShape {
                name: format!("{LABELS}{key}.{part}"),
                is_matrix: shape.len() == 2,
                shape,
            };
            [tensor("weight", vec![values.len(), hidden]), tensor("bias", vec![values.len()])]
        });
        heads.collect()
    }

    /// Which value of each key a record has.
    fn places(&self, record: &Record) -> Vec<Option<usize>> {
        let place = |(key, values): &(String, Vec<String>)| {
            let said = record.labels.get(key)?;
            values.iter().position(|value| value == said)
        };
        self.0.iter().map(place).collect()
    }
}

/// A picture and what is said of it.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// As the tower takes it.
    pub picture: TowerPicture,
    /// A value for every key that the record has.
    pub places: Vec<Option<usize>>,
}

impl Labelled {
    /// Of a picture as the tower takes it.
    #[must_use]
    pub fn new(picture: TowerPicture, record: &Record, set: &LabelSet) -> Self {
        Self { picture, places: set.places(record) }
    }
}

/// What is made small: −log p of every label.
pub struct LabelObjective<'a> {
    /// The model.
    pub trainee: &'a Trainee,
    /// What can be said.
    pub set: &'a LabelSet,
}

impl LabelObjective<'_> {
    /// The loss of a batch; its gradients are added to `sums`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn learn(
        &self,
        parameters: &Parameters,
        examples: &[Labelled],
        sums: &mut GradientSums,
    ) -> Result<Outcome, TrainError> {
        let (loss, outcome) = self.loss(parameters, examples)?;
        if let Some(loss) = loss.filter(|loss| loss.is_autodiff() && loss.is_tracked()) {
            sums.learn(parameters, loss, outcome.tokens);
        }
        Ok(outcome)
    }

    /// The loss of a batch alone.
    ///
    /// # Errors
    /// When the device fails.
    pub fn measure(
        &self,
        parameters: &Parameters,
        examples: &[Labelled],
    ) -> Result<Outcome, TrainError> {
        Ok(self.loss(parameters, examples)?.1)
    }

    fn loss(
        &self,
        parameters: &Parameters,
        examples: &[Labelled],
    ) -> Result<(Option<Tensor<1>>, Outcome), TrainError> {
        let states = self.states(parameters, examples)?;
        let mut loss: Option<Tensor<1>> = None;
        let mut outcome = Outcome::default();
        for (at, (key, values)) in self.set.0.iter().enumerate() {
            let place = |example: &Labelled| example.places.get(at).copied().flatten();
            let known = examples.iter().enumerate();
            let (rows, said): (Vec<i64>, Vec<i64>) = known
                .filter_map(|(row, example)| Some((row as i64, place(example)? as i64)))
                .unzip();
            let part = |part: &str| parameters.get(&format!("{LABELS}{key}.{part}"));
            let (Some(weight), Some(bias)) = (part("weight"), part("bias")) else { continue };
            if rows.is_empty() {
                continue;
            }
            let [_, hidden] = states.dims();
            let count = rows.len();
            let integers = |values: Vec<i64>| {
                Tensor::<1, Int>::from_data(TensorData::new(values, [count]), parameters.device())
            };
            let said = integers(said);
            let weight: Tensor<2> = weight.tensor().reshape([values.len(), hidden]);
            let scores = states.clone().select(0, integers(rows)).matmul(weight.transpose());
            let scores = scores + bias.tensor().unsqueeze();
            let likeliest = scores.clone().without_autodiff().argmax(1).reshape([-1]);
            let right = likeliest.equal(said.clone()).int().float().sum();
            let lost = log_softmax(scores, 1).gather(1, said.reshape([-1, 1])).sum().neg();
            let counted = Tensor::cat(vec![lost.clone().without_autodiff(), right], 0);
            if let [lost, right] = host_values(counted)?.as_slice() {
                let (loss, right) = (f64::from(*lost), *right as usize);
                outcome.add(Outcome { loss, tokens: count, right });
            }
            loss = Some(match loss {
                Some(loss) => loss + lost,
                None => lost,
            });
        }
        Ok((loss, outcome))
    }

    /// The mean of every picture's rows at the layer that the projector reads, of one length.
    ///
    /// # Shapes
    /// → `[pictures, hidden]`.
    fn states(
        &self,
        parameters: &Parameters,
        examples: &[Labelled],
    ) -> Result<Tensor<2>, TrainError> {
        let networks = self.trainee.networks(&mut Learning { parameters })?;
        let pictures: Vec<&TowerPicture> =
            examples.iter().map(|example| &example.picture).collect();
        let mean = networks.means(&pictures)?;
        let centred = mean.clone() - mean.mean_dim(1);
        let variance = centred.clone().powi_scalar(2).mean_dim(1);
        Ok(centred * (variance + 1e-5).sqrt().recip())
    }
}
