//! Tables of histories: what was reported, and what the log shows. Each test is named after its
//! case; each table is also read backwards, since arrival must not matter.
//!
//! A history is a line per event: `TIME KIND WHO OPTIONS`, the time in seconds. What the log shows
//! is a line per stay: `CALL WHO SPANS`, where `~` marks what is inferred and `..` who is still
//! there.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::event::{Event, Fact, Presence};
use super::intervals::{Certainty, End};
use super::stay::{RoomKey, Stay};
use super::{ClientFacts, fold_room};
use crate::clock::SECOND_US;
use crate::ids::{AppId, CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};

fn at() -> RoomKey {
    RoomKey {
        app: AppId(1),
        door: Door::parse("native").expect("a door"),
        room: RoomId::parse("room").expect("a room"),
    }
}

fn unix_us(seconds: &str) -> i64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: i64 = format!("{fraction:0<6}").parse().expect("a fraction");
    whole.parse::<i64>().expect("seconds") * SECOND_US + fraction
}

fn event(number: usize, line: &str) -> Event {
    let mut words = line.split_whitespace();
    let mut word = || words.next().expect("a word");
    let (time, kind) = (word(), word());
    let rest: Vec<&str> = words.collect();
    let options: BTreeMap<&str, &str> =
        rest.iter().filter_map(|option| option.split_once('=')).collect();
    let bare: Vec<&str> = rest.iter().copied().filter(|word| !word.contains('=')).collect();
    let call = options.get("call").map(|call| CallId::parse(call).expect("a call"));
    let who = || Presence {
        room: at().room,
        call: call.clone(),
        participant: ParticipantId::parse(bare[0]).expect("a participant"),
        connection: options.get("conn").map(|conn| ConnectionId::parse(conn).expect("an id")),
    };
    let keys =
        [("os", "os.name"), ("device", "device.model.name"), ("net", "network.connection.type")];
    let told = keys.iter().filter_map(|(short, key)| Some((*key, *options.get(short)?)));
    let client = ClientFacts::from_attributes(told);
    let fact = match kind {
        "join" => Fact::Joined { who: who(), sole: options.contains_key("sole"), client },
        "leave" => {
            let joined_unix_us = options.get("joined").map(|joined| unix_us(joined));
            Fact::Left { who: who(), joined_unix_us, client }
        }
        "client" => Fact::Client { who: who(), client },
        "publish" => Fact::Published { who: who() },
        "over" => Fact::RoomFinished { room: at().room, call },
        "present" => {
            let present = bare.iter().map(|who| ParticipantId::parse(who).expect("a participant"));
            Fact::Snapshot { room: at().room, call, present: present.collect() }
        }
        "restart" => Fact::ServerRestarted,
        _ => panic!("{kind} is no kind"),
    };
    let source = options.get("source").copied().unwrap_or("sfu");
    Event {
        app: AppId(1),
        door: at().door,
        source: SourceName::parse(source).expect("a source"),
        id: EventId::parse(&format!("e{number}")).expect("an id"),
        time_unix_us: unix_us(time),
        fact,
    }
}

fn show(stay: &Stay) -> String {
    let seconds =
        |unix_us: i64| format!("{}.{:03}", unix_us / SECOND_US, unix_us % SECOND_US / 1_000);
    let mark = |certainty| if certainty == Certainty::Inferred { "~" } else { "" };
    // Minted ids are long; whether two are the same is all that matters.
    let call = &stay.call.as_str()[..stay.call.as_str().len().min(4)];
    let mut line = format!("{call} {}", stay.participant);
    for span in &stay.spans {
        let join = format!("{}{}", mark(span.join), seconds(span.joined_unix_us));
        let end = match span.end {
            End::Open => "..".to_owned(),
            End::At(unix_us, certainty) => format!("-{}{}", mark(certainty), seconds(unix_us)),
        };
        line.push_str(&format!(" {join}{end}"));
    }
    if stay.published {
        line.push_str(" pub");
    }
    let client = &stay.client;
    if let Some(os) = client.os {
        line.push_str(&format!(" os={os:?}"));
    }
    if let Some(device) = &client.device {
        line.push_str(&format!(" device={device}"));
    }
    if let Some(access) = client.access {
        line.push_str(&format!(" net={access:?}"));
    }
    line
}

