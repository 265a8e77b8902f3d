//! What the state wants done outside of it: by a worker, by the system, by the window.

use std::path::PathBuf;
use std::sync::Arc;

use super::eye::EyeRequest;
use super::measure::KeptStudies;
use super::pictures::Pictures;
use super::save_drawn::ToSave;
use crate::chat::Conversation;
use crate::chat::history::{Calendar, Request};
use crate::chat::transfer::Format;
use crate::imaging::{Aspect, Cut, DeidentifyOptions, FrameRef, Stack};
use crate::vlm::{DeviceChoice, Question};
use crate::worker::{JobId, LoadRequest};

/// One thing to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Find out what these are.
    Open(JobId, Vec<PathBuf>),
    /// Decode worker: look for studies in these.
    OpenStudies(JobId, Vec<PathBuf>),
    /// Read the file of a training as it grows.
    Follow(JobId, PathBuf),
    /// No longer do so.
    StopFollowing(JobId),
    /// Read evaluations and put them side by side.
    ReadEvaluation(JobId, Vec<PathBuf>),
    /// Decode worker: read a frame.
    ReadFrame(JobId, FrameRef),
    /// Decode worker: a small picture of a frame.
    MakeThumbnail(JobId, FrameRef),
    /// Decode worker: decode all slices of a volume.
    BuildVolume(JobId, Box<Stack>),
    /// Decode worker: cut a plane, called so.
    ReadPlane(JobId, FrameRef, Box<Stack>, Cut),
    /// Decode worker: read what else is in a file.
    ReadContents(JobId, PathBuf, Aspect),
    /// Decode worker: let go of the volume.
    ForgetVolume,
    /// Decode worker: stop.
    CancelDecode(JobId),
    /// Engine worker: load a model.
    Load(JobId, LoadRequest),
    /// Engine worker: load a model; the one before stays in memory.
    LoadBeside(JobId, LoadRequest),
    /// Engine worker: the model that was kept with this request is asked from now on.
    BringForward(LoadRequest),
    /// Engine worker: models that are kept beside the one that is asked end.
    ReleaseKept,
    /// Engine worker: answer.
    Ask(JobId, Box<Question>),
    /// Engine worker: read the picture of a question that is still being typed.
    ReadAhead(JobId, Box<Question>),
    /// Engine worker: draw; with true nothing but codes may come until the picture is whole.
    Reconstruct(JobId, Box<Question>, bool),
    /// Engine worker: stop.
    CancelEngine(JobId),
    /// Look at a picture with the model's eye.
    Look(JobId, Box<EyeRequest>),
    /// Engine worker: end.
    Unload,
    /// Look for models in these folders.
    ScanModels(Vec<PathBuf>),
    /// Find out what a model would be computed on.
    ProbeDevice(DeviceChoice),
    /// Write the sample study to disk and open it.
    UnpackSample,
    /// System: ask for files.
    PickFiles,
    /// System: ask for a folder of studies.
    PickFolder,
    /// System: ask for the output folder of a training.
    PickTraining,
    /// System: ask for output folders of evaluations.
    PickEvaluation {
        /// Beside those that are open.
        adds: bool,
    },
    /// System: ask for a folder of models.
    PickModelsFolder,
    /// System: ask where to save a picture, under this name if nobody minds.
    PickPlaceFor(Arc<ToSave>, &'static str),
    /// Write a picture as a PNG, with what it came of beside it.
    WritePicture(PathBuf, Arc<ToSave>),
    /// System: ask where to write a table of measurements.
    PickPlaceForTable(Arc<str>),
    /// System: ask where to write a table of key images.
    PickPlaceForKeyImages(Arc<str>),
    /// Write it.
    WriteTable(PathBuf, Arc<str>),
    /// Keep what was measured in these studies.
    KeepMeasurements(KeptStudies),
    /// System: ask where to write the document in this file, under this name if nobody minds.
    PickPlaceForDocument(PathBuf, &'static str),
    /// Write it.
    WriteDocument(PathBuf, Arc<[u8]>),
    /// System: ask for a folder for de-identified copies of these files.
    PickPlaceForCopies(Vec<PathBuf>, DeidentifyOptions),
    /// Copying worker: write them into a new folder of this one.
    WriteCopies(JobId, Vec<PathBuf>, DeidentifyOptions, PathBuf),
    /// Copying worker: stop.
    CancelCopies(JobId),
    /// System: ask for a file for the view, or a folder for several pictures.
    PickPlaceForPictures(Arc<Pictures>),
    /// Read, draw and write them.
    WritePictures(JobId, Arc<Pictures>, PathBuf),
    /// Write no further ones.
    CancelPictures(JobId),
    /// System: ask where to write presets.
    PickPlaceForPresets(Arc<str>),
    /// Write them.
    WritePresets(PathBuf, Arc<str>),
    /// System: ask for a file of presets.
    PickPresets,
    /// Read it.
    ReadPresets(PathBuf),
    /// The history is asked for something.
    History(Request),
    /// System: ask where to export a chat.
    PickPlaceForChat(Arc<Conversation>, Format),
    /// Write a chat to a file.
    WriteChat(Arc<Conversation>, Format, Calendar, PathBuf),
    /// System: ask for a chat to import.
    PickChat,
    /// System: show a folder.
    ShowFolder(PathBuf),
    /// System: put text on the clipboard.
    CopyText(String),
    /// Window: colours and scale changed.
    Restyle,
    /// Window: whole screen or not.
    FullScreen(bool),
    /// Window: close.
    Quit,
}
