//! Pixels: every shared study against its reference rendering, and the arithmetic behind them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests"
)]

#[path = "support/dicom_builder.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod dicom_builder;

use std::{env, fs, path::Path};

#[path = "support/shared.rs"]
mod shared;

use dicom_builder::{DicomBuilder, element, item};
use reading_room::imaging::{
    Channels, DisplayImage, Frame, FrameRef, Grayscale, OrientationLabels, Turned, VoiLut,
    VoiLutFunction, Window, WindowChoice, frame_from_picture_bytes, frame_from_rgba, read_frame,
};
use serde_json::Value;
use shared::shared;

fn frame_of(path: &Path, frame_number: u32) -> Result<Frame, String> {
    let frame_ref =
        FrameRef { path: path.to_owned(), sop_instance_uid: String::new(), frame_number };
    read_frame(&frame_ref).map_err(|error| error.to_string())
}

/// Largest and mean difference of two pictures.
fn difference(ours: &[u8], theirs: &[u8]) -> (u8, f64) {
    let differences = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b));
    let total: u64 = differences.clone().map(u64::from).sum();
    (differences.max().unwrap_or(0), total as f64 / ours.len().max(1) as f64)
}

/// Compare one frame with its golden; what differs, in words.
fn check(data: &Path, path: &Path, golden: &Value, tolerance: u8) -> Result<(), String> {
    let number = golden["frame"].as_u64().unwrap() as u32 + 1;
    let frame = frame_of(path, number)?;
    let shown = frame.default_grayscale().render(&frame);
    if shown.sha256() != golden["sha256_8bit"].as_str().unwrap() {
        let Some(png) = golden["png"].as_str() else {
            if tolerance > 0 {
                return check_pixels(&frame, &shown, golden, tolerance);
            }
            return Err("its hash differs".to_owned());
        };
        let theirs = image::open(data.join(png)).unwrap();
        let theirs = if frame.is_monochrome() {
            theirs.into_luma8().into_raw()
        } else {
            theirs.into_rgb8().into_raw()
        };
        if theirs.len() != shown.pixels.len() {
            return Err(format!("{} samples instead of {}", shown.pixels.len(), theirs.len()));
        }
        let (largest, mean) = difference(&shown.pixels, &theirs);
        if largest > tolerance {
            return Err(format!("differs by up to {largest}, {mean:.4} on average"));
        }
    }
    let mean = shown.pixels.iter().map(|v| f64::from(*v)).sum::<f64>() / shown.pixels.len() as f64;
    let their_mean = golden["mean_8bit"].as_f64().unwrap();
    if (mean - their_mean).abs() > 0.01 + f64::from(tolerance) * 0.1 {
        return Err(format!("mean {mean:.3} instead of {their_mean}"));
    }
    check_pixels(&frame, &shown, golden, tolerance)
}

fn check_pixels(
    frame: &Frame,
    shown: &DisplayImage,
    golden: &Value,
    tolerance: u8,
) -> Result<(), String> {
    for pixel in golden["pixels"].as_array().into_iter().flatten() {
        let row = pixel["row"].as_u64().unwrap() as u32;
        let column = pixel["col"].as_u64().unwrap() as u32;
        let at = row as usize * shown.width as usize + column as usize;
        let (ours, theirs): (Vec<u8>, Vec<u8>) = match &pixel["out8"] {
            Value::Array(rgb) => (
                frame.rgb(column, row).ok_or("no colour")?.to_vec(),
                rgb.iter().map(|v| v.as_u64().unwrap() as u8).collect(),
            ),
            gray => (vec![shown.pixels[at]], vec![gray.as_u64().unwrap() as u8]),
        };
        if difference(&ours, &theirs).0 > tolerance {
            return Err(format!("pixel {column},{row}: shown {ours:?} instead of {theirs:?}"));
        }
        let lossy = f64::from(tolerance) * 4.0;
        for (name, ours) in
            [("stored", frame.stored(column, row)), ("modality", frame.modality_value(column, row))]
        {
            let (Some(ours), Some(theirs)) = (ours, pixel[name].as_f64()) else { continue };
            let allowed = lossy * theirs.abs().max(50.0) / 50.0 + 1e-9 * theirs.abs();
            if (ours - theirs).abs() > allowed {
                return Err(format!("pixel {column},{row}: {name} {ours} instead of {theirs}"));
            }
        }
    }
    Ok(())
}

