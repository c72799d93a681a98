//! Reads a request's body, and no more of it than there may be.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read all the same, in bytes: a client that is still
/// sending does not see an answer.
const DRAINED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has more bytes than it may have.
    TooLarge,
    /// It did not arrive in time, or the connection broke.
    Broken,
}

/// The whole body, if it has at most `bytes_max` bytes.
pub(super) async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, Fault> {
    match tokio::time::timeout(BODY_TIMEOUT, collect(body, bytes_max)).await {
        Ok(read) => read,
        Err(_) => Err(Fault::Broken),
    }
}

async fn collect(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Fault> {
    let announced = body.size_hint().lower();
    if announced > DRAINED_BYTES_MAX as u64 {
        return Err(Fault::TooLarge);
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() else { continue };
        read += data.len();
        if read > DRAINED_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        if read > bytes_max {
            continue;
        }
        // Most bodies arrive in one piece, which then need not be copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&data);
    }
    match (read > bytes_max, rest.is_empty()) {
        (true, _) => Err(Fault::TooLarge),
        (false, true) => Ok(first),
        (false, false) => Ok(rest.freeze()),
    }
}
