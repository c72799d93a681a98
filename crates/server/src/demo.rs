//! An app whose ids and keys everybody knows, to try things out with.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use domain::AppId;
use domain::app::{AccessKey, App, Quirks, Secret};

pub(crate) const APP_ID: AppId = AppId(4111);
const RTC_ID: &str = "661e0000000000000000543c";
const ACCESS_KEY_ID: &str = "AKLTwhowasdemo";
/// It looks like base64, as real ones do, and is used as these very bytes, as real ones are.
const SECRET_ACCESS_KEY: &str = "d2hvd2FzLWRlbW8tc2VjcmV0LWtleQ==";
const SERVER_SECRET: &str = "9193cc662a4c0ec135ec71fb57194b38";
const EVENT_TOKEN: &str = "whowas-demo-events";
/// Opens the console.
pub(crate) const CONSOLE_TOKEN: &str = "whowas-demo-console";
/// What `livekit-server --dev` signs with.
const LIVEKIT_KEY: (&str, &str) = ("devkey", "secret");

/// The app.
pub(crate) fn app() -> App {
    let livekit = BTreeMap::from([
        ("api_key".to_owned(), Secret::new(LIVEKIT_KEY.0)),
        ("api_secret".to_owned(), Secret::new(LIVEKIT_KEY.1)),
    ]);
    App {
        id: APP_ID,
        rtc_id: Some(RTC_ID.to_owned()),
        name: "demo".to_owned(),
        server_secret: Some(Secret::new(SERVER_SECRET)),
        event_token: Some(Secret::new(EVENT_TOKEN)),
        api_token: None,
        access_keys: vec![AccessKey {
            id: ACCESS_KEY_ID.to_owned(),
            secret: Secret::new(SECRET_ACCESS_KEY),
        }],
        quirks: Quirks::default(),
        sources: BTreeMap::from([("livekit".to_owned(), livekit)]),
    }
}

/// Tells on standard output how to use it.
pub(crate) fn introduce(address: SocketAddr) {
    // Whoever closed standard output does not want to read it, and wants the server all the same.
    let _ = writeln!(io::stdout(), "{}", introduction(address));
}

fn introduction(address: SocketAddr) -> String {
    let (livekit_key, livekit_secret) = LIVEKIT_KEY;
    format!(
        r#"whowas demo: everybody knows these keys, so keep it on this machine.

  AppId (RegisterUsers, BatchUpdateUser, BatchGetUser, QueryUserInfos)   {APP_ID}
  AppId (ListUserInfo)                                                   {RTC_ID}
  AccessKeyId      {ACCESS_KEY_ID}
  SecretAccessKey  {SECRET_ACCESS_KEY}
  ServerSecret     {SERVER_SECRET}   (ZEGOCLOUD)
  event token      {EVENT_TOKEN}   (POST /v1/events)

The console: http://{address}/console   (token: {CONSOLE_TOKEN})

Two lines to switch, with the keys above:

  Go, volc-sdk-golang        client.SetHost("{address}")
                             client.SetScheme("http")
  Go, volcengine-go-sdk      config.WithEndpoint("{address}")
                             config.WithDisableSSL(true)
  Python, volcengine         service.set_host("{address}")
                             service.set_scheme("http")
  Python, volcenginesdkcore  configuration.host = "http://{address}"
                             configuration.scheme = "http"
  Node, @volcengine/openapi  host: "{address}"
                             protocol: "http:"
  Node, @volcengine/sdk-core host: "{address}"
                             protocol: "http"
  Java, volc-sdk-java        service.setHost("{address}")
                             service.setScheme("http")
  ZEGOCLOUD                  https://zim-api.zego.im  ->  http://{address}

LiveKit, in its config: webhook: {{ api_key: {livekit_key}, urls: ["http://{address}/hooks/livekit/{APP_ID}"] }}
(api_key {livekit_key}, secret {livekit_secret}: those of livekit-server --dev)

Somebody joins a room (paste this):

  curl -H 'Authorization: Bearer {EVENT_TOKEN}' -H 'Content-Type: application/cloudevents+json' \
    -d '{{"specversion":"1.0","id":"e1","source":"me","type":"rtc.participant.joined","time":"'$(date -u +%FT%TZ)'","data":{{"roomId":"Room1","callId":"c1","userId":"user1"}}}}' \
    http://{address}/v1/events
"#
    )
}
