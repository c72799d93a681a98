#!/usr/bin/env python3
"""Two servers on a ring of three, load on every action, and everything that goes wrong with rings.

What was acknowledged is known outside, to `load.py`; README.md says what each check claims."""

import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

import load  # noqa: E402
from command import Ring, check_each  # noqa: E402
from server import Server  # noqa: E402
from verdicts import Verdicts  # noqa: E402

WORKERS = 6
PHASE_S = 6
CLOCK_S = 300
# A request that finds no quorum is told so within a second; the machine's own two cores, which the
# nodes and the load share, are allowed something beside it.
TOLD_WITHIN_S = 1.0
SHARED_MACHINE_S = 0.5
READY_AGAIN_WITHIN_S = 90
# After so long the driver has noticed that the nodes are gone.
NOTICED_AFTER_S = 30


class Stage:
    """The ring, the servers and the load."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ring = Ring(folder)
        self.servers = []
        self.load = None

    def raise_curtain(self):
        points = self.ring.do("up", 3, "--commitlog", "group", "--set", "internode_timeout=false")
        os.environ.update({
            "WHOWAS_STORE_KIND": "cassandra", "WHOWAS_STORE_CONTACT_POINTS": points,
            "WHOWAS_STORE_REPLICATION_FACTOR": "3", "WHOWAS_STORE_KEYSPACE": "failures"})
        for name in ("one", "two"):
            folder = self.folder / name
            folder.mkdir()
            server = Server(load.CONFIG, folder=str(folder))
            server.__enter__()
            # Whoever starts again is found where they were.
            server.listen = server.address
            self.servers.append(server)
        self.load = load.Load([server.address for server in self.servers], WORKERS)

    def fall(self):
        """Whatever happened, nothing is left."""
        with contextlib.ExitStack() as last:
            last.callback(self.ring.run, "down")
            for server in self.servers:
                last.callback(server.__exit__)
            if self.load:
                last.callback(self.load.end)

    def under_load(self, what, *deeds):
        """No request fails while this is done, and for some seconds after it."""
        self.load.begin()
        time.sleep(1)
        for deed in deeds:
            deed()
            self.load.run_for(PHASE_S)
        self.load.rest()
        time.sleep(1)
        return self.load.told(what)


def everything_goes_well(stage):
    return stage.under_load("at rest", lambda: None)


def a_node_is_killed(stage):
    return stage.under_load("a node is killed", lambda: stage.ring.do("kill", 3))


def the_node_comes_back(stage):
    return stage.under_load("it comes back", lambda: stage.ring.do("start", 3))


def a_server_is_killed(stage):
    """A worker whose server refuses the connection goes to the other, as a balancer does. What was
    under way in it is lost to its sender; nothing else may fail."""
    wrong = stage.under_load("a server is killed", stage.servers[0].kill)
    cut_off = [failure for failure in stage.load.failures if failure.status == 0]
    others = [repr(failure) for failure in stage.load.failures if failure.status != 0]
    if len(cut_off) > WORKERS:
        others.append(f"{len(cut_off)} requests found nobody")
    return others[:5] + [text for text in wrong if text in stage.load.complaints]


def the_server_comes_back(stage):
    return stage.under_load("it starts again", stage.servers[0].start)


def a_node_is_slow(stage):
    """Stopped, it takes connections and answers nothing."""
    return stage.under_load("a node is stopped and goes on",
                            lambda: stage.ring.do("pause", 2), lambda: stage.ring.do("resume", 2))


def a_clock_is_off(stage):
    stage.ring.do("kill", 3)
    wrong = stage.under_load("a node's clock is minutes ahead",
                             lambda: stage.ring.do("start", 3, "--clock", CLOCK_S))
    stage.ring.do("kill", 3)
    wrong += stage.under_load("and minutes behind",
                              lambda: stage.ring.do("start", 3, "--clock", -CLOCK_S))
    stage.ring.do("kill", 3)
    return wrong + stage.under_load("and right again", lambda: stage.ring.do("start", 3))


def requests(number):
    """One of each action, that have to be decided by a quorum."""
    users = [{"UserId": 7_000_000 + number, "NickName": "nobody is told so"}]
    return [
        lambda to: load.im(to, "RegisterUsers", {"AppId": load.APP, "Users": users}),
        lambda to: load.im(to, "BatchUpdateUser", {
            "AppId": load.APP, "Users": [{"UserId": load.NUMBERS_OF_A_WORKER, "NickName": "x"}]}),
        lambda to: load.im(to, "BatchGetUser", {"AppId": load.APP, "UserIds": [1, 2, 3]}),
        lambda to: load.query_user_infos(to, ["1"]),
        lambda to: load.list_user_info(to, "room-0"),
        lambda to: load.take_events(to, [load.event("joined", "no-quorum", number, 1)]),
    ]


def without_a_quorum_everybody_is_told(stage):
    """In each vendor's words, within a second, at once and when it is known for long."""
    stage.ring.do("kill", 2)
    stage.ring.do("kill", 3)
    wrong, slowest, began = [], 0, time.monotonic()
    for number in range(12):
        for server in stage.servers:
            for request in requests(number):
                answer = request(server.address)
                slowest = max(slowest, answer.took_s)
                if not answer.is_unavailable():
                    wrong.append(repr(answer))
                if answer.took_s > TOLD_WITHIN_S + SHARED_MACHINE_S:
                    wrong.append(f"late: {answer!r}")
        if number == 9:
            time.sleep(max(0, NOTICED_AFTER_S - (time.monotonic() - began)))
    print(f"     without a quorum: slowest answer {slowest:.2f} s", file=sys.stderr, flush=True)
    for server in stage.servers:
        status, text = server.get("/health/ready")
        if status != 503 or "not ready" not in text:
            wrong.append(f"/health/ready: {status} {text}")
    return wrong[:8]


