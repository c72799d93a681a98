"""What every language asks of QueryUserInfos, and what it must get back."""

import dataclasses
import json

from expect import absent, differences, empty, some_text

APP = 4111
SERVER_SECRET = "9193cc662a4c0ec135ec71fb57194b38"
KEY = ("AKLTconformance0001", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAx==")

CONFIG = f"""
limits = "off"

[[apps]]
id = {APP}
rtc_id = "661e0000000000000000543c"
name = "conformance"
server_secret = "{SERVER_SECRET}"
event_token = "token-of-the-conformance-suite"
access_keys = [{{ id = "{KEY[0]}", secret = "{KEY[1]}" }}]
"""

# Registered through the Volcengine dialect: one directory for all dialects.
REGISTERED = [
    {"UserId": 10001, "NickName": "张三 A+B", "Portrait": "http://example.com/p.png?x=1&y=2"},
    {"UserId": 10002, "NickName": "李四", "Portrait": "http://example.com/q.png",
     "Tags": ["age"], "Ext": {"key": "value"}},
    {"UserId": 10003},
]


NOT_TO_BE_LOGGED = (SERVER_SECRET, KEY[1], "张三", "http://example.com/")


def shown(user_id, name="", avatar=""):
    return {"UserId": user_id, "UserName": name, "UserAvatar": avatar, "Extra": ""}


ZHANG = shown("10001", "张三 A+B", "http://example.com/p.png?x=1&y=2")
LI = shown("10002", "李四", "http://example.com/q.png")
BARE = shown("10003")


@dataclasses.dataclass(frozen=True)
class Case:
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


def case(name, user_ids, body, host="", base="/", **asks):
    step = {
        "base": f"http://{host}{base}", "action": "QueryUserInfos", "app_id": str(APP),
        "server_secret": SERVER_SECRET, "signature_version": "2.0", "nonce": "", "timestamp": "",
        "clock_offset": "0", "omit": "", "extra": "", "send": "yes",
        "method": "POST", "content_type": "application/json",
        "body": json.dumps({"UserIds": user_ids}, ensure_ascii=False),
    }
    return Case(name, step | asks, body=body)


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
    yield Case("the published example of a signature", published.asks,
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
