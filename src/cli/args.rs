//! What was typed.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use crate::imaging::{ColorMap, WindowChoice};
use crate::vlm::{DeviceChoice, PrecisionChoice, Synthetic};

use super::deidentify::args::DeidentifyArgs;
use super::eval::args::EvalArgs;
use super::history::args::HistoryArgs;
use super::planes::PlaneArgs;

/// Open a study, ask a local medical vision-language model about it, see the answer. Research use
/// only. Nothing leaves this computer.
#[derive(Debug, Parser)]
#[command(name = "reading-room", version, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) window: WindowArgs,
    #[command(flatten)]
    pub(super) machine: MachineArgs,
}

/// Without a command the window opens.
#[derive(Debug, clap::Args)]
pub(super) struct WindowArgs {
    /// Studies to open: DICOM files, folders, a DICOMDIR, ZIP archives, PNG, JPEG, TIFF
    pub(super) paths: Vec<PathBuf>,
    /// Open the bundled sample study
    #[arg(long)]
    pub(super) sample: bool,
    /// Load this model at once: a folder, or a name in the models folder
    #[arg(long, value_name = "DIR|NAME")]
    pub(super) model: Option<String>,
    /// Save a picture of the window once it has settled, and close
    #[arg(long, value_name = "FILE.png", hide = true)]
    pub(super) screenshot: Option<PathBuf>,
    /// Scroll through the study, write down how that went, and close
    #[arg(long, value_name = "FILE.json", hide = true)]
    pub(super) measure_scroll: Option<PathBuf>,
}

/// Where models and chats are, and what models run on.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct MachineArgs {
    /// Where models are looked for by name
    #[arg(long, value_name = "DIR", env = "READING_ROOM_MODELS", global = true)]
    pub(super) models_dir: Option<PathBuf>,
    /// Keep settings and history here instead of the platform's place
    #[arg(long, value_name = "DIR", env = "READING_ROOM_DATA", global = true)]
    pub(super) data_dir: Option<PathBuf>,
    /// What the model runs on: auto, gpu, cpu. `auto` takes the best real GPU, else the CPU
    #[arg(long, default_value = "auto", global = true)]
    pub(super) device: DeviceChoice,
    /// How the model's weights are stored: auto, f32, f16, bf16, q8, q4. `auto` takes what is
    /// quick on the device and fits into its memory
    #[arg(long, default_value = "auto", global = true)]
    pub(super) precision: PrecisionChoice,
    /// Do not keep weights in q8 and q4 on disk, where the next start reads them at once
    #[arg(long, global = true)]
    pub(super) no_weights_cache: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// One answer, streamed to standard output
    Ask(Box<AskArgs>),
    /// The same question about the same picture put to several models, and what differs
    Compare(Box<CompareArgs>),
    /// The model's own picture of a picture (HealthGPT-M3), written as a PNG
    Reconstruct(Box<ReconstructArgs>),
    /// Write the picture the viewer would show
    Render(RenderArgs),
    /// Recognise and describe studies and model folders
    Inspect(InspectArgs),
    /// Write DICOM files again without what identifies the patient (PS3.15 Annex E, Basic Profile)
    Deidentify(DeidentifyArgs),
    /// Measure how long a model takes
    Bench(BenchArgs),
    /// Teach a model from pictures with questions and answers, or a codec from pictures
    Train(TrainArgs),
    /// Ask a model every question of a data file and score its answers
    Eval(Box<EvalArgs>),
    /// Add LLaVA-Med 1.0's published differences to LLaMA-7B and write the model
    ApplyDelta(ApplyDeltaArgs),
    /// Chats that were kept: list, show, export, import
    History(HistoryArgs),
    /// The other end of a pipe
    #[command(hide = true)]
    Worker { kind: WorkerKind },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum WorkerKind {
    Decode,
    Engine,
    Copies,
}

/// `train`
#[derive(Debug, clap::Args)]
pub(super) struct TrainArgs {
    /// What to train, on what, and how; what was begun goes on from its last saved state
    #[arg(value_name = "CONFIG.toml")]
    pub(super) config: PathBuf,
    /// Learn nothing, write the model as the last saved state has it
    #[arg(long)]
    pub(super) export: bool,
    /// Processor threads; all when it is not given
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) threads: usize,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(super) json: bool,
}

