//! The form in which ClickHouse takes it: lines for `FORMAT TSV`, times being Unix seconds.

use crate::{
    APP,
    calls::{Call, Stay},
    json::put,
};

/// When whoever is still there has left: the last second that a DateTime knows.
const NEVER_UNIX_S: u32 = u32::MAX;

/// `app, room, call, participant, created, left_at, os, device, sdk, access, published, joins,
/// leaves`, a line for each stay; the last two in milliseconds.
pub fn write_stays(text: &mut String, call: &Call) {
    for stay in &call.stays {
        let Stay { participant, client, passages, .. } = stay;
        let created = passages[0].0.div_euclid(1_000);
        let left = passages.last().and_then(|passage| passage.1);
        let left = left.map_or(NEVER_UNIX_S.into(), |at_unix_ms| at_unix_ms.div_euclid(1_000));
        put(text, format_args!("{APP}\t{}\t{}\t{participant}\t{created}\t", call.room, call.id));
        put(text, format_args!("{left}\t{}\t{}\t{}\t", client.os, client.device, client.sdk));
        let published = u8::from(stay.published_unix_ms.is_some());
        put(text, format_args!("{}\t{published}\t", client.access));
        let joins: Vec<i64> = passages.iter().map(|passage| passage.0).collect();
        let leaves: Vec<i64> = passages.iter().filter_map(|passage| passage.1).collect();
        put(text, format_args!("{joins:?}\t{leaves:?}\n"));
    }
}
