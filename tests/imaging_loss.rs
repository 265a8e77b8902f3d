//! What a window leaves out, against numbers counted elsewhere.
#![expect(clippy::unwrap_used, reason = "a broken test should fail loudly")]

#[path = "support/dicom_builder.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod dicom_builder;

use std::path::{Path, PathBuf};

use dicom_builder::DicomBuilder;
use reading_room::imaging::{
    Clipped, Frame, FrameRef, Grayscale, VoiLut, VoiLutFunction, Window, WindowChoice,
    frame_from_rgba, percent, read_frame,
};

fn frame(path: PathBuf) -> Frame {
    read_frame(&FrameRef { path, sop_instance_uid: String::new(), frame_number: 1 }).unwrap()
}

fn sample(name: &str) -> Frame {
    frame(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample/ct-torso").join(name))
}

fn clipped(frame: &Frame, window: &str, part: Option<[u32; 4]>) -> [u64; 3] {
    let grayscale = window.parse::<WindowChoice>().unwrap().resolve(frame);
    let Clipped { below, above, counted } = grayscale.loss(frame, part).clipped.unwrap();
    [below, above, counted]
}

/// Counted with pydicom 3.0.2 (pylibjpeg-openjpeg 2.6.0) and numpy 2.4.6:
/// `hu = pixel_array * RescaleSlope + RescaleIntercept`, then `(hu < c - 0.5 - (w - 1) / 2).sum()`
/// and `(hu > c - 0.5 + (w - 1) / 2).sum()`; the part is `hu[100:220, 50:350]`.
#[test]
fn as_many_pixels_are_clipped_as_numpy_counts() {
    let slice = sample("10.dcm");
    assert_eq!(clipped(&slice, "lung", None), [0, 7029, 262_144]);
    assert_eq!(clipped(&slice, "soft-tissue", None), [172_815, 4636, 262_144]);
    assert_eq!(clipped(&slice, "bone", None), [168_585, 21, 262_144]);
    assert_eq!(clipped(&slice, "brain", None), [200_785, 30_461, 262_144]);
    let part = Some([50, 100, 300, 120]);
    assert_eq!(clipped(&slice, "soft-tissue", part), [24_478, 96, 36_000]);
    assert_eq!(clipped(&sample("01.dcm"), "soft-tissue", None), [172_924, 5250, 262_144]);
    assert_eq!(clipped(&sample("20.dcm"), "soft-tissue", None), [174_121, 5359, 262_144]);
    let loss = "soft-tissue".parse::<WindowChoice>().unwrap().resolve(&slice).loss(&slice, None);
    assert_eq!(loss.lines(), ["12 → 8 bit", "below the window 65.9 %, above 1.8 %"]);
}

/// Signed, with padding at −2000: 1 × 8 pixels.
fn padded() -> Frame {
    let values: [i16; 8] = [-2000, -2000, -161, -160, 0, 239, 240, 3000];
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = DicomBuilder::new(1, 8, 16)
        .bits(16, 16, true)
        .bytes((0x0028, 0x0120), "SS", &(-2000_i16).to_le_bytes())
        .pixels(&bytes)
        .write(folder.path(), "a.dcm");
    frame(file)
}

#[test]
fn padding_is_left_out_and_edges_belong_to_the_window() {
    let frame = padded();
    // 40 − 0.5 ± 199.5
    assert_eq!(clipped(&frame, "40,400", None), [1, 2, 6]);
    assert_eq!(clipped(&frame, "-160,400", None), [0, 3, 6]);
    // as narrow as can be: what is not the one value is on one side
    assert_eq!(clipped(&frame, "0.5,1", None), [2, 3, 6]);
    let with = |function, inverted| {
        let window = Window { center: 40.0, width: 400.0, function };
        let grayscale = Grayscale { voi_lut: VoiLut::Window(window), inverted };
        grayscale.loss(&frame, None).clipped.unwrap()
    };
    let exact = with(VoiLutFunction::LinearExact, true);
    assert_eq!((exact.below, exact.above), (1, 1), "40 ± 200, whichever is dark");
    let sigmoid = with(VoiLutFunction::Sigmoid, false);
    assert_eq!((sigmoid.below, sigmoid.above), (0, 0), "it has no edges");
    let whole = Grayscale { voi_lut: VoiLut::Range { min: 0.0, max: 239.0 }, inverted: false };
    let whole = whole.loss(&frame, None).clipped.unwrap();
    assert_eq!((whole.below, whole.above, whole.counted), (2, 2, 6));
    assert_eq!((whole.share_below(), whole.share_above()), (2.0 / 6.0, 2.0 / 6.0));
}

#[test]
fn colour_has_no_window_and_shares_never_round_to_nothing() {
    let colour = frame_from_rgba(2, 1, vec![1, 2, 3, 255, 4, 5, 6, 255]).unwrap();
    let loss = colour.default_grayscale().loss(&colour, None);
    assert_eq!((loss.clipped, loss.lines()), (None, Vec::new()));
    let words = [0.0, 1e-6, 0.0005, 0.3119, 1.0].map(percent);
    assert_eq!(words, ["0.0 %", "under 0.1 %", "0.1 %", "31.2 %", "100.0 %"]);
}
