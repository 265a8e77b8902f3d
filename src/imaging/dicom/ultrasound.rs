//! Sequence of Ultrasound Regions (PS3.3 C.8.5.5).

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::measure::UltrasoundRegion,
    object::{integer_of, items_of, number_of},
};

const REGIONS: Tag = Tag(0x0018, 0x6011);
/// Pictures have a handful.
const MOST: usize = 64;
/// Physical Units of an axis: centimetres.
const CENTIMETRES: i64 = 3;

/// Regions that make sense, in the file's order. One that ends outside of the picture was measured
/// on another, before that was made smaller or cut: it says nothing about pixels of this one.
pub(super) fn ultrasound_regions(
    object: &InMemDicomObject,
    [columns, rows]: [u32; 2],
) -> Vec<UltrasoundRegion> {
    let items = items_of(object, REGIONS).iter().take(MOST);
    let regions = items.filter_map(region).map(|mut region| {
        // some count the last pixel from 1
        if region.last[0] > columns || region.last[1] > rows {
            region.pixel_mm = None;
        }
        region
    });
    regions.collect()
}

fn region(item: &InMemDicomObject) -> Option<UltrasoundRegion> {
    let side = |element: u16| {
        integer_of(item, Tag(0x0018, element)).and_then(|value| u32::try_from(value).ok())
    };
    let first = [side(0x6018)?, side(0x601A)?];
    let last = [side(0x601C)?, side(0x601E)?];
    if last[0] < first[0] || last[1] < first[1] {
        return None;
    }
    // values may fall along an axis; a pixel is as large all the same
    let millimetres = |units: u16, delta: u16| {
        let is_length = integer_of(item, Tag(0x0018, units)) == Some(CENTIMETRES);
        let delta = number_of(item, Tag(0x0018, delta)).filter(|_| is_length)?.abs() * 10.0;
        (delta.is_finite() && delta > 0.0).then_some(delta)
    };
    let width = millimetres(0x6024, 0x602C);
    let height = millimetres(0x6026, 0x602E);
    // bit 0 of Region Flags: 1 is low priority
    let flags = integer_of(item, Tag(0x0018, 0x6016)).unwrap_or(0);
    Some(UltrasoundRegion {
        first,
        last,
        pixel_mm: height.zip(width).map(|(height, width)| [height, width]),
        is_high_priority: flags & 1 == 0,
    })
}
