//! The lines of a scan: regular mode and run mode (ISO 14495-1 A.3 to A.7, annex B).

use super::{
    super::Expected,
    bits::BitReader,
    contexts::{Coding, Context, RunContext},
};

/// How the components of a scan alternate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Interleave {
    None,
    Line,
    Sample,
}

/// Order of run lengths (A.2.1).
const J: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13,
    14, 15,
];

/// Two lines of one component with a sample of margin at both ends.
struct Lines {
    above: Vec<i32>,
    current: Vec<i32>,
    run_idx: usize,
}

impl Lines {
    fn new(columns: usize) -> Self {
        Self { above: vec![0; columns + 2], current: vec![0; columns + 2], run_idx: 0 }
    }

    /// The line just decoded becomes the line above.
    fn advance(&mut self) {
        std::mem::swap(&mut self.above, &mut self.current);
        let columns = self.above.len() - 2;
        self.above[columns + 1] = self.above[columns];
        self.current[0] = self.above[1];
    }

    /// Left, above, above left, above right.
    fn neighbours(&self, x: usize) -> [i32; 4] {
        [self.current[x - 1], self.above[x], self.above[x - 1], self.above[x + 1]]
    }
}

struct Decoder<'a> {
    bits: BitReader<'a>,
    coding: &'a Coding,
    contexts: Vec<Context>,
    run_contexts: [RunContext; 2],
}

/// Decode one scan into the frame's samples; how many bytes it used and whether it was whole.
pub(super) fn decode_scan(
    data: &[u8],
    coding: &Coding,
    interleave: Interleave,
    components: &[usize],
    expected: &Expected,
    samples: &mut [u16],
) -> (usize, bool) {
    let (columns, count) = (expected.columns as usize, usize::from(expected.components));
    let mut decoder = Decoder {
        bits: BitReader::new(data),
        coding,
        contexts: vec![Context::new(coding.range); 365],
        run_contexts: [0, 1].map(|kind| RunContext::new(coding.range, kind)),
    };
    let mut lines: Vec<Lines> = components.iter().map(|_| Lines::new(columns)).collect();
    for row in samples.chunks_exact_mut(columns * count) {
        lines.iter_mut().for_each(Lines::advance);
        match interleave {
            Interleave::Sample => decoder.sample_line(&mut lines, columns),
            Interleave::None | Interleave::Line => {
                lines.iter_mut().for_each(|lines| decoder.line(lines, columns));
            }
        }
        if decoder.bits.is_exhausted() {
            return (decoder.bits.position(), false);
        }
        for (lines, component) in lines.iter().zip(components) {
            let slots = row.iter_mut().skip(*component).step_by(count);
            for (slot, value) in slots.zip(&lines.current[1..]) {
                *slot = u16::try_from(*value).unwrap_or(0);
            }
        }
    }
    (decoder.bits.position(), true)
}

