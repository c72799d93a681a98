//! Volcengine's signature, in the form of headers, with JSON as content type.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

const REGION: &str = "cn-north-1";
const SERVICE: &str = "rtc";
const SIGNED_HEADERS: &str = "content-type;host;x-content-sha256;x-date";

/// A key for one day and one moment: deriving it and writing the date need doing only once.
pub(crate) struct Signer {
    key_id: String,
    key: [u8; 32],
    /// `20261121T020243Z`
    date: String,
    host: String,
}

/// The headers that make a request valid, but for Host and Content-Type.
pub(crate) struct Signed {
    pub(crate) date: String,
    pub(crate) body_sha256: String,
    pub(crate) authorization: String,
}

impl Signer {
    pub(crate) fn new(key_id: &str, secret: &str, host: &str, now: Timestamp) -> Self {
        let date = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let key = [&date[..8], REGION, SERVICE, "request"]
            .iter()
            .fold(secret.as_bytes().to_vec(), |key, part| hmac(&key, part.as_bytes()).to_vec());
        let key = key.try_into().expect("four rounds of HMAC-SHA256 leave 32 bytes");
        Self { key_id: key_id.to_owned(), key, date, host: host.to_owned() }
    }

    /// `query` is canonical already: sorted, and encoded as RFC 3986 says.
    pub(crate) fn sign(&self, method: &str, query: &str, body: &[u8]) -> Signed {
        let body_sha256 = hex(&Sha256::digest(body));
        let canonical = format!(
            "{method}\n/\n{query}\ncontent-type:application/json\nhost:{}\nx-content-sha256:{body_sha256}\n\
             x-date:{}\n\n{SIGNED_HEADERS}\n{body_sha256}",
            self.host, self.date
        );
        let scope = format!("{}/{REGION}/{SERVICE}/request", &self.date[..8]);
        let hash = hex(&Sha256::digest(canonical.as_bytes()));
        let to_sign = format!("HMAC-SHA256\n{}\n{scope}\n{hash}", self.date);
        let signature = hex(&hmac(&self.key, to_sign.as_bytes()));
        let authorization = format!(
            "HMAC-SHA256 Credential={}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}",
            self.key_id
        );
        Signed { date: self.date.clone(), body_sha256, authorization }
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the official Python SDK (`volcengine` 1.0.229) and recorded.
    #[test]
    fn agrees_with_the_official_sdk() {
        let now = "2026-11-21T02:02:43Z".parse().expect("a time");
        let secret = "c2VjcmV0LXRlc3Qta2V5LWZvci1jYXB0dXJl";
        let signer = Signer::new("AKLTtestaccesskeyid", secret, "127.0.0.1:18081", now);
        let body = br#"{"AppId": 123456, "UserIds": [10001, 10002]}"#;
        let signed = signer.sign("POST", "Action=BatchGetUser&Version=2020-12-01", body);
        assert_eq!(signed.date, "20261121T020243Z");
        assert_eq!(
            signed.body_sha256,
            "fbd7ef784968fb5483904ce467195598267871a73861a71aa853d4b1efeb81ad"
        );
        assert_eq!(
            signed.authorization,
            "HMAC-SHA256 Credential=AKLTtestaccesskeyid/20261121/cn-north-1/rtc/request, \
             SignedHeaders=content-type;host;x-content-sha256;x-date, \
             Signature=a47f14af9ab0e4369b2248558a1a6bc5eed490b1a2e650ac3946acd77d4f8b79"
        );
    }
}
