//! The property of properties, with a real process that is really killed: whatever was told, in
//! whatever batches, and however often the process died in between, the log is that of the set of
//! the events, byte for byte.
//!
//! A child appends batches, several at once, and says which it has begun and which are
//! acknowledged. At any of these moments, or a little later, it is killed; the next child is told
//! what was not acknowledged, and some of what was. `PROPTEST_CASES` says how many histories there
//! are; `PROPTEST_RNG_SEED` where they begin. Both are told when it fails.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use domain::log::{Event, Stay, StayQuery};
use domain::store::Store;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use tokio::task::JoinSet;

use super::histories::{arrivals, everything, queries};
use super::wait;
use crate::embedded::{Embedded, Options};
use crate::memory::Memory;

type Batch = Vec<Event>;

/// What a child is told to do: numbered batches, and how many of them at once.
type Told = (usize, Vec<(usize, Batch)>);

/// Tells a child which folder is its own: what it is told is there, and its store.
const FOLDER: &str = "WHOWAS_TEST_KILLS";
const TOLD: &str = "told";
const DATA: &str = "data";

#[expect(clippy::disallowed_methods, reason = "how a test talks to itself in another process")]
fn own_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn spawn(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "contract::kills::appends_what_it_is_told"])
        .args(["--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

fn open(folder: &Path) -> Embedded {
    Embedded::open(&Options::new(folder.join(DATA))).expect("it opens")
}

/// A line, in one piece: the other side hears it whole or not at all.
fn say(word: &str, number: usize) {
    let mut out = std::io::stdout();
    out.write_all(format!("{word} {number}\n").as_bytes()).expect("somebody listens");
    out.flush().expect("somebody listens");
}

/// The number behind a word. The first line stands behind what the harness says.
fn behind(word: &str, line: &str) -> Option<usize> {
    let (_, number) = line.split_once(word)?;
    Some(number.trim().parse().expect("a number"))
}

/// Not a test, but what the child of the next one does.
#[test]
fn appends_what_it_is_told() {
    let Some(folder) = own_folder() else { return };
    let told = fs::read(folder.join(TOLD)).expect("what it is told");
    let (at_once, batches): Told = postcard::from_bytes(&told).expect("batches");
    let store = Arc::new(open(&folder));
    wait(async move {
        let mut under_way = JoinSet::new();
        for (number, batch) in batches {
            if under_way.len() >= at_once {
                under_way.join_next().await;
            }
            let store = store.clone();
            under_way.spawn(async move {
                say("begun", number);
                store.append_events(batch).await.expect("appended");
                say("acknowledged", number);
            });
        }
        under_way.join_all().await;
    });
}

/// How one child dies.
#[derive(Clone, Debug)]
struct Kill {
    /// How many batches it appends at once.
    at_once: usize,
    /// Behind so many of the lines that it says, ...
    lines: Index,
    /// ... and so many turns of a loop.
    turns: u32,
    /// What it is told although it was acknowledged.
    repeats: Vec<Index>,
    /// Whether the store is opened and looked at before the next child opens it.
    looked_at: bool,
}

fn kills() -> impl Strategy<Value = Kill> {
    let repeats = prop::collection::vec(any::<Index>(), 0..3);
    (1..5_usize, any::<Index>(), 0..20_000_u32, repeats, any::<bool>()).prop_map(
        |(at_once, lines, turns, repeats, looked_at)| Kill {
            at_once,
            lines,
            turns,
            repeats,
            looked_at,
        },
    )
}

/// What is known of the batches that were told.
#[derive(Default)]
struct Known {
    acknowledged: BTreeSet<usize>,
    begun: BTreeSet<usize>,
}

impl Known {
    fn hear(&mut self, line: &str) {
        self.begun.extend(behind("begun ", line));
        self.acknowledged.extend(behind("acknowledged ", line));
    }
}

fn run_and_kill(folder: &Path, batches: &[Batch], kill: &Kill, known: &mut Known) {
    let acknowledged: Vec<usize> = known.acknowledged.iter().copied().collect();
    let again = kill.repeats.iter().filter(|_| !acknowledged.is_empty());
    let again = again.map(|it| *it.get(&acknowledged));
    let left = (0..batches.len()).filter(|it| !known.acknowledged.contains(it));
    let numbers: Vec<usize> = again.chain(left).collect();
    let told: Vec<(usize, &Batch)> = numbers.iter().map(|it| (*it, &batches[*it])).collect();
    let told = postcard::to_allocvec(&(kill.at_once, told)).expect("bytes");
    fs::write(folder.join(TOLD), told).expect("written");

    let mut child = spawn(folder);
    let said = BufReader::new(child.stdout.take().expect("its output"));
    let mut lines = said.lines().map(|line| line.expect("a line"));
    let mut heard = 0;
    while heard < kill.lines.index(2 * numbers.len() + 1) {
        let Some(line) = lines.next() else { break };
        if line.contains("begun ") || line.contains("acknowledged ") {
            known.hear(&line);
            heard += 1;
        }
    }
    for turn in 0..kill.turns {
        std::hint::black_box(turn);
    }
    child.kill().expect("it dies");
    child.wait().expect("it is dead");
    // It may have said more before it died.
    lines.for_each(|line| known.hear(&line));
}

/// The log of these batches, as the model shows it.
fn modelled<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> Vec<Vec<Stay>> {
    let model = Memory::default();
    let events = batches.into_iter().flatten().cloned().collect();
    wait(model.append_events(events)).expect("appended");
    whole(&model)
}

fn whole(store: &dyn Store) -> Vec<Vec<Stay>> {
    let of = |app| wait(store.page_of_stays(&everything(app))).expect("a page").stays;
    vec![of(1), of(2)]
}

/// Holds a store to have all batches that were acknowledged, and of those that were begun each as
/// a whole or not at all.
fn is_whole(folder: &Path, batches: &[Batch], known: &Known) -> Result<(), TestCaseError> {
    /// Each more doubles the work.
    const UNSURE_MAX: usize = 6;
    let unsure: Vec<usize> = known.begun.difference(&known.acknowledged).copied().collect();
    if unsure.len() > UNSURE_MAX {
        return Ok(());
    }
    let found = whole(&open(folder));
    let sure = || known.acknowledged.iter().map(|it| &batches[*it]);
    let explained = (0..1_u32 << unsure.len()).any(|which| {
        let chosen = unsure.iter().enumerate().filter(|(bit, _)| which & (1 << bit) != 0);
        modelled(sure().chain(chosen.map(|(_, it)| &batches[*it]))) == found
    });
    prop_assert!(explained, "{:?} acknowledged, {unsure:?} begun: {found:?}", known.acknowledged);
    Ok(())
}

/// Every page of the answers to these queries, as bytes.
fn answers(store: &dyn Store, queries: &[StayQuery]) -> Vec<u8> {
    let mut bytes = vec![];
    for query in queries {
        for offset in (0..).step_by(3) {
            let query = StayQuery { offset, limit: 3, ..query.clone() };
            let page = wait(store.page_of_stays(&query)).expect("a page");
            let last = page.stays.is_empty();
            bytes.extend(postcard::to_allocvec(&(page.total, page.stays)).expect("bytes"));
            if last {
                break;
            }
        }
    }
    bytes
}

/// In an order that has nothing to do with time or arrival.
fn stirred(batches: &[Batch], salt: u8) -> Batch {
    let mut events: Batch = batches.iter().flatten().cloned().collect();
    events.sort_by_cached_key(|it| it.content_hash().map(|byte| byte.wrapping_mul(salt | 1)));
    events
}

fn attack(
    batches: &[Batch],
    kills: &[Kill],
    mut queries: Vec<StayQuery>,
    salt: u8,
) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut known = Known::default();
    for kill in kills {
        run_and_kill(folder.path(), batches, kill, &mut known);
        if kill.looked_at {
            is_whole(folder.path(), batches, &known)?;
        }
    }
    is_whole(folder.path(), batches, &known)?;

    let store = open(folder.path());
    for number in (0..batches.len()).filter(|it| !known.acknowledged.contains(it)) {
        wait(store.append_events(batches[number].clone())).expect("appended");
    }
    let model = Memory::default();
    wait(model.append_events(stirred(batches, salt))).expect("appended");
    queries.extend([everything(1), everything(2)]);
    prop_assert_eq!(whole(&store), whole(&model));
    prop_assert!(answers(&store, &queries) == answers(&model, &queries), "other bytes");
    Ok(())
}

/// Each history is several processes. The seed is told, and shown if a history fails.
fn config() -> ProptestConfig {
    const PROPTESTS_OWN: u32 = 256;
    let told = ProptestConfig::default();
    let cases = if told.cases == PROPTESTS_OWN { 40 } else { told.cases };
    let seed = match told.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().build_hasher().finish(),
    };
    println!("PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases}");
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(seed), max_shrink_iters: 200, ..told }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whoever_is_killed_while_writing_leaves_the_log_of_the_events(
        arrivals in arrivals(),
        kills in prop::collection::vec(kills(), 1..4),
        queries in prop::collection::vec(queries(), 6),
        salt in any::<u8>(),
    ) {
        let batches: Vec<Batch> = arrivals.into_iter().map(|(batch, _)| batch).collect();
        attack(&batches, &kills, queries, salt)?;
    }
}
