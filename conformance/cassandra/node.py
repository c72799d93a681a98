"""One node of a ring: its folder, its settings, its process.

A process is known by its id and the time at which it began, so that no other one that got the same
id is ever taken for it. Linux only: that time, and signals to what is not our child, are in /proc.
"""

import dataclasses
import errno
import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import cql
import distribution
from distribution import Trouble

HEAP_MIB = 512
NODES_MAX = 9
STORAGE_PORT = 7000
JMX_PORT = 7199
# Node K of a ring is at 127.0.B.K, B the ring's block: rings of different blocks do not meet.
BLOCKS_MAX = 99
ENDED_WITHIN_S = 30
LOG_LINES_SHOWN = 40

COMMITLOGS = {
    "periodic": {"commitlog_sync": "periodic", "commitlog_sync_period": "10000ms"},
    "batch": {"commitlog_sync": "batch"},
    "group": {"commitlog_sync": "group", "commitlog_sync_group_window": "2ms"},
}
LOGBACK = """<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{ISO8601} [%thread] %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
"""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all nodes of a ring have in common."""

    nodes: int
    commitlog: str
    full_jit: bool
    # Of cassandra.yaml; they win over ours.
    more: dict
    block: int = 0

    def address(self, number):
        return f"127.0.{self.block}.{number}"

    def port(self):
        return self.more.get("native_transport_port", cql.PORT)

    def tls(self):
        """How the nodes are spoken to: none if not encrypted."""
        options = self.more.get("client_encryption_options", {})
        if not options.get("enabled"):
            return None
        return cql.Tls(options["keystore"] if options.get("require_client_auth") else None)


class Node:
    def __init__(self, work, settings, number):
        self.settings = settings
        self.number = number
        self.address = settings.address(number)
        self.contact_point = f"{self.address}:{settings.port()}"
        self.folder = pathlib.Path(work) / f"node-{number}"
        self.log = self.folder / "log"
        self.process = self.folder / "process.json"
        # JMX listens on 127.0.0.1 whatever the node's address is: to each a port of its own.
        self.jmx_port = JMX_PORT + number - 1 + settings.block * (NODES_MAX + 1)
        # By hand: nodes that choose for themselves have to join one after the other. The last
        # one's is the largest token that there is.
        self.token = -2**63 + number * 2**64 // settings.nodes - 1

    def __str__(self):
        return f"node {self.number} ({self.address})"

    def start(self, clock_s=0):
        """Starts the process; whether it serves is another question."""
        java, version = distribution.java()
        jars = distribution.classpath()
        environment = behind(clock_s) if clock_s else {}
        self.ports_are_free()
        self.write_config()
        archive = distribution.archive(version, jars)
        recorded = None
        if archive.exists():
            classes = [f"-XX:SharedArchiveFile={archive}"]
        elif self.number == 1 and self.settings.nodes > 1:
            # Writing it takes seven seconds: one node that starts once would not get them back.
            recorded = str(archive)
            classes = [f"-XX:ArchiveClassesAtExit={self.folder}/classes.jsa"]
        else:
            classes = []
        command = [java, *classes, *self.options(), "-classpath", jars,
                   "org.apache.cassandra.service.CassandraDaemon"]
        with open(self.log, "ab") as log:
            began_at = log.tell()
            child = subprocess.Popen(command, cwd=self.folder, env=os.environ | environment,
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True)
        found = process(child.pid)
        self.process.write_text(json.dumps({
            "pid": child.pid, "began": found and found[1], "clock_s": clock_s,
            "log_from": began_at, "archive": recorded}), encoding="utf-8")

    def options(self):
        system = {
            "cassandra.config": f"file://{self.folder}/cassandra.yaml",
            "cassandra-rackdc.properties": f"file://{self.folder}/rackdc.properties",
            "logback.configurationFile": f"{self.folder}/logback.xml",
            "cassandra.storagedir": f"{self.folder}/data",
            "cassandra.logdir": f"{self.folder}/data",
            "cassandra.jmx.local.port": self.jmx_port,
            # What would be left in the home and in /tmp by a process that is killed.
            "user.home": self.folder,
            "java.io.tmpdir": f"{self.folder}/tmp",
            "jna.tmpdir": f"{self.folder}/tmp",
            # The waits of a ring whose nodes are machines. Readiness is looked at, not waited for.
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.superuser_setup_delay_ms": 0,
            # It measures the size of 100,000 rows, a second's work; 1,000 give the same.
            "cassandra.memtable_row_overhead_computation_step": 1000,
            # Traces have one copy: readiness asks them for a token that only one node has.
            "cassandra.system_traces.default_rf": 1,
            "cassandra.system_distributed.default_rf": min(3, self.settings.nodes),
            "cassandra.system_auth.default_rf": min(3, self.settings.nodes),
            "io.netty.tryReflectionSetAccessible": "true",
            "jdk.attach.allowAttachSelf": "true",
        }
        quick = [] if self.settings.full_jit else ["-XX:TieredStopAtLevel=1"]
        return [
            *quick, "-XX:+UseSerialGC", f"-Xmx{HEAP_MIB}m", "-Xms96m", "-XX:+PerfDisableSharedMem",
            "-XX:+ExitOnOutOfMemoryError", f"-XX:ErrorFile={self.folder}/crash",
            *distribution.MODULES, *(f"-D{name}={value}" for name, value in system.items())]

    def write_config(self):
        seeds = ",".join(map(self.settings.address, range(1, self.settings.nodes + 1)))
        config = {
            "cluster_name": "whowas",
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "num_tokens": 1,
            "initial_token": str(self.token),
            # There is nothing to stream before the first start, and nothing to wait for.
            "auto_bootstrap": False,
            # Everyone is a seed: any node can start while the others are down.
            "seed_provider": [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                               "parameters": [{"seeds": seeds}]}],
            "listen_address": self.address,
            "rpc_address": self.address,
            "storage_port": STORAGE_PORT,
            "endpoint_snitch": "GossipingPropertyFileSnitch",
            "commitlog_total_space": "512MiB",
            "auto_snapshot": False,
            "materialized_views_enabled": False,
        } | COMMITLOGS[self.settings.commitlog] | self.settings.more
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        # JSON is YAML too.
        (self.folder / "cassandra.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")
        (self.folder / "rackdc.properties").write_text(
            f"dc=dc1\nrack=rack{self.number}\n", encoding="utf-8")
        (self.folder / "logback.xml").write_text(LOGBACK, encoding="utf-8")

    def ports_are_free(self):
        for address, port in [(self.address, self.settings.port()), (self.address, STORAGE_PORT),
                              ("127.0.0.1", self.jmx_port)]:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError as why:
                    taken = why.errno == errno.EADDRINUSE
                    raise Trouble(f"{self} cannot have {address}:{port}: " + (
                        f"it is taken; `ss -ltnp sport = {port}` shows by whom" if taken
                        else str(why))) from why

    def known(self):
        """What was written down about the process; none if it was never started."""
        try:
            return json.loads(self.process.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def pid(self):
        """The id of the process if it lives."""
        known = self.known()
        found = known and process(known["pid"])
        return known["pid"] if found and found[1] == known["began"] and found[0] != "Z" else None

    def clock_s(self):
        return self.known()["clock_s"]

    def hears(self, other):
        """Whether its messages count: as Cassandra ships, one that was sent long ago by the clock
        of its sender is dropped, so that nodes whose clocks differ are cut off from each other."""
        strict = self.settings.more.get("internode_timeout", True)
        return not strict or self.clock_s() == other.clock_s()

    def is_paused(self):
        pid = self.pid()
        return pid is not None and process(pid)[0] == "T"

    def signal(self, number):
        pid = self.pid()
        if pid is not None:
            os.kill(pid, number)

    def kill(self):
        """Ends the process at once, as a power cut of the machine would. False if there is none."""
        was_alive = self.pid() is not None
        self.signal(signal.SIGKILL)
        if not self.has_ended():
            raise Trouble(f"{self} has not ended {ENDED_WITHIN_S} s after SIGKILL")
        known = self.known()
        # libfaketime removes them only from a process that ends by itself.
        for left in glob.glob(f"/dev/shm/*faketime_*_{known['pid']}") if known else []:
            os.unlink(left)
        return was_alive

    def has_ended(self):
        deadline = time.monotonic() + ENDED_WITHIN_S
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def keep_archive(self):
        """Lets a node that recorded its classes end by itself, which writes the archive."""
        known = self.known()
        if not known or not known["archive"] or self.pid() is None or self.is_paused():
            return
        self.signal(signal.SIGTERM)
        written = self.folder / "classes.jsa"
        if self.has_ended() and written.exists():
            shutil.move(written, known["archive"])

    def tail(self):
        """The last lines that the process of the last start said."""
        with open(self.log, "rb") as log:
            log.seek(self.known()["log_from"])
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join([f"the last lines of {self.log}:", *lines[-LOG_LINES_SHOWN:]])


def process(pid):
    """The state of a process, a letter, and when it began; none if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[19])


def behind(clock_s):
    """The environment in which a process takes the time to be `clock_s` later than it is.

    Only the time of day: what the process measures and waits for goes on as it is, which takes both
    of the last two settings.
    """
    places = "/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1"
    found = [path for place in places for path in glob.glob(place)]
    if not found:
        raise Trouble("a clock that is off needs libfaketime: apt-get install libfaketime")
    return {"LD_PRELOAD": found[0], "FAKETIME": f"{clock_s:+d}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
