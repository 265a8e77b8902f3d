//! The CPU's convolutions of few channels, there and back, without laying windows out.
//!
//! Eight places are computed at once from the rows of pixels that they see. With many channels a
//! matrix product over laid out windows is as fast.

use burn::backend::TensorMetadata as _;
use burn::tensor::TensorData;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::nn::kernel::host::{LANES, Vector, Work, run};
use crate::nn::kernel::picture::{TAPS, Windows};

/// Places that are computed at once.
const PLACES: usize = 8;
/// Numbers of a gradient that a thread goes over again and again.
const STRIP: usize = 1 << 14;

type Vectors = Vec<[f32; LANES]>;

/// What every place of a grid sees of another grid. Rows and columns go apart: along each side a
/// place has some steps, each to a place of the other grid or to none.
struct Seen {
    rows: Vec<Vec<Option<usize>>>,
    columns: Vec<Vec<Option<usize>>>,
    /// Of the other grid.
    width: usize,
    /// Steps with the same tap, along each side.
    repeat: usize,
}

impl Seen {
    /// The pixels under every window.
    fn pixels(windows: Windows) -> Self {
        let [height, width] = windows.size;
        let along = |count: usize, extent: usize| -> Vec<Vec<Option<usize>>> {
            let steps = |at: usize| (0..3).map(|tap| windows.inside(at, tap, extent)).collect();
            (0..count).map(steps).collect()
        };
        let [down, across] = windows.count();
        Self { rows: along(down, height), columns: along(across, width), width, repeat: 1 }
    }

    /// The windows over every pixel.
    fn windows(windows: Windows) -> Self {
        let repeat = windows.repeat;
        let along = |extent: usize, count: usize| -> Vec<Vec<Option<usize>>> {
            let step =
                |at: usize, step: usize| windows.seen_by(at, step % repeat, step / repeat, count);
            (0..extent).map(|at| (0..3 * repeat).map(|one| step(at, one)).collect()).collect()
        };
        let ([height, width], [down, across]) = (windows.size, windows.count());
        Self { rows: along(height, down), columns: along(width, across), width: across, repeat }
    }

    /// Of some rows of places: those that see a pixel with a tap, and where its numbers begin.
    fn under(&self, rows: &[Vec<Option<usize>>], tap: usize, channels: usize) -> Vec<[usize; 2]> {
        let mut places = Vec::with_capacity(rows.len() * self.columns.len());
        for (line, row) in rows.iter().enumerate() {
            let Some(row) = row.get(tap / 3).copied().flatten() else { continue };
            for (at, column) in self.columns.iter().enumerate() {
                if let Some(column) = column.get(tap % 3).copied().flatten() {
                    let place = line * self.columns.len() + at;
                    places.push([place, (row * self.width + column) * channels]);
                }
            }
        }
        places
    }

    /// Steps with the tap of each.
    fn steps(&self) -> impl Iterator<Item = ([usize; 2], usize)> {
        let (len, repeat) = (3 * self.repeat, self.repeat);
        let steps = (0..len).flat_map(move |down| (0..len).map(move |across| [down, across]));
        steps.map(move |step| (step, step[0] / repeat * 3 + step[1] / repeat))
    }
}

/// A convolution's gradients and what they depend on.
#[derive(Clone, Debug)]
pub(super) struct Convolved {
    pub(super) x: FlexTensor,
    pub(super) weight: FlexTensor,
    pub(super) windows: Windows,
}

impl Convolved {
    /// Inputs and outputs.
    fn channels(&self) -> [usize; 2] {
        let extent = |tensor: &FlexTensor, at: usize| tensor.shape().as_slice().get(at).copied();
        [extent(&self.x, 1).unwrap_or(0), extent(&self.weight, 0).unwrap_or(0)]
    }

    /// # Shapes
    /// `[pixels, inputs]`, `[outputs, inputs · 9]` → `[windows, outputs]`.
    pub(super) fn forward(&self) -> FlexTensor {
        let [inputs, outputs] = self.channels();
        let (x, weight) = (self.x.to_contiguous(), self.weight.to_contiguous());
        let weight = weight.storage::<f32>();
        let packed = packed(inputs, outputs, |tap, input, output| {
            weight.get((output * inputs + input) * TAPS + tap).copied().unwrap_or(0.0)
        });
        let seen = Seen::pixels(self.windows);
        gathered(&seen, [x.storage::<f32>(), &vec![0.0; inputs]], &packed, outputs)
    }

