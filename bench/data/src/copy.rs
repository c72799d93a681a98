//! The forms in which PostgreSQL takes it: lines for `COPY ... FROM STDIN`, in its text format. No
//! name of ours needs to be escaped.

use crate::{
    APP,
    calls::{Call, Stay},
    json::{put, time, write_ext},
    users::User,
};

/// `app, id, name, portrait, tags, ext`.
pub fn write_user(text: &mut String, user: &User) {
    let User { id, name, portrait, tags, ext } = user;
    put(text, format_args!("{APP}\t{id}\t{name}\t{portrait}\t{{{}}}\t", tags.join(",")));
    write_ext(text, ext);
    text.push('\n');
}

/// `app, room, call, participant, created, left_at, os, device, sdk, access, published, joins,
/// leaves`, a line for each stay. Times are whole seconds where they decide what is selected, as
/// they are for ListUserInfo.
pub fn write_stays(text: &mut String, call: &Call) {
    for stay in &call.stays {
        let Stay { participant, client, passages, .. } = stay;
        let second = |at_unix_ms: i64| time(at_unix_ms.div_euclid(1_000) * 1_000);
        put(text, format_args!("{APP}\t{}\t{}\t{participant}\t", call.room, call.id));
        put(text, format_args!("{}\t", second(passages[0].0)));
        match passages.last().and_then(|passage| passage.1) {
            Some(left) => put(text, format_args!("{}", second(left))),
            None => text.push_str("infinity"),
        }
        put(text, format_args!("\t{}\t{}\t{}", client.os, client.device, client.sdk));
        let published = if stay.published_unix_ms.is_some() { 't' } else { 'f' };
        put(text, format_args!("\t{}\t{published}\t", client.access));
        write_times(text, passages.iter().map(|passage| passage.0));
        text.push('\t');
        write_times(text, passages.iter().filter_map(|passage| passage.1));
        text.push('\n');
    }
}

fn write_times(text: &mut String, times: impl Iterator<Item = i64>) {
    text.push('{');
    for (place, at_unix_ms) in times.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        put(text, format_args!("{comma}\"{}\"", time(at_unix_ms)));
    }
    text.push('}');
}
