//! `whowas store copy`: everything of one store, brought into another.
//!
//! Users go as they are, with their times; events go as they came, and the target folds them
//! itself; then who was seen, the dead letters, and the broadcasts ([`broadcasts`]). At the end the
//! two are compared ([`compare`]).
//! Each step may be done twice, so a copy that was killed goes on with the last step that [`state`]
//! knows of. Of a large store only a step at a time is in memory.
//!
//! Deliberately no server takes part: both stores stand still meanwhile.

mod broadcasts;
mod compare;
mod state;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use domain::Error;
use domain::ids::AppId;
use domain::log::dead::DeadLetter;
use domain::store::{Walk, WalkLens, Walked};
use indicatif::{HumanCount, HumanDuration};
use tokio::signal::unix::{SignalKind, signal};

use self::compare::Compared;
use self::state::{Stage, State, StateFile};
use super::at::At;
use crate::cli::CopyArgs;
use crate::command::{Ending, Failure, tell};
use crate::note;
use crate::progress::Progress;

/// How many users are copied at a time.
const USERS_OF_A_STEP: u32 = 500;
/// How many events are copied at a time, the names in snapshots counted too.
const EVENTS_OF_A_STEP: u32 = 1_000;
/// How many connections are copied at a time.
const SIGHTINGS_OF_A_STEP: u32 = 500;
/// How many dead letters are copied at a time.
const LETTERS_OF_A_STEP: u32 = 100;
/// How long to wait before a store that did not answer is asked again: this first, then twice as
/// long each time.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A copy that goes on.
struct Copy {
    from: Arc<dyn Walk>,
    to: Arc<dyn Walk>,
    state: State,
    file: StateFile,
    lens: Option<WalkLens>,
    retry_for: Duration,
    /// Whether both stores have their users in the same order, so that a place in one is the same
    /// place in the other.
    keeps_places: bool,
}

pub(super) async fn run(args: &CopyArgs) -> Result<Ending, Failure> {
    let from = At::parse("--from", &args.from, args.config.as_deref())?;
    let to = At::parse("--to", &args.to, args.config.as_deref())?;
    if from.to_string() == to.to_string() {
        return Err(Failure::Usage("--from and --to are the same store".to_owned()));
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::new)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(anyhow::Error::new)?;
    // A step that is cut off is done again: nothing has to be finished first.
    tokio::select! {
        ended = copy(args, &from, &to) => Ok(ended.map(|()| Ending::Done)?),
        _ = terminate.recv() => Ok(interrupted()),
        _ = interrupt.recv() => Ok(interrupted()),
    }
}

fn interrupted() -> Ending {
    note("whowas: interrupted. To go on: the same command with --resume.");
    Ending::Interrupted
}

async fn copy(args: &CopyArgs, from: &At, to: &At) -> anyhow::Result<()> {
    let began = Instant::now();
    let file = StateFile::new(&args.state);
    let new = State::new(from.to_string(), to.to_string(), args.cancel_broadcasts);
    let found = if args.resume { file.find(&new)? } else { None };
    let is_resumed = found.is_some();
    let source = from.open().await?;
    let target = to.open_or_make().await?;
    let lens = source.walk_lens().await?;
    let retry_for = Duration::from_secs(args.retry_for);
    let state = found.unwrap_or(new);
    let keeps_places = from.is_alike(to);
    let mut copy = Copy { from: source, to: target, state, file, lens, retry_for, keeps_places };
    match (is_resumed, args.resume) {
        (true, _) => note(&format!("Going on with the {}.", copy.what())),
        (false, true) => {
            note(&format!("No copy is to be resumed: there is no {}.", args.state.display()));
        }
        (false, false) => {}
    }
    if !is_resumed {
        ensure!(!copy.is_empty(&*copy.from).await?, "{from} holds nothing to copy");
        ensure!(
            copy.is_empty(&*copy.to).await?,
            "{to} is not empty: copy into a new one, or go on with an earlier copy by --resume"
        );
        copy.file.save(&copy.state)?;
    }
    if copy.state.stage <= Stage::Broadcasts {
        copy.announce_broadcasts().await?;
    }
    copy.carry_all().await?;
    let compared = copy.compare().await.map_err(|difference| {
        difference.context("the copy is not whole; was a server running meanwhile?")
    })?;
    copy.file.remove()?;
    tell(&copy.summary(compared, began.elapsed(), args.json))
}

