//! Bits of a JPEG-LS scan: after an FF byte, the next one holds seven (ISO 14495-1 A.1).

/// Reads from the highest bit down; zeros once the scan has ended.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
    after_ff: bool,
    /// Bits handed out beyond the end.
    beyond: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, held: 0, count: 0, after_ff: false, beyond: 0 }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let next = self.data.get(self.at).copied();
            let (byte, bits) = match next {
                // a marker, or the end
                Some(byte) if !(self.after_ff && byte >= 0x80) => {
                    self.at += 1;
                    let bits = if self.after_ff { 7 } else { 8 };
                    self.after_ff = byte == 0xFF;
                    (byte, bits)
                }
                _ => {
                    self.beyond = self.beyond.saturating_add(8);
                    (0, 8)
                }
            };
            self.held = self.held << bits | u64::from(byte);
            self.count += bits;
        }
    }

    /// Up to 32 bits.
    pub(super) fn read(&mut self, bits: u32) -> u32 {
        if bits == 0 {
            return 0;
        }
        if self.count < bits {
            self.fill();
        }
        self.count -= bits;
        let mask = (1_u64 << bits) - 1;
        u32::try_from(self.held >> self.count & mask).unwrap_or(0)
    }

    /// Zeros before the next one, which is read too; at most `limit`.
    pub(super) fn zeros(&mut self, limit: u32) -> u32 {
        let mut zeros = 0;
        while zeros < limit {
            if self.count == 0 {
                self.fill();
            }
            let left = self.held << (64 - self.count);
            let run = left.leading_zeros().min(self.count).min(limit - zeros);
            self.count -= run;
            zeros += run;
            if self.count > 0 && zeros < limit && run < 64 {
                let is_one = self.held >> (self.count - 1) & 1 == 1;
                if is_one {
                    self.count -= 1;
                    return zeros;
                }
            }
        }
        // the limit was reached: the one that ends the run is read as well
        self.read(1);
        zeros
    }

    /// Whether more was read than there is.
    pub(super) fn is_exhausted(&self) -> bool {
        self.beyond > self.count
    }

    /// Bytes used.
    pub(super) fn position(&self) -> usize {
        // an FF before a marker belongs to the marker
        self.at - usize::from(self.after_ff)
    }
}
