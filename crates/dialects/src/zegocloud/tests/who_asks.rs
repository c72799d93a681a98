//! Who asks, when, and for what: whatever stands in the query.

use super::*;

#[test]
fn refuses_a_bad_app_id() {
    for app_id in ["", "-1", "+1", "text", "1e400", "4294967296", "12345.0", " 12345", "１"] {
        let answered = world().ask(Sent { app_id: Some(app_id.into()), ..Sent::new() }.write());
        assert_eq!((answered.outcome.as_str(), answered.app), ("100000001", None), "{app_id:?}");
    }
    check(
        |sent| sent.app_id = None,
        expect![[r#"
            100000001 to nobody, QueryUserInfos
            the query has no AppId
        "#]],
    );
    check(
        |sent| sent.app_id = Some("1e400".into()),
        expect![[r#"
            100000001 to nobody, QueryUserInfos
            AppId "1e400" is not a decimal number of 32 bits
        "#]],
    );
    check(
        |sent| sent.app_id = Some("9".repeat(2_000)),
        expect![[r#"
        100000001 to nobody, QueryUserInfos
        AppId "999999999999999999999999999999999999999999999999"... is not a
        decimal number of 32 bits
    "#]],
    );
}

#[test]
fn refuses_a_bad_timestamp() {
    check(
        |sent| sent.timestamp = None,
        expect![[r#"
            100000002 to nobody, QueryUserInfos
            the query has no Timestamp, or an empty one
        "#]],
    );
    check(
        |sent| sent.timestamp = Some(String::new()),
        expect![[r#"
            100000002 to nobody, QueryUserInfos
            the query has no Timestamp, or an empty one
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("2021-03-08T07:02:23Z".into()),
        expect![[r#"
            100000003 to nobody, QueryUserInfos
            Timestamp "2021-03-08T07:02:23Z" is not a decimal number of Unix
            seconds
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("-1".into()),
        expect![[r#"
            100000003 to nobody, QueryUserInfos
            Timestamp "-1" is not a decimal number of Unix seconds
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("9223372036854775808".into()),
        expect![[r#"
            100000003 to nobody, QueryUserInfos
            Timestamp "9223372036854775808" is not a decimal number of Unix seconds
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("9223372036854775807".into()),
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp (it counts in seconds) is
            9223372035239588864 seconds ahead of the server's clock, 600 are
            allowed
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("1615186943000".into()),
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp (it counts in seconds) is
            1613571756057 seconds ahead of the server's clock, 600 are allowed
        "#]],
    );
}

#[test]
fn a_signature_is_good_for_600_seconds_both_ways() {
    let world = world();
    let at = |unix_s: i64, expected: Expect| {
        world.clock.set_unix_us(unix_s * 1_000_000);
        expected.assert_eq(&show(&world.ask(Sent::new().write())));
    };
    at(
        NOW_UNIX_S - 601,
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp is 601 seconds ahead of the
            server's clock, 600 are allowed
        "#]],
    );
    at(
        NOW_UNIX_S - 600,
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    at(
        NOW_UNIX_S + 600,
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    at(
        NOW_UNIX_S + 601,
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp is 601 seconds behind the server's
            clock, 600 are allowed
        "#]],
    );
}

#[test]
fn takes_any_nonce_but_none() {
    check(
        |sent| sent.nonce = None,
        expect![[r#"
            100000008 to nobody, QueryUserInfos
            the query has no SignatureNonce, or an empty one
        "#]],
    );
    check(
        |sent| sent.nonce = Some(String::new()),
        expect![[r#"
            100000008 to nobody, QueryUserInfos
            the query has no SignatureNonce, or an empty one
        "#]],
    );
    for nonce in ["12344321", "k3x9z0q7w1m", " ", "&=+%", "语", "\0"] {
        let answered = world().ask(Sent { nonce: Some(nonce.into()), ..Sent::new() }.write());
        assert_eq!(answered.outcome, "ok", "{nonce:?}");
    }
    let world = world();
    for _ in 0..2 {
        let sent = Sent { nonce: Some("n".repeat(2_000)), ..Sent::new() };
        assert_eq!(world.ask(sent.write()).outcome, "ok", "long, and used again");
    }
}

#[test]
fn refuses_a_bad_signature() {
    const WRONG: &str = "100000005";
    check(
        |sent| sent.signature = Some(String::new()),
        expect![[r#"
            100000009 to nobody, QueryUserInfos
            the query has no Signature, or an empty one
        "#]],
    );
    check(
        |sent| sent.signature = Some("0".repeat(32)),
        expect![[r#"
            100000005 to nobody, QueryUserInfos
            the signature is wrong: it must be the hexadecimal MD5 of AppId,
            SignatureNonce, ServerSecret and Timestamp, joined without separators
        "#]],
    );
    let good = "43e5cfcca828314675f91b001390566a";
    let outcome = |signature: String| {
        world().ask(Sent { signature: Some(signature), ..Sent::new() }.write()).outcome
    };
    assert_eq!(outcome(good.into()), "ok");
    assert_eq!(outcome(good.to_uppercase()), "ok");
    assert_eq!(outcome(good[..31].into()), WRONG);
    assert_eq!(outcome(format!("{good}0")), WRONG);
    assert_eq!(outcome(format!("{good} ")), WRONG);
    assert_eq!(outcome("Pc5WB8gokVn0xfeu/ZV+iNM1dgI=".into()), WRONG);
    assert_eq!(outcome("4".repeat(2_000)), WRONG);
    assert_eq!(outcome("语".repeat(32)), WRONG);
}

#[test]
fn refuses_other_versions() {
    check(
        |sent| sent.version = None,
        expect![[r#"
            100000013 to nobody, QueryUserInfos
            the query has no SignatureVersion, or an empty one
        "#]],
    );
    check(
        |sent| sent.version = Some("1.0".into()),
        expect![[r#"
            100000014 to nobody, QueryUserInfos
            SignatureVersion "1.0" is not supported; it must be 2.0
        "#]],
    );
    check(
        |sent| sent.version = Some("2".into()),
        expect![[r#"
            100000014 to nobody, QueryUserInfos
            SignatureVersion "2" is not supported; it must be 2.0
        "#]],
    );
}

#[test]
fn an_app_without_a_server_secret_is_as_unknown_as_no_app() {
    check(
        |sent| sent.app_id = Some("54321".into()),
        expect![[r#"
            100000010 to nobody, QueryUserInfos
            no ServerSecret is known for the AppId 54321
        "#]],
    );
    check(
        |sent| sent.app_id = Some("777".into()),
        expect![[r#"
            100000010 to nobody, QueryUserInfos
            no ServerSecret is known for the AppId 777
        "#]],
    );
}

#[test]
fn refuses_other_actions() {
    check(
        |sent| sent.action = None,
        expect![[r#"
            100000006 to 12345, unknown
            the query has no Action; this server answers QueryUserInfos,
            UserRegister, RobotRegister, ModifyUserInfo, QueryUserOnlineState,
            SendMessageToAllUsers, DescribeUserList, DescribeUserNum, DescribeUsers
        "#]],
    );
    check(
        |sent| sent.action = Some("queryUserInfos".into()),
        expect![[r#"
            100000007 to 12345, unknown
            Action "queryUserInfos" is not supported; this server answers
            QueryUserInfos, UserRegister, RobotRegister, ModifyUserInfo,
            QueryUserOnlineState, SendMessageToAllUsers, DescribeUserList,
            DescribeUserNum, DescribeUsers
        "#]],
    );
    check(
        |sent| sent.action = Some("<script>\"".repeat(1_000)),
        expect![[r#"
            100000007 to 12345, unknown
            Action "<script>\"<script>\"<script>\"<script>\"<script>\"<sc"... is
            not supported; this server answers QueryUserInfos, UserRegister,
            RobotRegister, ModifyUserInfo, QueryUserOnlineState,
            SendMessageToAllUsers, DescribeUserList, DescribeUserNum, DescribeUsers
        "#]],
    );
}

#[test]
fn strangers_are_told_nothing_about_apps_actions_or_bodies() {
    let bad = |sent: &mut Sent| {
        sent.action = Some("NoSuchAction".into());
        sent.method = Method::PUT;
        sent.body = b"{".to_vec();
    };
    // The right signature, but late: whether the app exists is not told.
    let late = |app_id: AppId| {
        let mut sent = Sent::new();
        bad(&mut sent);
        sent.app_id = Some(app_id.to_string());
        sent.timestamp = Some((NOW_UNIX_S - 601).to_string());
        show(&world().ask(sent.write()))
    };
    assert_eq!(late(APP), late(AppId(54321)));
    expect![[r#"
        100000004 to nobody, unknown
        the signature has expired: Timestamp is 601 seconds behind the server's
        clock, 600 are allowed
    "#]]
    .assert_eq(&late(APP));
    check(
        |sent| {
            bad(sent);
            sent.signature = Some("0".repeat(32));
        },
        expect![[r#"
            100000005 to nobody, unknown
            the signature is wrong: it must be the hexadecimal MD5 of AppId,
            SignatureNonce, ServerSecret and Timestamp, joined without separators
        "#]],
    );
    check(
        bad,
        expect![[r#"
            100000007 to 12345, unknown
            Action "NoSuchAction" is not supported; this server answers
            QueryUserInfos, UserRegister, RobotRegister, ModifyUserInfo,
            QueryUserOnlineState, SendMessageToAllUsers, DescribeUserList,
            DescribeUserNum, DescribeUsers
        "#]],
    );
}

#[test]
fn every_action_is_refused_to_strangers() {
    for action in Action::ALL {
        let sent = Sent {
            action: Some(action.name().into()),
            signature: Some("0".repeat(32)),
            ..Sent::new()
        };
        let answered = world().ask(sent.write());
        assert_eq!((answered.outcome.as_str(), answered.app), ("100000005", None));
        assert_eq!(answered.action, action.name());
    }
}

#[test]
fn a_nonce_is_used_once_only_if_the_operator_says_so() {
    let settings = Settings { documented_limits: false, strict_nonce: true, ..Settings::default() };
    let world = world_with(settings, Memory::default());
    let sent = |nonce: &str, timestamp_unix_s: i64| {
        let timestamp = Some(timestamp_unix_s.to_string());
        Sent { nonce: Some(nonce.into()), timestamp, ..Sent::new() }
    };
    let outcome = |sent: Sent| world.ask(sent.write()).outcome;
    // A wrong signature uses nothing up.
    let forged = Sent { signature: Some("0".repeat(32)), ..sent("a", NOW_UNIX_S) };
    assert_eq!(outcome(forged), "100000005");
    assert_eq!(outcome(sent("a", NOW_UNIX_S)), "ok");
    expect![[r#"
        100000005 to nobody, QueryUserInfos
        the SignatureNonce was used before; sign each request anew
    "#]]
    .assert_eq(&show(&world.ask(sent("a", NOW_UNIX_S).write())));
    assert_eq!(outcome(sent("a", NOW_UNIX_S + 1)), "100000005", "another signature, same nonce");
    assert_eq!(outcome(sent("b", NOW_UNIX_S + 600)), "ok");

    world.clock.set_unix_us((NOW_UNIX_S + 601) * 1_000_000);
    assert_eq!(outcome(sent("a", NOW_UNIX_S + 601)), "ok", "ten minutes are over");
    world.clock.set_unix_us((NOW_UNIX_S + 1_200) * 1_000_000);
    assert_eq!(outcome(sent("b", NOW_UNIX_S + 600)), "100000005", "its signature is still good");
}
