"""Everything that runs, and what whowas says of it."""

import asyncio
import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import volcengine
from people import Person, Truth
from server import Server
from servers import Clients, Janus, Relay, Stuck
from truth import Report, checks

WHOWAS_PORT, RELAY_PORT = 7007, 7008
DISK_BYTES = 16 * 1024 * 1024
AGREES_WITHIN_S = 10
PASSWORD = "correct horse battery staple"
KEY = ("AKLTconformance0001", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAx==")
EVENT_TOKEN = "token-of-the-conformance-suite"
ROOM_SECRET = "the-room-s-secret"
# An app for each Janus, so that 1001 of the one is not "1001" of the other.
NUMBERS, TEXTS = "661e0000000000000000543c", "661e0000000000000000543d"
CONFIG = "".join(f"""
[[apps]]
id = {app}
rtc_id = "{rtc_id}"
event_token = "{EVENT_TOKEN}-{app}"
access_keys = [{{ id = "{KEY[0]}", secret = "{KEY[1]}" }}]
[apps.sources]
janus = {{ user = "janus", password = "{PASSWORD}" }}
""" for app, rtc_id in ((4111, NUMBERS), (4112, TEXTS)))


def sampleevh(app, port, **more):
    """The event handler's settings, as the source's README has them but for what `more` says."""
    return {"events": "plugins,core", "grouping": True, "json": "compact",
            "backend": f"http://127.0.0.1:{port}/hooks/janus/{app}",
            "backend_user": "janus", "backend_pwd": PASSWORD,
            "max_retransmissions": 10, "retransmissions_backoff": 100, **more}


class Stage:
    """whowas, three Janus servers, a relay before one of them, three processes of clients."""

    def __init__(self, folder):
        self.folder = folder
        self.report = Report()
        self.truth = Truth()
        self.disk = folder / "whowas"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", self.disk],
                       check=True)
        self.whowas = Server(CONFIG, f"127.0.0.1:{WHOWAS_PORT}", str(self.disk))
        self.relay = Relay(RELAY_PORT, WHOWAS_PORT)
        self.numbers = Janus(folder, "numbers", 1, sampleevh(4111, WHOWAS_PORT), {})
        # One object a post, indented and compressed, and all events: what the other is not.
        self.texts = Janus(folder, "texts", 2, sampleevh(
            4112, RELAY_PORT, grouping=False, json="indented", compress=True, events="all"),
            {"string_ids": True})
        self.stranger = Janus(folder, "stranger", 3, sampleevh(
            4111, WHOWAS_PORT, backend_pwd="a wrong password"), {})
        self.house, self.carols, self.wandas = (
            Clients(name, folder) for name in ("house", "carol", "wanda"))

    async def start(self):
        async with asyncio.TaskGroup() as group:
            for part in (self.relay, self.house, self.carols, self.wandas, self.numbers,
                         self.texts):
                group.create_task(part.start())

    def person(self, name, user, clients=None, janus=None, truth=None):
        janus = janus or self.numbers
        app = TEXTS if janus is self.texts else NUMBERS
        return Person(truth or self.truth, clients or self.house, app, janus, name, user)

    async def open_rooms(self, janus, *rooms):
        """Makes them; answers their owner, who may kick and destroy, and by which handle."""
        owner = await self.person("owner", "owner", janus=janus).call()
        handle = await owner.attach()
        for room in rooms:
            await self.open_room(owner, handle, room)
        return owner, handle

    async def open_room(self, owner, handle, room):
        await owner.ask(handle, request="create", room=room, secret=ROOM_SECRET, publishers=30,
                        notify_joining=True)

    async def revive_whowas(self):
        await asyncio.to_thread(self.whowas.start)

    def rows(self, exclude_servers):
        """All rows of both apps."""
        now = time.time()
        window = {"StartTime": rfc3339(now - 3600), "EndTime": rfc3339(now + 60)}
        rows = []
        for app in (NUMBERS, TEXTS):
            page = volcengine.ask(self.whowas, *KEY, "ListUserInfo", {
                "AppId": app, **window, "PageNum": 1, "PageSize": 100,
                "ExcludeServerUser": str(exclude_servers).lower()})
            rows += [row | {"App": app} for row in page["UserList"]]
        return rows

    async def compare(self, when):
        """Compares the log with what was done, once it agrees or has had time to."""
        deadline = time.monotonic() + AGREES_WITHIN_S
        while True:
            rows = self.rows(False)
            found = checks(self.truth.stays, rows, time.time())
            if not any(any(wrong) for _, wrong in found) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        print(f"# {when}", flush=True)
        for what, wrong in found:
            self.report.that(what, *wrong)
        left_out = {row["UserId"] for row in rows} - {row["UserId"] for row in self.rows(True)}
        servers = {stay.user for stay in self.truth.stays if stay.device.os == "linux"}
        self.report.that("ExcludeServerUser leaves out who runs on linux, and nobody else",
                         "" if left_out == servers else f"left out: {left_out}")

    def counted(self, outcome):
        """How many events of Janus whowas has counted since it was last started."""
        found = re.search(
            rf'^whowas_events_total{{source="janus",outcome="{outcome}"}} (\d+)',
            self.whowas.get("/metrics")[1], re.M)
        return int(found[1]) if found else 0

    def letter_faults(self, *words):
        """What is wrong if there is but one dead letter, whose reason has these words."""
        letters = []
        for app in (4111, 4112):
            status, text = self.whowas.get("/v1/dead-letters", {
                "Authorization": f"Bearer {EVENT_TOKEN}-{app}"})
            letters += json.loads(text)["letters"] if status == 200 else [text]
        told = len(letters) == 1 and all(word in letters[0].get("reason", "") for word in words)
        return ["" if told else f"got {letters}",
                "it tells what is private" if "PRIVATE" in json.dumps(letters) else ""]

    def fill_disk(self):
        """Takes all room that whowas has, until it cannot store one event; answers what to delete."""
        ballast = self.disk / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        for number in range(1000):
            # The store has pages to spare, which these use up.
            event = {"specversion": "1.0", "type": "rtc.room.finished", "source": "filler",
                     "id": f"filler-{number}", "time": rfc3339(time.time()),
                     "data": {"roomId": f"filler-{number}"}}
            status, _ = self.whowas.send("POST", "/v1/events", json.dumps(event).encode(), {
                "Content-Type": "application/cloudevents+json",
                "Authorization": f"Bearer {EVENT_TOKEN}-4112"})
            if status == 503:
                return ballast
        raise Stuck("whowas stores more than there is room for")

    def look_back(self):
        """What whowas wrote down, now that it has stopped."""
        (self.folder / "whowas.log").write_text("\n".join(self.whowas.log))
        print("# in the end", flush=True)
        private = ["PRIVATE", PASSWORD, KEY[1], EVENT_TOKEN, ROOM_SECRET, "10.77.0."]
        self.report.that("whowas stops in order, and its log tells no secret and nothing of a person",
                         *self.whowas.complaints(private))
        faults = [line for line in self.whowas.log
                  if "an event makes no sense" in line or "an event is refused" in line]
        self.report.that("it complains of nothing but otto's join",
                         *faults[1:], "" if faults else "not even of that")
        kept = b"".join(file.read_bytes() for file in (self.disk / "data").rglob("*")
                        if file.is_file())
        self.report.that("nothing private is kept", "" if kept else "nothing is kept at all", *(
            f"{word!r} is in the data" for word in private if word.encode() in kept))


def rfc3339(unix_s):
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(unix_s))


async def until(true, within_s):
    """Whether it became true in time."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True
