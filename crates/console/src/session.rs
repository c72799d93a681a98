//! Who may look: whoever shows the console's token, or a ticket that was made with it.
//!
//! A ticket tells what it opens and until when, and is signed, so that nothing is kept of it: any
//! server with the same token takes it, and another token ends all of them. What the browser keeps
//! after somebody signed in is a ticket, too, of another kind.

use domain::AppId;
use domain::app::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How long somebody stays signed in, in seconds.
pub const SESSION_S: i64 = 12 * 3_600;
/// How long a ticket opens the console at most, in seconds: a week.
pub const TICKET_S_MAX: i64 = 7 * 86_400;
/// The least length of a token, in bytes: whoever has a ticket can try guesses at their own speed.
pub const TOKEN_BYTES_MIN: usize = 24;

/// What somebody may see and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything of all apps.
    All,
    /// One app.
    App(AppId),
}

impl Scope {
    /// Whether an app is in it.
    pub fn covers(self, app: AppId) -> bool {
        match self {
            Self::All => true,
            Self::App(own) => own == app,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            app => app.parse().ok().map(|app| Self::App(AppId(app))),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::App(app) => app.fmt(f),
        }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) scope: Scope,
    /// What forms of this session carry, so that no other site can send them.
    pub(crate) form_key: String,
}

/// What a signature is good for: one of one kind is none of another.
#[derive(Clone, Copy)]
enum Kind {
    Ticket,
    Session,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Ticket => "wwt",
            Self::Session => "wws",
        }
    }
}

/// Makes and reads tickets.
pub(crate) struct Desk {
    token: Secret,
}

impl Desk {
    pub(crate) fn new(token: Secret) -> Self {
        Self { token }
    }

    /// A ticket for `whowas token`.
    pub(crate) fn ticket(&self, scope: Scope, until_unix_s: i64) -> String {
        self.sign(Kind::Ticket, scope, until_unix_s)
    }

    /// What the browser keeps of somebody who shows the token or a ticket; never longer than the
    /// ticket lasts.
    pub(crate) fn admit(&self, shown: &str, now_unix_s: i64) -> Option<(String, i64)> {
        let is_token = bool::from(self.token.reveal().as_bytes().ct_eq(shown.as_bytes()));
        let (scope, until_unix_s) = match is_token {
            true => (Scope::All, i64::MAX),
            false => self.read(Kind::Ticket, shown, now_unix_s)?,
        };
        let until_unix_s = until_unix_s.min(now_unix_s + SESSION_S);
        Some((self.sign(Kind::Session, scope, until_unix_s), until_unix_s - now_unix_s))
    }

    /// Who is signed in, by what their browser kept.
    pub(crate) fn session(&self, kept: &str, now_unix_s: i64) -> Option<Session> {
        let (scope, _) = self.read(Kind::Session, kept, now_unix_s)?;
        Some(Session { scope, form_key: self.code("form", kept) })
    }

    fn sign(&self, kind: Kind, scope: Scope, until_unix_s: i64) -> String {
        let claim = format!("{}.{scope}.{until_unix_s}", kind.prefix());
        let code = self.code("claim", &claim);
        format!("{claim}.{code}")
    }

    fn read(&self, kind: Kind, text: &str, now_unix_s: i64) -> Option<(Scope, i64)> {
        let (claim, code) = text.rsplit_once('.')?;
        if !bool::from(self.code("claim", claim).as_bytes().ct_eq(code.as_bytes())) {
            return None;
        }
        let mut parts = claim.split('.');
        if parts.next()? != kind.prefix() {
            return None;
        }
        let scope = Scope::parse(parts.next()?)?;
        let until_unix_s: i64 = parts.next()?.parse().ok()?;
        (now_unix_s < until_unix_s).then_some((scope, until_unix_s))
    }

    fn code(&self, purpose: &str, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.token.reveal().as_bytes())
            .expect("a key of any length will do");
        mac.update(format!("whowas console {purpose} 1\n{text}").as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "sixteen bytes ok";

    fn desk() -> Desk {
        Desk::new(Secret::new(TOKEN))
    }

    #[test]
    fn the_token_opens_everything_and_a_ticket_what_it_says() {
        let (session, lasts_s) = desk().admit(TOKEN, 1_000).unwrap();
        assert_eq!(lasts_s, SESSION_S);
        assert_eq!(desk().session(&session, 1_000).unwrap().scope, Scope::All);

        let ticket = desk().ticket(Scope::App(AppId(7)), 1_060);
        let (session, lasts_s) = desk().admit(&ticket, 1_000).unwrap();
        assert_eq!(lasts_s, 60, "no longer than the ticket");
        let scope = desk().session(&session, 1_059).unwrap().scope;
        assert_eq!(scope, Scope::App(AppId(7)));
        assert!(scope.covers(AppId(7)) && !scope.covers(AppId(8)));
        assert_eq!(desk().session(&session, 1_060), None, "it is over");
        assert!(desk().admit(&ticket, 1_060).is_none());
    }

    #[test]
    fn nothing_else_opens_anything() {
        let ticket = desk().ticket(Scope::App(AppId(7)), 2_000);
        let (session, _) = desk().admit(&ticket, 1_000).unwrap();
        assert_eq!(desk().session(&ticket, 1_000), None, "a ticket is no session");
        assert!(desk().admit(&session, 1_000).is_none(), "nor the other way round");
        for at in 0..ticket.len() {
            let mut other = ticket.clone().into_bytes();
            other[at] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert!(desk().admit(&other, 1_000).is_none(), "{other}");
        }
        let another = Desk::new(Secret::new("another token, so"));
        assert!(another.admit(&ticket, 1_000).is_none());
        for text in
            ["", ".", "wwt.all.9999999999", "wwt.all.9999999999.", TOKEN.trim_end_matches('k')]
        {
            assert!(desk().admit(text, 1_000).is_none(), "{text}");
        }
    }

    #[test]
    fn forms_of_two_sessions_differ() {
        let key = |at| {
            let (kept, _) = desk().admit(TOKEN, at).unwrap();
            desk().session(&kept, at).unwrap().form_key
        };
        assert_ne!(key(1_000), key(1_001));
        assert_eq!(key(1_000).len(), 64);
    }
}
