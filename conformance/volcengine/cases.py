"""What every client asks, in order, and what it must get back.

The clients are thin: they send these requests through their SDK and print what the SDK decoded. The
expectations are here, once for all of them; where an answer depends on the client, the case says so.
Each client has user ids of its own, so that the clients cannot disturb one another.
"""

import dataclasses
import datetime

import volcengine
from expect import beginning, between, differences, empty, some_text
from receiver import SECRET

APP = 4111
RTC_APP = "661e0000000000000000543c"
OTHER_APP = 4112
OTHER_RTC_APP = "661e0000000000000000543d"
NO_APP = 4999
NO_RTC_APP = "661e00000000000000005fff"
KEY = ("AKLTconformance0001", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAx==")
OTHER_KEY = ("AKLTconformance0002", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAy==")
SESSION_TOKEN = "STS2eyJ0b2tlbiI6InRlc3QvKz0ifQ=="
EVENT_TOKEN = "token-of-the-conformance-suite"
NOT_TO_BE_LOGGED = (KEY[1], OTHER_KEY[1], SESSION_TOKEN, EVENT_TOKEN, "张三", "http://example.com/",
                    "tag1:v1", SECRET, "一条消息")


def config(receiver_url):
    return f"""
limits = "off"
explain_signatures = true
allow_private_broadcast_urls = true

[[apps]]
id = {APP}
rtc_id = "{RTC_APP}"
name = "conformance"
server_secret = "9193cc662a4c0ec135ec71fb57194b38"
event_token = "{EVENT_TOKEN}"
access_keys = [{{ id = "{KEY[0]}", secret = "{KEY[1]}" }}]
broadcast_url = "{receiver_url}"
broadcast_secret = "{SECRET}"

[[apps]]
id = {OTHER_APP}
rtc_id = "{OTHER_RTC_APP}"
name = "of somebody else"
server_secret = "0193cc662a4c0ec135ec71fb57194b38"
event_token = "another-{EVENT_TOKEN}"
access_keys = [{{ id = "{OTHER_KEY[0]}", secret = "{OTHER_KEY[1]}" }}]
"""


@dataclasses.dataclass(frozen=True)
class Client:
    """What the cases must know about one SDK."""

    name: str
    # Of a refusal: what the SDK lets its caller see beside the code.
    shows: frozenset = frozenset({"status", "code_n"})
    shows_metadata: bool = True
    presigns: bool = False
    # A typed body cannot say "absent" and "null" apart.
    says_null: bool = True
    says_empty_text: bool = True
    # Its types of users have the field IsRobot.
    says_robot: bool = True
    # JSON numbers beyond 2^53 survive.
    exact_numbers: bool = True
    # It can ask for a version of an action that the SDK does not know.
    any_version: bool = True
    # It tells the server that it is the vendor's Go SDK, and decodes an int64 in RegisterUsers.
    is_go_im: bool = False


@dataclasses.dataclass(frozen=True)
class Case:
    """One request of one client: `asks` goes to the client, `expects` stays here."""

    action: str
    name: str
    asks: dict
    answer: object = None
    refusal: dict = None


# The actions that are asked by GET; the others are POSTs of the older version.
GETS = ("ListUserInfo", "ListRoomInfo", "GetRoomOnlineUsers")


def case(action, name, request, answer=None, refusal=None, key=KEY, token="", via="header",
         append="", version=None):
    asks = {
        "action": action,
        "case": name,
        "version": version or ("2023-11-01" if action in GETS else "2020-12-01"),
        "method": "GET" if action in GETS else "POST",
        "access_key": key[0],
        "secret_key": key[1],
        "session_token": token,
        "via": via,
        "append": append,
        "request": request,
    }
    return Case(action, name, asks, answer, refusal)


def refused(code, status, code_n=None):
    code_n_wanted = code_n if code_n else between(1, 2**32 - 1)
    return {"code": code, "status": status, "code_n": code_n_wanted, "message": some_text}


SIGNATURE_DOES_NOT_MATCH = refused("SignatureDoesNotMatch", 401, 100010)
INVALID_ACCESS_KEY = refused("InvalidAccessKey", 401, 100009)
NO_PERMISSION = refused("AccessDenied.NoPermissionForApp", 403)
INVALID_PARAMETER = refused(beginning("InvalidParameter"), 400)
# What a presigned call that is not allowed is refused with is nowhere written.
NOT_PRESIGNED = refused(some_text, between(400, 499))

CONTENT_BYTES_MAX = 32 * 1024
TOO_LARGE = refused("InvalidParameter.SizeOverLimit", 413, 990008)
# How long a delivery is waited for.
ARRIVES_S = 30


def some_of(ids):
    """A list of these ids, as texts, in whatever order the store has them."""
    wanted = sorted(map(str, ids))
    return lambda told: None if isinstance(told, list) and sorted(told) == wanted else (
        f"expected {wanted} in some order")


NOBODY_FAILED = {"FailedInfos": []}


def failed(user_id, code):
    return {"UserId": user_id, "Code": code, "Message": some_text}


def refusals(action, request, ids):
    """The refusals that all actions share; `ids` names an app's ids for this action."""
    known, others, nobodys = ids
    return [
        case(action, "a wrong secret is refused", request | {"AppId": known},
             refusal=SIGNATURE_DOES_NOT_MATCH, key=(KEY[0], "d3Jvbmc=")),
        case(action, "an unknown access key is refused", request | {"AppId": known},
             refusal=INVALID_ACCESS_KEY, key=("AKLTnobody", KEY[1])),
        case(action, "an unknown app is refused", request | {"AppId": nobodys},
             refusal=NO_PERMISSION),
        case(action, "an app of another key is refused in the same way",
             request | {"AppId": others}, refusal=NO_PERMISSION),
    ]


IM_IDS = (APP, OTHER_APP, NO_APP)
RTC_IDS = (RTC_APP, OTHER_RTC_APP, NO_RTC_APP)
ZHANG = {"NickName": "张三 A+B", "Portrait": "http://example.com/p.png?x=1&y=2",
         "Tags": ["age", "level"], "Ext": {"key": "value", "钥匙": "值 & <>"}}
LI = {"NickName": "李四", "Portrait": "http://example.com/q.png", "Tags": ["tag1:v1"],
      "Ext": {"a": "b"}}
BARE = {"NickName": empty, "Portrait": empty, "Tags": empty, "Ext": empty}


class Directory:
    """The cases of the three actions on the directory, for one client."""

    def __init__(self, client, base, started_unix_ms):
        self.client = client
        self.base = base
        # Nothing was registered before the suite began, nor will be in an hour's time.
        self.lately = between(started_unix_ms, started_unix_ms + 3_600_000)

    def id(self, n):
        return self.base + n

    def shown(self, n, profile):
        return {"AppId": APP, "UserId": self.id(n), **profile,
                "CreateTime": self.lately, "ModifyTime": self.lately}

    def register(self, name, users, failures=(), **more):
        body = {"AppId": APP, "Users": [{"UserId": self.id(n), **profile} for n, profile in users]}
        # The page says text; the vendor's Go SDK decodes a number, and says who it is.
        answer = {"FailedInfos": [
            failed(self.id(n) if self.client.is_go_im else str(self.id(n)), code)
            for n, code in failures]}
        if "refusal" in more:
            answer = None
        return case("RegisterUsers", name, body, answer, **more)

    def update(self, name, users, failures=(), **more):
        body = {"AppId": APP, "Users": [{"UserId": self.id(n), **profile} for n, profile in users]}
        answer = {"FailedInfos": [failed(self.id(n), code) for n, code in failures]}
        if "refusal" in more:
            answer = None
        return case("BatchUpdateUser", name, body, answer, **more)

    def get(self, name, numbers, found, not_found=(), **more):
        body = {"AppId": APP, "UserIds": [self.id(n) for n in numbers]}
        answer = {"Users": [self.shown(n, profile) for n, profile in found] or empty,
                  "NotFoundUsers": [self.id(n) for n in not_found] or empty}
        if "refusal" in more:
            answer = None
        return case("BatchGetUser", name, body, answer, **more)

    def cases(self):
        return [*self.registrations(), *self.queries(), *self.updates(), *self.tags(),
                *self.deregistrations(), *self.broadcasts(), *self.presigned()]

    def registrations(self):
        twins = [(4, {"NickName": "first"}), (4, {"NickName": "second"})]
        yield self.register("success", [(1, ZHANG), (2, {})])
        yield self.register("a repeat of the same profile is harmless", [(1, ZHANG), (2, {})])
        yield self.register("partial failure: another profile is there already",
                            [(1, ZHANG | {"NickName": "somebody else"}), (3, LI)],
                            [(1, "UserAlreadyExist")])
        yield self.register("partial failure: the same id twice", twins, [(4, some_text)])
        yield self.register("partial failure: a name of 101 characters, beside one of 100",
                            [(5, {"NickName": "名" * 101}), (6, {"NickName": "名" * 100})],
                            [(5, "InvalidParameter")])
        yield self.register("all may fail: still an answer", [(5, {"Ext": {"s:reserved": "v"}})],
                            [(5, "InvalidParameter")])
        yield self.register("temporary key", [(7, {"NickName": "by STS"})], token=SESSION_TOKEN)
        yield self.register("21 users are refused", [(20 + n, {}) for n in range(21)],
                            refusal=INVALID_PARAMETER)
        yield self.register("no user is refused", [], refusal=INVALID_PARAMETER)
        yield from refusals("RegisterUsers", {"Users": [{"UserId": self.id(8)}]}, IM_IDS)
        if self.client.exact_numbers:
            yield self.register("an id beyond 2^53", [(LARGE, {"NickName": "large"})])

    def queries(self):
        yield self.get("success", [1], [(1, ZHANG)])
        yield self.get("the request's order, an unknown id, a repeated id", [3, 1, 9, 2, 3],
                       [(3, LI), (1, ZHANG), (2, BARE)], [9])
        yield self.get("nobody is known", [10, 9], [], [10, 9])
        yield self.get("what was refused or failed left no trace", [4, 5, 6, 8, 20, 40],
                       [(4, BARE | {"NickName": "first"}), (6, BARE | {"NickName": "名" * 100})],
                       [5, 8, 20, 40])
        yield self.get("temporary key", [7], [(7, BARE | {"NickName": "by STS"})],
                       token=SESSION_TOKEN)
        yield self.get("50 ids", [1, *range(51, 100)], [(1, ZHANG)], range(51, 100))
        yield self.get("51 ids are refused", range(51, 102), [], refusal=INVALID_PARAMETER)
        yield self.get("no id is refused", [], [], refusal=INVALID_PARAMETER)
        yield from refusals("BatchGetUser", {"UserIds": [self.id(1)]}, IM_IDS)
        if self.client.exact_numbers:
            yield self.get("an id beyond 2^53", [LARGE], [(LARGE, BARE | {"NickName": "large"})])

    def updates(self):
        update, get = self.update, self.get
        yield update("success", [(1, LI | {"Ext": {"new": "only"}}), (2, ZHANG)])
        yield get("after an update of all fields", [1, 2],
                  [(1, LI | {"Ext": {"new": "only"}}), (2, ZHANG)])
        yield update("only NickName", [(2, {"NickName": "王五"})])
        yield get("the rest survives an update of NickName", [2],
                  [(2, ZHANG | {"NickName": "王五"})])
        if self.client.says_null:
            yield update("null", [(2, {"NickName": "赵六", "Portrait": None, "Tags": None,
                                       "Ext": None})])
            yield get("the rest survives null", [2], [(2, ZHANG | {"NickName": "赵六"})])
        yield update("partial failure: an unknown id", [(9, {"NickName": "n"}), (3, ZHANG)],
                     [(9, "UserNotFound")])
        yield update("partial failure: the same id twice",
                     [(4, {"NickName": "third"}), (4, {"NickName": "fourth"})], [(4, some_text)])
        yield update("partial failure: a name of 101 characters",
                     [(3, {"NickName": "n" * 101}), (6, {"NickName": "short"})],
                     [(3, "InvalidParameter")])
        yield get("after updates that failed in part", [3, 4, 6],
                  [(3, ZHANG), (4, BARE | {"NickName": "third"}),
                   (6, BARE | {"NickName": "short"})])
        # The typed clients have to name NickName and Portrait, so give them what is there.
        same = {"NickName": ZHANG["NickName"], "Portrait": ZHANG["Portrait"]}
        yield update("an empty list and an empty map", [(3, same | {"Tags": [], "Ext": {}})])
        yield get("an empty list and an empty map clear", [3],
                  [(3, ZHANG | {"Tags": empty, "Ext": empty})])
        yield update("empty text", [(3, {"NickName": "", "Portrait": "", "Tags": ["kept"]})])
        # One SDK sends "" for every field that its caller did not set, so from it "" leaves.
        kept = BARE if self.client.says_empty_text else ZHANG | {"Ext": empty}
        yield get("empty text clears, but not from the SDK that always sends it", [3],
                  [(3, kept | {"Tags": ["kept"]})])
        yield update("temporary key", [(7, {"NickName": "by STS again"})], token=SESSION_TOKEN)
        yield update("11 users are refused", [(1, {"NickName": "no"})] * 11,
                     refusal=INVALID_PARAMETER)
        yield update("no user is refused", [], refusal=INVALID_PARAMETER)
        yield from refusals("BatchUpdateUser",
                            {"Users": [{"UserId": self.id(1), "NickName": "no"}]}, IM_IDS)
        yield get("after updates that were refused", [1, 7],
                  [(1, LI | {"Ext": {"new": "only"}}), (7, BARE | {"NickName": "by STS again"})])

    def ids(self, action, name, numbers, failures=(), **more):
        fields = {field: more.pop(field) for field in ("Tags", "Op") if field in more}
        body = {"AppId": APP, "UserIds": [self.id(n) for n in numbers], **fields}
        answer = {"FailedInfos": [failed(self.id(n), code) for n, code in failures] or empty}
        if "refusal" in more:
            answer = None
        return case(action, name, body, answer, **more)

    def tags(self):
        def tag(name, numbers, failures=(), **more):
            return self.ids("BatchUpdateUserTags", name, numbers, failures, **more)

        robot = {"IsRobot": True} if self.client.says_robot else {}
        yield self.register("users for tags, one of them a robot",
                            [(21, {"Tags": ["b", "a"]}), (22, robot)])
        yield tag("success: added tags go last", [21, 22], Tags=["c", "a"], Op=0)
        yield self.get("added tags are there", [21, 22],
                       [(21, BARE | {"Tags": ["b", "a", "c"]}),
                        (22, BARE | {"Tags": ["c", "a"]} | robot)])
        yield tag("partial failure: somebody is not registered", [23, 21], [(23, "UserNotFound")],
                  Tags=["a", "never"], Op=1)
        yield self.get("removed tags are gone", [21], [(21, BARE | {"Tags": ["b", "c"]})])
        yield tag("partial failure: a tag of 65 characters", [21], [(21, "InvalidParameter")],
                  Tags=["签" * 65], Op=0)
        yield tag("101 users are refused", [21] * 101, Tags=["no"], Op=0,
                  refusal=INVALID_PARAMETER)
        yield tag("no tags are refused", [21], Tags=[], Op=0, refusal=INVALID_PARAMETER)
        yield tag("an Op that is none is refused", [21], Tags=["no"], Op=2,
                  refusal=INVALID_PARAMETER)
        yield tag("temporary key", [21], Tags=["b"], Op=1, token=SESSION_TOKEN)
        yield from refusals("BatchUpdateUserTags",
                            {"UserIds": [self.id(21)], "Tags": ["no"], "Op": 0}, IM_IDS)
        yield self.get("after changes of tags that were refused", [21],
                       [(21, BARE | {"Tags": ["c"]})])

    def deregistrations(self):
        def leave(name, numbers, failures=(), **more):
            return self.ids("UnRegisterUsers", name, numbers, failures, **more)

        yield leave("partial failure: somebody is not registered", [23, 22],
                    [(23, "UserNotFound")])
        yield self.get("who is unregistered is not found", [21, 22],
                       [(21, BARE | {"Tags": ["c"]})], [22])
        yield self.register("who was unregistered may be anybody", [(22, LI)])
        yield self.get("who was unregistered is anew", [22], [(22, LI)])
        yield leave("11 users are refused", [21] * 11, refusal=INVALID_PARAMETER)
        yield leave("no user is refused", [], refusal=INVALID_PARAMETER)
        yield leave("temporary key", [22], token=SESSION_TOKEN)
        yield from refusals("UnRegisterUsers", {"UserIds": [self.id(21)]}, IM_IDS)
        yield self.get("after deregistrations that were refused", [21, 22],
                       [(21, BARE | {"Tags": ["c"]})], [22])

    def wish(self, name, more):
        """What is asked of UserBroadcast, to this client's users alone."""
        return {"AppId": APP, "Sender": self.id(31), "MsgType": 10001, "MsgTTL": 600,
                "Content": f"一条消息 {name} of {self.base}", "Tags": [f"one {self.base}"]} | more

    def broadcast(self, name, more=None, **rest):
        answer = None if "refusal" in rest else empty
        return case("UserBroadcast", name, self.wish(name, more or {}), answer, **rest)

    def broadcasts(self):
        one, two = f"one {self.base}", f"two {self.base}"
        yield self.register("users for broadcasts", [(31, {"Tags": [one]}),
                                                     (32, {"Tags": [two, one]}), (33, {})])
        yield self.broadcast("to whoever has the tag")
        for name, (more, _) in self.reaching().items():
            yield self.broadcast(name, more)
        largest = "语" * (CONTENT_BYTES_MAX // 3) + "ab"
        yield self.broadcast("content of 32 KiB and a byte is refused",
                             {"Content": largest + "c"}, refusal=TOO_LARGE)
        for name, more in {
                "no Sender that can be": {"Sender": 0}, "a MsgTTL of 0": {"MsgTTL": 0},
                "a MsgTTL of more than a week": {"MsgTTL": 604_801},
                "a TagOp that is none": {"TagOp": 2}, "another InboxType": {"InboxType": 1},
                "a tag of 65 characters": {"Tags": ["签" * 65]},
                "a reserved key": {"Ext": {"s:reserved": "v"}}}.items():
            yield self.broadcast(f"{name} is refused", more, refusal=INVALID_PARAMETER)
        yield self.broadcast("temporary key", token=SESSION_TOKEN)
        wish = self.wish("refused", {})
        del wish["AppId"]
        yield from refusals("UserBroadcast", wish, IM_IDS)
        if self.client.presigns:
            yield self.broadcast("presigned is refused: it changes something", via="presigned",
                                 refusal=NOT_PRESIGNED)

    def reaching(self):
        """Broadcasts, by their cases: what each is beside the rest, and whom it reaches."""
        one, two = f"one {self.base}", f"two {self.base}"
        largest = "语" * (CONTENT_BYTES_MAX // 3 - 4) + f"{self.base:014}"
        return {
            "to whoever has any of the tags": ({"Tags": [one, two], "TagOp": 0}, [31, 32]),
            "to whoever has all of the tags": ({"Tags": [one, two], "TagOp": 1}, [32]),
            "with all that there is": ({"Ext": {"k": "v <&>"}, "InboxType": 0, "Tags": [two]}, [32]),
            "content of 32 KiB": ({"Content": largest}, [31, 32]),
        }

    def delivered(self, receiver, server):
        """What is wrong with what the receiver got, by the cases that should have reached it."""
        wrong = {}
        for name, (more, numbers) in self.reaching().items():
            wish = self.wish(name, more)
            content = wish["Content"]
            came = receiver.find(lambda it: it.data["message"]["Content"] == content, ARRIVES_S)
            message = wish | {"TagOp": wish.get("TagOp", 0), "Ext": wish.get("Ext", {}),
                              "InboxType": 0}
            del message["AppId"]
            expected = {"appId": APP, "action": "UserBroadcast", "message": message,
                        "userIds": some_of(self.id(n) for n in numbers)}
            wrong[name] = differences(expected, came.data, "data") if came else ["it did not come"]
        wrong["none that was refused"] = self.refused_that_came(receiver, server)
        return wrong

    def refused_that_came(self, receiver, server):
        """Broadcasts take turns, the oldest first: what comes at all is there before a later one."""
        fence = self.wish("fence", {})
        volcengine.call(server, *KEY, "UserBroadcast", fence)
        if not receiver.find(lambda it: it.data["message"]["Content"] == fence["Content"],
                             ARRIVES_S):
            return ["a later one did not come"]
        asked = [it for it in self.broadcasts() if it.action == "UserBroadcast"]
        refused_ones = {it.asks["request"]["Content"] for it in asked if it.refusal}
        accepted = {it.asks["request"]["Content"] for it in asked if not it.refusal}
        if refused_ones & accepted:
            return ["what is refused cannot be told from what is accepted"]
        return [f"{it.id} came: {it.data['message']['Content'][:60]!r}"
                for it in receiver.deliveries if it.data["message"]["Content"] in refused_ones]

    def presigned(self):
        if not self.client.presigns:
            return
        yield self.register("presigned is refused: it changes something", [(11, {})],
                            via="presigned", refusal=NOT_PRESIGNED)
        yield self.update("presigned is refused: it changes something", [(1, {"NickName": "no"})],
                          via="presigned", refusal=NOT_PRESIGNED)
        yield self.get("presigned", [1, 11], [(1, LI | {"Ext": {"new": "only"}})], [11],
                       via="presigned")


# Added to a client's base; the sum is still a positive Long.
LARGE = 2**62 + 1

ZONE = datetime.timezone(datetime.timedelta(hours=8))
ROOM = "Room1"
ODD_ROOM = "房间 (1)*!'~+/=&"


class RoomLog:
    """What happened in the rooms, as events and as the rows that ListUserInfo must show."""

    def __init__(self, now_unix_s):
        self.start_unix_s = now_unix_s - 7200

    def text(self, offset_s):
        """RFC 3339 with the offset that the documentation writes."""
        return datetime.datetime.fromtimestamp(self.start_unix_s + offset_s, ZONE).isoformat()

    def event(self, number, kind, at_s, user, millis=0, room=ROOM, call="call-1", **more):
        moment = datetime.datetime.fromtimestamp(self.start_unix_s + at_s, datetime.timezone.utc)
        data = {"roomId": room, "userId": user} | ({"callId": call} if call else {}) | more
        return {
            "specversion": "1.0", "id": f"conformance-{number}", "source": "sfu-1",
            "type": f"rtc.{kind}", "data": data,
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{millis:03}Z",
        }

    def events(self):
        joined, left = "participant.joined", "participant.left"
        iphone = {"os.name": "ios", "device.model.name": "iPhone 11", "rtc.sdk.version": "3.30.101",
                  "network.connection.type": "wifi"}
        on_lte = {"rtc.sdk.version": "3.30.102", "network.connection.type": "cell",
                  "network.connection.subtype": "lte"}
        pixel = {"os.name": "android", "device.model.name": "Pixel 8", "rtc.sdk.version": "3.58.1",
                 "network.connection.type": "cell", "network.connection.subtype": "nr"}
        return [
            self.event(1, joined, 0, "user1", 250, connectionId="k1", client=iphone),
            self.event(2, "stream.published", 5, "user1", connectionId="k1"),
            self.event(3, left, 600, "user1", connectionId="k1"),
            self.event(4, joined, 1200, "user1", connectionId="k2", client=on_lte),
            self.event(5, left, 1530, "user1", connectionId="k2"),
            self.event(6, joined, 60, "user2", connectionId="k3", client=pixel),
            self.event(7, joined, 30, "recorder", connectionId="k4", client={"os.name": "linux"}),
            self.event(8, left, 90, "recorder", connectionId="k4"),
            self.event(9, joined, 300, "user3", room=ODD_ROOM, call=None),
            self.event(10, left, 420, "user3", room=ODD_ROOM, call=None),
            self.event(11, joined, 450, "10001", room="Room2", call="call-2", client=iphone),
            self.event(12, joined, 500, "10002", room="Room2", call="call-2", client=iphone),
            self.event(13, left, 600, "10002", room="Room2", call="call-2"),
        ]

    def record(self, *offsets_s):
        types = ["join_room", "leave_room"] * len(offsets_s)
        return [{"Time": self.text(at), "Type": type_} for at, type_ in zip(offsets_s, types)]

    def rows(self, now_unix_s):
        """The rows by user; whoever is still there has been there until now."""
        there_s = now_unix_s - self.start_unix_s - 60
        on_iphone = {"OS": "ios", "Access": "wifi", "DeviceType": "iPhone 11",
                     "SdkVersion": "3.30.101", "Pub": False}
        return {
            "user1": {
                "CallId": "call-1", "RoomId": ROOM, "UserId": "user1",
                "CreatedAt": self.text(0), "LeaveAt": self.text(1530), "Finished": True,
                "Duration": 600 + 330, "Pub": True, "OS": "ios", "Access": "4g",
                "DeviceType": "iPhone 11", "SdkVersion": "3.30.102",
                "Record": self.record(0, 600, 1200, 1530),
            },
            "user2": {
                "CallId": "call-1", "RoomId": ROOM, "UserId": "user2",
                "CreatedAt": self.text(60), "LeaveAt": "", "Finished": False,
                "Duration": between(there_s, there_s + 600), "Pub": False, "OS": "android",
                "Access": "5g", "DeviceType": "Pixel 8", "SdkVersion": "3.58.1",
                "Record": self.record(60),
            },
            "recorder": {
                "CallId": "call-1", "RoomId": ROOM, "UserId": "recorder",
                "CreatedAt": self.text(30), "LeaveAt": self.text(90), "Finished": True,
                "Duration": 60, "Pub": False, "OS": "linux", "Access": "unknown",
                "DeviceType": "", "SdkVersion": "", "Record": self.record(30, 90),
            },
            "user3": {
                # The events named no call, so the server has made one.
                "CallId": some_text, "RoomId": ODD_ROOM, "UserId": "user3",
                "CreatedAt": self.text(300), "LeaveAt": self.text(420), "Finished": True,
                "Duration": 120, "Pub": False, "OS": "unknown", "Access": "unknown",
                "DeviceType": "", "SdkVersion": "", "Record": self.record(300, 420),
            },
            "10001": {
                "CallId": "call-2", "RoomId": "Room2", "UserId": "10001",
                "CreatedAt": self.text(450), "LeaveAt": "", "Finished": False,
                "Duration": between(there_s - 390, there_s + 210), "Record": self.record(450),
            } | on_iphone,
            "10002": {
                "CallId": "call-2", "RoomId": "Room2", "UserId": "10002",
                "CreatedAt": self.text(500), "LeaveAt": self.text(600), "Finished": True,
                "Duration": 100, "Record": self.record(500, 600),
            } | on_iphone,
        }

    def cases(self, client, now_unix_s):
        rows = self.rows(now_unix_s)

        def ask(name, request, *users, total=None, page=1, size=20, **more):
            whole = {"AppId": RTC_APP, "StartTime": self.text(0), "EndTime": self.text(7200),
                     "RoomId": ROOM} | request
            whole = {key: value for key, value in whole.items() if value is not None}
            answer = {"Total": len(users) if total is None else total, "PageNum": page,
                      "PageSize": size, "UserList": [rows[user] for user in users] or empty}
            if "refusal" in more:
                answer = None
            return case("ListUserInfo", name, whole, answer, **more)

        yield ask("success: two intervals, and somebody still there", {}, "user1", "user2")
        yield ask("server users when asked for", {"ExcludeServerUser": False},
                  "user1", "recorder", "user2")
        yield ask("no server users when so asked", {"ExcludeServerUser": True}, "user1", "user2")
        yield ask("every room", {"RoomId": None}, "user1", "user2", "user3", "10001", "10002")
        yield ask("a room with odd characters", {"RoomId": ODD_ROOM}, "user3")
        yield ask("one user", {"UserId": "user2"}, "user2")
        yield ask("users by a list", {"UserId": "user2,user1,nobody"}, "user1", "user2")
        yield ask("an empty UserId means everybody", {"UserId": ""}, "user1", "user2")
        yield ask("a user who was not there", {"UserId": "nobody"})
        yield ask("second page", {"PageNum": 2, "PageSize": 1}, "user2", total=2, page=2, size=1)
        yield ask("a page past the end", {"PageNum": 9, "PageSize": 2}, total=2, page=9, size=2)
        yield ask("a page of more than 100 is one of 100", {"PageSize": 500}, "user1", "user2",
                  size=100)
        yield ask("a window between two intervals", {"StartTime": self.text(700),
                                                     "EndTime": self.text(800)}, "user1", "user2")
        yield ask("both ends of the window are in it", {"StartTime": self.text(1530),
                                                        "EndTime": self.text(1530)},
                  "user1", "user2")
        yield ask("a window after somebody left", {"StartTime": self.text(1531)}, "user2")
        yield ask("a window before anybody came", {"StartTime": self.text(-600),
                                                   "EndTime": self.text(-1)})
        yield ask("a space for the plus in a time",
                  {"StartTime": self.text(0).replace("+", " "),
                   "EndTime": self.text(7200).replace("+", " ")}, "user1", "user2")
        if client.any_version:
            yield ask("the older version, 2020-12-01", {}, "user1", "user2", version="2020-12-01")
        yield ask("temporary key", {}, "user1", "user2", token=SESSION_TOKEN)
        yield ask("a reversed window is refused", {"StartTime": self.text(10),
                                                   "EndTime": self.text(9)},
                  refusal=refused("InvalidParameter.StartTimeAfterEndTime", 400))
        yield ask("page 0 is refused", {"PageNum": 0}, refusal=INVALID_PARAMETER)
        yield ask("eleven users are refused",
                  {"UserId": ",".join(f"user{n}" for n in range(11))}, refusal=INVALID_PARAMETER)
        request = {"StartTime": self.text(0), "EndTime": self.text(7200), "RoomId": ROOM}
        yield from refusals("ListUserInfo", request, RTC_IDS)
        if client.presigns:
            yield ask("presigned", {}, "user1", "user2", via="presigned")
            yield ask("presigned, odd characters", {"RoomId": ODD_ROOM}, "user3", via="presigned")
            yield ask("presigned, temporary key", {}, "user1", "user2", via="presigned",
                      token=SESSION_TOKEN)
            yield ask("a presigned parameter added later is refused", {"RoomId": None},
                      via="presigned", append=f"&RoomId={ROOM}", refusal=NOT_PRESIGNED)

    def calls(self):
        """The rows that ListRoomInfo must show, by room."""
        def row(room, call, created_s, over_s, there):
            return {"CallId": call, "RoomId": room, "CreatedTime": self.text(created_s),
                    "DestroyTime": self.text(over_s) if over_s else "",
                    "ActiveUserNum": there, "IsFinished": over_s is not None}
        return {ROOM: row(ROOM, "call-1", 0, None, 1),
                # The events named no call, so the server has made one.
                ODD_ROOM: row(ODD_ROOM, some_text, 300, 420, 0),
                "Room2": row("Room2", "call-2", 450, None, 1)}

    def cases_of_calls(self, client):
        rows = self.calls()

        def ask(name, request, *rooms, total=None, page=1, size=20, **more):
            whole = {"AppId": RTC_APP, "StartTime": self.text(0), "EndTime": self.text(7200)}
            answer = {"Total": len(rooms) if total is None else total, "PageNum": page,
                      "PageSize": size, "HasMore": False,
                      "RoomList": [rows[room] for room in rooms] or empty}
            if "refusal" in more:
                answer = None
            return case("ListRoomInfo", name, whole | request, answer, **more)

        yield ask("success: calls that are on, and one that is over", {}, ROOM, ODD_ROOM, "Room2")
        yield ask("a room with odd characters", {"RoomId": ODD_ROOM}, ODD_ROOM)
        yield ask("a room that never was", {"RoomId": "room1"})
        yield ask("second page", {"PageNum": 2, "PageSize": 2}, "Room2", total=3, page=2, size=2)
        yield ask("both ends of the window are in it", {"StartTime": self.text(300),
                                                        "EndTime": self.text(450)},
                  ODD_ROOM, "Room2")
        yield ask("a call that began before the window is not in it",
                  {"StartTime": self.text(1)}, ODD_ROOM, "Room2")
        if client.any_version:
            yield ask("the older version, 2020-12-01", {}, ROOM, ODD_ROOM, "Room2",
                      version="2020-12-01")
        yield ask("temporary key", {"RoomId": ROOM}, ROOM, token=SESSION_TOKEN)
        yield ask("a reversed window is refused", {"StartTime": self.text(10),
                                                   "EndTime": self.text(9)},
                  refusal=refused("InvalidParameter.StartTimeAfterEndTime", 400))
        yield ask("page 0 is refused", {"PageNum": 0}, refusal=INVALID_PARAMETER)
        request = {"StartTime": self.text(0), "EndTime": self.text(7200)}
        yield from refusals("ListRoomInfo", request, RTC_IDS)

    def cases_of_presence(self):
        def in_room(name, room, answer, **more):
            request = {"AppId": RTC_APP, "RoomId": room}
            return case("GetRoomOnlineUsers", name, request, answer, **more)

        def there(*users):
            return {"RoomExists": True, "TotalUser": len(users), "TotalInvisibleUser": 0,
                    "VisibleUserList": list(users), "InvisibleUserList": empty}

        nobody = {"RoomExists": False, "TotalUser": empty, "TotalInvisibleUser": empty,
                  "VisibleUserList": empty, "InvisibleUserList": empty}
        yield in_room("success: whoever has left is not there", ROOM, there("user2"))
        yield in_room("a number is text here", "Room2", there("10001"))
        yield in_room("a room in which nobody is any more", ODD_ROOM, nobody)
        yield in_room("a room that never was", "nowhere", nobody)
        yield in_room("a room with too long an id is refused", "r" * 257, None,
                      refusal=refused("InvalidParameter.IllegalRoomID", 400))
        yield from refusals("GetRoomOnlineUsers", {"RoomId": ROOM}, RTC_IDS)

        def status(name, numbers, online, **more):
            found = {str(n): [{"ConnId": some_text, "UserId": n, "DeviceId": 0,
                               "ClientVersion": 0, "Platform": "ios"}] for n in online}
            answer = {"AppId": APP, "QueryOnlineResults": found or empty}
            if "refusal" in more:
                answer = None
            return case("QueryOnlineStatus", name, {"AppId": APP, "UserIds": numbers}, answer,
                        **more)

        yield status("success: only those who are online", [10002, 10001, 10003], [10001])
        yield status("nobody is online", [10002, 10003], [])
        yield status("100 users", [10001, *range(1, 100)], [10001])
        yield status("101 users are refused", list(range(1, 102)), [], refusal=INVALID_PARAMETER)
        yield status("no user is refused", [], [], refusal=INVALID_PARAMETER)
        yield status("temporary key", [10001], [10001], token=SESSION_TOKEN)
        yield from refusals("QueryOnlineStatus", {"UserIds": [10001]}, IM_IDS)
