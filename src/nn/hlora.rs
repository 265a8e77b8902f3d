//! H-LoRA: low-rank additions to a matrix, mixed by a router that sees the same input
//! (HealthGPT, section 4.2).

use burn::tensor::{Device, Tensor};

use crate::nn::kernel::{Visible, attention_shares};
use crate::nn::{BadConfig, Linear, MissingTensor, Table, WeightSource};

/// Sizes of an adapter; the files hold the first two, the third only a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HLoraConfig {
    /// Ranks of all experts together.
    pub rank: usize,
    /// Experts, each with `rank / experts` consecutive ranks.
    pub experts: usize,
    /// Scale of the addition before it is divided by the rank.
    pub alpha: f32,
}

impl HLoraConfig {
    /// # Errors
    /// When the ranks cannot be shared among the experts.
    pub fn check(&self) -> Result<(), BadConfig> {
        if self.rank == 0 || self.experts == 0 || !self.rank.is_multiple_of(self.experts) {
            let Self { rank, experts, .. } = self;
            return Err(BadConfig(format!(
                "{experts} experts of an adapter do not share rank {rank} evenly"
            )));
        }
        if !self.alpha.is_finite() {
            return Err(BadConfig("alpha of the adapter is not a number".to_owned()));
        }
        Ok(())
    }

    /// The published code multiplies by the number of experts: s = alpha / rank · experts.
    fn scale(&self) -> f32 {
        self.alpha / self.rank as f32 * self.experts as f32
    }
}

/// The addition to one matrix.
#[derive(Clone, Debug)]
pub(crate) struct HLora {
    /// A and below it the router, `[rank + experts, inputs]`: one product for both.
    a_and_route: Linear,
    b: Linear,
    config: HLoraConfig,
}

impl HLora {
    fn init(
        name: &str,
        outputs: usize,
        inputs: usize,
        config: HLoraConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let a = weights.linear(&format!("{name}.lora_A"), config.rank, inputs, false)?;
        let route = weights.linear(&format!("{name}.lora_route"), config.experts, inputs, false)?;
        let b = weights.linear(&format!("{name}.lora_B"), outputs, config.rank, false)?;
        Ok(Self { a_and_route: a.stacked(route), b, config })
    }

    /// (A·x · s · shares of the experts)·B, where the shares are softmax(router·x).
    ///
    /// # Shapes
    /// `[rows, inputs]` → `[rows, outputs]`.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [rows, _] = x.dims();
        let HLoraConfig { rank, experts, .. } = self.config;
        let both = self.a_and_route.forward(x);
        let low = both.clone().narrow(1, 0, rank) * self.config.scale();
        let scores = both.narrow(1, rank, experts);
        let shares = attention_shares(scores, 1.0, Visible::all(experts));
        // ranks 0..k are the first expert's, and so on
        let per_expert = rank / experts;
        let shares: Tensor<3> = shares.reshape([rows, experts, 1]);
        let shares = shares.expand([rows, experts, per_expert]).reshape([rows, rank]);
        self.b.forward(low * shares)
    }
}

/// Gives every matrix of the decoder's layers its adapter.
pub struct Adapted<'a, S> {
    inner: &'a mut S,
    config: HLoraConfig,
}

impl<'a, S: WeightSource> Adapted<'a, S> {
    /// Everything comes from `inner`; the adapters too, under the names of the published files.
    pub fn new(inner: &'a mut S, config: HLoraConfig) -> Self {
        Self { inner, config }
    }
}

impl<S: WeightSource> WeightSource for Adapted<'_, S> {
    fn device(&self) -> Device {
        self.inner.device()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let linear = self.inner.linear(name, outputs, inputs, has_bias)?;
        if !name.starts_with("model.layers.") {
            return Ok(linear);
        }
        let adapter = HLora::init(name, outputs, inputs, self.config, self.inner)?;
        Ok(linear.with_adapter(adapter))
    }

    fn vector(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        self.inner.vector(name, shape)
    }

    fn table(&mut self, name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        self.inner.table(name, rows, columns)
    }
}
