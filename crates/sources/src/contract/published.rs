//! Vectors that somebody else published, where the source's own folder holds none. Those of TRTC
//! and Agora are among their captures, ZEGOCLOUD's is beside its signature. Of Volcengine there is
//! none: the digest that its documents show, `14aa6814...`, is not that of the values beside it.

use super::sender::{NOW_US, Sent};
use super::senders::{janus, livekit};
use super::{Keys, Sender};
use crate::{Received, Unauthentic};

fn deliver(
    sender: &Sender,
    keys: Keys<'_>,
    (header, value): (&'static str, String),
    body: &str,
) -> Result<Received, Unauthentic> {
    let sent = Sent::of(vec![(header, value)], body);
    sender.deliver_as(&sender.credentials(keys), &sent, NOW_US)
}

/// Key, secret, body and the body's hash are those with which LiveKit tests its own receivers:
/// `WebhookReceiverTest.kt` in github.com/livekit/server-sdk-kotlin.
#[test]
fn the_hash_that_livekit_publishes_is_that_of_its_body() {
    let keys = ["abcdefg", "ababababababababababababababababababababababababababababababa"];
    let hash = "CoEQz1chqJ9bnZRcORddjplkvpjmPujmLTR42DbefYI=";
    let body = concat!(
        r#"{"event":"room_started", "room":{"sid":"RM_TkVjUvAqgzKz", "name":"mytestroom", "#,
        r#""emptyTimeout":300, "creationTime":"1628545903", "#,
        r#""turnPassword":"ICkSr2rEeslkN6e9bXL4Ji5zzMD5Z7zzr6ulOaxMj6N", "#,
        r#""enabledCodecs":[{"mime":"audio/opus"}, {"mime":"video/VP8"}]}}"#,
    );
    let token = |hash: &str| ("authorization", livekit::token_of(hash, &keys));
    let judge = |hash, body| deliver(&livekit::SENDER, &keys, token(hash), body);
    assert_eq!(judge(hash, body), Ok(Received { ignored: 1, ..Received::default() }));
    let altered = body.replace("mytestroom", "mytestroon");
    assert_eq!(judge(hash, &altered), Err(Unauthentic::Mismatch));
}

/// The two examples of RFC 7617, sections 2 and 2.1.
#[test]
fn the_logins_of_rfc_7617_are_understood() {
    let logins = [
        (["Aladdin", "open sesame"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (["test", "123\u{a3}"], "Basic dGVzdDoxMjPCow=="),
    ];
    for (keys, login) in logins {
        let judge = |keys: Keys<'_>| {
            deliver(&janus::SENDER, keys, ("authorization", login.to_owned()), "[]")
        };
        assert_eq!(judge(&keys), Ok(Received::default()), "{login}");
        assert_eq!(judge(&[keys[0], "open"]), Err(Unauthentic::Mismatch), "{login}");
    }
}
