//! What every store promises. An engine keeps these promises in the way that it is good at; one
//! contract suite holds all of them to it.
//!
//! Common to all methods:
//! - A change that is acknowledged is durable (in as far as the engine is: `memory` is not) and
//!   seen by every later read. A change that fails left no trace; one that fails with
//!   [`crate::Error::Unavailable`] may have been made in part, and a repeat makes the rest.
//! - A request's items are applied in one step: no reader sees a part of them. An engine of many
//!   machines applies each item in one step: no reader sees a part of an item.
//! - Races are answered with values, never with errors: nobody looks first and then writes.
//! - Outcomes come in the order of the items.

use async_trait::async_trait;

use crate::broadcast::{Broadcast, Broadcasts, Ledger};
use crate::erasure::Erasures;
use crate::error::Result;
use crate::ids::{AppId, UserId};
use crate::log::dead::{DeadLetter, LetterPage};
use crate::log::{Event, Fact, LogFigures, OpenCall, StayPage, StayQuery};
use crate::presence::{Presences, Sighting};
use crate::users::store::Directory;
use crate::users::{Profile, ProfileChange, User, UserView};

/// A user to be put into the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// Their whole profile.
    pub profile: Profile,
}

/// What a registration does with an id that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfTaken {
    /// The entry stands as it is.
    Leave,
    /// The profile is replaced; the time of creation stands.
    Overwrite,
}

/// What became of one [`NewUser`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The id was free.
    Created,
    /// The id was taken with this very profile. Nothing was written.
    Unchanged,
    /// The id was taken with another profile. Nothing was written.
    Taken,
    /// The id was taken with another profile, which is now this one.
    Overwritten,
    /// It would be one robot more than [`crate::users::store::ROBOTS_MAX`]. Nothing was written.
    RobotsFull,
}

/// What became of one change of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// It is made.
    Done,
    /// Nobody has the id.
    NotFound,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is new, and the log shows it.
    Stored,
    /// It was known, to the letter.
    Duplicate,
    /// An event of the same identity but other content was known. Of the two the one with the
    /// smaller content hash counts, whichever came first.
    Conflict,
}

/// What one step of retirement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// How many stays went.
    pub stays: u64,
    /// How many events went.
    pub events: u64,
    /// How many dead letters went.
    pub dead_letters: u64,
    /// Whether there is more to do now.
    pub more: bool,
}

/// Who looks at users while a store holds them: it is given the place of an id, and the user.
pub type Look<'l> = dyn FnMut(usize, UserView<'_>) + Send + 'l;

