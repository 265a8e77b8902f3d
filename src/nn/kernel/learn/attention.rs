//! Attention of sequences of one length, there and back.

use burn::backend::TensorMetadata as _;
use burn::tensor::TensorData;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::nn::kernel::Visible;
use crate::nn::kernel::host::{LANES, Softmax, run};
use crate::nn::kernel::learn::Sequences;
use crate::nn::kernel::learn::products::{Matrix, Product};

type Vectors = Vec<[f32; LANES]>;

/// What attention was made of.
#[derive(Clone, Debug)]
pub(super) struct Attended {
    pub(super) qkv: [FlexTensor; 3],
    /// Of every sequence and head, `[seq][keys in whole vectors]`.
    pub(super) shares: Vec<Vectors>,
    pub(super) sequences: Sequences,
}

/// Sizes that follow from the tensors.
#[derive(Clone, Copy)]
struct Sizes {
    sequences: Sequences,
    rows: usize,
    seq: usize,
    head_dim: usize,
}

impl Sizes {
    fn of([q, ..]: &[FlexTensor; 3], sequences: Sequences) -> Self {
        let shape = q.shape();
        let hidden = shape.as_slice().last().copied().unwrap_or(0);
        let rows = shape.num_elements() / hidden.max(1);
        let head_dim = hidden / sequences.heads.max(1);
        Self { sequences, rows, seq: rows / sequences.count.max(1), head_dim }
    }

    /// Every sequence with every head of queries.
    fn parts(self) -> usize {
        self.sequences.count * self.sequences.heads
    }

    /// Of a part: where its queries begin, and where its keys and values do.
    fn places(self, part: usize) -> [usize; 2] {
        let Sequences { heads, kv_heads, .. } = self.sequences;
        let (sequence, head) = (part / heads, part % heads);
        let group = heads / kv_heads.max(1);
        let first = sequence * self.seq;
        [
            (first * heads + head) * self.head_dim,
            (first * kv_heads + head / group.max(1)) * self.head_dim,
        ]
    }

    fn query_row(self) -> usize {
        self.sequences.heads * self.head_dim
    }

    fn key_row(self) -> usize {
        self.sequences.kv_heads * self.head_dim
    }

    fn scale(self) -> f32 {
        (self.head_dim as f32).sqrt().recip()
    }

    fn key_tiles(self) -> usize {
        self.seq.div_ceil(LANES)
    }

    fn width_tiles(self) -> usize {
        self.head_dim.div_ceil(LANES)
    }

    /// left·right for rows of a sequence.
    fn product(self, left: Matrix<'_>, right: &[[f32; LANES]], tiles: usize) -> Vectors {
        let mut out = vec![[0.0; LANES]; self.seq * tiles];
        run(Product { left, rows: self.seq, right, tiles, out: &mut out });
        out
    }

    /// Parts as rows of a tensor of so many heads; those of one place are added up in order.
    fn gathered(self, parts: &[Vectors], heads: usize) -> FlexTensor {
        let row = heads * self.head_dim;
        let mut out = vec![0.0; self.rows * row];
        for (part, values) in parts.iter().enumerate() {
            let [queries, keys] = self.places(part);
            let from = if heads == self.sequences.heads { queries } else { keys };
            let lines = values.chunks_exact(self.width_tiles().max(1));
            for (index, line) in lines.enumerate() {
                let begin = from + index * row;
                if let Some(place) = out.get_mut(begin..begin + self.head_dim) {
                    place
                        .iter_mut()
                        .zip(line.as_flattened())
                        .for_each(|(sum, value)| *sum += value);
                }
            }
        }
        FlexTensor::from_data(TensorData::new(out, [self.rows, row]))
    }
}

/// What is attended to, and the shares of every part.
pub(super) fn attended(qkv: [FlexTensor; 3], sequences: Sequences) -> (FlexTensor, Vec<Vectors>) {
    let sizes = Sizes::of(&qkv, sequences);
    let [q, k, v] = qkv.map(|x| x.to_contiguous());
    let (q, k, v) = (q.storage::<f32>(), k.storage::<f32>(), v.storage::<f32>());
    let done: Vec<(Vectors, Vectors)> = (0..sizes.parts())
        .into_par_iter()
        .map(|part| {
            let [queries, keys] = sizes.places(part);
            let q = Matrix::rows(q, queries, sizes.query_row());
            let [k, v] = [k, v].map(|rows| Matrix::rows(rows, keys, sizes.key_row()));
            let mut packed = Vectors::new();
            k.transposed().packed(sizes.head_dim, sizes.seq, &mut packed);
            let mut shares = sizes.product(q, &packed, sizes.key_tiles());
            softmax(&mut shares, sizes);
            v.packed(sizes.seq, sizes.head_dim, &mut packed);
            let mixed = sizes.product(of_shares(&shares, sizes), &packed, sizes.width_tiles());
            (mixed, shares)
        })
        .collect();
    let (mixed, shares): (Vec<Vectors>, Vec<Vectors>) = done.into_iter().unzip();
    (sizes.gathered(&mixed, sequences.heads), shares)
}

