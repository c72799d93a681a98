"""PostgreSQL's tables for the directory and the room log, and the questions that they answer: what
somebody who knows it well would write."""

from . import process

USERS = """
CREATE TABLE users (
    app int NOT NULL, id bigint NOT NULL, name text NOT NULL, portrait text NOT NULL,
    tags text[] NOT NULL, ext jsonb NOT NULL
);
"""
USERS_KEY = "ALTER TABLE users ADD PRIMARY KEY (app, id)"

# Whoever is still there has left at 'infinity', so that one comparison does for all.
STAYS = """
CREATE EXTENSION btree_gist;
CREATE TABLE stays (
    app int NOT NULL, room text NOT NULL, call text NOT NULL, participant text NOT NULL,
    created timestamptz NOT NULL, left_at timestamptz NOT NULL,
    os text, device text, sdk text, access text, published boolean NOT NULL,
    joins timestamptz[], leaves timestamptz[]
);
"""
STAYS_KEY = "ALTER TABLE stays ADD PRIMARY KEY (app, call, participant)"
# For the order of answers, with all that is needed to count without visiting the table.
BY_CREATED = ("CREATE INDEX by_created ON stays (app, created, room, call, participant) "
              "INCLUDE (left_at, os)")
# For "who was there at some time between".
BY_SPAN = "CREATE INDEX by_span ON stays USING gist (app, tstzrange(created, left_at, '[]'))"
# For a room and for a user, counted without visiting the table too.
BY_ROOM = "CREATE INDEX by_room ON stays (app, room, created) INCLUDE (left_at, os)"
BY_PARTICIPANT = ("CREATE INDEX by_participant ON stays (app, participant, created) "
                  "INCLUDE (left_at, os)")
STAYS_INDEXES = [STAYS_KEY, BY_CREATED, BY_SPAN, BY_ROOM, BY_PARTICIPANT]

EVENTS = """
CREATE TABLE events (
    app int NOT NULL, source text NOT NULL, id text NOT NULL, kind text NOT NULL,
    at timestamptz NOT NULL, room text NOT NULL, call text NOT NULL, participant text,
    connection text, os text, device text, sdk text, access text,
    PRIMARY KEY (app, source, id, at)
);
"""

# What `whowas-load ingest-postgres` runs for each batch, in one transaction; see there for the arrays.
RECORD = ["""
WITH new AS (
    INSERT INTO events
    SELECT 4111, 'sfu-1', id, kind, at, room, call, participant, connection, os, device, sdk, access
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
        AS told (kind, at, call, id, room, participant, connection, os, device, sdk, access)
    ON CONFLICT DO NOTHING
    RETURNING *
), folded AS (
    SELECT app, room, call, participant, min(at) AS first,
        max(at) FILTER (WHERE kind = 'left') AS last,
        max(os) AS os, max(device) AS device, max(sdk) AS sdk, max(access) AS access,
        bool_or(kind = 'published') AS published,
        coalesce(array_agg(at) FILTER (WHERE kind = 'joined'), '{}') AS joins,
        coalesce(array_agg(at) FILTER (WHERE kind = 'left'), '{}') AS leaves
    FROM new WHERE participant IS NOT NULL GROUP BY app, room, call, participant
)
INSERT INTO stays AS old
SELECT app, room, call, participant, date_trunc('second', first),
    CASE WHEN cardinality(leaves) < cardinality(joins) THEN 'infinity'
        ELSE coalesce(date_trunc('second', last), 'infinity') END,
    os, device, sdk, access, published, joins, leaves
FROM folded ORDER BY call, participant
ON CONFLICT (app, call, participant) DO UPDATE SET
    created = least(old.created, excluded.created),
    left_at = CASE
        WHEN cardinality(old.leaves) + cardinality(excluded.leaves)
            < cardinality(old.joins) + cardinality(excluded.joins) THEN 'infinity'
        ELSE (SELECT date_trunc('second', max(at)) FROM unnest(old.leaves || excluded.leaves) AS at)
    END,
    os = coalesce(excluded.os, old.os), device = coalesce(excluded.device, old.device),
    sdk = coalesce(excluded.sdk, old.sdk), access = coalesce(excluded.access, old.access),
    published = old.published OR excluded.published,
    joins = old.joins || excluded.joins, leaves = old.leaves || excluded.leaves
""", """
UPDATE stays SET left_at = date_trunc('second', told.at)
FROM unnest($1::text[], $2::timestamptz[], $3::text[]) AS told (kind, at, call)
WHERE told.kind = 'finished' AND stays.app = 4111 AND stays.call = told.call
    AND stays.left_at = 'infinity'
"""]

ORDER = "created, room, call, participant"
COLUMNS = ("call, room, participant, created, left_at, os, device, sdk, access, published, joins, "
           "leaves")


