//! Reads a request's body, and no more of it than there may be.
//!
//! Bodies are read before anybody knows who sent them, so what all of them hold together has a
//! maximum too: beyond it a request is answered that the server is busy.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of a body that nobody wants is read all the same, in bytes: a client that is still
/// sending does not see an answer.
const DRAINED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many bytes all bodies under way may hold, in units of [`UNIT_BYTES`].
const HELD_UNITS_MAX: usize = 256 * 1024;
const UNIT_BYTES: usize = 1024;

/// What the bodies of all requests under way may hold together.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(HELD_UNITS_MAX)))
    }
}

/// A whole body, and its share of the budget for as long as it is held.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    share: Option<OwnedSemaphorePermit>,
}

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has more bytes than it may have.
    TooLarge,
    /// It did not arrive in time, or the connection broke.
    Broken,
    /// The bodies of other requests hold all that there is.
    Busy,
}

/// The whole body, if it has at most `bytes_max` bytes.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Incoming,
    bytes_max: usize,
    budget: &Budget,
) -> Result<Body, Fault> {
    let announced = body.size_hint().lower();
    // Who asks first is told at once, and sends nothing.
    let asks_first = headers.contains_key(header::EXPECT) && announced > bytes_max as u64;
    if asks_first || announced > DRAINED_BYTES_MAX as u64 {
        return Err(Fault::TooLarge);
    }
    match tokio::time::timeout(BODY_TIMEOUT, collect(body, bytes_max, budget)).await {
        Ok(read) => read,
        Err(_) => Err(Fault::Broken),
    }
}

/// Reads a body that was refused already and keeps nothing of it, so that its sender sees why.
pub(super) async fn drain(headers: &HeaderMap, body: Incoming) {
    // Nothing is held, so the budget is not asked; and whatever is told, the answer stands.
    let _ = read(headers, body, 0, &Budget::default()).await;
}

async fn collect(mut body: Incoming, bytes_max: usize, budget: &Budget) -> Result<Body, Fault> {
    let mut held = Held { first: Bytes::new(), rest: BytesMut::new(), share: None };
    let mut fault = None;
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() else { continue };
        read += data.len();
        if read > DRAINED_BYTES_MAX {
            break;
        }
        if read > bytes_max {
            fault = Some(Fault::TooLarge);
        } else if fault.is_none() {
            fault = held.take(data, budget).err();
        }
        if fault.is_some() {
            held = Held { first: Bytes::new(), rest: BytesMut::new(), share: None };
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok(held.whole()),
    }
}

/// What has arrived. Most bodies arrive in one piece, which then is not copied.
struct Held {
    first: Bytes,
    rest: BytesMut,
    share: Option<OwnedSemaphorePermit>,
}

impl Held {
    fn take(&mut self, data: Bytes, budget: &Budget) -> Result<(), Fault> {
        let units = u32::try_from(data.len().div_ceil(UNIT_BYTES)).map_err(|_| Fault::TooLarge)?;
        let more = budget.0.clone().try_acquire_many_owned(units).map_err(|_| Fault::Busy)?;
        match &mut self.share {
            Some(share) => share.merge(more),
            None => self.share = Some(more),
        }
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = data;
            return Ok(());
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
        Ok(())
    }

    fn whole(self) -> Body {
        let bytes = if self.rest.is_empty() { self.first } else { self.rest.freeze() };
        Body { bytes, share: self.share }
    }
}

impl Body {
    /// The bytes, for somebody who needs them alone; the share must outlive them.
    pub(super) fn into_parts(self) -> (Bytes, Option<OwnedSemaphorePermit>) {
        (self.bytes, self.share)
    }
}
