//! The bundled fonts: nothing is taken from the system, so the window looks the same everywhere.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily, FontId, FontTweak};

/// Heavier face for headings.
pub(crate) fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Firmer face for what can be pressed.
pub(crate) fn medium() -> FontFamily {
    FontFamily::Name("medium".into())
}

/// Face for longer reading, such as answers.
pub(crate) fn reading() -> FontFamily {
    FontFamily::Name("reading".into())
}

/// Icons drawn at `size`.
pub(crate) fn icon(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("icons".into()))
}

pub(crate) fn install(ctx: &egui::Context) {
    ctx.set_fonts(definitions());
}

fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let mut add = |name: &str, bytes: &'static [u8], tweak: FontTweak| {
        let data = FontData::from_static(bytes).tweak(tweak);
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
    };
    let plain = FontTweak::default;
    add("Inter", include_bytes!("../../assets/fonts/Inter-Regular.otf"), plain());
    add("Inter Medium", include_bytes!("../../assets/fonts/Inter-Medium.otf"), plain());
    add("Inter SemiBold", include_bytes!("../../assets/fonts/Inter-SemiBold.otf"), plain());
    add("JetBrains Mono", include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf"), plain());
    add("Noto Sans SC", include_bytes!("../../assets/fonts/NotoSansSC-Regular.otf"), plain());
    // drawn to fill its square: nudged down to sit on the line of the text beside it
    let nudged = FontTweak { y_offset_factor: 0.03, ..plain() };
    add("Phosphor", include_bytes!("../../assets/fonts/Phosphor.ttf"), nudged);

    // each family ends in the Chinese and icon fonts: a missing one would print boxes
    for (family, first) in [
        (FontFamily::Proportional, "Inter"),
        (medium(), "Inter Medium"),
        (FontFamily::Monospace, "JetBrains Mono"),
        (semibold(), "Inter SemiBold"),
        (reading(), "Inter"),
        (FontFamily::Name("icons".into()), "Phosphor"),
    ] {
        let mut names: Vec<String> = vec![first.to_owned()];
        for fallback in ["Inter", "Noto Sans SC", "Phosphor", "JetBrains Mono"] {
            if fallback != first {
                names.push(fallback.to_owned());
            }
        }
        fonts.families.insert(family, names);
    }
    fonts
}
