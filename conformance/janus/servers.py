"""Janus servers, the relay that listens between one of them and whowas, and processes of clients."""

import asyncio
import itertools
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
STARTED_WITHIN_S = 20
STOPPED_WITHIN_S = 15
ORDER_WITHIN_S = 30
ADMIN_SECRET = "the-admin-s-secret"
# Sessions whose client is silent for so long are over; Janus looks every two seconds, and is given
# some time on a machine that has other things to do.
SESSION_TIMEOUT_S = 4
SESSION_TIMEOUT_NOTICED_S = SESSION_TIMEOUT_S + 6

UNUSED = {
    "plugins": ["audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip",
                "streaming", "textroom", "videocall", "voicemail"],
    "transports": ["mqtt", "nanomsg", "pfunix", "rabbitmq"],
    "events": ["gelfevh", "mqttevh", "nanomsgevh", "rabbitmqevh", "wsevh"],
    "loggers": ["jsonlog"],
}


class Stuck(Exception):
    """The session cannot be played any further."""


def config(value, indent=""):
    """A value in the format of Janus' configuration files."""
    if isinstance(value, dict):
        lines = [f"{indent}  {key} = {config(item, indent + '  ')}\n" for key, item in value.items()]
        return "{\n" + "".join(lines) + indent + "}"
    return json.dumps(value)


class Janus:
    """One Janus server: `number` tells its ports from those of others."""

    def __init__(self, folder, name, number, sampleevh, videoroom):
        self.folder = folder / name
        self.http = f"http://127.0.0.1:81{number:02}/janus"
        self.websocket = f"ws://127.0.0.1:82{number:02}"
        self.admin = f"http://127.0.0.1:83{number:02}/admin"
        self.process = None
        files = {
            "janus": {
                "general": {"server_name": name, "debug_level": 4, "debug_timestamps": True,
                            "session_timeout": SESSION_TIMEOUT_S, "admin_secret": ADMIN_SECRET},
                "media": {"ipv6": False},
                # Janus takes no loopback addresses: media goes by the pair of virtual interfaces.
                "nat": {"ice_enforce_list": "10.77.0.", "full_trickle": False},
                "events": {"broadcast": True},
                **{kind: {"disable": ",".join(f"libjanus_{name}.so" for name in names)}
                   for kind, names in UNUSED.items() if kind != "events"},
            },
            "transport.http": {
                "general": {"json": "compact", "http": True, "port": 8100 + number,
                            "interface": "lo"},
                "admin": {"admin_http": True, "admin_port": 8300 + number,
                          "admin_interface": "lo"},
            },
            "transport.websockets": {
                "general": {"ws": True, "ws_port": 8200 + number, "ws_interface": "lo"}},
            "plugin.videoroom": {"general": videoroom},
            "eventhandler.sampleevh": {"general": {"enabled": True, **sampleevh}},
        }
        files["janus"]["events"]["disable"] = ",".join(
            f"libjanus_{name}.so" for name in UNUSED["events"])
        self.folder.mkdir()
        for file, sections in files.items():
            text = "".join(f"{name}: {config(values)}\n" for name, values in sections.items())
            prefix = "" if file == "janus" else "janus."
            (self.folder / f"{prefix}{file}.jcfg").write_text(text)

    async def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["janus", "-F", str(self.folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTED_WITHIN_S
        while True:
            try:
                return (await asyncio.to_thread(urllib.request.urlopen, f"{self.http}/info")).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Stuck(f"Janus did not start: {self.folder / 'log'}") from None
                await asyncio.sleep(0.05)

    def kill(self):
        """SIGKILL: it tells nobody anything."""
        self.process.kill()
        self.process.wait()

    async def stop(self):
        """SIGTERM: it stops in order, once what it has to tell is told. Answers its status."""
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, STOPPED_WITHIN_S)

    def tweak(self, **changes):
        """Changes settings of the event handler while it runs."""
        order = {"janus": "query_eventhandler", "handler": "janus.eventhandler.sampleevh",
                 "admin_secret": ADMIN_SECRET, "transaction": "t",
                 "request": {"request": "tweak", **changes}}
        request = urllib.request.Request(self.admin, json.dumps(order).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            told = json.load(answer)
        if told.get("response", {}).get("result") != 200:
            raise Stuck(f"the event handler cannot be tweaked: {told}")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")


class Clients:
    """A process of clients (`client.py`)."""

    def __init__(self, name, folder):
        self.name = name
        self.log = folder / f"{name}.log"
        self.numbers = itertools.count(1)
        self.waiting = {}
        # What Janus told them: lines of `handle`, `event`, `at`.
        self.told = []
        self.process = None

    async def start(self):
        with open(self.log, "wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(HERE / "client.py"), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, limit=1 << 20)
        self.reading = asyncio.create_task(self.read())
        return self

    async def read(self):
        async for line in self.process.stdout:
            line = json.loads(line)
            if "event" in line:
                self.told.append(line)
            else:
                self.waiting.pop(line["order"]).set_result(line)
        for waiting in self.waiting.values():
            waiting.set_result({"fault": "the process of clients is gone"})

    async def tell(self, do, **order):
        """Gives an order, and answers when it was carried out: `from`, `to` and `data`, or `fault`."""
        number = next(self.numbers)
        waiting = self.waiting[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"order": number, "do": do, **order}) + "\n"
        self.process.stdin.write(line.encode())
        return await asyncio.wait_for(waiting, ORDER_WITHIN_S)

    async def do(self, do, **order):
        """As `tell`, but raises `Stuck` if there is a fault."""
        done = await self.tell(do, **order)
        if "fault" in done:
            raise Stuck(f"{do} {order}: {done['fault']}; see {self.log}")
        return done

    async def hear(self, handle, within_s, **event):
        """When Janus told that handle this event; `None` if it does not do so in time."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for line in self.told:
                if line["handle"] == handle and event.items() <= line["event"].items():
                    return line["at"]
            await asyncio.sleep(0.05)
        return None

    def kill(self):
        """SIGKILL: those within have no time for a word. Answers when."""
        begun = time.time()
        self.process.kill()
        return begun, time.time()


class Relay:
    """Passes on what Janus posts, unchanged, and keeps what went by.

    `posts` holds what each connection brought: its `body`, and `answer`, the first line of what came
    back, or nothing if the connection was closed without an answer. Of the answers to each body, as
    many as `loses` says are not passed on.
    """

    def __init__(self, port, to_port):
        self.port = port
        self.to_port = to_port
        self.posts = []
        self.loses = 0

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)

    async def serve(self, reader, writer):
        try:
            # As if nobody listened here: whoever calls sees their connection refused or reset.
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            return writer.transport.abort()
        asked, answered = bytearray(), bytearray()
        asking = asyncio.create_task(pump(reader, asked, up_writer))
        body = lambda: bytes(asked).partition(b"\r\n\r\n")[2]
        # An answer comes when the whole body has gone by.
        is_lost = lambda: sum(post["body"] == body() for post in self.posts) < self.loses
        await pump(up_reader, answered, writer, is_lost)
        asking.cancel()
        up_writer.close()
        self.posts.append({
            "body": body(),
            "answer": bytes(answered).partition(b"\r\n")[0].decode(errors="replace")})


async def pump(reader, seen, writer, is_lost=lambda: False):
    """Passes on what comes, until it ends, or nobody takes it, or it is to be lost."""
    try:
        while data := await reader.read(1 << 16):
            seen += data
            if is_lost():
                break
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    # Whichever side is done, the other hears of it.
    writer.close()
