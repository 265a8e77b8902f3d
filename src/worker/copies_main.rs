//! The copying worker's own loop: one export after the other.

use std::{
    collections::HashSet,
    io::{self, Write},
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc::sync_channel},
    thread,
};

use crate::imaging::{Deidentified, DeidentifyOptions, OpenProgress, deidentify};

use super::{
    JobId,
    copies_client::{CopiesReply, CopiesRequest},
    limits::limit_copying_worker,
    pipe::{read_message, write_message},
    protocol::PROTOCOL_VERSION,
};

/// Deeply nested files need more than a thread's two mebibytes.
const STACK_BYTES: usize = 64 << 20;
const WAITING: usize = 16;

/// Files, and the folder they are written into.
struct Order {
    job: JobId,
    files: Vec<PathBuf>,
    options: DeidentifyOptions,
    folder: PathBuf,
}

type Cancelled = Arc<Mutex<HashSet<JobId>>>;

/// Run until standard input closes. Called for `reading-room worker copies`.
///
/// # Errors
/// When the working thread cannot be started.
pub fn run_copying_worker() -> io::Result<()> {
    limit_copying_worker();
    let cancelled = Cancelled::default();
    let (orders, waiting) = sync_channel::<Order>(WAITING);
    let heard = cancelled.clone();
    thread::Builder::new().name("copies".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        let mut out = io::stdout().lock();
        let mut worked = write_message(&mut out, &CopiesReply::Hello { version: PROTOCOL_VERSION });
        while worked.is_ok()
            && let Ok(mut order) = waiting.recv()
        {
            order.folder = fresh_folder(&order.folder);
            worked = work(&order, &heard, &mut out);
        }
    })?;
    let mut stdin = io::stdin().lock();
    while let Ok(Some(request)) = read_message::<CopiesRequest>(&mut stdin) {
        match request {
            CopiesRequest::Cancel { job } => {
                cancelled.lock().unwrap_or_else(PoisonError::into_inner).insert(job);
            }
            CopiesRequest::Write { job, files, options, beside } => {
                if orders.send(Order { job, files, options, folder: beside }).is_err() {
                    break;
                }
            }
        }
    }
    // The window is gone: a file is written whole or not at all.
    std::process::exit(0)
}

/// The first of `de-identified-1`, `-2` … that is not there.
fn fresh_folder(beside: &Path) -> PathBuf {
    let mut folders = (1_u32..).map(|number| beside.join(format!("de-identified-{number}")));
    folders.find(|folder| !folder.exists()).unwrap_or_else(|| beside.to_owned())
}

fn work(order: &Order, cancelled: &Cancelled, out: &mut impl Write) -> io::Result<()> {
    let attempt = AssertUnwindSafe(|| write(order, cancelled, out));
    let written = catch_unwind(attempt)
        .unwrap_or_else(|_panic| Err("a file made the export fail; it may be damaged".to_owned()));
    let job = order.job;
    write_message(
        out,
        &match written {
            Ok(done) => {
                CopiesReply::Written { job, folder: order.folder.clone(), done: Box::new(done) }
            }
            Err(message) => CopiesReply::Failed { job, message },
        },
    )
}

fn write(
    order: &Order,
    cancelled: &Cancelled,
    out: &mut impl Write,
) -> Result<Deidentified, String> {
    let job = order.job;
    let mut progress = |OpenProgress { files_done, files_total }| {
        let is_cancelled = cancelled.lock().unwrap_or_else(PoisonError::into_inner).contains(&job);
        let reply = CopiesReply::Writing { job, files_done, files_total };
        if is_cancelled || write_message(out, &reply).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    deidentify(&order.files, &order.folder, &order.options, &mut progress)
        .map_err(|error| error.to_string())
}
