//! What is checked before any parameter is looked at: the action, the signature, the app, the
//! quota. What the parameters may be is tested beside each action.

use bytes::Bytes;
use domain::Settings;
use domain::app::Quirks;
use domain::quota::Quotas;
use expect_test::expect;
use http::{Method, Request};
use serde_json::Value;

use super::action::Action;
use super::fault::{Code, Fault};
use super::signature::captures::CAPTURES;
use super::signature::signing::{NOW_UNIX_S, presign, sign};
use super::testing::{APP, RTC_ID, World, get, post, unsigned, wait};
use crate::BodyFault;

const GET_ONE: &str = r#"{"AppId":4111,"UserIds":[1]}"#;

/// The whole body, but for the id, which is different each time.
fn body(world: &World, request: Request<Bytes>) -> String {
    let answered = world.answer(request);
    let text = String::from_utf8(answered.response.into_body().to_vec()).unwrap();
    text.replace(&answered.request_id, "…")
}

#[test]
fn every_answer_is_an_envelope() {
    let world = World::new();
    expect![[r#"{"ResponseMetadata":{"RequestId":"…","Action":"BatchGetUser","Version":"2020-12-01","Service":"rtc","Region":"cn-north-1"},"Result":{"Users":[],"NotFoundUsers":[1]}}"#]].assert_eq(&body(&world, post("BatchGetUser", GET_ONE)));
    expect![[r#"{"ResponseMetadata":{"RequestId":"…","Action":"BatchGetUser","Version":"2020-12-01","Service":"rtc","Region":"cn-north-1","Error":{"CodeN":990005,"Code":"InvalidParameter.BodyIsEmpty","Message":"The body is empty; it must be a JSON object."}}}"#]].assert_eq(&body(&world, post("BatchGetUser", "")));
    expect![[r#"{"ResponseMetadata":{"RequestId":"…","Error":{"CodeN":100002,"Code":"MissingParameter","Message":"The request is missing Action parameter."}}}"#]].assert_eq(&body(&world, get("Version=2020-12-01")));
    expect![[r#"{"ResponseMetadata":{"RequestId":"…","Action":"ListUserInfo","Service":"rtc","Region":"cn-north-1","Error":{"CodeN":100002,"Code":"MissingParameter","Message":"The request is missing Version parameter."}}}"#]].assert_eq(&body(&world, get("Action=ListUserInfo")));

    let answered = world.answer(post("BatchGetUser", GET_ONE));
    let id = answered.request_id.as_str();
    assert_eq!(answered.response.headers()["x-tt-logid"], id);
    assert_eq!(answered.response.headers()["content-type"], "application/json; charset=utf-8");
    assert!(id.starts_with("20261121100243"), "the vendor's time is eight hours ahead: {id}");
    let digits = id.bytes().filter(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')).count();
    assert_eq!((id.len(), digits), (34, 34), "{id}");
    assert_ne!(id, world.answer(post("BatchGetUser", GET_ONE)).request_id);
}

#[test]
fn an_answer_tells_the_log_what_it_is() {
    let world = World::new();
    let told = |request| {
        let answered = world.answer(request);
        (answered.action, answered.app, answered.outcome)
    };
    let ok = ("BatchGetUser", Some(APP), "ok".to_owned());
    assert_eq!(told(post("BatchGetUser", GET_ONE)), ok);
    let refused = ("BatchGetUser", None, "AccessDenied.NoPermissionForApp".to_owned());
    assert_eq!(told(post("BatchGetUser", r#"{"AppId":4112}"#)), refused);
    let unknown = ("unknown", None, "InvalidActionOrVersion".to_owned());
    assert_eq!(told(post("Nonsense", GET_ONE)), unknown);
}

#[test]
fn an_action_has_a_name_a_version_and_a_method() {
    let world = World::new();
    world.check(
        get(""),
        expect!["400 MissingParameter 100002 The request is missing Action parameter."],
    );
    world.check(
        get("Action="),
        expect!["400 MissingParameter 100002 The request is missing Action parameter."],
    );
    world.check(
        get("Action=ListUserInfo&Action=ListUserInfo"),
        expect!["400 InvalidParameter 990001 The parameter Action is given more than once."],
    );
    world.check(
        get("Action=%FF"),
        expect!["400 InvalidParameter 990001 The value of the parameter Action is not UTF-8."],
    );
    world.check(get("Action=Nonsense&Version=2020-12-01"), expect!["404 InvalidActionOrVersion 100008 Could not find operation Nonsense for version 2020-12-01."]);
    world.check(get("Action=listuserinfo&Version=2023-11-01"), expect!["404 InvalidActionOrVersion 100008 Could not find operation listuserinfo for version 2023-11-01."]);
    world.check(get("Action=ListUserInfo&Version=2024-01-01"), expect!["404 InvalidActionOrVersion 100008 Could not find operation ListUserInfo for version 2024-01-01."]);
    world.check(get("Action=RegisterUsers&Version=2023-11-01"), expect!["404 InvalidActionOrVersion 100008 Could not find operation RegisterUsers for version 2023-11-01."]);
    let long = "房".repeat(1_000);
    world.check(get(&format!("Action={long}&Version={long}")), expect!["404 InvalidActionOrVersion 100008 Could not find operation 房房房房房房房房房房房房房房房房房房房房房 for version 房房房房房房房房房房房房房房房房房房房房房."]);
    let many = Request::get(format!("/?{}", "a&".repeat(129))).body(Bytes::new()).unwrap();
    world.check(
        many,
        expect!["400 InvalidParameter 990001 The query has more than 128 parameters."],
    );
    for action in Action::ALL {
        let spec = action.spec();
        for method in [Method::GET, Method::POST, Method::PUT, Method::HEAD] {
            let version = spec.versions[0].name();
            let uri = format!("/?Action={}&Version={version}", spec.name);
            let request = Request::builder().method(&method).uri(uri).body(Bytes::new()).unwrap();
            let refused = world.ask(request).starts_with("405 MethodNotAllowed 990011 ");
            assert_eq!(refused, method != spec.method, "{method} {}", spec.name);
        }
    }
}

#[test]
fn an_unsigned_request_is_refused_by_every_action() {
    let world = World::new();
    for action in Action::ALL {
        let spec = action.spec();
        for version in spec.versions {
            let uri = format!("/?Action={}&Version={}", spec.name, version.name());
            let request = Request::builder().method(spec.method.clone()).uri(uri);
            let told = world.ask(request.body(Bytes::from_static(b"{}")).unwrap());
            assert!(told.starts_with("400 InvalidCredential 100025 "), "{told}");
        }
    }
}

#[test]
fn a_signature_is_refused_with_the_reason() {
    let world = World::new();
    let altered = |alter: &dyn Fn(&mut Request<Bytes>)| {
        let mut request = post("BatchGetUser", GET_ONE);
        alter(&mut request);
        request
    };
    let replace = |from: &'static str, to: &'static str| {
        altered(&|request| {
            let header = request.headers_mut().get_mut("authorization").unwrap();
            *header = header.to_str().unwrap().replace(from, to).parse().unwrap();
        })
    };
    let date = |date: &'static str| {
        altered(&|request| {
            request.headers_mut().insert("x-date", date.parse().unwrap());
        })
    };
    world.check(altered(&|request| *request.body_mut() = "{}".into()), expect!["401 SignatureDoesNotMatch 100010 The request signature we calculated does not match the signature you provided. Check your Secret Access Key and signing method. Consult the service documentation for details."]);
    world.check(replace("AKLTtest", "AKLTother"), expect!["401 InvalidAccessKey 100009 The accesskey [AKLTother] included in the request is invalid."]);
    world.check(replace("/rtc/", "/iam/"), expect!["404 ServiceNotFound 100007 This service[iam] not found. The service to sign for is rtc."]);
    world.check(replace("20261121/", "20261120/"), expect!["400 InvalidCredential 100025 Invalid credential in 'Authorization', Pls check credential in authorization header. The day in the credential must be the day of X-Date."]);
    world.check(replace("Signature=", "Signature=0"), expect!["401 SignatureDoesNotMatch 100010 The request signature we calculated does not match the signature you provided. Check your Secret Access Key and signing method. Consult the service documentation for details."]);
    world.check(replace("HMAC-SHA256", "HMAC-SHA1"), expect!["400 InvalidAuthorization 100024 Invalid 'Authorization' header, Pls check authorization header. The algorithm must be HMAC-SHA256."]);
    world.check(date("2026-11-21T02:02:43Z"), expect!["400 InvalidTimestamp 100006 The Signature of the request is expired. X-Date must look like 20060102T150405Z, in UTC."]);
    world.check(date("20261121T020244Z"), expect!["401 SignatureDoesNotMatch 100010 The request signature we calculated does not match the signature you provided. Check your Secret Access Key and signing method. Consult the service documentation for details."]);
    let headers = |request: &mut Request<Bytes>| {
        request.headers_mut().remove("x-date");
    };
    world.check(altered(&headers), expect!["400 MissingRequestInfo 100004 The request is missing timestamp information. Send it as X-Date."]);
    let hash = |request: &mut Request<Bytes>| {
        request.headers_mut().insert("x-content-sha256", "00".parse().unwrap());
    };
    world.check(altered(&hash), expect!["401 SignatureDoesNotMatch 100010 The request signature we calculated does not match the signature you provided. Check your Secret Access Key and signing method. X-Content-Sha256 is not the hash of the body that arrived."]);
}

#[test]
fn a_clock_may_be_15_minutes_off() {
    let world = World::new();
    let at = |seconds: i64| {
        world.clock.set_unix_us((NOW_UNIX_S + seconds) * 1_000_000);
        world.ask(post("BatchGetUser", GET_ONE))
    };
    expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]].assert_eq(&at(900));
    expect!["400 InvalidTimestamp 100006 The Signature of the request is expired. It was signed 901 s ago and holds for 900 s."].assert_eq(&at(901));
    expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]].assert_eq(&at(-900));
    expect!["400 InvalidTimestamp 100006 The Signature of the request is expired. X-Date is 901 s ahead of this server's clock."].assert_eq(&at(-901));
}

#[test]
fn a_developer_is_shown_what_should_have_been_signed() {
    let explaining = Settings { explain_signatures: true, ..Settings::default() };
    let world = World::with(Quirks::default(), explaining);
    let mut request = post("BatchGetUser", GET_ONE);
    *request.body_mut() = "{}".into();
    world.check(request, expect![[r#"
        401 SignatureDoesNotMatch 100010 The request signature we calculated does not match the signature you provided. Check your Secret Access Key and signing method. The canonical request is:
        POST
        /
        Action=BatchGetUser&Version=2020-12-01
        x-date:20261121T020243Z

        x-date
        44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"#]]);
}

#[test]
fn a_presigned_url_is_good_for_what_it_covers() {
    let world = World::new();
    let window = "StartTime=2026-11-21T09:00:00Z&EndTime=2026-11-21T10:00:00Z";
    let list = format!("Action=ListUserInfo&Version=2023-11-01&AppId={RTC_ID}&{window}");
    world.check(
        presign("GET", &list, "", ""),
        expect![[r#"200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}"#]],
    );
    world.check(presign("GET", &list, "&RoomId=r", ""), expect!["401 SignatureDoesNotMatch 100010 X-SignedQueries does not list RoomId, so anybody may have added it."]);
    world.check(presign("GET", &list, "&AppId=r", ""), expect!["401 SignatureDoesNotMatch 100010 The request signature we calculated does not match the signature you provided. Check your Secret Access Key and signing method. Consult the service documentation for details."]);
    world.check(presign("GET", "Action=ListUserInfo", "&Version=2023-11-01", ""), expect!["401 SignatureDoesNotMatch 100010 X-SignedQueries does not list Version, so anybody may have added it."]);
    let posted = |action: &str| format!("Action={action}&Version=2020-12-01");
    world.check(
        presign("POST", &posted("BatchGetUser"), "", GET_ONE),
        expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]],
    );
    world.check(presign("POST", &posted("RegisterUsers"), "", GET_ONE), expect!["403 AccessDenied 100013 A presigned URL does not cover the body, so it cannot be used for RegisterUsers; sign with an Authorization header."]);
    world.check(presign("POST", &posted("BatchUpdateUser"), "", GET_ONE), expect!["403 AccessDenied 100013 A presigned URL does not cover the body, so it cannot be used for BatchUpdateUser; sign with an Authorization header."]);
}

#[test]
fn nobody_learns_which_apps_exist() {
    let world = World::new();
    let foreign = world.ask(post("BatchGetUser", r#"{"AppId":4112,"UserIds":[1]}"#));
    expect!["403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app."].assert_eq(&foreign);
    assert_eq!(world.ask(post("BatchGetUser", r#"{"AppId":1,"UserIds":[1]}"#)), foreign);
    assert_eq!(world.ask(get("Action=ListUserInfo&Version=2023-11-01&AppId=4111")), foreign);
}

#[test]
fn an_app_id_is_a_json_integer() {
    let world = World::new();
    let with = |app_id: &str| format!(r#"{{"AppId":{app_id},"UserIds":[1]}}"#);
    let illegal = world.ask(post("BatchGetUser", with("-1")));
    expect!["400 InvalidParameter.IllegalAppId 990007 AppId must be a JSON integer from 0 to 4294967295, without quotes."].assert_eq(&illegal);
    for app_id in ["1e400", "1e3", "4111.0", "\"4111\"", "4294967296", "true", "[4111]", "{}"] {
        assert_eq!(world.ask(post("BatchGetUser", with(app_id))), illegal, "{app_id}");
    }
    let missing = world.ask(post("BatchGetUser", with("null")));
    expect!["400 MissingParameter 100002 The request is missing AppId parameter."]
        .assert_eq(&missing);
    assert_eq!(world.ask(post("BatchGetUser", "{}")), missing);
    world.check_post("BatchGetUser", with("4111,\"AppId\":4111"), expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: duplicate field `AppId` at line 1 column 21."]);
    world.check_post("BatchGetUser", with("04111"), expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: invalid number at line 1 column 11."]);
    world.check(
        get("Action=ListUserInfo&Version=2023-11-01&AppId="),
        expect!["400 MissingParameter 100002 The request is missing AppId parameter."],
    );
}

#[test]
fn a_body_is_a_json_object() {
    let world = World::new();
    world.check_post(
        "BatchGetUser",
        "",
        expect![
            "400 InvalidParameter.BodyIsEmpty 990005 The body is empty; it must be a JSON object."
        ],
    );
    world.check_post("BatchGetUser", "hello", expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: expected value at line 1 column 1."]);
    world.check_post("BatchGetUser", "[4111,[1]]", expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: invalid type: sequence, expected an object at line 1 column 0."]);
    world.check_post("BatchGetUser", "null", expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: invalid type: null, expected an object at line 1 column 4."]);
    world.check_post("BatchGetUser", r#"{"AppId":4111,"UserIds":[1]"#, expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: EOF while parsing an object at line 1 column 27."]);
    world.check_post(
        "BatchGetUser",
        &b"{\"AppId\":4111,\"UserIds\":[1],\"a\":\"\xff\"}"[..],
        expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: invalid utf-8 sequence of 1 bytes from index 33."],
    );
    world.check_post("BatchGetUser", "[".repeat(1_000), expect!["400 InvalidParameter.Unmarshal 990006 The body cannot be read: invalid type: sequence, expected an object at line 1 column 0."]);
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let bomb = format!(r#"{{"AppId":4111,"UserIds":{}}}"#, deep(1_000));
    world.check_post("BatchGetUser", bomb, expect!["400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: sequence, expected a Long, without quotes at line 1 column 25."]);
    let bomb = format!(r#"{{"Bomb":{},"AppId":4111,"UserIds":[1]}}"#, deep(500_000));
    world.check_post("BatchGetUser", bomb, expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]]);
    let long = format!(r#"{{"AppId":4111,"UserIds":["{}"]}}"#, "x".repeat(1_000));
    world.check_post("BatchGetUser", long, expect![[r#"400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: string "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... at line 1 column 1027."#]]);
    let form = Request::post("/?Action=BatchGetUser&Version=2020-12-01")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"AppId=4111&UserIds.1=1"));
    world.check(sign(form.unwrap()), expect!["400 InvalidParameter.Unmarshal 990006 The body must be a JSON object with the Content-Type application/json; forms are not read."]);
    // The type is not looked at where the body can be read.
    let typed = Request::post("/?Action=BatchGetUser&Version=2020-12-01")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(GET_ONE.as_bytes()));
    world.check(sign(typed.unwrap()), expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]]);
}

#[test]
fn a_body_that_did_not_arrive_is_told() {
    let world = World::new();
    let ask = |fault: BodyFault| {
        let request = unsigned("BatchGetUser").body(Err(fault)).unwrap();
        let answered = wait(super::answer(&world.ctx, &world.state, request));
        let body: Value = serde_json::from_slice(answered.response.body()).unwrap();
        let message = body["ResponseMetadata"]["Error"]["Message"].to_string();
        format!("{} {} {message}", answered.response.status(), answered.outcome)
    };
    expect![[r#"413 Payload Too Large InvalidParameter.SizeOverLimit "The body has more than 4194304 bytes.""#]].assert_eq(&ask(BodyFault::TooLarge { bytes_max: 4_194_304 }));
    expect![[r#"400 Bad Request InvalidParameter.Unmarshal "The body did not arrive whole, or not in time.""#]].assert_eq(&ask(BodyFault::Broken));
}

#[test]
fn a_quota_counts_what_is_refused_later() {
    let mut world = World::new();
    world.ctx.quotas = Quotas::new(true);
    let list = format!("Action=ListUserInfo&Version=2023-11-01&AppId={RTC_ID}");
    let mut answers = (1..1_000).map(|asked| (asked, world.ask(get(&list))));
    let (asked, refused) =
        answers.find(|(_, told)| !told.starts_with("400 MissingParameter 100002 ")).unwrap();
    expect!["429 FlowLimitExceeded 100018 Request was rejected because the request speed of this openAPI is beyond the current flow control limit. ListUserInfo may be asked 10 times a second."].assert_eq(&refused);
    assert!(asked > 10, "{asked}");
    let other = world.ask(post("BatchGetUser", GET_ONE));
    assert!(other.starts_with("200 "), "another action has its own: {other}");
}

#[test]
fn what_goes_wrong_inside_is_told_without_its_cause() {
    use domain::{EngineError, Error};
    let mut told = String::new();
    let engine = EngineError::new(std::io::Error::other("secret"));
    let unavailable = Error::Unavailable(engine.clone());
    for error in [Error::Busy, unavailable, Error::Full, Error::Stopped, Error::Engine(engine)] {
        let fault = Fault::from(error);
        let (code, _, status) = fault.code.told_as();
        assert!(fault.cause.is_some(), "the log is told");
        told.push_str(&format!("{} {code} {}\n", status.as_u16(), fault.message));
    }
    expect![[r#"
        503 ServiceUnavailableTemp Too many changes are waiting. Nothing was done; send the request again later.
        503 ServiceUnavailableTemp The store cannot be reached at present. A part may have been done, and a repeat does the rest; send the request again later.
        507 InternalError The store has no room left. Nothing was done; queries go on.
        507 InternalError The store takes no more changes until the server is restarted. Nothing was done; queries go on.
        500 InternalError Service has some internal Error. Pls Contact With Admin. Nothing was done.
    "#]].assert_eq(&told);
}

#[test]
fn no_code_n_is_zero_or_means_two_codes() {
    let mut names = std::collections::BTreeMap::new();
    for code in Code::ALL {
        let (name, code_n, status) = code.told_as();
        assert!(code_n > 0 && !status.is_success(), "{name}");
        assert_eq!(*names.entry(code_n).or_insert(name), name);
    }
}

#[test]
fn the_readme_lists_every_action_and_code() {
    let readme = include_str!("README.md");
    for action in Action::ALL {
        let spec = action.spec();
        for version in spec.versions {
            let row = format!("| `{}` | {} | {} |", spec.name, version.name(), spec.method);
            assert!(readme.contains(&row), "{row}");
        }
    }
    for code in Code::ALL {
        let (name, code_n, status) = code.told_as();
        let row = format!("| `{name}` | {code_n} | {} |", status.as_u16());
        assert!(readme.contains(&row), "{row}");
    }
}

/// The second that an X-Date of the day of all captures means.
fn unix_s(dated: &str) -> i64 {
    let time = dated.strip_prefix("20261121T").unwrap();
    let number = |at: usize| time[at..at + 2].parse::<i64>().unwrap();
    // NOW_UNIX_S is 02:02:43.
    NOW_UNIX_S + (number(0) - 2) * 3_600 + (number(2) - 2) * 60 + number(4) - 43
}

#[test]
fn what_the_sdks_really_send_is_answered() {
    let lifted = Settings { documented_limits: false, ..Settings::default() };
    let world = World::with(Quirks::default(), lifted);
    let mut answers = String::new();
    for (name, capture) in CAPTURES.iter() {
        world.clock.set_unix_us(unix_s(capture.request.dated()) * 1_000_000);
        let told = world.ask(capture.request.request().unwrap());
        let told = match told.split_once(r#""CreateTime""#) {
            Some((before, _)) => format!("{before}..."),
            None => told,
        };
        answers.push_str(&format!("{name}: {told}\n"));
    }
    for action in Action::ALL {
        let capture = format!("--{}.json", action.spec().name);
        let mut names = CAPTURES.keys().map(|name| format!("{name}.json"));
        assert!(names.any(|name| name.ends_with(&capture)), "{capture}");
    }
    expect![[r#"
        go-volc-sdk-golang--BatchGetUser: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        go-volc-sdk-golang--BatchGetUser-presigned-post: 200 {"NotFoundUsers":[10001],"Users":[]}
        go-volc-sdk-golang--BatchGetUser-sts: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        go-volc-sdk-golang--BatchUpdateUser: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        go-volc-sdk-golang--BatchUpdateUserTags: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001},{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10002}]}
        go-volc-sdk-golang--GetRoomOnlineUsers: 200 {"RoomExists":false}
        go-volc-sdk-golang--ListRoomInfo: 200 {"HasMore":false,"PageNum":1,"PageSize":20,"RoomList":[],"Total":0}
        go-volc-sdk-golang--ListUserInfo: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        go-volc-sdk-golang--ListUserInfo-host-with-port-80: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        go-volc-sdk-golang--ListUserInfo-odd-chars: 403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
        go-volc-sdk-golang--ListUserInfo-presigned: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        go-volc-sdk-golang--ListUserInfo-presigned-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        go-volc-sdk-golang--ListUserInfo-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        go-volc-sdk-golang--QueryOnlineStatus: 200 {"AppId":123456,"QueryOnlineResults":{}}
        go-volc-sdk-golang--RegisterUsers: 200 {"FailedInfos":[]}
        go-volc-sdk-golang--RegisterUsers-host-with-port-80: 200 {"FailedInfos":[]}
        go-volc-sdk-golang--UnRegisterUsers: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        go-volc-sdk-golang--UserBroadcast: 200 {}
        go-volcengine-go-sdk--BatchGetUser: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        go-volcengine-go-sdk--BatchGetUser-default-content-type: 400 InvalidParameter.Unmarshal 990006 The body must be a JSON object with the Content-Type application/json; forms are not read.
        go-volcengine-go-sdk--BatchGetUser-form: 400 InvalidParameter.Unmarshal 990006 The body must be a JSON object with the Content-Type application/json; forms are not read.
        go-volcengine-go-sdk--BatchGetUser-sts: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        go-volcengine-go-sdk--BatchUpdateUser: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        go-volcengine-go-sdk--ListUserInfo: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        go-volcengine-go-sdk--ListUserInfo-odd-chars: 403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
        go-volcengine-go-sdk--ListUserInfo-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        go-volcengine-go-sdk--RegisterUsers: 200 {"FailedInfos":[]}
        java-volc-sdk-java--BatchGetUser: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        java-volc-sdk-java--BatchGetUser-sts: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        java-volc-sdk-java--BatchUpdateUser: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        java-volc-sdk-java--ListUserInfo: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        java-volc-sdk-java--ListUserInfo-odd-chars: 403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
        java-volc-sdk-java--ListUserInfo-presigned: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        java-volc-sdk-java--ListUserInfo-presigned-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        java-volc-sdk-java--QueryOnlineStatus: 200 {"AppId":123456,"QueryOnlineResults":{}}
        java-volc-sdk-java--RegisterUsers: 200 {"FailedInfos":[]}
        java-volc-sdk-java--UnRegisterUsers: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        java-volc-sdk-java--UserBroadcast: 200 {}
        npm-openapi--BatchGetUser: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        npm-openapi--BatchGetUser-fetchOpenAPI-data: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        npm-openapi--BatchGetUser-sts: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        npm-openapi--BatchGetUser-urlencode: 400 InvalidParameter.Unmarshal 990006 The body must be a JSON object with the Content-Type application/json; forms are not read.
        npm-openapi--BatchUpdateUser: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        npm-openapi--ListUserInfo: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        npm-openapi--ListUserInfo-fetchOpenAPI: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        npm-openapi--ListUserInfo-odd-chars: 403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
        npm-openapi--ListUserInfo-presigned: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        npm-openapi--ListUserInfo-presigned-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        npm-openapi--ListUserInfo-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        npm-openapi--RegisterUsers: 200 {"FailedInfos":[]}
        npm-sdkcore--BatchGetUser: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        npm-sdkcore--BatchGetUser-form: 400 InvalidParameter.Unmarshal 990006 The body must be a JSON object with the Content-Type application/json; forms are not read.
        npm-sdkcore--BatchGetUser-host-with-port-80: 200 {"NotFoundUsers":[10001],"Users":[]}
        npm-sdkcore--BatchGetUser-sts: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        npm-sdkcore--BatchUpdateUser: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        npm-sdkcore--ListUserInfo: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        npm-sdkcore--ListUserInfo-odd-chars: 403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
        npm-sdkcore--ListUserInfo-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        npm-sdkcore--RegisterUsers: 200 {"FailedInfos":[]}
        pypi-volcengine--BatchGetUser: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        pypi-volcengine--BatchGetUser-form: 400 InvalidParameter.Unmarshal 990006 The body must be a JSON object with the Content-Type application/json; forms are not read.
        pypi-volcengine--BatchGetUser-host-with-port-80: 200 {"NotFoundUsers":[10001],"Users":[]}
        pypi-volcengine--BatchGetUser-presigned-post: 200 {"NotFoundUsers":[10001],"Users":[]}
        pypi-volcengine--BatchGetUser-sts: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        pypi-volcengine--BatchUpdateUser: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        pypi-volcengine--ListUserInfo: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        pypi-volcengine--ListUserInfo-odd-chars: 403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
        pypi-volcengine--ListUserInfo-presigned: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        pypi-volcengine--ListUserInfo-presigned-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        pypi-volcengine--ListUserInfo-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        pypi-volcengine--RegisterUsers: 200 {"FailedInfos":[]}
        pypi-volcengine--RegisterUsers-utf8body: 200 {"FailedInfos":[{"Code":"UserAlreadyExist","Message":"This UserId is registered with another profile, which is unchanged; use BatchUpdateUser to change it.","UserId":"10004"}]}
        pypi-volcenginesdkcore--BatchGetUser: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        pypi-volcenginesdkcore--BatchGetUser-form: 400 InvalidParameter.Unmarshal 990006 The body must be a JSON object with the Content-Type application/json; forms are not read.
        pypi-volcenginesdkcore--BatchGetUser-sts: 200 {"NotFoundUsers":[10001,10002],"Users":[]}
        pypi-volcenginesdkcore--BatchUpdateUser: 200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":10001}]}
        pypi-volcenginesdkcore--ListUserInfo: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        pypi-volcenginesdkcore--ListUserInfo-odd-chars: 403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
        pypi-volcenginesdkcore--ListUserInfo-sts: 200 {"PageNum":1,"PageSize":20,"Total":0,"UserList":[]}
        pypi-volcenginesdkcore--RegisterUsers: 200 {"FailedInfos":[]}
    "#]].assert_eq(&answers);
}
