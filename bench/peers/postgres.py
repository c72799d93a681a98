"""PostgreSQL, over its Unix socket: a cluster of its own with settings that fit the machine."""

import glob
import json
import math
import os
import re
import shutil
import time

from . import process

# A quarter of the memory for its buffers; durable like everybody else; no compiler for queries of
# milliseconds; statistics and cleaning as they come.
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": 200,
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": 0.9,
    "random_page_cost": 1.1,
    "effective_io_concurrency": 200,
    "work_mem": "128MB",
    "maintenance_work_mem": "1GB",
    "jit": "off",
    "autovacuum": "on",
}


class Postgres:
    def __init__(self, work):
        self.work = work
        self.bin = self._find()
        self.process = None

    @staticmethod
    def _find():
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not folders:
            process.install("psql", "postgresql")
            folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if folders:
            return folders[-1]
        found = shutil.which("postgres")
        return found and os.path.dirname(found)

    def is_there(self):
        return self.bin is not None

    def version(self):
        return process.run([os.path.join(self.bin, "postgres"), "--version"]).strip()

    def start(self):
        self.folder = os.path.join(self.work, "postgres")
        self.socket = os.path.join(self.work, "pg")
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        os.makedirs(self.socket, exist_ok=True)
        if self.user:
            os.chmod(self.work, 0o755)
            shutil.chown(self.socket, self.user, self.user)
        if not os.path.exists(self.folder):
            os.makedirs(self.folder, mode=0o700)
            if self.user:
                shutil.chown(self.folder, self.user, self.user)
            self._as(["initdb", "-D", self.folder, "-U", "postgres", "--auth=trust",
                      "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"])
        memory_mb = process.memory_bytes() // 2**20
        self.settings = dict(SETTINGS, shared_buffers=f"{memory_mb // 4}MB",
                             effective_cache_size=f"{memory_mb * 3 // 4}MB",
                             max_wal_size=f"{min(4096, memory_mb // 4)}MB")
        command = [os.path.join(self.bin, "postgres"), "-D", self.folder,
                   "-c", f"unix_socket_directories={self.socket}"]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={str(value).strip(chr(39))}"]
        log = os.path.join(self.work, "postgres.log")
        self.process = process.start(command, log, self.user)
        process.wait_for("postgres", self.process, log, self._answers)
        return self

    def socket_file(self):
        return os.path.join(self.socket, ".s.PGSQL.5432")

    def _as(self, command):
        command = [os.path.join(self.bin, command[0])] + command[1:]
        process.run(command, cwd="/", user=self.user, group=self.user,
                    extra_groups=[] if self.user else None)

    def _answers(self):
        command = [os.path.join(self.bin, "pg_isready"), "-q", "-h", self.socket]
        return not os.spawnv(os.P_WAIT, command[0], command)

    def _client(self, name, database):
        return [os.path.join(self.bin, name), "-h", self.socket, "-U", "postgres", database]

    def sql(self, database, text):
        """Runs statements; gives the rows as lists of text."""
        command = self._client("psql", database)
        out = process.run(command + ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text])
        return [line.split("|") for line in out.splitlines()]

    def has(self, database):
        return bool(self.sql("postgres", f"SELECT 1 FROM pg_database WHERE datname='{database}'"))

    def create(self, database, schema):
        self.sql("postgres", f"CREATE DATABASE {database}")
        self.sql(database, schema)

    def forget(self, database):
        if self.has(database):
            self.sql("postgres", f"DROP DATABASE {database}")

    def copy(self, database, table, source):
        """Fills a table with what a command prints."""
        copy = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", f"COPY {table} FROM STDIN"]
        process.pipe(source, self._client("psql", database) + copy)

    def index(self, database, table, statement):
        """Makes an index or a key, unless there is one: whoever goes on after an interruption comes
        here again."""
        name = re.search(r"INDEX (\w+)|(PRIMARY KEY)", statement)
        name = name.group(1) or f"{table}_pkey"
        if not self.sql(database, f"SELECT 1 FROM pg_indexes WHERE indexname='{name}'"):
            self.sql(database, statement)

    def settle(self, database):
        """What autovacuum and the checkpointer would do sooner or later, done now, so that it does
        not fall into somebody else's turn."""
        self.sql(database, "VACUUM (ANALYZE)")
        self.sql(database, "CHECKPOINT")

    def explain(self, database, query):
        out = self.sql(database, f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) {query}")
        plan = json.loads("\n".join("|".join(row) for row in out))[0]
        return plan["Planning Time"] + plan["Execution Time"], plan["Plan"]

    def bench(self, database, script, *, clients=64, seconds=3.0, warm_up=1.0, mode="prepared",
              rate=None, variables=None, wait=True, transactions=None):
        """Runs pgbench with one thread, like the other generators. Latencies are read from its log
        of transactions; with a rate they count from when each was due. Given a number of
        transactions instead of a time, the first of them is the warm-up."""
        folder = os.path.join(self.work, "pgbench")
        os.makedirs(folder, exist_ok=True)
        stem = os.path.join(folder, f"run{time.monotonic_ns()}")
        with open(stem + ".sql", "w") as file:
            file.write(script)
        # Whole seconds are all it takes, and of a single one connecting leaves little.
        whole = max(2, math.ceil(seconds + warm_up))
        command = self._client("pgbench", database) + [
            "-n", "-f", stem + ".sql", "-M", mode, "-c", str(clients), "-j", "1",
            *(["-t", str(transactions)] if transactions else ["-T", str(whole)]), "--log", f"--log-prefix={stem}"]
        command += ["-R", str(rate)] if rate else []
        for name, value in (variables or {}).items():
            command += ["-D", f"{name}={value}"]
        if not wait:
            running = process.start(command, stem + ".out")

            def end():
                running.wait()
                process.started.remove(running)
                return self._read(stem, warm_up, whole)
            return end
        ours, theirs = process.children_cpu_s(), self._cpu_s()
        process.run(command)
        ours, theirs = process.children_cpu_s() - ours, self._cpu_s() - theirs
        if transactions:
            return self._read_all(stem)
        found = self._read(stem, warm_up, whole)
        # Of all that was sent, the warm-up included, since neither says when it was used.
        each = 1e6 / found["requests_in_all"]
        return dict(found, generator_cpu_us=ours * each, server_cpu_us=theirs * each)

    def _cpu_s(self):
        """What the server has computed, in all its processes."""
        return process.cpu_s(self.process.pid, with_children=True)

    @staticmethod
    def _log(stem):
        """When each transaction ended and how many microseconds it took, in order."""
        rows = []
        for path in glob.glob(stem + ".[0-9]*"):
            with open(path) as file:
                for line in file:
                    fields = line.split()
                    # Not a number where a transaction failed or was skipped.
                    if fields[2].isdigit():
                        rows.append((int(fields[4]) + int(fields[5]) / 1e6, int(fields[2])))
            os.unlink(path)
        return sorted(rows)

    def _read(self, stem, warm_up, whole):
        rows = self._log(stem)
        first = min((at - us / 1e6 for at, us in rows), default=0.0)
        took = [us for at, us in rows if warm_up <= at - first <= whole]
        if not took:
            raise SystemExit("pgbench finished no transaction in the measured time")
        found = _summary(took, min(rows[-1][0] - first, whole) - warm_up)
        return dict(found, requests_in_all=len(rows))

    def _read_all(self, stem):
        took = [us for _, us in self._log(stem)][1:]
        return _summary(took, sum(took) / 1e6)

    def stop(self):
        process.stop(self.process, 2)


def _summary(took, seconds):
    took.sort()

    def quantile(q):
        return took[min(len(took) - 1, int(q * len(took)))]
    return {"requests_per_s": len(took) / max(seconds, 1e-9), "requests": len(took),
            "p50_us": quantile(0.5), "p99_us": quantile(0.99), "p999_us": quantile(0.999)}
