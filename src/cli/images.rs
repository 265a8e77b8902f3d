//! Pictures named on the command line, decoded as the viewer decodes them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use crate::chat::Altered;
use crate::imaging::{
    Alteration, Aspect, Contents, Cut, DisplayImage, Frame, FrameRef, Grayscale, Opened, Series,
    Shape, Stack, Volume, is_archive_file, is_there, open_paths, parse_image_path, read_contents,
    read_frame,
};
use crate::worker::{DecodeClient, DecodeEvent, JobId};

use super::{args::ImageArgs, terminal};

/// How long to wait for the worker before asking again.
const WAIT: Duration = Duration::from_secs(1);

/// Where files are decoded: in the decode worker, or here when a debugger is attached.
pub(super) enum Decoder {
    Worker(DecodeClient),
    InProcess,
}

impl Decoder {
    pub(super) fn new(in_process: bool) -> Self {
        if in_process {
            Self::InProcess
        } else {
            Self::Worker(DecodeClient::start(Arc::new(|| ())))
        }
    }

    /// Decode one frame of a file; `FILE#N` is frame N, an archive its first picture.
    pub(super) fn read_frame(&self, path: &Path) -> anyhow::Result<Arc<Frame>> {
        self.read_named(path).map(|(frame, _)| frame)
    }

    /// The same, and what was decoded.
    pub(super) fn read_named(&self, path: &Path) -> anyhow::Result<(Arc<Frame>, FrameRef)> {
        let (path, frame_number) = parse_image_path(path);
        ensure!(is_there(&path), "there is no such file: {}", path.display());
        ensure!(
            !path.is_dir(),
            "this is a folder: name one file of it, or FILE#N for frame N: {}",
            path.display()
        );
        let frame_ref = if is_archive_file(&path) {
            ensure!(
                frame_number.is_none(),
                "this is an archive: name one file of it, as in {}/NAME#N for frame N",
                path.display()
            );
            self.first_of(path)?
        } else {
            let frame_number = frame_number.unwrap_or(1);
            FrameRef { path, sop_instance_uid: String::new(), frame_number }
        };
        Ok((self.read_ref(&frame_ref)?, frame_ref))
    }

    /// Decode one frame of a series.
    pub(super) fn read_ref(&self, frame_ref: &FrameRef) -> anyhow::Result<Arc<Frame>> {
        let frame = match self {
            Self::InProcess => Arc::new(read_frame(frame_ref)?),
            Self::Worker(client) => {
                frame_from_worker(client, |job| client.read_frame(job, frame_ref.clone()))?
            }
        };
        if let Some(what) = frame.incomplete() {
            terminal::warn(&format!("{what}: {}", frame_ref.path.display()));
        }
        Ok(frame)
    }

    /// The first picture in an archive that can be shown.
    fn first_of(&self, archive: PathBuf) -> anyhow::Result<FrameRef> {
        let opened = self.open(vec![archive.clone()])?;
        let all = || opened.studies.iter().flat_map(|study| &study.series);
        let total: usize = all().map(Series::num_frames).sum();
        let shown = |series: &Series| {
            let mut frames = (0..series.num_frames()).filter(|idx| {
                series.instance_of(*idx).is_some_and(|(one, _)| one.cannot_show.is_none())
            });
            frames.next().and_then(|idx| series.frame_ref(idx))
        };
        let Some(first) = all().find_map(shown) else {
            let why = opened.warnings.first().map(|warning| warning.message.clone());
            let none = format!("There is no picture in this archive: {}", archive.display());
            bail!(why.unwrap_or(none));
        };
        if total > 1 {
            let path = first.path.display();
            terminal::warn(&format!(
                "this is the first of {total} pictures in the archive: {path}"
            ));
        }
        Ok(first)
    }

    /// Cut a plane from the volume of a series.
    pub(super) fn read_plane(
        &self,
        series: &Series,
        stack: Stack,
        cut: Cut,
    ) -> anyhow::Result<Arc<Frame>> {
        let frame = match self {
            Self::InProcess => {
                let volume = Volume::read(&stack, &mut |_| std::ops::ControlFlow::Continue(()))?;
                Arc::new(volume.cut(&cut)?)
            }
            Self::Worker(client) => {
                let planes = stack.series_of_planes(series, cut.plane, cut.slab);
                let frame_ref = planes.frame_ref(cut.index).context("there is no such plane")?;
                frame_from_worker(client, |job| client.read_plane(job, frame_ref, stack, cut))?
            }
        };
        if let Some(what) = frame.incomplete() {
            terminal::warn(what);
        }
        Ok(frame)
    }

    /// Read what else is in a file.
    pub(super) fn read_contents(&self, path: &Path, aspect: Aspect) -> anyhow::Result<Contents> {
        match self {
            Self::InProcess => Ok(read_contents(path, aspect)?),
            Self::Worker(client) => {
                let job = JobId::next();
                client.read_contents(job, path.to_owned(), aspect);
                let mut found = None;
                run_job(client, job, |event| {
                    if let DecodeEvent::Contents { contents, .. } = event {
                        found = Some(contents);
                    }
                })?;
                found.context("the image decoder gave nothing of this file")
            }
        }
    }

