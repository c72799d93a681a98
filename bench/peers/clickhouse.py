"""ClickHouse for the log's pages, from PyPI (`chdb`), since Debian's is years old. It is called
inside its process: there is no socket between, which is in its favour."""

import json
import os
import subprocess
import sys
import time

from . import process

TABLE = """
CREATE TABLE stays (
    app UInt32, room String, call String, participant String,
    created DateTime('UTC'), left_at DateTime('UTC'),
    os LowCardinality(String), device LowCardinality(String), sdk LowCardinality(String),
    access LowCardinality(String), published UInt8,
    joins Array(Int64), leaves Array(Int64),
    INDEX ended left_at TYPE minmax GRANULARITY 1
) ENGINE = MergeTree ORDER BY (app, created, room, call, participant)
"""
ORDER = "created, room, call, participant"


class ClickHouse:
    def __init__(self, binaries, work):
        self.work = work
        self.folder = os.path.join(work, "clickhouse")
        self.venv = os.path.join(binaries.target, "bench-clickhouse")
        self.python = os.path.join(self.venv, "bin", "python")
        self.process = None

    def start(self):
        if not os.path.exists(os.path.join(self.venv, "installed")):
            process.say("installing chdb (900 MB)")
            process.run([sys.executable, "-m", "venv", self.venv])
            process.run([self.python, "-m", "pip", "install", "-q", "chdb"])
            open(os.path.join(self.venv, "installed"), "w").close()
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clickhouse_session.py")
        self.process = subprocess.Popen([self.python, script, self.folder], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.started.append(self.process)
        return self

    def ask(self, statement):
        """The rows, and how many microseconds they took."""
        self.process.stdin.write(json.dumps(statement) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if answer["fault"]:
            raise SystemExit(f"ClickHouse: {statement[:500]}\n{answer['fault']}")
        return [line.split("\t") for line in answer["out"].splitlines()], answer["us"]

    def version(self):
        return "chdb, ClickHouse " + self.ask("SELECT version()")[0][0][0]

    def fill(self, binaries, database, log):
        """Through a pipe with a name, so that nothing lies on the disk twice."""
        self.ask(f"CREATE DATABASE {database}")
        self.ask(f"USE {database}")
        self.ask(TABLE)
        path = os.path.join(self.work, f"{database}.tsv")
        os.mkfifo(path)
        command = log.command(binaries, "stays-tsv")
        with subprocess.Popen(["sh", "-c", 'exec "$@" > "$0"', path] + command) as source:
            self.ask(f"INSERT INTO stays SELECT * FROM file('{path}', 'TSV')")
            source.wait()
        os.unlink(path)
        self.ask("OPTIMIZE TABLE stays FINAL")
        rows, _ = self.ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND "
                           f"database = '{database}'")
        return int(rows[0][0])

    @staticmethod
    def queries(begin, end, limit, offset):
        """Count and page; times are Unix seconds."""
        where = (f"app = 4111 AND created <= toDateTime({end}, 'UTC') "
                 f"AND left_at >= toDateTime({begin}, 'UTC') AND os != 'linux'")
        return [f"SELECT count() FROM stays WHERE {where}",
                f"SELECT call, room, participant, created, left_at, os, device, sdk, access, "
                f"published, joins, leaves FROM stays WHERE {where} ORDER BY {ORDER} "
                f"LIMIT {limit} OFFSET {offset}"]

    def measure(self, database, questions, seconds):
        """Asks the questions in turn for that long, each twice at least, the first times being the
        warm-up."""
        self.ask(f"USE {database}")
        took, until, rounds = [], time.monotonic() + seconds, 0
        while rounds < 3 or time.monotonic() < until:
            for question in questions:
                us = sum(self.ask(query)[1] for query in self.queries(*question))
                if rounds > 0:
                    took.append(us)
            rounds += 1
        took.sort()
        return {"p50_us": took[len(took) // 2], "p99_us": took[int(len(took) * 0.99)],
                "p999_us": took[-1], "requests_per_s": 1e6 * len(took) / sum(took)}
