//! What stands for a study, a series and a frame where their identifiers must not be written.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::imaging::FrameRef;

/// Length of the key in bytes.
pub(crate) const KEY_LEN: usize = 32;
/// Block of SHA-256 in bytes.
const BLOCK: usize = 64;
/// Bytes of a mark; half a hash is too long to meet by chance.
const MARK_LEN: usize = 16;

/// Keyed hashes of the identifiers of a study, a series and a frame, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Of the Study Instance UID.
    pub study: String,
    /// Of the Series Instance UID.
    pub series: String,
    /// Of the SOP Instance UID and the frame's number, or of the file where there is no UID.
    pub frame: String,
}

/// Makes marks with a key that stays on this computer: who has a history without the key cannot
/// find out which study a mark stands for by trying.
#[derive(Clone, PartialEq, Eq)]
pub struct Marker {
    key: [u8; KEY_LEN],
}

impl Marker {
    /// With the key kept beside the history.
    #[must_use]
    pub fn new(key: [u8; KEY_LEN]) -> Self {
        Self { key }
    }

    /// The mark of a study.
    #[must_use]
    pub fn study(&self, study_key: &str) -> String {
        self.mark(&["study", study_key])
    }

    /// The mark of a frame.
    #[must_use]
    pub fn frame(&self, frame_ref: &FrameRef) -> String {
        let path;
        let name = if frame_ref.sop_instance_uid.is_empty() {
            path = frame_ref.path.display().to_string();
            &path
        } else {
            &frame_ref.sop_instance_uid
        };
        self.mark(&["frame", name, &frame_ref.frame_number.to_string()])
    }

    /// The mark of a series.
    #[must_use]
    pub fn series(&self, series_key: &str) -> String {
        self.mark(&["series", series_key])
    }

    /// All three.
    #[must_use]
    pub fn marks(&self, study_key: &str, series_key: &str, frame_ref: &FrameRef) -> Marks {
        Marks {
            study: self.study(study_key),
            series: self.series(series_key),
            frame: self.frame(frame_ref),
        }
    }

    fn mark(&self, parts: &[&str]) -> String {
        let hash = hmac_sha256(&self.key, parts.join("\0").as_bytes());
        hash.iter().take(MARK_LEN).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker(..)")
    }
}

/// HMAC of RFC 2104 with SHA-256.
#[must_use]
pub fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5C)).chain_update(inner).finalize().into()
}
