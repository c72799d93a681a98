"""ListUserInfo of the whole app over six hours: first, middle and last page, in logs of all sizes."""

import time

from peers import process, tables

SIZE = 100
WINDOW_S = 6 * 3600
DAY_S = 86_400
DEPTHS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
# Three windows: an evening, a morning and an afternoon of different days (hours at +08:00).
WINDOWS = ((11, 17), (7, 8), (3, 12))


def _windows(bench):
    """Begins and ends in Unix seconds."""
    midnight = (bench.until + 8 * 3600) // DAY_S * DAY_S - 8 * 3600
    begins = [midnight - days * DAY_S + hour * 3600 for days, hour in WINDOWS]
    return [(begin, begin + WINDOW_S) for begin in begins]


def _number(total, depth):
    """The page at a depth from 0 to 1; the last is the last that is full."""
    return 1 + int(depth * (max(total // SIZE, 1) - 1))


def _text(unix_s):
    return time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(unix_s))


class Log:
    """One log in both, and what its windows hold."""

    def __init__(self, bench, stays):
        self.stays = stays
        self.server = bench.log(stays)
        self.pg = bench.postgres(stays=stays)
        self.database = f"log_{stays}"
        self.windows = _windows(bench)
        self.clickhouse = bench.clickhouse(stays)
        self.totals = [self.server.ask(f"{begin}:{end}:1")["Total"] for begin, end in self.windows]
        self.seconds = bench.seconds
        self.transactions = 3

    def question(self, place, depth):
        """begin, end, limit, offset, for PostgreSQL."""
        begin, end = map(_text, self.windows[place])
        return begin, end, SIZE, (_number(self.totals[place], depth) - 1) * SIZE

    def in_clickhouse(self, depth):
        questions = [(*self.windows[place], *self.question(place, depth)[2:])
                     for place in range(len(self.windows))]
        return self.clickhouse.measure(self.database, questions, self.seconds)

    def sides(self, way, depth):
        """Whose turns there are."""
        sides = {"whowas": lambda: self.ours(depth), "postgres": lambda: self.theirs(way, depth)}
        if self.clickhouse:
            sides["clickhouse"] = lambda: self.in_clickhouse(depth)
        return sides

    def pages(self, depth):
        return [f"{begin}:{end}:{_number(total, depth)}"
                for (begin, end), total in zip(self.windows, self.totals)]

    def ours(self, depth, connections=1):
        return self.server.load("list", connections=connections, page=self.pages(depth),
                                seconds=self.seconds / 2, warm_up=0.3)

    def theirs(self, way, depth):
        """Each window once to warm up, and then again for as long as it takes."""
        script = ";\n".join(query for place in range(len(self.windows))
                            for query in tables.WAYS[way](*self.question(place, depth))) + ";\n"
        found = self.pg.bench(self.database, script, clients=1, mode="simple",
                              transactions=self.transactions)
        # As many next time as fit into a turn.
        fit = self.seconds * found["requests_per_s"]
        self.transactions = max(3, min(200, int(fit)))
        # A transaction asks for all windows.
        for name in ("p50_us", "p99_us", "p999_us"):
            found[name] /= len(self.windows)
        found["requests_per_s"] *= len(self.windows)
        return found

    def agree(self, way):
        """Whether both show the same: Totals, and rows of a first, a middle and a last page."""
        for place, total in enumerate(self.totals):
            for depth in (0.0, 0.5, 1.0):
                count, page = tables.WAYS[way](*self.question(place, depth))
                theirs = int(self.pg.sql(self.database, count)[0][0])
                rows = self.pg.sql(self.database, page)
                found = self.server.ask(self.pages(depth)[place])
                ours = [(row["CallId"], row["UserId"]) for row in found["UserList"]]
                if theirs != total or ours != [(row[0], row[2]) for row in rows]:
                    raise SystemExit(f"{self.database}: whowas and PostgreSQL differ: "
                                     f"{total} and {theirs} stays, or their order")
                if self.clickhouse:
                    self._agree_with_clickhouse(place, depth, total, ours)

    def _agree_with_clickhouse(self, place, depth, total, ours):
        self.clickhouse.ask(f"USE {self.database}")
        question = (*self.windows[place], *self.question(place, depth)[2:])
        count, page = [self.clickhouse.ask(query)[0]
                       for query in self.clickhouse.queries(*question)]
        if int(count[0][0]) != total or ours != [(row[0], row[2]) for row in page]:
            raise SystemExit(f"{self.database}: whowas and ClickHouse differ: {total} and "
                             f"{count[0][0]} stays, or their order")


def pages(bench):
    logs = [Log(bench, stays) for stays in bench.stays]
    large, small = logs[-1], logs[0]
    questions = [large.question(place, depth) for place in range(len(WINDOWS))
                 for depth in (0.0, 0.5, 1.0)]
    way, tried = tables.choose(large.pg, large.database, questions)
    bench.facts["postgres_way"], bench.facts["postgres_ways_ms"] = way, tried
    for log in logs:
        log.agree(way)
    process.say(f"totals {large.totals}; PostgreSQL asks {way}; both agree")
    bench.facts["window_totals"] = {str(log.stays): log.totals for log in logs}
    by_size = {name: [] for name in large.sides(way, 0.0)}
    runs = {}
    for log in logs:
        for name, depth in (("first", 0.0), ("middle", 0.5), ("last", 1.0)):
            found = bench.turns(log.sides(way, depth))
            runs[log.stays, name] = found
            for who, all_runs in found.items():
                middle = bench.middle(all_runs)
                by_size[who].append(dict(middle, stays=log.stays, page=name))
    for name, least in (("first", 100), ("middle", None), ("last", 1000)):
        bench.pair(f"pages-{name}",
                   f"ListUserInfo of {large.stays:,} stays, 6 h, whole app, {name} page: p50",
                   runs[large.stays, name], "whowas", "postgres", key="p50_us", at_least=least,
                   against="PostgreSQL, its best index, count and offset", is_time=True)
        if large.clickhouse:
            bench.pair(f"pages-{name}-clickhouse",
                       f"ListUserInfo of {large.stays:,} stays, {name} page: p50",
                       runs[large.stays, name], "whowas", "clickhouse", key="p50_us",
                       against="ClickHouse in-process, count and offset", is_time=True)
    ours = {name: runs[large.stays, name]["whowas"] for name in ("first", "last")}
    bench.pair("pages-depth", "the same, last page: p50", ours, "last", "first", key="p50_us",
               at_most=1.2, against="its own first page")
    for name in ("first", "last"):
        found = {"large": runs[large.stays, name]["whowas"],
                 "small": runs[small.stays, name]["whowas"]}
        bench.pair(f"pages-size-{name}", f"the same at {large.stays:,} stays, {name} page: p50",
                   found, "large", "small", key="p50_us", at_most=1.3,
                   against=f"at {small.stays:,} stays")
    bench.alone("pages-throughput", f"the same, {large.stays:,} stays, last pages/s, "
                "64 connections", [large.ours(1.0, 64) for _ in range(bench.rounds)],
                "requests_per_s")
    bench.curves["size"] = by_size
    depths(bench, large, way)


def depths(bench, log, way):
    curves = {name: [] for name in log.sides(way, 0.0)}
    for depth in DEPTHS:
        found = bench.turns(log.sides(way, depth), rounds=1)
        for name, runs in found.items():
            number = _number(log.totals[0], depth)
            curves[name].append(dict(runs[0], depth=depth, page=number))
    bench.curves["depth"] = curves
