//! The decode worker's own loop: opens studies and decodes frames, newest request first.

use std::{
    collections::HashSet,
    io::{self, Write},
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::imaging::{
    Frame, FrameRef, OpenError, OpenProgress, Stack, frame_from_picture_bytes, open_paths,
    read_contents, read_frame,
};

use super::{
    JobId,
    limits::limit_decode_worker,
    pipe::{read_message, write_message},
    protocol::{DecodeReply, DecodeRequest, PROTOCOL_VERSION},
    volumes::Volumes,
};

/// Deeply nested files need more than a thread's two mebibytes.
const STACK_BYTES: usize = 64 << 20;
/// Longer side of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 128;

/// Run until standard input closes. Called for `reading-room worker decode`.
///
/// # Errors
/// When the working thread cannot be started.
pub fn run_decode_worker() -> io::Result<()> {
    limit_decode_worker();
    let queue = Arc::new(Queue::default());
    let worker_queue = queue.clone();
    thread::Builder::new().name("decode".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        let mut out = io::stdout().lock();
        if write_message(&mut out, &DecodeReply::Hello { version: PROTOCOL_VERSION }).is_err() {
            return;
        }
        let mut volumes = Volumes::default();
        while let Some(request) = worker_queue.take() {
            if work(&request, &worker_queue, &mut out, &mut volumes).is_err() {
                break; // nobody listens any more
            }
        }
    })?;
    let mut stdin = io::stdin().lock();
    while let Ok(Some(request)) = read_message::<DecodeRequest>(&mut stdin) {
        queue.put(request);
    }
    // The window is gone: whatever is still being decoded is for nobody.
    std::process::exit(0)
}

