//! `ListRoomInfo`: which calls began in a window of time, and how far each has come.
//!
//! A row is a call: if a room had several, it has several rows. Unlike the stays of `ListUserInfo`,
//! which overlap the window, a call must have begun in it, as documented.

use domain::context::DAY_S;
use domain::log::calls::{Call, CallQuery, list_calls};
use serde::Serialize;

use super::Asked;
use super::windows::{Page, room, window};
use crate::volcengine::fault::Fault;
use crate::volcengine::time;

/// How long the window may be; a longer one is cut. V14.
const WINDOW_S_MAX: i64 = DAY_S;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct Answer {
    total: u64,
    page_num: u64,
    page_size: u32,
    has_more: bool,
    room_list: Vec<Row>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    call_id: String,
    room_id: String,
    created_time: String,
    destroy_time: String,
    active_user_num: u64,
    is_finished: bool,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let (from_unix_s, until_unix_s) = window(asked, WINDOW_S_MAX)?;
    let page = Page::of(asked)?;
    let query = CallQuery {
        app: asked.app.id,
        room: room(asked)?,
        from_unix_s,
        until_unix_s,
        offset: page.offset(),
        limit: page.size,
    };
    let found = list_calls(asked.ctx, &query).await?;
    let second = |unix_s| time::render(unix_s, asked.ctx.settings.time_zone_offset_s);
    let row = |call: Call| Row {
        call_id: call.call.as_str().to_owned(),
        room_id: call.room.as_str().to_owned(),
        created_time: second(call.created_unix_s),
        // Documented: empty while the call is not over.
        destroy_time: call.ended_unix_s.map(second).unwrap_or_default(),
        active_user_num: call.present,
        is_finished: call.ended_unix_s.is_some(),
    };
    Ok(Answer {
        total: found.total,
        page_num: page.num,
        page_size: page.size,
        has_more: found.more,
        room_list: found.calls.into_iter().map(row).collect(),
    })
}

#[cfg(test)]
mod tests {
    use domain::app::Quirks;
    use domain::{Settings, ids, log};
    use expect_test::{Expect, expect};

    use crate::volcengine::testing::{RTC_ID, World, get};

    /// The hour before the present, which is 2026-11-21T10:02:43+08:00.
    const HOUR: &str = "StartTime=2026-11-21T09:02:43%2B08:00&EndTime=2026-11-21T10:02:43%2B08:00";

    fn query(parameters: &str) -> String {
        format!("Action=ListRoomInfo&Version=2023-11-01&AppId={RTC_ID}&{parameters}")
    }

    fn check(world: &World, parameters: &str, expected: Expect) {
        world.check(get(&query(parameters)), expected);
    }

