"""Writing the directory: RegisterUsers of 20 new users, durable before the answer; and reading it
while it is written."""

from peers import process, tables

EACH = 20
CONNECTIONS = 64
# More requests than can be answered are made before the first is sent.
REQUESTS_PER_S = 30_000
# Of the reads' own peak, for their latency with and without writes.
READ_SHARE = 0.1


def _first(bench, seconds):
    """The first of more ids than can be registered in that time, all new."""
    return bench.ids(int((seconds + 5) * REQUESTS_PER_S) * EACH)


def _insert(bench, script, times, wait=True, rate=None):
    variables = {"n": 0, "clients": CONNECTIONS, "each": EACH,
                 "first": _first(bench, sum(times.values()))}
    return bench.postgres().bench("directory", script, clients=CONNECTIONS, variables=variables,
                                  wait=wait, rate=rate, **times)


def register(bench):
    main, times = bench.main(), bench.times
    bench.postgres(users=True)
    in_all = sum(times.values())
    requests = int(in_all * REQUESTS_PER_S)
    for ids, script, at_least in (("increasing", tables.INSERT_INCREASING, 2),
                                  ("random", tables.INSERT_RANDOM, 1)):
        found = bench.turns({
            "whowas": lambda: main.load("register", ids=ids, first=_first(bench, in_all),
                                        seed=bench.seed(), requests=requests, **times),
            "postgres": lambda: _insert(bench, script, times),
        }, written=True)
        bench.pair(f"register-{ids}",
                   f"RegisterUsers, {EACH} new users, {ids} ids, durable, {CONNECTIONS} connections",
                   found, "whowas", "postgres", at_least=at_least,
                   against="PostgreSQL, INSERT of 20, synchronous_commit=on, 64 connections")
        for name, runs in found.items():
            bench.written(f"bytes written per user registered, {ids} ids", name, runs, EACH)


def rates(bench):
    """Latency at fixed rates, counted from when each registration was due: shares of each one's own
    peak."""
    main, times = bench.main(), bench.times
    bench.postgres(users=True)
    in_all = sum(times.values())
    requests = int(in_all * REQUESTS_PER_S)

    def whowas(rate=None):
        options = {"rate": rate} if rate else {}
        return main.load("register", first=_first(bench, in_all), requests=requests, **times,
                         **options)

    def postgres(rate=None):
        return _insert(bench, tables.INSERT_INCREASING, times, rate=rate)

    bench.at_shares("write-load", {"whowas": whowas, "postgres": postgres})


def mixed(bench):
    """Reads at full speed, and reads at a tenth of it, while registrations run flat out."""
    main, pg, times = bench.main(), bench.postgres(users=True), bench.times
    users = bench.users
    # The writers begin before the readers and end after them.
    longer = {"seconds": sum(times.values()) + 2.0, "warm_up": 0}
    get_50 = tables.batch_get(50)

    def whowas(rate=None):
        options = {"rate": rate} if rate else {}
        end = main.background("register", first=_first(bench, longer["seconds"]),
                              requests=int(longer["seconds"] * REQUESTS_PER_S), **longer)
        read = main.load("batch-get", users=users, **times, **options)
        return dict(read, writes_per_s=end()["requests_per_s"])

    def postgres(rate=None):
        end = _insert(bench, tables.INSERT_INCREASING, longer, wait=False)
        read = pg.bench("directory", get_50, **times, variables={"users": users},
                        rate=rate)
        return dict(read, writes_per_s=end()["requests_per_s"])

    found = bench.turns({"whowas": whowas, "postgres": postgres})
    bench.pair("mixed", "BatchGetUser while registrations run flat out (both on 64 connections)",
               found, "whowas", "postgres", at_least=10, against="PostgreSQL doing both")
    peak = {
        "whowas": main.load("batch-get", users=users, seconds=1)["requests_per_s"],
        "postgres": pg.bench("directory", get_50, seconds=1,
                             variables={"users": users})["requests_per_s"],
    }
    rate = {name: int(of * READ_SHARE) for name, of in peak.items()}
    idle = bench.turns({
        "whowas": lambda: main.load("batch-get", users=users, **times,
                                    rate=rate["whowas"]),
        "postgres": lambda: pg.bench("directory", get_50, **times,
                                     variables={"users": users}, rate=rate["postgres"])})
    busy = bench.turns({"whowas": lambda: whowas(rate["whowas"]),
                        "postgres": lambda: postgres(rate["postgres"])})
    for name in ("whowas", "postgres"):
        bench.pair(f"mixed-p99-{name}",
                   f"{name}: p99 of reads at {rate[name]:,}/s under full write load",
                   {"busy": busy[name], "idle": idle[name]}, "busy", "idle", key="p99_us",
                   at_most=3 if name == "whowas" else None, against="its own p99 at that rate, idle")
    process.say(f"mixed: reads at {rate}")
