"""Starts the `whowas` binary for one suite, on a free port with a folder of its own.

The binary is `$WHOWAS_BIN`, else `target/release/whowas`, else `target/debug/whowas`. It is stopped
by its process id when the `with` block ends, whatever happened inside.

What `WHOWAS_STORE_...` in the environment say of the store holds for the server too. On a ring each
folder has a keyspace of its own, unless `WHOWAS_STORE_KEYSPACE` names one.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY_WITHIN_S = 30
# The first server on a ring makes its tables.
READY_ON_A_RING_WITHIN_S = 120
STOPPED_WITHIN_S = 20
LOG_LINES_MAX = 20_000


def binary():
    """The server binary to test; ends the program with a sentence if there is none."""
    given = os.environ.get("WHOWAS_BIN")
    candidates = [given] if given else [
        REPOSITORY / "target" / "release" / "whowas",
        REPOSITORY / "target" / "debug" / "whowas",
    ]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return str(pathlib.Path(candidate).resolve())
    sys.exit("no server binary: build it (cargo build --release -p whowas) or set WHOWAS_BIN")


class Server:
    """`with Server(config) as server:`; `server.address` is `127.0.0.1:PORT`.

    Its port is a free one, unless `listen` says otherwise. With a `folder`, its data are there and
    are left there.
    """

    def __init__(self, config, listen="127.0.0.1:0", folder=None):
        self.config = config
        self.listen = listen
        self.folder = folder
        self.is_own_folder = folder is None
        self.log = []

    def __enter__(self):
        # A SIGTERM to the runner must still stop the server.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
        if self.is_own_folder:
            self.folder = tempfile.mkdtemp(prefix="whowas-conformance-")
        self.start()
        return self

    def start(self):
        """Starts the program; after `kill`, on what was left behind."""
        program = binary()
        config_file = os.path.join(self.folder, "whowas.toml")
        with open(config_file, "w", encoding="utf-8") as file:
            file.write(self.config)
        self.address = None
        environment = {k: v for k, v in os.environ.items()
                       if k.startswith("WHOWAS_STORE_")
                       or not k.startswith("WHOWAS_") and k != "RUST_LOG"}
        if environment.get("WHOWAS_STORE_KIND") == "cassandra":
            name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]
            environment.setdefault("WHOWAS_STORE_KEYSPACE", f"suite_{name}")
        self.process = subprocess.Popen(
            [program, "serve", "--config", config_file, "--listen", self.listen,
             "--data", os.path.join(self.folder, "data")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment, text=True, errors="replace",
        )
        self._listening = threading.Event()
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise

    def kill(self):
        """Kills it (SIGKILL): it has no time to put anything in order."""
        self.process.kill()
        self.process.wait()
        self.reader.join(STOPPED_WITHIN_S)

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            del self.log[:-LOG_LINES_MAX]
            found = re.search(r"listening on http://(\S+)", line)
            if found and not self.address:
                self.address = found.group(1)
                self._listening.set()

    def _wait_until_ready(self):
        on_ring = os.environ.get("WHOWAS_STORE_KIND") == "cassandra"
        deadline = time.monotonic() + (READY_ON_A_RING_WITHIN_S if on_ring else READY_WITHIN_S)
        while not self._listening.wait(0.05):
            if self.process.poll() is not None:
                self._give_up(f"the server ended with status {self.process.returncode}")
            if time.monotonic() > deadline:
                self._give_up("the server printed no `listening on http://ADDR`")
        while True:
            try:
                if self.get("/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                self._give_up("/health/ready did not answer 200")
            time.sleep(0.05)

    def _give_up(self, why):
        sys.exit("\n".join([why, *self.log[-20:]]))

    def get(self, path, headers=None):
        return self.send("GET", path, None, headers)

    def send(self, method, path, body, headers=None):
        """Sends one plain request; answers (status, text)."""
        request = urllib.request.Request(
            f"http://{self.address}{path}", data=body, headers=headers or {}, method=method)
        # No proxy of the environment may stand between the suite and the server.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def take_events(self, events, token):
        """Hands CloudEvents to the server and insists that each of them is new and accepted."""
        status, text = self.send(
            "POST", "/v1/events", json.dumps(events).encode(),
            {"Content-Type": "application/cloudevents-batch+json",
             "Authorization": f"Bearer {token}"})
        if status != 200 or json.loads(text).get("accepted") != len(events):
            sys.exit(f"POST /v1/events answered {status} {text}")

    def take_callback(self, source, app, body):
        """Hands a callback to a hook, as its sender would, and insists that it is taken."""
        status, text = self.send("POST", f"/hooks/{source}/{app}", json.dumps(body).encode(),
                                 {"Content-Type": "application/json"})
        if status != 200:
            sys.exit(f"the hook of {source} answered {status} {text}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(STOPPED_WITHIN_S)
        if self.is_own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def complaints(self, secrets):
        """What was wrong with the server itself, once it has been stopped."""
        wrong = []
        if self.process.returncode != 0:
            wrong = [f"the server ended with status {self.process.returncode}", *self.log[-20:]]
        told = {secret for secret in secrets for line in self.log if secret in line}
        return wrong + [f"the server's log tells {secret!r}" for secret in sorted(told)]
