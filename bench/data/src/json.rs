//! The forms in which whowas takes it: bodies of RegisterUsers and of `POST /v1/events`.

use std::fmt::Write;

use jiff::Timestamp;

use crate::{
    happenings::{Deed, Happening},
    users::User,
};

/// Appends one of the `Users` of a RegisterUsers. No name of ours needs to be escaped.
pub fn write_user(text: &mut String, user: &User) {
    let User { id, name, portrait, tags, ext } = user;
    put(text, format_args!(r#"{{"UserId":{id},"NickName":"{name}","Portrait":"{portrait}""#));
    if !tags.is_empty() {
        put(text, format_args!(r#","Tags":["{}"]"#, tags.join("\",\"")));
    }
    if !ext.is_empty() {
        text.push_str(r#","Ext":"#);
        write_ext(text, ext);
    }
    text.push('}');
}

pub(crate) fn write_ext(text: &mut String, ext: &[(&'static str, String)]) {
    for (place, (key, value)) in ext.iter().enumerate() {
        let before = if place == 0 { '{' } else { ',' };
        put(text, format_args!(r#"{before}"{key}":"{value}""#));
    }
    text.push_str(if ext.is_empty() { "{}" } else { "}" });
}

/// Appends one event of CloudEvents.
pub fn write_event(text: &mut String, happening: &Happening) {
    let Happening { number, at_unix_ms, deed, of } = happening;
    let (kind, person) = match deed {
        Deed::Joined(person) => ("rtc.participant.joined", Some(person)),
        Deed::Published(person) => ("rtc.stream.published", Some(person)),
        Deed::Left(person) => ("rtc.participant.left", Some(person)),
        Deed::Finished => ("rtc.room.finished", None),
    };
    let (time, seed) = (time(*at_unix_ms), of.seed);
    put(
        text,
        format_args!(
            r#"{{"specversion":"1.0","id":"{seed}-{number}","source":"sfu-1","type":"{kind}","time":"{time}","data":{{"roomId":"{}","callId":"{}""#,
            of.room, of.call
        ),
    );
    if let Some(person) = person {
        put(
            text,
            format_args!(
                r#","userId":"{}","connectionId":"{}""#,
                person.participant, person.connection
            ),
        );
    }
    if let Deed::Joined(person) = deed {
        let client = person.client;
        put(
            text,
            format_args!(
                r#","client":{{"os.name":"{}","device.model.name":"{}","rtc.sdk.version":"{}","network.connection.type":"{}"}}"#,
                client.os, client.device, client.sdk, client.access
            ),
        );
    }
    text.push_str("}}");
}

pub(crate) fn time(at_unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_unix_ms).expect("a time of our days")
}

pub(crate) fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String takes everything");
}
