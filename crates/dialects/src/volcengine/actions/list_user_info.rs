//! `ListUserInfo`: who was in a room, or in any room of an app, in a window of time.
//!
//! A row is one participant of one call, with all their joins and leaves. Which rows, in which
//! order and how their times add up is the log's business; here are the parameters and the names.

use std::collections::BTreeSet;

use domain::ids::{ParticipantId, RoomId};
use domain::log::{self, Access, Os, Stay, StayPage, StayQuery};
use serde::Serialize;

use super::Asked;
use super::windows::{Page, room, window, yes_or_no};
use crate::volcengine::action::Version;
use crate::volcengine::fault::{Code, Fault};
use crate::volcengine::time;

/// How long the window may be; a longer one is cut. V14.
const WINDOW_S_MAX: i64 = 6 * 3_600;
const USER_IDS_MAX: usize = 10;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct Answer {
    total: u64,
    page_num: u64,
    page_size: u32,
    user_list: Vec<Row>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    call_id: String,
    room_id: String,
    user_id: String,
    created_at: String,
    leave_at: String,
    access: &'static str,
    #[serde(rename = "OS")]
    os: &'static str,
    device_type: String,
    sdk_version: String,
    #[serde(rename = "Pub")]
    published: bool,
    duration: i64,
    finished: bool,
    record: Vec<Passage>,
}

/// One join or leave.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Passage {
    time: String,
    #[serde(rename = "Type")]
    kind: &'static str,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let (from_unix_s, until_unix_s) = window(asked, WINDOW_S_MAX)?;
    let page = Page::of(asked)?;
    let query = StayQuery {
        app: asked.app.id,
        room: find_room(asked)?,
        participants: participants(asked)?,
        with_servers: !yes_or_no(asked, "ExcludeServerUser")?.unwrap_or(true),
        from_unix_s,
        until_unix_s,
        offset: page.offset(),
        limit: page.size,
    };
    let StayPage { total, stays } = log::list_stays(asked.ctx, &query).await?;
    let show = Show {
        offset_s: asked.ctx.settings.time_zone_offset_s,
        now_unix_s: asked.ctx.clock.now_unix_s(),
    };
    let user_list = stays.iter().map(|stay| show.row(stay)).collect();
    Ok(Answer { total, page_num: page.num, page_size: page.size, user_list })
}

/// The room; `None` for all rooms, which the older version does not know.
fn find_room(asked: &Asked<'_>) -> Result<Option<RoomId>, Fault> {
    match (room(asked)?, asked.version) {
        (None, Version::V20201201) => Err(Fault::missing("RoomId")),
        (room, _) => Ok(room),
    }
}

/// Who; `None` for everybody. V16.
fn participants(asked: &Asked<'_>) -> Result<Option<BTreeSet<ParticipantId>>, Fault> {
    let Some(list) = asked.query.find_filled("UserId")? else { return Ok(None) };
    let mut given = list.split(',').filter(|id| !id.is_empty());
    let first: Vec<&str> = given.by_ref().take(USER_IDS_MAX).collect();
    if given.next().is_some() {
        let message = format!("UserId names more than {USER_IDS_MAX} users.");
        return Err(Fault::new(Code::UserCountOverLimit, message));
    }
    // QUIRK(volcengine): ids that nobody can have are dropped, as documented ("默认剔除"); a list of
    // which nothing is left means nobody. <https://www.volcengine.com/docs/6348/1186716>
    Ok(Some(first.into_iter().filter_map(|id| ParticipantId::parse(id).ok()).collect()))
}

/// How the times of an answer are shown.
struct Show {
    offset_s: i32,
    now_unix_s: i64,
}

impl Show {
    fn row(&self, stay: &Stay) -> Row {
        let left_unix_s = stay.left_unix_s();
        let mut record = Vec::with_capacity(2 * stay.spans.len());
        for span in &stay.spans {
            record.push(self.passage("join_room", span.joined_unix_us));
            let left = span.end.unix_us().map(|unix_us| self.passage("leave_room", unix_us));
            record.extend(left);
        }
        Row {
            call_id: stay.call.as_str().to_owned(),
            room_id: stay.room.as_str().to_owned(),
            user_id: stay.participant.as_str().to_owned(),
            created_at: self.second(stay.created_unix_s()),
            // Documented: empty while the user is online.
            leave_at: left_unix_s.map(|unix_s| self.second(unix_s)).unwrap_or_default(),
            access: access(stay.client.access),
            os: os(stay.client.os),
            device_type: stay.client.device.clone().unwrap_or_default(),
            sdk_version: stay.client.sdk_version.clone().unwrap_or_default(),
            published: stay.published,
            duration: stay.duration_s(self.now_unix_s),
            finished: left_unix_s.is_some(),
            record,
        }
    }

