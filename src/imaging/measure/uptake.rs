//! Standardised uptake values: what a value of a PET picture is worth beside dose and body.

use serde::{Deserialize, Serialize};

/// What of the body the dose is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuvKind {
    /// Its weight.
    #[default]
    BodyWeight,
    /// Its weight without fat, after James.
    LeanBodyMass,
    /// Its surface, after Du Bois.
    BodySurface,
}

impl SuvKind {
    /// The usual one first.
    pub const ALL: [Self; 3] = [Self::BodyWeight, Self::LeanBodyMass, Self::BodySurface];

    /// `SUVbw`, `SUVlbm`, `SUVbsa`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyWeight => "SUVbw",
            Self::LeanBodyMass => "SUVlbm",
            Self::BodySurface => "SUVbsa",
        }
    }

    /// In what it is.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::BodyWeight | Self::LeanBodyMass => "g/ml",
            Self::BodySurface => "cm²/ml",
        }
    }
}

/// How SUV come of the values of a PET frame: what to multiply by, or why there are none, in words
/// that follow "No SUV: ". Holds no weight and no dose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uptake {
    /// By body weight.
    pub body_weight: Result<f64, String>,
    /// By lean body mass.
    pub lean_body_mass: Result<f64, String>,
    /// By body surface.
    pub body_surface: Result<f64, String>,
}

impl Uptake {
    /// For one kind.
    ///
    /// # Errors
    /// Why there is none.
    pub fn factor(&self, kind: SuvKind) -> Result<f64, &str> {
        let factor = match kind {
            SuvKind::BodyWeight => &self.body_weight,
            SuvKind::LeanBodyMass => &self.lean_body_mass,
            SuvKind::BodySurface => &self.body_surface,
        };
        factor.as_ref().map(|factor| *factor).map_err(String::as_str)
    }

    /// A value as SUV.
    #[must_use]
    pub fn suv(&self, kind: SuvKind, value: f64) -> Option<f64> {
        self.factor(kind).ok().map(|factor| value * factor)
    }

    /// Why there is none, in one sentence.
    #[must_use]
    pub fn why_not(&self, kind: SuvKind) -> Option<String> {
        self.factor(kind).err().map(|why| format!("No {}: {why}", kind.as_str()))
    }
}
