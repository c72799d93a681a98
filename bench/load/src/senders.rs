//! How each sender tells a happening: one webhook for each, signed as its vendor signs, in the
//! shape that its documents or our captures of it show.
//!
//! Fields that no log reads stand here too, since a receiver has to read past them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::ValueEnum;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::sign::hex;
use crate::story::{Deed, Happening};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sender {
    Livekit,
    Janus,
    Zegocloud,
    Volcengine,
    Trtc,
    Agora,
    /// `POST /v1/events`
    Native,
}

/// Under which credentials everything is sent: `bench/config.toml` has the same.
pub(crate) const SECRET: &str = "bench-hook-secret";
pub(crate) const LIVEKIT_KEY: &str = "benchkey";
pub(crate) const JANUS_USER: &str = "janus";
pub(crate) const RTC_ID: &str = "661e0000000000000000543c";

/// A request, but for what its head has in common with all others.
pub(crate) struct Told {
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
    /// How many facts the log has of it.
    pub(crate) facts: u32,
}

/// How many events Janus put into one array, in the captures: mostly one.
const JANUS_GROUPS: [usize; 20] = [1, 1, 2, 1, 1, 3, 1, 1, 2, 1, 1, 1, 4, 1, 1, 2, 1, 5, 1, 3];

/// How many of the next happenings go into request number `request`.
pub(crate) fn group_len(sender: Sender, request: usize, batch: usize) -> usize {
    match sender {
        Sender::Native => batch,
        Sender::Janus => JANUS_GROUPS[request % JANUS_GROUPS.len()],
        _ => 1,
    }
}

/// Tells one happening, or several where the sender puts them into one request.
pub(crate) fn tell(sender: Sender, app: u64, group: &[Happening], now: Timestamp) -> Told {
    let one = &group[0];
    let (headers, body) = match sender {
        Sender::Livekit => livekit(one, now),
        Sender::Janus => janus(group),
        Sender::Zegocloud => zegocloud(one, app, now),
        Sender::Volcengine => volcengine(one),
        Sender::Trtc => trtc(one),
        Sender::Agora => agora(one),
        Sender::Native => native(group),
    };
    let name = sender.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default();
    let path = match sender {
        Sender::Native => "/v1/events".to_owned(),
        _ => format!("/hooks/{name}/{app}"),
    };
    // A host's arrival at Agora's is a join and a publication.
    let facts = match (sender, one.deed) {
        (Sender::Agora, Deed::Joined) => 2,
        _ => group.len(),
    };
    Told { path, headers, body, facts: u32::try_from(facts).expect("a short group") }
}

/// Agora tells hosts, not streams.
pub(crate) fn tells(sender: Sender, deed: Deed) -> bool {
    sender != Sender::Agora || deed != Deed::Published
}

