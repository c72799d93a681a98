//! Erasing somebody: all in one step.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::erasure::{Erased, Erasures};
use domain::error::Result;
use domain::ids::{AppId, ParticipantId};

use super::{Log, Memory, Place, lock};

#[async_trait]
impl Erasures for Memory {
    async fn erase_events(
        &self,
        app: AppId,
        who: &ParticipantId,
        _: Option<&[u8]>,
        _: u32,
    ) -> Result<Erased> {
        Ok(lock(&self.log).erase(app, who))
    }
}

impl Log {
    fn erase(&mut self, app: AppId, who: &ParticipantId) -> Erased {
        let mut erased = Erased::default();
        let before = self.stays_of(app, who);
        let places: Vec<Place> = self.events.keys().filter(|it| it.0 == app).cloned().collect();
        let mut touched = BTreeSet::new();
        for place in places {
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
