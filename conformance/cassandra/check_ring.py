"""Whether `ring` does what its README says: started as a contributor does, looked at with a real
driver. It has a folder of its own, but the same ports, so there may be no other ring meanwhile."""

import contextlib
import glob
import logging
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from cassandra import ConsistencyLevel, Unavailable
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import FallthroughRetryPolicy, WhiteListRoundRobinPolicy
from cassandra.query import SimpleStatement

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

from command import WITHIN_S, Ring, check_each, equal  # noqa: E402
from verdicts import Verdicts  # noqa: E402

ANSWER_WITHIN_S = 15
ROWS = 200
READS_AFTER_A_KILL = 300
ALL, ONE, QUORUM = ConsistencyLevel.ALL, ConsistencyLevel.ONE, ConsistencyLevel.QUORUM
CLOCK_S = -300

# The driver warns of each node that goes away, which is what is done to them here.
logging.getLogger("cassandra").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def session(*addresses):
    """A session that asks these nodes only, and each thing once."""
    profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy(list(addresses)),
                               retry_policy=FallthroughRetryPolicy(),
                               request_timeout=ANSWER_WITHIN_S)
    cluster = Cluster(list(addresses), execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                      connect_timeout=ANSWER_WITHIN_S)
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def ask(at, query, level=ONE):
    return at.execute(SimpleStatement(query, consistency_level=level, is_idempotent=True))


def make_table(at, replicas):
    ask(at, "CREATE KEYSPACE test WITH replication = "
            f"{{'class': 'NetworkTopologyStrategy', 'dc1': {replicas}}}")
    ask(at, "CREATE TABLE test.rows (key int PRIMARY KEY, value int)")


def write(at, keys, level):
    for key in keys:
        ask(at, f"INSERT INTO test.rows (key, value) VALUES ({key}, {key})", level)


def missing_rows(at, keys, level):
    return [key for key in keys
            if not list(ask(at, f"SELECT value FROM test.rows WHERE key = {key}", level))]


def nothing_is_left(ring):
    found = equal(ring.processes(), [], "processes") + equal(ring.work.exists(), False, "folder")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 9042))
    return found + equal(glob.glob("/dev/shm/*faketime_*"), [], "shared memory")


def one_node_serves(ring):
    found = equal(ring.do("up", 1), "127.0.0.1:9042", "contact points")
    with session("127.0.0.1") as at:
        make_table(at, 1)
    return found


def up_again_changes_nothing(ring):
    before = ring.processes()
    found = equal(ring.do("up", 1), "127.0.0.1:9042", "contact points")
    return found + equal(ring.processes(), before, "processes")


def another_ring_is_refused(ring):
    said = ring.refusal("up", 3)
    return [] if "ring down" in said else [said]


def a_second_ring_of_another_block_stands_beside_it(ring):
    """They do not meet, and one goes without the other."""
    with tempfile.TemporaryDirectory() as folder:
        second = Ring(folder)
        try:
            found = equal(second.do("up", 2, "--block", 7),
                          "127.0.7.1:9042,127.0.7.2:9042", "contact points")
            with session("127.0.0.1") as one, session("127.0.7.1") as two:
                found += equal(len(list(ask(one, "SELECT peer FROM system.peers"))), 0, "peers")
                found += equal(len(list(ask(two, "SELECT peer FROM system.peers"))), 1, "peers")
            found += equal(second.run("nodetool", 2, "status").stdout.count("UN  127.0.7."), 2,
                           "nodes that nodetool knows")
            second.do("down")
            found += equal(second.processes(), [], "processes of the second")
        finally:
            second.run("down")
    return found + equal(ring.run("status").returncode, 0, "status of the first")


def what_was_written_survives_a_kill(ring):
    with session("127.0.0.1") as at:
        write(at, range(ROWS), ONE)
        ring.do("kill", 1)
    found = equal(ring.processes(), [], "processes")
    found += equal(ring.run("status").returncode, 1, "status of a ring that is down")
    ring.do("start", 1)
    with session("127.0.0.1") as at:
        return found + equal(missing_rows(at, range(ROWS), ONE), [], "lost")


def down_leaves_nothing(ring):
    ring.do("down")
    ring.do("down")
    return nothing_is_left(ring)


def a_taken_port_is_told(ring):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 9042))
        taken.listen()
        said = ring.refusal("up", 1)
    ring.do("down")
    return ([] if "127.0.0.1:9042" in said else [said]) + nothing_is_left(ring)


def a_node_that_ends_at_its_start_is_told(ring):
    said = ring.refusal("up", 1, "--set", "no_such_setting=1")
    found = equal(ring.processes(), [], "processes")
    ring.do("down")
    return found + ([] if "no_such_setting" in said else [said]) + nothing_is_left(ring)


def a_missing_java_is_told(ring):
    said = ring.refusal("up", 1, JAVA_HOME="/nonexistent")
    ring.do("down")
    return ([] if "needs Java 17" in said else [said]) + nothing_is_left(ring)