#[derive(Default)]
struct Queue {
    inner: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: Vec<DecodeRequest>,
    cancelled: HashSet<JobId>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, request: DecodeRequest) {
        let mut waiting = self.lock();
        if let DecodeRequest::Cancel { job } = request {
            waiting.cancelled.insert(job);
        } else {
            waiting.requests.push(request);
        }
        self.arrived.notify_one();
    }

    /// The next request: an opening before frames, frames before thumbnails, the newest first.
    fn take(&self) -> Option<DecodeRequest> {
        let mut waiting = self.lock();
        loop {
            let next = (0..waiting.requests.len())
                .max_by_key(|&idx| (urgency(&waiting.requests[idx]), idx));
            if let Some(idx) = next {
                return Some(waiting.requests.remove(idx));
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A frame somebody waits for while something long is done.
    fn take_frame(&self) -> Option<DecodeRequest> {
        let requests = &mut self.lock().requests;
        let is_frame = |request: &DecodeRequest| matches!(request, DecodeRequest::ReadFrame { .. });
        let idx = requests.iter().rposition(is_frame)?;
        Some(requests.remove(idx))
    }

    fn is_cancelled(&self, job: JobId) -> bool {
        self.lock().cancelled.contains(&job)
    }

    fn forget(&self, job: JobId) {
        self.lock().cancelled.remove(&job);
    }
}

fn urgency(request: &DecodeRequest) -> u8 {
    match request {
        DecodeRequest::Open { .. } => 3,
        DecodeRequest::ReadFrame { .. }
        | DecodeRequest::ReadPlane { .. }
        | DecodeRequest::ReadContents { .. }
        | DecodeRequest::DecodePicture { .. } => 2,
        DecodeRequest::Thumbnail { .. }
        | DecodeRequest::BuildVolume { .. }
        | DecodeRequest::ForgetVolume => 1,
        DecodeRequest::Cancel { .. } => 0,
    }
}

fn job_of(request: &DecodeRequest) -> Option<JobId> {
    Some(match request {
        DecodeRequest::ForgetVolume => return None,
        DecodeRequest::Open { job, .. }
        | DecodeRequest::ReadFrame { job, .. }
        | DecodeRequest::Thumbnail { job, .. }
        | DecodeRequest::DecodePicture { job, .. }
        | DecodeRequest::BuildVolume { job, .. }
        | DecodeRequest::ReadPlane { job, .. }
        | DecodeRequest::ReadContents { job, .. }
        | DecodeRequest::Cancel { job } => *job,
    })
}

fn work(
    request: &DecodeRequest,
    queue: &Queue,
    out: &mut impl Write,
    volumes: &mut Volumes,
) -> io::Result<()> {
    let Some(job) = job_of(request) else {
        volumes.forget();
        return Ok(());
    };
    write_message(out, &DecodeReply::Started { job })?;
    let result = if queue.is_cancelled(job) {
        Err("cancelled".to_owned())
    } else {
        let attempt = AssertUnwindSafe(|| answer(request, queue, out, volumes));
        catch_unwind(attempt).unwrap_or_else(|_panic| {
            Err("this file made the image decoder fail; it may be damaged".to_owned())
        })
    };
    queue.forget(job);
    match result {
        Ok(reply) => {
            write_message(out, &reply)?;
            write_message(out, &DecodeReply::Finished { job })
        }
        Err(message) => write_message(out, &DecodeReply::Failed { job, message }),
    }
}

fn answer(
    request: &DecodeRequest,
    queue: &Queue,
    out: &mut impl Write,
    volumes: &mut Volumes,
) -> Result<DecodeReply, String> {
    match request {
        DecodeRequest::Open { job, paths } => {
            let job = *job;
            let mut progress = |OpenProgress { files_done, files_total }| {
                let reply = DecodeReply::Opening { job, files_done, files_total };
                if queue.is_cancelled(job) || write_message(out, &reply).is_err() {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            };
            let opened = open_paths(paths, &mut progress).map_err(|error| error.to_string())?;
            Ok(DecodeReply::Opened { job, opened })
        }
        DecodeRequest::ReadFrame { job, frame_ref } => {
            frame_reply(*job, Some(frame_ref), read_frame(frame_ref))
        }
        DecodeRequest::DecodePicture { job, bytes } => {
            frame_reply(*job, None, frame_from_picture_bytes(bytes))
        }
        DecodeRequest::Thumbnail { job, frame_ref } => {
            let frame = read_frame(frame_ref).map_err(|error| error.to_string())?;
            let image = frame.default_grayscale().render(&frame).resized_to_fit(THUMBNAIL_SIDE);
            Ok(DecodeReply::Thumbnail { job: *job, frame_ref: frame_ref.clone(), image })
        }
        DecodeRequest::BuildVolume { job, stack } => {
            volumes.of(stack, &mut |done| volume_progress(*job, done, stack, queue, out))?;
            Ok(DecodeReply::VolumeBuilt { job: *job })
        }
        DecodeRequest::ReadPlane { job, frame_ref, stack, cut } => {
            let mut progress = |done| volume_progress(*job, done, stack, queue, out);
            let frame = volumes.of(stack, &mut progress)?.cut(cut);
            let frame = Box::new(frame.map_err(|error| error.to_string())?);
            Ok(DecodeReply::Frame { job: *job, frame_ref: Some(frame_ref.clone()), frame })
        }
        DecodeRequest::ReadContents { job, path, aspect } => {
            let contents = read_contents(path, *aspect).map_err(|error| error.to_string())?;
            Ok(DecodeReply::Contents { job: *job, contents })
        }
        DecodeRequest::Cancel { .. } | DecodeRequest::ForgetVolume => Err("cancelled".to_owned()),
    }
}

/// Says how far it is, and decodes frames that are waited for in between.
fn volume_progress(
    job: JobId,
    done: usize,
    stack: &Stack,
    queue: &Queue,
    out: &mut impl Write,
) -> ControlFlow<()> {
    let files_total = stack.frames.len();
    let reply = DecodeReply::Opening { job, files_done: done, files_total };
    if queue.is_cancelled(job) || write_message(out, &reply).is_err() {
        return ControlFlow::Break(());
    }
    while let Some(request) = queue.take_frame() {
        if work(&request, queue, out, &mut Volumes::default()).is_err() {
            return ControlFlow::Break(());
        }
    }
    ControlFlow::Continue(())
}

fn frame_reply(
    job: JobId,
    frame_ref: Option<&FrameRef>,
    frame: Result<Frame, OpenError>,
) -> Result<DecodeReply, String> {
    let frame = Box::new(frame.map_err(|error| error.to_string())?);
    Ok(DecodeReply::Frame { job, frame_ref: frame_ref.cloned(), frame })
}