/// How a picture is shown, to the reader and to the model.
#[derive(Debug, clap::Args)]
pub(super) struct ImageArgs {
    /// CENTER,WIDTH or lung, bone, brain, soft-tissue, abdomen, liver, angio, file, auto
    #[arg(long, default_value = "file", allow_hyphen_values = true)]
    pub(super) window: WindowChoice,
    /// Swap black and white
    #[arg(long)]
    pub(super) invert: bool,
    /// Only this part of the picture, in image pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = parse_crop)]
    pub(super) crop: Option<[u32; 4]>,
    /// With the outline of this rectangle drawn over the picture, in image pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = parse_crop, conflicts_with = "crop")]
    pub(super) mark: Option<[u32; 4]>,
    /// With this rectangle filled with the mean of the ring around it, in image pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = parse_crop, conflicts_with_all = ["crop", "mark"])]
    pub(super) erase: Option<[u32; 4]>,
}

/// How the next token is chosen.
#[derive(Debug, clap::Args)]
pub(super) struct SamplingArgs {
    /// Always the most probable token (the default)
    #[arg(long, conflicts_with_all = ["temperature", "top_p", "top_k", "author_defaults"])]
    pub(super) greedy: bool,
    /// Sample at this temperature
    #[arg(long, value_name = "T")]
    pub(super) temperature: Option<f32>,
    /// Sample among the smallest set of tokens with this much probability
    #[arg(long, value_name = "P", requires = "temperature")]
    pub(super) top_p: Option<f32>,
    /// Sample among this many most probable tokens
    #[arg(long, value_name = "K", requires = "temperature")]
    pub(super) top_k: Option<u32>,
    /// Divide the score of tokens already written by this
    #[arg(long, value_name = "R")]
    pub(super) repetition_penalty: Option<f32>,
    /// Seed of the sampler
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// What the model's authors ship
    #[arg(long, conflicts_with_all = ["temperature", "repetition_penalty"])]
    pub(super) author_defaults: bool,
    /// Longest answer, in tokens
    #[arg(long, value_name = "N")]
    pub(super) max_new_tokens: Option<u32>,
    /// Go on after the model's end token (for measuring)
    #[arg(long)]
    pub(super) ignore_eos: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct AskArgs {
    /// The model: a folder, or a name in the models folder
    #[arg(long, value_name = "DIR|NAME")]
    pub(super) model: Option<String>,
    /// A picture the question is about: DICOM, PNG, JPEG or TIFF; FILE#N is frame N,
    /// ARCHIVE.zip/NAME a file in it
    #[arg(long, value_name = "PATH", action = ArgAction::Append)]
    pub(super) image: Vec<PathBuf>,
    /// The question
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) question: String,
    /// Earlier turns: a JSON list of [question, answer] or [question, answer, [image, …]]
    #[arg(long, value_name = "FILE.json")]
    pub(super) history: Option<PathBuf>,
    #[command(flatten)]
    pub(super) image_options: ImageArgs,
    #[command(flatten)]
    pub(super) sampling: SamplingArgs,
    /// A system prompt in place of the authors' own, for models that have one
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) system: Option<String>,
    /// Let the answer begin with this text; the model goes on from it
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) begin_with: Option<String>,
    /// End the answer where this text comes
    #[arg(long, value_name = "TEXT", action = ArgAction::Append)]
    pub(super) stop: Vec<String>,
    /// Form of the prompt, for models whose authors use more than one; the README names them
    #[arg(long, value_name = "NAME")]
    pub(super) template: Option<String>,
    /// Keep the answer in the history, as a chat
    #[arg(long)]
    pub(super) save: bool,
    /// Print one JSON object with the ids, timings and the model's identity
    #[arg(long)]
    pub(super) json: bool,
    /// Also write the intermediate tensors
    #[arg(long, value_name = "FILE.safetensors")]
    pub(super) trace: Option<PathBuf>,
    /// Run without the two worker processes (for debuggers)
    #[arg(long)]
    pub(super) in_process: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// A model, a folder or a name in the models folder; at least two
    #[arg(long, value_name = "DIR|NAME", action = ArgAction::Append, required = true)]
    pub(super) model: Vec<String>,
    /// A picture the question is about: DICOM, PNG, JPEG or TIFF; FILE#N is frame N,
    /// ARCHIVE.zip/NAME a file in it
    #[arg(long, value_name = "PATH", action = ArgAction::Append)]
    pub(super) image: Vec<PathBuf>,
    /// The question; several are asked one after the other, as a chat of each model
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, action = ArgAction::Append,
        required = true)]
    pub(super) question: Vec<String>,
    #[command(flatten)]
    pub(super) image_options: ImageArgs,
    #[command(flatten)]
    pub(super) sampling: SamplingArgs,
    /// Keep the answers in the history, as one question with an answer of every model
    #[arg(long)]
    pub(super) save: bool,
    /// Print one JSON object with every answer, its size and speed, and what differs
    #[arg(long)]
    pub(super) json: bool,
    /// Run without the worker processes (for debuggers)
    #[arg(long)]
    pub(super) in_process: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReconstructArgs {
    /// The model: a folder, or a name in the models folder
    #[arg(long, value_name = "DIR|NAME")]
    pub(super) model: Option<String>,
    /// The picture: DICOM, PNG, JPEG or TIFF; FILE#N is frame N,
    /// ARCHIVE.zip/NAME a file in it
    #[arg(long, value_name = "PATH")]
    pub(super) image: Option<PathBuf>,
    /// The PNG to write
    #[arg(long, value_name = "FILE.png")]
    pub(super) out: PathBuf,
    /// What to ask for
    #[arg(long, value_name = "TEXT", default_value = "Reconstruct the image.")]
    pub(super) question: String,
    /// Nothing but codes may come until the picture is whole (the authors have no such rule)
    #[arg(long)]
    pub(super) only_codes: bool,
    #[command(flatten)]
    pub(super) image_options: ImageArgs,
    #[command(flatten)]
    pub(super) sampling: SamplingArgs,
    /// Keep the picture in the history, as a chat
    #[arg(long)]
    pub(super) save: bool,
    /// Print one JSON object with the codes, the figures and the model's identity
    #[arg(long)]
    pub(super) json: bool,
    /// Also write codes, picture and intermediate tensors
    #[arg(long, value_name = "FILE.safetensors")]
    pub(super) trace: Option<PathBuf>,
    /// Run without the two worker processes (for debuggers)
    #[arg(long)]
    pub(super) in_process: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RenderArgs {
    /// DICOM, PNG, JPEG or TIFF; FILE#N is frame N, ARCHIVE.zip/NAME a file in it; with --plane or
    /// --all the folder or file of a series
    pub(super) path: PathBuf,
    /// The 8-bit picture to write, as PNG or JPEG; with --all a new or an empty folder
    #[arg(long, value_name = "FILE.png|FILE.jpg|DIR")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) planes: PlaneArgs,
    /// Every slice of a series, as numbered PNGs in a folder
    #[arg(long, group = "several", conflicts_with_all = ["as_seen_by", "value"])]
    pub(super) all: bool,
    /// With the letters of the directions, a scale bar and the bar of --colors laid over it
    #[arg(long, conflicts_with_all = ["as_seen_by", "crop", "mark", "erase"])]
    pub(super) overlays: bool,
    /// Colours for grey levels: hot-iron, pet, hot-metal-blue, pet-20-step, viridis
    #[arg(long, value_name = "NAME", default_value = "grey", requires = "overlays")]
    pub(super) colors: ColorMap,
    /// Each pixel so many times as wide and as high
    #[arg(long, value_name = "N", default_value_t = 1, requires = "overlays",
        value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(super) times: u32,
    #[command(flatten)]
    pub(super) image_options: ImageArgs,
    /// Write what this model is given of it instead: a folder, or a name in the models folder
    #[arg(long, value_name = "DIR|NAME")]
    pub(super) as_seen_by: Option<String>,
    /// Also print the modality value at this column and row, counted from 0
    #[arg(long, value_name = "X,Y", action = ArgAction::Append, value_parser = parse_point)]
    pub(super) value: Vec<[u32; 2]>,
    /// Print one JSON object that describes the picture
    #[arg(long)]
    pub(super) json: bool,
    /// Run without the decode worker (for debuggers)
    #[arg(long)]
    pub(super) in_process: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// Studies and model folders
    #[arg(required_unless_present = "gpus")]
    pub(super) paths: Vec<PathBuf>,
    /// Reckon a model's memory for conversations of this many tokens
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) context: Option<u32>,
    /// Also list the graphics adapters a model could run on
    #[arg(long)]
    pub(super) gpus: bool,
    /// List all elements of DICOM files, with their values: they may name the patient
    #[arg(long)]
    pub(super) tags: bool,
    /// Only elements that hold this in number, name, keyword or value
    #[arg(long, value_name = "TEXT", requires = "tags")]
    pub(super) search: Option<String>,
    /// Print reports with names, dates and free text, which are hidden otherwise
    #[arg(long)]
    pub(super) full_text: bool,
    /// Write the document inside the one DICOM file named, a PDF or CDA, to a new file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tags", "gpus"])]
    pub(super) extract: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// The model: a folder, or a name in the models folder
    #[arg(long, value_name = "DIR|NAME")]
    pub(super) model: Option<String>,
    /// Random weights of a published shape, made without files: huatuo-vision-7b,
    /// huatuo-vision-34b, llava-med-7b, healthgpt-m3, healthgpt-l14, healthgpt-xl32, clip-l-336 or
    /// vqgan-f8
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    pub(super) synthetic: Option<Synthetic>,
    /// The picture, DICOM, PNG, JPEG or TIFF; without it one of 512 x 512 pixels is made up
    #[arg(long, value_name = "PATH")]
    pub(super) image: Option<PathBuf>,
    /// How many times the picture is in the question
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) images: u32,
    /// The exact prompt: a JSON file with the ids before and after the picture
    #[arg(long, value_name = "FILE.json", conflicts_with = "prompt_tokens")]
    pub(super) bench: Option<PathBuf>,
    /// Measure a history of so many chats of 20 questions instead of a model
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..),
        conflicts_with_all = ["model", "synthetic", "image", "bench", "prompt_tokens"])]
    pub(super) history: Option<u32>,
    /// Measure how a study opens, decodes and scrolls instead of a model
    #[arg(long, value_name = "PATH",
        conflicts_with_all = ["synthetic", "image", "bench", "prompt_tokens", "history"])]
    pub(super) study: Option<PathBuf>,
    /// Ask so many ids without a meaning, always the same, instead of a usual question
    #[arg(long, value_name = "N")]
    pub(super) prompt_tokens: Option<usize>,
    /// Tokens after the first; the end of the sequence is ignored
    #[arg(short = 'n', long, value_name = "N", default_value_t = 64)]
    pub(super) decode_tokens: u32,
    /// Threads of the processor; as many as it has when nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Runs that count, after one that warms up
    #[arg(long, value_name = "R", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) repeat: u32,
    /// Print only the JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ApplyDeltaArgs {
    /// The base model's folder: LLaMA-7B in Hugging Face's layout
    #[arg(long, value_name = "DIR")]
    pub(super) base: PathBuf,
    /// The folder of the differences
    #[arg(long, value_name = "DIR")]
    pub(super) delta: PathBuf,
    /// A new folder for the model
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
}

pub(super) fn parse_crop(text: &str) -> Result<[u32; 4], String> {
    parse_numbers(text).ok_or_else(|| "expected X,Y,W,H in whole pixels".to_owned())
}

fn parse_point(text: &str) -> Result<[u32; 2], String> {
    parse_numbers(text).ok_or_else(|| "expected X,Y in whole pixels".to_owned())
}

fn parse_numbers<const N: usize>(text: &str) -> Option<[u32; N]> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    numbers?.try_into().ok()
}
