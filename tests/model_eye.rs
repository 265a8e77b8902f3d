//! The picture that a tensor denotes: against Pillow's pictures and the published tensors, and back
//! again to the last bit.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/healthgpt.rs"]
mod healthgpt;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/models.rs"]
mod models;
#[expect(dead_code, reason = "shared with the other tests of models")]
#[path = "support/shards.rs"]
mod shards;

use std::path::Path;

use healthgpt::HealthCase;
use models::{Golden, cases, committed, distance, picture, read_json, sha256_of, shared_family};
use reading_room::imaging::{Channels, DisplayImage};
use reading_room::vlm::{
    Eye, ImageProcessor, ModelError, QwenImageProcessor, Sight, nano, recognise,
};
use serde_json::json;

/// A picture that is neither grey nor alike from pixel to pixel.
fn speckled(width: u32, height: u32) -> DisplayImage {
    let samples = 3 * width as usize * height as usize;
    let pixels = (0..samples).map(|i| (i * i % 251 + i / 7 % 5) as u8).collect();
    DisplayImage { width, height, channels: Channels::Rgb, pixels }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Looks, and makes the tensor again from what was seen: the same bits, the same hash.
fn look(eye: &Eye, image: &DisplayImage, what: &str) -> Sight {
    let sight = eye.look(image).unwrap();
    let (shape, values) = eye.tensor(image).unwrap();
    assert_eq!(sight.facts.tensor_shape, shape, "{what}");
    assert_eq!(sight.facts.tensor_sha256, sha256_of(&bytes(&values)), "{what}");
    assert_eq!(sight.facts.given, [image.width, image.height], "{what}");
    assert_eq!(sight.facts.seen, [sight.picture.width, sight.picture.height], "{what}");
    // what has the right size already is only normalised
    let (again_shape, again) = eye.tensor(&sight.picture).unwrap();
    assert_eq!((again_shape, bytes(&again)), (shape, bytes(&values)), "{what}: not the same bits");
    sight
}

#[test]
fn the_picture_is_the_one_pillow_makes() {
    let Some(folder) = shared_family("preprocess") else { return };
    let mut seen = 0;
    for case in read_json(&folder.join("cases.json")).as_array().unwrap() {
        let Some(edge) = case["edge"].as_u64().map(|edge| edge as usize) else { continue };
        let pads = case["op"] == "pad_to_square_then_336";
        let eye = Eye::squares(ImageProcessor::clip(edge), pads, 1);
        let source = picture(&folder.join(case["source"].as_str().unwrap()));
        let sight = look(&eye, &source, case["name"].as_str().unwrap());
        let expected = picture(&folder.join(case["expected_png"].as_str().unwrap()));
        assert_eq!(sight.picture.to_rgb8(), expected.to_rgb8(), "{}", case["name"]);
        assert_eq!(sight.facts.padded.is_some(), pads, "{}", case["name"]);
        assert_eq!(sight.facts.cut_away.is_some(), !pads, "{}", case["name"]);
        seen += 1;
    }
    assert_eq!(seen, 6);
}

/// A picture as the published processor left it before it made numbers of it: its pixels in order,
/// or plane after plane.
fn check_samples(sight: &Sight, golden: &Golden, turn: usize, number: usize) -> bool {
    let picture = &sight.picture;
    let is_whole = golden.get(&format!("t{turn}.resized_u8.{number}")).map(|(_, theirs)| {
        assert!(picture.pixels.iter().map(|sample| f32::from(*sample)).eq(theirs.iter().copied()));
    });
    let is_planes = golden.get(&format!("t{turn}.pixel_u8")).map(|(_, theirs)| {
        let theirs = &theirs[number * picture.pixels.len()..][..picture.pixels.len()];
        let plane = |channel| picture.pixels.iter().skip(channel).step_by(3);
        let planes = (0..3).flat_map(plane).map(|sample| f32::from(*sample));
        assert!(planes.eq(theirs.iter().copied()));
    });
    is_whole.or(is_planes).is_some()
}

/// Every picture of every case: the published samples, and the published tensors taken back.
fn check_family(folder: &Path) -> [usize; 2] {
    let eye = Eye::of(&recognise(&folder.join("model")).unwrap()).unwrap();
    let mut seen = [0; 2];
    for case in cases(folder) {
        let golden = shards::read(&case.folder.join("golden.safetensors"));
        for turn in 0..case.turns().len() {
            let what = format!("{} turn {turn}", case.folder.display());
            let question = case.question(turn);
            let earlier = question.history.iter().flat_map(|turn| &turn.images);
            let mut rest = golden.get(&format!("t{turn}.pixel_values")).map(|(_, all)| &all[..]);
            for (number, image) in earlier.chain(&question.images).enumerate() {
                let sight = look(&eye, image, &what);
                seen[0] += usize::from(check_samples(&sight, &golden, turn, number));
                let Some(values) = &mut rest else { continue };
                let (shape, ours) = eye.tensor(image).unwrap();
                let (theirs, after) = values.split_at(ours.len());
                *values = after;
                assert!(distance(&(shape.clone(), ours), &(shape, theirs.to_vec())) <= 1e-6);
                let [width, height] = sight.facts.seen.map(|side| side as usize);
                assert!(eye.picture(theirs, [height, width]) == sight.picture, "{what}");
                seen[1] += 1;
            }
            assert!(rest.is_none_or(<[f32]>::is_empty), "{what}: values of no picture");
        }
    }
    println!("{}: {} pictures, {} tensors", folder.display(), seen[0], seen[1]);
    seen
}

const FAMILIES: [&str; 4] =
    ["huatuo-7b-tiny", "llava-med-v1.5-tiny", "llava-med-v1-tiny", "huatuo-qwen2.5vl-tiny"];

#[test]
fn the_committed_samples_and_tensors_give_the_picture_back() {
    for family in FAMILIES {
        let seen = check_family(&committed(family));
        assert!(seen.iter().sum::<usize>() > 0, "{family}");
    }
}

#[test]
fn all_published_samples_and_tensors_give_the_picture_back() {
    for family in FAMILIES {
        let Some(folder) = shared_family(family) else { return };
        assert!(check_family(&folder)[1] > 0, "{family} has tensors");
    }
}

#[test]
fn healthgpt_sees_the_square_that_answers_questions() {
    let mut seen = 0;
    for name in ["m3-com-tiny", "m3-gen-tiny", "l14-com-tiny", "xl32-com-tiny"] {
        let case = HealthCase::read(&committed(name));
        let eye = Eye::of(&recognise(&case.model()).unwrap()).unwrap();
        for run in case.runs() {
            let question = case.question(run);
            let golden = format!("{}.pixel_values", run["name"].as_str().unwrap());
            let (Some(image), Some((_, theirs))) =
                (question.images.first(), case.golden.get(&golden))
            else {
                continue;
            };
            let sight = look(&eye, image, name);
            let [width, height] = sight.facts.seen.map(|side| side as usize);
            assert!(eye.picture(theirs, [height, width]) == sight.picture, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no case has its pixels");
}

#[test]
fn pictures_of_every_form_come_back_to_the_last_bit() {
    let stretched = json!({"size": {"height": 40, "width": 56}, "do_center_crop": false});
    let beyond = json!({"size": 28, "crop_size": 40});
    let plain = json!({"size": 56, "crop_size": 56, "do_normalize": false});
    let raw = json!({"size": 56, "crop_size": 56, "do_rescale": false, "do_normalize": false});
    let odd = json!({"size": 56, "crop_size": 56, "image_mean": [0.5, 0.0, 0.9],
        "image_std": [0.5, 1.0, 0.01]});
    let clip = |json| ImageProcessor::from_json(&json).unwrap();
    let qwen = json!({"patch_size": 7, "merge_size": 3, "temporal_patch_size": 3});
    let eyes = [
        Eye::squares(ImageProcessor::clip(56), true, 16),
        Eye::squares(ImageProcessor::clip(56), false, 16),
        Eye::squares(clip(plain), true, 16),
        Eye::squares(clip(raw), true, 16),
        Eye::squares(clip(odd), true, 16),
        Eye::patches(QwenImageProcessor::default().with_max_pixels(420 * 360)),
        Eye::patches(QwenImageProcessor::from_json(&qwen).unwrap()),
    ];
    for (width, height) in [(1, 1), (1, 9), (64, 64), (57, 200), (200, 57), (333, 56), (500, 500)] {
        for eye in &eyes {
            look(eye, &speckled(width, height), &format!("{width}×{height} {eye:?}"));
        }
        for json in [&stretched, &beyond] {
            // a second time it would be stretched or framed again: the samples alone are compared
            let eye = Eye::squares(clip(json.clone()), false, 1);
            let sight = eye.look(&speckled(width, height)).unwrap();
            let bare =
                Eye::squares(clip(json!({"do_resize": false, "do_center_crop": false})), false, 1);
            let (_, values) = eye.tensor(&speckled(width, height)).unwrap();
            assert_eq!(bytes(&bare.tensor(&sight.picture).unwrap().1), bytes(&values));
        }
    }
}

fn lines(eye: &Eye, width: u32, height: u32) -> Vec<String> {
    eye.look(&speckled(width, height)).unwrap().facts.lines(None)
}

#[test]
fn what_was_done_is_said_in_words() {
    let pads = Eye::squares(ImageProcessor::clip(336), true, 576);
    assert_eq!(lines(&pads, 512, 512), ["512 × 512 → 336 × 336 px", "576 tokens"]);
    assert_eq!(lines(&pads, 640, 480)[1], "padded above and below with RGB 122, 116, 104");
    assert_eq!(lines(&pads, 300, 400)[1], "padded left and right with RGB 122, 116, 104");
    assert_eq!(lines(&pads, 9, 10)[1], "padded right with RGB 122, 116, 104", "one row of pixels");
    let facts = pads.look(&speckled(640, 480)).unwrap().facts;
    let padded = facts.padded.unwrap();
    assert_eq!([padded.left, padded.top, padded.right, padded.bottom], [0, 80, 0, 80]);
    let crops = Eye::squares(ImageProcessor::clip(224), false, 256);
    assert_eq!(lines(&crops, 448, 224)[1], "50.0 % of the picture cut away");
    // 224 × 298, of which 224 × 224 are kept
    let told = lines(&crops, 300, 400);
    assert_eq!(told[1..3], ["24.8 % of the picture cut away", "stretched, 0.2 % wider"]);
    let beyond = json!({"size": 28, "crop_size": 40});
    let beyond = Eye::squares(ImageProcessor::from_json(&beyond).unwrap(), false, 1);
    assert_eq!(lines(&beyond, 28, 28)[1..], ["black around it", "1 token"]);
    let wide = json!({"size": {"height": 100, "width": 150}, "do_center_crop": false});
    let wide = Eye::squares(ImageProcessor::from_json(&wide).unwrap(), false, 1);
    assert_eq!(lines(&wide, 50, 50)[1], "stretched, 50.0 % wider");
    let patches = Eye::patches(QwenImageProcessor::default());
    let told = lines(&patches, 300, 200);
    assert_eq!(told[0], "300 × 200 → 308 × 196 px");
    assert_eq!(told[1..], ["stretched, 4.8 % wider", "11 × 7 cells of 28 px", "77 tokens"]);
}

#[test]
fn thin_strips_are_refused_in_a_sentence() {
    let strip = DisplayImage { width: 1, height: 60_000, ..speckled(1, 1) };
    let strip = DisplayImage { pixels: vec![7; 3 * 60_000], ..strip };
    for eye in [
        Eye::squares(ImageProcessor::clip(336), true, 576),
        Eye::squares(ImageProcessor::clip(4000), false, 576),
        Eye::patches(QwenImageProcessor::default()),
    ] {
        let refused = eye.look(&strip).unwrap_err();
        let ModelError::BadPicture { reason } = &refused else { panic!("{refused}") };
        assert!(reason.contains("1×60000"), "{reason}");
    }
}

#[test]
fn nano_sees_sixty_four_pixels_a_side() {
    let eye = Eye::of(&nano().unwrap()).unwrap();
    let sight = look(&eye, &speckled(100, 50), "nano");
    assert_eq!((sight.facts.seen, sight.facts.tokens), ([64, 64], 64));
    // the eye travels to the window as part of what is loaded
    let json = serde_json::to_string(&eye).unwrap();
    assert_eq!(serde_json::from_str::<Eye>(&json).unwrap(), eye);
}

#[test]
fn a_folder_without_a_processor_that_fits_has_no_eye() {
    let folder = tempfile::tempdir().unwrap();
    let model = committed("huatuo-7b-tiny").join("model");
    models::copy_folder(&model, folder.path(), &|_| true);
    let spec = recognise(folder.path()).unwrap();
    assert!(Eye::of(&spec).is_ok());
    let processor = Path::new("vit/clip_vit_large_patch14_336/preprocessor_config.json");
    std::fs::write(folder.path().join(processor), "{\"crop_size\": 7}").unwrap();
    let refused = Eye::of(&spec).unwrap_err().to_string();
    assert!(refused.contains("does not give squares"), "{refused}");
}
