//! A room without a ring: its partition is a map.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::log::stay::RoomKey;
use domain::log::{Event, Stay, fold_room};
use proptest::prelude::*;

use super::super::restarts::Restarts;
use super::super::round::Round;
use super::super::rows::{Head, Image, Place, Result, Root, Row, TABLE};
use super::super::sheets::{Catalog, Changes, ROOT, Rows, SHEET_ROWS_MAX, Sheet};
use super::super::state::{Answer, Ask, Lost, RoomState};
use super::told::{events, of_a_room, restarts, room};

/// A room as a ring has it.
#[derive(Default)]
struct Partition {
    version: Option<i64>,
    head: Option<Vec<u8>>,
    root: BTreeMap<Place, Vec<u8>>,
    sheets: Rows,
    /// What no sheet has been told of the last round: nothing is, until there is another.
    untold: Changes,
}

impl Partition {
    /// As the first version of the schema had it.
    fn of_the_first_version(at: &RoomKey, events: &[Event], lost: &[Lost]) -> Self {
        let head = Head { first_hour: Some(0), last_hour: Some(Head::OPEN) };
        let head = crate::record::seal(TABLE, at.room.as_str().as_bytes(), &head);
        let stays = fold_room(at, events);
        let rows = events.iter().map(|event| Row::of_event(at, event));
        let rows = rows.chain(lost.iter().map(|lost| Row::of_lost(at, lost)));
        let rows = rows.chain(stays.iter().map(|stay| Row::of_stay(at, stay)));
        let row = |row: Result<Row>| row.map(|Row { place, value }| (place, value));
        let root = rows.map(row).collect::<Result<_>>().expect("rows");
        Self { version: Some(3), head: Some(head.expect("a head")), root, ..Self::default() }
    }

    fn image(&self, at: &RoomKey) -> Image {
        let mut root = Root::default();
        root.version = self.version;
        if let Some(head) = &self.head {
            root.set_head(at, head).expect("a head");
        }
        for (place, value) in &self.root {
            let row = Row { place: place.clone(), value: value.clone() };
            root.add(at, row).expect("a row");
        }
        root.image(at, self.sheets.clone()).expect("rows")
    }

    fn read(&self, at: &RoomKey, restarts: &[Event]) -> RoomState {
        let restarts = Restarts { events: Arc::new(restarts.to_vec()), ..Restarts::default() };
        RoomState::of(at.clone(), self.image(at), restarts)
    }

    fn head(&self) -> Head {
        self.image(&room()).head
    }

    /// Whether the round was made.
    fn apply(&mut self, round: Round) -> bool {
        if self.version != round.expected {
            return false;
        }
        assert!(self.version < Some(round.version), "versions rise");
        let head = round.head.seal(&room(), &round.catalog).expect("a head");
        (self.version, self.head) = (Some(round.version), Some(head));
        if let Some(cut) = round.cut_unix_us {
            let above = |place: &Place| place.is_of_fact() && place.at < cut;
            self.root.retain(|place, _| !above(place));
        }
        for (place, value) in round.rows {
            match value {
                Some(value) => drop(self.root.insert(place, value)),
                None => drop(self.root.remove(&place)),
            }
        }
        let before = std::mem::replace(&mut self.untold, round.todo.changes);
        // Whoever is late says it twice.
        before.apply(&mut self.sheets);
        before.apply(&mut self.sheets);
        self.has_an_end(&round.catalog);
        true
    }

    /// No sheet has more rows than it may have, and the catalog says how many there are.
    fn has_an_end(&self, catalog: &Catalog) {
        let mut rows = self.sheets.clone();
        self.untold.apply(&mut rows);
        let mut found: BTreeMap<Sheet, u32> = BTreeMap::new();
        rows.keys().for_each(|(sheet, _)| *found.entry(*sheet).or_default() += 1);
        let fills = catalog.fills();
        let listed = fills.iter().map(|(sheet, rows, _)| (*sheet, *rows)).collect();
        assert_eq!(found, listed);
        let mut puts = fills.iter().filter(|(sheet, ..)| *sheet > 0).map(|(.., puts)| *puts);
        assert!(puts.all(|puts| puts <= SHEET_ROWS_MAX), "{fills:?}");
    }

