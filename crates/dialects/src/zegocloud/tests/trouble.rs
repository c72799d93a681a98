//! Quotas, and what the server cannot do now.

use async_trait::async_trait;
use domain::broadcast::{Added, Broadcast, Broadcasts, Message, Open, Progress, Quota, Refusal};
use domain::erasure::{Erased, Erasures};
use domain::error::{EngineError, Error};
use domain::ids::ParticipantId;
use domain::log::dead::{DeadLetter, LetterPage};
use domain::log::{Event, LogFigures, OpenCall, StayPage, StayQuery};
use domain::presence::{Connections, Forgotten, Noted, Presences, Sighting};
use domain::store::{Appended, Look, Registration, Retired, Update, Walked};
use domain::users::store::{Directory, TagCount, Tagged, Unregistered};
use domain::users::tags::TagChange;
use domain::users::{ProfileChange, User};

use super::*;

#[test]
fn calls_beyond_the_quota_are_refused() {
    let world = world_with(Settings::default(), Memory::default());
    // Signed, but with a bad body: what is refused counts too. Without the secret nothing counts.
    let refused = || Sent { body: vec![], ..Sent::new() };
    let stranger = || Sent { signature: Some("0".repeat(32)), ..Sent::new() };
    for _ in 0..1_000 {
        assert_eq!(world.ask(stranger().write()).outcome, "100000005");
    }
    // The quota's own clock runs on meanwhile, so more than twenty may pass.
    let answers = std::iter::repeat_with(|| world.ask(refused().write())).take(10_000);
    let is_refused = |(_, answered): &(usize, Answered)| answered.outcome != "660000002";
    let (passed, answered) = answers.enumerate().find(is_refused).expect("a refusal");
    assert!(passed >= 20, "{passed}");
    expect![[r#"
        660300005 to 12345, QueryUserInfos
        QueryUserInfos is called more than 20 times a second by this AppId
        Result []
        ErrorList []
    "#]]
    .assert_eq(&show(&answered));
}

#[test]
fn each_action_says_in_its_own_code_that_it_is_called_too_often() {
    let mut told = String::new();
    for action in Action::ALL {
        let world = world_with(Settings::default(), Memory::default());
        let ask = || {
            let sent = Sent { action: Some(action.name().into()), body: vec![], ..Sent::new() };
            world.ask(sent.write()).outcome
        };
        let first = ask();
        let outcome = std::iter::repeat_with(ask).take(10_000).find(|outcome| *outcome != first);
        told += &format!("{} {}\n", action.name(), outcome.expect("a refusal"));
    }
    expect![[r#"
        QueryUserInfos 660300005
        UserRegister 660700001
        RobotRegister 660700001
        ModifyUserInfo 660300005
        QueryUserOnlineState 660300005
        SendMessageToAllUsers 660500003
        DescribeUserList 206
        DescribeUserNum 206
        DescribeUsers 206
    "#]]
    .assert_eq(&told);
}

#[test]
fn tells_what_the_server_could_not_take_in() {
    let world = world();
    let check = |why, expected: Expect| {
        let answered = refuse(&world.ctx, &world.state, why);
        check_shape(&answered);
        expected.assert_eq(&show(&answered));
    };
    check(
        Unserved::BodyTooLarge,
        expect![[r#"
            100000012 to nobody, unknown
            the body has more than 1048576 bytes
        "#]],
    );
    check(
        Unserved::BodyUnread,
        expect![[r#"
            100000012 to nobody, unknown
            the body did not arrive whole
        "#]],
    );
    check(
        Unserved::Busy,
        expect![[r#"
            1 to nobody, unknown
            the server is busy; send the request again a little later
        "#]],
    );
}

/// A store that can only fail.
struct Failing(Error);

#[async_trait]
impl Erasures for Failing {
    async fn erase_events(
        &self,
        _: AppId,
        _: &ParticipantId,
        _: Option<&[u8]>,
        _: u32,
    ) -> domain::Result<Erased> {
        Err(self.0.clone())
    }
}

#[async_trait]
impl Presences for Failing {
    async fn note_sightings(&self, _: Vec<Sighting>) -> domain::Result<Vec<Noted>> {
        Err(self.0.clone())
    }

    async fn find_connections(&self, _: AppId, _: &[UserId]) -> domain::Result<Vec<Connections>> {
        Err(self.0.clone())
    }

    async fn forget_sightings(
        &self,
        _: i64,
        _: Option<&[u8]>,
        _: u32,
    ) -> domain::Result<Forgotten> {
        Err(self.0.clone())
    }

    async fn remove_sightings(&self, _: AppId, _: &UserId) -> domain::Result<u64> {
        Err(self.0.clone())
    }
}

#[async_trait]
impl Directory for Failing {
    async fn unregister_users(
        &self,
        _: AppId,
        _: Vec<UserId>,
        _: i64,
    ) -> domain::Result<Vec<Unregistered>> {
        Err(self.0.clone())
    }

    async fn update_tags(
        &self,
        _: AppId,
        _: Vec<UserId>,
        _: TagChange,
        _: i64,
    ) -> domain::Result<Vec<Tagged>> {
        Err(self.0.clone())
    }

    async fn list_tags(
        &self,
        _: AppId,
        _: &str,
        _: Option<&str>,
        _: u32,
    ) -> domain::Result<Vec<TagCount>> {
        Err(self.0.clone())
    }

    async fn count_tagged(&self, _: AppId, _: Option<&str>) -> domain::Result<Option<u64>> {
        Err(self.0.clone())
    }

    async fn walk_tagged(
        &self,
        _: AppId,
        _: &[&str],
        _: Option<&[u8]>,
        _: u32,
    ) -> domain::Result<Walked<User>> {
        Err(self.0.clone())
    }
}

#[async_trait]
impl Store for Failing {
    async fn register_users(
        &self,
        _: AppId,
        _: Vec<NewUser>,
        _: IfTaken,
        _: i64,
    ) -> domain::Result<Vec<Registration>> {
        Err(self.0.clone())
    }

    async fn update_users(
        &self,
        _: AppId,
        _: Vec<(UserId, ProfileChange)>,
        _: i64,
    ) -> domain::Result<Vec<Update>> {
        Err(self.0.clone())
    }

    async fn look_at_users(&self, _: AppId, _: &[UserId], _: &mut Look<'_>) -> domain::Result<()> {
        Err(self.0.clone())
    }

    async fn append_events(&self, _: Vec<Event>) -> domain::Result<Vec<Appended>> {
        Err(self.0.clone())
    }

    async fn page_of_stays(&self, _: &StayQuery) -> domain::Result<StayPage> {
        Err(self.0.clone())
    }

    async fn open_calls(&self, _: AppId, _: i64, _: u32) -> domain::Result<Vec<OpenCall>> {
        Err(self.0.clone())
    }

    async fn log_figures(&self) -> domain::Result<LogFigures> {
        Err(self.0.clone())
    }

    async fn retire(&self, _: i64, _: usize) -> domain::Result<Retired> {
        Err(self.0.clone())
    }

    async fn keep_dead_letters(&self, _: Vec<DeadLetter>) -> domain::Result<Vec<u64>> {
        Err(self.0.clone())
    }

    async fn list_dead_letters(
        &self,
        _: AppId,
        _: Option<u64>,
        _: u32,
    ) -> domain::Result<LetterPage> {
        Err(self.0.clone())
    }

    async fn remove_dead_letters(&self, _: AppId, _: Vec<u64>) -> domain::Result<u64> {
        Err(self.0.clone())
    }

    fn ready(&self) -> domain::Result<()> {
        Err(self.0.clone())
    }
}

#[async_trait]
impl Broadcasts for Failing {
    async fn add_broadcast(&self, _: AppId, _: Message, _: Option<Quota>) -> domain::Result<Added> {
        Err(self.0.clone())
    }

    async fn find_broadcast(&self, _: AppId, _: u64) -> domain::Result<Option<Broadcast>> {
        Err(self.0.clone())
    }

    async fn list_broadcasts(
        &self,
        _: AppId,
        _: Option<u64>,
        _: u32,
    ) -> domain::Result<Vec<Broadcast>> {
        Err(self.0.clone())
    }

    async fn open_broadcasts(&self, _: AppId) -> domain::Result<Open> {
        Err(self.0.clone())
    }

    async fn save_progress(&self, _: AppId, _: u64, _: Progress) -> domain::Result<bool> {
        Err(self.0.clone())
    }

    async fn give_up_damaged(&self, _: AppId, _: u64, _: Refusal, _: i64) -> domain::Result<bool> {
        Err(self.0.clone())
    }

    async fn retire_broadcasts(&self, _: AppId, _: i64) -> domain::Result<u64> {
        Err(self.0.clone())
    }

    fn is_shared(&self) -> bool {
        false
    }
}

#[test]
fn a_failing_store_is_told_to_the_log_only() {
    let check = |error: Error, expected: Expect| {
        let world = world_with(Settings::default(), Failing(error));
        let answered = world.ask(Sent::new().write());
        let cause = answered.cause.as_ref().expect("a cause");
        expected.assert_eq(&format!("{cause:?}\n{}", show(&answered)));
    };
    let engine = EngineError::new(std::io::Error::other("MDB_CORRUPTED"));
    let world = world_with(Settings::default(), Failing(Error::Engine(engine.clone())));
    let sent = Sent {
        action: Some("ModifyUserInfo".into()),
        body: br#"{"UserInfo":[{"UserId":"userA"}]}"#.to_vec(),
        ..Sent::new()
    };
    expect![[r#"
        660700017 to 12345, ModifyUserInfo
        the server failed at this; send the request again
        ErrorList []
    "#]]
    .assert_eq(&show(&world.ask(sent.write())));
    check(
        Error::Busy,
        expect![[r#"
            Busy
            1 to 12345, QueryUserInfos
            the server is busy; send the request again a little later
            Result []
            ErrorList []
        "#]],
    );
    check(
        Error::Full,
        expect![[r#"
            Full
            100000015 to 12345, QueryUserInfos
            the server cannot do this at present
            Result []
            ErrorList []
        "#]],
    );
    check(
        Error::Stopped,
        expect![[r#"
            Stopped
            100000015 to 12345, QueryUserInfos
            the server cannot do this at present
            Result []
            ErrorList []
        "#]],
    );
    check(
        Error::Engine(engine),
        expect![[r#"
            Engine(Custom { kind: Other, error: "MDB_CORRUPTED" })
            660000001 to 12345, QueryUserInfos
            the server failed at this; send the request again
            Result []
            ErrorList []
        "#]],
    );
}
