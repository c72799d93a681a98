//! What waits for the writer: a request, room for its outcome, and whoever waits for that.

use domain::AppId;
use domain::broadcast::Added;
use domain::error::Result;
use domain::log::dead::DeadLetter;
use domain::presence::{Noted, Sighting};
use domain::store::{Appended, Registration, Update};
use domain::users::User;
use domain::users::store::{Tagged, Unregistered};
use tokio::sync::oneshot;

use super::broadcasts;
use super::dead;
use super::log::{Arrival, Erase, Gone, Removal, Removed};
use super::presences;
use super::users;

/// A request and its outcomes, one for each item.
pub(super) struct Pending<Request, Outcome> {
    pub(super) request: Request,
    pub(super) outcomes: Vec<Outcome>,
    answer: oneshot::Sender<(Result<Vec<Outcome>>, Request)>,
}

/// What comes back from the writer: the request too, so that whoever made its many small parts
/// takes them apart again, and not the one thread for which everybody waits.
pub(super) type Answer<Request, Outcome> = oneshot::Receiver<(Result<Vec<Outcome>>, Request)>;

impl<Request, Outcome> Pending<Request, Outcome> {
    pub(super) fn new(request: Request) -> (Self, Answer<Request, Outcome>) {
        let (answer, waiting) = oneshot::channel();
        (Self { request, outcomes: vec![], answer }, waiting)
    }

    fn settle(self, verdict: Result<()>) {
        // Whoever asked may have gone; the change stands all the same.
        let _ = self.answer.send((verdict.map(|()| self.outcomes), self.request));
    }
}

/// A change that waits.
pub(super) enum Change {
    Register(Pending<users::Register, Registration>),
    Update(Pending<users::Change, Update>),
    Unregister(Pending<users::Unregister, Unregistered>),
    Tag(Pending<users::Tag, Tagged>),
    Put(Pending<Vec<(AppId, User)>, ()>),
    Append(Pending<Vec<Arrival>, Appended>),
    Remove(Pending<Removal, Removed>),
    Erase(Pending<Erase, Gone>),
    KeepDead(Pending<Vec<DeadLetter>, u64>),
    RemoveDead(Pending<dead::Remove, bool>),
    AddBroadcast(Pending<broadcasts::Add, Added>),
    SaveBroadcast(Pending<broadcasts::Save, bool>),
    RetireBroadcasts(Pending<broadcasts::Retire, u64>),
    GiveUpBroadcast(Pending<broadcasts::GiveUp, bool>),
    PutBroadcasts(Pending<broadcasts::Put, ()>),
    NoteSightings(Pending<Vec<Sighting>, Noted>),
    ForgetSightings(Pending<presences::Forget, u64>),
}

impl Change {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Register(it) => it.request.users.iter().map(size::of_new_user).sum(),
            Self::Update(it) => it.request.changes.iter().map(size::of_change).sum(),
            Self::Unregister(it) => size::of_user_ids(&it.request.ids),
            Self::Tag(it) => {
                size::of_user_ids(&it.request.ids) + size::of_tags(&it.request.change.tags)
            }
            Self::Put(it) => it.request.iter().map(|(_, user)| size::of_user(user)).sum(),
            Self::Append(it) => it.request.iter().map(size::of_arrival).sum(),
            Self::Remove(_) => size::REMOVAL,
            Self::Erase(it) => it.request.len() * size_of::<u128>() + size::REMOVAL,
            Self::KeepDead(it) => it.request.iter().map(size::of_letter).sum(),
            Self::RemoveDead(it) => size::of_ids(&it.request.ids),
            Self::AddBroadcast(it) => size::of_message(&it.request.message),
            Self::SaveBroadcast(_) | Self::RetireBroadcasts(_) | Self::GiveUpBroadcast(_) => {
                size::PROGRESS
            }
            Self::PutBroadcasts(it) => {
                let jobs = it.request.broadcasts.iter();
                size::LEDGER + jobs.map(|job| size::of_message(&job.message)).sum::<usize>()
            }
            Self::NoteSightings(it) => it.request.iter().map(size::of_sighting).sum(),
            Self::ForgetSightings(it) => it.request.keys.iter().map(|key| key.len()).sum(),
        }
    }

    /// Tells whoever waits that the change is durable, or why it is not made.
    pub(super) fn settle(self, verdict: Result<()>) {
        match self {
            Self::Register(pending) => pending.settle(verdict),
            Self::Update(pending) => pending.settle(verdict),
            Self::Unregister(pending) => pending.settle(verdict),
            Self::Tag(pending) => pending.settle(verdict),
            Self::Put(pending) => pending.settle(verdict),
            Self::Append(pending) => pending.settle(verdict),
            Self::Remove(pending) => pending.settle(verdict),
            Self::Erase(pending) => pending.settle(verdict),
            Self::KeepDead(pending) => pending.settle(verdict),
            Self::RemoveDead(pending) => pending.settle(verdict),
            Self::AddBroadcast(pending) => pending.settle(verdict),
            Self::SaveBroadcast(pending) => pending.settle(verdict),
            Self::RetireBroadcasts(pending) => pending.settle(verdict),
            Self::GiveUpBroadcast(pending) => pending.settle(verdict),
            Self::PutBroadcasts(pending) => pending.settle(verdict),
            Self::NoteSightings(pending) => pending.settle(verdict),
            Self::ForgetSightings(pending) => pending.settle(verdict),
        }
    }
}