def an_up_that_is_cut_off_leaves_nothing(ring):
    command = subprocess.Popen([HERE / "ring", "up", "1"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL,
                               env=os.environ | {"CASSANDRA_WORK": str(ring.work)})
    while not ring.processes() and command.poll() is None:
        time.sleep(0.02)
    command.send_signal(signal.SIGTERM)
    found = equal(command.wait(WITHIN_S), 143, "status") + equal(
        ring.processes(), [], "processes")
    ring.do("down")
    return found + nothing_is_left(ring)


def three_nodes_serve(ring):
    points = "127.0.0.1:9042,127.0.0.2:9042,127.0.0.3:9042"
    # So that nodes whose clocks differ hear each other.
    found = equal(ring.do("up", 3, "--commitlog", "group", "--set", "internode_timeout=false"),
                  points, "contact points")
    with session("127.0.0.2") as at:
        make_table(at, 3)
        write(at, range(ROWS), ALL)
    return found


def quorum_goes_on_when_one_is_killed(ring):
    """Reads at QUORUM all the while; none fails."""
    enough, failures, reads = threading.Event(), [], 0
    with session("127.0.0.1", "127.0.0.3") as at:
        def read():
            nonlocal reads
            while not enough.is_set() and not failures:
                try:
                    failures.extend(missing_rows(at, [reads % ROWS], QUORUM))
                    reads += 1
                except Exception as why:
                    failures.append(repr(why))
        reader = threading.Thread(target=read)
        reader.start()
        ring.do("kill", 2)
        wanted = reads + READS_AFTER_A_KILL
        while reads < wanted and reader.is_alive():
            time.sleep(0.01)
        write(at, range(ROWS, 2 * ROWS), QUORUM)
        enough.set()
        reader.join()
    return failures


def who_was_killed_comes_back(ring):
    """ALL works at once: everybody holds it for alive, and it for everybody."""
    ring.do("start", 2)
    with session("127.0.0.1") as one, session("127.0.0.2") as two:
        return equal(missing_rows(one, range(2 * ROWS), ALL), [], "lost for node 1") + equal(
            missing_rows(two, range(2 * ROWS), ALL), [], "lost for node 2")


def who_was_paused_comes_back(ring):
    ring.do("pause", 3)
    with session("127.0.0.1", "127.0.0.2") as at:
        found = equal(missing_rows(at, range(10), QUORUM), [], "lost while one is paused")
        found += equal(ring.run("status").returncode, 1, "status while one is paused")
        ring.do("resume", 3)
        return found + equal(missing_rows(at, range(10), ALL), [], "lost when it goes on")


def a_clock_is_off(ring):
    ring.do("kill", 3)
    ring.do("start", 3, "--clock", CLOCK_S)
    found = []
    for number, wanted_s in [(1, 0), (3, CLOCK_S)]:
        with session(f"127.0.0.{number}") as at:
            told = list(ask(at, "SELECT toUnixTimestamp(now()) FROM system.local"))[0][0]
            off_s = told / 1000 - time.time()
            if abs(off_s - wanted_s) > ANSWER_WITHIN_S:
                found.append(f"the clock of node {number} is {off_s:.1f} s off, not {wanted_s}")
            found += equal(missing_rows(at, range(10), ALL), [], f"lost for node {number}")
    return found


def nodetool_works(ring):
    told = ring.run("nodetool", 2, "status").stdout
    return [] if told.count("UN  127.0.0.") == 3 else [told]


def without_a_quorum_nothing_goes(ring):
    ring.do("kill", 1)
    ring.do("kill", 2)
    deadline = time.monotonic() + 60
    with session("127.0.0.3") as at:
        while time.monotonic() < deadline:
            try:
                missing_rows(at, [1], QUORUM)
                return ["a QUORUM of one node"]
            except Unavailable:
                return equal(missing_rows(at, [1], ONE), [], "lost for ONE")
            except Exception as why:
                # Until it has noticed that they are gone.
                last = why
    return [repr(last)]


def up_starts_those_that_are_down(ring):
    ring.do("up", 3, "--commitlog", "group", "--set", "internode_timeout=false")
    with session("127.0.0.1") as at:
        found = equal(missing_rows(at, range(2 * ROWS), ALL), [], "lost")
    return found + equal(ring.run("status").returncode, 0, "status")


CHECKS = [
    one_node_serves, up_again_changes_nothing, another_ring_is_refused,
    a_second_ring_of_another_block_stands_beside_it,
    what_was_written_survives_a_kill, down_leaves_nothing,
    a_taken_port_is_told, a_node_that_ends_at_its_start_is_told, a_missing_java_is_told,
    an_up_that_is_cut_off_leaves_nothing,
    three_nodes_serve, quorum_goes_on_when_one_is_killed, who_was_killed_comes_back,
    who_was_paused_comes_back, a_clock_is_off, nodetool_works, without_a_quorum_nothing_goes,
    up_starts_those_that_are_down, down_leaves_nothing,
]


def main():
    verdicts = Verdicts("cassandra ring", [])
    # So that a suite that takes too long ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        ring = Ring(folder)
        try:
            check_each(CHECKS, ring, verdicts)
        finally:
            ring.run("down")
    return verdicts.close()


if __name__ == "__main__":
    sys.exit(main())