fn check(history: &str, expected: Expect) {
    let lines = history.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut events: Vec<Event> = lines.enumerate().map(|(n, line)| event(n, line)).collect();
    let shown = |events: &[Event]| -> String {
        fold_room(&at(), events).iter().map(|stay| show(stay) + "\n").collect()
    };
    let forwards = shown(&events);
    events.reverse();
    assert_eq!(forwards, shown(&events), "arrival matters");
    expected.assert_eq(&forwards);
}

#[test]
fn a_join_and_a_leave_make_a_stay() {
    check(
        "10.25 join u conn=k call=c os=ios device=iPhone net=wifi
         12.5 publish u conn=k call=c
         20.75 leave u conn=k call=c",
        expect![[r#"
            c u 10.250-20.750 pub os=Ios device=iPhone net=Wifi
        "#]],
    );
}

#[test]
fn a_reconnect_within_the_call_is_a_second_span() {
    check(
        "57 join u conn=k1 call=c
         68 leave u conn=k1 call=c
         78 join u conn=k2 call=c
         89 leave u conn=k2 call=c",
        expect![[r#"
            c u 57.000-68.999 78.000-89.999
        "#]],
    );
}

#[test]
fn a_late_leave_of_an_old_connection_does_not_close_the_new_one() {
    check(
        "10 join u conn=k1 call=c
         20 join u conn=k2 call=c
         25.5 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.000-25.500 20.000..
        "#]],
    );
}

#[test]
fn two_devices_leave_each_for_itself() {
    check(
        "10.1 join u conn=k1 call=c os=ios
         12.1 join u conn=k2 call=c os=android
         30.1 leave u conn=k2 call=c
         40.1 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.100-40.100 12.100-30.100 os=Android
        "#]],
    );
}

#[test]
fn where_nobody_is_let_in_twice_a_join_closes_other_connections_inferred() {
    check(
        "10.1 join u conn=k1 call=c sole=yes
         20.1 join u conn=k2 call=c sole=yes
         30.1 leave u conn=k2 call=c",
        expect![[r#"
            c u 10.100-~20.100 20.100-30.100
        "#]],
    );
    check(
        "10.1 join u conn=k1 call=c sole=yes
         20.1 join u conn=k2 call=c sole=yes
         20 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.100-20.999 20.100..
        "#]],
    );
}

#[test]
fn a_second_device_without_connection_ids_closes_the_first_inferred() {
    check(
        "10.1 join u call=c
         12.1 join u call=c
         30.1 leave u call=c",
        expect![[r#"
            c u 10.100-~12.100 12.100-30.100
        "#]],
    );
}

#[test]
fn a_leave_in_whole_seconds_ends_its_second_if_its_connection_pairs() {
    check(
        "10.871 join u conn=k call=c
         10 leave u conn=k call=c",
        expect![[r#"
            c u 10.871-10.999
        "#]],
    );
}

#[test]
fn a_leave_in_whole_seconds_stands_before_the_joins_of_its_second_if_it_does_not_pair() {
    check(
        "5 join u call=c
         10.250 join u call=c
         10 leave u call=c",
        expect![[r#"
            c u 5.000-10.000 10.250..
        "#]],
    );
    // The same where the leave names a connection and the joins do not.
    check(
        "5 join u call=c
         10.250 join u call=c
         10 leave u conn=k call=c",
        expect![[r#"
            c u 5.000-10.000 10.250..
        "#]],
    );
}

#[test]
fn a_lone_leave_shows_nothing_until_its_join_is_known() {
    check("10 leave u conn=k call=c", expect![""]);
    check(
        "10 leave u conn=k call=c
         5 join u conn=k call=c",
        expect![[r#"
            c u 5.000-10.999
        "#]],
    );
}

#[test]
fn a_lost_join_is_rebuilt_from_a_leave_that_tells_it() {
    check(
        "20 leave u conn=k call=c joined=10.871 os=web",
        expect![[r#"
            c u 10.871-20.999 os=Web
        "#]],
    );
    check(
        "20 leave u conn=k call=c joined=10.871
         10.9 join u conn=k call=c",
        expect![[r#"
            c u 10.900-20.999
        "#]],
    );
}

#[test]
fn a_publication_proves_a_lost_join_which_replaces_it_when_it_comes() {
    check(
        "10.5 publish u conn=k call=c
         20 leave u conn=k call=c",
        expect![[r#"
            c u ~10.500-20.999 pub
        "#]],
    );
    check(
        "10 publish u conn=k call=c
         10.4 join u conn=k call=c
         20 leave u conn=k call=c",
        expect![[r#"
            c u 10.400-20.999 pub
        "#]],
    );
    check(
        "10 publish u call=c
         9 join u call=c
         20.5 leave u call=c",
        expect![[r#"
            c u 9.000-20.500 pub
        "#]],
    );
}

#[test]
fn a_publication_in_the_second_of_the_leave_opens_nothing() {
    check(
        "9 join u call=c
         10 leave u call=c
         10.5 publish u call=c",
        expect![[r#"
            c u 9.000-10.000 pub
        "#]],
    );
    check(
        "9 join u conn=k call=c
         10 leave u conn=k call=c
         12 publish u conn=k call=c",
        expect![[r#"
            c u 9.000-10.999 pub
        "#]],
    );
}

#[test]
fn a_rooms_end_closes_what_is_open_in_its_call_at_its_time() {
    check(
        "10 join u conn=k1 call=c
         11 join v conn=k2 call=c
         20 leave u conn=k1 call=c
         30.5 over call=c",
        expect![[r#"
            c u 10.000-20.999
            c v 11.000-~30.999
        "#]],
    );
}

#[test]
fn a_rooms_end_that_names_its_call_closes_it_whatever_the_fraction() {
    check(
        "30.8 join u conn=k call=c
         30.2 over call=c",
        expect![[r#"
            c u 30.800-~30.999
        "#]],
    );
    check(
        "30.8 join u conn=k
         30.2 over",
        expect![[r#"
            1a6d u 30.800..
        "#]],
    );
}

#[test]
fn the_end_of_one_call_leaves_another_alone() {
    check(
        "10 join u conn=k1 call=old
         10 join v conn=k2 call=new
         20 over call=old",
        expect![[r#"
            new v 10.000..
            old u 10.000-~20.999
        "#]],
    );
}

#[test]
fn a_real_leave_replaces_an_inferred_one() {
    check(
        "10 join u conn=k call=c
         30 over call=c
         25.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-25.500
        "#]],
    );
    // Even if it says that they left after all were thought to have gone.
    check(
        "10 join u conn=k call=c
         30 restart
         35.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-35.500
        "#]],
    );
}

#[test]
fn a_restart_closes_what_came_through_that_server_at_the_last_that_was_heard() {
    check(
        "10 join u conn=k1 call=c source=a
         11 join v conn=k2 call=c source=b
         15 publish v conn=k2 call=c source=b
         40 restart source=a",
        expect![[r#"
            c u 10.000-~15.000
            c v 11.000.. pub
        "#]],
    );
}

#[test]
fn an_inferred_end_is_never_before_the_join() {
    check(
        "10.5 join u conn=k call=c
         40 restart",
        expect![[r#"
            c u 10.500-~10.500
        "#]],
    );
}

#[test]
fn a_new_call_in_the_same_room_closes_the_old_one_at_its_last_event() {
    check(
        "10 join u conn=k1 call=old
         12 publish u conn=k1 call=old
         50 join v conn=k2 call=new",
        expect![[r#"
            old u 10.000-~12.000 pub
            new v 50.000..
        "#]],
    );
}

#[test]
fn a_new_call_closes_only_what_began_before_it() {
    check(
        "10 join u conn=k1 call=old
         50 join v conn=k2 call=new
         60 join w conn=k3 call=old",
        expect![[r#"
            old u 10.000-~10.000
            new v 50.000..
            old w 60.000..
        "#]],
    );
}

#[test]
fn a_snapshot_closes_whoever_is_not_in_it() {
    check(
        "10 join u call=c
         11 join v call=c
         30 present v
         40.5 leave v call=c",
        expect![[r#"
            c u 10.000-~30.000
            c v 11.000-40.500
        "#]],
    );
}

#[test]
fn without_call_ids_a_call_ends_when_the_room_is_empty() {
    check(
        "10 join u
         12 join v
         20.5 leave u
         30.5 leave v
         40 join u
         50.5 leave u",
        expect![[r#"
            734c u 10.000-20.500
            734c v 12.000-30.500
            fa0e u 40.000-50.500
        "#]],
    );
}

#[test]
fn without_call_ids_an_earlier_fact_may_join_two_calls() {
    check(
        "10 join u
         20.5 leave u
         40 join u
         50.5 leave u
         15 join v
         45.5 leave v",
        expect![[r#"
            734c u 10.000-20.500 40.000-50.500
            734c v 15.000-45.500
        "#]],
    );
}

#[test]
fn without_call_ids_a_rooms_end_ends_the_call() {
    check(
        "10 join u
         20 over
         30 join u",
        expect![[r#"
            734c u 10.000-~20.999
            c413 u 30.000..
        "#]],
    );
}

#[test]
fn a_join_in_the_instant_in_which_the_room_emptied_begins_a_new_call() {
    check(
        "10 join u
         20.5 leave u
         20.5 join v",
        expect![[r#"
            734c u 10.000-20.500
            60f2 v 20.500..
        "#]],
    );
}

#[test]
fn without_call_ids_an_inferred_end_leaves_nobody_alone() {
    // Both were there when the last thing was heard, so both were in one call.
    check(
        "9.1 join u
         10.2 join v
         40 restart",
        expect![[r#"
            faf2 u 9.100-~10.200
            faf2 v 10.200-~10.200
        "#]],
    );
    // A second join of the only one there is no empty room.
    check(
        "9.1 join u
         10.2 join u
         20.5 leave u",
        expect![[r#"
            faf2 u 9.100-~10.200 10.200-20.500
        "#]],
    );
}

#[test]
fn a_connection_that_comes_back_in_the_second_of_its_leave_is_there() {
    check(
        "10 join u conn=k call=c
         15 leave u conn=k call=c
         15 join u conn=k call=c",
        expect![[r#"
            c u 10.000-15.000 15.000..
        "#]],
    );
}

#[test]
fn a_leave_may_leave_out_what_the_join_named() {
    check(
        "10 join u conn=k call=c
         20.5 leave u",
        expect![[r#"
            c u 10.000-20.500
        "#]],
    );
    check(
        "10 join u call=c
         20.5 leave u conn=k",
        expect![[r#"
            c u 10.000-20.500
        "#]],
    );
}

#[test]
fn a_leave_of_another_call_closes_nothing() {
    check(
        "10 join u conn=k call=c
         20.5 leave u conn=k call=d",
        expect![[r#"
            c u 10.000..
        "#]],
    );
}

#[test]
fn client_facts_are_those_of_the_last_join_that_told_them() {
    check(
        "10 join u conn=k1 call=c os=ios device=iPhone
         20 leave u conn=k1 call=c
         30 join u conn=k2 call=c os=android
         31 client u conn=k1 call=c os=web net=wifi",
        expect![[r#"
            c u 10.000-20.999 30.000.. os=Android device=iPhone net=Wifi
        "#]],
    );
}

#[test]
fn client_facts_may_come_before_the_join() {
    check(
        "10 client u conn=k call=c os=ios
         10.2 join u conn=k call=c",
        expect![[r#"
            c u 10.200.. os=Ios
        "#]],
    );
    check("10 client u conn=k call=c os=ios", expect![""]);
}

#[test]
fn a_resume_without_events_is_one_span() {
    check(
        "10 join u conn=k call=c
         90 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-90.999
        "#]],
    );
}

#[test]
fn a_room_that_starts_twice_with_one_call_id_is_one_call() {
    check(
        "10 join u conn=k1 call=c source=node-a
         60 join u conn=k2 call=c source=node-b
         90 leave u conn=k2 call=c source=node-b
         100 over call=c source=node-b",
        expect![[r#"
            c u 10.000-~100.999 60.000-90.999
        "#]],
    );
}

#[test]
fn a_duration_is_the_union_of_what_is_shown() {
    let lines = [
        "10.9 join u conn=k1 call=c",
        "20.1 leave u conn=k1 call=c",
        "15 join u conn=k2 call=c",
        "30.9 leave u conn=k2 call=c",
        "40 join u conn=k3 call=c",
    ];
    let events: Vec<Event> = lines.iter().enumerate().map(|(n, line)| event(n, line)).collect();
    let stays = fold_room(&at(), &events);
    assert_eq!(stays.len(), 1);
    assert_eq!(stays[0].duration_s(45), (30 - 10) + (45 - 40));
    assert_eq!(stays[0].duration_s(0), 20, "a clock that stands behind takes nothing away");
    assert_eq!((stays[0].created_unix_s(), stays[0].left_unix_s()), (10, None));
}
