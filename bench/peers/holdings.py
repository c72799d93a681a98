"""Who holds what: the peers of a run, each started and filled when it is first asked for. What is
there already, since a run was interrupted, is left as it is."""

import concurrent.futures
import os
import shutil
import time

from . import process, tables
from .clickhouse import ClickHouse
from .postgres import Postgres
from .redis import Redis
from .whowas import Whowas

DAY_S = 86_400
# Half a day less than what is kept, so that nothing grows too old while it is measured.
LOG_S = int(13.5 * DAY_S)
# How many days before the last one the lesson is, and at which hour (at +08:00).
LESSON = (5, 10)


def midnight(until):
    """That of the last day of a log, at +08:00."""
    return (until + 8 * 3600) // DAY_S * DAY_S - 8 * 3600


def lesson_at(until):
    """When ten thousand people join in the same second."""
    days, hour = LESSON
    return midnight(until) - days * DAY_S + hour * 3600


class Log:
    """What the generators are asked for."""

    def __init__(self, stays, users, until, since=None, seed=None, lesson=None):
        since = until - LOG_S if since is None else since
        self.options = {"stays": stays, "users": users, "from": since, "until": until,
                        "seed": stays if seed is None else seed}
        if lesson is not None:
            self.options["lesson"] = lesson

    def command(self, binaries, what):
        """The generator of one peer's form."""
        command = [binaries.data, what]
        for name, value in self.options.items():
            command += ["--" + name, str(value)]
        return command


