//! A receiver: takes deliveries over HTTP or HTTPS, or does not.
//!
//! Deliberately without redirects, cookies and repeats: whoever follows a redirect goes where
//! nobody has looked, and repeats are the job's business.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use domain::broadcast::Refusal;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::{Connector, Refused};
use super::webhook::Webhook;
use crate::config::Receiver;
use crate::outgoing;

/// How long a delivery may take, from the first try to connect to the end of the answer's head.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer's body is read so that the connection can be used again, and for how long.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections to a receiver wait for a further delivery. One is under way at a time.
const IDLE_CONNECTIONS_MAX: usize = 1;
/// For how long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes deliveries.
pub(super) trait Receives {
    /// Delivers at this second of our clock; `Ok` if it was taken.
    async fn deliver(&self, webhook: &Webhook, unix_s: i64) -> Result<(), Refusal>;
}

/// A receiver at an address.
pub(super) struct HttpReceiver {
    client: legacy::Client<HttpsConnector<Connector>, Full<Bytes>>,
    url: Uri,
    key: Vec<u8>,
}

impl HttpReceiver {
    /// Fails if the machine cannot do HTTPS and the address needs it.
    pub(super) fn new(receiver: &Receiver, connector: Connector) -> anyhow::Result<Self> {
        let Receiver { url, key, .. } = receiver;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(outgoing::tls(url)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Ok(Self { client, url: url.clone(), key: key.clone() })
    }

    fn request(&self, webhook: &Webhook, unix_s: i64) -> Request<Full<Bytes>> {
        Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("whowas/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &webhook.id)
            .header("webhook-timestamp", unix_s)
            .header("webhook-signature", webhook.sign(&self.key, unix_s))
            .body(Full::new(webhook.body.clone()))
            .expect("an address, and texts of letters and digits")
    }
}

impl Receives for HttpReceiver {
    async fn deliver(&self, webhook: &Webhook, unix_s: i64) -> Result<(), Refusal> {
        let answer = self.client.request(self.request(webhook, unix_s));
        let answer = match tokio::time::timeout(DELIVERY_TIMEOUT, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unanswered(&reason_of(&error))),
            Err(_) => {
                let seconds = DELIVERY_TIMEOUT.as_secs();
                return Err(unanswered(&format!("the receiver did not answer in {seconds} s")));
            }
        };
        let status = answer.status();
        // The status alone counts: what else there is may come or not.
        let rest = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
        let _ = tokio::time::timeout(ANSWER_TIMEOUT, rest).await;
        judge(status)
    }
}

/// Whether an answer of this status means that the delivery was taken.
fn judge(status: StatusCode) -> Result<(), Refusal> {
    if status.is_success() {
        return Ok(());
    }
    let status = status.as_u16();
    let reason = match status {
        300..400 => format!("the receiver answered {status}, a redirect, which is not followed"),
        _ => format!("the receiver answered {status}"),
    };
    Err(Refusal { status: Some(status), reason })
}

fn unanswered(reason: &str) -> Refusal {
    Refusal { status: None, reason: reason.to_owned() }
}

/// In words of ours: what a library says may hold an address.
fn reason_of(error: &legacy::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return refused.to_string();
        }
        cause = error.source();
        // The error within one of these is not its source, but hidden in it.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return insecure(error);
        }
    }
    match error.is_connect() {
        true => "no connection to the receiver could be made".to_owned(),
        false => "the connection broke before the receiver answered".to_owned(),
    }
}

/// Of what kind it is: what it says further names what is in the receiver's certificate.
fn insecure(error: &rustls::Error) -> String {
    use rustls::{CertificateError, Error};
    let kind = match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            CertificateError::UnknownIssuer => "its certificate is of an unknown issuer",
            CertificateError::Revoked => "its certificate is revoked",
            _ => "its certificate is not valid",
        },
        Error::AlertReceived(_) => "the receiver broke it off",
        Error::InvalidMessage(_) => "what the receiver said is not TLS",
        Error::PeerIncompatible(_) => "the receiver speaks another TLS",
        _ => "TLS failed",
    };
    format!("no secure connection to the receiver could be made: {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_nothing_of_a_certificate() {
        use rustls::CertificateError;
        let error = CertificateError::NotValidForNameContext {
            expected: rustls::pki_types::ServerName::try_from("wanted.test").expect("a name"),
            presented: vec!["inside.example".into()],
        };
        let reason = insecure(&rustls::Error::InvalidCertificate(error));
        assert!(reason.ends_with("its certificate is for another name"), "{reason}");
        let secret = rustls::Error::General("inside.example".into());
        assert!(!insecure(&secret).contains("inside"));
    }

    #[test]
    fn only_a_status_of_success_means_that_it_was_taken() {
        let judged = |status: u16| judge(StatusCode::from_u16(status).expect("a status"));
        for taken in [200, 201, 202, 204, 299] {
            assert_eq!(judged(taken), Ok(()), "{taken}");
        }
        for refused in [100, 199, 300, 301, 302, 307, 308, 304, 400, 401, 404, 410, 429, 500, 599] {
            let refusal = judged(refused).expect_err("refused");
            assert_eq!(refusal.status, Some(refused));
            assert_eq!(refusal.reason.contains("redirect"), refused / 100 == 3, "{refused}");
        }
    }
}
