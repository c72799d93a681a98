//! Signature 2.0: whether a request speaks for the app that it names.
//!
//! `Signature` is the MD5, in hexadecimal, of AppId, SignatureNonce, ServerSecret and Timestamp,
//! one after the other as the query has them. Nothing else is signed: neither the action nor the
//! body. Which of these checks comes first is decided in the parent module.

use domain::AppId;
use domain::app::Secret;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use super::fault::{Code, Fault, shown};
use super::query::Query;

/// How far a request's time may be from ours, both ways; this many seconds are still good.
pub(super) const AGE_S_MAX: u64 = 600;

/// Whom a request says that it speaks for. Nothing of it is true until [`Claim::verify`] says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'q> {
    pub(super) app: AppId,
    pub(super) timestamp_unix_s: i64,
    pub(super) nonce: &'q str,
    app_id: &'q str,
    timestamp: &'q str,
    signature: &'q str,
}

impl<'q> Claim<'q> {
    pub(super) fn parse(query: &'q Query) -> Result<Self, Fault> {
        let app_id = query.value("AppId");
        let app = AppId(digits(app_id).ok_or_else(|| app_id_format(app_id))?);
        let timestamp = filled(query, "Timestamp", Code::TimestampEmpty)?;
        let timestamp_unix_s = digits(timestamp).ok_or_else(|| timestamp_format(timestamp))?;
        let nonce = filled(query, "SignatureNonce", Code::NonceEmpty)?;
        let signature = filled(query, "Signature", Code::SignatureEmpty)?;
        let version = filled(query, "SignatureVersion", Code::SignatureVersionEmpty)?;
        if version != "2.0" {
            let version = shown(version);
            let why = format!("SignatureVersion {version} is not supported; it must be 2.0");
            return Err(Fault::new(Code::SignatureVersionUnsupported, why));
        }
        Ok(Self { app, timestamp_unix_s, nonce, app_id, timestamp, signature })
    }

    pub(super) fn check_age(&self, now_unix_s: i64) -> Result<(), Fault> {
        let off_s = now_unix_s.abs_diff(self.timestamp_unix_s);
        if off_s <= AGE_S_MAX {
            return Ok(());
        }
        let side = if self.timestamp_unix_s < now_unix_s { "behind" } else { "ahead of" };
        // Milliseconds of any time since 1973 are seconds of a far future.
        let in_ms = self.timestamp_unix_s >= 100_000_000_000;
        let hint = if in_ms { " (it counts in seconds)" } else { "" };
        let why = format!(
            "the signature has expired: Timestamp{hint} is {off_s} seconds {side} the server's \
             clock, {AGE_S_MAX} are allowed"
        );
        Err(Fault::new(Code::SignatureExpired, why))
    }

    pub(super) fn verify(&self, secret: &Secret) -> Result<(), Fault> {
        let computed = sign(self.app_id, self.nonce, secret, self.timestamp);
        // QUIRK(zegocloud): the form is documented as lower case, and nobody knows whether upper
        // case passes. It proves as much.
        let given = self.signature.to_ascii_lowercase();
        if bool::from(computed.as_bytes().ct_eq(given.as_bytes())) {
            return Ok(());
        }
        let why = "the signature is wrong: it must be the hexadecimal MD5 of AppId, \
                   SignatureNonce, ServerSecret and Timestamp, joined without separators";
        Err(Fault::new(Code::SignatureWrong, why))
    }
}

/// The signature in the documented form. What goes into it is never shown to anybody.
pub(super) fn sign(app_id: &str, nonce: &str, secret: &Secret, timestamp: &str) -> String {
    let mut hash = Md5::new();
    for part in [app_id, nonce, secret.reveal(), timestamp] {
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn filled<'q>(query: &'q Query, name: &str, if_empty: Code) -> Result<&'q str, Fault> {
    match query.value(name) {
        "" => Err(Fault::new(if_empty, format!("the query has no {name}, or an empty one"))),
        value => Ok(value),
    }
}

/// A number that is written with digits only, if it fits.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn app_id_format(app_id: &str) -> Fault {
    let why = match app_id {
        "" => "the query has no AppId".to_owned(),
        _ => format!("AppId {} is not a decimal number of 32 bits", shown(app_id)),
    };
    Fault::new(Code::AppIdFormat, why)
}

fn timestamp_format(timestamp: &str) -> Fault {
    let why = format!("Timestamp {} is not a decimal number of Unix seconds", shown(timestamp));
    Fault::new(Code::TimestampFormat, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_documents_example_does() {
        let secret = Secret::new("9193cc662a4c0ec135ec71fb57194b38");
        let signature = sign("12345", "4fd24687296dd9f3", &secret, "1615186943");
        assert_eq!(signature, "43e5cfcca828314675f91b001390566a");
    }
}