fn livekit(it: &Happening, now: Timestamp) -> (String, String) {
    let Happening { number, room, person, at_unix_ms, joined_unix_ms, .. } = it;
    let (event, at_s) = match it.deed {
        Deed::Joined => ("participant_joined", at_unix_ms / 1_000),
        Deed::Published => ("track_published", at_unix_ms / 1_000),
        Deed::Left => ("participant_left", at_unix_ms / 1_000),
        Deed::Finished => ("room_finished", at_unix_ms / 1_000),
    };
    let whole_room = format!(
        r#"{{"sid":"RM_{room:012}","name":"room{room}","emptyTimeout":300,"creationTime":"{at_s}","turnPassword":"a3Vyd2VydG9ubmU","enabledCodecs":[{{"mime":"audio/opus"}},{{"mime":"video/VP8"}}],"numParticipants":1,"version":{{"unixMicro":"{at_unix_ms}000"}},"departureTimeout":20,"creationTimeMs":"{at_unix_ms}"}}"#
    );
    let room_name = format!(r#"{{"sid":"RM_{room:012}","name":"room{room}"}}"#);
    let joined_s = joined_unix_ms / 1_000;
    let whole_person = format!(
        r#"{{"sid":"PA_{person:012}","identity":"user{person}","state":"ACTIVE","joinedAt":"{joined_s}","name":"User {person}","version":3,"permission":{{"canSubscribe":true,"canPublish":true,"canPublishData":true}},"attributes":{{"os.name":"ios","device.model.name":"iPhone 11"}},"joinedAtMs":"{joined_unix_ms}"}}"#
    );
    let about = match it.deed {
        Deed::Joined | Deed::Left => format!(r#""room":{whole_room},"participant":{whole_person}"#),
        Deed::Published => format!(
            r#""room":{room_name},"participant":{{"sid":"PA_{person:012}","identity":"user{person}"}},"track":{{"sid":"TR_{number:012}","type":"VIDEO","width":1280,"height":720,"source":"CAMERA","mimeType":"video/VP8","mid":"1","codecs":[{{"mimeType":"video/VP8","mid":"1","cid":"c1"}}],"stream":"camera"}}"#
        ),
        Deed::Finished => format!(r#""room":{whole_room}"#),
    };
    let body =
        format!(r#"{{"event":"{event}",{about},"id":"EV_{number:012}","createdAt":"{at_s}"}}"#);
    let token = livekit_token(&body, now.as_second());
    (format!("Content-Type: application/webhook+json\r\nAuthorization: {token}\r\n"), body)
}

fn livekit_token(body: &str, now_unix_s: i64) -> String {
    let sha256 = STANDARD.encode(Sha256::digest(body));
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(format!(
        r#"{{"iss":"{LIVEKIT_KEY}","nbf":{now_unix_s},"exp":{},"sha256":"{sha256}"}}"#,
        now_unix_s + 300
    ));
    let signed = format!("{header}.{claims}");
    let mac = URL_SAFE_NO_PAD.encode(mac::<Hmac<Sha256>>(&signed));
    format!("{signed}.{mac}")
}

fn janus(group: &[Happening]) -> (String, String) {
    let events: Vec<String> = group.iter().map(janus_event).collect();
    let login = STANDARD.encode(format!("{JANUS_USER}:{SECRET}"));
    let headers = format!("Content-Type: application/json\r\nAuthorization: Basic {login}\r\n");
    (headers, format!("[{}]", events.join(",")))
}

fn janus_event(it: &Happening) -> String {
    let Happening { number, room, person, at_unix_ms, .. } = it;
    let handle = format!(
        r#""session_id":19743{person:011},"handle_id":27340{person:011},"opaque_id":"device-{person}","#
    );
    let (handle, data) = match it.deed {
        Deed::Joined => (
            handle,
            format!(
                r#""event":"joined","room":"room{room}","id":"user{person}","private_id":{number},"display":"User {person}""#
            ),
        ),
        Deed::Published => (
            handle,
            format!(
                r#""event":"published","room":"room{room}","id":"user{person}","display":"User {person}","streams":[{{"type":"audio","mindex":0,"mid":"0","codec":"opus"}},{{"type":"video","mindex":1,"mid":"1","codec":"vp8"}}]"#
            ),
        ),
        Deed::Left => {
            (String::new(), format!(r#""event":"leaving","room":"room{room}","id":"user{person}""#))
        }
        Deed::Finished => (handle, format!(r#""event":"destroyed","room":"room{room}""#)),
    };
    format!(
        r#"{{"emitter":"janus-1","type":64,"timestamp":{at_unix_ms}000,{handle}"event":{{"plugin":"janus.plugin.videoroom","data":{{{data}}}}}}}"#
    )
}

fn zegocloud(it: &Happening, app: u64, now: Timestamp) -> (String, String) {
    let Happening { number, room, person, at_unix_ms, joined_unix_ms, .. } = it;
    let (timestamp, nonce) = (now.as_second().to_string(), number.to_string());
    let mut parts = [SECRET, &timestamp, &nonce];
    parts.sort_unstable();
    let signature = hex(&Sha1::digest(parts.concat()));
    let about_user = format!(
        r#""room_seq":"60857{room:014}","user_account":"user{person}","user_nickname":"User {person}","session_id":"79214{person:013}","login_time":"{joined_unix_ms}","user_role":"2","term_type":"2""#
    );
    let (event, about) = match it.deed {
        Deed::Joined => ("room_login", format!(r#"{about_user},"relogin":"0""#)),
        Deed::Published => (
            "stream_create",
            format!(
                r#""room_session_id":"60857{room:014}","user_id":"user{person}","user_name":"User {person}","channel_id":"0xb-0x1","stream_id":"stream{number}","create_time":"{}","create_time_ms":"{at_unix_ms}","rtmp_url":["rtmp://rtmp.example/app/{number}"],"hls_url":["http://hls.example/app/{number}.m3u8"]"#,
                at_unix_ms / 1_000
            ),
        ),
        Deed::Left => {
            ("room_logout", format!(r#"{about_user},"logout_time":"{at_unix_ms}","reason":"0""#))
        }
        Deed::Finished => (
            "room_close",
            format!(
                r#""room_session_id":"60857{room:014}","close_reason":"1","room_close_time":"{at_unix_ms}""#
            ),
        ),
    };
    let body = format!(
        r#"{{"event":"{event}","appid":"{app}","timestamp":"{timestamp}","nonce":"{nonce}","signature":"{signature}","room_id":"room{room}",{about}}}"#
    );
    ("Content-Type: application/json\r\n".to_owned(), body)
}

fn volcengine(it: &Happening) -> (String, String) {
    let Happening { number, room, person, at_unix_ms, .. } = it;
    let (event, device, user) = match it.deed {
        Deed::Joined => ("UserJoinRoom", r#","DeviceType":"ios""#, true),
        Deed::Published => ("UserVideoStreamStart", "", true),
        Deed::Left => ("UserLeaveRoom", r#","Reason":"userLeave""#, true),
        Deed::Finished => ("RoomDestroy", "", false),
    };
    let user = if user { format!(r#","UserId":"user{person}""#) } else { String::new() };
    let told = format!(r#"{{"RoomId":"room{room}"{user}{device},"Timestamp":{at_unix_ms}}}"#);
    let time = Timestamp::from_millisecond(*at_unix_ms).map(|it| it.to_string());
    let time = time.unwrap_or_default();
    let (id, nonce) = (format!("a0000000-0000-4000-8000-{number:012}"), number.to_string());
    let mut parts = [event, &told, &time, &id, RTC_ID, "2020-12-01", &nonce, SECRET];
    parts.sort_unstable();
    let signature = hex(&Sha256::digest(parts.concat()));
    let body = serde_json::json!({
        "EventType": event, "EventData": told, "EventTime": time, "EventId": id, "AppId": RTC_ID,
        "BusinessId": "", "Version": "2020-12-01", "Nonce": nonce, "Signature": signature,
    });
    ("Content-Type: application/json\r\n".to_owned(), body.to_string())
}

fn trtc(it: &Happening) -> (String, String) {
    let Happening { room, person, at_unix_ms, .. } = it;
    let (group, kind, user) = match it.deed {
        Deed::Joined => (1, 103, r#","Role":21,"TerminalType":2,"UserType":3,"Reason":1"#),
        Deed::Published => (2, 201, ""),
        Deed::Left => (1, 104, r#","Role":20,"Reason":1"#),
        Deed::Finished => (1, 102, ""),
    };
    let user = match it.deed {
        Deed::Finished => String::new(),
        _ => format!(r#","UserId":"user{person}"{user}"#),
    };
    let body = format!(
        r#"{{"EventGroupId":{group},"EventType":{kind},"CallbackTs":{},"EventInfo":{{"RoomId":{room},"EventTs":{},"EventMsTs":{at_unix_ms}{user}}}}}"#,
        at_unix_ms + 70,
        at_unix_ms / 1_000
    );
    let sign = STANDARD.encode(mac::<Hmac<Sha256>>(&body));
    (format!("Content-Type: application/json\r\nSdkAppId: 4111\r\nSign: {sign}\r\n"), body)
}

fn agora(it: &Happening) -> (String, String) {
    let Happening { number, room, person, at_unix_ms, joined_unix_ms, .. } = it;
    let at_s = at_unix_ms / 1_000;
    let user = format!(r#","uid":{},"platform":2,"clientSeq":{at_unix_ms}"#, person + 1);
    let (kind, about) = match it.deed {
        Deed::Joined | Deed::Published => (103, user),
        Deed::Left => {
            let duration_s = at_s - joined_unix_ms / 1_000;
            (104, format!(r#"{user},"reason":1,"duration":{duration_s}"#))
        }
        Deed::Finished => (102, format!(r#","lastUid":{}"#, person + 1)),
    };
    let body = format!(
        r#"{{"sid":"C866467GVJJ{room:08}","noticeId":"2000001428:{number}:107","productId":1,"eventType":{kind},"notifyMs":{},"payload":{{"channelName":"room{room}","ts":{at_s}{about}}}}}"#,
        at_unix_ms + 90
    );
    let (v1, v2) = (hex(&mac::<Hmac<Sha1>>(&body)), hex(&mac::<Hmac<Sha256>>(&body)));
    let headers = format!(
        "Content-Type: application/json\r\nAgora-Signature: {v1}\r\nAgora-Signature-V2: {v2}\r\n"
    );
    (headers, body)
}

fn native(group: &[Happening]) -> (String, String) {
    let (kind, body) = match group {
        [one] => ("cloudevents", native_event(one)),
        many => {
            let events: Vec<String> = many.iter().map(native_event).collect();
            ("cloudevents-batch", format!("[{}]", events.join(",")))
        }
    };
    let headers =
        format!("Content-Type: application/{kind}+json\r\nAuthorization: Bearer {SECRET}\r\n");
    (headers, body)
}

fn native_event(it: &Happening) -> String {
    let Happening { number, room, person, at_unix_ms, .. } = it;
    let time = Timestamp::from_millisecond(*at_unix_ms).map(|it| it.to_string());
    let (kind, client) = match it.deed {
        Deed::Joined => (
            "rtc.participant.joined",
            r#","client":{"os.name":"ios","device.model.name":"iPhone 11"}"#,
        ),
        Deed::Published => ("rtc.stream.published", ""),
        Deed::Left => ("rtc.participant.left", ""),
        Deed::Finished => ("rtc.room.finished", ""),
    };
    let user = match it.deed {
        Deed::Finished => String::new(),
        _ => format!(r#","userId":"user{person}","connectionId":"k{person}"{client}"#),
    };
    format!(
        r#"{{"specversion":"1.0","id":"e{number}","source":"sfu-1","type":"{kind}","time":"{}","data":{{"roomId":"room{room}","callId":"c{room}"{user}}}}}"#,
        time.unwrap_or_default()
    )
}

fn mac<M: Mac + KeyInit>(body: &str) -> Vec<u8> {
    let mut mac =
        <M as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
