//! Who we answer to: one folder per vendor, each speaking that vendor's wire format to the word,
//! and one for our own.
//!
//! A dialect parses, calls one operation of the domain, and renders. No rule lives here, and no
//! folder knows its sibling.

pub mod native;
pub mod volcengine;
pub mod zegocloud;

use bytes::Bytes;
use domain::AppId;

/// An answer, and what the server's log and metrics say of it.
#[derive(Debug)]
pub struct Answered {
    /// What goes out.
    pub response: http::Response<Bytes>,
    /// The vendor's name of the action; `unknown` if there is no such action, so that the number of
    /// names is bounded.
    pub action: &'static str,
    /// The tenant, once the request has proved to speak for it.
    pub app: Option<AppId>,
    /// `ok`, or the vendor's code of the refusal.
    pub outcome: String,
    /// The id under which the client can ask about this answer.
    pub request_id: String,
    /// Why the request failed inside, for the log only: an answer never carries it.
    pub cause: Option<domain::Error>,
}

/// Why a request has no body to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It has more bytes than a request of any dialect needs.
    TooLarge {
        /// How many it may have.
        bytes_max: usize,
    },
    /// It did not arrive whole.
    Broken,
    /// The bodies of other requests hold all the memory that bodies may hold.
    Busy,
}

/// A request as it came in, with its whole body or the reason why there is none.
pub type Asked = http::Request<Result<Bytes, BodyFault>>;