    /// Whether any row says it, in its name or in its value.
    fn says(&self, word: &str) -> bool {
        let root = self.root.iter();
        let sheets = self.sheets.iter().map(|((_, place), value)| (place, value));
        let mut texts = root.chain(sheets).flat_map(|(place, value)| [&place.key, value]);
        texts.any(|text| text.windows(word.len()).any(|some| some == word.as_bytes()))
    }

    fn stays(&self, at: &RoomKey) -> Vec<Stay> {
        let stays = self.image(at).stays.into_iter();
        let mut stays: Vec<Stay> = stays.map(|(stay, _)| stay).collect();
        stays.sort_by(|one, other| one.order().cmp(&other.order()));
        stays
    }
}

fn add(event: &Event) -> Ask {
    Ask::Add(Box::new(event.clone()))
}

fn fresh(story: &str) -> (RoomKey, Vec<Event>, Partition) {
    (room(), events(story), Partition::default())
}

/// Takes the asks into rounds until there is no more to do, and says how many it took.
fn settle(partition: &mut Partition, state: &mut RoomState, asks: Vec<Ask>) -> Vec<Answer> {
    let answers = asks.into_iter().map(|ask| state.take(ask).expect("taken")).collect();
    while let Some(round) = state.round(7).expect("a round") {
        let more = round.todo.more;
        assert!(partition.apply(round), "nobody else is there");
        state.todos_are_done();
        if !more {
            break;
        }
    }
    answers
}

#[test]
fn an_event_is_added_once() {
    let (at, events, mut partition) = fresh("10 join anna call=c\n20.5 leave anna call=c");
    let mut state = partition.read(&at, &[]);
    let answers = settle(&mut partition, &mut state, vec![add(&events[0]), add(&events[0])]);
    assert_eq!(answers, [Answer::Added, Answer::Known]);
    assert_eq!(partition.stays(&at), fold_room(&at, &events[..1]));
    // It is known after it was written down, too.
    let mut again = partition.read(&at, &[]);
    let answers = settle(&mut partition, &mut again, vec![add(&events[0]), add(&events[1])]);
    assert_eq!(answers, [Answer::Known, Answer::Added]);
    assert_eq!(partition.stays(&at), fold_room(&at, &events));
}

#[test]
fn what_changes_nothing_makes_no_round() {
    let (at, events, mut partition) = fresh("10 join anna call=c");
    let mut state = partition.read(&at, &[]);
    assert!(state.round(7).expect("a round").is_none());
    settle(&mut partition, &mut state, vec![add(&events[0])]);
    state.take_told();
    assert_eq!(state.take(Ask::Fold).expect("taken"), Answer::Done);
    assert!(state.round(8).expect("a round").is_none());
}

#[test]
fn versions_rise_although_a_clock_does_not() {
    let (at, events, mut partition) = fresh("10 join anna call=c\n20.5 leave anna call=c");
    let mut state = partition.read(&at, &[]);
    settle(&mut partition, &mut state, vec![add(&events[0])]);
    settle(&mut partition, &mut state, vec![add(&events[1])]);
    assert_eq!(partition.version, Some(8));
}

#[test]
fn a_loser_is_removed_and_never_comes_back() {
    let (at, events, mut partition) = fresh("10 join anna call=c\n10 join ben call=c");
    let lost = Lost::of(&events[0]);
    let mut state = partition.read(&at, &[]);
    settle(&mut partition, &mut state, vec![add(&events[0]), add(&events[1])]);
    let answers = settle(&mut partition, &mut state, vec![Ask::Remove(lost)]);
    assert_eq!(answers, [Answer::Done]);
    assert_eq!(partition.stays(&at), fold_room(&at, &events[1..]));
    for mut state in [state, partition.read(&at, &[])] {
        assert_eq!(state.take(add(&events[0])).expect("taken"), Answer::Lost);
    }
    // Also if it was not there yet.
    let (mut early, mut other) = (Partition::default(), Partition::default().read(&at, &[]));
    let asks = vec![Ask::Remove(lost), add(&events[0])];
    assert_eq!(settle(&mut early, &mut other, asks), [Answer::Done, Answer::Lost]);
    assert_eq!(early.stays(&at), []);
}

