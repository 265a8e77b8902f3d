//! The licence of a model, as its own files state it.

use std::{fs::File, io::Read as _, path::Path};

/// Model cards and licences are read no further than this.
const MAX_BYTES: u64 = 64 << 10;
/// A licence's title is shown no longer than this, in characters.
const MAX_TITLE: usize = 80;

/// `license:` of the model card's header, else the title of a licence file.
pub(crate) fn licence_in(folder: &Path) -> Option<String> {
    let card = read_start(&folder.join("README.md")).unwrap_or_default();
    licence_of_card(&card).or_else(|| {
        ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"]
            .iter()
            .find_map(|name| title(&read_start(&folder.join(name))?))
    })
}

/// Model cards open with YAML between two lines of dashes.
fn licence_of_card(card: &str) -> Option<String> {
    let mut lines = card.lines();
    lines.next().filter(|line| line.trim_end() == "---")?;
    lines
        .take_while(|line| line.trim_end() != "---")
        .find_map(|line| title(line.strip_prefix("license:")?))
}

fn title(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let plain = line.trim_matches(['"', '\'', '#', ' ']);
    let kept = plain.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect::<String>();
    Some(kept).filter(|kept| !kept.is_empty())
}

fn read_start(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
