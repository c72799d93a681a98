"""Events in batches of 100, durable, folded and indexed before the answer."""

import shutil

from peers import process, tables, whowas

BATCH = 100
CONNECTIONS = 64
# Of each second that is measured: more than can be stored.
EVENTS_PER_S = 200_000
EVENTS_PER_STAY = 2.5
SPAN_S = 6 * 3600
SIZE = "SELECT pg_total_relation_size('events') + pg_total_relation_size('stays')"


def _plan(bench, events_per_s):
    """Six hours of live rooms, of a size that does not run out."""
    stays = int(sum(bench.times.values()) * events_per_s / EVENTS_PER_STAY)
    until = bench.until
    return {"stays": stays, "users": bench.users, "from": until - SPAN_S, "until": until}


def _command(bench, what, options):
    command = [bench.binaries.data, what, "--seed", str(bench.seed())]
    for name, value in options.items():
        command += ["--" + name, str(value)]
    return command


def _since(bench, before):
    return None if before is None else process.written_bytes(bench.work) - before


def _measured(bench, server, options):
    """A turn of a server that is there only for this."""
    before = process.written_bytes(bench.work)
    found = server.load("ingest", connections=CONNECTIONS, seed=bench.seed(), **bench.times,
                        **options)
    found = dict(found, written_bytes=_since(bench, before))
    server.stop()
    found["folder_bytes"] = process.folder_bytes(server.folder)
    shutil.rmtree(server.folder)
    return found


def _tables(pg, way, stays):
    """The tables with what recording and ListUserInfo need, with a few stays."""
    pg.forget("live")
    pg.create("live", tables.STAYS + tables.EVENTS)
    # With nothing in them it would plan for tables that stay empty.
    pg.copy("live", "stays", stays)
    for statement in [tables.STAYS_KEY, tables.BY_ROOM, tables.BY_PARTICIPANT] \
            + tables.INDEXES[way]:
        pg.sql("live", statement)


def events(bench):
    pg = bench.postgres()
    plan = _plan(bench, EVENTS_PER_S)
    way = bench.facts.get("postgres_way", "by_both")

    def ours():
        """On an empty folder, as the tables are empty."""
        server = whowas.Whowas(bench.binaries, "live", bench.work)
        shutil.rmtree(server.folder, ignore_errors=True)
        server.start()
        return _measured(bench, server, dict(plan, batch=BATCH))

    def theirs():
        _tables(pg, way, _command(bench, "stays-copy", dict(plan, stays=20_000)))
        held = int(pg.sql("live", SIZE)[0][0])
        pg.settle("live")
        command = [bench.binaries.load, "ingest-postgres", "--socket", pg.socket_file(),
                   "--database", "live", "--connections", str(CONNECTIONS), "--batch", str(BATCH),
                   "--seed", str(bench.seed())]
        options = dict(plan, **{"seconds": bench.seconds, "warm-up": bench.warm_up})
        for name, value in options.items():
            command += ["--" + name, str(value)]
        for statement in tables.RECORD:
            command += ["--statement", statement]
        before = process.written_bytes(bench.work)
        found = whowas.values(process.run(command))
        pg.sql("live", "CHECKPOINT")
        return dict(found, written_bytes=_since(bench, before),
                    folder_bytes=int(pg.sql("live", SIZE)[0][0]) - held)

    found = bench.turns({"whowas": ours, "postgres": theirs})
    bench.pair("events", f"events/s in batches of {BATCH}, durable, folded and indexed, "
               f"{CONNECTIONS} connections", found, "whowas", "postgres", key="events_per_s",
               at_least=5, against="PostgreSQL, the same facts, tables and indexes")
    for name, runs in found.items():
        bench.written("bytes written per event", name, runs, BATCH)
    pg.forget("live")
    one_by_one(bench)


def one_by_one(bench):
    """The same events, each a request of its own: whowas alone."""
    plan = _plan(bench, EVENTS_PER_S / 4)
    runs = []
    for _ in range(bench.rounds):
        server = whowas.Whowas(bench.binaries, "live", bench.work)
        shutil.rmtree(server.folder, ignore_errors=True)
        server.start()
        runs.append(_measured(bench, server, dict(plan, batch=1, requests=10**9)))
    bench.alone("events-single", "events/s, one by one, durable, 64 connections", runs,
                "events_per_s")
    bench.written("bytes written per event, one by one", "whowas", runs, 1)