/// Two changes of one row in one step: the later one counts.
#[test]
fn an_event_that_takes_the_place_of_a_removed_one_stands() {
    let story = |who| format!("10 join {who} call=c id=x");
    let mut both = [events(&story("anna")).remove(0), events(&story("ben")).remove(0)];
    both.sort_by_key(|event| std::cmp::Reverse(event.content_hash()));
    let [loser, winner] = both;
    let at = room();
    let mut partition = Partition::default();
    let mut state = partition.read(&at, &[]);
    settle(&mut partition, &mut state, vec![add(&loser)]);
    let asks = vec![Ask::Remove(Lost::of(&loser)), add(&winner)];
    settle(&mut partition, &mut state, asks);
    let expected = fold_room(&at, &[winner]);
    assert_eq!(partition.stays(&at), expected);
    assert_eq!(partition.read(&at, &[]).lens(), (1, 1));
}

#[test]
fn more_stays_than_a_round_takes_change_in_several() {
    const PEOPLE: usize = 9_000;
    let joins: Vec<String> =
        (0..PEOPLE).map(|it| format!("10 join p{it} call=c conn=k{it}")).collect();
    let (at, mut events, mut partition) = fresh(&joins.join("\n"));
    let mut state = partition.read(&at, &[]);
    for some in events.chunks(1_000) {
        settle(&mut partition, &mut state, some.iter().map(add).collect());
    }
    let over = super::told::events("20 over id=o").remove(0);
    let mut rounds = 0;
    state.take(add(&over)).expect("taken");
    while let Some(round) = state.round(7).expect("a round") {
        let bytes: usize = round.rows.values().flatten().map(Vec::len).sum();
        assert!(bytes < 8 << 20, "{bytes}");
        let more = round.todo.more;
        assert!(partition.apply(round));
        // Whoever comes between two rounds makes the room good.
        state = partition.read(&at, &[]);
        state.todos_are_done();
        rounds += 1;
        assert!(rounds < 100, "it ends");
        if !more && rounds > 2 {
            break;
        }
    }
    events.push(over);
    assert_eq!(partition.stays(&at), fold_room(&at, &events));
}

#[test]
fn a_room_is_listed_where_restarts_look_for_it() {
    const HOUR: i64 = 3_600;
    let head = |story: &str| {
        let all = events(story);
        let (own, restarts): (Vec<Event>, Vec<Event>) =
            all.into_iter().partition(|event| event.room().is_some());
        let at = room();
        let mut partition = Partition::default();
        let mut state = partition.read(&at, &restarts);
        settle(&mut partition, &mut state, own.iter().map(add).collect());
        (partition.head().first_hour, partition.head().last_hour)
    };
    let (join, leave) = ("10 join anna call=c", format!("{}.5 leave anna call=c", HOUR + 1));
    assert_eq!(head(join), (Some(0), Some(Head::OPEN)));
    assert_eq!(head(&format!("{join}\n{leave}")), (Some(0), Some(1)));
    // If the restart gives way, they are there again: it must find them.
    let restart = format!("{} restart", 5 * HOUR);
    assert_eq!(head(&format!("{join}\n{restart}")), (Some(0), Some(5)));
    assert_eq!(head(&format!("{join}\n{leave}\n{restart}")), (Some(0), Some(1)));
}

#[test]
fn a_cut_takes_what_is_before_it() {
    let story = "10 join anna call=c\n20.5 leave anna call=c\n100 join ben call=d";
    let (at, events, mut partition) = fresh(story);
    let mut state = partition.read(&at, &[]);
    settle(&mut partition, &mut state, events.iter().map(add).collect());
    const BEFORE: i64 = 50_000_000;
    let cut_unix_us = state.find_cut(BEFORE).expect("a cut");
    let ask = |cut_unix_us| Ask::Cut { cut_unix_us, before_unix_us: BEFORE };
    // One that is not what the room says is none.
    settle(&mut partition, &mut state, vec![ask(cut_unix_us - 1)]);
    assert_eq!(partition.stays(&at).len(), 2);
    settle(&mut partition, &mut state, vec![ask(cut_unix_us)]);
    assert_eq!(partition.stays(&at), fold_room(&at, &events[2..]));
    assert_eq!(partition.read(&at, &[]).lens(), (1, 1));
    assert_eq!(state.find_cut(i64::MAX), None);
}

