//! Erasing somebody: some rooms at a time, in one order of all rooms.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::erasure::{Erased, Erasures};
use domain::error::Result;
use domain::ids::{AppId, ParticipantId};
use domain::store::walked_weight;

use super::{Log, Memory, Place, lock};

/// How many events a step looks at, the names in snapshots counted too, and the last room's rest.
const LOOKED_MAX: usize = 4_096;

/// The places of an app come in this order. No name holds a NUL.
fn order_of((_, door, at): &Place) -> Vec<u8> {
    let room = at.as_ref().map(|at| at.room.as_str().as_bytes());
    [door.as_str().as_bytes(), &[0], room.unwrap_or_default()].concat()
}

#[async_trait]
impl Erasures for Memory {
    async fn erase_events(
        &self,
        app: AppId,
        who: &ParticipantId,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Erased> {
        Ok(lock(&self.log).erase(app, who, from, limit))
    }
}

impl Log {
    fn erase(
        &mut self,
        app: AppId,
        who: &ParticipantId,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Erased {
        let mut erased = Erased::default();
        let before = self.stays_of(app, who);
        let mut places: Vec<(Vec<u8>, Place)> = self
            .events
            .keys()
            .filter(|place| place.0 == app)
            .map(|place| (order_of(place), place.clone()))
            .filter(|(order, _)| from.is_none_or(|from| order.as_slice() > from))
            .collect();
        places.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (mut touched, mut looked, mut last) = (BTreeSet::new(), 0, None);
        for (order, place) in places {
            if looked >= LOOKED_MAX || erased.events + erased.snapshots >= u64::from(limit) {
                erased.next = last;
                break;
            }
            looked += self.events[&place].values().map(walked_weight).sum::<usize>();
            last = Some(order);
            let events = self.events.get_mut(&place).expect("it was listed");
            let theirs: Vec<_> =
                events.iter().filter(|(_, it)| it.names(who)).map(|(it, _)| *it).collect();
            for identity in &theirs {
                match events.remove(identity).and_then(|event| event.without(who)) {
                    Some(left) => {
                        events.insert(*identity, left);
                        erased.snapshots += 1;
                    }
                    None => {
                        self.known.remove(identity);
                        erased.events += 1;
                    }
                }
            }
            if !theirs.is_empty() {
                self.touch(&place, &mut touched);
            }
        }
        touched.iter().for_each(|room| self.fold(room));
        erased.stays = before - self.stays_of(app, who);
        erased
    }

    fn stays_of(&self, app: AppId, who: &ParticipantId) -> i64 {
        let theirs = |stay: &&domain::log::Stay| stay.app == app && stay.participant == *who;
        self.stays.values().flatten().filter(theirs).count() as i64
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{Door, EventId, RoomId, SourceName};
    use domain::log::{ClientFacts, Event, Fact, Presence};
    use domain::store::Store as _;

    use super::*;

    fn joined(number: i64) -> Event {
        let participant = ParticipantId::parse("anna").expect("somebody");
        let room = RoomId::parse(&format!("room{number}")).expect("a room");
        let who = Presence { room, call: None, participant, connection: None };
        Event {
            app: AppId(1),
            door: Door::parse("native").expect("a door"),
            source: SourceName::parse("s").expect("a name"),
            id: EventId::parse(&number.to_string()).expect("an id"),
            time_unix_us: number,
            fact: Fact::Joined { who, sole: false, client: ClientFacts::default() },
        }
    }

    #[tokio::test]
    async fn an_erasure_takes_no_more_than_it_may_in_one_step() {
        let store = Memory::default();
        store.append_events((0..20).map(joined).collect()).await.expect("appended");
        let anna = ParticipantId::parse("anna").expect("somebody");
        let (mut told, mut from) = (vec![], None);
        loop {
            let step = store.erase_events(AppId(1), &anna, from.as_deref(), 8).await;
            let step = step.expect("a step");
            told.push((step.events, step.stays));
            from = step.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(told, [(8, 8), (8, 8), (4, 4)]);
        assert!(store.events().is_empty());
    }
}
