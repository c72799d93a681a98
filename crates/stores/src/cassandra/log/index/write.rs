//! What a change of stays writes: rows first, and then, level by level, the marks that make counts
//! of them void. The order is what makes counts right: see `mod.rs`.

use std::collections::{BTreeMap, BTreeSet};

use domain::log::Stay;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::known::Reached;
use super::place::Scope;
use super::rows::{Key, key_of, seal};
use super::sum::{Kind, Point};
use super::{Change, Index, OPEN, SIDE_BY_SIDE};
use crate::cassandra::cluster::Bundle;
use crate::cassandra::fault::Result;

/// How many statements go together into a partition.
const BUNDLE_LEN_MAX: usize = 50;

/// The highest number of levels that a tree has.
const LEVELS_MAX: u8 = 3;

/// A partition of stays or of points.
type Partition = (i64, Option<Kind>, String, i32, i64);

/// The leaves of a scope that count one thing and are touched.
type Touched = BTreeMap<(i64, Scope, Kind), BTreeSet<i64>>;

/// Up to when anybody was there, in each node.
type Reaches = BTreeMap<Reached, i64>;

/// What is to be written.
#[derive(Default)]
struct Writes {
    rows: BTreeMap<Partition, Vec<Bundle>>,
    reaches: Reaches,
    touched: Touched,
    apps: BTreeSet<i64>,
}

/// Writes what changes of stays change in the index.
pub(super) async fn write(index: &Index<'_>, changes: &[Change]) -> Result<()> {
    let mut writes = Writes::default();
    for change in changes {
        writes.add(index, change)?;
    }
    let Writes { rows, mut reaches, touched, apps } = writes;
    let rows = rows.into_values().flatten();
    let known = &index.said().known;
    reaches.retain(|node, reach| !known.reaches.has(node, *reach));
    let rows = send(index, rows.chain(bundles_of_reaches(index, &reaches)));
    let apps = stream::iter(apps).map(|app| index.put_app(app)).buffer_unordered(SIDE_BY_SIDE);
    futures::try_join!(apps.try_collect::<()>(), rows)?;
    known.reaches.add(reaches);
    // A mark is made when everything below it is there to be counted, and not before.
    for level in 0..LEVELS_MAX {
        send(index, bundles_of_touches(index, &touched, level)).await?;
    }
    Ok(())
}

async fn send(index: &Index<'_>, bundles: impl IntoIterator<Item = Bundle>) -> Result<()> {
    let sent = bundles.into_iter().map(|bundle| index.write_bundle(bundle));
    stream::iter(sent).buffer_unordered(SIDE_BY_SIDE).try_collect().await
}

