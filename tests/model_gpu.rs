//! Our own kernels against plain sums, on a Vulkan adapter.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use burn::tensor::{Device, DeviceKind, Tensor, TensorData};
use reading_room::nn::{BLOCK, Block, BlockFormat, BlockMatrix, BlockRows, Linear};
use reading_room::vlm::detect_gpus;

/// The adapter this machine has, be it a software one.
fn adapter() -> Option<Device> {
    let Some(gpu) = detect_gpus().into_iter().next() else {
        println!("skipped: no Vulkan adapter");
        return None;
    };
    println!("{} ({})", gpu.name, gpu.backend);
    Some(Device::wgpu(match (gpu.is_software, gpu.is_integrated) {
        (true, _) => DeviceKind::Cpu,
        (false, true) => DeviceKind::IntegratedGpu(0),
        (false, false) => DeviceKind::DiscreteGpu(0),
    }))
}

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

fn rows_of(values: &[f32], columns: usize, device: &Device) -> Tensor<2> {
    let shape = [values.len() / columns, columns];
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn read(x: Tensor<2>) -> Vec<f32> {
    x.into_data().try_into_vec_as::<f32>().unwrap()
}

/// What the blocks of a row stand for.
fn in_blocks(format: BlockFormat, row: &[f32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(row.len());
    for part in row.chunks(BLOCK) {
        let mut values = [0.0; BLOCK];
        values[..part.len()].copy_from_slice(part);
        out.extend_from_slice(&Block::quantise(format, &values).values(format)[..part.len()]);
    }
    out
}

/// Largest difference, over the root of the mean square of what is expected.
fn error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let squares: f32 = expected.iter().map(|value| value * value).sum();
    let scale = (squares / expected.len() as f32).sqrt();
    let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(found.iter().all(|value| value.is_finite()));
    largest / scale
}

struct Product {
    rows: usize,
    inputs: usize,
    outputs: usize,
    has_bias: bool,
}

fn check_product(format: BlockFormat, case: &Product, device: &Device) {
    let Product { rows, inputs, outputs, has_bias } = *case;
    let (x, weight) = (noise(1, rows * inputs), noise(2, outputs * inputs));
    let bias = noise(3, outputs);
    let row = |at: usize, out: &mut [f32]| {
        out.copy_from_slice(&weight[at * inputs..(at + 1) * inputs]);
    };
    // in two pieces, as a large matrix would be
    let piece = |first: usize, count: usize| {
        let rows =
            BlockRows::quantise(format, count, inputs, &|at, out| row(first + at, out)).unwrap();
        BlockMatrix::new(rows, device)
    };
    let pieces = if has_bias {
        vec![piece(0, outputs)]
    } else {
        vec![piece(0, outputs / 3), piece(outputs / 3, outputs - outputs / 3)]
    };
    let on_device =
        has_bias.then(|| Tensor::from_data(TensorData::new(bias.clone(), [outputs]), device));
    let linear = Linear::blocks(pieces, on_device);
    let found = read(linear.forward(rows_of(&x, inputs, device)));
    let blocks: Vec<f32> = weight.chunks(inputs).flat_map(|row| in_blocks(format, row)).collect();
    let mut expected = Vec::new();
    for x in x.chunks(inputs) {
        for (row, bias) in blocks.chunks(inputs).zip(&bias) {
            let sum: f64 = x.iter().zip(row).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            expected.push(sum as f32 + if has_bias { *bias } else { 0.0 });
        }
    }
    let error = error(&found, &expected);
    println!("{format:?} [{rows}, {inputs}] · [{outputs}, {inputs}]ᵀ: error {error:e}");
    // many rows are multiplied in f16 where the adapter has it
    let within = if rows <= 8 { 2e-5 } else { 5e-3 };
    assert!(error <= within, "{format:?}: {error}");
}

#[test]
fn products_with_blocks_are_those_of_their_numbers() {
    let cases = [
        (1, 512, 96, true),
        (1, 1100, 67, false),
        (3, 300, 33, true),
        (17, 264, 40, false),
        (70, 512, 96, true),
    ];
    let cases =
        cases.map(|(rows, inputs, outputs, has_bias)| Product { rows, inputs, outputs, has_bias });
    let devices = [Some(Device::flex()), adapter()];
    for device in devices.iter().flatten() {
        for format in [BlockFormat::Q8, BlockFormat::Q4] {
            let start = std::time::Instant::now();
            for case in &cases {
                check_product(format, case, device);
            }
            println!("{:?}", start.elapsed());
        }
    }
}
