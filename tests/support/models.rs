//! Reference models with their cases: small ones are in this tree, the others beside it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use reading_room::imaging::{Channels, DisplayImage};
use reading_room::vlm::{
    Answer, ComputeDevice, Precision, PrecisionChoice, Question, Trace, Turn, Vlm, recognise,
};
use serde_json::Value;

/// The folder of test data that is not part of this tree.
pub(crate) fn shared() -> Option<PathBuf> {
    let told = std::env::var_os("READING_ROOM_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    told.into_iter().chain([beside]).find(|path| path.is_dir())
}

/// A family's folder in this tree.
pub(crate) fn committed(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(family)
}

/// A family's folder among the shared data; prints when it is not there.
pub(crate) fn shared_family(family: &str) -> Option<PathBuf> {
    let side = if family.ends_with("-com-tiny") || family.ends_with("-gen-tiny") {
        "healthgpt"
    } else {
        "llava"
    };
    let folder = shared().map(|shared| shared.join("fixtures").join(side).join(family));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: no {family} (READING_ROOM_SHARED or ../shared is not there)");
    }
    folder
}

pub(crate) fn read_json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// A PNG as the reader sees it: alpha dropped, grey stays grey.
pub(crate) fn picture(path: &Path) -> DisplayImage {
    let picture = image::open(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
    let (width, height) = (picture.width(), picture.height());
    let (channels, pixels) = if picture.color().has_color() {
        (Channels::Rgb, picture.to_rgb8().into_raw())
    } else {
        (Channels::Gray, picture.to_luma8().into_raw())
    };
    DisplayImage { width, height, channels, pixels }
}

pub(crate) fn load(folder: &Path, device: ComputeDevice) -> Vlm {
    let spec = recognise(folder).unwrap();
    let precision = PrecisionChoice::Exactly(Precision::F32);
    Vlm::load(&spec, device, precision, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// A case folder: its description and its numbers.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) json: Value,
    pub(crate) golden: Golden,
}

pub(crate) fn cases(family: &Path) -> Vec<Case> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(family.join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
        .into_iter()
        .map(|folder| Case {
            json: read_json(&folder.join("case.json")),
            golden: read_golden(&folder.join("golden.safetensors")),
            folder,
        })
        .collect()
}

/// Tensors by name: extents and values.
pub(crate) type Golden = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

pub(crate) fn read_golden(path: &Path) -> Golden {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .filter(|(_, view)| view.dtype() == safetensors::Dtype::F32)
        .map(|(name, view)| {
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
            (name.to_owned(), (view.shape().to_vec(), values.collect()))
        })
        .collect()
}

impl Case {
    pub(crate) fn turns(&self) -> &[Value] {
        self.json["turns"].as_array().unwrap()
    }

    fn pictures(&self, list: &Value) -> Vec<DisplayImage> {
        let paths = list.as_array().into_iter().flatten();
        paths.map(|path| picture(&self.folder.join(path.as_str().unwrap()))).collect()
    }

    /// The form of the prompt, where it is not the family's usual one.
    fn template(&self) -> Option<String> {
        let conv_mode = self.json["conv_mode"].as_str().map(str::to_owned);
        let is_list =
            self.json["prompt_form"].as_str().map(|form| form.starts_with("chat template"));
        conv_mode.or_else(|| is_list.map(|list| if list { "list" } else { "train" }.to_owned()))
    }

    /// The question of a turn after the turns the case says came before.
    pub(crate) fn question(&self, index: usize) -> Question {
        let turn = &self.turns()[index];
        let history = turn["history"].as_array().unwrap();
        let history = history
            .iter()
            .enumerate()
            .map(|(past, pair)| Turn {
                question: self.turns()[past]["user_text"].as_str().unwrap().to_owned(),
                answer: pair[1].as_str().unwrap().to_owned(),
                images: self.pictures(&self.turns()[past]["images"]),
            })
            .collect();
        Question {
            history,
            images: self.pictures(&turn["images"]),
            max_new_tokens: 32,
            ignore_eos: true,
            template: self.template(),
            ..Question::new(turn["user_text"].as_str().unwrap())
        }
    }
}

pub(crate) fn ask(vlm: &mut Vlm, question: &Question, trace: Option<&mut Trace>) -> Answer {
    vlm.answer(question, &mut |_| ControlFlow::Continue(()), trace).unwrap()
}

pub(crate) fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Largest absolute difference; the shapes must be equal in all but extents of 1 at the front.
pub(crate) fn distance(ours: &(Vec<usize>, Vec<f32>), golden: &(Vec<usize>, Vec<f32>)) -> f32 {
    assert_eq!(ours.0, golden.0);
    assert_eq!(ours.1.len(), golden.1.len());
    ours.1.iter().zip(&golden.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(path: &Path) -> String {
    sha256_of(&std::fs::read(path).unwrap())
}

/// Copy a folder, but for what `keep` refuses.
pub(crate) fn copy_folder(from: &Path, to: &Path, keep: &dyn Fn(&Path) -> bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if !keep(&path) {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &target, keep);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