/// Where the domain keeps things.
#[async_trait]
pub trait Store: Broadcasts + Directory + Erasures + Presences + Send + Sync + 'static {
    /// Registers users whose ids are distinct. `modified_unix_ms` of a user never moves backwards.
    /// An app gets no more than [`crate::users::store::ROBOTS_MAX`] robots, whoever registers them
    /// at once.
    async fn register_users(
        &self,
        app: AppId,
        users: Vec<NewUser>,
        if_taken: IfTaken,
        now_unix_ms: i64,
    ) -> Result<Vec<Registration>>;

    /// Applies changes to users whose ids are distinct.
    async fn update_users(
        &self,
        app: AppId,
        changes: Vec<(UserId, ProfileChange)>,
        now_unix_ms: i64,
    ) -> Result<Vec<Update>>;

    /// Shows those who exist of the users with these ids, as of one instant, in the order of the
    /// ids, each with the place of their id. It may show some and fail then.
    async fn look_at_users(&self, app: AppId, ids: &[UserId], look: &mut Look<'_>) -> Result<()>;

    /// The users with these ids, as of one instant; `None` for an id that nobody has.
    async fn find_users(&self, app: AppId, ids: &[UserId]) -> Result<Vec<Option<User>>> {
        let mut found = vec![None; ids.len()];
        self.look_at_users(app, ids, &mut |place: usize, user: UserView<'_>| {
            found[place] = Some(user.to_user(ids[place].clone()));
        })
        .await?;
        Ok(found)
    }

    /// Adds events to the log, and the log's stays follow: after any sequence of calls they are
    /// [`crate::log::fold_room`] of the distinct events of each room.
    async fn append_events(&self, events: Vec<Event>) -> Result<Vec<Appended>>;

    /// One page of the stays that a query selects, and how many there are in all, as of one
    /// instant.
    async fn page_of_stays(&self, query: &StayQuery) -> Result<StayPage>;

    /// Calls of an app in which somebody is, and of which nothing was heard at
    /// `heard_before_unix_us` or later: `limit` of them, and
    /// [`crate::log::open::OPEN_CALLS_MAX`] at most, those first whose first stay that is not over
    /// began in the earliest second.
    ///
    /// It is read in many short steps, not as of one instant: a call that ends meanwhile may be
    /// told, or not.
    async fn open_calls(
        &self,
        app: AppId,
        heard_before_unix_us: i64,
        limit: u32,
    ) -> Result<Vec<OpenCall>>;

    /// What the log shows of all apps, counted: exact, and as cheap as one read of a row.
    async fn log_figures(&self) -> Result<LogFigures>;

    /// Takes a step towards a log without what is older than `before_unix_us`, removing about
    /// `events_max` events at most. Once no more is to do, every room is cut as
    /// [`crate::log::retire::find_cut`] says until nothing of it can be cut any more, and restarts
    /// that are spent are gone. From then on the log's stays are those of the events that are left.
    /// So are dead letters that are older, as far as all that were kept before them are.
    /// What comes between the steps may let more go, which is done when steps are taken anew.
    ///
    /// A stay goes in one step, the stays of a call in as many as it takes. Nobody appends an event
    /// that is older than an instant given here: it may come back as new, or be passed over.
    async fn retire(&self, before_unix_us: i64, events_max: usize) -> Result<Retired>;

    /// Keeps letters, and tells their ids, which increase. Of an app that then has more than
    /// [`crate::log::dead::LETTERS_MAX`], or more than [`crate::log::dead::LETTERS_BYTES_MAX`], the
    /// oldest go.
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<Vec<u64>>;

    /// The first `limit` of an app's letters whose ids are greater than `after`, and how many the
    /// app has in all, as of one instant.
    async fn list_dead_letters(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<LetterPage>;

    /// Removes those of an app's letters that have these ids, and tells how many there were.
    async fn remove_dead_letters(&self, app: AppId, ids: Vec<u64>) -> Result<u64>;

    /// Whether a change would be taken now; if not, why.
    fn ready(&self) -> Result<()>;
}

/// Some of what a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked<T> {
    /// What was found; it may be nothing although there is more.
    pub found: Vec<T>,
    /// Where to go on; `None` if this was the last. Only this store understands it, and does so
    /// after it was opened again, too.
    pub next: Option<Vec<u8>>,
}

/// How much a walk finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkLens {
    /// How many users.
    pub users: u64,
    /// How many events.
    pub events: u64,
    /// How many dead letters.
    pub dead_letters: u64,
}

/// Everything that a store holds, step by step, for whoever takes it to another store.
///
/// A step is given where the one before it said to go on, and finds `limit` things at most, or
/// fewer if they are large. Whoever takes all steps finds whatever is there all the while: once
/// while nobody changes the store, and perhaps more often while somebody does.
#[async_trait]
pub trait Walk: Store {
    /// Users, in any order.
    async fn walk_users(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<(AppId, User)>>;

    /// Events, in any order.
    async fn walk_events(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Event>>;

    /// Dead letters: those of an app together, in the order in which they came.
    async fn walk_dead_letters(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<DeadLetter>>;

    /// Sightings, in any order: what is known of each connection.
    async fn walk_sightings(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Sighting>>;

    /// What is kept of each app's broadcasts besides them, in any order. The broadcasts themselves
    /// are listed by app.
    async fn walk_ledgers(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<(AppId, Ledger)>>;

    /// How much there is to walk; `None` from a store that would have to walk to know.
    async fn walk_lens(&self) -> Result<Option<WalkLens>>;

    /// Keeps users as they are, with their times, in place of those who have their ids. The ids of
    /// one app's users are distinct. Robots are put however many there are.
    async fn put_users(&self, users: Vec<(AppId, User)>) -> Result<()>;

    /// Keeps broadcasts of an app as they are, in place of those that have their ids, and a ledger
    /// in place of the app's: one that knows of them, and perhaps of others that are put later.
    async fn put_broadcasts(
        &self,
        app: AppId,
        ledger: Ledger,
        broadcasts: Vec<Broadcast>,
    ) -> Result<()>;
}

/// About how much memory an event takes, in events without a list: a snapshot's names count.
pub fn walked_weight(event: &Event) -> usize {
    const NAMES_OF_ONE: usize = 8;
    match &event.fact {
        Fact::Snapshot { present, .. } => 1 + present.len() / NAMES_OF_ONE,
        _ => 1,
    }
}
