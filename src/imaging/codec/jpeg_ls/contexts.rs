//! Coding parameters and adaptive contexts (ISO 14495-1 A.2, A.6, C.2.4.1.1).

use super::{super::super::error::Fault, bits::BitReader};

/// Parameters a stream may set; zero means the default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Presets {
    pub(super) max_value: i32,
    pub(super) thresholds: [i32; 3],
    pub(super) reset: i32,
}

/// Parameters of one scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coding {
    pub(super) max_value: i32,
    pub(super) near: i32,
    pub(super) range: i32,
    pub(super) bits_per_range: u32,
    pub(super) limit: u32,
    pub(super) reset: i32,
    thresholds: [i32; 3],
}

impl Coding {
    pub(super) fn new(bits: u16, near: i32, presets: Presets) -> Result<Self, Fault> {
        let top = (1_i32 << bits) - 1;
        let max_value = match presets.max_value {
            0 => top,
            max => max.min(top),
        };
        if near > max_value / 2 || max_value < 1 {
            return Err(Fault::damaged("its allowed error is larger than its samples"));
        }
        let range = (max_value + 2 * near) / (2 * near + 1) + 1;
        let bits_for = |values: i32| 32 - (values - 1).max(0).leading_zeros();
        let bits_per_sample = bits_for(max_value + 1).max(2);
        let defaults = default_thresholds(max_value, near);
        let mut thresholds = presets.thresholds;
        for (threshold, default) in thresholds.iter_mut().zip(defaults) {
            if *threshold == 0 {
                *threshold = default;
            }
        }
        let [t1, t2, t3] = thresholds;
        if t1 <= near || t2 < t1 || t3 < t2 {
            return Err(Fault::damaged("its thresholds are out of order"));
        }
        let reset = if presets.reset < 3 { 64 } else { presets.reset };
        Ok(Self {
            max_value,
            near,
            range,
            bits_per_range: bits_for(range),
            limit: 2 * (bits_per_sample + bits_per_sample.max(8)),
            reset,
            thresholds,
        })
    }

    /// −4..=4 (A.3.3).
    pub(super) fn quantize(&self, gradient: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = gradient.abs();
        let level = if size <= self.near {
            0
        } else if size < t1 {
            1
        } else if size < t2 {
            2
        } else if size < t3 {
            3
        } else {
            4
        };
        level * gradient.signum()
    }

    /// Undo the modulo reduction and keep within the range (A.4.5).
    pub(super) fn reconstruct(&self, predicted: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let mut value = predicted + error * step;
        if value < -self.near {
            value += self.range * step;
        } else if value > self.max_value + self.near {
            value -= self.range * step;
        }
        value.clamp(0, self.max_value)
    }

    /// One limited-length Golomb code (A.5.3).
    pub(super) fn golomb(&self, bits: &mut BitReader<'_>, k: u32, limit: u32) -> i32 {
        let most = limit.saturating_sub(self.bits_per_range + 1);
        let zeros = bits.zeros(most);
        let value = if zeros >= most {
            u64::from(bits.read(self.bits_per_range)) + 1
        } else {
            (u64::from(zeros) << k) + u64::from(bits.read(k))
        };
        i32::try_from(value).unwrap_or(i32::MAX >> 2)
    }
}

fn default_thresholds(max: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, low: i32| if value > max || value < low { low } else { value };
    if max >= 128 {
        let factor = (max.min(4095) + 128) / 256;
        let t1 = clamp(factor + 2 + 3 * near, near + 1);
        let t2 = clamp(factor * 4 + 3 + 5 * near, t1);
        [t1, t2, clamp(factor * 17 + 4 + 7 * near, t2)]
    } else {
        let factor = 256 / (max + 1);
        let t1 = clamp((3 / factor + 3 * near).max(2), near + 1);
        let t2 = clamp((7 / factor + 5 * near).max(3), t1);
        [t1, t2, clamp((21 / factor + 7 * near).max(4), t2)]
    }
}

/// A regular context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    a: i32,
    b: i32,
    pub(super) c: i32,
    n: i32,
}

impl Context {
    pub(super) fn new(range: i32) -> Self {
        Self { a: first_a(range), b: 0, c: 0, n: 1 }
    }

    pub(super) fn k(&self) -> u32 {
        golomb_parameter(self.n, self.a)
    }

    /// Undo the mapping to non-negative numbers (A.5.2).
    pub(super) fn unmap(&self, mapped: i32, k: u32, near: i32) -> i32 {
        let flipped = near == 0 && k == 0 && 2 * self.b <= -self.n;
        let plain = if mapped & 1 == 0 { mapped / 2 } else { -(mapped + 1) / 2 };
        if flipped { -plain - 1 } else { plain }
    }

    /// A.6.
    pub(super) fn update(&mut self, error: i32, near: i32, reset: i32) {
        self.b = self.b.saturating_add(error.saturating_mul(2 * near + 1));
        self.a = self.a.saturating_add(error.abs());
        if self.n == reset {
            self.a >>= 1;
            self.b = if self.b >= 0 { self.b >> 1 } else { -((1 - self.b) >> 1) };
            self.n >>= 1;
        }
        self.n += 1;
        if self.b <= -self.n {
            self.b = (self.b + self.n).max(1 - self.n);
            self.c = (self.c - 1).max(-128);
        } else if self.b > 0 {
            self.b = (self.b - self.n).min(0);
            self.c = (self.c + 1).min(127);
        }
    }
}

/// A context of run interruptions.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunContext {
    a: i32,
    n: i32,
    negative: i32,
    /// 1 when both neighbours are alike.
    kind: i32,
}

impl RunContext {
    pub(super) fn new(range: i32, kind: i32) -> Self {
        Self { a: first_a(range), n: 1, negative: 0, kind }
    }

    pub(super) fn k(&self) -> u32 {
        golomb_parameter(self.n, self.a + if self.kind == 1 { self.n >> 1 } else { 0 })
    }

    /// The error behind a mapped one; the context learns from it (A.7.2).
    pub(super) fn take(&mut self, mapped: i32, k: u32, reset: i32) -> i32 {
        let value = mapped.saturating_add(self.kind);
        let odd = value & 1 == 1;
        let size = value.saturating_add(i32::from(odd)) / 2;
        let error = if (k != 0 || 2 * self.negative >= self.n) == odd { -size } else { size };
        self.negative += i32::from(error < 0);
        self.a = self.a.saturating_add(mapped.saturating_add(1 - self.kind) >> 1);
        if self.n == reset {
            self.a >>= 1;
            self.n >>= 1;
            self.negative >>= 1;
        }
        self.n += 1;
        error
    }
}

fn first_a(range: i32) -> i32 {
    ((range + 32) / 64).max(2)
}

fn golomb_parameter(n: i32, a: i32) -> u32 {
    (0..24).find(|k| i64::from(n) << k >= i64::from(a)).unwrap_or(24)
}
