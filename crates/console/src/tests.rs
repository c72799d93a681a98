//! The console from outside, on a memory store and with a clock that stands still.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::app::{App, Apps, Quirks};
use domain::clock::FixedClock;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Presence};
use domain::store::{IfTaken, NewUser};
use domain::users::{Profile, find};
use domain::{Settings, UserId};
use stores::memory::Memory;

use super::*;

const TOKEN: &str = "a token for tests only";
const NOW_UNIX_S: i64 = 1_795_226_563;
/// What would be seen if any field came out as it is.
const NASTY: &str = "<img src=x onerror=alert(1)>\"'&</script>";

struct World {
    ctx: Context,
    console: Console,
}

struct Page {
    status: u16,
    headers: http::HeaderMap,
    text: String,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(FixedClock::at_unix_s(NOW_UNIX_S));
        let apps = Apps::new([app(1, "one"), app(2, NASTY)]).unwrap();
        let store = Arc::new(Memory::default());
        let ctx = Context::new(store, clock, apps, Settings::default());
        let world = Self { ctx, console: Console::new(Some(Secret::new(TOKEN)), false) };
        world.fill().await;
        world
    }

    /// Somebody with a nasty profile, and a call with nasty names.
    async fn fill(&self) {
        let profile = Profile {
            name: NASTY.into(),
            portrait: NASTY.into(),
            tags: vec![NASTY.into(), "vip".into()],
            ext: BTreeMap::from([("key".into(), NASTY.into())]),
            extra: NASTY.into(),
            robot: false,
        };
        let plain = Profile { name: "Alice".into(), ..Profile::default() };
        for (app, id, profile) in
            [(1, NASTY, profile), (1, "alice", plain.clone()), (2, "bob", plain)]
        {
            let users = vec![NewUser { id: UserId::parse(id).unwrap(), profile }];
            let (app, now) = (AppId(app), NOW_UNIX_S * 1_000);
            self.ctx.store.register_users(app, users, IfTaken::Leave, now).await.unwrap();
        }
        let event = |n: i64, app, who: &str, room: &str, left: bool| {
            let who = Presence {
                room: RoomId::parse(room).unwrap(),
                call: Some(CallId::parse(&format!("call {NASTY}")).unwrap()),
                participant: ParticipantId::parse(who).unwrap(),
                connection: Some(ConnectionId::parse(who).unwrap()),
            };
            Event {
                app: AppId(app),
                door: Door::parse("native").unwrap(),
                source: SourceName::parse("s").unwrap(),
                id: EventId::parse(&n.to_string()).unwrap(),
                time_unix_us: (NOW_UNIX_S - 600 + n) * 1_000_000,
                fact: match left {
                    false => joined(who),
                    true => {
                        Fact::Left { who, joined_unix_us: None, client: ClientFacts::default() }
                    }
                },
            }
        };
        let events = vec![
            event(1, 1, NASTY, NASTY, false),
            event(2, 1, "alice", NASTY, false),
            event(60, 1, "alice", NASTY, true),
            event(3, 2, "bob", "secret room", false),
        ];
        self.ctx.store.append_events(events).await.unwrap();
    }

    async fn ask(&self, method: &str, target: &str, cookie: &str, form: &str) -> Page {
        let request = Request::builder().method(method).uri(target).header("cookie", cookie);
        let request = request.body(Bytes::from(form.to_owned())).unwrap();
        let figures = || "whowas_log_stays 3\n".to_owned();
        let Answer::Page(response) = self.console.answer(&self.ctx, request, &figures).await.answer
        else {
            panic!("{target} is told live");
        };
        let (parts, body) = response.into_parts();
        Page {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, target: &str, cookie: &str) -> Page {
        self.ask("GET", target, cookie, "").await
    }

    /// The cookie of whoever shows this.
    async fn sign_in(&self, shown: &str) -> String {
        let form = query::render(&[("token", shown)]);
        let page = self.ask("POST", "/console/sign-in", "", &form).await;
        assert_eq!(page.status, 303, "{}", page.text);
        let cookie = page.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn user(&self, id: &str) -> Option<Profile> {
        let id = UserId::parse(id).unwrap();
        find(&self.ctx, AppId(1), &[id]).await.unwrap().pop().unwrap().map(|user| user.profile)
    }
}

impl Page {
    fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }

    /// The key of the form on this page.
    fn form_key(&self) -> &str {
        let (_, rest) = self.text.split_once("name=\"key\" value=\"").expect("a form");
        rest.split_once('"').unwrap().0
    }
}

fn joined(who: Presence) -> Fact {
    Fact::Joined { who, sole: false, client: ClientFacts::default() }
}