    /// Look through files and folders for studies.
    pub(super) fn open(&self, paths: Vec<PathBuf>) -> anyhow::Result<Opened> {
        match self {
            Self::InProcess => {
                Ok(open_paths(&paths, &mut |_| std::ops::ControlFlow::Continue(()))?)
            }
            Self::Worker(client) => {
                let job = JobId::next();
                client.open(job, paths);
                let mut found = None;
                run_job(client, job, |event| {
                    if let DecodeEvent::Opened { opened, .. } = event {
                        found = Some(opened);
                    }
                })?;
                found.context("the image decoder gave no studies")
            }
        }
    }
}

fn frame_from_worker(client: &DecodeClient, ask: impl FnOnce(JobId)) -> anyhow::Result<Arc<Frame>> {
    let job = JobId::next();
    ask(job);
    let mut decoded = None;
    run_job(client, job, |event| {
        if let DecodeEvent::Frame { frame, .. } = event {
            decoded = Some(frame);
        }
    })?;
    decoded.context("the image decoder gave no picture")
}

/// Hand events to `take` until the job's last one.
fn run_job(
    client: &DecodeClient,
    job: JobId,
    mut take: impl FnMut(DecodeEvent),
) -> anyhow::Result<()> {
    loop {
        match client.wait(WAIT) {
            Some(DecodeEvent::Finished { job: ended }) if ended == job => return Ok(()),
            Some(DecodeEvent::Failed { job: ended, message }) if ended == job => bail!(message),
            Some(event) => take(event),
            None => {}
        }
    }
}

/// A picture with how it came about.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) image: DisplayImage,
    pub(super) grayscale: Grayscale,
    pub(super) frame_ref: FrameRef,
    pub(super) modality: String,
    pub(super) num_frames: u32,
    pub(super) is_monochrome: bool,
    pub(super) altered: Option<Altered>,
}

/// Reads and shows pictures.
pub(super) fn see(
    decoder: &Decoder,
    paths: &[PathBuf],
    options: &ImageArgs,
) -> anyhow::Result<Vec<Seen>> {
    paths.iter().map(|path| see_one(decoder, path, options)).collect()
}

fn see_one(decoder: &Decoder, path: &Path, options: &ImageArgs) -> anyhow::Result<Seen> {
    let (frame, frame_ref) = decoder.read_named(path)?;
    let info = frame.info();
    let whole = grayscale(&frame, options).render(&frame);
    let image = altered(&whole, options)?;
    let how = alteration(options).and_then(|(.., how)| how);
    Ok(Seen {
        altered: how.map(|how| Altered { how, whole_sha256: whole.sha256(), repeats: false }),
        image: image.unwrap_or(whole),
        grayscale: grayscale(&frame, options),
        frame_ref: FrameRef {
            path: std::path::absolute(&frame_ref.path)?,
            sop_instance_uid: info.sop_instance_uid.clone(),
            frame_number: frame_ref.frame_number,
        },
        modality: info.modality.clone(),
        num_frames: info.num_frames,
        is_monochrome: frame.is_monochrome(),
    })
}

/// How its values become grey levels.
pub(super) fn grayscale(frame: &Frame, options: &ImageArgs) -> Grayscale {
    Grayscale { inverted: options.invert, ..options.window.resolve(frame) }
}

/// The picture that reader and model see.
pub(super) fn render(frame: &Frame, options: &ImageArgs) -> anyhow::Result<DisplayImage> {
    let whole = grayscale(frame, options).render(frame);
    altered(&whole, options).map(|altered| altered.unwrap_or(whole))
}

/// What of a picture was asked for, or what is done to it.
fn alteration(options: &ImageArgs) -> Option<(&'static str, [u32; 4], Option<Alteration>)> {
    let (crop, mark, erase) = (options.crop, options.mark, options.erase);
    let crop = crop.map(|rect| ("--crop", rect, Some(Alteration::Crop(rect))));
    let mark = mark.map(|rect| ("--mark", rect, Shape::of_pixels(rect).map(Alteration::Mark)));
    let erase = erase.map(|rect| ("--erase", rect, Shape::of_pixels(rect).map(Alteration::Erase)));
    crop.or(mark).or(erase)
}

fn altered(whole: &DisplayImage, options: &ImageArgs) -> anyhow::Result<Option<DisplayImage>> {
    let Some((option, [x, y, width, height], how)) = alteration(options) else { return Ok(None) };
    let is_inside = whole.crop(x, y, width, height).is_some();
    let altered = how.filter(|_| is_inside).and_then(|how| how.apply(whole));
    altered.map(Some).with_context(|| {
        format!(
            "{option} {x},{y},{width},{height} reaches outside the picture of {} x {} pixels",
            whole.width, whole.height
        )
    })
}
