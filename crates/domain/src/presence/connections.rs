//! What is known of one user: a set of sightings, of which only the greatest count.

use serde::{Deserialize, Serialize};

use super::{Connection, State};
use crate::ids::ConnectionId;
use crate::log::Os;

/// How many connections of a user are known: those that were seen last. So many that those which
/// somebody has closed push none out that is still open.
pub const CONNECTIONS_MAX: usize = 128;

/// The connections of a user, those that were seen last first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections(Vec<Connection>);

impl Connection {
    /// Of two sightings the one with the greater order was last. No two that differ have the same.
    fn order(&self) -> (i64, State, Option<Os>, &ConnectionId) {
        (self.time_unix_us, self.state, self.os, &self.id)
    }
}

impl Connections {
    /// Takes a sighting in; tells whether it told anything.
    ///
    /// Whatever comes in whatever order and however often, what is left is the same: of each
    /// connection the last sighting, of all connections the last [`CONNECTIONS_MAX`]. A connection
    /// that was pushed out comes back only by a sighting that is later than the one that was
    /// forgotten of it, since those that pushed it out only grow.
    pub fn see(&mut self, seen: &Connection) -> bool {
        let known = self.0.iter().position(|it| it.id == seen.id);
        if let Some(at) = known {
            if self.0[at].order() >= seen.order() {
                return false;
            }
            self.0.remove(at);
        }
        let at = self.0.partition_point(|it| it.order() > seen.order());
        if at >= CONNECTIONS_MAX {
            return false;
        }
        self.0.insert(at, seen.clone());
        self.0.truncate(CONNECTIONS_MAX);
        true
    }

    /// Forgets what was seen before an instant; tells how many connections that is.
    pub fn forget(&mut self, before_unix_us: i64) -> usize {
        let known = self.0.len();
        let young = self.0.partition_point(|it| it.time_unix_us >= before_unix_us);
        self.0.truncate(young);
        known - young
    }

    /// Those by which the user is online, if somebody who was not seen since an instant is not.
    pub fn online(&self, since_unix_us: i64) -> impl Iterator<Item = &Connection> {
        let online =
            move |it: &&Connection| it.state == State::Online && it.time_unix_us >= since_unix_us;
        self.0.iter().filter(online)
    }

    /// How the user is: online by any connection, else as the last of them was left. A connection
    /// that is online, but was not seen since an instant, is taken to have been lost.
    pub fn state(&self, since_unix_us: i64) -> Option<State> {
        if self.online(since_unix_us).next().is_some() {
            return Some(State::Online);
        }
        self.0.first().map(|last| last.state.max(State::Offline))
    }

    /// Each of them, the last first.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, time_unix_us: i64, state: State) -> Connection {
        let id = ConnectionId::parse(id).expect("an id");
        Connection { id, time_unix_us, state, os: None }
    }

    fn known(sightings: &[(&str, i64, State)]) -> Connections {
        let mut known = Connections::default();
        for (id, time_unix_us, state) in sightings {
            known.see(&seen(id, *time_unix_us, *state));
        }
        known
    }

    #[test]
    fn somebody_is_online_by_any_connection_and_else_as_the_last_was_left() {
        use State::{LoggedOut, Offline, Online};
        type Told<'t> = &'t [(&'t str, i64, State)];
        let cases: [(Told<'_>, Option<State>); 10] = [
            (&[], None),
            (&[("a", 10, Online)], Some(Online)),
            (&[("a", 10, Online), ("a", 10, Offline)], Some(Offline)),
            (&[("a", 10, Online), ("a", 10, Offline), ("a", 10, LoggedOut)], Some(LoggedOut)),
            (&[("a", 10, LoggedOut), ("b", 9, Online)], Some(Online)),
            (&[("a", 10, LoggedOut), ("a", 11, Online)], Some(Online)),
            (&[("a", 10, Offline), ("b", 11, LoggedOut)], Some(LoggedOut)),
            (&[("a", 12, Offline), ("b", 11, LoggedOut)], Some(Offline)),
            // Nobody says any more that they are there.
            (&[("a", 4, Online)], Some(Offline)),
            (&[("a", 3, Online), ("b", 4, LoggedOut)], Some(LoggedOut)),
        ];
        for (sightings, state) in cases {
            assert_eq!(known(sightings).state(5), state, "{sightings:?}");
        }
        assert_eq!(known(&[("a", 5, Online)]).state(5), Some(Online), "the edge is included");
    }

    #[test]
    fn what_tells_nothing_is_told_so() {
        let mut known = known(&[("a", 10, State::Offline)]);
        assert!(!known.see(&seen("a", 10, State::Offline)), "a repeat");
        assert!(!known.see(&seen("a", 10, State::Online)), "what was before");
        assert!(known.see(&seen("a", 10, State::LoggedOut)));
        for time in 20..20 + CONNECTIONS_MAX as i64 {
            assert!(known.see(&seen(&time.to_string(), time, State::Online)));
        }
        assert_eq!(known.len(), CONNECTIONS_MAX);
        assert!(!known.see(&seen("a", 11, State::Online)), "there are others that came later");
        assert!(known.see(&seen("a", 40, State::Online)));
        assert!(known.iter().all(|it| it.time_unix_us != 20), "the first of them makes room");
    }

    #[test]
    fn what_is_forgotten_is_what_was_before() {
        let mut known = known(&[("a", 10, State::Online), ("b", 11, State::Online)]);
        assert_eq!(known.forget(10), 0);
        assert_eq!(known.forget(11), 1);
        assert_eq!(known.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(known.forget(i64::MAX), 1);
        assert!(known.is_empty());
    }
}