#[test]
fn nothing_but_the_version_is_left_of_a_room_that_is_over() {
    let (at, events, mut partition) = fresh("10 join anna call=c\n20.5 leave anna call=c");
    let mut state = partition.read(&at, &[]);
    settle(&mut partition, &mut state, events.iter().map(add).collect());
    let cut_unix_us = state.find_cut(i64::MAX).expect("a cut");
    let cut = Ask::Cut { cut_unix_us, before_unix_us: i64::MAX };
    settle(&mut partition, &mut state, vec![cut]);
    assert!(state.round(7).expect("a round").is_none());
    assert_eq!((partition.root, partition.sheets), (BTreeMap::new(), Rows::new()));
}

#[test]
fn what_is_erased_stands_in_no_note() {
    for story in ["10 join anna call=c\n11 join ben call=c", "10 join anna call=c"] {
        let (at, events, mut partition) = fresh(story);
        let mut state = partition.read(&at, &[]);
        settle(&mut partition, &mut state, events.iter().map(add).collect());
        assert!(partition.says("anna"));
        settle(&mut partition, &mut state, vec![Ask::Remove(Lost::of(&events[0]))]);
        assert!(!partition.says("anna"), "{story}");
        assert_eq!(partition.stays(&at), fold_room(&at, &events[1..]));
        // The empty note asks for nothing more, whoever reads it.
        for mut state in [state, partition.read(&at, &[])] {
            assert_eq!(state.todos().len(), 0);
            assert!(state.round(9).expect("a round").is_none());
        }
    }
}

/// Also not the event that loses to another of its identity, and what it said of somebody.
#[test]
fn what_gives_way_stands_in_no_note() {
    let story = |who: &str| events(&format!("10 join {who} call=c id=x")).remove(0);
    let both = |it: u32| [story(&format!("anna{it}")), story(&format!("ben{it}"))];
    let loses = |[anna, ben]: &[Event; 2]| anna.content_hash() > ben.content_hash();
    let [anna, winner] = (0..64).map(both).find(loses).expect("one of 64 hashes is smaller");
    let (at, mut partition) = (room(), Partition::default());
    let mut state = partition.read(&at, &[]);
    settle(&mut partition, &mut state, vec![add(&anna)]);
    settle(&mut partition, &mut state, vec![add(&winner), Ask::Remove(Lost::of(&anna))]);
    assert!(!partition.says("anna"));
    assert_eq!(partition.stays(&at), fold_room(&at, &[winner]));
}

/// More stays than a round takes, and each of the servers dies behind its round.
#[test]
fn what_is_cut_stands_in_no_note_whoever_dies() {
    let mut story: Vec<String> =
        (0..4_100).map(|it| format!("10 join anna{it} call=c conn=k{it}")).collect();
    story.extend(["20 over".to_owned(), "100 join ben call=d".to_owned()]);
    let (at, events, mut partition) = fresh(&story.join("\n"));
    let mut state = partition.read(&at, &[]);
    for some in events.chunks(1_000) {
        settle(&mut partition, &mut state, some.iter().map(add).collect());
    }
    assert!(partition.says("anna"));
    const BEFORE: i64 = 50_000_000;
    let cut_unix_us = state.find_cut(BEFORE).expect("a cut");
    let cut = Ask::Cut { cut_unix_us, before_unix_us: BEFORE };
    let mut rounds = 0;
    loop {
        let mut state = partition.read(&at, &[]);
        state.todos_are_done();
        state.take(cut.clone()).expect("taken");
        let Some(round) = state.round(7).expect("a round") else { break };
        assert!(partition.apply(round));
        rounds += 1;
        assert!(rounds < 10, "it ends");
    }
    assert!(rounds > 2, "{rounds}");
    assert!(!partition.says("anna"));
    assert_eq!(partition.stays(&at), fold_room(&at, &events[4_101..]));
}

/// What a server left half done is done by whoever reads the room, also if it is half done.
#[test]
fn a_note_that_is_done_is_not_done_again() {
    let (at, events, mut partition) = fresh("10 join anna call=c");
    let mut state = partition.read(&at, &[]);
    settle(&mut partition, &mut state, events.iter().map(add).collect());
    assert_eq!(partition.image(&at).todos.len(), 1);
    let told = state.take_told().expect("all is done");
    let Row { place, value } = Row::of_told(&at, told).expect("a row");
    partition.root.insert(place, value);
    // The sheets do not have it, but nobody looks into the note.
    assert_eq!(partition.image(&at).todos.len(), 0);
    assert_eq!(partition.stays(&at), []);
}

