//! The sizes of a model that decide its memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{FileDtype, TensorInfo};
use crate::nn::{CacheType, KvCache};
use crate::vlm::config::VlmConfig;
use crate::vlm::memory::{Activations, Fit, MemoryNeed};
use crate::vlm::storage::{MatrixSizes, Role, Storage};
use crate::vlm::weights::{Expected, Plan};
use crate::vlm::{ComputeKind, DeviceInfo, Precision};

/// Left free of any device: the program, the driver, blocks of weights on their way.
const SPARE_BYTES: u64 = 256 << 20;

/// Positions a conversation is reckoned with when nobody says: few are longer, and at the full
/// length of the newest models the cache would outgrow the weights.
#[must_use]
pub fn usual_context(context_len: usize) -> u32 {
    context_len.min(4096) as u32
}

/// Of a model whose files, as far as they are there, hold these tensors.
pub(crate) fn memory_plan<'a>(
    config: &VlmConfig,
    plan: &Plan,
    tensors: impl Iterator<Item = &'a BTreeMap<String, TensorInfo>>,
) -> MemoryPlan {
    let is_table = |(_, tensor): &(&String, &Expected)| tensor.is_table;
    let table = plan.expected.iter().find(is_table).map(|(name, _)| name);
    // of two files with one name the later counts
    let found = table.and_then(|table| tensors.filter_map(|tensors| tensors.get(table)).last());
    let bytes = match found.map(|found| found.dtype) {
        Some(FileDtype::F16 | FileDtype::Bf16) | None => 2,
        Some(_) => 4,
    };
    MemoryPlan::new(config, plan, bytes)
}

/// From the configuration and the list of tensors the networks ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPlan {
    /// Matrices of tower and projector.
    pub vision: MatrixSizes,
    /// Matrices of the decoder's layers.
    pub layers: MatrixSizes,
    /// Matrices that give the scores of the vocabulary.
    pub head: MatrixSizes,
    /// Matrices of adapters.
    pub adapters: MatrixSizes,
    /// Numbers in the largest matrix.
    pub largest_matrix: u64,
    /// Vectors, which are f32 in any precision.
    pub vector_bytes: u64,
    /// The embedding table: in the machine's memory whatever computes, as the file has it.
    pub host_bytes: u64,
    /// Keys and values of one position in f32; beside rounded weights they are held in 16 bits.
    pub kv_bytes_per_token: u64,
    /// Values between weights on a card.
    pub activations: Activations,
    /// The same on the CPU.
    pub host_activations: Activations,
}

impl MemoryPlan {
    /// `table_bytes` is the size of one number of the embedding in the file.
    fn new(config: &VlmConfig, plan: &Plan, table_bytes: u64) -> Self {
        let mut sizes = Self {
            vision: MatrixSizes::default(),
            layers: MatrixSizes::default(),
            head: MatrixSizes::default(),
            adapters: MatrixSizes::default(),
            largest_matrix: 0,
            vector_bytes: 0,
            host_bytes: 0,
            kv_bytes_per_token: config.decoder.cache_bytes_per_position(CacheType::F32),
            activations: Activations::of(config),
            host_activations: Activations::on_the_cpu(config),
        };
        for (name, tensor) in &plan.expected {
            let numbers = tensor.numbers();
            // a tied embedding is both
            let add = |to: &mut u64, bytes: u64| {
                *to = to.saturating_add(numbers.saturating_mul(bytes));
            };
            if tensor.is_matrix {
                sizes.of_role(Role::of(name)).add(tensor.matrix_sizes());
                sizes.largest_matrix = sizes.largest_matrix.max(numbers);
            }
            if tensor.is_table {
                add(&mut sizes.host_bytes, table_bytes);
            }
            if tensor.is_vector {
                add(&mut sizes.vector_bytes, size_of::<f32>() as u64);
            }
        }
        sizes
    }

    fn of_role(&mut self, role: Role) -> &mut MatrixSizes {
        match role {
            Role::Vision => &mut self.vision,
            Role::Layers => &mut self.layers,
            Role::Head => &mut self.head,
            Role::Adapters => &mut self.adapters,
        }
    }

    /// Bytes of all matrices.
    fn matrix_bytes(&self, precision: Precision, kind: ComputeKind) -> u64 {
        let sizes = [self.vision, self.layers, self.head, self.adapters];
        let bytes = |(role, sizes)| Storage::of(role, precision, kind).bytes(sizes);
        Role::ALL.into_iter().zip(sizes).map(bytes).fold(0, u64::saturating_add)
    }

    /// What `device` must hold for conversations of `context` positions. Where it shares the
    /// machine's memory the embedding counts among the weights.
    #[must_use]
    pub fn need(&self, precision: Precision, context: u32, device: &DeviceInfo) -> MemoryNeed {
        let host_bytes = if device.has_own_memory() { 0 } else { self.host_bytes };
        let chunk = (device.kind.chunk_len() as u64).min(u64::from(context));
        let activations = match device.kind {
            ComputeKind::Cpu => self.host_activations,
            ComputeKind::Gpu | ComputeKind::IntegratedGpu | ComputeKind::SoftwareGpu => {
                self.activations
            }
        };
        let activations = activations.bytes(chunk, u64::from(context));
        // the CPU multiplies bf16 by way of a copy and of f32
        let converted = match (device.kind, precision) {
            (ComputeKind::Cpu, Precision::Bf16) => self.largest_matrix.saturating_mul(2 + 4),
            _ => 0,
        };
        let need = MemoryNeed {
            precision,
            keeps_embedding: false,
            weights_bytes: [self.vector_bytes, host_bytes]
                .into_iter()
                .fold(self.matrix_bytes(precision, device.kind), u64::saturating_add),
            kv_cache_bytes: self
                .kv_bytes(precision, device.kind)
                .saturating_mul(KvCache::capacity_for(context as usize) as u64),
            activation_bytes: activations.saturating_add(converted),
            // loading holds a tensor twice, once as the file has it, and GPU memory is cut from pages as large as the
            // largest tensor, one of which may stay half empty
            headroom_bytes: self
                .largest_matrix
                .saturating_mul(if precision == Precision::F32 { 4 } else { 2 })
                .saturating_add(SPARE_BYTES),
        };
        self.with_embedding(need, device)
    }

    /// And a copy of the embedding, where an adapter surely has room for it.
    fn with_embedding(&self, need: MemoryNeed, device: &DeviceInfo) -> MemoryNeed {
        let weights_bytes = need.weights_bytes.saturating_add(self.host_bytes);
        let more = MemoryNeed { weights_bytes, keeps_embedding: true, ..need };
        let fits = more.fit(device) == Some(Fit::Comfortable);
        if device.kind != ComputeKind::Cpu && fits { more } else { need }
    }

    /// Keys and values of one position beside weights of this precision.
    #[must_use]
    pub fn kv_bytes(&self, precision: Precision, kind: ComputeKind) -> u64 {
        let bytes = kind.cache_type(precision).bytes() as u64;
        self.kv_bytes_per_token * bytes / CacheType::F32.bytes() as u64
    }

    /// In every precision, the exact one first.
    #[must_use]
    pub fn needs(&self, context: u32, device: &DeviceInfo) -> Vec<MemoryNeed> {
        Precision::ALL.map(|precision| self.need(precision, context, device)).to_vec()
    }
}