def the_quorum_comes_back(stage):
    """Without a restart of the servers."""
    pids = [server.process.pid for server in stage.servers]
    stage.ring.do("start", 2)
    began, waiting = time.monotonic(), list(stage.servers)
    while waiting and time.monotonic() - began < READY_AGAIN_WITHIN_S:
        waiting = [server for server in waiting if server.get("/health/ready")[0] != 200]
        time.sleep(0.05)
    if waiting:
        return [f"not ready after {READY_AGAIN_WITHIN_S} s: {waiting[0].get('/health/ready')}"]
    print(f"     ready {time.monotonic() - began:.1f} s after the ring was",
          file=sys.stderr, flush=True)
    wrong = stage.under_load("two of three", lambda: None)
    wrong += stage.under_load("all three", lambda: stage.ring.do("start", 3))
    if pids != [server.process.pid for server in stage.servers]:
        wrong.append("a server was started again")
    return wrong


def nothing_acknowledged_is_lost(stage):
    """Both servers show it, and the same."""
    stage.load.begin()
    stage.load.rest()
    time.sleep(1)
    stage.load.complaints.clear()
    for worker in stage.load.workers:
        shown = [worker.check_all(server.address) for server in stage.servers]
        if json.dumps(shown[0], sort_keys=True) != json.dumps(shown[1], sort_keys=True):
            stage.load.complain(f"the servers show different things of {worker.room}")
    users = sum(len(worker.names) for worker in stage.load.workers)
    stays = sum(len(worker.stays) for worker in stage.load.workers)
    print(f"     {users} users, {stays} stays acknowledged", file=sys.stderr, flush=True)
    return stage.load.complaints[:8] or ([] if users and stays else ["nothing was acknowledged"])


def the_servers_stop_cleanly(stage):
    stage.load.end()
    for server in stage.servers:
        server.__exit__()
    secrets = (load.SERVER_SECRET, load.KEY[1], load.TOKEN, "first 1000", "changed 1000")
    return [text for server in stage.servers for text in server.complaints(secrets)]


CHECKS = [
    everything_goes_well, a_node_is_killed, the_node_comes_back, a_server_is_killed,
    the_server_comes_back, a_node_is_slow, a_clock_is_off, nothing_acknowledged_is_lost,
    without_a_quorum_everybody_is_told, the_quorum_comes_back, nothing_acknowledged_is_lost,
    the_servers_stop_cleanly,
]


def main():
    verdicts = Verdicts("cassandra failures", [])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder)
        try:
            stage.raise_curtain()
            check_each(CHECKS, stage, verdicts)
        finally:
            stage.fall()
    return verdicts.close()


if __name__ == "__main__":
    sys.exit(main())