fn app(id: u32, name: &str) -> App {
    App {
        id: AppId(id),
        rtc_id: None,
        name: name.to_owned(),
        server_secret: None,
        event_token: None,
        api_token: None,
        access_keys: vec![],
        quirks: Quirks::default(),
        sources: BTreeMap::new(),
    }
}

/// Each page that is shown to whoever is signed in, with something on it.
fn pages() -> Vec<String> {
    let nasty = query::encode(NASTY);
    let call = query::encode(&format!("call {NASTY}"));
    let at = NOW_UNIX_S - 599;
    let link = format!("room={nasty}&door=native&call={call}&at={at}");
    vec![
        "/console/apps".to_owned(),
        "/console/health".to_owned(),
        "/console/1/rooms".to_owned(),
        format!("/console/1/rooms?name={nasty}"),
        format!("/console/1/room?{link}"),
        format!("/console/1/room?{link}&from={at}&to={}", at + 10),
        format!("/console/1/stay?{link}&who={nasty}"),
        "/console/1/users".to_owned(),
        format!("/console/1/users?id={nasty}"),
        format!("/console/1/users?name={nasty}"),
        format!("/console/1/users?tags={}", query::encode("vip AND NOT other")),
        format!("/console/1/users?tags={nasty}"),
        format!("/console/1/user?id={nasty}"),
        format!("/console/1/user/deregister?id={nasty}"),
        "/console/1/live".to_owned(),
    ]
}

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in() {
    let world = World::new().await;
    for target in pages() {
        for cookie in ["", "whowas_session=wws.all.9999999999.00", "whowas_session="] {
            let page = world.get(&target, cookie).await;
            assert_eq!((page.status, page.text.as_str()), (303, ""), "{target}");
            assert!(page.location().starts_with("/console/sign-in?back="), "{target}");
        }
    }
    let wrong = world.ask("POST", "/console/sign-in", "", "token=wrong").await;
    assert_eq!(wrong.status, 403);
    assert!(
        wrong.text.contains("no ticket that is still good")
            && !wrong.headers.contains_key("set-cookie")
    );
}

#[tokio::test]
async fn a_console_without_a_token_is_off() {
    let mut world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    world.console = Console::new(None, false);
    for target in ["/console", "/console/sign-in", "/console/1/rooms"] {
        let page = world.get(target, &cookie).await;
        assert_eq!(page.status, 404);
        assert!(page.text.contains("The console is off"), "{}", page.text);
    }
    let page = world.ask("POST", "/console/sign-in", "", "token=").await;
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn what_others_filled_in_is_text_on_every_page() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    for lang in ["en", "zh"] {
        for target in pages() {
            let page = world.get(&target, &format!("{cookie}; whowas_lang={lang}")).await;
            assert_eq!(page.status, 200, "{target}: {}", page.text);
            assert!(!page.text.contains("<img"), "{target}: {}", page.text);
            assert_eq!(page.text.matches("</script>").count(), 1, "{target}");
            assert!(page.text.contains(&format!("<html lang=\"{lang}\"")), "{target}");
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"));
            assert!(!policy.contains("unsafe") && !page.text.contains(" style="), "{target}");
            assert!(!page.text.contains(" onclick") && !page.text.contains("javascript:"));
            assert!(!page.text.contains(TOKEN), "{target}");
            assert_eq!(page.headers["cache-control"], "no-store");
        }
    }
}

#[tokio::test]
async fn a_call_is_drawn_with_everybody_in_it() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let rooms = world.get("/console/1/rooms?name=ONERROR", &cookie).await;
    let link = rooms.text.split_once("href=\"room?").unwrap().1.split_once('"').unwrap().0;
    let link = link.replace("&#38;", "&").replace("&amp;", "&");
    let room = world.get(&format!("/console/1/room?{link}"), &cookie).await;
    assert_eq!(room.status, 200, "{}", room.text);
    assert_eq!(room.text.matches("<rect").count(), 2, "{}", room.text);
    assert_eq!(room.text.matches("class=\"open\"").count(), 1);
    assert!(room.text.contains("alice, 09:52:45 – 09:53:43, 0:58"), "{}", room.text);
    let none = world.get("/console/1/rooms?name=elsewhere", &cookie).await;
    assert!(none.text.contains("No calls were found"));
    let wrong = world.get("/console/1/rooms?from=yesterday", &cookie).await;
    assert_eq!(wrong.status, 400);
    let gone = world.get("/console/1/room?room=a&door=native&call=b", &cookie).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn a_ticket_for_one_app_opens_no_other() {
    let world = World::new().await;
    let ticket = world.console.ticket(Scope::App(AppId(1)), NOW_UNIX_S + 60).unwrap();
    let cookie = world.sign_in(&ticket).await;
    assert_eq!(world.get("/console/1/rooms", &cookie).await.status, 200);
    assert_eq!(world.get("/console", &cookie).await.location(), "/console/1/rooms");
    assert!(!world.get("/console/apps", &cookie).await.text.contains("/console/2/"));
    assert_eq!(world.get("/console/health", &cookie).await.status, 404, "it tells of all apps");
    for page in ["rooms", "users", "live", "live/events", "user?id=bob"] {
        let of_other = world.get(&format!("/console/2/{page}"), &cookie).await;
        let of_none = world.get(&format!("/console/3/{page}"), &cookie).await;
        assert_eq!((of_other.status, of_none.status), (404, 404), "{page}");
        let plain = |page: &Page, app: &str| page.text.replace(&format!("/console/{app}/"), "");
        assert_eq!(plain(&of_other, "2"), plain(&of_none, "3"), "nobody learns which apps exist");
    }
    let form =
        format!("id=bob&key={}", world.get("/console/1/user?id=alice", &cookie).await.form_key());
    assert_eq!(
        world.ask("POST", "/console/2/user/deregister?id=bob", &cookie, &form).await.status,
        404
    );
}

