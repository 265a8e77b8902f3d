//! Text of the file → Unicode: Specific Character Set with its code extensions (PS3.3 C.12.1.1.2,
//! PS3.5 6.1).

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1254,
};

/// What the bytes of a run mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// One of `encoding_rs`.
    Plain(&'static Encoding),
    /// ISO-IR 6 and 100: every byte is its own code point.
    Latin1,
    /// ISO-IR 203: Latin 9, in which eight letters differ from Latin 1.
    Latin9,
    /// ISO-IR 13: JIS X 0201, romaji below and half-width katakana above.
    JisX0201,
    /// ISO-IR 87: JIS X 0208, two 7-bit bytes.
    JisX0208,
    /// ISO-IR 159: JIS X 0212, two 7-bit bytes.
    JisX0212,
}

/// The character sets of a data set.
#[derive(Clone, Debug)]
pub(super) struct CharacterSet {
    first: Coding,
    extended: bool,
}

impl Default for CharacterSet {
    fn default() -> Self {
        Self { first: Coding::Latin1, extended: false }
    }
}

impl CharacterSet {
    /// From the value of (0008,0005), not yet split.
    pub(super) fn parse(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let mut terms = text.split('\\').map(|term| term.trim_matches([' ', '\0']));
        let first = terms.next().unwrap_or_default();
        let extended = first.starts_with("ISO 2022") || terms.next().is_some();
        Self { first: coding_of_term(first), extended }
    }

    /// Decode one value; with code extensions the escapes are obeyed and vanish.
    pub(super) fn decode(&self, bytes: &[u8], delimiters: &[u8]) -> String {
        if !self.extended && !bytes.contains(&0x1B) {
            return decode_run(self.first, bytes);
        }
        let mut text = String::new();
        let (mut g0, mut g1) = (None, None);
        let (mut at, mut from) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            let escape = if byte == 0x1B { escape_at(bytes.get(at + 1..)) } else { None };
            let two_byte = matches!(g0, Some(Coding::JisX0208 | Coding::JisX0212));
            let delimits = !two_byte && delimiters.contains(&byte);
            if escape.is_none() && !delimits {
                at += 1;
                continue;
            }
            let coding = self.active(g0, g1, bytes.get(from..at).unwrap_or_default());
            text.push_str(&decode_run(coding, bytes.get(from..at).unwrap_or_default()));
            if let Some((len, coding, upper)) = escape {
                if upper {
                    g1 = coding;
                } else {
                    g0 = coding;
                }
                at += 1 + len;
            } else {
                // delimiters reset the active sets (PS3.5 6.1.2.5.3)
                (g0, g1) = (None, None);
                text.push(char::from(byte));
                at += 1;
            }
            from = at;
        }
        let rest = bytes.get(from..).unwrap_or_default();
        text.push_str(&decode_run(self.active(g0, g1, rest), rest));
        text
    }

    fn active(&self, g0: Option<Coding>, g1: Option<Coding>, run: &[u8]) -> Coding {
        let has_upper = run.iter().any(|byte| *byte >= 0x80);
        match (g0, g1) {
            (Some(coding @ (Coding::JisX0208 | Coding::JisX0212)), _) => coding,
            (_, Some(coding)) if has_upper => coding,
            (Some(coding), _) => coding,
            (None, Some(coding)) => coding,
            (None, None) => self.first,
        }
    }
}

/// Defined terms of (0008,0005), with and without code extensions.
fn coding_of_term(term: &str) -> Coding {
    let number = term.trim_start_matches("ISO_IR ").trim_start_matches("ISO 2022 IR ");
    match number.trim_start_matches("ISO_IR").trim() {
        "101" => Coding::Plain(ISO_8859_2),
        "109" => Coding::Plain(ISO_8859_3),
        "110" => Coding::Plain(ISO_8859_4),
        "126" => Coding::Plain(ISO_8859_7),
        "127" => Coding::Plain(ISO_8859_6),
        "138" => Coding::Plain(ISO_8859_8),
        "144" => Coding::Plain(ISO_8859_5),
        "148" => Coding::Plain(WINDOWS_1254),
        "166" => Coding::Plain(WINDOWS_874),
        "192" => Coding::Plain(UTF_8),
        "203" => Coding::Latin9,
        "13" => Coding::JisX0201,
        "149" => Coding::Plain(EUC_KR),
        "58" => Coding::Plain(GBK),
        "GB18030" => Coding::Plain(GB18030),
        "GBK" => Coding::Plain(GBK),
        "BIG5" => Coding::Plain(BIG5),
        _ => Coding::Latin1,
    }
}

/// The bytes after ESC: how many belong to it, what it selects, and whether for G1 (PS3.3 tables
/// C.12-3 and C.12-4).
fn escape_at(after: Option<&[u8]>) -> Option<(usize, Option<Coding>, bool)> {
    let after = after?;
    let pairs: [(&[u8], Coding, bool); 18] = [
        (b"(B", Coding::Latin1, false),
        (b"(J", Coding::JisX0201, false),
        (b")I", Coding::JisX0201, true),
        (b"-A", Coding::Latin1, true),
        (b"-B", Coding::Plain(ISO_8859_2), true),
        (b"-C", Coding::Plain(ISO_8859_3), true),
        (b"-D", Coding::Plain(ISO_8859_4), true),
        (b"-L", Coding::Plain(ISO_8859_5), true),
        (b"-G", Coding::Plain(ISO_8859_6), true),
        (b"-F", Coding::Plain(ISO_8859_7), true),
        (b"-H", Coding::Plain(ISO_8859_8), true),
        (b"-M", Coding::Plain(WINDOWS_1254), true),
        (b"-T", Coding::Plain(WINDOWS_874), true),
        (b"-b", Coding::Latin9, true),
        (b"$B", Coding::JisX0208, false),
        (b"$(D", Coding::JisX0212, false),
        (b"$)C", Coding::Plain(EUC_KR), true),
        (b"$)A", Coding::Plain(GBK), true),
    ];
    pairs.into_iter().find_map(|(letters, coding, upper)| {
        let back_to_ascii = letters == b"(B";
        after.starts_with(letters).then_some((
            letters.len(),
            (!back_to_ascii).then_some(coding),
            upper,
        ))
    })
}

fn decode_run(coding: Coding, bytes: &[u8]) -> String {
    match coding {
        Coding::Plain(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        Coding::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
        Coding::Latin9 => bytes.iter().map(|&byte| latin9(byte)).collect(),
        Coding::JisX0201 => SHIFT_JIS.decode_without_bom_handling(bytes).0.into_owned(),
        Coding::JisX0208 => {
            let upper: Vec<u8> = bytes.iter().map(|byte| upper_half(*byte)).collect();
            EUC_JP.decode_without_bom_handling(&upper).0.into_owned()
        }
        Coding::JisX0212 => {
            let upper: Vec<u8> = bytes
                .chunks(2)
                .flat_map(|pair| {
                    std::iter::once(0x8F).chain(pair.iter().map(|byte| upper_half(*byte)))
                })
                .collect();
            EUC_JP.decode_without_bom_handling(&upper).0.into_owned()
        }
    }
}

fn upper_half(byte: u8) -> u8 {
    if byte > 0x20 { byte | 0x80 } else { byte }
}

fn latin9(byte: u8) -> char {
    match byte {
        0xA4 => '€',
        0xA6 => 'Š',
        0xA8 => 'š',
        0xB4 => 'Ž',
        0xB8 => 'ž',
        0xBC => 'Œ',
        0xBD => 'œ',
        0xBE => 'Ÿ',
        other => char::from(other),
    }
}