class Holdings:
    def __init__(self, bench):
        self.bench, self.state, self.work = bench, bench.state, bench.work
        self.binaries, self.users, self.stays = bench.binaries, bench.users, bench.stays
        self.servers = {}
        self._pg = self._redis = self._clickhouse = None

    def log_of(self, stays):
        until = self.state["until"]
        return Log(stays, self.users, until, lesson=lesson_at(until))

    # whowas.

    def _server(self, name, is_new):
        if name not in self.servers:
            server = Whowas(self.binaries, name, self.work)
            if is_new:
                shutil.rmtree(server.folder, ignore_errors=True)
            self.servers[name] = server.start()
        return self.servers[name]

    def main(self):
        """The server with all users, and with the largest log once anybody asked for it."""
        is_filled = self.state.is_filled("main: users")
        main = self._server("main", not is_filled)
        if not is_filled:
            process.say(f"whowas: {self.users:,} users")
            before, began = process.folder_bytes(main.folder), time.monotonic()
            main.fill_users(self.users)
            size = process.folder_bytes(main.folder) - before
            self.note_disk("whowas: per user", size, self.users, time.monotonic() - began)
            self.state.note_filled("main: users")
        return main

    def log(self, stays):
        """The server with the log of that size."""
        is_largest, what = stays == self.stays[-1], f"log: {stays} stays"
        told = self.state["told"].get(what, 0)
        name = "main" if is_largest else f"log-{stays}"
        is_filled = self.state.is_filled(what)
        server = self.main() if is_largest else self._server(name, not is_filled and not told)
        if not is_filled:
            self._fill_log(server, stays, what, told)
        return server

    def _fill_log(self, server, stays, what, told):
        process.say(f"whowas: {stays:,} stays" + (f" from event {told:,} on" if told else ""))
        empty = f"{what}: before"
        # Of the folder before the first of it, also if we were interrupted since.
        before = self.state["told"].setdefault(empty, process.folder_bytes(server.folder))
        began = time.monotonic()
        server.fill_stays(self.log_of(stays), told,
                          lambda events: self.state.note_told(what, events))
        size = process.folder_bytes(server.folder) - before
        took_s = time.monotonic() - began
        self.note_disk(f"whowas: per stay, of {stays:,}, its events included", size, stays,
                       None if told else took_s)
        self.state.note_filled(what)

    # PostgreSQL.

    def postgres(self, users=False, stays=None):
        if self._pg is None:
            pg = Postgres(self.work)
            if not pg.is_there():
                raise SystemExit("PostgreSQL is missing: apt-get install postgresql")
            self._pg = pg.start()
            self.bench.versions["postgres"] = pg.version()
            self.bench.facts["postgres_settings"] = pg.settings
        if users:
            self._fill(f"PostgreSQL: {self.users:,} users", "directory", "users", tables.USERS,
                       [self.binaries.data, "users-copy", "--users", str(self.users)],
                       [tables.USERS_KEY], "PostgreSQL: per user", self.users)
        if stays:
            self._fill(f"PostgreSQL: {stays:,} stays", f"log_{stays}", "stays", tables.STAYS,
                       self.log_of(stays).command(self.binaries, "stays-copy"),
                       tables.STAYS_INDEXES,
                       f"PostgreSQL: per stay, of {stays:,}, without its events", stays)
        return self._pg

    def _fill(self, said, database, table, schema, source, indexes, what, count):
        pg, state = self._pg, self.state
        if state.is_filled(database):
            return
        process.say(said)
        began, is_copied = time.monotonic(), f"{database}: rows"
        was_copied = state.is_filled(is_copied)
        if not was_copied:
            pg.forget(database)
            pg.create(database, schema)
            pg.copy(database, table, source)
            state.note_filled(is_copied)
        for statement in indexes:
            pg.index(database, table, statement)
        pg.settle(database)
        size = int(pg.sql(database, f"SELECT pg_total_relation_size('{table}')")[0][0])
        self.note_disk(what, size, count, None if was_copied else time.monotonic() - began)
        state.note_filled(database)

    # Redis and ClickHouse.

    def redis(self):
        """None if it is not there and cannot be installed."""
        if self._redis is None:
            self._redis = Redis(self.work)
            if self._redis.is_there():
                self.bench.versions["redis"] = self._redis.version()
                process.say(f"Redis: {self.users:,} users")
                self._redis.start().fill(self.binaries, self.users)
            else:
                process.say("Redis is missing and is left out: apt-get install redis-server")
        return self._redis if self._redis.is_there() else None

    def drop_redis(self):
        """Its memory is for the others then."""
        if self._redis is not None and self._redis.is_there():
            self._redis.stop()
        self._redis = None

    def clickhouse(self, stays):
        """With the log of that size; None if nobody asked for it."""
        if not self.bench.with_clickhouse:
            return None
        if self._clickhouse is None:
            shutil.rmtree(os.path.join(self.work, "clickhouse"), ignore_errors=True)
            self._clickhouse = ClickHouse(self.binaries, self.work).start()
            self.bench.versions["clickhouse"] = self._clickhouse.version()
        process.say(f"ClickHouse: {stays:,} stays")
        began, database = time.monotonic(), f"log_{stays}"
        size = self._clickhouse.fill(self.binaries, database, self.log_of(stays))
        self.note_disk(f"ClickHouse: per stay, of {stays:,}, without its events", size, stays,
                       time.monotonic() - began)
        return self._clickhouse

    def note_disk(self, what, size, count, took_s):
        with self.state.lock:
            self.bench.disk[what] = {"bytes": size, "each": size / count, "filled_in_s": took_s}
        process.say(f"  {what}: {size / count:.0f} bytes, {size / 2**30:.2f} GiB"
                    + (f", {took_s:.0f} s" if took_s else ""))

    # Everything at once.

    def fill(self, users, logs):
        """whowas beside PostgreSQL, since neither uses all cores for it and nothing is measured."""
        def ours():
            if users or logs:
                self.main()
            for stays in self.stays if logs else []:
                self.log(stays)

        def theirs():
            self.postgres(users=users)
            for stays in self.stays if logs else []:
                self.postgres(stays=stays)

        pool = concurrent.futures.ThreadPoolExecutor(2)
        try:
            for job in concurrent.futures.as_completed([pool.submit(ours), pool.submit(theirs)]):
                job.result()
        except BaseException:
            # The other side ends when its server does.
            process.stop_all()
            raise
        finally:
            pool.shutdown()