    /// The gradient of x, where it is wanted, and that of the weight.
    pub(super) fn back(
        &self,
        gradient: &FlexTensor,
        of_x: bool,
    ) -> (Option<FlexTensor>, FlexTensor) {
        let gradient = gradient.to_contiguous();
        let gradient = gradient.storage::<f32>();
        (of_x.then(|| self.back_to_pixels(gradient)), self.back_to_weight(gradient))
    }

    fn back_to_pixels(&self, gradient: &[f32]) -> FlexTensor {
        let [inputs, outputs] = self.channels();
        let weight = self.weight.to_contiguous();
        let weight = weight.storage::<f32>();
        let packed = packed(outputs, inputs, |tap, output, input| {
            weight.get((output * inputs + input) * TAPS + tap).copied().unwrap_or(0.0)
        });
        let seen = Seen::windows(self.windows);
        gathered(&seen, [gradient, &vec![0.0; outputs]], &packed, inputs)
    }

    fn back_to_weight(&self, gradient: &[f32]) -> FlexTensor {
        let [inputs, outputs] = self.channels();
        let x = self.x.to_contiguous();
        let x = x.storage::<f32>();
        let (seen, tiles) = (Seen::pixels(self.windows), outputs.div_ceil(LANES));
        let a_row = (seen.columns.len() * outputs).max(1);
        let strip = (STRIP / a_row).max(1);
        let strips: Vec<Vectors> = gradient
            .par_chunks(strip * a_row)
            .zip(seen.rows.par_chunks(strip))
            .map(|(part, lines)| {
                let rows = in_vectors(part, outputs);
                let mut sums = vec![[0.0; LANES]; TAPS * inputs * tiles];
                for (tap, sums) in sums.chunks_exact_mut((inputs * tiles).max(1)).enumerate() {
                    let places = seen.under(lines, tap, inputs);
                    run(WeightBack { x, inputs, places: &places, rows: &rows, tiles, sums });
                }
                sums
            })
            .collect();
        let mut out = vec![0.0; outputs * inputs * TAPS];
        for sums in &strips {
            for (at, vectors) in sums.chunks_exact(tiles.max(1)).enumerate() {
                let (tap, input) = (at / inputs.max(1), at % inputs.max(1));
                for (output, sum) in vectors.as_flattened().iter().take(outputs).enumerate() {
                    if let Some(place) = out.get_mut((output * inputs + input) * TAPS + tap) {
                        *place += sum;
                    }
                }
            }
        }
        FlexTensor::from_data(TensorData::new(out, [outputs, inputs * TAPS]))
    }
}

/// Weights in the order in which they are used: `[tiles of outputs][tap][input]`.
fn packed(inputs: usize, outputs: usize, weight: impl Fn(usize, usize, usize) -> f32) -> Vectors {
    let mut out = Vectors::with_capacity(outputs.div_ceil(LANES) * TAPS * inputs);
    for tile in 0..outputs.div_ceil(LANES) {
        for (tap, input) in (0..TAPS).flat_map(|tap| (0..inputs).map(move |input| (tap, input))) {
            out.push(std::array::from_fn(|lane| {
                let output = tile * LANES + lane;
                if output < outputs { weight(tap, input, output) } else { 0.0 }
            }));
        }
    }
    out
}

/// Rows of numbers in whole vectors.
fn in_vectors(rows: &[f32], len: usize) -> Vectors {
    let vector = |part: &[f32]| -> [f32; LANES] {
        std::array::from_fn(|lane| part.get(lane).copied().unwrap_or(0.0))
    };
    rows.chunks(len.max(1)).flat_map(|row| row.chunks(LANES).map(vector)).collect()
}

/// For every place the sum over what it sees of weights by channels; `zeros` is what there is
/// where it sees nothing.
fn gathered(
    seen: &Seen,
    [numbers, zeros]: [&[f32]; 2],
    weights: &Vectors,
    outputs: usize,
) -> FlexTensor {
    let (channels, across) = (zeros.len(), seen.columns.len());
    let mut out = vec![0.0; seen.rows.len() * across * outputs];
    let a_tile = (TAPS * channels).max(1);
    let lines = out.par_chunks_mut((across * outputs).max(1)).zip(&seen.rows);
    lines.for_each(|(line, row)| {
        let blocks = line.chunks_mut((PLACES * outputs).max(1)).zip(seen.columns.chunks(PLACES));
        for (out, columns) in blocks {
            for (tile, weights) in weights.chunks_exact(a_tile).enumerate() {
                let sums = run(Block { seen, row, columns, numbers, zeros, weights });
                for (place, sums) in out.chunks_mut(outputs).zip(sums) {
                    let to = place.iter_mut().skip(tile * LANES);
                    to.zip(sums).for_each(|(place, sum)| *place = sum);
                }
            }
        }
    });
    FlexTensor::from_data(TensorData::new(out, [seen.rows.len() * across, outputs]))
}