    /// Total, and which calls are on the page, with how many are there and when each was over.
    fn seen(world: &World, parameters: &str) -> String {
        let told = world.ask(get(&query(parameters)));
        let page: serde_json::Value = serde_json::from_str(&told[4..]).unwrap();
        let rows = page["RoomList"].as_array().unwrap().iter();
        let shown = rows.map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let over = text("DestroyTime");
            assert_eq!(row["IsFinished"], !over.is_empty(), "{row}");
            let over = over.get(11..19).unwrap_or("..");
            format!("{}/{} {} {over}", text("RoomId"), text("CallId"), row["ActiveUserNum"])
        });
        assert_eq!(page["HasMore"], false);
        format!("{} {}", page["Total"], shown.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn a_row_is_a_call() {
        let world = World::new();
        world.join(-3_000, ("Room1", "call-1"), "a", "web");
        world.join(-2_900, ("Room1", "call-1"), "recorder", "linux");
        world.leave(-2_800, ("Room1", "call-1"), "a");
        world.leave(-2_700, ("Room1", "call-1"), "recorder");
        world.join(-2_000, ("Room1", "call-2"), "a", "web");
        world.join(-1_900, ("Room1", "call-2"), "b", "ios");
        world.join(-1_800, ("Room1", "call-2"), "recorder", "linux");
        world.leave(-1_700, ("Room1", "call-2"), "b");
        check(
            &world,
            HOUR,
            expect![[
                r#"200 {"HasMore":false,"PageNum":1,"PageSize":20,"RoomList":[{"ActiveUserNum":0,"CallId":"call-1","CreatedTime":"2026-11-21T09:12:43+08:00","DestroyTime":"2026-11-21T09:17:43+08:00","IsFinished":true,"RoomId":"Room1"},{"ActiveUserNum":2,"CallId":"call-2","CreatedTime":"2026-11-21T09:29:23+08:00","DestroyTime":"","IsFinished":false,"RoomId":"Room1"}],"Total":2}"#
            ]],
        );
        check(
            &world,
            &format!("{HOUR}&RoomId=room1"),
            expect![[r#"200 {"HasMore":false,"PageNum":1,"PageSize":20,"RoomList":[],"Total":0}"#]],
        );
    }

    #[test]
    fn a_call_must_have_begun_in_the_window() {
        let world = World::new();
        // Until the hour and into it; through all of it; before it, empty for a while, and again.
        world.join(-4_000, ("r", "before"), "a", "web");
        world.leave(-3_500, ("r", "before"), "a");
        world.join(-4_000, ("s", "through"), "a", "web");
        world.join(-3_000, ("s", "through"), "b", "web");
        world.join(-4_000, ("t", "again"), "a", "web");
        world.leave(-3_900, ("t", "again"), "a");
        world.join(-3_000, ("t", "again"), "b", "web");
        // At its first and its last second; and one of the same room as an earlier call.
        world.join(-3_600, ("u", "first"), "a", "web");
        world.join(0, ("v", "last"), "a", "web");
        world.join(1, ("w", "after"), "a", "web");
        world.join(-2_000, ("t", "next"), "c", "web");
        assert_eq!(seen(&world, HOUR), "3 u/first 1 .., t/next 1 .., v/last 1 ..",);
        assert_eq!(seen(&world, &format!("{HOUR}&RoomId=t")), "1 t/next 1 ..");
        assert_eq!(seen(&world, &format!("{HOUR}&RoomId=s")), "0 ");
        let earlier = "StartTime=2026-11-21T08:52:43%2B08:00&EndTime=2026-11-21T09:02:42%2B08:00";
        assert_eq!(
            seen(&world, earlier),
            "3 r/before 0 09:04:23, s/through 2 .., t/again 0 09:12:43",
        );
    }

    #[test]
    fn a_call_is_over_with_its_last_leave_even_if_that_is_after_the_window() {
        let world = World::new();
        world.join(-3_600, ("r", "c"), "a", "web");
        world.join(-1_000, ("r", "c"), "b", "web");
        world.leave(-500, ("r", "c"), "a");
        let early = "StartTime=2026-11-21T09:02:43%2B08:00&EndTime=2026-11-21T09:02:43%2B08:00";
        assert_eq!(seen(&world, early), "1 r/c 1 ..");
        world.leave(-400, ("r", "c"), "b");
        assert_eq!(seen(&world, early), "1 r/c 0 09:56:03");
        // Two connections of one user are one user.
        world.join(-300, ("r", "c"), "x", "web");
        let who = log::Presence {
            room: ids::RoomId::parse("r").unwrap(),
            call: Some(ids::CallId::parse("c").unwrap()),
            participant: ids::ParticipantId::parse("x").unwrap(),
            connection: Some(ids::ConnectionId::parse("second").unwrap()),
        };
        let client = log::ClientFacts::default();
        world.tell(-200, log::Fact::Joined { who, sole: false, client });
        assert_eq!(seen(&world, early), "1 r/c 1 ..");
    }

    #[test]
    fn pages_are_in_the_order_of_beginning() {
        let world = World::new();
        for (at_s, room) in [(-30, "c"), (-20, "b"), (-20, "a"), (-10, "d")] {
            world.join(at_s, (room, "x"), "u", "web");
        }
        let all = "c/x 1 .., a/x 1 .., b/x 1 .., d/x 1 ..";
        assert_eq!(seen(&world, HOUR), format!("4 {all}"));
        let page = |more: &str| seen(&world, &format!("{HOUR}{more}"));
        assert_eq!(page("&PageSize=3"), "4 c/x 1 .., a/x 1 .., b/x 1 ..");
        assert_eq!(page("&PageSize=3&PageNum=2"), "4 d/x 1 ..");
        assert_eq!(page("&PageSize=100&PageNum=9223372036854775807"), "4 ");
        assert_eq!(page("&PageSize=500"), format!("4 {all}"));
        let older = query(HOUR).replace("2023-11-01", "2020-12-01");
        assert!(world.ask(get(&older)).contains(r#""Total":4"#), "RoomId is optional there too");
    }

    #[test]
    fn a_window_is_24_hours_long_and_14_days_old_at_most() {
        let world = World::new();
        let settings = Settings { documented_limits: false, ..Settings::default() };
        let lifted = World::with(Quirks::default(), settings);
        for world in [&world, &lifted] {
            world.join(0, ("r", "c"), "a", "web");
        }
        let ask = |world, start: &str| {
            seen(world, &format!("StartTime={start}&EndTime=2026-11-21T02:02:43Z"))
        };
        assert_eq!(ask(&world, "2026-11-20T02:02:43Z"), "1 r/c 1 ..");
        assert_eq!(ask(&world, "2026-11-20T02:02:42Z"), "0 ");
        assert_eq!(ask(&lifted, "2026-11-20T02:02:42Z"), "1 r/c 1 ..");
        assert_eq!(ask(&lifted, "0000-01-01T00:00:00Z"), "1 r/c 1 ..");
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let world = World::new();
        let told = [
            "EndTime=2026-11-21T02:02:43Z".to_owned(),
            "StartTime=2026-11-21T02:02:43Z".to_owned(),
            "StartTime=yesterday&EndTime=2026-11-21T02:02:43Z".to_owned(),
            "StartTime=2026-11-21T02:02:43Z&EndTime=2026-11-21T02:02:42Z".to_owned(),
            "StartTime=2026-11-07T02:02:42Z&EndTime=2026-11-21T02:02:42Z".to_owned(),
            format!("{HOUR}&PageNum=0"),
            format!("{HOUR}&PageSize=one"),
            format!("{HOUR}&RoomId=%00"),
            format!("{HOUR}&RoomId={}", "r".repeat(257)),
        ]
        .map(|parameters| world.ask(get(&query(&parameters))));
        expect![[r#"
            400 MissingParameter 100002 The request is missing StartTime parameter.
            400 MissingParameter 100002 The request is missing EndTime parameter.
            400 InvalidParameter 990001 StartTime must be RFC 3339, like 2022-05-22T12:00:00+08:00.
            400 InvalidParameter.StartTimeAfterEndTime 990002 EndTime is before StartTime.
            400 InvalidParameter.OutofTimeRange 990003 StartTime is more than 14 days ago.
            400 InvalidParameter 990001 PageNum must be a Long of at least 1.
            400 InvalidParameter 990001 PageSize must be a Long of at least 1.
            400 InvalidParameter.IllegalRoomID 990004 RoomId cannot be one: it holds the character U+0000.
            400 InvalidParameter.IllegalRoomID 990004 RoomId cannot be one: it has more than 256 bytes."#]].assert_eq(&told.join("\n"));
    }

    fn joined((room, call): (&str, &str), participant: &str) -> log::Fact {
        let client = log::ClientFacts::default();
        let who = log::Presence {
            room: ids::RoomId::parse(room).unwrap(),
            call: Some(ids::CallId::parse(call).unwrap()),
            participant: ids::ParticipantId::parse(participant).unwrap(),
            connection: Some(ids::ConnectionId::parse("k").unwrap()),
        };
        log::Fact::Joined { who, sole: false, client }
    }

    #[test]
    fn more_stays_than_are_read_at_once_hide_no_call_and_nobody() {
        let world = World::new();
        let early = -3_500;
        world.join(early - 200, ("r", "before"), "a", "web");
        // One room with more people than are read at once, between two others.
        world.join(early, ("a", "first"), "a", "web");
        let crowd = log::pages::READ_MAX + 5;
        world.tell_all(early + 1, (0..crowd).map(|n| joined(("b", "crowd"), &n.to_string())));
        world.join(early + 2, ("c", "last"), "a", "web");
        assert_eq!(seen(&world, HOUR), "3 a/first 1 .., b/crowd 10005 .., c/last 1 ..");
        let later = "StartTime=2026-11-21T09:04:25%2B08:00&EndTime=2026-11-21T10:02:43%2B08:00";
        // The crowd's call had begun, and so many stays of its room are before the window.
        world.tell_all(early + 3, [joined(("b", "crowd"), "late")]);
        assert_eq!(seen(&world, later), "1 c/last 1 ..");
        // Of who is there, too.
        let ask = format!("Action=GetRoomOnlineUsers&Version=2023-11-01&AppId={RTC_ID}&RoomId=b");
        let told = world.ask(get(&ask));
        let told: serde_json::Value = serde_json::from_str(&told[4..]).unwrap();
        let listed = told["VisibleUserList"].as_array().unwrap().len();
        assert_eq!((told["TotalUser"].as_u64(), listed), (Some(10_006), 10_006));
        let leave = |who: String| match joined(("b", "crowd"), &who) {
            log::Fact::Joined { who, client, .. } => {
                log::Fact::Left { who, joined_unix_us: None, client }
            }
            other => other,
        };
        world.tell_all(early + 10, (0..crowd).map(|n| leave(n.to_string())));
        assert_eq!(seen(&world, &format!("{HOUR}&RoomId=b")), "1 b/crowd 1 ..");
        world.tell_all(early + 20, [leave("late".to_owned())]);
        assert_eq!(seen(&world, &format!("{HOUR}&RoomId=b")), "1 b/crowd 0 09:04:43");
    }
}
