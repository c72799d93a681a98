//! `GetRoomOnlineUsers`: who is in a room now, by text ids.

use domain::log::{self, Person};
use serde::Serialize;

use super::Asked;
use super::windows::{room, yes_or_no};
use crate::volcengine::fault::{Code, Fault};

/// QUIRK(volcengine): of a room that does not exist nothing else is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct Answer {
    room_exists: bool,
    #[serde(flatten)]
    there: Option<There>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct There {
    total_user: u64,
    total_invisible_user: u64,
    visible_user_list: Vec<String>,
    invisible_user_list: Vec<String>,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let room = room(asked)?.ok_or_else(|| Fault::missing("RoomId"))?;
    if yes_or_no(asked, "Property")? == Some(true) {
        let message = "Property=true is not answered here; ask without it.";
        return Err(Fault::new(Code::InvalidParameter, message));
    }
    let log::Present { people, more } =
        log::who_is_in(asked.ctx, asked.app.id, &room, None).await?;
    if people.is_empty() {
        return Ok(Answer { room_exists: false, there: None });
    }
    let id = |person: &Person| person.participant.as_str().to_owned();
    let there = There {
        // Those beyond what is told apart are counted by their stays, and not listed.
        total_user: people.len() as u64 + more,
        // V31. The log tells who was there, not who was seen.
        total_invisible_user: 0,
        visible_user_list: people.iter().map(id).collect(),
        invisible_user_list: vec![],
    };
    Ok(Answer { room_exists: true, there: Some(there) })
}

#[cfg(test)]
mod tests {
    use domain::Settings;
    use domain::app::Quirks;
    use expect_test::expect;

    use crate::volcengine::testing::{RTC_ID, World, get};

    fn ask(world: &World, parameters: &str) -> String {
        let query = "Action=GetRoomOnlineUsers&Version=2023-11-01";
        world.ask(get(&format!("{query}&AppId={RTC_ID}{parameters}")))
    }

    #[test]
    fn tells_who_is_there_in_the_order_of_their_coming() {
        let world = World::new();
        world.join(-60, ("Room1", "call-1"), "zoe", "web");
        world.join(-50, ("Room1", "call-1"), "recorder", "linux");
        world.join(-40, ("Room1", "call-1"), "张三", "ios");
        world.join(-70, ("Room1", "call-1"), "gone", "ios");
        world.leave(-10, ("Room1", "call-1"), "gone");
        world.join(-70, ("Room1", "call-1"), "soon", "ios");
        world.leave(60, ("Room1", "call-1"), "soon");
        world.join(-70, ("over", "call-2"), "gone", "ios");
        world.leave(-10, ("over", "call-2"), "gone");
        expect![[r#"200 {"InvisibleUserList":[],"RoomExists":true,"TotalInvisibleUser":0,"TotalUser":3,"VisibleUserList":["zoe","recorder","张三"]}"#]].assert_eq(&ask(&world, "&RoomId=Room1"));
        assert_eq!(
            ask(&world, "&RoomId=Room1&Property=False&RoleType=0"),
            ask(&world, "&RoomId=Room1")
        );
        expect![[r#"200 {"RoomExists":false}"#]].assert_eq(&ask(&world, "&RoomId=over"));
        assert_eq!(ask(&world, "&RoomId=room1"), ask(&world, "&RoomId=over"));
    }

    #[test]
    fn asks_for_one_room() {
        let world = World::with(Quirks::default(), Settings::default());
        let told = [
            "",
            "&RoomId=",
            "&RoomId=%00",
            "&RoomId=a&RoomId=b",
            "&RoomId=a&Property=true",
            "&RoomId=a&Property=1",
            &format!("&RoomId={}", "r".repeat(257)),
        ]
        .map(|parameters| ask(&world, parameters));
        expect![[r#"
            400 MissingParameter 100002 The request is missing RoomId parameter.
            400 MissingParameter 100002 The request is missing RoomId parameter.
            400 InvalidParameter.IllegalRoomID 990004 RoomId cannot be one: it holds the character U+0000.
            400 InvalidParameter 990001 The parameter RoomId is given more than once.
            400 InvalidParameter 990001 Property=true is not answered here; ask without it.
            400 InvalidParameter 990001 Property must be true or false.
            400 InvalidParameter.IllegalRoomID 990004 RoomId cannot be one: it has more than 256 bytes."#]].assert_eq(&told.join("\n"));
    }
}
