"""One run: its sizes, whose turn it is, and what was found."""

import json
import os
import shutil
import statistics
import time

from . import process
from .holdings import Holdings
from .state import State
from .whowas import Binaries, version

# What is needed on the disk, whowas and PostgreSQL together, a little more than was seen.
USER_BYTES = 600
STAY_BYTES = 2_400
# PostgreSQL's log of writes, and all that is registered and told while it is measured.
WRITES_BYTES = 6 * 2**30
# Of the peak, where latency is measured at fixed rates; every second one in the short form.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
# Between the ids of a run and those that it may have used before it was interrupted.
NUMBERS_APART = 10**9


class Bench:
    def __init__(self, root, work, sizes, how, is_resumed):
        self.root, self.work, self.is_full = root, work, how.full
        self.with_clickhouse = how.clickhouse
        self.users, self.stays = sizes["users"], sorted(sizes["stays"])
        self.seconds, self.rounds = sizes["seconds"], sizes["rounds"]
        self.warm_up = sizes["warm_up"]
        # What every turn of a load generator is given.
        self.times = {"seconds": self.seconds, "warm_up": self.warm_up}
        self.began = time.time()
        self.binaries = Binaries(root)
        data = {"users": self.users, "stays": self.stays}
        self.state = State(work, {"data": data}, is_resumed)
        self.until = self.state["until"]
        found = self.state["found"]
        self.pairs, self.curves, self.facts = found["pairs"], found["curves"], found["facts"]
        self.disk, self.versions = found["disk"], found["versions"]
        self.versions["whowas"] = version(self.binaries)
        self.machine = process.machine(work)
        if is_resumed:
            self.state.kept["numbers"] += NUMBERS_APART
            self.state.kept["seeds"] += 1_000
        self.holdings = Holdings(self)

    def look_for_room(self, users, logs):
        """Refuses what would fill the disk."""
        whole = self.users * USER_BYTES if users else 0
        whole += sum(self.stays) * STAY_BYTES if logs else 0
        # A run that goes on has a part of it.
        needed = WRITES_BYTES + max(0, whole - process.folder_bytes(self.work))
        free = shutil.disk_usage(self.work).free
        if needed > free:
            raise SystemExit(f"about {needed / 2**30:.0f} GiB are needed in {self.work}, and "
                             f"{free / 2**30:.0f} GiB are free: set BENCH_WORK to a folder on a "
                             "larger disk, or BENCH_USERS and BENCH_STAYS to less")

    # Who is asked, and with what.

    def main(self):
        return self.holdings.main()

    def log(self, stays):
        return self.holdings.log(stays)

    def postgres(self, users=False, stays=None):
        return self.holdings.postgres(users, stays)

    def redis(self):
        return self.holdings.redis()

    def clickhouse(self, stays):
        return self.holdings.clickhouse(stays)

    def ids(self, count):
        """The first of so many ids that no run has used."""
        first = self.state["numbers"]
        self.state.kept["numbers"] += count
        return first

    def seed(self):
        """One that no run has used."""
        self.state.kept["seeds"] += 1
        return self.state["seeds"]

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
                        self.postgres().sql("postgres", "CHECKPOINT")
                    run["written_bytes"] = process.written_bytes(self.work) - before
                found[name].append(run)
        return found

    def at_shares(self, curve, sides):
        """Each side at shares of its own peak; a side is called with a rate, or without one."""
        peak = self.median(self.turns(sides, rounds=1))
        curves = {name: [] for name in sides}
        for share in SHARES if self.is_full else SHARES[::2]:
            for name, turn in sides.items():
                rate = round(peak[name] * share)
                curves[name].append(dict(turn(rate), rate=rate, share=share))
        self.curves[curve] = curves
        for name, points in curves.items():
            process.say(f"{curve}, {name}: " + ", ".join(
                f"{point['share']:.0%} p99 {point['p99_us']:.0f} µs" for point in points))

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
        self.pairs[pair["name"]] = pair
        process.say(f"{pair['name']}: {value:.3g}"
                    + ("" if pair["is_reached"] is None else
                       "  reached" if pair["is_reached"] else "  NOT reached"))

    def written(self, what, who, runs, per_request):
        """Bytes that went to the disk during a run, per user or event of it, the warm-up's
        included."""
        each = [run["written_bytes"] / (run["requests_per_s"] * (self.seconds + self.warm_up))
                / per_request for run in runs if run.get("written_bytes") is not None]
        if each:
            self.facts.setdefault("written", {}).setdefault(what, {})[who] = \
                statistics.median(each)

    def results(self):
        return {
            "names": self.state["done"], "is_full": self.is_full,
            "took_s": self.state["took_s"],
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began)),
            "machine": self.machine, "versions": self.versions,
            "sizes": {"users": self.users, "stays": self.stays, "seconds": self.seconds,
                      "warm_up": self.warm_up, "rounds": self.rounds},
            "pairs": list(self.pairs.values()), "curves": self.curves, "disk": self.disk,
            "facts": self.facts,
        }


def write(path, results):
    with open(path + ".new", "w") as file:
        json.dump(results, file, indent=1, default=str)
        file.write("\n")
    os.replace(path + ".new", path)