def batch_get(each):
    """Fifty random users: `= ANY` of an array of as many parameters."""
    sets = "".join(f"\\set u{place} random(1, :users)\n" for place in range(each))
    ids = ",".join(f":u{place}" for place in range(each))
    return (f"{sets}SELECT id, name, portrait, tags, ext FROM users "
            f"WHERE app = 4111 AND id = ANY (ARRAY[{ids}]::bigint[]);\n")


# What is inserted is made from one number, which is less work than being sent it.
INSERT = """
\\set base :first + (:n * :clients + :client_id) * :each
\\set n :n + 1
INSERT INTO users
SELECT 4111, id, 'user ' || id, 'https://img.example/' || id || '.png', '{{vip}}', '{{}}'
FROM (SELECT {id} AS id FROM generate_series(0, :each - 1) AS place) AS new
ON CONFLICT DO NOTHING;
"""
INSERT_INCREASING = INSERT.format(id=":base::bigint + place")
# A hash of the next number: 63 bits, far apart from each other.
INSERT_RANDOM = INSERT.format(
    id="(hashint8extended(:base::bigint + place, 7) & 9223372036854775807)")


# What ListUserInfo leaves out unless it is told not to.
CLIENTS = " AND os <> 'linux'"


def by_created(begin, end, limit, offset, clients=CLIENTS):
    """Everything that began before the window's end, if it had not ended before its begin."""
    return _count_and_page(_in_window("", begin, end) + clients, limit, offset)


def of_room(room):
    """The same of one room."""
    return lambda begin, end, limit, offset, clients=CLIENTS: _count_and_page(
        _in_window(f" AND room = '{room}'", begin, end) + clients, limit, offset)


def of_user(user):
    """The same of one user."""
    return lambda begin, end, limit, offset, clients=CLIENTS: _count_and_page(
        _in_window(f" AND participant = '{user}'", begin, end) + clients, limit, offset)


def _in_window(of, begin, end):
    return f"app = 4111{of} AND created <= '{end}' AND left_at >= '{begin}'"


def by_span(begin, end, limit, offset, clients=CLIENTS):
    """Spans that overlap the window."""
    where = (f"app = 4111 AND tstzrange(created, left_at, '[]') "
             f"&& tstzrange('{begin}', '{end}', '[]'){clients}")
    return _count_and_page(where, limit, offset)


def _count_and_page(where, limit, offset):
    return [f"SELECT count(*) FROM stays WHERE {where}",
            f"SELECT {COLUMNS} FROM stays WHERE {where} ORDER BY {ORDER} "
            f"LIMIT {limit} OFFSET {offset}"]


def by_both(begin, end, limit, offset, clients=CLIENTS):
    """Those who were there when the window began, by span; then those who came, by index alone."""
    was_there = (f"app = 4111 AND tstzrange(created, left_at, '[]') @> '{begin}'::timestamptz "
                 f"AND created < '{begin}'{clients}")
    came = f"app = 4111 AND created >= '{begin}' AND created <= '{end}'{clients}"
    return [f"SELECT (SELECT count(*) FROM stays WHERE {was_there}) "
            f"+ (SELECT count(*) FROM stays WHERE {came})",
            f"SELECT * FROM ((SELECT {COLUMNS} FROM stays WHERE {was_there} ORDER BY {ORDER}) "
            f"UNION ALL (SELECT {COLUMNS} FROM stays WHERE {came} ORDER BY {ORDER})) AS both_ "
            f"ORDER BY {ORDER} LIMIT {limit} OFFSET {offset}"]


WAYS = {"by_created": by_created, "by_span": by_span, "by_both": by_both}
INDEXES = {"by_created": [BY_CREATED], "by_span": [BY_SPAN], "by_both": [BY_CREATED, BY_SPAN]}


def nodes(plan):
    """The kinds of a plan's nodes with their indexes, from the top."""
    index = plan.get("Index Name")
    own = plan["Node Type"] + (f" ({index})" if index else "")
    return [own] + [name for below in plan.get("Plans", []) for name in nodes(below)]


def choose(postgres, database, asked):
    """Asks every question in every way, twice, and gives the way that was fastest in all, with what
    each took and its plans. A question gives the queries of the way that it is called with."""
    report, best = {}, None
    for name in WAYS:
        total, plans = 0.0, []
        for question in asked:
            took = []
            for _ in range(2):
                each = [postgres.explain(database, query) for query in question(name)]
                took.append(sum(ms for ms, _ in each))
            plans.append(" | ".join(" > ".join(nodes(plan)) for _, plan in each))
            total += min(took)
        report[name] = {"ms": round(total, 2), "plans": sorted(set(plans))}
        process.say(f"  {database}: {name} {total:.1f} ms")
        if best is None or total < report[best]["ms"]:
            best = name
    return best, report