#[tokio::test]
async fn a_profile_is_changed_as_far_as_the_form_was_changed() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let key = world.get("/console/1/user?id=alice", &cookie).await.form_key().to_owned();
    let send = |form: String| {
        let (world, cookie) = (&world, &cookie);
        async move { world.ask("POST", "/console/1/user?id=alice", cookie, &form).await }
    };
    let form = |pairs: &[(&str, &str)]| query::render(&[&[("key", &*key)], pairs].concat());
    let typed = [
        ("name", "Alicia"),
        ("was_name", "Alice"),
        ("tags", "vip\r\nnew\r\n \r\n\r\n"),
        ("ext", "a=b=c"),
    ];
    let page = send(form(&typed)).await;
    assert_eq!((page.status, page.location()), (303, "/console/1/user?id=alice&done=saved"));
    let changed = world.user("alice").await.unwrap();
    assert_eq!(
        (&*changed.name, &changed.tags),
        ("Alicia", &vec!["vip".to_owned(), "new".to_owned()])
    );
    assert_eq!(changed.ext, BTreeMap::from([("a".to_owned(), "b=c".to_owned())]));

    // Somebody else changed the tags meanwhile: a form that did not touch them leaves them.
    let typed = [("name", "Al"), ("was_name", "Alicia"), ("tags", "old"), ("was_tags", "old")];
    assert_eq!(send(form(&typed)).await.status, 303);
    assert_eq!(world.user("alice").await.unwrap().tags, changed.tags);

    for (field, value, told) in [
        ("name", "x".repeat(101), "at most 100 characters"),
        ("ext", "novalue".to_owned(), "there is no = in"),
        ("ext", "s:key=1".to_owned(), "no key begins with s:"),
    ] {
        let page = send(form(&[(field, &value), ("was_ext", "a=b=c")])).await;
        assert_eq!(page.status, 400, "{field}");
        assert!(page.text.contains(told) && page.text.contains(&value), "{}", page.text);
    }
    // Sent again as it came back, a form is refused again, and loses nothing once it is mended.
    let refused = [("name", "Al2"), ("was_name", "Al"), ("ext", "novalue"), ("was_ext", "a=b=c")];
    let page = send(form(&refused)).await;
    assert!(page.text.contains("name=\"was_name\" value=\"Al\""), "{}", page.text);
    assert!(page.text.contains("\na=b=c</textarea>"), "{}", page.text);

    let before = world.user("alice").await;
    for form in
        ["id=alice&name=Eve".to_owned(), format!("id=alice&name=Eve&key={}", "0".repeat(64))]
    {
        assert_eq!(send(form).await.status, 403, "without the key of this session");
    }
    assert_eq!(world.user("alice").await, before);
}

#[tokio::test]
async fn what_lines_cannot_tell_is_left_as_it_is() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let odd = Profile {
        tags: vec!["two\nlines".into()],
        ext: BTreeMap::from([("a=b".into(), "c".into())]),
        ..Profile::default()
    };
    let users = vec![NewUser { id: UserId::parse("odd").unwrap(), profile: odd.clone() }];
    let app = AppId(1);
    world.ctx.store.register_users(app, users, IfTaken::Leave, NOW_UNIX_S * 1_000).await.unwrap();
    let page = world.get("/console/1/user?id=odd", &cookie).await;
    assert_eq!(page.text.matches("cannot show line by line").count(), 2, "{}", page.text);
    let form = format!("key={}&name=Odd&was_name=", page.form_key());
    let done = world.ask("POST", "/console/1/user?id=odd", &cookie, &form).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let expected = Profile { name: "Odd".into(), ..odd };
    assert_eq!(world.user("odd").await, Some(expected));
}

