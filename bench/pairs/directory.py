"""Reading the directory: BatchGetUser of 50 random users."""

from peers import tables, whowas

EACH = 50


def get(bench):
    """At full speed, against everybody."""
    main, pg, times = bench.main(), bench.postgres(users=True), bench.times
    users = bench.users
    probe = main.load("batch-get", users=users, seconds=0.3, warm_up=0.1)
    bare = whowas.bare(bench.binaries, probe["answer_bytes"], bench.work).start()
    sides = {
        "whowas": lambda: main.load("batch-get", users=users, **times),
        "postgres": lambda: pg.bench("directory", tables.batch_get(EACH), **times,
                                     variables={"users": users}),
        "bare": lambda: bare.load("fixed", like="batch-get", **times),
    }
    redis = bench.redis()
    if redis:
        # Its generator wants a number of requests, not a time.
        count = int(redis.mget(EACH, 64, 2_000)["requests_per_s"] * bench.seconds) + 1
        sides["redis"] = lambda: redis.mget(EACH, 64, count)
    found = bench.turns(sides)
    bare.stop()
    bench.holdings.drop_redis()
    what = f"BatchGetUser, {EACH} random of {users:,} users, signed, 64 connections"
    bench.pair("get", what, found, "whowas", "postgres", at_least=3,
               against="PostgreSQL, prepared = ANY over its socket, pgbench")
    bench.pair("get-bare", what, found, "whowas", "bare", at_least=0.5,
               against="bare hyper, fixed body of the same size")
    if redis:
        bench.pair("get-redis", what, found, "whowas", "redis", at_least=0.5,
                   against="Redis, one MGET of 50, redis-benchmark")
    bench.facts["batch_get_answer_bytes"] = probe["answer_bytes"]
    return found


def rates(bench):
    """Latency at fixed rates, counted from when each request was due: shares of each one's own
    peak."""
    main, pg = bench.main(), bench.postgres(users=True)
    users, times = bench.users, bench.times

    def whowas(rate=None):
        options = {"rate": rate} if rate else {}
        return main.load("batch-get", users=users, **times, **options)

    def postgres(rate=None):
        return pg.bench("directory", tables.batch_get(EACH), **times, rate=rate,
                        variables={"users": users})

    bench.at_shares("load", {"whowas": whowas, "postgres": postgres})