#[test]
fn a_room_of_the_first_version_moves_into_sheets_when_it_changes() {
    let joins: Vec<String> =
        (0..1_300).map(|it| format!("{it} join p{it} call=c conn=k{it}")).collect();
    let (at, mut events, _) = fresh(&joins.join("\n"));
    let gone = Lost::of(&super::told::events("3 join nobody call=c id=gone")[0]);
    let mut partition = Partition::of_the_first_version(&at, &events, &[gone]);
    assert_eq!(partition.stays(&at), fold_room(&at, &events));
    let over = super::told::events("2000 over id=o").remove(0);
    events.push(over.clone());
    let mut rounds = 0;
    partition.read(&at, &[]).take(add(&over)).expect("taken");
    loop {
        // Whoever comes between two rounds goes on.
        let mut state = partition.read(&at, &[]);
        state.todos_are_done();
        state.take(add(&over)).expect("taken");
        let Some(round) = state.round(7).expect("a round") else { break };
        assert!(partition.apply(round));
        assert_eq!(partition.read(&at, &[]).lens().0, events.len());
        rounds += 1;
        assert!(rounds < 20, "it ends");
    }
    assert!(rounds > 2, "{rounds}");
    let image = partition.image(&at);
    assert!(image.events.iter().all(|(_, sheet)| *sheet != ROOT));
    assert!(image.stays.iter().all(|(_, sheet)| *sheet != ROOT));
    assert_eq!(image.lost.len(), 1);
    assert_eq!(partition.root.len(), 1, "the note");
    assert_eq!(partition.stays(&at), fold_room(&at, &events));
}

#[test]
fn a_room_of_the_first_version_is_cut_where_it_lies() {
    let story = "10 join anna call=c\n20.5 leave anna call=c\n100 join ben call=d";
    let (at, events, _) = fresh(story);
    let gone = Lost::of(&super::told::events("3 join nobody call=c id=gone")[0]);
    let mut partition = Partition::of_the_first_version(&at, &events, &[gone]);
    let mut state = partition.read(&at, &[]);
    const BEFORE: i64 = 50_000_000;
    let cut_unix_us = state.find_cut(BEFORE).expect("a cut");
    settle(&mut partition, &mut state, vec![Ask::Cut { cut_unix_us, before_unix_us: BEFORE }]);
    assert_eq!(partition.stays(&at), fold_room(&at, &events[2..]));
    let image = partition.image(&at);
    assert_eq!((image.events.len(), image.stays.len(), image.lost.len()), (1, 1, 0));
    assert_eq!(partition.root.len(), 1, "the note");
}

/// Of each identity the event that counts.
fn that_count(events: &[Event]) -> Vec<Event> {
    let mut all: BTreeMap<_, Event> = BTreeMap::new();
    for event in events {
        let known = all.entry(event.identity()).or_insert_with(|| event.clone());
        if event.content_hash() < known.content_hash() {
            *known = event.clone();
        }
    }
    all.into_values().collect()
}

proptest! {
    /// Two servers take turns, each with what it remembers: whoever is refused reads again.
    #[test]
    fn servers_that_take_turns_leave_the_fold_of_what_counts(
        all in of_a_room(),
        restarts in restarts(),
        turns in prop::collection::vec(0..2_usize, 64),
        forgets in prop::collection::vec(any::<bool>(), 64),
    ) {
        let at = room();
        let count = that_count(&all);
        let mut partition = Partition::default();
        let mut remembered: [Option<RoomState>; 2] = Default::default();
        for (number, event) in all.iter().enumerate() {
            let server = &mut remembered[turns[number % turns.len()]];
            if forgets[number % forgets.len()] {
                *server = None;
            }
            // As if the one that counts were in another room.
            let lost = (!count.contains(event)).then(|| Lost::of(event));
            for attempt in 0.. {
                prop_assert!(attempt < 3, "one conflict at most");
                let read = || partition.read(&at, &restarts);
                let mut state = server.take().unwrap_or_else(read);
                state.todos_are_done();
                state.take(add(event)).expect("taken");
                if let Some(lost) = lost {
                    state.take(Ask::Remove(lost)).expect("taken");
                }
                let made = match state.round(number as i64).expect("a round") {
                    Some(round) => partition.apply(round),
                    None => true,
                };
                if made {
                    state.todos_are_done();
                    *server = Some(state);
                    break;
                }
            }
        }
        let expected = fold_room(&at, &[count, restarts].concat());
        prop_assert_eq!(partition.stays(&at), expected);
    }
}
