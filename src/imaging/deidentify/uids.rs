//! New UIDs for old ones, the same wherever one stands.

use sha2::{Digest as _, Sha256};

use super::DeidentifyError;

/// UIDs of the standard itself: classes, well-known frames of reference and palettes.
const STANDARD_ROOT: &str = "1.2.840.10008.";

/// A keyed hash in place of a table. The key is of one export and kept nowhere, so that nobody can
/// go from a new UID back by trying old ones.
pub(super) struct UidMap {
    key: [u8; 32],
}

impl UidMap {
    pub(super) fn new() -> Result<Self, DeidentifyError> {
        let mut key = [0; 32];
        match getrandom::fill(&mut key) {
            Ok(()) => Ok(Self { key }),
            Err(_none) => Err(DeidentifyError::NoRandomNumbers),
        }
    }

    /// One of 128 bits under the root of UUIDs (PS3.5 B.2); nothing for nothing.
    pub(super) fn new_uid(&self, uid: &str) -> String {
        if uid.is_empty() || uid.starts_with(STANDARD_ROOT) {
            return uid.to_owned();
        }
        let hash = Sha256::new_with_prefix(self.key).chain_update(uid).finalize();
        let number =
            hash.iter().take(16).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        // version 8 and variant 1: a UUID of one's own making (RFC 9562)
        let number = (number & !(0xF << 76)) | (0x8 << 76);
        let number = (number & !(0x3 << 62)) | (0x2 << 62);
        format!("2.25.{number}")
    }

    /// Each of several values.
    pub(super) fn new_uids(&self, value: &str) -> String {
        let uids = value.split('\\').map(|uid| self.new_uid(uid.trim_matches([' ', '\0'])));
        uids.collect::<Vec<_>>().join("\\")
    }
}
