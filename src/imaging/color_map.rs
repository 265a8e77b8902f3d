//! Colours in place of grey levels, for the reader's eye alone.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::display_image::{Channels, DisplayImage};

/// A colour for each of 256 grey levels. The four in between are DICOM's (PS3.6 B.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColorMap {
    /// As it is.
    #[default]
    Grey,
    /// `HOT_IRON`
    HotIron,
    /// `PET`
    Pet,
    /// `HOT_METAL_BLUE`
    HotMetalBlue,
    /// `PET_20_STEP`
    Pet20Step,
    /// Evenly spaced for the eye.
    Viridis,
}

impl ColorMap {
    /// In the order they are offered.
    pub const ALL: [Self; 6] =
        [Self::Grey, Self::HotIron, Self::Pet, Self::HotMetalBlue, Self::Pet20Step, Self::Viridis];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "Grey",
            Self::HotIron => "Hot iron",
            Self::Pet => "PET",
            Self::HotMetalBlue => "Hot metal blue",
            Self::Pet20Step => "PET 20 step",
            Self::Viridis => "Viridis",
        }
    }

    /// `hot-iron`: what the command line says.
    #[must_use]
    pub fn id(self) -> String {
        self.name().to_lowercase().replace(' ', "-")
    }

    /// Whether nothing is coloured.
    #[must_use]
    pub fn is_grey(self) -> bool {
        self == Self::Grey
    }

    /// The colour of a grey level.
    #[must_use]
    pub fn color(self, level: u8) -> [u8; 3] {
        let table = match self {
            Self::Grey => return [level; 3],
            Self::HotIron => include_bytes!("../../assets/color-maps/hot-iron.rgb"),
            Self::Pet => include_bytes!("../../assets/color-maps/pet.rgb"),
            Self::HotMetalBlue => include_bytes!("../../assets/color-maps/hot-metal-blue.rgb"),
            Self::Pet20Step => include_bytes!("../../assets/color-maps/pet-20-step.rgb"),
            Self::Viridis => include_bytes!("../../assets/color-maps/viridis.rgb"),
        };
        let (colors, _) = table.as_chunks::<3>();
        colors.get(usize::from(level)).copied().unwrap_or([level; 3])
    }

    /// A grey picture in these colours; one in colour as it is.
    #[must_use]
    pub fn apply(self, image: DisplayImage) -> DisplayImage {
        if self.is_grey() || image.channels != Channels::Gray {
            return image;
        }
        let table: Vec<[u8; 3]> = (0..=u8::MAX).map(|level| self.color(level)).collect();
        let color = |level: &u8| table.get(usize::from(*level)).copied().unwrap_or_default();
        let pixels = image.pixels.iter().flat_map(color).collect();
        DisplayImage { channels: Channels::Rgb, pixels, ..image }
    }
}

impl FromStr for ColorMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|map| map.id() == text);
        known.ok_or_else(|| {
            let ids: Vec<String> = Self::ALL.into_iter().map(Self::id).collect();
            format!("expected one of {}", ids.join(", "))
        })
    }
}
