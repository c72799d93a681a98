//! A running server, asked by a command: which calls there are, and which failures a repeat helps
//! against.

use std::time::Duration;

use bytes::Bytes;
use domain::AppId;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, InvalidHeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sources::native;

use crate::cli::ApiTargetArgs;
use crate::command::Failure;
use crate::config::{self, Target};
use crate::observe;
use crate::outgoing::{Client, Patience};

/// A call's patience: a server that is busy syncing answers late, but not later than this.
const PATIENCE: Patience =
    Patience { timeout: Duration::from_secs(60), body_bytes_max: 32 * 1024 * 1024 };

/// A server, and what opens an app of it.
#[derive(Clone)]
pub(crate) struct Remote {
    client: Client,
    server: Uri,
    authorization: HeaderValue,
}

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// There was no answer, or one that asks to come again: the same call may do it later.
    #[error("{0}")]
    Again(String),
    /// The same call will fail again.
    #[error("{0}")]
    Final(String),
}

/// What became of a batch of events.
#[derive(Debug, Deserialize)]
pub(crate) struct Taken {
    /// Those that are in the log now, or too old for it.
    pub(crate) accepted: u64,
    /// Those that were there.
    pub(crate) duplicates: u64,
    /// Those among the accepted that are older than the retention, and not applied.
    #[serde(default)]
    pub(crate) expired: u64,
    /// Those that were refused.
    pub(crate) errors: Vec<Refusal>,
}

/// A refused event of a batch.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusal {
    /// Its place in the batch, from 0.
    pub(crate) index: usize,
    /// Why.
    pub(crate) reason: String,
}

/// Some dead letters.
#[derive(Debug, Deserialize)]
pub(crate) struct Letters {
    /// Whose they are.
    pub(crate) app: u32,
    /// How many there are in all.
    pub(crate) total: u64,
    /// These, as the server shows them.
    pub(crate) letters: Vec<Value>,
    /// Behind which the next ones are.
    pub(crate) next: Option<u64>,
}

/// What one call to read letters again did.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replayed {
    /// How many letters were understood, and are gone.
    pub(crate) replayed: u64,
    /// How many of their events are new in the log.
    pub(crate) stored: u64,
    /// How many were there.
    pub(crate) duplicates: u64,
    /// How many are older than the retention, and not applied.
    pub(crate) expired: u64,
    /// How many letters were not understood.
    pub(crate) still_dead: u64,
    /// Behind which the next letters are.
    pub(crate) next: Option<u64>,
}

impl Remote {
    /// Asks nothing yet. Fails if the machine cannot do HTTPS and the address needs it.
    pub(crate) fn new(target: Target) -> anyhow::Result<Self> {
        let Target { server, token } = target;
        let authorization: Result<HeaderValue, InvalidHeaderValue> =
            HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
        let mut authorization =
            authorization.map_err(|_| anyhow::anyhow!("the token cannot stand in a header"))?;
        authorization.set_sensitive(true);
        Ok(Self { client: Client::new(&server)?, server, authorization })
    }

    /// The server whose native API a command asks, and the app.
    pub(crate) fn of_api(args: &ApiTargetArgs) -> Result<(Self, AppId), Failure> {
        let found = config::api_target(args)?;
        Ok((Self::new(found.target)?, found.app))
    }

    /// Its address.
    pub(crate) fn server(&self) -> String {
        self.server.to_string().trim_end_matches('/').to_owned()
    }

    /// Sends a batch: a JSON array of events. What it tells is durable.
    pub(crate) async fn send(&self, batch: Bytes) -> Result<Taken, Trouble> {
        self.ask(Method::POST, "/v1/events", batch).await
    }

    /// Lists dead letters.
    pub(crate) async fn list(&self, after: Option<u64>, limit: u64) -> Result<Letters, Trouble> {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let path = format!("/v1/dead-letters?limit={limit}{after}");
        self.ask(Method::GET, &path, Bytes::new()).await
    }

    /// Has some dead letters read again.
    pub(crate) async fn replay(&self, after: Option<u64>) -> Result<Replayed, Trouble> {
        let after = after.map(|after| format!("?after={after}")).unwrap_or_default();
        self.ask(Method::POST, &format!("/v1/dead-letters/replay{after}"), Bytes::new()).await
    }

    /// Asks the native API of an app; `path` stands behind the app's.
    pub(crate) async fn ask_api(
        &self,
        method: Method,
        app: AppId,
        path: &str,
    ) -> Result<Value, Trouble> {
        self.ask(method, &format!("/v1/apps/{app}/{path}"), Bytes::new()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, Trouble> {
        let server = self.server();
        let request = Request::builder()
            .method(method)
            .uri(format!("{server}{path}"))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, native::BATCH)
            .body(Full::new(body))
            .map_err(|_| Trouble::Final(format!("{server}{path} is no address")))?;
        let response = self.client.ask(request, PATIENCE).await.map_err(|fault| {
            let chain = observe::chain(&fault);
            Trouble::Again(format!("{server} does not answer: {chain}"))
        })?;
        self.understand(&response)
    }

    fn understand<T: DeserializeOwned>(&self, response: &Response<Bytes>) -> Result<T, Trouble> {
        let server = self.server();
        let body = response.body();
        if response.status() == StatusCode::OK {
            let no_whowas = || {
                format!(
                    "{server} answers, but not as whowas does; is it the right address, \
                     and a server of this version?"
                )
            };
            return serde_json::from_slice(body).map_err(|_| Trouble::Final(no_whowas()));
        }
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_of_api = said["code"].is_string();
        let said = said["error"].as_str().unwrap_or_default();
        let status = response.status();
        Err(match status.as_u16() {
            401 | 403 if is_of_api => Trouble::Final(format!("{server} refuses this: {said}")),
            401 | 403 => Trouble::Final(format!(
                "{server} does not know this token; it is the app's event_token in the server's \
                 config, given with --token, WHOWAS_EVENT_TOKEN or --config"
            )),
            404 | 409 if is_of_api => Trouble::Final(said.to_owned()),
            404 | 405 => Trouble::Final(format!(
                "{server} does not serve this ({status}); is it the right address, and a server of \
                 this version?"
            )),
            408 | 425 | 429 | 500..=599 => {
                Trouble::Again(format!("{server} cannot do it now ({status}): {said}"))
            }
            _ => Trouble::Final(format!("{server} refuses this ({status}): {said}")),
        })
    }
}
