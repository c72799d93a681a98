"""Events in batches of 100, durable, folded and indexed before the answer."""

import shlex
import shutil

from peers import process, tables, whowas

BATCH = 100
CONNECTIONS = 64
# Of each second that is measured: more than can be stored.
WHOWAS_EVENTS_PER_S = 200_000
POSTGRES_EVENTS_PER_S = 60_000
EVENTS_PER_STAY = 2.5
SPAN_S = 6 * 3600
SIZE = "SELECT pg_total_relation_size('events') + pg_total_relation_size('stays')"


def _plan(bench, events_per_s):
    """Six hours of live rooms, of a size that does not run out."""
    stays = int(sum(bench.times.values()) * events_per_s / EVENTS_PER_STAY)
    until = bench.until
    return {"stays": stays, "users": bench.users, "from": until - SPAN_S, "until": until}


def _command(bench, what, options):
    command = [bench.binaries.data, what, "--seed", str(next(bench.seeds))]
    for name, value in options.items():
        command += ["--" + name, str(value)]
    return command


def _tables(pg, way, stays):
    """The tables with what recording and ListUserInfo need, with a few stays."""
    if pg.has("live"):
        pg.sql("postgres", "DROP DATABASE live")
    pg.create("live", tables.STAYS + tables.EVENTS)
    # With nothing in them it would plan for tables that stay empty.
    pg.copy("live", "stays", stays)
    for statement in [tables.STAYS_KEY, tables.BY_ROOM] + tables.INDEXES[way]:
        pg.sql("live", statement)


def events(bench):
    pg, times = bench.postgres(), bench.times
    # Both are given the same density, PostgreSQL the beginning of it.
    plan = _plan(bench, WHOWAS_EVENTS_PER_S)
    way = bench.facts.get("postgres_way", "by_both")

    def ours():
        """On an empty folder, as the tables are empty."""
        server = whowas.Whowas(bench.binaries, "live", bench.work)
        shutil.rmtree(server.folder, ignore_errors=True)
        server.start()
        found = server.load("ingest", **times, connections=CONNECTIONS, batch=BATCH,
                            seed=next(bench.seeds), **plan)
        server.stop()
        size = process.folder_bytes(server.folder)
        shutil.rmtree(server.folder)
        return dict(found, folder_bytes=size)

    def theirs():
        _tables(pg, way, _command(bench, "stays-copy", dict(plan, stays=20_000)))
        held = int(pg.sql("live", SIZE)[0][0])
        count = int((sum(times.values()) + 1) * POSTGRES_EVENTS_PER_S)
        options = dict(plan, batch=BATCH, senders=CONNECTIONS)
        command = _command(bench, "happenings-copy", options)
        # Whatever makes them is told to stop when there are enough, which is no error of it.
        shell = f"{shlex.join(command)} 2>/dev/null | head -n {count}"
        pg.copy("live", "feed", ["sh", "-c", shell])
        pg.settle("live")
        found = pg.bench("live", tables.RECORD, clients=CONNECTIONS, **times,
                         variables={"n": 0})
        stored = int(pg.sql("live", "SELECT count(*) FROM events")[0][0])
        size = int(pg.sql("live", SIZE)[0][0]) - held
        if stored < 0.97 * found["requests_in_all"] * BATCH:
            raise SystemExit("PostgreSQL ran out of events: make POSTGRES_EVENTS_PER_S larger")
        return dict(found, events_per_s=found["requests_per_s"] * BATCH, folder_bytes=size,
                    stored=stored)

    found = bench.turns({"whowas": ours, "postgres": theirs}, written=True)
    bench.pair("events", f"events/s in batches of {BATCH}, durable, folded and indexed, "
               f"{CONNECTIONS} connections", found, "whowas", "postgres", key="events_per_s",
               at_least=5, against="PostgreSQL, the same facts, tables and indexes")
    for name, runs in found.items():
        bench.written("bytes written per event", name, runs, BATCH)
    pg.sql("postgres", "DROP DATABASE live")
    one_by_one(bench)


def one_by_one(bench):
    """The same events, each a request of its own: whowas alone."""
    plan = _plan(bench, WHOWAS_EVENTS_PER_S / 4)
    runs = []
    for _ in range(bench.rounds):
        server = whowas.Whowas(bench.binaries, "live", bench.work)
        shutil.rmtree(server.folder, ignore_errors=True)
        server.start()
        before = process.written_bytes(bench.work)
        found = server.load("ingest", **bench.times, connections=CONNECTIONS, batch=1,
                            seed=next(bench.seeds), **dict(plan, requests=10**9))
        after = process.written_bytes(bench.work)
        runs.append(dict(found, written_bytes=after - before if before is not None else None))
        server.stop()
        shutil.rmtree(server.folder)
    bench.alone("events-single", "events/s, one by one, durable, 64 connections", runs,
                "events_per_s")
    bench.written("bytes written per event, one by one", "whowas", runs, 1)
