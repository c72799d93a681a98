"""One run: the peers, what they hold, whose turn it is, and what was found."""

import itertools
import json
import os
import shutil
import statistics
import time

from . import process, tables
from .clickhouse import ClickHouse
from .postgres import Postgres
from .redis import Redis
from .whowas import Binaries, Whowas, version

DAY_S = 86_400
# Half a day less than what is kept, so that nothing grows too old while it is measured.
LOG_S = int(13.5 * DAY_S)
# What is needed on the disk, whowas and PostgreSQL together, a little more than was seen.
USER_BYTES = 600
STAY_BYTES = 3_200
# PostgreSQL's log of writes, and all that is registered and told while it is measured.
WRITES_BYTES = 6 * 2**30


class StaysOptions:
    """What the generators are asked for."""

    def __init__(self, stays, users, until):
        self.options = {"stays": stays, "users": users, "from": until - LOG_S, "until": until,
                        "seed": stays}


class Bench:
    def __init__(self, root, work, sizes, how, names):
        self.root, self.work, self.is_full = root, work, how.full
        self.with_clickhouse = how.clickhouse
        self.users, self.stays = sizes["users"], sorted(sizes["stays"])
        self.seconds, self.rounds = sizes["seconds"], sizes["rounds"]
        self.warm_up = sizes["warm_up"]
        # What every turn of a load generator is given.
        self.times = {"seconds": self.seconds, "warm_up": self.warm_up}
        # A minute ago, so that nothing lies in the future.
        self.until = int(time.time()) - 60
        self.binaries = Binaries(root)
        self.began = time.time()
        self.machine = process.machine(work)
        self._look_for_room(names)
        self.pairs, self.curves, self.facts, self.disk = [], {}, {}, {}
        self.servers = {}
        self._pg = self._redis = self._clickhouse = None
        self.versions = {"whowas": version(self.binaries)}
        self.seeds = itertools.count(1_000_000)
        from pairs.register import Numbers
        self.numbers = Numbers()

    def _look_for_room(self, names):
        """Refuses what would fill the disk."""
        logs = sum(self.stays) if {"pages"} & set(names) else self.stays[-1]
        needed = self.users * USER_BYTES + WRITES_BYTES
        if {"pages", "start"} & set(names):
            needed += logs * STAY_BYTES
        free = shutil.disk_usage(self.work).free
        if needed > free:
            raise SystemExit(f"about {needed / 2**30:.0f} GiB are needed in {self.work}, and "
                             f"{free / 2**30:.0f} GiB are free: set BENCH_WORK to a folder on a "
                             "larger disk, or BENCH_USERS and BENCH_STAYS to less")

    # The peers, each started and filled when it is first asked for.

    def _server(self, name):
        if name not in self.servers:
            self.servers[name] = Whowas(self.binaries, name, self.work).start()
        return self.servers[name]

    def main(self, logs=False):
        """The server with all users, and with the largest log once anybody asked for it."""
        is_new = "main" not in self.servers
        main = self._server("main")
        if is_new:
            process.say(f"whowas: {self.users:,} users")
            before, began = process.folder_bytes(main.folder), time.monotonic()
            main.fill_users(self.users)
            size = process.folder_bytes(main.folder) - before
            self.note_disk("whowas: per user", size, self.users, time.monotonic() - began)
        if logs:
            self.log(self.stays[-1])
        return main

    def log(self, stays):
        """The server with the log of that size."""
        is_largest = stays == self.stays[-1]
        server = self.main() if is_largest else self._server(f"log-{stays}")
        if not getattr(server, "has_log", False):
            process.say(f"whowas: {stays:,} stays")
            before, began = process.folder_bytes(server.folder), time.monotonic()
            server.fill_stays(StaysOptions(stays, self.users, self.until))
            size = process.folder_bytes(server.folder) - before
            self.note_disk(f"whowas: per stay, of {stays:,}, its events included", size, stays,
                           time.monotonic() - began)
            server.has_log = True
        return server

    def postgres(self, users=False, stays=None):
        if self._pg is None:
            self._pg = Postgres(self.work)
            if not self._pg.is_there():
                raise SystemExit("PostgreSQL is missing: apt-get install postgresql")
            self._pg.start()
            self.versions["postgres"] = self._pg.version()
            self.facts["postgres_settings"] = self._pg.settings
        pg = self._pg
        if users and not pg.has("directory"):
            process.say(f"PostgreSQL: {self.users:,} users")
            began = time.monotonic()
            pg.create("directory", tables.USERS)
            pg.copy("directory", "users",
                    [self.binaries.data, "users-copy", "--users", str(self.users)])
            pg.sql("directory", tables.USERS_KEY)
            pg.settle("directory")
            size = int(pg.sql("directory", "SELECT pg_total_relation_size('users')")[0][0])
            self.note_disk("PostgreSQL: per user", size, self.users, time.monotonic() - began)
        if stays and not pg.has(f"log_{stays}"):
            self._fill_log(pg, stays)
        return pg

    def _fill_log(self, pg, stays):
        process.say(f"PostgreSQL: {stays:,} stays")
        began, database = time.monotonic(), f"log_{stays}"
        pg.create(database, tables.STAYS)
        options = StaysOptions(stays, self.users, self.until).options
        source = [self.binaries.data, "stays-copy"]
        for name, value in options.items():
            source += ["--" + name, str(value)]
        pg.copy(database, "stays", source)
        for statement in (tables.STAYS_KEY, tables.BY_CREATED, tables.BY_SPAN, tables.BY_ROOM):
            pg.sql(database, statement)
        pg.settle(database)
        size = int(pg.sql(database, "SELECT pg_total_relation_size('stays')")[0][0])
        self.note_disk(f"PostgreSQL: per stay, of {stays:,}, without its events", size, stays,
                       time.monotonic() - began)

    def redis(self):
        """None if it is not there and cannot be installed."""
        if self._redis is None:
            self._redis = Redis(self.work)
            if self._redis.is_there():
                self.versions["redis"] = self._redis.version()
                process.say(f"Redis: {self.users:,} users")
                self._redis.start().fill(self.binaries, self.users)
            else:
                process.say("Redis is missing and is left out: apt-get install redis-server")
        return self._redis if self._redis.is_there() else None

    def clickhouse(self, stays):
        """With the log of that size; None if nobody asked for it."""
        if not self.with_clickhouse:
            return None
        if self._clickhouse is None:
            self._clickhouse = ClickHouse(self.binaries, self.work).start()
            self.versions["clickhouse"] = self._clickhouse.version()
        process.say(f"ClickHouse: {stays:,} stays")
        began, database = time.monotonic(), f"log_{stays}"
        options = StaysOptions(stays, self.users, self.until).options
        size = self._clickhouse.fill(self.binaries, database, options)
        self.note_disk(f"ClickHouse: per stay, of {stays:,}, without its events", size, stays,
                       time.monotonic() - began)
        return self._clickhouse

    # Turns.

    def turns(self, sides, rounds=None, written=False):
        """Each side in its turn, round after round; gives each side's runs."""
        found = {name: [] for name in sides}
        for _ in range(rounds or self.rounds):
            for name, turn in sides.items():
                before = process.written_bytes(self.work) if written else None
                run = turn()
                if written and before is not None:
                    if name == "postgres":
                        self._pg.sql("postgres", "CHECKPOINT")
                    run["written_bytes"] = process.written_bytes(self.work) - before
                found[name].append(run)
        return found

    @staticmethod
    def median(found, key="requests_per_s"):
        return {name: statistics.median(run[key] for run in runs) for name, runs in found.items()}

    @staticmethod
    def middle(runs, key="p50_us"):
        return sorted(runs, key=lambda run: run[key])[len(runs) // 2]

    # What was found.

    def pair(self, name, what, found, left, right, *, against, key="requests_per_s",
             at_least=None, at_most=None, is_time=False):
        """A ratio of medians: how many times left has right, or, of times, how many times faster it
        is."""
        sides = {}
        for side in (left, right):
            all_values = [run[key] for run in found[side]]
            sides[side] = {"median": statistics.median(all_values), "lowest": min(all_values),
                           "highest": max(all_values), "runs": found[side]}
        above, below = (right, left) if is_time else (left, right)
        ratio = sides[above]["median"] / max(sides[below]["median"], 1e-9)
        self._note(dict(name=name, what=what, unit=key, against=against, left=left,
                        right=right, sides=sides, ratio=ratio, at_least=at_least,
                        at_most=at_most), ratio)

    def alone(self, name, what, runs, key, at_least=None, at_most=None):
        """A figure that stands for itself."""
        all_values = [run[key] for run in runs]
        value = statistics.median(all_values)
        side = {"median": value, "lowest": min(all_values), "highest": max(all_values),
                "runs": runs}
        self._note(dict(name=name, what=what, unit=key, against=None, left="whowas",
                        right=None, sides={"whowas": side}, ratio=None, at_least=at_least,
                        at_most=at_most), value)

    def _note(self, pair, value):
        least, most = pair["at_least"], pair["at_most"]
        pair["is_reached"] = None if least is None and most is None else (
            (least is None or value >= least) and (most is None or value <= most))
        self.pairs.append(pair)
        process.say(f"{pair['name']}: {value:.3g}"
                    + ("" if pair["is_reached"] is None else
                       "  reached" if pair["is_reached"] else "  NOT reached"))

    def note_disk(self, what, size, count, took_s):
        self.disk[what] = {"bytes": size, "each": size / count, "filled_in_s": round(took_s, 1)}
        process.say(f"  {what}: {size / count:.0f} bytes, {size / 2**30:.2f} GiB, {took_s:.0f} s")

    def written(self, what, who, runs, per_request):
        """Bytes that went to the disk during a run, per user or event of it, the warm-up's
        included."""
        each = [run["written_bytes"] / (run["requests_per_s"] * (self.seconds + self.warm_up))
                / per_request for run in runs if run.get("written_bytes") is not None]
        if each:
            self.facts.setdefault("written", {}).setdefault(what, {})[who] = \
                statistics.median(each)

    def results(self, names):
        return {
            "names": names, "is_full": self.is_full, "took_s": round(time.time() - self.began),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began)),
            "machine": self.machine, "versions": self.versions,
            "sizes": {"users": self.users, "stays": self.stays, "seconds": self.seconds,
                      "warm_up": self.warm_up, "rounds": self.rounds},
            "pairs": self.pairs, "curves": self.curves, "disk": self.disk, "facts": self.facts,
        }


def write(path, results):
    with open(path, "w") as file:
        json.dump(results, file, indent=1, default=str)
        file.write("\n")


def remove(work):
    shutil.rmtree(work, ignore_errors=True)