#[test]
fn every_shared_study_looks_as_its_reference_rendering() {
    let Some(data) = shared("data") else { return };
    let goldens: Value =
        serde_json::from_slice(&fs::read(data.join("goldens/goldens.json")).unwrap()).unwrap();
    let manifest = fs::read_to_string(data.join("MANIFEST.tsv")).unwrap();
    let (mut matched, mut failures) = (0, Vec::new());
    for line in manifest.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let path = columns[0];
        let Some(frames) = goldens[path]["frame_goldens"].as_array() else { continue };
        let tolerance = columns[17].parse().unwrap_or(0);
        for golden in frames {
            match check(&data, &data.join(path), golden, tolerance) {
                Ok(()) => matched += 1,
                Err(why) => failures.push(format!("{path} frame {}: {why}", golden["frame"])),
            }
        }
    }
    println!("{matched} of {} frames match", matched + failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The first frame of a file built in code.
fn built(builder: &DicomBuilder) -> Result<Frame, String> {
    let folder = tempfile::tempdir().unwrap();
    frame_of(&builder.write(folder.path(), "a.dcm"), 1)
}

fn stored(frame: &Frame) -> Vec<f64> {
    let pixels = (0..frame.rows()).flat_map(|y| (0..frame.columns()).map(move |x| (x, y)));
    pixels.map(|(x, y)| frame.stored(x, y).unwrap()).collect()
}

fn shown(frame: &Frame) -> Vec<u8> {
    frame.default_grayscale().render(frame).pixels
}

fn row_of(words: &[i16]) -> DicomBuilder {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    DicomBuilder::new(1, words.len() as u16, 16).bits(16, 16, true).pixels(&bytes)
}

/// Stored values through a window.
fn check_window(words: &[i16], window: Window, expected: &[u8]) {
    let frame = built(&row_of(words)).unwrap();
    let gray = Grayscale { voi_lut: VoiLut::Window(window), inverted: false };
    assert_eq!(gray.render(&frame).pixels, expected, "{window:?}");
    let inverted = Grayscale { inverted: true, ..gray };
    let expected: Vec<u8> = expected.iter().map(|v| 255 - v).collect();
    assert_eq!(inverted.render(&frame).pixels, expected, "{window:?} inverted");
}

#[test]
fn the_three_window_functions_follow_the_standard() {
    // pydicom.pixels.apply_voi with the same numbers
    check_window(&[-160, -159, 40, 239, 240], Window::new(40.0, 400.0), &[0, 1, 128, 255, 255]);
    check_window(
        &[-160, -60, 40, 140, 240],
        Window { center: 40.0, width: 400.0, function: VoiLutFunction::LinearExact },
        &[0, 64, 128, 191, 255],
    );
    check_window(
        &[-1000, -60, 40, 140, 1000],
        Window { center: 40.0, width: 400.0, function: VoiLutFunction::Sigmoid },
        &[0, 69, 128, 186, 255],
    );
}

#[test]
fn a_window_of_width_one_is_a_step() {
    check_window(&[8, 9, 10, 11], Window::new(10.0, 1.0), &[0, 0, 255, 255]);
}

#[test]
fn a_window_may_be_named_or_given_as_two_numbers() {
    let center = |text: &str| {
        let frame = built(&row_of(&[0, 1000])).unwrap();
        let choice: WindowChoice = text.parse().unwrap();
        choice.report(&frame).map(|report| (report.center, report.width, report.source)).unwrap()
    };
    assert_eq!(center("40,400"), (40.0, 400.0, "custom"));
    assert_eq!(center("Lung"), (-600.0, 1500.0, "preset"));
    assert_eq!(center("soft tissue"), (40.0, 400.0, "preset"));
    assert_eq!(center("file"), (500.0, 1000.0, "range"));
    assert!("400".parse::<WindowChoice>().is_err());
    assert!("40,0".parse::<WindowChoice>().is_err());
}

#[test]
fn the_first_usable_window_of_the_file_is_shown() {
    let builder = row_of(&[0, 50, 100]).text((0x0028, 0x1050), "DS", "1\\50").text(
        (0x0028, 0x1051),
        "DS",
        "0\\101",
    );
    assert_eq!(shown(&built(&builder).unwrap()), [1, 129, 255]);
}

#[test]
fn bits_above_those_stored_are_masked_and_the_sign_is_extended() {
    let bytes: Vec<u8> =
        [0xF001_u16, 0x0FFF, 0x0800].iter().flat_map(|w| w.to_le_bytes()).collect();
    let unsigned = DicomBuilder::new(1, 3, 16).bits(16, 12, false).pixels(&bytes);
    assert_eq!(stored(&built(&unsigned).unwrap()), [1.0, 4095.0, 2048.0]);
    let signed = unsigned.clone().bits(16, 12, true);
    assert_eq!(stored(&built(&signed).unwrap()), [1.0, -1.0, -2048.0]);
    let high = unsigned.words((0x0028, 0x0102), &[15]);
    assert_eq!(stored(&built(&high).unwrap()), [3840.0, 255.0, 128.0]);
}

#[test]
fn one_bit_frames_may_start_inside_a_byte() {
    let builder =
        DicomBuilder::new(1, 3, 1).text((0x0028, 0x0008), "IS", "2").pixels(&[0b10_1101, 0]);
    let folder = tempfile::tempdir().unwrap();
    let path = builder.write(folder.path(), "a.dcm");
    assert_eq!(stored(&frame_of(&path, 1).unwrap()), [1.0, 0.0, 1.0]);
    assert_eq!(stored(&frame_of(&path, 2).unwrap()), [1.0, 0.0, 1.0]);
    assert!(frame_of(&path, 3).unwrap_err().starts_with("There is no frame 3: the file holds 2"));
}

#[test]
fn rescale_and_polarity_come_in_the_standards_order() {
    let builder = row_of(&[0, 1, 2])
        .text((0x0028, 0x0004), "CS", "MONOCHROME1")
        .text((0x0028, 0x1052), "DS", "-1000")
        .text((0x0028, 0x1053), "DS", "500");
    let frame = built(&builder).unwrap();
    assert_eq!(frame.modality_range(), (-1000.0, 0.0));
    assert_eq!(frame.unit(), "HU");
    assert_eq!(shown(&frame), [255, 127, 0]);
}

#[test]
fn padding_is_left_out_of_the_automatic_window() {
    let builder =
        row_of(&[-2000, 100, 200]).bytes((0x0028, 0x0120), "SS", &(-2000_i16).to_le_bytes());
    let window = built(&builder).unwrap().auto_window();
    assert_eq!((window.center, window.width), (150.0, 100.0));
}

#[test]
fn a_palette_gives_colours_and_clamps_at_both_ends() {
    let palette = |tag, entries: [u16; 2]| {
        let bytes: Vec<u8> = entries.iter().flat_map(|e| e.to_le_bytes()).collect();
        move |builder: DicomBuilder| builder.bytes((0x0028, tag), "OW", &bytes)
    };
    let mut builder = DicomBuilder::new(1, 4, 8)
        .text((0x0028, 0x0004), "CS", "PALETTE COLOR")
        .pixels(&[0, 1, 2, 9]);
    for tag in [0x1101, 0x1102, 0x1103] {
        builder = builder.words((0x0028, tag), &[2, 1, 16]);
    }
    builder = palette(0x1201, [0x0100, 0xFF00])(builder);
    builder = palette(0x1202, [0x0200, 0xFE00])(builder);
    builder = palette(0x1203, [0x0300, 0xFD00])(builder);
    let frame = built(&builder).unwrap();
    assert_eq!(shown(&frame), [1, 2, 3, 1, 2, 3, 255, 254, 253, 255, 254, 253]);
}

#[test]
fn rle_of_32_bits_puts_the_highest_byte_first() {
    let mut frame = vec![0; 64];
    for (idx, value) in [4_u32, 64, 66, 68, 70].into_iter().enumerate() {
        frame[idx * 4..idx * 4 + 4].copy_from_slice(&value.to_le_bytes());
    }
    frame.extend([0, 1, 0, 2, 0, 3, 0, 4]);
    let builder =
        DicomBuilder::new(1, 1, 32).transfer_syntax("1.2.840.10008.1.2.5").fragments(&[&frame]);
    assert_eq!(stored(&built(&builder).unwrap()), [f64::from(0x0102_0304)]);
}

/// A committed file against `pixel_array` of pydicom: hash of the 8-bit picture, or three pixels.
fn check_fixture(name: &str, hash: Option<&str>, pixels: [(u32, u32, [u8; 3]); 2]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/imaging");
    let frame = frame_of(&folder.join(name), 1).unwrap();
    let shown = frame.default_grayscale().render(&frame);
    if let Some(hash) = hash {
        assert_eq!(shown.sha256(), hash, "{name}");
    }
    let rgb = shown.to_rgb8();
    for (column, row, theirs) in pixels {
        let at = (row * shown.width + column) as usize * 3;
        let (largest, _) = difference(&rgb[at..at + 3], &theirs);
        assert!(largest <= 3, "{name}: {:?} instead of {theirs:?}", &rgb[at..at + 3]);
    }
}

#[test]
fn every_codec_agrees_with_the_reference() {
    let slice = "38ab8d87e706bf8d3b976e0afbf8d214c544c82a0092169ead1512024257e0f0";
    let pixels = [(32, 32, [61, 61, 61]), (63, 63, [169, 169, 169])];
    for name in ["RLE", "jp2klossless", "jpeg_ls_lossless", "bigendian"] {
        check_fixture(&format!("MR_small_{name}.dcm"), Some(slice), pixels);
    }
    check_fixture("JPGExtended.dcm", None, [(128, 512, [14, 14, 14]), (255, 1023, [1, 1, 1])]);
    check_fixture(
        "SC_rgb_small_odd_jpeg.dcm",
        None,
        [(1, 1, [62, 87, 179]), (2, 2, [159, 158, 154])],
    );
    check_fixture(
        "SC_rgb_jls_lossy_line.dcm",
        Some("bd5344c0a46bc6c0869921680aa72c1ee344be34079d9b9c5b421336f24d798f"),
        [(10, 20, [0, 255, 0]), (70, 80, [190, 190, 190])],
    );
    check_fixture(
        "SC_rgb_jls_lossy_sample.dcm",
        Some("bd5344c0a46bc6c0869921680aa72c1ee344be34079d9b9c5b421336f24d798f"),
        [(10, 20, [0, 255, 0]), (70, 80, [190, 190, 190])],
    );
}

#[test]
fn float_pixels_are_windowed_by_their_range() {
    let bytes: Vec<u8> =
        [0.25_f32, 0.5, f32::NAN, 0.75].iter().flat_map(|v| v.to_le_bytes()).collect();
    let builder = DicomBuilder::new(1, 4, 32).bytes((0x7FE0, 0x0008), "OF", &bytes);
    let frame = built(&builder).unwrap();
    assert_eq!(frame.modality_range(), (0.25, 0.75));
    assert_eq!(shown(&frame), [0, 128, 0, 255]);
}

#[test]
fn a_truncated_file_is_shown_as_far_as_it_goes() {
    let whole = DicomBuilder::new(4, 4, 8).pixels(&[7; 16]).build();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.dcm");
    fs::write(&path, &whole[..whole.len() - 8]).unwrap();
    let frame = frame_of(&path, 1).unwrap();
    assert_eq!(frame.incomplete(), Some("shown as far as the file goes: 2 of 4 rows"));
    assert_eq!(stored(&frame)[7..9], [7.0, 0.0]);
}

#[test]
fn a_codec_that_is_not_here_is_named_with_its_uid() {
    let builder =
        DicomBuilder::new(1, 1, 8).transfer_syntax("1.2.840.10008.1.2.4.201").fragments(&[&[0; 8]]);
    let message = built(&builder).unwrap_err();
    let expected = "Can't decode HTJ2K lossless (1.2.840.10008.1.2.4.201) in this build: ";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn functional_groups_of_a_frame_outrank_the_shared_ones() {
    let rescale = |intercept: &str| {
        let values = [
            element((0x0028, 0x1052), "DS", intercept.as_bytes()),
            element((0x0028, 0x1053), "DS", b"1"),
        ];
        element((0x0028, 0x9145), "SQ", &item(&values.concat()))
    };
    let own = [item(&rescale("10")), item(&[])].concat();
    let builder = DicomBuilder::new(1, 1, 8)
        .text((0x0028, 0x0008), "IS", "2")
        .bytes((0x5200, 0x9229), "SQ", &item(&rescale("-5")))
        .bytes((0x5200, 0x9230), "SQ", &own)
        .pixels(&[100, 100]);
    let folder = tempfile::tempdir().unwrap();
    let path = builder.write(folder.path(), "a.dcm");
    assert_eq!(frame_of(&path, 1).unwrap().modality_value(0, 0), Some(110.0));
    assert_eq!(frame_of(&path, 2).unwrap().modality_value(0, 0), Some(95.0));
}

#[test]
fn a_frame_survives_a_process_pipe() {
    let frame = built(&row_of(&[-3, 0, 7])).unwrap();
    let bytes = postcard::to_stdvec(&frame).unwrap();
    assert_eq!(postcard::from_bytes::<Frame>(&bytes).unwrap(), frame);
}

#[test]
fn pictures_are_read_as_the_models_own_preprocessing_reads_them() {
    let png = |color, depth_16: bool, samples: &[u8]| {
        use image::ImageEncoder as _;
        let mut bytes = Vec::new();
        let width = if depth_16 { 2 } else { 1 };
        let pixels =
            samples.len() as u32 / (u32::from(image::ColorType::channel_count(color)) * width);
        image::codecs::png::PngEncoder::new(&mut bytes)
            .write_image(samples, pixels, 1, color.into())
            .unwrap();
        frame_from_picture_bytes(&bytes).unwrap()
    };
    // transparency is dropped, not blended
    let rgba = png(image::ColorType::Rgba8, false, &[10, 20, 30, 0]);
    assert_eq!(rgba.rgb(0, 0), Some([10, 20, 30]));
    let gray = png(image::ColorType::La8, false, &[9, 0, 200, 255]);
    assert_eq!(shown(&gray), [9, 200]);
    let words: Vec<u8> = [0_u16, 300, 600].iter().flat_map(|v| v.to_ne_bytes()).collect();
    let deep = png(image::ColorType::L16, true, &words);
    assert_eq!((stored(&deep), shown(&deep)), (vec![0.0, 300.0, 600.0], vec![0, 128, 255]));
    assert_eq!(frame_from_rgba(1, 1, vec![1, 2, 3, 4]).unwrap().rgb(0, 0), Some([1, 2, 3]));
    assert!(frame_from_rgba(2, 1, vec![1, 2, 3, 4]).is_err());
    assert!(frame_from_picture_bytes(b"GIF89a").is_err());
}

/// Reading must end with a frame or a sentence; what a codec or a length says is not believed.
fn check_hostile(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.dcm");
    fs::write(&path, bytes).unwrap();
    let begun = std::time::Instant::now();
    if let Ok(frame) = frame_of(&path, 1) {
        assert!(!shown(&frame).is_empty(), "{name}");
        assert!(frame.auto_window().width > 0.0, "{name}");
    }
    assert!(begun.elapsed().as_secs() < 5, "{name} took too long");
}

#[test]
fn hostile_files_end_in_a_sentence() {
    let syntax =
        |uid: &str| DicomBuilder::new(4, 4, 8).transfer_syntax(&format!("1.2.840.10008.1.2.{uid}"));
    let plain = || DicomBuilder::new(4, 4, 8);
    let nest = |depth: usize| {
        let open = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
        [DicomBuilder::new(1, 1, 8).build(), open.repeat(depth)].concat()
    };
    let mut rle_bomb = vec![0xFF; 64];
    rle_bomb.extend([0x81, 5]);
    let jpeg = |columns: u8| {
        [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 4, 0, columns, 1, 1, 0x11, 0, 0xFF, 0xD9]
    };
    let jls_start: &[u8] = &[
        0xFF, 0xD8, 0xFF, 0xF7, 0, 11, 8, 0, 4, 0, 4, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0,
        0, 0,
    ];
    let siz = [&[0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0][..], &[0x7F; 36]].concat();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("only a preamble", plain().build()[..132].to_vec()),
        ("nested 64 deep", nest(64)),
        ("nested 100 000 deep", nest(100_000)),
        (
            "4 GiB of text",
            [plain().build(), b"\x08\0\x19\x01UT\0\0\xfe\xff\xff\xff".to_vec()].concat(),
        ),
        ("65535 squared", DicomBuilder::new(65535, 65535, 16).pixels(&[0, 0]).build()),
        ("no pixels for 16384 squared", DicomBuilder::new(16384, 16384, 8).pixels(&[0, 0]).build()),
        (
            "two milliard frames",
            plain().text((0x28, 8), "IS", "2147483647").pixels(&[1; 16]).build(),
        ),
        ("minus one frame", plain().text((0x28, 8), "IS", "-1").pixels(&[1; 16]).build()),
        ("rows as text", plain().text((0x28, 0x10), "LO", "four").pixels(&[1; 16]).build()),
        ("no bits", plain().words((0x28, 0x100), &[0]).pixels(&[1; 16]).build()),
        ("17 of 8 bits", plain().words((0x28, 0x101), &[17]).pixels(&[1; 16]).build()),
        (
            "palette without tables",
            plain().text((0x28, 4), "CS", "PALETTE COLOR").pixels(&[1; 16]).build(),
        ),
        (
            "window of NaN",
            plain()
                .text((0x28, 0x1050), "DS", "NaN")
                .text((0x28, 0x1051), "DS", "inf")
                .pixels(&[1; 16])
                .build(),
        ),
        (
            "slope beyond all numbers",
            plain()
                .text((0x28, 0x1053), "DS", "1e308")
                .text((0x28, 0x1052), "DS", "1e308")
                .pixels(&[255; 16])
                .build(),
        ),
        ("RLE with 4 milliard segments", syntax("5").fragments(&[&rle_bomb]).build()),
        ("RLE without a header", syntax("5").fragments(&[&[1, 0]]).build()),
        ("no fragment", syntax("4.50").fragments(&[]).build()),
        ("JPEG wider than the file says", syntax("4.50").fragments(&[&jpeg(200)]).build()),
        ("JPEG without a scan", syntax("4.50").fragments(&[&jpeg(4)]).build()),
        ("JPEG-LS without an end", syntax("4.80").fragments(&[jls_start]).build()),
        (
            "JPEG-LS of noise",
            syntax("4.80").fragments(&[&[jls_start, &[0x5A; 40]].concat()]).build(),
        ),
        ("JPEG 2000 of 2 milliard pixels", syntax("4.90").fragments(&[&siz]).build()),
        ("deflated nonsense", syntax("1.99").pixels(&[1; 16]).build()),
    ];
    for (name, bytes) in files {
        check_hostile(name, &bytes);
    }
}

#[test]
fn no_cut_of_a_file_is_fatal() {
    let whole = row_of(&[1, 2, 3]).text((0x0028, 0x1050), "DS", "2").build();
    for len in 0..whole.len() {
        check_hostile(&format!("cut at {len}"), &whole[..len]);
    }
}

#[test]
fn four_quarter_turns_are_none() {
    let turned = (0..4).fold(Turned::default(), |turned, _| turned.rotated_right());
    assert_eq!(turned, Turned::default());
}

#[test]
fn letters_follow_the_picture() {
    let letter = |text: &str| text.to_owned();
    let image = OrientationLabels {
        left: letter("R"),
        right: letter("L"),
        top: letter("A"),
        bottom: letter("P"),
    };
    let mirrored = Turned::default().flipped_horizontally().labels(&image);
    assert_eq!((mirrored.left.as_str(), mirrored.top.as_str()), ("L", "A"));
    let turned = Turned::default().rotated_right().labels(&image);
    assert_eq!((turned.top.as_str(), turned.right.as_str()), ("R", "A"));
}

#[test]
fn a_turned_picture_is_the_picture_as_it_stands_on_the_screen() {
    let check = |turned: Turned, width: u32, pixels: &[u8]| {
        let image = DisplayImage {
            width: 3,
            height: 2,
            channels: Channels::Gray,
            pixels: vec![1, 2, 3, 4, 5, 6],
        };
        let shown = turned.apply(&image);
        assert_eq!((shown.width, shown.pixels.as_slice()), (width, pixels), "{turned:?}");
    };
    let upright = Turned::default();
    check(upright, 3, &[1, 2, 3, 4, 5, 6]);
    check(upright.flipped_horizontally(), 3, &[3, 2, 1, 6, 5, 4]);
    check(upright.flipped_vertically(), 3, &[4, 5, 6, 1, 2, 3]);
    check(upright.rotated_right(), 2, &[4, 1, 5, 2, 6, 3]);
    check(upright.rotated_right().rotated_right(), 3, &[6, 5, 4, 3, 2, 1]);
    check(upright.rotated_right().flipped_horizontally(), 2, &[1, 4, 2, 5, 3, 6]);
}
