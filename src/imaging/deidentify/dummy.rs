//! Values that stand where one must be and the true one must not.

use dicom_core::VR;

/// A value without a meaning; `None` where none can be made up, and the attribute goes.
pub(super) fn dummy(vr: VR, len: usize) -> Option<Vec<u8>> {
    let text = match vr {
        VR::DA => "19000101",
        VR::TM => "000000",
        VR::DT => "19000101000000",
        VR::AS => "000Y",
        VR::DS | VR::IS => "0",
        VR::AE | VR::CS | VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT => "REMOVED",
        VR::UI | VR::UR | VR::UN | VR::SQ => return None,
        _ => return Some(vec![0; len.min(8)]),
    };
    Some(text.as_bytes().to_vec())
}