#[tokio::test]
async fn a_window_may_be_whatever_somebody_types() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let link = pages().into_iter().find(|page| page.contains("/room?")).unwrap();
    for time in
        ["1795226563000000", "9223372036854775807", "9223372036855", "0001-01-01T00:00", "x"]
    {
        for query in
            [format!("from={time}"), format!("to={time}"), format!("from={time}&to={time}")]
        {
            let page = world.get(&format!("{link}&{query}"), &cookie).await;
            assert_eq!(page.status, 200, "{query}");
        }
    }
}

#[tokio::test]
async fn rooms_are_told_page_by_page_whenever_they_began() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let event = |n: i64| Event {
        app: AppId(1),
        door: Door::parse("native").unwrap(),
        source: SourceName::parse("s").unwrap(),
        id: EventId::parse(&format!("long{n}")).unwrap(),
        // Long before the window, and all in one second.
        time_unix_us: (NOW_UNIX_S - 3 * 86_400) * 1_000_000 + n,
        fact: joined(Presence {
            room: RoomId::parse(&format!("always {n:03}")).unwrap(),
            call: None,
            participant: ParticipantId::parse("p").unwrap(),
            connection: None,
        }),
    };
    world.ctx.store.append_events((0..120).map(event).collect()).await.unwrap();
    let (mut target, mut told) = ("/console/1/rooms?name=always".to_owned(), vec![]);
    loop {
        let page = world.get(&target, &cookie).await;
        let rows = page.text.split("<th scope=\"row\">").skip(1);
        told.extend(rows.filter_map(|row| Some(row.split_once("always ")?.1[..3].to_owned())));
        let Some((_, rest)) = page.text.split_once("class=\"button\" href=\"rooms?") else { break };
        let link = rest.split_once('"').unwrap().0.replace("&#38;", "&");
        target = format!("/console/1/rooms?{link}");
    }
    assert_eq!(told.len(), 120);
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 120, "each once");
}

#[tokio::test]
async fn a_user_is_deregistered_only_by_a_form() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let asked = world.get("/console/1/user/deregister?id=alice", &cookie).await;
    assert!(world.user("alice").await.is_some(), "looking changes nothing");
    let form = format!("id=alice&key={}", asked.form_key());
    let done = world.ask("POST", "/console/1/user/deregister?id=alice", &cookie, &form).await;
    assert_eq!(done.location(), "/console/1/user?id=alice&done=gone");
    assert!(world.user("alice").await.is_none());
    assert_eq!(world.get(done.location(), &cookie).await.status, 200);
    assert_eq!(
        world.ask("POST", "/console/1/user/deregister?id=alice", &cookie, &form).await.status,
        404
    );
}

#[tokio::test]
async fn a_session_ends_by_itself_and_by_signing_out() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let key = world.get("/console/1/users", &cookie).await.form_key().to_owned();
    let out = world.ask("POST", "/console/sign-out", &cookie, &format!("key={key}")).await;
    assert!(
        out.headers["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("whowas_session=; Path=/console; Max-Age=0")
    );
    assert_eq!(world.get("/console/sign-out", &cookie).await.status, 405);
    let clock = Arc::new(FixedClock::at_unix_s(NOW_UNIX_S + SESSION_S));
    let later = World { ctx: Context { clock, ..world.ctx }, console: world.console };
    assert_eq!(later.get("/console/1/users", &cookie).await.status, 303);
}

#[tokio::test]
async fn what_is_asked_in_a_wrong_way_is_refused() {
    let world = World::new().await;
    let cookie = world.sign_in(TOKEN).await;
    let key = world.get("/console/1/users", &cookie).await.form_key().to_owned();
    for (method, target, status) in [
        ("GET", "/console/nothing", 404),
        ("GET", "/console/1/nothing", 404),
        ("GET", "/console/1/rooms/", 303),
        ("GET", "/console/99999999999/rooms", 404),
        ("GET", "/console/1/user", 404),
        ("GET", "/console/1/stay?room=a", 404),
        ("GET", "/console/assets/nothing.css", 404),
        ("POST", "/console/1/rooms", 405),
        ("POST", "/console/apps", 405),
        ("DELETE", "/console/1/user?id=alice", 405),
        ("GET", "/console/language?lang=zh", 405),
        ("GET", "/console/1/users?tags=(", 200),
        ("GET", "/console/1/users?after=zz", 200),
    ] {
        let page = world.ask(method, target, &cookie, &format!("key={key}")).await;
        assert_eq!(page.status, status, "{method} {target}: {}", page.text);
    }
    let chosen = world.ask("POST", "/console/language", "", "lang=zh&back=//evil").await;
    assert_eq!(chosen.location(), "/console");
    assert!(chosen.headers["set-cookie"].to_str().unwrap().starts_with("whowas_lang=zh; "));
}
