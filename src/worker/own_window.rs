//! A second window of this program, which does something by itself and closes.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often to look whether it is closed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Opens a window with these arguments and waits until it is closed; gives what it said on standard
/// error.
///
/// # Errors
/// When it cannot be started, or is still open after `patience`: then it is ended.
pub fn run_window(args: &[OsString], patience: Duration) -> io::Result<String> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut window = command.spawn()?;
    // what is never read fills the pipe, and then the window waits
    let stderr = window.stderr.take();
    let reader = thread::Builder::new().name("window".to_owned());
    let said = reader.spawn(move || {
        let mut said = String::new();
        stderr.map(|mut stderr| stderr.read_to_string(&mut said));
        said
    })?;
    let began = Instant::now();
    while window.try_wait()?.is_none() {
        if began.elapsed() > patience {
            window.kill()?;
            window.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the window did not close"));
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(said.join().unwrap_or_default())
}
