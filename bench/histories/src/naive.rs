//! The log as people write it first: a table that each webhook updates as it arrives.
//!
//! Two of them. The first has one row for each participant of a call. The second has one for each
//! connection, and believes a room's end. Both are given more than such tables often have: they
//! know calls by LiveKit's `room.sid`, and take times from the webhook instead of the clock.

use std::collections::BTreeMap;

use crate::{
    rows::{Part, RowKey, Rows, put_together},
    truth::RoomDay,
    webhook::{Kind, Webhook, unix_s},
};

/// What a line is found by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyed {
    ByUser,
    ByConnection,
}

/// What the table shows after these webhooks, in this order.
pub(crate) fn log(keyed: Keyed, day: &RoomDay, arrived: &[&Webhook]) -> Rows {
    let mut lines: BTreeMap<(RowKey, usize), Part> = BTreeMap::new();
    for webhook in arrived {
        let created_s = unix_s(webhook.created_ms);
        let Some(connection) = webhook.about(day).1 else {
            if keyed == Keyed::ByConnection && webhook.kind == Kind::RoomFinished {
                // UPDATE … SET left_at = … WHERE room = … AND left_at IS NULL
                let of_call = lines.values_mut().filter(|line| line.of.0 == webhook.call);
                of_call.for_each(|line| line.left_s = line.left_s.or(Some(created_s)));
            }
            continue;
        };
        let of = (webhook.call, connection.identity);
        let key = match keyed {
            Keyed::ByUser => (of, 0),
            Keyed::ByConnection => (of, connection.number),
        };
        match webhook.kind {
            // INSERT … ON CONFLICT DO UPDATE SET joined_at = …, left_at = NULL
            Kind::Joined => {
                let joined_s = unix_s(connection.joined_ms);
                let line = lines.entry(key).or_insert(Part {
                    of,
                    joined_s,
                    left_s: None,
                    published: false,
                });
                (line.joined_s, line.left_s) = (joined_s, None);
            }
            // UPDATE: it finds nothing if the join never came.
            Kind::Left => {
                if let Some(line) = lines.get_mut(&key) {
                    line.left_s = Some(created_s);
                }
            }
            Kind::Published => {
                if let Some(line) = lines.get_mut(&key) {
                    line.published = true;
                }
            }
            Kind::Aborted | Kind::Unpublished | Kind::RoomStarted | Kind::RoomFinished => {}
        }
    }
    put_together(lines.into_values())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::{Call, Connection, End};

    /// One call of one identity with two connections, from 10 to 20 and from 30 to 40 s.
    fn day() -> RoomDay {
        let connection = |number, joined_ms, left_ms| Connection {
            number,
            identity: 5,
            joined_ms,
            active_ms: joined_ms,
            left_ms,
            end: End::Left,
            streams: vec![],
        };
        let connections = vec![connection(0, 10_000, 20_000), connection(1, 30_000, 40_000)];
        let call = Call { started_ms: 10_000, finished_ms: Some(60_000), connections };
        RoomDay { number: 0, calls: vec![call] }
    }

    fn shown(keyed: Keyed, arrived: &[(Kind, Option<usize>, i64)]) -> Vec<(i64, Option<i64>)> {
        let webhook = |&(kind, connection, at_s): &(Kind, Option<usize>, i64)| Webhook {
            kind,
            call: 0,
            connection,
            created_ms: at_s * 1_000,
            queued_ms: at_s * 1_000,
        };
        let webhooks: Vec<Webhook> = arrived.iter().map(webhook).collect();
        let rows = log(keyed, &day(), &webhooks.iter().collect::<Vec<_>>());
        let begin_s = unix_s(0);
        let of_five = rows.get(&(0, 5)).into_iter().flat_map(|row| row.record.clone());
        of_five.map(|(joined, left)| (joined - begin_s, left.map(|left| left - begin_s))).collect()
    }

    const FIRST: [(Kind, Option<usize>, i64); 2] =
        [(Kind::Joined, Some(0), 10), (Kind::Left, Some(0), 20)];
    const SECOND: [(Kind, Option<usize>, i64); 2] =
        [(Kind::Joined, Some(1), 30), (Kind::Left, Some(1), 40)];

    #[test]
    fn a_line_for_each_user_forgets_what_was_before() {
        let arrived = [FIRST, SECOND].concat();
        assert_eq!(shown(Keyed::ByUser, &arrived), [(30, Some(40))]);
        assert_eq!(shown(Keyed::ByConnection, &arrived), [(10, Some(20)), (30, Some(40))]);
    }

    #[test]
    fn a_join_that_comes_again_opens_what_was_closed() {
        let arrived = [FIRST[0], FIRST[1], FIRST[0]];
        assert_eq!(shown(Keyed::ByConnection, &arrived), [(10, None)]);
    }

    #[test]
    fn a_leave_without_a_join_finds_nothing() {
        assert_eq!(shown(Keyed::ByConnection, &SECOND[1..]), []);
    }

    #[test]
    fn only_the_table_of_connections_believes_a_rooms_end() {
        let arrived = [FIRST[0], (Kind::RoomFinished, None, 60)];
        assert_eq!(shown(Keyed::ByUser, &arrived), [(10, None)]);
        assert_eq!(shown(Keyed::ByConnection, &arrived), [(10, Some(60))]);
    }
}
