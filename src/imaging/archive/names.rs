//! Names of entries: what they say, and whether they may be taken.

/// Longest name taken.
const MAX_LEN: usize = 2048;

/// Bytes 128 to 255 of code page 437, in which names are written unless they say otherwise.
const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}";

/// A name as text: UTF-8 where it is that, for archives seldom say so, else code page 437.
pub(super) fn decoded(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let upper: Vec<char> = CODE_PAGE_437.chars().collect();
    let letter = |&byte: &u8| match byte {
        0..=127 => char::from(byte),
        _ => upper.get(usize::from(byte) - 128).copied().unwrap_or('?'),
    };
    bytes.iter().map(letter).collect()
}

/// The name with nothing in it but folders and a file, or why it is not taken.
pub(super) fn safe(name: &str) -> Result<String, &'static str> {
    let is_drive = name.as_bytes().get(1) == Some(&b':')
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if name.len() > MAX_LEN {
        return Err("its name is too long");
    }
    if name.chars().any(char::is_control) {
        return Err("its name holds control codes");
    }
    if name.contains('\\') {
        return Err("its name has backslashes");
    }
    if name.starts_with('/') || is_drive {
        return Err("its name is an absolute path");
    }
    if name.split('/').any(|part| part == "..") {
        return Err("its name leads out of the archive");
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() { Err("it has no name") } else { Ok(parts.join("/")) }
}

/// Names that a walk over folders would not look at either, and what macOS adds.
pub(super) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}

/// For a message: without what drives a terminal.
pub(super) fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(256).collect()
}
