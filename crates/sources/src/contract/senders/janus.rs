//! Janus: a user and a password in `Authorization`, which cover nothing of the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::sender::Headers;
use super::{
    Hook, Keys, MICROSECOND, Name, Of, Sample, Sender, Signing, needed, optional, or_number,
};

const SOURCE: Name = needed(Of::Source, "/emitter");
const ROOM: Name = or_number(needed(Of::Room, "/event/data/room"));
const PARTICIPANT: Name = or_number(needed(Of::Participant, "/event/data/id"));
const CONNECTION: Name = or_number(optional(Of::Connection, "/handle_id"));
/// A publication of no handle is of somebody who is on another server.
const PUBLISHING: Name = or_number(needed(Of::Connection, "/handle_id"));
const OF_A_PLUGIN: &[&str] = &["/type", "/event", "/event/plugin", "/event/data"];

pub(in crate::contract) const SENDER: Sender = Sender {
    hook: Some(Hook::Janus),
    keys: &["janus", "a password of this app"],
    other_keys: &["janus-2", "a password of another app"],
    signing: Signing::Password(basic),
    signatures_age: false,
    takes_arrays: true,
    kind: "/event/data/event",
    unknown: r#"{"emitter":"janus-1","type":64,"timestamp":1795225508928687,"event":
        {"plugin":"janus.plugin.videoroom","data":{"event":"an event of the future"}}}"#,
    samples: &[
        Sample {
            fact: "joined",
            json: r#"{"emitter":"janus-1","type":64,"timestamp":1795225508928687,
                "session_id":1974310124842835,"handle_id":2734037333129094,
                "opaque_id":"{\"os.name\":\"ios\"}","event":{"plugin":"janus.plugin.videoroom",
                "data":{"event":"joined","room":"PRIVATE room","id":"PRIVATE user",
                "private_id":3386892342,"display":"PRIVATE it",
                "metadata":{"device.model.name":"iPhone 11"}}}}"#,
            names: &[SOURCE, ROOM, PARTICIPANT, CONNECTION],
            times: &[("/timestamp", MICROSECOND)],
            placed_us_max: 0,
            needs: OF_A_PLUGIN,
        },
        Sample {
            fact: "left",
            json: r#"{"emitter":"janus-1","type":64,"timestamp":1795225513965424,
                "event":{"plugin":"janus.plugin.videoroom",
                "data":{"event":"leaving","room":1234,"id":5678}}}"#,
            names: &[SOURCE, ROOM, PARTICIPANT],
            times: &[("/timestamp", MICROSECOND)],
            placed_us_max: 0,
            needs: OF_A_PLUGIN,
        },
        Sample {
            fact: "published",
            json: r#"{"emitter":"janus-1","type":64,"timestamp":1795225508976247,
                "session_id":1974310124842835,"handle_id":2734037333129094,
                "event":{"plugin":"janus.plugin.videoroom","data":{"event":"published",
                "room":"PRIVATE room","id":"PRIVATE user","streams":[{"type":"audio"}]}}}"#,
            names: &[SOURCE, ROOM, PARTICIPANT, PUBLISHING],
            times: &[("/timestamp", MICROSECOND)],
            placed_us_max: 0,
            needs: OF_A_PLUGIN,
        },
        Sample {
            fact: "finished",
            json: r#"{"emitter":"janus-1","type":64,"timestamp":1795225541045221,
                "event":{"plugin":"janus.plugin.videoroom",
                "data":{"event":"destroyed","room":"PRIVATE room"}}}"#,
            names: &[SOURCE, ROOM],
            times: &[("/timestamp", MICROSECOND)],
            placed_us_max: 0,
            needs: OF_A_PLUGIN,
        },
        // What a client tells with a publication is a fact of its own.
        Sample {
            fact: "client",
            json: r#"{"emitter":"janus-1","type":64,"timestamp":1795225508976247,
                "handle_id":2734037333129094,"opaque_id":"{\"os.name\":\"ios\"}",
                "event":{"plugin":"janus.plugin.videoroom","data":{"event":"published",
                "room":"PRIVATE room","id":"PRIVATE user"}}}"#,
            names: &[SOURCE, ROOM, PARTICIPANT, PUBLISHING],
            times: &[("/timestamp", MICROSECOND)],
            placed_us_max: 0,
            needs: OF_A_PLUGIN,
        },
        Sample {
            fact: "restarted",
            json: r#"{"emitter":"janus-1","type":256,"timestamp":1795225505042288,
                "event":{"status":"started"}}"#,
            names: &[SOURCE],
            times: &[("/timestamp", MICROSECOND)],
            placed_us_max: 0,
            needs: &["/type", "/event", "/event/status"],
        },
    ],
};

fn basic(keys: Keys<'_>) -> Headers {
    let login = STANDARD.encode(format!("{}:{}", keys[0], keys[1]));
    vec![("authorization", format!("Basic {login}"))]
}
