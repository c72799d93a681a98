//! Janus gives its events no ids, so they are made: the same event always has the same id, and no
//! two events have one.

use std::collections::BTreeMap;

use domain::ids::EventId;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::json::Field;

/// How deep an event may be nested. Janus' own are not half as deep.
pub(super) const DEPTH_MAX: usize = 32;

/// What tells one event from another.
pub(super) struct Identity<'a> {
    pub(super) emitter: &'a str,
    pub(super) timestamp_unix_us: i64,
    pub(super) kind: i128,
    pub(super) session_id: Field<'a>,
    pub(super) handle_id: Field<'a>,
    pub(super) event: &'a RawValue,
}

impl Identity<'_> {
    /// 32 hexadecimal digits; `None` if the event is nested too deeply to be looked at.
    ///
    /// A hash of these six fields. The event is hashed in a canonical form, so that whoever passes
    /// it on may format it anew.
    pub(super) fn hash(&self) -> Option<String> {
        let mut event = String::new();
        write_canonical(self.event, DEPTH_MAX, &mut event)?;
        let number = |field: Field<'_>| field.map_or(String::new(), |value| value.get().to_owned());
        let fields = [
            self.emitter,
            &self.timestamp_unix_us.to_string(),
            &self.kind.to_string(),
            &number(self.session_id),
            &number(self.handle_id),
            &event,
        ];
        let mut hash = Sha256::new();
        for field in fields {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Some(hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The id of the fact that is told first by the event of this hash.
pub(super) fn first(hash: &str) -> EventId {
    EventId::parse(hash).expect("32 hexadecimal digits are an id")
}

/// The id of what that event tells of the client beside its first fact.
pub(super) fn of_client(hash: &str) -> EventId {
    EventId::parse(&format!("{hash}-client")).expect("a short text is an id")
}

/// Writes `value` without blanks, with the fields of objects in the order of their names, and with
/// one spelling for each text. Numbers are written as they stand.
fn write_canonical(value: &RawValue, depth: usize, out: &mut String) -> Option<()> {
    let value = value.get();
    match value.as_bytes().first()? {
        b'{' => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(value).ok()?;
            out.push('{');
            for (index, (name, value)) in fields.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(&serde_json::to_string(&name).ok()?);
                out.push(':');
                write_canonical(value, depth.checked_sub(1)?, out)?;
            }
            out.push('}');
        }
        b'[' => {
            let values: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            out.push('[');
            for (index, value) in values.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_canonical(value, depth.checked_sub(1)?, out)?;
            }
            out.push(']');
        }
        // What is no Unicode has one spelling as good as any.
        b'"' => match serde_json::from_str::<String>(value) {
            Ok(text) => out.push_str(&serde_json::to_string(&text).ok()?),
            Err(_) => out.push_str(value),
        },
        _ => out.push_str(value),
    }
    Some(())
}