fn of_shares(shares: &[[f32; LANES]], sizes: Sizes) -> Matrix<'_> {
    Matrix::rows(shares.as_flattened(), 0, sizes.key_tiles() * LANES)
}

/// Scores become shares of what each row sees.
fn softmax(scores: &mut [[f32; LANES]], sizes: Sizes) {
    let (seq, scale) = (sizes.seq, sizes.scale());
    let visible = match sizes.sequences.window {
        Some(window) => Visible { seq, past: 0, window },
        None => Visible::all(seq),
    };
    let mut scored = Vec::new();
    for (row, line) in scores.chunks_exact_mut(sizes.key_tiles().max(1)).enumerate() {
        let line = line.as_flattened_mut();
        let range = visible.range(row, seq);
        scored.clear();
        scored.extend_from_slice(line.get(range.clone()).unwrap_or_default());
        line.fill(0.0);
        if let Some(out) = line.get_mut(range) {
            run(Softmax { out, row: &scored, scale });
        }
    }
}

impl Attended {
    /// Gradients of q, k and v.
    pub(super) fn back(&self, gradient: &FlexTensor) -> [FlexTensor; 3] {
        let sizes = Sizes::of(&self.qkv, self.sequences);
        let [q, k, v] = self.qkv.each_ref().map(FlexTensor::to_contiguous);
        let gradient = gradient.to_contiguous();
        let (q, k, v) = (q.storage::<f32>(), k.storage::<f32>(), v.storage::<f32>());
        let gradient = gradient.storage::<f32>();
        let parts: Vec<[Vectors; 3]> = self
            .shares
            .par_iter()
            .enumerate()
            .map(|(part, shares)| {
                let [queries, keys] = sizes.places(part);
                let [q, gradient] =
                    [q, gradient].map(|rows| Matrix::rows(rows, queries, sizes.query_row()));
                let [k, v] = [k, v].map(|rows| Matrix::rows(rows, keys, sizes.key_row()));
                sizes.part_back([q, k, v], gradient, shares)
            })
            .collect();
        let mut of_all = [Vec::new(), Vec::new(), Vec::new()];
        for part in parts {
            of_all.iter_mut().zip(part).for_each(|(all, one)| all.push(one));
        }
        let Sequences { heads, kv_heads, .. } = self.sequences;
        let [of_q, of_k, of_v] = of_all;
        [
            sizes.gathered(&of_q, heads),
            sizes.gathered(&of_k, kv_heads),
            sizes.gathered(&of_v, kv_heads),
        ]
    }
}

impl Sizes {
    /// Gradients of one part's queries, keys and values.
    fn part_back(
        self,
        [q, k, v]: [Matrix<'_>; 3],
        gradient: Matrix<'_>,
        shares: &[[f32; LANES]],
    ) -> [Vectors; 3] {
        let (seq, head_dim) = (self.seq, self.head_dim);
        let (key_tiles, width_tiles) = (self.key_tiles(), self.width_tiles());
        let of_scores = of_shares(shares, self);
        let mut packed = Vectors::new();
        gradient.packed(seq, head_dim, &mut packed);
        let of_v = self.product(of_scores.transposed(), &packed, width_tiles);
        v.transposed().packed(head_dim, seq, &mut packed);
        let mut slopes = self.product(gradient, &packed, key_tiles);
        let lines = slopes.chunks_exact_mut(key_tiles.max(1));
        for (slopes, shares) in lines.zip(shares.chunks_exact(key_tiles.max(1))) {
            let (slopes, shares) = (slopes.as_flattened_mut(), shares.as_flattened());
            let drift: f32 = slopes.iter().zip(shares).map(|(slope, share)| slope * share).sum();
            for (slope, share) in slopes.iter_mut().zip(shares) {
                *slope = share * (*slope - drift) * self.scale();
            }
        }
        let of_scores = of_shares(&slopes, self);
        k.packed(seq, head_dim, &mut packed);
        let of_q = self.product(of_scores, &packed, width_tiles);
        q.packed(seq, head_dim, &mut packed);
        let of_k = self.product(of_scores.transposed(), &packed, width_tiles);
        [of_q, of_k, of_v]
    }
}
