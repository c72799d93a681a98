"""What a site asks of a ring: which partitions are written, what that costs, and how many nodes it takes.

What one request costs the nodes, and what one user and one stay take on a disk, is measured
(`bench/run cassandra`); who calls whom is made as `bench/data` makes it; the rest is counted here.
"""

import dataclasses
import hashlib
import math

from . import workload
from .ring import Ring

REPLICAS = 3
READ_TWICE = 2
# A node as people buy them. Half of it stays free: for compaction, repair, and a node that is down.
CORES = 16
CPU_SHARE = 0.5
DISK_BYTES = 2 * 10**12
DISK_SHARE = 0.5
# How much of the busiest hour is simulated.
STRETCH_S = 10
# A conditional write against a plain one: rounds between the replicas, and a log of its own.
CONDITIONAL = 4
SLICE_S = 256
NODES_MAX = 6_000


@dataclasses.dataclass(frozen=True)
class Costs:
    """Of all nodes together, with three replicas: processor time in microseconds, bytes on one replica."""

    get_us: float
    register_us: float
    event_us: float
    page_us: float
    bytes_per_user: float
    bytes_per_stay: float
    statements: dict

    @classmethod
    def measured(cls, facts):
        """From one node with one replica: three that share two cores mostly show how they get into
        each other's way. A quorum of three reads twice, and each write is made three times."""
        one, three = facts["1"], facts["3"]
        return cls(one["get"]["nodes_cpu_us"] * READ_TWICE,
                   one["register"]["nodes_cpu_us"] * REPLICAS,
                   one["event"]["nodes_cpu_us"] * REPLICAS, one["page"]["nodes_cpu_us"] * READ_TWICE,
                   three["bytes_per_user"], sum(three["bytes_per_stay"].values()),
                   {name: one[name]["statements"] for name in ("get", "register", "event", "page")})


@dataclasses.dataclass
class Demand:
    """In a second of the busiest hour."""

    gets: float
    registers: float
    events: float
    pages: float

    def __init__(self, site):
        self.gets = site.per_second(site.stays_per_day * site.gets_per_stay
                                    + site.users * site.gets_per_user)
        # Twenty users in a request; a change is one conditional write, as a registration is.
        changed = site.users * (site.registered_per_day + site.changed_per_day)
        self.registers = site.per_second(changed / 20)
        self.events = site.per_second(site.stays_per_day * workload.EVENTS_PER_STAY)
        self.pages = site.per_second(site.stays_per_day / site.stays_per_page)

    def cpu_s(self, costs):
        """Processor seconds of all nodes."""
        return {"BatchGetUser": self.gets * costs.get_us / 1e6,
                "RegisterUsers": self.registers * costs.register_us / 1e6,
                "events": self.events * costs.event_us / 1e6,
                "pages": self.pages * costs.page_us / 1e6}


@dataclasses.dataclass(frozen=True)
class Need:
    """What a site takes."""

    site: workload.Site
    demand: Demand
    bytes_kept: float
    nodes: int
    for_disk: int
    for_cpu: int
    # The busiest node against the mean, in writes.
    busiest: float
    # Writes a second to one partition of an app's slice, and to one room.
    slice_writes: float
    room_writes: float
    slice_rows: float
    # Processor seconds in each second, of all nodes.
    cpu_s: dict

    @property
    def bottleneck(self):
        if self.nodes <= REPLICAS:
            return "none: three nodes are the fewest that lose one without notice"
        if self.for_disk >= self.for_cpu:
            return "the disks"
        return f"the nodes' processors: {max(self.cpu_s, key=self.cpu_s.get)}"


def _token(*key):
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "big")


def partitions(site, shards, seed=1):
    """The partitions that are written in a stretch of the busiest hour, and how much in each second:
    a mapping from a token to weights, and the busiest slice and room."""
    writes, slices, rooms = {}, {}, {}

    def add(kind, weight, *key):
        token = _token(kind, *key)
        writes[token] = writes.get(token, 0) + weight / STRETCH_S

    for call in workload.calls(site, STRETCH_S, seed):
        shard = call.room % shards
        events = call.people * workload.EVENTS_PER_STAY
        # Rows of the room itself, conditional; of its identities; of the index, thrice.
        add("room", events * CONDITIONAL, call.app, call.room)
        rooms[call.app, call.room] = events / max(call.length_s, 60)
        add("slice", events, call.app, shard)
        slices[call.app, shard] = slices.get((call.app, shard), 0) + events / STRETCH_S
        add("room index", events, call.app, call.room)
        for person in range(call.people):
            add("person", workload.EVENTS_PER_STAY, call.app, call.room, person)
            add("identity", 2 * workload.EVENTS_PER_STAY, call.app, call.room, person, "id")
    return writes, max(slices.values(), default=0), max(rooms.values(), default=0)


def need(site, costs, shards=4):
    """How many nodes it takes, and why."""
    demand = Demand(site)
    kept = site.stays_per_day * site.kept_days * costs.bytes_per_stay
    kept = (kept + site.users * costs.bytes_per_user) * REPLICAS
    writes, slice_writes, room_writes = partitions(site, shards)
    cpu_s = demand.cpu_s(costs)
    for_disk = math.ceil(kept / (DISK_BYTES * DISK_SHARE))
    for_cpu = sum(cpu_s.values()) / (CORES * CPU_SHARE)
    nodes, busiest = REPLICAS, 1.0
    for _ in range(4):
        # What is uneven is known only for a number of nodes, which depends on what is uneven.
        wanted = max(REPLICAS, for_disk, math.ceil(for_cpu * busiest))
        nodes = min(wanted, NODES_MAX)
        borne = Ring(nodes, REPLICAS, seed=nodes).spread(writes)
        busiest = max(borne) * nodes / sum(borne) if sum(borne) else 1.0
    slice_rows = slice_writes / workload.EVENTS_PER_STAY * SLICE_S
    return Need(site, demand, kept, nodes, for_disk, math.ceil(for_cpu * busiest), busiest,
                slice_writes, room_writes, slice_rows, cpu_s)
