//! What nobody should send.

use expect_test::expect;
use serde_json::{Value, json};

use super::{check, form_of, read, sample_with, samples, signed, try_receive};
use crate::Unauthentic;

#[test]
fn what_is_not_signed_is_not_authentic() {
    let missing = Err(Unauthentic::Missing);
    for name in ["timestamp", "nonce", "signature"] {
        for nothing in [Value::Null, json!(""), json!({}), json!(true), json!([1])] {
            let callback = sample_with("room_login", &[(name, nothing)]).to_string();
            assert_eq!(try_receive(callback.as_bytes()), missing, "{callback}");
        }
    }
    let arrays = format!("[{}]", samples()[1]);
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\nroom_login\r\n";
    for body in ["", " ", "{", "{}", "[]", "null", "5", "%", "%7B", "%7b%7d", &arrays, multipart] {
        assert_eq!(try_receive(body.as_bytes()), missing, "{body:?}");
    }
    assert_eq!(try_receive(b"{\"event\":\"\xff\"}"), missing);
}

#[test]
fn one_changed_character_of_what_is_signed_is_refused() {
    let good = samples()[1].clone();
    for name in ["timestamp", "nonce", "signature"] {
        let text = good[name].as_str().expect("a text").to_owned();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).expect("ASCII");
            let callback = sample_with("room_login", &[(name, json!(changed))]).to_string();
            assert_eq!(try_receive(callback.as_bytes()), Err(Unauthentic::Mismatch), "{name} {at}");
        }
        for changed in [format!("{text}0"), text[1..].to_owned(), format!(" {text}")] {
            let callback = sample_with("room_login", &[(name, json!(changed))]).to_string();
            assert_eq!(try_receive(callback.as_bytes()), Err(Unauthentic::Mismatch), "{callback}");
        }
    }
    let upper = good["signature"].as_str().expect("a text").to_uppercase();
    let upper = sample_with("room_login", &[("signature", json!(upper))]).to_string();
    assert_eq!(try_receive(upper.as_bytes()).map(drop), Ok(()), "upper case proves as much");
}

/// The sender signs nothing else. That is the vendor's choice, and the README warns of it.
#[test]
fn what_is_not_signed_can_be_altered_unseen() {
    let altered = sample_with("room_login", &[("user_account", json!("somebody else"))]);
    assert!(read(altered.to_string().as_bytes()).contains(" somebody else/"));
}

