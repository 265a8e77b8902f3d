//! Keys and values on the CPU: held in 16 bits they give what 32 bits give, in half the memory.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use reading_room::nn::{
    CacheType, Decoder, DecoderConfig, KvCache, Linear, MissingTensor, Table, TableValues,
    WeightSource,
};
use reading_room::vlm::{ComputeKind, Precision};

/// Numbers between -1 and 1 that are the same every time.
fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Weights told apart by their names.
struct RandomWeights {
    /// Of keys and values.
    scale: f32,
}

fn seed(name: &str) -> u32 {
    name.bytes().fold(17, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

impl WeightSource for RandomWeights {
    fn device(&self) -> Device {
        Device::flex()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        _has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let is_kept = name.ends_with("k_proj") || name.ends_with("v_proj");
        let scale = if is_kept { self.scale } else { 0.2 };
        let values: Vec<f32> =
            noise(seed(name), outputs * inputs).iter().map(|value| value * scale).collect();
        let data = TensorData::new(values, [outputs, inputs]);
        Ok(Linear::dense(vec![Tensor::from_data(data, &Device::flex())], None))
    }

    fn vector(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        let len = shape.iter().product();
        Ok(Tensor::from_data(TensorData::new(noise(seed(name), len), [len]), &Device::flex()))
    }

    fn table(&mut self, name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        Ok(Table::new(TableValues::F32(noise(seed(name), rows * columns)), columns))
    }
}

const HIDDEN: usize = 64;

fn decoder(heads: [usize; 3], window: Option<usize>, weights: &mut RandomWeights) -> Decoder {
    let [heads, kv_heads, head_dim] = heads;
    let config: DecoderConfig = serde_json::from_value(serde_json::json!({
        "hidden_size": HIDDEN, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads,
        "head_dim": head_dim, "vocab_size": 100, "sliding_window": window,
    }))
    .unwrap();
    Decoder::init(&config, weights).unwrap()
}

/// The hidden state after further rows.
fn read(decoder: &Decoder, cache: &mut KvCache, rows: &[f32]) -> Vec<f32> {
    let count = rows.len() / HIDDEN;
    let embeds =
        Tensor::from_data(TensorData::new(rows.to_vec(), [count, HIDDEN]), &Device::flex());
    let past = cache.len() as u32;
    let positions: Vec<[u32; 3]> = (0..count as u32).map(|row| [past + row; 3]).collect();
    let go_on = &mut || ControlFlow::Continue(());
    let ControlFlow::Continue(state) = decoder.forward(embeds, &positions, cache, go_on) else {
        unreachable!("nobody breaks off")
    };
    state.into_data().try_into_vec_as::<f32>().unwrap()
}

/// Root of the mean square of the differences, over that of what is expected.
fn error(found: &[f32], expected: &[f32]) -> f32 {
    assert!(found.iter().all(|value| value.is_finite()));
    let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>();
    let off = squares(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (off / squares(&mut expected.iter().copied())).sqrt()
}

/// Rows read one after the other: few and many, and past the first growth of the cache.
const TURNS: [usize; 7] = [3, 100, 1, 17, 1, 500, 1];

#[test]
fn sixteen_bits_give_what_thirty_two_give() {
    // one key head or as many as query heads, heads of no whole number of vectors, a window
    for (heads, window) in [
        ([14, 2, 64], None),
        ([3, 3, 32], None),
        ([4, 2, 96], Some(70)),
        ([9, 1, 16], None),
        ([2, 1, 18], None),
    ] {
        let decoder = decoder(heads, window, &mut RandomWeights { scale: 0.2 });
        let caches = [CacheType::F32, CacheType::F16];
        let [mut wide, mut half] = caches.map(|number| decoder.new_cache(&Device::flex(), number));
        for (turn, rows) in TURNS.into_iter().enumerate() {
            let x = noise(turn as u32 + 40, rows * HIDDEN);
            let expected = read(&decoder, &mut wide, &x);
            let error = error(&read(&decoder, &mut half, &x), &expected);
            println!("{heads:?}, window {window:?}, {rows} rows: off by {error:e}");
            // a number is off by at most 2⁻¹¹ of itself
            assert!(error > 0.0 && error < 5e-4, "{error}");
        }
        assert_eq!(half.bytes() * 2, wide.bytes());
    }
}

#[test]
fn the_cache_is_as_exact_as_the_weights() {
    let cpu = ComputeKind::Cpu;
    for (precision, number) in [
        (Precision::F32, CacheType::F32),
        (Precision::F16, CacheType::F16),
        (Precision::Q8, CacheType::F16),
        (Precision::Q4, CacheType::F16),
    ] {
        assert_eq!(cpu.cache_type(precision), number);
        let random = &mut RandomWeights { scale: 0.2 };
        let decoder = decoder([4, 2, 32], None, random);
        let mut cache = decoder.new_cache(&Device::flex(), number);
        assert_eq!(cache.bytes(), 0);
        read(&decoder, &mut cache, &noise(1, 300 * HIDDEN));
        // it grows by 256 positions
        let expected = 512 * decoder.config().cache_bytes_per_position(number);
        assert_eq!(cache.bytes() as u64, expected, "{precision:?}");
    }
}

#[test]
fn what_is_beyond_sixteen_bits_becomes_no_infinity() {
    let large = &mut RandomWeights { scale: 1e6 };
    let decoder = decoder([4, 2, 32], None, large);
    let mut cache = decoder.new_cache(&Device::flex(), CacheType::F16);
    let mut rows = noise(3, 40 * HIDDEN);
    assert!(read(&decoder, &mut cache, &rows).iter().all(|value| value.is_finite()));
    // and what is no number stays none, for others to find
    rows[0] = f32::NAN;
    let state = read(&decoder, &mut cache, &rows);
    assert!(state.iter().skip(HIDDEN).all(|value| value.is_nan()));
}