/// How much memory things take, in about as many bytes.
mod size {
    use std::collections::BTreeMap;

    use domain::broadcast::Message;
    use domain::ids::UserId;
    use domain::log::dead::DeadLetter;
    use domain::log::{Event, Fact};
    use domain::presence::Sighting;
    use domain::store::NewUser;
    use domain::users::{Profile, ProfileChange, User};

    use super::Arrival;

    /// Of an event without a list, whose texts are seldom long.
    const EVENT: usize = 512;

    /// Of a removal, of which only one waits at a time.
    pub(super) const REMOVAL: usize = 4_096;

    /// Of how far a broadcast has come.
    pub(super) const PROGRESS: usize = 1_024;

    /// Of what is kept of an app's broadcasts besides them.
    pub(super) const LEDGER: usize = 16_384;

    /// Of a text besides its bytes.
    const TEXT: usize = 32;

    pub(super) fn of_new_user(user: &NewUser) -> usize {
        of_profile(&user.id, &user.profile)
    }

    pub(super) fn of_user(user: &User) -> usize {
        of_profile(&user.id, &user.profile)
    }

    fn of_profile(id: &UserId, profile: &Profile) -> usize {
        let Profile { name, portrait, tags, ext, extra, robot: _ } = profile;
        let texts = [id.as_str(), name, portrait, extra].map(of_text);
        texts.iter().sum::<usize>() + of_tags(tags) + of_ext(ext)
    }

    pub(super) fn of_change((id, change): &(UserId, ProfileChange)) -> usize {
        let ProfileChange { name, portrait, tags, ext, extra } = change;
        let texts = [name, portrait, extra].map(|text| text.as_deref().map_or(TEXT, of_text));
        of_text(id.as_str())
            + texts.iter().sum::<usize>()
            + tags.as_deref().map_or(0, of_tags)
            + ext.as_ref().map_or(0, of_ext)
    }

    pub(super) fn of_arrival(arrival: &Arrival) -> usize {
        of_event(arrival.event()) + arrival.row_len()
    }

    fn of_event(event: &Event) -> usize {
        let present = match &event.fact {
            Fact::Snapshot { present, .. } => {
                present.iter().map(|participant| of_text(participant.as_str())).sum()
            }
            _ => 0,
        };
        EVENT + present
    }

    pub(super) fn of_letter(letter: &DeadLetter) -> usize {
        EVENT + letter.reason.len() + letter.body.as_ref().map_or(0, Vec::len)
    }

    pub(super) fn of_sighting(sighting: &Sighting) -> usize {
        let Sighting { user, connection, .. } = sighting;
        of_text(user.as_str()) + of_text(connection.id.as_str())
    }

    pub(super) fn of_ids(ids: &[u64]) -> usize {
        EVENT + size_of_val(ids)
    }

    pub(super) fn of_message(message: &Message) -> usize {
        PROGRESS + of_text(&message.body)
    }

    pub(super) fn of_user_ids(ids: &[UserId]) -> usize {
        ids.iter().map(|id| of_text(id.as_str())).sum()
    }

    pub(super) fn of_tags(tags: &[String]) -> usize {
        tags.iter().map(|tag| of_text(tag)).sum()
    }

    fn of_ext(ext: &BTreeMap<String, String>) -> usize {
        ext.iter().map(|(key, value)| of_text(key) + of_text(value)).sum()
    }

    fn of_text(text: &str) -> usize {
        TEXT + text.len()
    }
}
