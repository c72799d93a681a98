"""Load on every action, and an oracle that knows what was acknowledged.

Each worker has users and rooms of its own, so that what it wrote last is what has to be found. A
request that failed may have been done: then both are allowed, until the next that does not fail.
"""

import datetime
import hashlib
import http.client
import json
import sys
import threading
import time
import urllib.parse

import volcengine

APP, RTC_APP = 4111, "661e0000000000000000543c"
KEY = ("AKLTconformance0001", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAx==")
SERVER_SECRET, TOKEN = "9193cc662a4c0ec135ec71fb57194b38", "token-of-the-conformance-suite"
CONFIG = f"""
limits = "off"

[[apps]]
id = {APP}
rtc_id = "{RTC_APP}"
name = "conformance"
server_secret = "{SERVER_SECRET}"
event_token = "{TOKEN}"
access_keys = [{{ id = "{KEY[0]}", secret = "{KEY[1]}" }}]
"""
ANSWER_WITHIN_S = 10
PAUSE_S = 0.02
NUMBERS_OF_A_WORKER = 1_000_000


class Answer:
    """What came back, and how long it took. `status` is 0 if nothing did."""

    def __init__(self, action, status, text, took_s):
        self.action, self.status, self.text, self.took_s = action, status, text, took_s

    def body(self):
        try:
            return json.loads(self.text)
        except ValueError:
            return {}

    def is_good(self):
        return self.status == 200 and self.body().get("Code", 0) == 0

    def is_unavailable(self):
        """In the words of each vendor."""
        if self.action == "QueryUserInfos":
            return self.status == 200 and self.body().get("Code") == 1
        if self.action == "events":
            return self.status == 503
        error = self.body().get("ResponseMetadata", {}).get("Error", {})
        return self.status == 503 and error.get("CodeN") == 990012

    def __repr__(self):
        return f"{self.action}: {self.status} in {self.took_s:.2f} s: {self.text[:200]}"


def send(address, action, method, path, body, headers):
    began = time.monotonic()
    connection = http.client.HTTPConnection(address, timeout=ANSWER_WITHIN_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        return Answer(action, answer.status, text, time.monotonic() - began)
    except (OSError, http.client.HTTPException) as why:
        return Answer(action, 0, repr(why), time.monotonic() - began)
    finally:
        connection.close()


def im(address, action, body):
    """An action of Volcengine's directory."""
    asked, payload = {"Action": action, "Version": "2020-12-01"}, json.dumps(body).encode()
    path, headers = volcengine.signed(address, KEY, "POST", asked, payload)
    return send(address, action, "POST", path, payload, headers)


def list_user_info(address, room, number=1):
    now = datetime.datetime.now(datetime.timezone.utc)
    moment = "%Y-%m-%dT%H:%M:%SZ"
    asked = {"Action": "ListUserInfo", "Version": "2023-11-01", "AppId": RTC_APP, "RoomId": room,
             "StartTime": (now - datetime.timedelta(hours=1)).strftime(moment),
             "EndTime": (now + datetime.timedelta(minutes=1)).strftime(moment),
             "PageNum": str(number), "PageSize": "100"}
    path, headers = volcengine.signed(address, KEY, "GET", asked, b"")
    return send(address, "ListUserInfo", "GET", path, None, headers)


def query_user_infos(address, ids):
    now = int(time.time())
    signature = hashlib.md5(f"{APP}nonce{SERVER_SECRET}{now}".encode()).hexdigest()
    query = urllib.parse.urlencode({
        "Action": "QueryUserInfos", "AppId": APP, "SignatureNonce": "nonce", "Timestamp": now,
        "SignatureVersion": "2.0", "Signature": signature})
    return send(address, "QueryUserInfos", "POST", f"/?{query}",
                json.dumps({"UserIds": ids}).encode(), {"Content-Type": "application/json"})


def take_events(address, events):
    return send(address, "events", "POST", "/v1/events", json.dumps(events).encode(),
                {"Content-Type": "application/cloudevents-batch+json",
                 "Authorization": f"Bearer {TOKEN}"})


def event(kind, room, number, seconds_ago):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds_ago)
    return {"specversion": "1.0", "id": f"{kind}-{room}-{number}", "source": "load",
            "type": f"rtc.participant.{kind}", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {"roomId": room, "callId": "c", "userId": f"u{number}",
                     "connectionId": f"k{number}"}}


class Worker(threading.Thread):
    """Does everything in turn, with users and a room of its own, and remembers what must be."""

    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.number = load, number
        self.room = f"room-{number}"
        self.next_id = (number + 1) * NUMBERS_OF_A_WORKER
        self.next_stay = 0
        self.names = {}
        self.stays = set()
        self.unsure_stays = set()

    def run(self):
        while not self.load.is_over.is_set():
            self.load.may_go.wait()
            if self.load.is_over.is_set():
                return
            for step in (self.register, self.update, self.get, self.query, self.come, self.list):
                step()
            time.sleep(PAUSE_S)

    def ask(self, request):
        return self.load.ask(self.number, request)

    def register(self):
        ids = list(range(self.next_id, self.next_id + 5))
        self.next_id += 5
        users = [{"UserId": user, "NickName": f"first {user}"} for user in ids]
        done = self.ask(lambda to: im(to, "RegisterUsers", {"AppId": APP, "Users": users}))
        for user in ids:
            self.names[user] = {f"first {user}"} | (set() if done.is_good() else {None})
        if done.is_good() and done.body()["Result"]["FailedInfos"]:
            self.load.complain(f"RegisterUsers: {done!r}")

    def known(self):
        """A user who is surely there; one of the last."""
        for user in reversed(self.names):
            if None not in self.names[user]:
                return user
        return None

    def update(self):
        user = self.known()
        if user is None:
            return
        name = f"changed {user} {time.monotonic_ns()}"
        changed = {"AppId": APP, "Users": [{"UserId": user, "NickName": name}]}
        done = self.ask(lambda to: im(to, "BatchUpdateUser", changed))
        self.names[user] = {name} if done.is_good() else self.names[user] | {name}

    def get(self):
        users = [user for user in list(self.names)[-50:]]
        asked = {"AppId": APP, "UserIds": users}
        found = self.ask(lambda to: im(to, "BatchGetUser", asked))
        if found.is_good():
            self.check_names(users, found)

    def check_names(self, users, found):
        there = {user["UserId"]: user["NickName"] for user in found.body()["Result"]["Users"]}
        for user in users:
            if there.get(user) not in self.names[user]:
                self.load.complain(
                    f"user {user} is {there.get(user)!r}, not one of {self.names[user]}")

    def query(self):
        user = self.known()
        if user is None:
            return
        found = self.ask(lambda to: query_user_infos(to, [str(user)]))
        if found.is_good() and found.body()["Result"][0]["UserName"] not in self.names[user]:
            self.load.complain(f"QueryUserInfos: {found!r}, not one of {self.names[user]}")

    def come(self):
        numbers = list(range(self.next_stay, self.next_stay + 3))
        self.next_stay += 3
        events = [event(kind, self.room, number, ago) for number in numbers
                  for kind, ago in (("joined", 60), ("left", 30))]
        done = self.ask(lambda to: take_events(to, events))
        (self.stays if done.is_good() else self.unsure_stays).update(f"u{it}" for it in numbers)
        if done.is_good() and done.body()["errors"]:
            self.load.complain(f"events: {done!r}")

    def list(self):
        found = self.ask(lambda to: list_user_info(to, self.room))
        if found.is_good():
            total = found.body()["Result"]["Total"]
            most = len(self.stays) + len(self.unsure_stays)
            if not len(self.stays) <= total <= most:
                self.load.complain(f"{self.room} has {total} stays, not {len(self.stays)}"
                                   f" to {most}")

    def check_all(self, address):
        """Everything that was ever acknowledged, as one server shows it; and all that it shows."""
        shown = []
        users = list(self.names)
        for first in range(0, len(users), 50):
            some = users[first:first + 50]
            found = im(address, "BatchGetUser", {"AppId": APP, "UserIds": some})
            if not found.is_good():
                self.load.complain(f"at the end: {found!r}")
                return shown
            self.check_names(some, found)
            shown.append(found.body()["Result"]["Users"])
        there, page = set(), 1
        while True:
            found = list_user_info(address, self.room, page)
            if not found.is_good():
                self.load.complain(f"at the end: {found!r}")
                return shown
            rows = found.body()["Result"]["UserList"]
            there.update(row["UserId"] for row in rows)
            shown.append(rows)
            page += 1
            if not rows:
                break
        lost = self.stays - there
        more = there - self.stays - self.unsure_stays
        if lost or more:
            self.load.complain(f"{self.room}: lost {sorted(lost)[:5]}, made up {sorted(more)[:5]}")
        return shown


class Load:
    """Some workers on some servers."""

    def __init__(self, addresses, workers):
        self.addresses = list(addresses)
        self.is_over, self.may_go = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.complaints, self.failures, self.slowest, self.count = [], [], None, 0
        self.workers = [Worker(self, number) for number in range(workers)]
        for worker in self.workers:
            worker.start()

    def complain(self, text):
        with self.lock:
            self.complaints.append(text)

    def ask(self, number, request):
        """Asks the worker's server, and if nobody is there, the next one, as a balancer does."""
        addresses = self.addresses
        for turn in range(len(addresses)):
            answer = request(addresses[(number + turn) % len(addresses)])
            if answer.status != 0 or "Refused" not in answer.text:
                break
        with self.lock:
            self.count += 1
            if self.slowest is None or answer.took_s > self.slowest.took_s:
                self.slowest = answer
            if not answer.is_good():
                self.failures.append(answer)
        return answer

    def begin(self):
        """A phase: what failed before is forgotten."""
        with self.lock:
            self.failures, self.slowest, self.count = [], None, 0
            self.complaints = []
        self.may_go.set()

    def run_for(self, seconds):
        time.sleep(seconds)

    def rest(self):
        """Nobody asks anything until the next phase."""
        self.may_go.clear()

    def told(self, what):
        """What of a phase is to be complained about, if no request may fail in it."""
        with self.lock:
            slowest = f"{self.slowest.took_s:.2f} s" if self.slowest else "none"
            print(f"     {what}: {self.count} requests, {len(self.failures)} failed, "
                  f"slowest {slowest}", file=sys.stderr, flush=True)
            wrong = [repr(failure) for failure in self.failures[:5]] + self.complaints[:5]
            if not self.count:
                wrong.append("nobody asked anything")
            return wrong

    def end(self):
        self.is_over.set()
        self.may_go.set()
        for worker in self.workers:
            worker.join(3 * ANSWER_WITHIN_S)