    fn passage(&self, kind: &'static str, unix_us: i64) -> Passage {
        Passage { time: self.second(domain::clock::whole_second(unix_us)), kind }
    }

    fn second(&self, unix_s: i64) -> String {
        time::render(unix_s, self.offset_s)
    }
}

pub(super) fn os(os: Option<Os>) -> &'static str {
    match os {
        Some(Os::Android) => "android",
        Some(Os::Ios) => "ios",
        Some(Os::Linux) => "linux",
        Some(Os::Mac) => "mac",
        Some(Os::Windows) => "windows",
        Some(Os::Web) => "web",
        Some(Os::Unknown) | None => "unknown",
    }
}

fn access(access: Option<Access>) -> &'static str {
    match access {
        Some(Access::G2) => "2g",
        Some(Access::G3) => "3g",
        Some(Access::G4) => "4g",
        Some(Access::G5) => "5g",
        Some(Access::Wifi) => "wifi",
        Some(Access::Unknown) | None => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{CallId, ConnectionId, Door, EventId, SourceName};
    use domain::log::{ClientFacts, Event, Fact, Presence, record};
    use domain::{Settings, app::Quirks};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::volcengine::signature::signing::NOW_UNIX_S;
    use crate::volcengine::testing::{APP, RTC_ID, World, get, wait};

    /// An hour before the present, 2026-11-21T09:02:43+08:00.
    const START_UNIX_S: i64 = NOW_UNIX_S - 3_600;
    const HOUR: &str = "StartTime=2026-11-21T09:02:43%2B08:00&EndTime=2026-11-21T10:02:43%2B08:00";

    fn lifted() -> World {
        let settings = Settings { documented_limits: false, ..Settings::default() };
        World::with(Quirks::default(), settings)
    }

    fn tell(world: &World, at_s: i64, fact: Fact) {
        let id = match &fact {
            Fact::Joined { who, .. } | Fact::Left { who, .. } => {
                format!("{at_s} {}", who.participant)
            }
            _ => at_s.to_string(),
        };
        let event = Event {
            app: APP,
            door: Door::parse("native").unwrap(),
            source: SourceName::parse("test").unwrap(),
            id: EventId::parse(&id).unwrap(),
            time_unix_us: (START_UNIX_S + at_s) * 1_000_000 + 500_000,
            fact,
        };
        wait(record(&world.ctx, vec![event])).unwrap();
    }

    fn who(room: &str, user: &str) -> Presence {
        Presence {
            room: RoomId::parse(room).unwrap(),
            call: Some(CallId::parse("call-1").unwrap()),
            participant: ParticipantId::parse(user).unwrap(),
            connection: Some(ConnectionId::parse(&format!("c-{user}")).unwrap()),
        }
    }

    fn join(world: &World, at_s: i64, user: &str, os: &str) {
        let facts =
            [("os.name", os), ("network.connection.type", "wifi"), ("rtc.sdk.version", "1")];
        let client = ClientFacts::from_attributes(facts);
        tell(world, at_s, Fact::Joined { who: who("Room1", user), sole: false, client });
    }

    fn leave(world: &World, at_s: i64, user: &str) {
        let client = ClientFacts::default();
        tell(world, at_s, Fact::Left { who: who("Room1", user), joined_unix_us: None, client });
    }

    fn query(parameters: &str) -> String {
        format!("Action=ListUserInfo&Version=2023-11-01&AppId={RTC_ID}&{parameters}")
    }

    fn check(world: &World, parameters: &str, expected: Expect) {
        world.check(get(&query(parameters)), expected);
    }

    /// Total, and who is on the page.
    fn seen(world: &World, parameters: &str) -> String {
        let told = world.ask(get(&query(parameters)));
        let page: serde_json::Value = serde_json::from_str(&told[4..]).unwrap();
        let rows = page["UserList"].as_array().unwrap().iter();
        let users: Vec<&str> = rows.map(|row| row["UserId"].as_str().unwrap()).collect();
        format!("{} {}", page["Total"], users.join(","))
    }

    #[test]
    fn a_row_is_a_user_of_a_call() {
        let world = World::new();
        join(&world, 0, "user1", "ios");
        leave(&world, 11, "user1");
        join(&world, 21, "user1", "ios");
        tell(&world, 22, Fact::Published { who: who("Room1", "user1") });
        leave(&world, 32, "user1");
        join(&world, 40, "user2", "BeOS");
        check(
            &world,
            HOUR,
            expect![[
                r#"200 {"PageNum":1,"PageSize":20,"Total":2,"UserList":[{"Access":"wifi","CallId":"call-1","CreatedAt":"2026-11-21T09:02:43+08:00","DeviceType":"","Duration":22,"Finished":true,"LeaveAt":"2026-11-21T09:03:15+08:00","OS":"ios","Pub":true,"Record":[{"Time":"2026-11-21T09:02:43+08:00","Type":"join_room"},{"Time":"2026-11-21T09:02:54+08:00","Type":"leave_room"},{"Time":"2026-11-21T09:03:04+08:00","Type":"join_room"},{"Time":"2026-11-21T09:03:15+08:00","Type":"leave_room"}],"RoomId":"Room1","SdkVersion":"1","UserId":"user1"},{"Access":"wifi","CallId":"call-1","CreatedAt":"2026-11-21T09:03:23+08:00","DeviceType":"","Duration":3560,"Finished":false,"LeaveAt":"","OS":"unknown","Pub":false,"Record":[{"Time":"2026-11-21T09:03:23+08:00","Type":"join_room"}],"RoomId":"Room1","SdkVersion":"1","UserId":"user2"}]}"#
            ]],
        );
    }

    #[test]
    fn rows_are_selected_by_room_user_and_kind() {
        let world = World::new();
        for user in ["a", "b", "recorder"] {
            join(&world, 1, user, if user == "recorder" { "linux" } else { "web" });
        }
        let seen = |more: &str| seen(&world, &format!("{HOUR}{more}"));
        assert_eq!(seen(""), "2 a,b");
        assert_eq!(seen("&RoomId="), "2 a,b");
        assert_eq!(seen("&RoomId=Room1"), "2 a,b");
        assert_eq!(seen("&RoomId=room1"), "0 ");
        assert_eq!(seen("&UserId="), "2 a,b");
        assert_eq!(seen("&UserId=b%2Cnobody"), "1 b");
        assert_eq!(seen("&UserId=b,b,,"), "1 b");
        assert_eq!(seen("&UserId=,"), "0 ", "all of the list was dropped");
        assert_eq!(seen(&format!("&UserId={}", "x".repeat(257))), "0 ");
        assert_eq!(seen(&format!("&UserId=a,{}", "x".repeat(257))), "1 a");
        assert_eq!(seen("&UserId=1,2,3,4,5,6,7,8,9,a"), "1 a");
        assert_eq!(seen("&ExcludeServerUser=True"), "2 a,b");
        assert_eq!(seen("&ExcludeServerUser=FALSE"), "3 a,b,recorder");
        let more = |more: &str| format!("{HOUR}{more}");
        check(
            &world,
            &more("&UserId=1,2,3,4,5,6,7,8,9,a,b"),
            expect![
                "400 InvalidParameter.UserCountOverLimit 990009 UserId names more than 10 users."
            ],
        );
        check(
            &world,
            &more("&ExcludeServerUser=1"),
            expect!["400 InvalidParameter 990001 ExcludeServerUser must be true or false."],
        );
        check(
            &world,
            &more(&format!("&RoomId={}", "r".repeat(257))),
            expect![
                "400 InvalidParameter.IllegalRoomID 990004 RoomId cannot be one: it has more than 256 bytes."
            ],
        );
        check(
            &world,
            &more("&RoomId=%00"),
            expect![
                "400 InvalidParameter.IllegalRoomID 990004 RoomId cannot be one: it holds the character U+0000."
            ],
        );
        check(
            &world,
            &more("&RoomId=a&RoomId=b"),
            expect!["400 InvalidParameter 990001 The parameter RoomId is given more than once."],
        );
    }

    #[test]
    fn the_older_version_asks_for_one_room() {
        let world = World::new();
        join(&world, 1, "a", "web");
        let ask = |more: &str| world.ask(get(&query(more).replace("2023-11-01", "2020-12-01")));
        expect!["400 MissingParameter 100002 The request is missing RoomId parameter."]
            .assert_eq(&ask(HOUR));
        expect!["400 MissingParameter 100002 The request is missing RoomId parameter."]
            .assert_eq(&ask(&format!("{HOUR}&RoomId=")));
        assert!(ask(&format!("{HOUR}&RoomId=Room1")).contains(r#""Total":1"#));
    }

    #[test]
    fn pages_begin_at_1_and_have_100_rows_at_most() {
        let world = World::new();
        for user in ["a", "b", "c"] {
            join(&world, 1, user, "web");
        }
        let seen = |more: &str| seen(&world, &format!("{HOUR}{more}"));
        assert_eq!(seen("&PageSize=2"), "3 a,b");
        assert_eq!(seen("&PageSize=2&PageNum=2"), "3 c");
        assert_eq!(seen("&PageSize=2&PageNum=3"), "3 ");
        assert_eq!(seen("&PageNum=1000000000"), "3 ");
        assert_eq!(seen("&PageSize=100&PageNum=9223372036854775807"), "3 ");
        let page = |more: &str| world.ask(get(&query(&format!("{HOUR}&UserId=x{more}"))));
        expect![[r#"200 {"PageNum":1,"PageSize":100,"Total":0,"UserList":[]}"#]]
            .assert_eq(&page("&PageSize=101"));
        expect![[r#"200 {"PageNum":1,"PageSize":100,"Total":0,"UserList":[]}"#]]
            .assert_eq(&page("&PageSize=9223372036854775807&PageNum="));
        let refused = page("&PageNum=0");
        expect!["400 InvalidParameter 990001 PageNum must be a Long of at least 1."]
            .assert_eq(&refused);
        for number in ["-1", "one", "1.0", "1e9", "%2B1", "+1", "9223372036854775808", "%EF%BC%91"]
        {
            assert_eq!(page(&format!("&PageNum={number}")), refused, "{number}");
            let size = page(&format!("&PageSize={number}"));
            assert_eq!(size, refused.replace("PageNum", "PageSize"), "{number}");
        }
    }

    #[test]
    fn a_window_is_of_rfc_3339_times() {
        let world = World::new();
        join(&world, 0, "a", "web");
        leave(&world, 60, "a");
        let between = |start: &str, end: &str| format!("StartTime={start}&EndTime={end}");
        let seen = |start: &str, end: &str| seen(&world, &between(start, end));
        // Both ends are included, in whole seconds.
        assert_eq!(seen("2026-11-21T01:00:00Z", "2026-11-21T01:02:43Z"), "1 a");
        assert_eq!(seen("2026-11-21T01:00:00Z", "2026-11-21T01:02:42.999Z"), "0 ");
        assert_eq!(seen("2026-11-21T01:03:43.999Z", "2026-11-21T02:00:00Z"), "1 a");
        assert_eq!(seen("2026-11-21T01:03:44Z", "2026-11-21T02:00:00Z"), "0 ");
        assert_eq!(seen("2026-11-21T09:03:00+08:00", "2026-11-21T09:03:00%2008:00"), "1 a");
        let ask = |start: &str, end: &str| world.ask(get(&query(&between(start, end))));
        let soon = "2026-11-21T02:02:43Z";
        expect!["400 InvalidParameter 990001 StartTime must be RFC 3339, like 2022-05-22T12:00:00+08:00."].assert_eq(&ask("yesterday", soon));
        expect![
            "400 InvalidParameter 990001 EndTime must be RFC 3339, like 2022-05-22T12:00:00+08:00."
        ]
        .assert_eq(&ask(soon, "1795226563"));
        expect!["400 MissingParameter 100002 The request is missing StartTime parameter."]
            .assert_eq(&ask("", soon));
        expect!["400 MissingParameter 100002 The request is missing EndTime parameter."]
            .assert_eq(&ask(soon, ""));
        expect!["400 InvalidParameter.StartTimeAfterEndTime 990002 EndTime is before StartTime."]
            .assert_eq(&ask(soon, "2026-11-21T02:02:42Z"));
    }

    #[test]
    fn a_window_is_6_hours_long_and_14_days_old_at_most() {
        let (world, lifted) = (World::new(), lifted());
        for world in [&world, &lifted] {
            join(world, 0, "a", "web");
            leave(world, 60, "a");
        }
        let ask = |world, start: &str, end: &str| {
            seen(world, &format!("StartTime={start}&EndTime={end}"))
        };
        let now = "2026-11-21T02:02:43Z";
        // The join is at 01:02:43.
        assert_eq!(ask(&world, "2026-11-20T19:02:43Z", now), "1 a");
        assert_eq!(ask(&world, "2026-11-20T19:02:42Z", now), "0 ");
        assert_eq!(ask(&world, "2026-11-07T02:02:43Z", now), "0 ");
        let older = format!("StartTime=2026-11-07T02:02:42Z&EndTime={now}");
        check(
            &world,
            &older,
            expect![
                "400 InvalidParameter.OutofTimeRange 990003 StartTime is more than 14 days ago."
            ],
        );
        assert_eq!(ask(&lifted, "2026-11-07T02:02:42Z", now), "1 a");
        assert_eq!(ask(&lifted, "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), "1 a");
    }
}
