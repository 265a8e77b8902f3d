//! Memory for the values between weights: an upper estimate from the shapes.
//!
//! All of these values are f32 whatever the weights are stored in. Counted is what is alive at the
//! worst moment of reading a chunk of `s` positions while `e` positions are in the cache, with
//! temporary copies that the engines make of what they cannot multiply as it lies:
//!
//! - rows of the chunk, `s` times: 3 of the decoder's width (residual, normalised, result), and
//!   the larger of 5 of all query heads and 2 of all key heads (queries and their rotation; keys,
//!   values) and 6 of the feed-forward width (gate, up, activated, product, and two of an adapter
//!   or of a matrix that holds both);
//! - on a card scores and their softmax, 2 · heads · s · e, and keys and values of one layer,
//!   copied: 2 · key heads · e;
//! - on the CPU, which reads the cache where it lies and finishes a few rows before it begins the
//!   next, the scores of those few rows of one head, a thread each;
//! - scores of the vocabulary, twice.
//!
//! Pictures go through the tower one at a time, before the prompt is read. Its memory is counted
//! beside the decoder's, for allocators keep what they have: the larger of attention and
//! feed-forward part of one block, counted in the same way, and the features of the pictures that
//! are kept.

use serde::{Deserialize, Serialize};

use crate::nn::{
    ClipConfig, DecoderConfig, MAX_WINDOW_SCORES, QwenVitConfig, ROWS_AT_ONCE, VISION_ROWS_AT_ONCE,
};
use crate::vlm::config::{VisionConfig, VlmConfig};
use crate::vlm::features::KEPT_PICTURES;

const F32: usize = size_of::<f32>();

/// Keys whose scores lie in one piece.
const KEYS: usize = 16;

/// Bytes by what they grow with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activations {
    /// For every position read at once.
    pub per_position: u64,
    /// For every pair of a position read and a position in the cache.
    pub per_score: u64,
    /// For every position in the cache.
    pub per_key: u64,
    /// Whatever is read: pictures and the scores of the vocabulary.
    pub fixed: u64,
}

impl Activations {
    /// On a card.
    pub(super) fn of(config: &VlmConfig) -> Self {
        let decoder = &config.decoder;
        let (_, keys) = widths(decoder);
        Self {
            per_score: bytes(2 * decoder.num_attention_heads),
            per_key: bytes(2 * keys),
            ..Self::without_scores(config, clip_scores)
        }
    }

    /// On the CPU, with all its threads.
    pub(super) fn on_the_cpu(config: &VlmConfig) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let decoder = &config.decoder;
        // of a single row the heads that share a key head
        let share = decoder.num_attention_heads / decoder.kv_heads().max(1);
        let scores = |clip: &ClipConfig| {
            let rows = clip.num_patches().saturating_add(1).next_multiple_of(KEYS);
            rows.saturating_mul(VISION_ROWS_AT_ONCE * threads)
        };
        Self {
            per_score: 0,
            per_key: bytes(ROWS_AT_ONCE.max(share) * threads),
            ..Self::without_scores(config, scores)
        }
    }

    fn without_scores(config: &VlmConfig, clip_scores: impl Fn(&ClipConfig) -> usize) -> Self {
        let decoder = &config.decoder;
        let (queries, keys) = widths(decoder);
        let attention = 5 * queries + 2 * keys;
        let row = 3 * decoder.hidden_size + attention.max(6 * decoder.intermediate_size);
        let kept = config.vision.max_rows().saturating_mul(KEPT_PICTURES * decoder.hidden_size);
        let picture = match &config.vision {
            VisionConfig::Clip(clip) => {
                let scores = clip_scores(&clip.config);
                clip_numbers(&clip.config, decoder.hidden_size, scores)
            }
            VisionConfig::Qwen(qwen) => qwen_numbers(&qwen.vit, qwen.processor.max_cells()),
        };
        let fixed = picture.saturating_add(kept).saturating_add(2 * decoder.vocab_size);
        Self { per_position: bytes(row), per_score: 0, per_key: 0, fixed: bytes(fixed) }
    }

    /// Reading `chunk` positions at once while `keys` are in the cache.
    #[must_use]
    pub fn bytes(&self, chunk: u64, keys: u64) -> u64 {
        let scores = self.per_score.saturating_mul(chunk).saturating_mul(keys);
        [self.per_position.saturating_mul(chunk), self.per_key.saturating_mul(keys), self.fixed]
            .into_iter()
            .fold(scores, u64::saturating_add)
    }
}

fn bytes(numbers: usize) -> u64 {
    numbers.saturating_mul(F32) as u64
}

/// Of all query heads and of all key heads.
fn widths(decoder: &DecoderConfig) -> (usize, usize) {
    let head_dim = decoder.head_dim();
    (decoder.num_attention_heads * head_dim, decoder.kv_heads() * head_dim)
}

/// Scores and their softmax, on a card.
fn clip_scores(clip: &ClipConfig) -> usize {
    let rows = clip.num_patches().saturating_add(1);
    rows.saturating_mul(rows).saturating_mul(2 * clip.num_attention_heads)
}

/// Rows are those of the patches and one for the whole picture.
fn clip_numbers(clip: &ClipConfig, projected: usize, scores: usize) -> usize {
    let rows = clip.num_patches().saturating_add(1);
    let of_rows = |numbers: usize| rows.saturating_mul(numbers);
    let patches = of_rows(clip.num_channels * clip.patch_size * clip.patch_size);
    // residual and normalised; queries, keys, values, mixed and result, where the CPU has keys and
    // values in its own order instead of the second and the last; or three of the inner width
    // (QuickGELU) and the result
    let attention = of_rows(7 * clip.hidden_size).saturating_add(scores);
    let feed_forward = of_rows(3 * clip.hidden_size + 3 * clip.intermediate_size);
    // between the projector's matrices stand the activation and what it is of
    let features = of_rows(clip.hidden_size + 3 * projected);
    patches.saturating_add(attention.max(feed_forward).max(features))
}

/// Windows take fewer scores than the blocks that see all, which take no more at once than a limit.
fn qwen_numbers(vit: &QwenVitConfig, cells: usize) -> usize {
    let rows = cells.saturating_mul(vit.patches_per_cell());
    let of_rows = |numbers: usize| rows.saturating_mul(numbers);
    let scores = of_rows(rows).saturating_mul(vit.num_heads).min(MAX_WINDOW_SCORES);
    // residual, normalised, queries, keys and values at once, the first two turned (two
    // temporary), mixed in parts and as one, result
    let attention = of_rows(12 * vit.hidden_size).saturating_add(2 * scores);
    let feed_forward = of_rows(3 * vit.hidden_size + 4 * vit.intermediate_size);
    let merged = of_rows(4 * vit.hidden_size);
    let patches = of_rows(vit.patch_features());
    patches.saturating_add(attention.max(feed_forward).max(merged))
}