/// Some places side by side, and a vector of outputs.
struct Block<'a> {
    seen: &'a Seen,
    /// Steps of their row.
    row: &'a [Option<usize>],
    /// Steps of their columns.
    columns: &'a [Vec<Option<usize>>],
    numbers: &'a [f32],
    zeros: &'a [f32],
    /// `[tap][channel]`
    weights: &'a [[f32; LANES]],
}

impl Work for Block<'_> {
    type Out = [[f32; LANES]; PLACES];

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Out {
        let Self { seen, row, columns, numbers, zeros, weights } = self;
        let channels = zeros.len();
        let mut sums = [V::splat(0.0); PLACES];
        for ([down, across], tap) in seen.steps() {
            let Some(row) = row.get(down).copied().flatten() else { continue };
            let mut is_any = false;
            let rows: [&[f32]; PLACES] = std::array::from_fn(|at| {
                let column = columns.get(at).and_then(|steps| steps.get(across).copied().flatten());
                let from = column.map(|column| (row * seen.width + column) * channels);
                let found = from.and_then(|from| numbers.get(from..from + channels));
                is_any |= found.is_some();
                found.unwrap_or(zeros)
            });
            if !is_any {
                continue;
            }
            let of_tap = weights.get(tap * channels..(tap + 1) * channels).unwrap_or_default();
            let [a, b, c, d, e, f, g, h] = rows;
            let (ab, cd) = (a.iter().zip(b), c.iter().zip(d));
            let (ef, gh) = (e.iter().zip(f), g.iter().zip(h));
            for (vector, (((a, b), (c, d)), ((e, f), (g, h)))) in
                of_tap.iter().zip(ab.zip(cd).zip(ef.zip(gh)))
            {
                let vector = V::load(vector);
                for (sum, value) in sums.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                    *sum = sum.plus_product(V::splat(*value), vector);
                }
            }
        }
        let mut out = [[0.0; LANES]; PLACES];
        for (out, sum) in out.iter_mut().zip(sums) {
            sum.store(out);
        }
        out
    }
}

/// What one tap's weights get from a strip.
struct WeightBack<'a> {
    x: &'a [f32],
    inputs: usize,
    /// Rows of the strip that see a pixel with it, and where its numbers begin.
    places: &'a [[usize; 2]],
    /// `[rows][tiles]`
    rows: &'a [[f32; LANES]],
    tiles: usize,
    /// `[inputs][tiles]`
    sums: &'a mut [[f32; LANES]],
}

impl Work for WeightBack<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { x, inputs, places, rows, tiles, sums } = self;
        let tiles = tiles.max(1);
        for first in (0..inputs).step_by(PLACES) {
            let count = PLACES.min(inputs - first);
            for tile in 0..tiles {
                let mut parts = [V::splat(0.0); PLACES];
                for [row, at] in places {
                    let from = at + first;
                    let (Some(values), Some(vector)) =
                        (x.get(from..from + count), rows.get(row * tiles + tile))
                    else {
                        continue;
                    };
                    let vector = V::load(vector);
                    // of a known length, so that the parts stay in registers
                    if let Ok(values) = <&[f32; PLACES]>::try_from(values) {
                        add::<V>(&mut parts, values, vector);
                    } else {
                        add::<V>(&mut parts, values, vector);
                    }
                }
                for (at, part) in parts.iter().enumerate().take(count) {
                    if let Some(place) = sums.get_mut((first + at) * tiles + tile) {
                        part.store(place);
                    }
                }
            }
        }
    }
}

/// Adds a vector times each of some numbers.
#[inline(always)]
fn add<V: Vector>(parts: &mut [V; PLACES], values: &[f32], vector: V) {
    for (part, value) in parts.iter_mut().zip(values) {
        *part = part.plus_product(V::splat(*value), vector);
    }
}
