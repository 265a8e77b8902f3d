//! Framed messages over a pipe: eight bytes of length, then postcard.
//!
//! A decoded frame of a CT is half a megabyte and crosses a pipe in well under a millisecond, so
//! large payloads take the same way as small ones; no shared memory, hence no `unsafe`.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// The largest message either side accepts: one frame of 1 GiB of samples and its description.
const MAX_MESSAGE: u64 = (1 << 30) + (64 << 20);

/// Write one message and flush it.
pub(super) fn write_message<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    let body = postcard::to_allocvec(message).map_err(io::Error::other)?;
    to.write_all(&(body.len() as u64).to_le_bytes())?;
    to.write_all(&body)?;
    to.flush()
}

/// Read one message; `Ok(None)` when the other end closed the pipe between messages.
pub(super) fn read_message<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 8];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u64::from_le_bytes(length);
    if length > MAX_MESSAGE {
        return Err(io::Error::other(format!("a message of {length} bytes is too long")));
    }
    // Grows with what arrives, never by what was announced.
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&body).map(Some).map_err(io::Error::other)
}
