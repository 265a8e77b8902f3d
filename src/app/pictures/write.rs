//! Frame by frame on a thread of its own: read by a decode worker, drawn, written.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::apply_decode::without_paths;
use super::super::corners::display_lines;
use super::super::frames::LoadedFrame;
use super::super::measure::{Measurement, label_of};
use super::{PictureChoice, PictureItem, PictureScope, Pictures, PicturesWritten};
use crate::imaging::{
    DisplayImage, Figures, Frame, FrameRef, LaidOver, PictureFormat, PictureNotes, SuvKind,
    TextInPixels, window_words,
};
use crate::worker::{DecodeClient, DecodeEvent, JobId};

/// Between two looks whether the reader still wants it.
const WAIT: Duration = Duration::from_millis(200);

/// Between the thread and the window.
pub(crate) struct Pace<'a> {
    /// Whether the reader still wants it.
    pub(crate) is_wanted: &'a dyn Fn() -> bool,
    /// How many are done.
    pub(crate) progress: &'a mut dyn FnMut(usize),
}

/// Writes them all: the view to a file, several into a new folder of this one.
///
/// # Errors
/// In one sentence, when nothing more can be written; what is written stays.
pub(crate) fn write(
    pictures: &Pictures,
    place: &Path,
    pace: &mut Pace<'_>,
) -> Result<PicturesWritten, String> {
    let choice = &pictures.choice;
    let is_one = choice.scope == PictureScope::View;
    let folder = if is_one { None } else { Some(new_folder(place, choice.scope)?) };
    let mut reader = Reader { client: None };
    let shown = folder.clone().or_else(|| place.parent().map(Path::to_owned));
    let mut written = PicturesWritten { folder: shown, ..PicturesWritten::default() };
    for (idx, item) in pictures.items.iter().enumerate() {
        (pace.progress)(idx);
        let Some(frame) = reader.read(item, pace.is_wanted) else {
            written.is_stopped = true;
            break;
        };
        let drawn = frame.and_then(|frame| {
            written.text_in_pixels = worse(written.text_in_pixels, &frame);
            draw(item, (choice, pictures.suv), frame)
        });
        let target = match &folder {
            Some(folder) => folder.join(format!("{}.png", item.stem)),
            None => place.to_owned(),
        };
        match drawn {
            Ok((picture, notes)) => {
                save(&picture, &notes, &target)?;
                written.count += 1;
            }
            Err(why) if is_one => return Err(why),
            Err(why) => written.left_out.push(format!("{}: {why}", item.label)),
        }
    }
    if let Some(folder) = folder.filter(|_| written.count == 0) {
        // an empty folder is of no use
        std::fs::remove_dir(folder).ok();
        written.folder = None;
    }
    Ok(written)
}

/// What is worth a warning stays.
fn worse(known: TextInPixels, frame: &Frame) -> TextInPixels {
    let here = frame.info().text_in_pixels;
    if here.warning().is_some() { here } else { known }
}

/// The first of `pictures-1`, `-2` … that is not there.
fn new_folder(beside: &Path, scope: PictureScope) -> Result<PathBuf, String> {
    let name = if scope == PictureScope::KeyImages { "key-images" } else { "pictures" };
    for number in 1_u32.. {
        let folder = beside.join(format!("{name}-{number}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("the folder could not be made ({error})")),
        }
    }
    Err("the folder is full".to_owned())
}

fn save(picture: &DisplayImage, notes: &PictureNotes, target: &Path) -> Result<(), String> {
    let format = PictureFormat::of(target).unwrap_or(PictureFormat::Png);
    let bytes = picture.to_file(format, notes).map_err(|error| error.to_string())?;
    std::fs::write(target, bytes).map_err(|error| format!("the file was not written ({error})"))
}

/// The picture and what its file says of it.
fn draw(
    item: &PictureItem,
    (choice, suv): (&PictureChoice, SuvKind),
    frame: Arc<Frame>,
) -> Result<(DisplayImage, PictureNotes), String> {
    let loaded = LoadedFrame::new(frame);
    let frame = &loaded.frame;
    let grayscale = item.view.grayscale(&loaded);
    let turned = item.view.transform.turned;
    let window = if frame.is_monochrome() { window_words(&grayscale) } else { String::new() };
    let notes = PictureNotes::new().with("Window", window);
    if !choice.has_overlays {
        return Ok((turned.apply(&grayscale.render(frame)), notes));
    }
    let words = |item: &Measurement| {
        let mut item = item.clone();
        item.figures.get_or_insert_with(|| Figures::of(frame, &item.shape));
        let text = label_of(&item, suv);
        (item.shape, text)
    };
    let [patient, study, series] = item.corners.clone();
    let over = LaidOver {
        color_map: item.view.color_map,
        shapes: item.shapes.iter().map(words).collect(),
        corners: [patient, study, display_lines(&item.view, &loaded), series],
    };
    let drawn = over.draw(frame, &grayscale, turned, choice.times);
    drawn.map(|picture| (picture, notes)).ok_or_else(|| {
        format!("at {} × its size it would be larger than a picture may be", choice.times)
    })
}

/// Reads frames of files, by a worker that is started for the first.
struct Reader {
    client: Option<DecodeClient>,
}

impl Reader {
    /// None when the reader no longer wants it.
    fn read(
        &mut self,
        item: &PictureItem,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<Result<Arc<Frame>, String>> {
        if !is_wanted() {
            return None;
        }
        if let Some(frame) = &item.frame {
            return Some(Ok(Arc::clone(frame)));
        }
        let client = self.client.get_or_insert_with(|| DecodeClient::start(Arc::new(|| ())));
        read_frame(client, &item.frame_ref, is_wanted)
    }
}

fn read_frame(
    client: &DecodeClient,
    frame_ref: &FrameRef,
    is_wanted: &dyn Fn() -> bool,
) -> Option<Result<Arc<Frame>, String>> {
    let job = JobId::next();
    client.read_frame(job, frame_ref.clone());
    let mut read = None;
    while is_wanted() {
        match client.wait(WAIT) {
            Some(DecodeEvent::Frame { job: of, frame, .. }) if of == job => read = Some(frame),
            Some(DecodeEvent::Finished { job: of }) if of == job => {
                return Some(read.ok_or_else(|| "no picture came of it".to_owned()));
            }
            Some(DecodeEvent::Failed { job: of, message }) if of == job => {
                return Some(Err(without_paths(&message, std::slice::from_ref(&frame_ref.path))));
            }
            Some(_) | None => {}
        }
    }
    None
}