impl Copy {
    fn what(&self) -> &'static str {
        match self.state.stage {
            Stage::Users => "users",
            Stage::Events => "events",
            Stage::Sightings => "connections",
            Stage::Letters => "dead letters",
            Stage::Broadcasts => "broadcasts",
            Stage::Compare => "comparison",
        }
    }

    async fn is_empty(&self, store: &dyn Walk) -> anyhow::Result<bool> {
        let users = async |from: Option<Vec<u8>>| store.walk_users(from.as_deref(), 1).await;
        let events = async |from: Option<Vec<u8>>| store.walk_events(from.as_deref(), 1).await;
        let sightings =
            async |from: Option<Vec<u8>>| store.walk_sightings(from.as_deref(), 1).await;
        let letters =
            async |from: Option<Vec<u8>>| store.walk_dead_letters(from.as_deref(), 1).await;
        let ledgers = async |from: Option<Vec<u8>>| store.walk_ledgers(from.as_deref(), 1).await;
        Ok(self.finds_nothing(users).await?
            && self.finds_nothing(ledgers).await?
            && self.finds_nothing(events).await?
            && self.finds_nothing(sightings).await?
            && self.finds_nothing(letters).await?)
    }

    async fn finds_nothing<T>(
        &self,
        walk: impl AsyncFn(Option<Vec<u8>>) -> domain::Result<Walked<T>>,
    ) -> anyhow::Result<bool> {
        let mut from = None;
        loop {
            let Walked { found, next } = self.patiently(async || walk(from.clone()).await).await?;
            if !found.is_empty() || next.is_none() {
                return Ok(found.is_empty());
            }
            from = next;
        }
    }

    /// All stages that are left.
    async fn carry_all(&mut self) -> anyhow::Result<()> {
        let (source, target) = (Arc::clone(&self.from), Arc::clone(&self.to));
        if self.state.stage == Stage::Users {
            self.carry(
                async |from| source.walk_users(from.as_deref(), USERS_OF_A_STEP).await,
                async |users| target.put_users(users).await,
                |state, (app, _)| {
                    state.users += 1;
                    app.0
                },
            )
            .await?;
            self.begin(Stage::Events)?;
        }
        if self.state.stage == Stage::Events {
            self.carry(
                async |from| source.walk_events(from.as_deref(), EVENTS_OF_A_STEP).await,
                async |events| target.append_events(events).await.map(drop),
                |state, event| {
                    state.events += 1;
                    event.app.0
                },
            )
            .await?;
            self.begin(Stage::Sightings)?;
        }
        if self.state.stage == Stage::Sightings {
            self.carry(
                async |from| source.walk_sightings(from.as_deref(), SIGHTINGS_OF_A_STEP).await,
                async |sightings| target.note_sightings(sightings).await.map(drop),
                |state, sighting| {
                    state.sightings += 1;
                    sighting.app.0
                },
            )
            .await?;
            self.begin(Stage::Letters)?;
        }
        if self.state.stage == Stage::Letters {
            self.carry_letters().await?;
            self.begin(Stage::Broadcasts)?;
        }
        if self.state.stage == Stage::Broadcasts {
            self.carry_broadcasts().await?;
            self.begin(Stage::Compare)?;
        }
        Ok(())
    }

    fn begin(&mut self, stage: Stage) -> anyhow::Result<()> {
        self.state.begin(stage);
        self.file.save(&self.state)
    }

    /// One stage: a step is written while the next one is read.
    async fn carry<T: Clone>(
        &mut self,
        read: impl AsyncFn(Option<Vec<u8>>) -> domain::Result<Walked<T>>,
        write: impl AsyncFn(Vec<T>) -> domain::Result<()>,
        note_one: impl Fn(&mut State, &T) -> u32,
    ) -> anyhow::Result<()> {
        let (done, total) = match self.state.stage {
            Stage::Users => (self.state.users, self.lens.map(|lens| lens.users)),
            Stage::Sightings => (self.state.sightings, None),
            _ => (self.state.events, self.lens.map(|lens| lens.events)),
        };
        let mut progress = Progress::start(self.what(), done, total);
        let from = self.state.next()?;
        let mut step = self.patiently(async || read(from.clone()).await).await?;
        loop {
            let Walked { found, next } = &step;
            let written = self.patiently(async || write(found.clone()).await);
            let following = async {
                match next {
                    Some(next) => {
                        self.patiently(async || read(Some(next.clone())).await).await.map(Some)
                    }
                    None => Ok(None),
                }
            };
            let (written, following) = tokio::join!(written, following);
            written?;
            for one in found {
                let app = note_one(&mut self.state, one);
                self.state.apps.insert(app);
            }
            self.state.set_next(next.as_deref());
            progress.add(found.len());
            let Some(following) = following? else { return Ok(()) };
            self.file.save(&self.state)?;
            step = following;
        }
    }

    /// The target gives letters ids of its own. It was empty, so what it has of an app are the
    /// first letters of the source's.
    async fn carry_letters(&mut self) -> anyhow::Result<()> {
        let total = self.lens.map(|lens| lens.dead_letters);
        let mut progress = Progress::start("dead letters", 0, total);
        let (mut next, mut skip): (Option<Vec<u8>>, BTreeMap<AppId, u64>) = Default::default();
        loop {
            let walk =
                async || self.from.walk_dead_letters(next.as_deref(), LETTERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            progress.add(step.found.len());
            let mut of_apps: BTreeMap<AppId, Vec<DeadLetter>> = BTreeMap::new();
            for letter in step.found {
                let app = letter.app;
                self.state.apps.insert(app.0);
                if let Entry::Vacant(unknown) = skip.entry(app) {
                    unknown.insert(self.letters_there(app).await?);
                }
                match skip.get_mut(&app) {
                    Some(left @ 1..) => *left -= 1,
                    _ => of_apps.entry(app).or_default().push(letter),
                }
            }
            for letters in of_apps.into_values() {
                self.keep_letters(letters).await?;
            }
            match step.next {
                Some(at) => next = Some(at),
                None => return Ok(()),
            }
        }
    }

    async fn letters_there(&self, app: AppId) -> anyhow::Result<u64> {
        let list = async || self.to.list_dead_letters(app, None, 0).await;
        Ok(self.patiently(list).await?.total)
    }

    /// Letters of one app. Whoever asks again after a failure asks first what is there.
    async fn keep_letters(&self, letters: Vec<DeadLetter>) -> anyhow::Result<()> {
        let Some(app) = letters.first().map(|letter| letter.app) else { return Ok(()) };
        let before = self.letters_there(app).await?;
        self.patiently(async || {
            let there = self.to.list_dead_letters(app, None, 0).await?.total;
            let kept = usize::try_from(there.saturating_sub(before)).unwrap_or(usize::MAX);
            let left: Vec<DeadLetter> = letters.iter().skip(kept).cloned().collect();
            match left.is_empty() {
                true => Ok(()),
                false => self.to.keep_dead_letters(left).await.map(drop),
            }
        })
        .await
    }

    /// Asks again for a while, if that can help.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> domain::Result<T>) -> anyhow::Result<T> {
        let (began, mut pause) = (Instant::now(), PAUSE);
        loop {
            match ask().await {
                Err(Error::Busy | Error::Unavailable(_)) if began.elapsed() < self.retry_for => {
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(PAUSE_MAX);
                }
                Ok(done) => return Ok(done),
                Err(error) => bail!(
                    anyhow::Error::new(error)
                        .context("To go on, once that is over: the same command with --resume")
                ),
            }
        }
    }

    fn summary(&self, compared: Compared, took: Duration, json: bool) -> String {
        let State { users, events, .. } = self.state;
        let Compared { users: same_users, connections, stays, letters, broadcasts } = compared;
        if json {
            let told = serde_json::json!({
                "users": users,
                "events": events,
                "connections": connections,
                "dead_letters": letters,
                "broadcasts": broadcasts,
                "compared": {
                    "users": same_users, "stays": stays, "connections": connections,
                    "dead_letters": letters, "broadcasts": broadcasts,
                },
                "seconds": took.as_secs_f64(),
            });
            return format!("{told}\n");
        }
        let [users, events, connections, letters, broadcasts, stays] =
            [users, events, connections, letters, broadcasts, stays].map(HumanCount);
        format!(
            "Copied in {}: {users} users, {events} events, {connections} connections, {letters} dead \
             letters, {broadcasts} broadcasts.\n\
             Compared: every user, all {stays} stays, every connection, dead letter and broadcast: \
             they are the same.\n",
            HumanDuration(took),
        )
    }
}
