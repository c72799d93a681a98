//! The vendor's request signature: `HMAC-SHA256` over a canonical form of the request, with a key
//! derived from the secret, the day, the region and the service. Either in the `Authorization`
//! header, or in the query of a presigned URL.
//!
//! Pure: the caller brings the secret and the time. Between [`Claims::parse`] and [`verify()`] it
//! looks up the secret of the access key that the claims name.
//!
//! Session tokens (`X-Security-Token`) are covered by the signature where the client signs them,
//! and not looked into: a temporary key is a key like any other.
//!
//! Read [`claims`], what the client says; [`canonical`], what it must have signed; [`verify()`],
//! whether it did; [`keys`], what need not be derived again; `captures`, what the official SDKs
//! really send.

mod canonical;
#[cfg(test)]
pub(super) mod captures;
mod claims;
mod keys;
#[cfg(test)]
pub(super) mod signing;
mod verify;

pub(super) use canonical::Signable;
pub(super) use claims::{Claims, Form};
pub(super) use keys::Keys;
pub(super) use verify::verify;

/// Why a request has not proved whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It carries no signature of either form.
    Unsigned,
    /// The part that holds the signature itself is missing.
    MissingSignature,
    /// It does not say when it was signed.
    MissingDate,
    /// The signature is not of the form that the sentence tells.
    Malformed(&'static str),
    /// The credential is not of the form that the sentence tells.
    InvalidCredential(&'static str),
    /// The credential is for this other service.
    OtherService(String),
    /// The time of signing, or the time until it expires, is not of the form that the sentence
    /// tells.
    InvalidDate(&'static str),
    /// It was signed so many seconds ago, and holds for fewer.
    Expired {
        /// How long ago it was signed.
        age_s: i64,
        /// How long it holds.
        valid_s: i64,
    },
    /// It was signed so many seconds after our present.
    FromTheFuture {
        /// How far our clock is behind.
        ahead_s: i64,
    },
    /// `X-Content-Sha256` is not the hash of the body that arrived.
    OtherBody,
    /// The signature is of something else, or by another secret. `canonical_request` is what it
    /// should have been of.
    Mismatch {
        /// To be shown only to those who develop a client.
        canonical_request: String,
    },
}