impl Decoder<'_> {
    fn line(&mut self, lines: &mut Lines, columns: usize) {
        let mut x = 1;
        while x <= columns {
            let [a, b, c, d] = lines.neighbours(x);
            match self.context_of(d - b, b - c, c - a) {
                0 => x += self.run(lines, x, columns),
                context => {
                    lines.current[x] = self.regular(context, a, b, c);
                    x += 1;
                }
            }
        }
    }

    /// All components of a pixel after one another; runs are common to all.
    fn sample_line(&mut self, all: &mut [Lines], columns: usize) {
        let mut x = 1;
        while x <= columns {
            let mut contexts = [0; 4];
            for (context, lines) in contexts.iter_mut().zip(all.iter()) {
                let [a, b, c, d] = lines.neighbours(x);
                *context = self.context_of(d - b, b - c, c - a);
            }
            if contexts.iter().all(|context| *context == 0) {
                x += self.sample_run(all, x, columns);
                continue;
            }
            for (lines, context) in all.iter_mut().zip(contexts) {
                let [a, b, c, _] = lines.neighbours(x);
                lines.current[x] = self.regular(context, a, b, c);
            }
            x += 1;
        }
    }

    fn context_of(&self, d1: i32, d2: i32, d3: i32) -> i32 {
        let quantize = |gradient| self.coding.quantize(gradient);
        81 * quantize(d1) + 9 * quantize(d2) + quantize(d3)
    }

    /// A.4, A.5, A.6.
    fn regular(&mut self, context: i32, a: i32, b: i32, c: i32) -> i32 {
        let (sign, coding) = (if context < 0 { -1 } else { 1 }, self.coding);
        let Some(context) = self.contexts.get_mut(context.unsigned_abs() as usize) else {
            return 0;
        };
        let edge = if c >= a.max(b) {
            a.min(b)
        } else if c <= a.min(b) {
            a.max(b)
        } else {
            a + b - c
        };
        let predicted = (edge + sign * context.c).clamp(0, coding.max_value);
        let k = context.k();
        let mapped = coding.golomb(&mut self.bits, k, coding.limit);
        let error = context.unmap(mapped, k, coding.near).clamp(-(1 << 17), 1 << 17);
        context.update(error, coding.near, coding.reset);
        coding.reconstruct(predicted, sign * error)
    }

    /// How many samples repeat the one before, and whether the line goes on after them (A.7.1).
    fn run_length(&mut self, run_idx: &mut usize, left: usize) -> (usize, bool) {
        let mut len = 0;
        while self.bits.read(1) == 1 {
            let step = 1_usize << J[(*run_idx).min(31)];
            if left - len < step {
                return (left, false);
            }
            len += step;
            *run_idx = (*run_idx + 1).min(31);
            if len == left {
                return (left, false);
            }
        }
        let rest = self.bits.read(J[(*run_idx).min(31)]) as usize;
        let len = (len + rest).min(left);
        (len, len < left)
    }

    fn run(&mut self, lines: &mut Lines, x: usize, columns: usize) -> usize {
        let value = lines.current[x - 1];
        let mut run_idx = lines.run_idx;
        let (len, interrupted) = self.run_length(&mut run_idx, columns + 1 - x);
        lines.current[x..x + len].fill(value);
        lines.run_idx = run_idx;
        if !interrupted {
            return len;
        }
        let x = x + len;
        let (a, b) = (lines.current[x - 1], lines.above[x]);
        let alike = (a - b).abs() <= self.coding.near;
        lines.current[x] = self.interruption(a, b, run_idx, alike);
        lines.run_idx = run_idx.saturating_sub(1);
        len + 1
    }

    fn sample_run(&mut self, all: &mut [Lines], x: usize, columns: usize) -> usize {
        let mut run_idx = all.first().map_or(0, |lines| lines.run_idx);
        let (len, interrupted) = self.run_length(&mut run_idx, columns + 1 - x);
        for lines in all.iter_mut() {
            let value = lines.current[x - 1];
            lines.current[x..x + len].fill(value);
        }
        if interrupted {
            let x = x + len;
            for lines in all.iter_mut() {
                let (a, b) = (lines.current[x - 1], lines.above[x]);
                lines.current[x] = self.interruption(a, b, run_idx, false);
            }
            run_idx = run_idx.saturating_sub(1);
        }
        if let Some(lines) = all.first_mut() {
            lines.run_idx = run_idx;
        }
        len + usize::from(interrupted)
    }

    /// The sample that ends a run (A.7.2).
    fn interruption(&mut self, a: i32, b: i32, run_idx: usize, alike: bool) -> i32 {
        let coding = self.coding;
        let context = &mut self.run_contexts[usize::from(alike)];
        let k = context.k();
        let limit = coding.limit.saturating_sub(J[run_idx.min(31)] + 1);
        let mapped = coding.golomb(&mut self.bits, k, limit);
        let error = context.take(mapped, k, coding.reset).clamp(-(1 << 17), 1 << 17);
        let (predicted, sign) = match alike {
            true => (a, 1),
            false => (b, if a > b { -1 } else { 1 }),
        };
        coding.reconstruct(predicted, sign * error)
    }
}