impl Writes {
    fn add(&mut self, index: &Index<'_>, change: &Change) -> Result<()> {
        let by_key = |stays: &'_ [Stay]| -> BTreeMap<Key, Stay> {
            stays.iter().map(|stay| (key_of(stay), stay.clone())).collect()
        };
        let (gone, come) = (by_key(&change.gone), by_key(&change.come));
        for (key, stay) in &come {
            self.put(index, change.version, (key, stay))?;
            self.reach(index, stay);
            let before = gone.get(key);
            let is_counted = before.is_some_and(|before| {
                let opens = stay.left_unix_s().is_none() && before.left_unix_s().is_some();
                before.is_server() == stay.is_server() && !opens
            });
            if !is_counted {
                self.touch(index, stay);
            }
            self.apps.insert(index.app(stay.app));
        }
        for (key, stay) in gone.iter().filter(|(key, _)| !come.contains_key(*key)) {
            self.delete(index, change.version, (key, stay));
            self.touch(index, stay);
        }
        self.add_points(index, change);
        Ok(())
    }

    fn put(&mut self, index: &Index<'_>, version: i64, (key, stay): (&Key, &Stay)) -> Result<()> {
        let bytes = seal(stay, key)?;
        let (ended, is_server) = (stay.left_unix_s().unwrap_or(OPEN), stay.is_server());
        for scope in Scope::all_of(stay) {
            let partition = place(index, &scope, stay);
            let (app, _, text, shard, slice) = partition.clone();
            let (created, room, call, participant, door) = key.clone();
            let stay = bytes.clone();
            let values = (
                app,
                text,
                shard,
                slice,
                created,
                room,
                call,
                participant,
                door,
                stay,
                ended,
                is_server,
                version,
            );
            self.bundle(partition).add(&index.said().put_stay, values);
        }
        Ok(())
    }

    fn delete(&mut self, index: &Index<'_>, version: i64, (key, stay): (&Key, &Stay)) {
        for scope in Scope::all_of(stay) {
            let partition = place(index, &scope, stay);
            let (app, _, text, shard, slice) = partition.clone();
            let (created, room, call, participant, door) = key.clone();
            let values = (version, app, text, shard, slice, created, room, call, participant, door);
            self.bundle(partition).add(&index.said().delete_stay, values);
        }
    }

    /// The points of the stays. Stays of other keys may have the same.
    fn add_points(&mut self, index: &Index<'_>, change: &Change) {
        type PointKey<'s> = (Kind, i64, &'s str, &'s str, &'s str);
        fn by_key(stays: &[Stay]) -> BTreeMap<PointKey<'_>, (Point, &Stay)> {
            let points = stays.iter().filter_map(|stay| Some((Point::of(stay)?, stay)));
            points
                .map(|(point, stay)| {
                    let (call, participant) = (stay.call.as_str(), stay.participant.as_str());
                    (
                        (point.kind, point.second, call, participant, stay.door.as_str()),
                        (point, stay),
                    )
                })
                .collect()
        }
        let (gone, come) = (by_key(&change.gone), by_key(&change.come));
        for (key, (point, stay)) in &come {
            self.put_point(index, change.version, (*point, stay));
            if gone.get(key).is_none_or(|before| before.0 != *point) {
                self.touch_point(index, (*point, stay));
            }
        }
        for (_, (point, stay)) in gone.iter().filter(|(key, _)| !come.contains_key(*key)) {
            self.delete_point(index, change.version, (*point, stay));
            self.touch_point(index, (*point, stay));
        }
    }

    fn put_point(&mut self, index: &Index<'_>, version: i64, (point, stay): (Point, &Stay)) {
        let partition = place_of_point(index, point, stay);
        let (app, _, _, shard, slice) = partition.clone();
        let (_, room, call, participant, door) = key_of(stay);
        let Point { kind, second, is_server, joins, leaves } = point;
        let kind = kind.number();
        let values = (
            app,
            kind,
            shard,
            slice,
            second,
            room,
            call,
            participant,
            door,
            is_server,
            joins,
            leaves,
            version,
        );
        self.bundle(partition).add(&index.said().put_point, values);
    }

    fn delete_point(&mut self, index: &Index<'_>, version: i64, (point, stay): (Point, &Stay)) {
        let partition = place_of_point(index, point, stay);
        let (app, _, _, shard, slice) = partition.clone();
        let (_, room, call, participant, door) = key_of(stay);
        let (kind, second) = (point.kind.number(), point.second);
        let values = (version, app, kind, shard, slice, second, room, call, participant, door);
        self.bundle(partition).add(&index.said().delete_point, values);
    }

    /// Statements for a partition, with room for one more.
    fn bundle(&mut self, partition: Partition) -> &mut Bundle {
        let bundles = self.rows.entry(partition).or_default();
        if bundles.last().is_none_or(|last| last.len() >= BUNDLE_LEN_MAX) {
            bundles.push(Bundle::new());
        }
        bundles.last_mut().expect("there is one now")
    }

    /// Notes up to when somebody was there who is over.
    fn reach(&mut self, index: &Index<'_>, stay: &Stay) {
        let Some(left) = stay.left_unix_s() else { return };
        for scope in Scope::all_of(stay) {
            for level in 0..scope.levels() {
                let bucket = scope.bucket(level, stay.created_unix_s());
                let shard = if level == 0 { scope.shard(&stay.room, index.shards()) } else { 0 };
                let node = (index.app(stay.app), scope.clone(), level, bucket, shard);
                let left = rounded(level, left);
                let reach = self.reaches.entry(node).or_insert(left);
                *reach = left.max(*reach);
            }
        }
    }

    fn touch(&mut self, index: &Index<'_>, stay: &Stay) {
        for scope in Scope::all_of(stay) {
            let leaf = scope.bucket(0, stay.created_unix_s());
            let tree = (index.app(stay.app), scope, Kind::Began);
            self.touched.entry(tree).or_default().insert(leaf);
        }
    }

    fn touch_point(&mut self, index: &Index<'_>, (point, stay): (Point, &Stay)) {
        let leaf = Scope::App.bucket(0, point.second);
        let tree = (index.app(stay.app), Scope::App, point.kind);
        self.touched.entry(tree).or_default().insert(leaf);
    }
}

