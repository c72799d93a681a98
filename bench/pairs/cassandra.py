"""What people do to a server in front of one and of three real Cassandra nodes, beside the embedded
store in the same run. All of it shares this machine: nodes, servers and generators."""

import shutil

from peers import holdings, process, ring, whowas

# Small: the nodes have a heap of half a gigabyte, and share the cores with everything else.
USERS, STAYS = 20_000, 2_000
LARGER = {"users": 200_000, "stays": 40_000}
BATCH = 100
CONNECTIONS = 8
# Of each second that is measured: more than can be done.
EVENTS_PER_S, REQUESTS_PER_S = 100_000, 20_000
EVENTS_PER_STAY = 2.5
HOUR_S = 3600
KEYSPACE = "bench"


def cassandra(bench):
    users, stays = (LARGER["users"], LARGER["stays"]) if bench.is_full else (USERS, STAYS)
    for nodes in (1, 3):
        with ring.Ring(bench.binaries.root, bench.work, nodes) as held:
            _measure(bench, held, users, stays)


def _measure(bench, held, users, stays):
    front = ring.Front(bench.binaries, f"front-{held.nodes}", bench.work, held, KEYSPACE)
    beside = whowas.Whowas(bench.binaries, "beside", bench.work)
    shutil.rmtree(beside.folder, ignore_errors=True)
    sides = {"embedded": beside.start(), "cassandra": front.start()}
    log = holdings.Log(stays, users, bench.until, bench.until - 6 * HOUR_S)
    found = bench.facts.setdefault("cassandra", {})[str(held.nodes)] = {}
    for name, server in sides.items():
        process.say(f"{name}: {users:,} users, {stays:,} stays")
        server.fill_users(users)
        if name == "cassandra":
            in_users = held.bytes_by_table(KEYSPACE)
        server.fill_stays(log)
    in_all = held.bytes_by_table(KEYSPACE)
    found["bytes_per_user"] = in_users.get("users", 0) / users / held.replicas
    found["bytes_per_stay"] = {
        table: (size - in_users.get(table, 0)) / stays / held.replicas
        for table, size in in_all.items() if size > in_users.get(table, 0) and table != "users"}
    found["largest_partitions"] = held.largest_partitions(KEYSPACE)
    for name, what, turn in _works(bench, users):
        runs = {side: [] for side in sides}
        before = front.said()
        for _ in range(bench.rounds):
            for side, server in sides.items():
                runs[side].append(turn(server))
        # The warm-up's requests are not counted, and sent statements all the same.
        done = sum(run.get("requests", 0) for run in runs["cassandra"])
        done *= sum(bench.times.values()) / bench.seconds
        after = front.said()
        found[name] = {
            "nodes_cpu_us": bench.middle(runs["cassandra"], "nodes_cpu_us")["nodes_cpu_us"],
            "server_cpu_us": bench.middle(runs["cassandra"], "server_cpu_us")["server_cpu_us"],
            "statements": {kind: (count - before.get(kind, 0)) / done
                           for kind, count in after.items()} if done else {}}
        of = "node" if held.nodes == 1 else "nodes"
        bench.pair(f"{name}-{held.nodes}", f"{what}, {held.nodes} {of}", runs, "cassandra",
                   "embedded", against="the embedded store")
    for server in sides.values():
        server.stop()
    shutil.rmtree(beside.folder)


def _works(bench, users):
    times, in_all = bench.times, sum(bench.times.values())
    until = bench.until

    def get(server):
        return server.load("batch-get", users=users, connections=CONNECTIONS, **times)

    def register(server):
        requests = int(in_all * REQUESTS_PER_S)
        return server.load("register", first=bench.ids(requests * 20), seed=bench.seed(),
                           requests=requests, connections=4, **times)

    def events(server, batch, connections):
        stays = int(in_all * EVENTS_PER_S / EVENTS_PER_STAY)
        live = {"stays": stays, "users": users, "from": until - 6 * HOUR_S, "until": until}
        return server.load("ingest", batch=batch, requests=10**9, connections=connections,
                           seed=bench.seed(), **live, **times)

    def page(server):
        end = until - HOUR_S
        total = server.ask(f"{end - 3 * HOUR_S}:{end}:1")["Total"]
        middle = 1 + max(total // 100 - 1, 0) // 2
        return server.load("list", page=f"{end - 3 * HOUR_S}:{end}:{middle}", connections=8, **times)

    yield "get", f"BatchGetUser of 50, {CONNECTIONS} connections", get
    yield "register", "RegisterUsers of 20, 4 connections", register
    yield "page", "ListUserInfo, the middle page of three hours, 8 connections", page
    yield "event", f"events one by one, {CONNECTIONS} connections", \
        lambda server: events(server, 1, CONNECTIONS)
    yield "batch", f"events in batches of {BATCH}, 2 connections", \
        lambda server: events(server, BATCH, 2)
