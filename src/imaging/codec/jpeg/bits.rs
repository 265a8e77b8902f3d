//! Bits of an entropy-coded segment: FF 00 stands for FF, any other FF ends it (F.2.2.5).

/// Reads from the highest bit down; zeros beyond the end.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
    beyond: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, held: 0, count: 0, beyond: 0 }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF), _) | (None, _) => {
                    self.beyond = self.beyond.saturating_add(8);
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The next 16 bits, which stay where they are.
    pub(super) fn peek16(&mut self) -> u16 {
        if self.count < 16 {
            self.fill();
        }
        u16::try_from(self.held >> (self.count - 16) & 0xFFFF).unwrap_or(0)
    }

    /// Step over bits that were looked at.
    pub(super) fn skip(&mut self, bits: u32) {
        self.count = self.count.saturating_sub(bits);
    }

    /// Up to 16 bits.
    pub(super) fn read(&mut self, bits: u32) -> u32 {
        if bits == 0 {
            return 0;
        }
        let value = u32::from(self.peek16()) >> (16 - bits.min(16));
        self.skip(bits);
        value
    }

    /// A signed number in JPEG's own form (F.2.2.1, EXTEND).
    pub(super) fn read_signed(&mut self, bits: u32) -> i32 {
        let value = self.read(bits).cast_signed();
        if bits > 0 && value < 1 << (bits - 1) { value - (1 << bits) + 1 } else { value }
    }

    /// Whether more was read than there is.
    pub(super) fn is_exhausted(&self) -> bool {
        self.beyond > self.count
    }

    /// Go to the next restart marker; `false` when there is none.
    pub(super) fn restart(&mut self) -> bool {
        (self.held, self.count, self.beyond) = (0, 0, 0);
        let ahead = self.data.get(self.at..).unwrap_or_default();
        let marker = ahead.windows(2).position(|pair| matches!(pair, [0xFF, 1..=0xFE]));
        match marker.and_then(|skip| Some((skip, *ahead.get(skip + 1)?))) {
            Some((skip, 0xD0..=0xD7)) => {
                self.at += skip + 2;
                true
            }
            _ => false,
        }
    }

    /// Bytes used up to the marker that ends the scan.
    pub(super) fn position(&self) -> usize {
        self.at
    }
}