#[test]
fn what_cannot_be_understood_is_told_without_what_is_private() {
    let login = |name: &'static str, value: Value| sample_with("room_login", &[(name, value)]);
    let logout = |name: &'static str, value: Value| sample_with("room_logout", &[(name, value)]);
    let close = |name: &'static str, value: Value| sample_with("room_close", &[(name, value)]);
    let stream = |name: &'static str, value: Value| sample_with("stream_create", &[(name, value)]);
    let long = json!("PRIVATE".repeat(37));
    check(
        &[
            login("event", Value::Null),
            login("event", json!({"PRIVATE": 1})),
            login("appid", Value::Null),
            login("appid", json!("2")),
            login("appid", json!("PRIVATE")),
            login("appid", json!(4_294_967_297_u64)),
            login("room_id", Value::Null),
            login("room_id", json!(["PRIVATE"])),
            login("room_id", json!("")),
            login("room_id", json!("PRIVATE".repeat(10_000))),
            login("room_id", json!("PRIVATE\0")),
            login("room_seq", long.clone()),
            login("user_account", Value::Null),
            login("user_account", long.clone()),
            login("session_id", long),
            login("login_time", Value::Null),
            login("login_time", json!("PRIVATE")),
            login("login_time", json!("0")),
            login("login_time", json!(-5)),
            login("login_time", json!(1.5e12)),
            login("login_time", json!("9223372036854775807")),
            login("login_time", json!("99999999999999999999")),
            logout("logout_time", Value::Null),
            logout("user_account", json!(false)),
            close("room_close_time", json!("")),
            close("room_id", json!({})),
            stream("user_id", Value::Null),
        ],
        expect![[r#"
            dead: the callback has no `event`
            dead: the callback has no `event`
            dead: room_login: `appid` is missing
            dead: room_login: `appid` is another app's
            dead: room_login: `appid` is another app's
            dead: room_login: `appid` is another app's
            dead: room_login: `room_id` is missing
            dead: room_login: `room_id` is missing
            dead: room_login: `room_id` is missing
            dead: room_login: `room_id` cannot be used: it has more than 256 bytes
            dead: room_login: `room_id` cannot be used: it holds the character U+0000
            dead: room_login: `room_seq` cannot be used: it has more than 256 bytes
            dead: room_login: `user_account` is missing
            dead: room_login: `user_account` cannot be used: it has more than 256 bytes
            dead: room_login: `session_id` cannot be used: it has more than 256 bytes
            dead: room_login: `login_time` is missing
            dead: room_login: `login_time` is missing
            dead: room_login: `login_time` is missing
            dead: room_login: `login_time` is missing
            dead: room_login: `login_time` is missing
            dead: room_login: `login_time` is missing
            dead: room_login: `login_time` is missing
            dead: room_logout: `logout_time` is missing
            dead: room_logout: `user_account` is missing
            dead: room_close: `room_close_time` is missing
            dead: room_close: `room_id` is missing
            dead: stream_create: `user_id` is missing
        "#]],
    );
}

#[test]
fn what_only_helps_may_be_missing_or_odd() {
    check(
        &[
            sample_with("room_login", &[("room_seq", json!({})), ("session_id", Value::Null)]),
            sample_with("room_logout", &[("login_time", json!("soon")), ("reason", json!([]))]),
            sample_with("room_logout", &[("login_time", json!("9999999999999"))]),
            sample_with("room_close", &[("room_session_id", Value::Null)]),
            sample_with("room_login", &[("user_account", json!(5)), ("future", json!([{}]))]),
        ],
        expect![[r#"
            zegocloud c4926e438390283dbcb7e9ff801bd244 2017-07-10T08:56:18.027Z
              joined alone rid_1242649/- 888120154/-
            zegocloud 8c5a1c02ba050e90ffe4488a93d44381 2022-09-21T06:10:27.986Z
              left rid_1242649/6085791336856668982 888120154/792462300429684736
            zegocloud 2b89dbe8de38837edec75036c62b933c 2022-09-21T06:10:27.986Z
              left rid_1242649/6085791336856668982 888120154/792462300429684736, there since 2286-11-20T17:46:39.999Z
            zegocloud 5ac2147d99aaaaa87c4e1984666661b2 2017-07-10T08:56:29.909Z
              finished rid_1242649/-
            zegocloud 7f2629836a34441b8dc0e362f5ca6cdd 2017-07-10T08:56:18.027Z
              joined alone rid_1242649/6085791336856668982 5/792148503087288320
        "#]],
    );
}

#[test]
fn ids_are_taken_in_every_alphabet_as_they_are() {
    let ids = [
        "课堂",
        "комната",
        "غرفة",
        "ห้อง",
        "🎓👩‍🏫",
        "e\u{301}",
        " a ",
        "a\tb",
        "\u{202e}x",
        "a\"b\\c",
    ];
    for id in ids {
        let changes = [("room_id", json!(id)), ("user_account", json!(id))];
        let callback = sample_with("room_login", &changes);
        for body in [callback.to_string(), form_of(&callback)] {
            let received = try_receive(body.as_bytes()).expect("authentic");
            let who = received.events[0].presence().expect("somebody");
            assert_eq!((who.room.as_str(), who.participant.as_str()), (id, id));
        }
    }
}

#[test]
fn five_megabytes_are_read_like_one() {
    let usual = read(samples()[1].to_string().as_bytes());
    let large = "x".repeat(5 << 20);
    let deep = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    let callback = sample_with("room_login", &[("callback_data", json!(large))]);
    assert_eq!(read(callback.to_string().as_bytes()), usual);
    assert_eq!(read(form_of(&callback).as_bytes()), usual);
    let nested = samples()[1].to_string().replacen('{', &format!("{{\"x\":{deep},"), 1);
    assert_eq!(read(nested.as_bytes()), usual);
    let many: String = (0..500_000).map(|n| format!("\"{n}\":1,")).collect();
    let many = samples()[1].to_string().replacen('{', &format!("{{{many}"), 1);
    assert_eq!(read(many.as_bytes()), usual);
    for large in [large, deep, "{\"a\":".repeat(1 << 20), "%7B".repeat(1 << 20)] {
        assert_eq!(try_receive(large.as_bytes()), Err(Unauthentic::Missing));
    }
}

#[test]
fn of_two_fields_of_one_name_the_last_counts_in_every_form() {
    let good = samples()[1].clone();
    let twice = good.to_string().replacen('{', "{\"room_id\":\"first\",", 1);
    assert_eq!(read(twice.as_bytes()), read(good.to_string().as_bytes()));
    let twice = format!("room_id=first&{}", form_of(&signed(good.clone())));
    assert_eq!(read(twice.as_bytes()), read(good.to_string().as_bytes()));
}
