"""What every language asks, and what it must get back.

Each language has users of its own to register, so that they cannot disturb one another.
"""

import dataclasses
import datetime
import hashlib
import json
import urllib.parse

import volcengine
from expect import absent, differences, empty, some_text
from receiver import SECRET

APP = 4111
EVENT_TOKEN = "token-of-the-conformance-suite"
CALLBACK_SECRET = "callback-secret-of-the-conformance-suite"
SERVER_SECRET = "9193cc662a4c0ec135ec71fb57194b38"
KEY = ("AKLTconformance0001", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAx==")

CONTENT_BYTES_MAX = 32 * 1024
# How long a delivery is waited for.
ARRIVES_S = 30


def config(receiver_url):
    return f"""
limits = "off"
allow_private_broadcast_urls = true

[[apps]]
id = {APP}
rtc_id = "661e0000000000000000543c"
name = "conformance"
server_secret = "{SERVER_SECRET}"
event_token = "{EVENT_TOKEN}"
access_keys = [{{ id = "{KEY[0]}", secret = "{KEY[1]}" }}]
broadcast_url = "{receiver_url}"
broadcast_secret = "{SECRET}"
[apps.sources]
zegocloud = {{ callback_secret = "{CALLBACK_SECRET}" }}
"""

# Registered through the Volcengine dialect: one directory for all dialects.
REGISTERED = [
    {"UserId": 10001, "NickName": "张三 A+B", "Portrait": "http://example.com/p.png?x=1&y=2"},
    {"UserId": 10002, "NickName": "李四", "Portrait": "http://example.com/q.png",
     "Tags": ["age"], "Ext": {"key": "value"}},
    {"UserId": 10003},
]


NOT_TO_BE_LOGGED = (SERVER_SECRET, CALLBACK_SECRET, KEY[1], EVENT_TOKEN, SECRET, "张三",
                    "http://example.com/", "大家好")


def shown(user_id, name="", avatar=""):
    return {"UserId": user_id, "UserName": name, "UserAvatar": avatar, "Extra": ""}


ZHANG = shown("10001", "张三 A+B", "http://example.com/p.png?x=1&y=2")
LI = shown("10002", "李四", "http://example.com/q.png")
BARE = shown("10003")


@dataclasses.dataclass(frozen=True)
class Case:
    action: str
    name: str
    asks: dict
    # The signature to compute, or what the body must hold.
    signature: str = None
    body: dict = None

    def complaints(self, answer):
        if "broken" in answer:
            return [f"the client failed: {answer['broken']}"]
        if self.signature:
            return differences(self.signature, answer.get("signature"), "signature")
        # The vendor's samples read the body at status 200 alone, so every answer has it.
        wrong = differences("200", answer.get("status"), "status")
        try:
            return wrong + differences(self.body, json.loads(answer["body"]), "body")
        except ValueError:
            return [*wrong, f"the body is not JSON: {answer['body']!r}"]


def case(name, user_ids, expected, host="", base="/", **asks):
    step = {
        "base": f"http://{host}{base}", "action": "QueryUserInfos", "app_id": str(APP),
        "server_secret": SERVER_SECRET, "signature_version": "2.0", "nonce": "", "timestamp": "",
        "clock_offset": "0", "omit": "", "extra": "", "send": "yes",
        "method": "POST", "content_type": "application/json",
        "body": json.dumps({"UserIds": user_ids}, ensure_ascii=False),
    }
    step |= asks
    return Case(step["action"], name, step, body=expected)


def found(*users, unknown=()):
    return {"Code": 0, "Message": some_text, "RequestId": some_text, "Data": absent,
            "Result": list(users),
            "ErrorList": [{"UserId": user, "SubCode": 660000002} for user in unknown]}


def refused(code):
    return {"Code": code, "Message": some_text, "RequestId": some_text, "Data": absent}


def none_found(*unknown):
    return refused(660000002) | {
        "Result": [],
        "ErrorList": [{"UserId": user, "SubCode": 660000002} for user in unknown]}


def refused_as_a_whole(code):
    return refused(code) | {"Result": empty, "ErrorList": []}


def cases(host):
    two = ["10001", "10002"]
    plain = found(ZHANG, LI)

    def ask(name, user_ids, body, **asks):
        return case(name, user_ids, body, host, **asks)

    published = ask("", [], None, app_id="12345", nonce="4fd24687296dd9f3", send="no",
                    timestamp="1615186943")
    yield Case("signature", "the published example of a signature", published.asks,
               signature="43e5cfcca828314675f91b001390566a")
    yield ask("all found", two, plain)
    yield ask("one found, its optional fields empty", ["10003"], found(BARE))
    yield ask("some unknown, in the request's order", ["10003", "nobody", "10001", "a+b c<d>|~"],
              found(BARE, ZHANG, unknown=["nobody", "a+b c<d>|~"]))
    yield ask("all unknown", ["nobody", "20001"], none_found("nobody", "20001"))
    yield ask("the same id twice is answered once", ["10001", "10002", "10001"], plain)
    yield ask("an id with a leading zero is another id", ["010001"], none_found("010001"))
    yield ask("100 ids", [*two, *(f"u{n}" for n in range(98))],
              found(ZHANG, LI, unknown=[f"u{n}" for n in range(98)]))
    yield ask("101 ids", [f"u{n}" for n in range(101)], refused_as_a_whole(660000011))
    yield ask("no id", [], refused_as_a_whole(660000002))

    yield ask("raw brackets in a parameter nobody asked for", two, plain,
              extra="UserId[]=x&UserId[]=y")
    yield ask("encoded brackets in a parameter nobody asked for", two, plain,
              extra="UserId%5B%5D=x&UserId%5B%5D=y")
    yield ask("indexed brackets in a parameter nobody asked for", two, plain,
              extra="UserId[0]=x&UserId%5B1%5D=y")
    yield ask("IsTest, which other products of the vendor want", two, plain, extra="IsTest=false")
    yield ask("a nonce in base 36, as the vendor's own sample sends", two, plain,
              nonce="k3j9x0q2mzp")
    yield ask("a constant nonce", two, plain, nonce="12344321")
    yield ask("the same nonce again", two, plain, nonce="12344321")
    yield ask("a content type with a charset", two, plain,
              content_type="application/json;charset=utf-8")
    yield ask("no slash before the question mark", two, plain, base="")
    yield ask("two slashes before the question mark", two, plain, base="//")

    yield ask("a clock 590 s behind", two, plain, clock_offset="-590")
    yield ask("a clock 590 s ahead", two, plain, clock_offset="590")
    yield ask("a clock 610 s behind: expired", two, refused(100000004), clock_offset="-610")
    yield ask("a clock 610 s ahead: expired", two, refused(100000004), clock_offset="610")
    yield ask("a wrong secret: bad signature", two, refused(100000005),
              server_secret="0" * 32)
    yield ask("an unknown app", two, refused(100000010), app_id="4999")
    yield ask("an app id that is no number", two, refused(100000001), app_id="abc")
    yield ask("an action that does not exist", two, refused(100000007), action="QueryNobody")
    yield ask("no nonce", two, refused(100000008), omit="SignatureNonce")
    yield ask("no signature", two, refused(100000009), omit="Signature")
    yield ask("no timestamp", two, refused(100000002), omit="Timestamp")
    yield ask("a timestamp that is no number", two, refused(100000003), timestamp="yesterday")
    yield ask("no signature version", two, refused(100000013), omit="SignatureVersion")
    yield ask("signature version 1.0", two, refused(100000014), signature_version="1.0")
    yield ask("after all refusals, the next good request", two, plain)


def events(now_unix_s):
    """What happened in the rooms: `lesson` is on, with a recorder; `empty` is over; `lost` ended."""
    def event(number, kind, at_s, room, user=None, **more):
        moment = datetime.datetime.fromtimestamp(now_unix_s + at_s, datetime.timezone.utc)
        data = {"roomId": room, "callId": f"call of {room}"} | more
        if user:
            data |= {"userId": user, "connectionId": f"{room} {user}"}
        return {"specversion": "1.0", "id": f"conformance-{number}", "source": "sfu-1",
                "type": f"rtc.{kind}", "data": data, "time": f"{moment:%Y-%m-%dT%H:%M:%S}.250Z"}

    joined, left = "participant.joined", "participant.left"
    return [
        event(1, joined, -600, "lesson", "10001", client={"os.name": "ios"}),
        event(2, joined, -500, "lesson", "语 +&"),
        event(3, joined, -400, "lesson", "recorder", client={"os.name": "linux"}),
        event(4, joined, -700, "lesson", "10002"),
        event(5, left, -300, "lesson", "10002"),
        event(6, joined, -700, "empty", "10002"),
        event(7, left, -650, "empty", "10002"),
        event(8, joined, -700, "lost", "10003"),
        event(9, "room.finished", -650, "lost"),
    ]


def callbacks(now_unix_s):
    """ZIM's user_action, as it is documented: late, twice, and in no order."""
    def callback(user, session, action, at_s):
        at = now_unix_s + at_s
        nonce = f"{at}{session}"
        parts = sorted([CALLBACK_SECRET, str(now_unix_s), nonce])
        body = {"appid": str(APP), "event": "user_action", "timestamp": now_unix_s,
                "nonce": nonce, "user_id": user, "user_name": "name of " + user, "os": "PC ",
                "action": action, "session_id": session, "login_time": at, "relogin": "0",
                "signature": hashlib.sha1("".join(parts).encode()).hexdigest()}
        if action:
            body |= {"login_time": at - 60, ("logout_time", "offline_time")[action - 1]: at,
                     "logout_reason": "0"}
        return body

    online, out, lost = 0, 1, 2
    return [
        callback("zim-in", "1", online, -300),
        callback("zim-lost", "2", lost, -200),
        callback("zim-lost", "2", online, -300),
        callback("zim-out", "3", online, -300),
        callback("zim-out", "3", out, -200),
        callback("zim-out", "3", online, -300),
        # By two sessions; of the one that goes first it is told last.
        callback("zim-two", "5", online, -100),
        callback("zim-two", "4", out, -200),
        # Who logged out and is in a room is online all the same.
        callback("10001", "6", out, -200),
    ]


def query_of(**lists):
    """Lists as this language's vendor documents them: a name with brackets, once for each item."""
    return "&".join(f"{name}%5B%5D={urllib.parse.quote(item, safe='')}"
                    for name, items in lists.items() for item in items)


def failures(*failed):
    return [{"UserId": user, "SubCode": code, "SubMessage": some_text} for user, code in failed]


def changes(host, language):
    """UserRegister, RobotRegister and ModifyUserInfo, and what QueryUserInfos shows then."""
    def own(name):
        return f"{language.lower()}-{name}"

    def ask(action, name, users, *failed, code=0, **asks):
        body = {"Code": code, "Message": some_text, "RequestId": some_text, "Data": absent,
                "ErrorList": failures(*failed)}
        text = json.dumps({"UserInfo": users}, ensure_ascii=False)
        return case(name, [], body, host, action=action, body=text, **asks)

    def seen(name, *users):
        return case(name, [user["UserId"] for user in users], found(*users), host)

    register, robots, modify = "UserRegister", "RobotRegister", "ModifyUserInfo"
    alice = {"UserId": own("alice"), "UserName": "爱丽丝 A+B", "UserAvatar": "http://example.com/a"}
    yield ask(register, "two users", [alice, {"UserId": own("bare")}])
    yield seen("who was registered", alice | {"Extra": ""}, shown(own("bare")))
    yield ask(register, "somebody who exists, alone", [alice], (alice["UserId"], 660700002),
              code=660700002)
    yield ask(register, "somebody who exists, among others",
              [alice | {"UserName": "no"}, {"UserId": own("new")}], (alice["UserId"], 660700002))
    yield ask(register, "each failure has its own code",
              [{"UserId": "x" * 33}, {"UserId": "a,b"}, {"UserId": own("n"), "UserName": "n" * 257},
               {"UserId": own("p"), "UserAvatar": "p" * 501}, {"UserId": own("newer")}],
              ("x" * 33, 660000012), ("a,b", 660000002), (own("n"), 660700006),
              (own("p"), 660700007))
    yield ask(register, "101 users", [{"UserId": f"u{n}"} for n in range(101)], code=660000011)
    yield ask(register, "no user", [], code=660000002)
    yield case("a wrong secret: bad signature", [], refused(100000005), host, action=register,
               server_secret="0" * 32)
    yield ask(robots, "a bot", [{"UserId": f"@RBT#{language}", "UserName": "bot"}])
    yield ask(robots, "a bot that exists", [{"UserId": f"@RBT#{language}"}],
              (f"@RBT#{language}", 660700002), code=660700002)
    yield ask(robots, "an id that is no bot's", [{"UserId": own("bot")}], (own("bot"), 660000002),
              code=660000002)
    yield ask(robots, "21 bots", [{"UserId": f"@RBT#{n}"} for n in range(21)], code=660000011)
    yield ask(modify, "one field", [{"UserId": alice["UserId"], "Extra": "更多"}])
    yield seen("the rest survives", alice | {"Extra": "更多"})
    yield ask(modify, "empty text clears", [{"UserId": alice["UserId"], "UserName": ""}])
    yield seen("after that", alice | {"Extra": "更多", "UserName": ""})
    yield ask(modify, "somebody unknown, among others",
              [{"UserId": own("nobody"), "UserName": "n"}, {"UserId": own("bare"), "UserName": "B"}],
              (own("nobody"), 660700012))
    yield ask(modify, "somebody unknown, alone", [{"UserId": own("nobody")}],
              (own("nobody"), 660700012), code=660700012)


def wishes(language):
    """Messages to all users that are accepted, by their cases, and what is delivered of each."""
    def text(name, **body):
        return {"FromUserId": "10001", "MessageType": 1,
                "MessageBody": {"Message": f"大家好 {name} of {language}"} | body}

    whole = text("whole", ExtendedData="e" * 1024, HasReceipt=1,
                 OfflinePush={"PushDataInfo": {"Title": "t"}})
    largest = f"{language:>8}" + "好" * (CONTENT_BYTES_MAX // 3 - 2)
    return {
        "a text": (text("a text"), {}),
        "with all that there is": (whole | {"PushType": 2}, {}),
        "of an app's own type": (
            text("own type") | {"MessageType": 200, "SubMsgType": 7}, {}),
        "a SubMsgType beside another type is left out": (
            text("sub type") | {"SubMsgType": 7}, {"SubMsgType": absent}),
        "from somebody who is not registered but has logged in": (
            text("zim-lost") | {"FromUserId": "zim-lost"}, {}),
        "a message of 32 KiB": (text("") | {"MessageBody": {"Message": largest}}, {}),
    }


def too_large(language):
    return wishes(language)["a message of 32 KiB"][0]["MessageBody"]["Message"] + "a"


def messages(host, language):
    """SendMessageToAllUsers: what is accepted, and what is refused with which code."""
    action = "SendMessageToAllUsers"

    def ask(name, wish, code=0, **asks):
        text = json.dumps(wish, ensure_ascii=False)
        return case(name, [], refused(code), host, action=action, body=text, **asks)

    accepted = wishes(language)
    for name, (wish, _) in accepted.items():
        yield ask(name, wish)
    good = wishes(language)["a text"][0]
    no = good | {"MessageBody": {"Message": f"大家好 no of {language}"}}
    yield ask("a message of 32 KiB and a byte",
              no | {"MessageBody": {"Message": too_large(language)}}, 660400001)
    yield ask("ExtendedData of 1,025 bytes",
              no | {"MessageBody": no["MessageBody"] | {"ExtendedData": "e" * 1025}}, 660400001)
    yield ask("from nobody who is known", no | {"FromUserId": "nobody"}, 660500002)
    for name, wish in {
            "no FromUserId": {"FromUserId": None}, "FromUserId of 33 bytes": {"FromUserId": "x" * 33},
            "no MessageType": {"MessageType": None}, "a MessageType that is none": {"MessageType": 2},
            "SubMsgType of 201": {"SubMsgType": 201}, "PushType of 3": {"PushType": 3},
            "no MessageBody": {"MessageBody": None}, "no Message": {"MessageBody": {}},
            "MessageType as text": {"MessageType": "1"}}.items():
        yield ask(name, no | wish, 660000002)
    yield ask("a wrong secret: bad signature", no, 100000005, server_secret="0" * 32)
    yield ask("an unknown app", no, 100000010, app_id="4999")


def delivered(receiver, server, languages):
    """What is wrong with what the receiver got, by the cases that should have reached it.

    It is of the last of these languages, which have asked one after the other.
    """
    wrong, language = {}, languages[-1]
    for name, (wish, left_out) in wishes(language).items():
        text = wish["MessageBody"]["Message"]
        came = receiver.find(lambda it: message_of(it) == text, ARRIVES_S)
        expected = {"appId": APP, "dialect": "zegocloud", "action": "SendMessageToAllUsers",
                    "message": wish | left_out, "userIds": everybody(languages)}
        wrong[name] = differences(expected, came.data, "data") if came else ["it did not come"]
    # Broadcasts take turns, the oldest first: what comes at all is there before a later one.
    fence = f"fence of {language}"
    volcengine.call(server, *KEY, "UserBroadcast", {
        "AppId": APP, "Sender": 10001, "MsgType": 10001, "MsgTTL": 600, "Content": fence})
    if not receiver.find(lambda it: it.data["message"].get("Content") == fence, ARRIVES_S):
        wrong["none that was refused"] = ["a later one did not come"]
        return wrong
    refused_ones = {f"大家好 no of {language}", too_large(language)}
    wrong["none that was refused"] = [
        f"{it.id} came" for it in receiver.deliveries if message_of(it) in refused_ones]
    return wrong


def message_of(delivery):
    """The text of a message of this dialect."""
    return delivery.data["message"].get("MessageBody", {}).get("Message")


def everybody(languages):
    """Whoever was registered before, by whatever action, each once, and nobody else."""
    known = sorted([*(str(user["UserId"]) for user in REGISTERED), *(
        own for language in languages for own in (
            *(f"{language.lower()}-{name}" for name in ("alice", "bare", "new", "newer")),
            f"@RBT#{language}"))])
    return lambda told: None if isinstance(told, list) and sorted(told) == known else (
        f"expected {known} in some order")


def presence(host):
    """Who is online, and who is in rooms: all by GET."""
    def ask(action, name, extra, body, **asks):
        return case(name, [], body, host, action=action, method="GET", extra=extra, **asks)

    def states(online=(), offline=(), out=(), code=0):
        return {"Code": code, "Message": some_text, "RequestId": some_text, "Data": absent,
                "Result": [{"UserId": user, "Status": "Online"} for user in online]
                + [{"UserId": user, "Status": "Offline"} for user in offline],
                "ErrorList": [{"UserId": user, "SubCode": 660200001} for user in out]}

    online = "QueryUserOnlineState"
    three = ["10001", "10003", "10002", "nobody"]
    in_three = states(["10001"], ["10003"], ["10002", "nobody"])
    yield ask(online, "the three states, with encoded brackets", query_of(UserId=three), in_three)
    yield ask(online, "with raw brackets", "&".join(f"UserId[]={user}" for user in three), in_three)
    yield ask(online, "with an index",
              "&".join(f"UserId[{n}]={user}" for n, user in enumerate(three)), in_three)
    yield ask(online, "without brackets", "&".join(f"UserId={user}" for user in three), in_three)
    yield ask(online, "as ZIM's callbacks tell",
              query_of(UserId=["zim-in", "zim-two", "zim-lost", "zim-out", "zim-never"]),
              states(["zim-in", "zim-two"], ["zim-lost"], ["zim-out", "zim-never"]))
    yield ask(online, "nobody is logged in", query_of(UserId=["10002"]),
              states(out=["10002"], code=660200001))
    yield ask(online, "101 ids", query_of(UserId=["u"] * 101), refused_as_a_whole(660000011))
    yield ask(online, "no id", "", refused_as_a_whole(660000002))

    def told(data):
        return {"Code": 0, "Message": some_text, "RequestId": some_text, "Data": data}

    def listed(*users, marker=""):
        names = {"10001": "张三 A+B"}
        roles = {"recorder": 4}
        return told({"Marker": marker, "UserList": [
            {"UserId": user, "UserName": names.get(user, ""), "UserRole": roles.get(user, 2)}
            for user in users]})

    users = "DescribeUserList"
    yield ask(users, "by the time of their login", "RoomId=lesson",
              listed("10001", "语 +&", "recorder"))
    yield ask(users, "the other way round", "RoomId=lesson&Mode=1",
              listed("recorder", "语 +&", "10001"))
    yield ask(users, "a first page", "RoomId=lesson&Limit=2",
              listed("10001", "语 +&", marker=some_text))
    yield ask(users, "a room that is over", "RoomId=empty", listed())
    yield ask(users, "no room", "", refused(2))
    yield ask(users, "a limit of 201", "RoomId=lesson&Limit=201", refused(2))
    count = "DescribeUserNum"
    yield ask(count, "three rooms", query_of(RoomId=["lesson", "empty", "nowhere"]),
              told({"UserCountList": [
                  {"RoomId": "lesson", "UserCount": 3, "AdminUserCount": 1},
                  {"RoomId": "empty", "UserCount": 0, "AdminUserCount": 0},
                  {"RoomId": "nowhere", "UserCount": 0, "AdminUserCount": 0}]}))
    yield ask(count, "11 rooms", query_of(RoomId=["r"] * 11), refused(2))
    some = "DescribeUsers"
    yield ask(some, "who is there and who is not", "RoomId=lesson&" + query_of(
        UserId=["语 +&", "10002", "recorder"]), told({"UserStatusList": [
            {"UserId": "语 +&", "Status": 1, "LoginTime": some_time, "UserRole": 2},
            {"UserId": "10002", "Status": 0, "LoginTime": 0, "UserRole": 0},
            {"UserId": "recorder", "Status": 1, "LoginTime": some_time, "UserRole": 4}]}))
    yield ask(some, "a room that is over", "RoomId=empty&UserId[]=10002", refused(50001))
    yield ask(some, "11 users", "RoomId=lesson&" + query_of(UserId=["u"] * 11), refused(50011))


def some_time(actual):
    """Milliseconds of this century that end as the events' times do."""
    is_number = isinstance(actual, int) and not isinstance(actual, bool)
    is_right = is_number and actual > 946684800000 and actual % 1000 == 250
    return None if is_right else "expected milliseconds"
