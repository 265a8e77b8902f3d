//! Weights in blocks on the CPU: what a block keeps of its numbers, and products of every shape
//! beside sums in 64 bits.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the point of a test")]

use reading_room::nn::{BLOCK, Block, BlockFormat, HostArena, HostMatrix, pack_rows};

const FORMATS: [BlockFormat; 3] = [BlockFormat::Q14, BlockFormat::Q8, BlockFormat::Q4];

/// Numbers without a pattern, of a normal distribution's shape.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        let sum: f32 = (0..12).map(|_| self.uniform()).sum();
        sum - 6.0
    }

    fn uniform(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

fn matrix(format: BlockFormat, rows: usize, columns: usize, values: &[f32]) -> HostMatrix {
    let mut bytes = HostArena::default().take(HostMatrix::bytes_of(format, rows, columns)).unwrap();
    let row = |row: usize, out: &mut [f32]| {
        out.copy_from_slice(&values[row * columns..(row + 1) * columns]);
    };
    pack_rows(format, rows, columns, &row, &mut bytes);
    HostMatrix::from_bytes(format, rows, columns, bytes).unwrap()
}

/// Root of the mean square of the differences over that of the second.
fn relative_error(a: &[f32], b: &[f64]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    (squares / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

fn product(
    weights: impl Fn(usize, usize) -> f64,
    x: &[f32],
    rows: usize,
    columns: usize,
) -> Vec<f64> {
    x.chunks(columns)
        .flat_map(|x| {
            let dot =
                |row| x.iter().enumerate().map(|(at, x)| f64::from(*x) * weights(row, at)).sum();
            (0..rows).map(dot).collect::<Vec<f64>>()
        })
        .collect()
}

#[test]
fn a_block_keeps_what_its_bits_allow() {
    let mut numbers = Numbers(1);
    // steps of the range over √12, with room for how far the range of 32 numbers strays
    for (format, bound) in
        [(BlockFormat::Q14, 1e-4), (BlockFormat::Q8, 6e-3), (BlockFormat::Q4, 9e-2)]
    {
        let (mut kept, mut meant) = (Vec::new(), Vec::new());
        for _ in 0..500 {
            let values: [f32; BLOCK] = numbers.take(BLOCK).try_into().unwrap();
            kept.extend(Block::quantise(format, &values).values(format));
            meant.extend(values.map(f64::from));
        }
        let error = relative_error(&kept, &meant);
        assert!(error < bound && error > bound / 4.0, "{format:?} is off by {error:.1e}");
    }
}

#[test]
fn blocks_of_zeros_of_one_number_and_of_tiny_ones_are_kept() {
    let mut spike = [0.0; BLOCK];
    spike[7] = -3.0;
    for format in FORMATS {
        assert_eq!(Block::quantise(format, &[0.0; BLOCK]).values(format), [0.0; BLOCK]);
        let kept = Block::quantise(format, &spike).values(format);
        assert!((kept[7] + 3.0).abs() < 0.01, "{format:?} made {} of −3", kept[7]);
        let kept = Block::quantise(format, &[0.25; BLOCK]).values(format);
        assert!(kept.iter().all(|value| (value - 0.25).abs() < 0.002), "{format:?}: {kept:?}");
        let tiny = Block::quantise(format, &[1e-6; BLOCK]).values(format);
        assert!(tiny.iter().all(|value| value.is_finite() && value.abs() < 1e-4), "{format:?}");
    }
}

#[test]
fn products_of_every_shape_agree_with_sums_in_64_bits() {
    let mut numbers = Numbers(2);
    // inputs of one byte add their own rounding, others next to none
    for (format, of_inputs) in
        [(BlockFormat::Q14, 1e-3), (BlockFormat::Q8, 4e-2), (BlockFormat::Q4, 2.5e-2)]
    {
        for (rows, columns) in [(1, 1), (16, 32), (17, 33), (48, 100), (33, 640)] {
            let values: Vec<f32> = numbers.take(rows * columns).iter().map(|x| x * 0.05).collect();
            let weight = matrix(format, rows, columns, &values);
            let stored = |row: usize, column: usize| {
                f64::from(weight.block_values(row, column / BLOCK)[column % BLOCK])
            };
            for count in [1, 2, 3, 7, 8, 9, 31, 150] {
                let mut x = numbers.take(count * columns);
                // one number beyond the others, as networks have them
                x[0] *= 8.0;
                let mut out = vec![f32::NAN; count * rows];
                weight.product(&x, &mut out);
                let error = relative_error(&out, &product(stored, &x, rows, columns));
                assert!(
                    error < of_inputs,
                    "{format:?} {rows}×{columns}, {count} rows: {error:.1e}"
                );
            }
        }
    }
}

#[test]
fn several_threads_and_one_give_the_same_bits() {
    let mut numbers = Numbers(3);
    let (rows, columns) = (300, 256);
    let values = numbers.take(rows * columns);
    for format in FORMATS {
        let weight = matrix(format, rows, columns, &values);
        for count in [1, 5, 70] {
            let x = numbers.take(count * columns);
            let with = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut out = vec![0.0; count * rows];
                pool.install(|| weight.product(&x, &mut out));
                out
            };
            assert_eq!(with(1), with(3), "{format:?}, {count} rows");
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    let mut numbers = Numbers(4);
    let (rows, columns) = (20, 64);
    let values = numbers.take(rows * columns);
    for format in FORMATS {
        let weight = matrix(format, rows, columns, &values);
        for fault in [f32::NAN, f32::INFINITY] {
            for count in [1, 12] {
                let mut x = numbers.take(count * columns);
                x[5] = fault;
                let mut out = vec![0.0; count * rows];
                weight.product(&x, &mut out);
                assert!(out[..rows].iter().all(|sum| !sum.is_finite()), "{format:?}, {fault}");
                assert!(out[rows..].iter().all(|sum| sum.is_finite()), "{format:?}, {fault}");
            }
        }
    }
}

#[test]
fn bytes_of_another_number_are_no_matrix() {
    let bytes = HostArena::default().take(100).unwrap();
    assert!(HostMatrix::from_bytes(BlockFormat::Q8, 16, 32, bytes).is_none());
}
