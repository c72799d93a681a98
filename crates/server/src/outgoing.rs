//! Requests that the program itself makes, over HTTP or HTTPS.
//!
//! Deliberately without redirects, cookies and retries: who asks knows what a repeat would do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections wait for a further request, at most, to each server.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// Asks servers. Its copies share their connections.
#[derive(Clone)]
pub(crate) struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No connection could be made: nothing was asked.
    #[error("no connection could be made")]
    Unreachable(#[source] legacy::Error),
    /// The connection broke: it is not known what became of the request.
    #[error("the connection broke before the answer came")]
    Broken(#[source] legacy::Error),
    /// The answer did not come in time: it is not known what became of the request.
    #[error("no answer came in {} seconds", .0.as_secs())]
    Late(Duration),
    /// The answer did not arrive whole, or is longer than whoever asked can take.
    #[error("the answer did not arrive whole, or is too long")]
    Unread(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What whoever asks is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How long the whole answer may take.
    pub(crate) timeout: Duration,
    /// How many bytes its body may have.
    pub(crate) body_bytes_max: usize,
}

impl Client {
    /// A client for `server`; fails as [`tls`] does.
    pub(crate) fn new(server: &Uri) -> anyhow::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(server)?)
            .https_or_http()
            .enable_http1();
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector.wrap_connector(tcp));
        Ok(Self(client))
    }

    /// Asks once, and reads the whole answer, whatever its status is.
    pub(crate) async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        patience: Patience,
    ) -> Result<Response<Bytes>, Fault> {
        let Patience { timeout, body_bytes_max } = patience;
        let answer = async {
            let response = self.0.request(request).await.map_err(|error| {
                if error.is_connect() { Fault::Unreachable(error) } else { Fault::Broken(error) }
            })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, body_bytes_max).collect().await.map_err(Fault::Unread)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        tokio::time::timeout(timeout, answer).await.map_err(|_| Fault::Late(timeout))?
    }
}

/// How a server is believed to be who it is. The certificates of this machine say who is trusted,
/// which are read only if the server's address is HTTPS; fails if there are none then.
pub(crate) fn tls(server: &Uri) -> anyhow::Result<ClientConfig> {
    let roots = match server.scheme_str() {
        Some("https") => roots()?,
        _ => RootCertStore::empty(),
    };
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn roots() -> anyhow::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    anyhow::ensure!(
        !roots.is_empty(),
        "this machine has no certificates of authorities, so HTTPS cannot be trusted: install them \
         (the package is often called ca-certificates), or name a file of them in SSL_CERT_FILE"
    );
    Ok(roots)
}
