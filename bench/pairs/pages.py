"""ListUserInfo: first, middle and last page of six hours, of the whole app, in logs of all sizes; and
of everything else that can be asked for, in the largest."""

import time

from peers import holdings, process, tables

SIZE = 100
HOUR_S = 3600
WINDOW_S = 6 * HOUR_S
DAY_S = 86_400
DEPTHS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
# Three windows: an evening, a morning and an afternoon of different days (hours at +08:00).
WINDOWS = ((11, 17), (7, 8), (3, 12))
# Low ids come more often than others.
USER = "1"


class Window:
    """Some of a log: begin and end in Unix seconds, both included, and whose stays."""

    def __init__(self, begin, end, room=None, user=None, servers=False):
        self.begin, self.end, self.room, self.user = begin, end, room, user
        self.servers, self.total = servers, None

    def options(self):
        """What the load generator is told of it."""
        options = {"room": self.room, "user": self.user}
        options = {name: value for name, value in options.items() if value is not None}
        return dict(options, with_servers=True) if self.servers else options

    def page(self, number):
        return f"{self.begin}:{self.end}:{number}"

    def count(self, server):
        self.total = server.ask(self.page(1), **self.options())["Total"]
        return self

    def at(self, depth):
        """The page at a depth from 0 to 1; the last is the last that is full."""
        return 1 + int(depth * (max(self.total // SIZE, 1) - 1))


def _text(unix_s):
    return time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(unix_s))


class Log:
    """One log in both. A question is a window and the number of a page."""

    def __init__(self, bench, stays):
        self.stays = stays
        self.server = bench.log(stays)
        self.pg = bench.postgres(stays=stays)
        self.database = f"log_{stays}"
        self.clickhouse = bench.clickhouse(stays)
        midnight = holdings.midnight(bench.until)
        begins = [midnight - days * DAY_S + hour * HOUR_S for days, hour in WINDOWS]
        self.windows = [Window(begin, begin + WINDOW_S).count(self.server) for begin in begins]
        self.seconds = bench.seconds
        self.way = None

    def questions(self, depth):
        return [(window, window.at(depth)) for window in self.windows]

    def queries(self, window, number, way=None):
        """What PostgreSQL is asked: in the way that is best for it."""
        begin, end = map(_text, (window.begin, window.end))
        ask = tables.WAYS[way or self.way]
        if window.room is not None:
            ask = tables.of_room(window.room)
        if window.user is not None:
            ask = tables.of_user(window.user)
        clients = "" if window.servers else tables.CLIENTS
        return ask(begin, end, SIZE, (number - 1) * SIZE, clients)

    def sides(self, questions):
        """Whose turns there are."""
        sides = {"whowas": lambda: self.ours(questions), "postgres": lambda: self.theirs(questions)}
        if self.clickhouse and not questions[0][0].options():
            sides["clickhouse"] = lambda: self.in_clickhouse(questions)
        return sides

    def ours(self, questions, connections=1):
        pages = [window.page(number) for window, number in questions]
        return self.server.load("list", connections=connections, page=pages,
                                seconds=self.seconds / 2, warm_up=0.2, **questions[0][0].options())

    def theirs(self, questions):
        """Each question once to warm up, and then again for as long as ours were asked."""
        script = ";\n".join(query for question in questions
                            for query in self.queries(*question)) + ";\n"
        def ask(transactions):
            return self.pg.bench(self.database, script, clients=1, mode="simple",
                                 transactions=transactions)
        found = ask(3)
        fit = int(self.seconds / 2 * found["requests_per_s"])
        if fit > 3:
            found = ask(min(200, fit))
        # A transaction asks for all windows.
        for name in ("p50_us", "p99_us", "p999_us"):
            found[name] /= len(questions)
        found["requests_per_s"] *= len(questions)
        return found

    def in_clickhouse(self, questions):
        return self.clickhouse.measure(self.database, [
            (window.begin, window.end, SIZE, (number - 1) * SIZE)
            for window, number in questions], self.seconds)

    def agree(self, questions):
        """Whether both show the same: Totals, and the rows."""
        for window, number in questions:
            count, page = self.queries(window, number)
            theirs = int(self.pg.sql(self.database, count)[0][0])
            rows = self.pg.sql(self.database, page)
            found = self.server.ask(window.page(number), **window.options())
            ours = [(row["CallId"], row["UserId"]) for row in found["UserList"]]
            if theirs != found["Total"] or ours != [(row[0], row[2]) for row in rows]:
                raise SystemExit(f"{self.database}, {vars(window)}, page {number}: whowas and "
                                 f"PostgreSQL differ: {found['Total']} and {theirs} stays, or their "
                                 "order")
            if self.clickhouse and not window.options():
                self._agree_with_clickhouse(window, number, found["Total"], ours)

    def _agree_with_clickhouse(self, window, number, total, ours):
        self.clickhouse.ask(f"USE {self.database}")
        question = (window.begin, window.end, SIZE, (number - 1) * SIZE)
        count, page = [self.clickhouse.ask(query)[0]
                       for query in self.clickhouse.queries(*question)]
        if int(count[0][0]) != total or ours != [(row[0], row[2]) for row in page]:
            raise SystemExit(f"{self.database}: whowas and ClickHouse differ: {total} and "
                             f"{count[0][0]} stays, or their order")


def _logs(bench):
    """All logs, PostgreSQL being asked in the way that is best for the largest."""
    logs = [Log(bench, stays) for stays in bench.stays]
    large = logs[-1]
    if "postgres_way" not in bench.facts:
        asked = [question for depth in (0.0, 0.5, 1.0) for question in large.questions(depth)]
        way, tried = tables.choose(
            large.pg, large.database,
            [lambda way, question=question: large.queries(*question, way) for question in asked])
        bench.facts["postgres_way"], bench.facts["postgres_ways_ms"] = way, tried
    for log in logs:
        log.way = bench.facts["postgres_way"]
    return logs


def pages(bench):
    logs = _logs(bench)
    large, small = logs[-1], logs[0]
    for log in logs:
        for depth in (0.0, 0.5, 1.0):
            log.agree(log.questions(depth))
    process.say(f"totals {[window.total for window in large.windows]}; PostgreSQL asks "
                f"{large.way}; both agree")
    bench.facts["window_totals"] = {str(log.stays): [window.total for window in log.windows]
                                    for log in logs}
    by_size, runs = {}, {}
    for log in logs:
        for name, depth in (("first", 0.0), ("middle", 0.5), ("last", 1.0)):
            found = bench.turns(log.sides(log.questions(depth)))
            runs[log.stays, name] = found
            for who, all_runs in found.items():
                middle = bench.middle(all_runs)
                by_size.setdefault(who, []).append(dict(middle, stays=log.stays, page=name))
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
    last = large.questions(1.0)
    bench.alone("pages-throughput", f"the same, {large.stays:,} stays, last pages/s, "
                "64 connections", [large.ours(last, 64) for _ in range(bench.rounds)],
                "requests_per_s")
    bench.curves["size"] = by_size
    _depths(bench, large)


def _depths(bench, log):
    curves = {}
    for depth in DEPTHS:
        found = bench.turns(log.sides(log.questions(depth)), rounds=1)
        for name, runs in found.items():
            number = log.windows[0].at(depth)
            curves.setdefault(name, []).append(dict(runs[0], depth=depth, page=number))
    bench.curves["depth"] = curves


def scopes(bench):
    """Whatever else can be asked for, in the largest log: each is one question."""
    log = _logs(bench)[-1]
    for name, what, window, number in _scopes(bench, log):
        question = [(window, number)]
        log.agree(question)
        found = bench.turns(log.sides(question), rounds=None if bench.is_full else 1)
        bench.pair(f"scopes-{name}",
                   f"ListUserInfo of {log.stays:,} stays, {what} (page {number:,} of "
                   f"{max(1, -(-window.total // SIZE)):,}): p50", found, "whowas", "postgres",
                   key="p50_us", against="PostgreSQL, its best index, count and offset",
                   is_time=True)


def _scopes(bench, log):
    """Name, what it is, window, page."""
    def window(begin, end, **of):
        return Window(begin, end, **of).count(log.server)

    evening, lesson_s = log.windows[0], holdings.lesson_at(bench.until)
    with_servers = window(evening.begin, evening.end, servers=True)
    there = window(evening.begin, evening.begin)
    around = lesson_s - HOUR_S, lesson_s - HOUR_S + WINDOW_S
    everything = window(*around)
    # Of those who came to it, the page that has the one in the middle.
    room = window(*around, room=f"lesson-{log.stays}")
    before = window(around[0], lesson_s - 1).total
    amidst = 1 + (before + room.total // 2) // SIZE
    room_servers = window(*around, room=f"lesson-{log.stays}", servers=True)
    user = window(bench.until - holdings.LOG_S, bench.until, user=USER)
    yield "servers-first", "6 h, whole app, with servers, first page", with_servers, 1
    yield ("servers-last", "6 h, whole app, with servers, last page", with_servers,
           with_servers.at(1.0))
    yield ("present-middle", "6 h, whole app, in the middle of those who were there before", evening,
           there.at(0.5))
    yield ("present-last", "6 h, whole app, last page of those who were there before", evening,
           there.at(1.0))
    yield ("second", f"6 h, whole app, amid {room.total:,} who joined in one second", everything,
           amidst)
    for page, depth in (("first", 0.0), ("middle", 0.5), ("last", 1.0)):
        yield (f"room-{page}", f"6 h, the room of the lesson, {page} page", room, room.at(depth))
    yield ("room-servers-last", "6 h, the room of the lesson, with servers, last page", room_servers,
           room_servers.at(1.0))
    for page, depth in (("first", 0.0), ("last", 1.0)):
        yield f"user-{page}", f"13.5 days, one user, {page} page", user, user.at(depth)