fn place(index: &Index<'_>, scope: &Scope, stay: &Stay) -> Partition {
    let shard = scope.shard(&stay.room, index.shards());
    let slice = scope.slice(stay.created_unix_s());
    (index.app(stay.app), None, scope.text(), shard, slice)
}

fn place_of_point(index: &Index<'_>, point: Point, stay: &Stay) -> Partition {
    let shard = Scope::App.shard(&stay.room, index.shards());
    let slice = Scope::App.slice(point.second);
    (index.app(stay.app), Some(point.kind), String::new(), shard, slice)
}

/// A second up to which those may be who were there until `left`: the last of 64 seconds, of nodes
/// above the leaves of 256, so that few of those who leave a node one after the other move it.
fn rounded(level: u8, left: i64) -> i64 {
    left | if level == 0 { 63 } else { 255 }
}

/// Later than any second's negative, so that no timestamp is negative, and earlier than any
/// timestamp that a clock would give.
const REACH_BIAS: i64 = 10_000_000_000_000;

fn bundles_of_reaches(index: &Index<'_>, reaches: &Reaches) -> Vec<Bundle> {
    let mut bundles: BTreeMap<_, Bundle> = BTreeMap::new();
    for ((app, scope, level, bucket, shard), reach) in reaches {
        let parent = scope.parent(*level, *bucket);
        let bundle = bundles.entry((app, scope, level, parent)).or_insert_with(Bundle::new);
        let (kind, level) = (Kind::Began.number(), level.cast_signed());
        // What is later has the later timestamp, so the latest of all stands, whoever wrote last.
        let timestamp = reach.saturating_add(REACH_BIAS);
        let values = (timestamp, *shard, *reach, *app, scope.text(), kind, level, parent, *bucket);
        bundle.add(&index.said().reach, values);
    }
    bundles.into_values().collect()
}

fn bundles_of_touches(index: &Index<'_>, touched: &Touched, level: u8) -> Vec<Bundle> {
    let process = index.process();
    let touch = index.next_touch();
    let mut bundles: BTreeMap<_, Bundle> = BTreeMap::new();
    for ((app, scope, kind), leaves) in touched.iter().filter(|it| level < it.0.1.levels()) {
        let bucket = |leaf: &i64| scope.bucket(level, *scope.seconds(0, *leaf).start());
        for bucket in leaves.iter().map(bucket).collect::<BTreeSet<i64>>() {
            let parent = scope.parent(level, bucket);
            let bundle = bundles.entry((app, scope, kind, parent)).or_insert_with(Bundle::new);
            let (kind, level) = (kind.number(), level.cast_signed());
            let values = (touch, process, touch, *app, scope.text(), kind, level, parent, bucket);
            bundle.add(&index.said().touch, values);
        }
    }
    bundles.into_values().collect()
}
