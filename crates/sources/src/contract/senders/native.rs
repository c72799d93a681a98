//! Native events: the server knows their sender by a token, so they are not signed.

use super::{Name, Of, Sample, Sender, Signing, Unit, needed, optional, or_number};

const ID: Name = needed(Of::Event, "/id");
const SOURCE: Name = needed(Of::Source, "/source");
const ROOM: Name = or_number(needed(Of::Room, "/data/roomId"));
const CALL: Name = or_number(optional(Of::Call, "/data/callId"));
const PARTICIPANT: Name = or_number(needed(Of::Participant, "/data/userId"));
const CONNECTION: Name = or_number(optional(Of::Connection, "/data/connectionId"));
const OF_SOMEBODY: &[Name] = &[ID, SOURCE, ROOM, CALL, PARTICIPANT, CONNECTION];
const TIMES: &[(&str, Unit)] = &[("/time", Unit::Rfc3339)];

pub(in crate::contract) const SENDER: Sender = Sender {
    hook: None,
    keys: &[],
    other_keys: &[],
    signing: Signing::Nowhere,
    signatures_age: false,
    takes_arrays: false,
    kind: "/type",
    unknown: r#"{"specversion":"1.0","id":"e9","source":"sfu-1","type":"rtc.of.the.future",
        "time":"2026-11-21T01:45:10Z","data":{"roomId":"PRIVATE room"}}"#,
    samples: &[
        Sample {
            fact: "joined",
            json: r#"{"specversion":"1.0","id":"e1","source":"sfu-1",
                "type":"rtc.participant.joined","time":"2026-11-21T01:45:09.871Z","data":
                {"roomId":"PRIVATE room","callId":"c1","userId":"PRIVATE user",
                "connectionId":"k1","client":{"os.name":"ios","device.model.name":"iPhone 11"}}}"#,
            names: OF_SOMEBODY,
            times: TIMES,
            placed_us_max: 0,
            needs: &["/specversion", "/data"],
        },
        Sample {
            fact: "left",
            json: r#"{"specversion":"1.0","id":"e2","source":"sfu-1",
                "type":"rtc.participant.left","time":"2026-11-21T09:46:09.871+08:00","data":
                {"roomId":1234,"callId":"c1","userId":5678,"connectionId":"k1"}}"#,
            names: OF_SOMEBODY,
            times: TIMES,
            placed_us_max: 0,
            needs: &["/specversion", "/data"],
        },
        Sample {
            fact: "client",
            json: r#"{"specversion":"1.0","id":"e3","source":"sfu-1",
                "type":"rtc.participant.client","time":"2026-11-21T01:45:10Z","data":
                {"roomId":"PRIVATE room","callId":"c1","userId":"PRIVATE user",
                "connectionId":"k1","client":{"network.connection.type":"wifi"}}}"#,
            names: OF_SOMEBODY,
            times: TIMES,
            placed_us_max: 0,
            needs: &["/specversion", "/data"],
        },
        Sample {
            fact: "published",
            json: r#"{"specversion":"1.0","id":"e4","source":"sfu-1",
                "type":"rtc.stream.published","time":"2026-11-21T01:45:11Z","data":
                {"roomId":"PRIVATE room","userId":"PRIVATE user"}}"#,
            names: OF_SOMEBODY,
            times: TIMES,
            placed_us_max: 0,
            needs: &["/specversion", "/data"],
        },
        Sample {
            fact: "finished",
            json: r#"{"specversion":"1.0","id":"e5","source":"sfu-1","type":"rtc.room.finished",
                "time":"2026-11-21T01:46:20Z","data":{"roomId":"PRIVATE room","callId":"c1"}}"#,
            names: &[ID, SOURCE, ROOM, CALL],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/specversion", "/data"],
        },
        Sample {
            fact: "snapshot",
            json: r#"{"specversion":"1.0","id":"e6","source":"sfu-1","type":"rtc.room.snapshot",
                "time":"2026-11-21T01:46:00Z","data":
                {"roomId":"PRIVATE room","callId":"c1","present":["PRIVATE user"]}}"#,
            names: &[ID, SOURCE, ROOM, CALL],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/specversion", "/data", "/data/present"],
        },
        Sample {
            fact: "restarted",
            json: r#"{"specversion":"1.0","id":"e7","source":"sfu-1",
                "type":"rtc.server.restarted","time":"2026-11-21T01:47:00Z"}"#,
            names: &[ID, SOURCE],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/specversion"],
        },
    ],
};
