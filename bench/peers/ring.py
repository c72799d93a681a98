"""A ring of real Cassandra nodes, as `conformance/cassandra/ring` makes it, and whowas in front of it."""

import json
import os
import re
import subprocess
import urllib.request

from . import process, whowas

# As the distribution's own `cassandra_latest.yaml` has it. With the first of the JVM's compilers only: the
# second has the cores busy for minutes, where three nodes share two.
OPTIONS = ["--set", "paxos_variant=v2"]
# How often filling is tried again: what is there already stays as it is.
TRIES = 20


class Ring:
    def __init__(self, root, work, nodes):
        self.nodes, self.work = nodes, os.path.join(work, "cassandra")
        self.command = os.path.join(root, "conformance", "cassandra", "ring")
        self.env = dict(os.environ, CASSANDRA_WORK=self.work)
        self.replicas = min(nodes, 3)

    def _run(self, *words):
        done = subprocess.run([self.command, *words], env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise SystemExit(f"ring {' '.join(words)}: {done.stderr}")
        return done.stdout

    def __enter__(self):
        process.say(f"a ring of {self.nodes}")
        self.points = self._run("up", str(self.nodes), *OPTIONS).split()[-1].split(",")
        return self

    def __exit__(self, *_):
        self._run("down")

    def cpu_s(self):
        """The processor time of all nodes."""
        used = 0
        for number in range(1, self.nodes + 1):
            with open(os.path.join(self.work, f"node-{number}", "process.json")) as file:
                used += process.cpu_s(json.load(file)["pid"])
        return used

    def bytes_by_table(self, keyspace):
        """What each table takes on the disks of all nodes, once nothing waits in memory."""
        found = {}
        for number in map(str, range(1, self.nodes + 1)):
            self._run("nodetool", number, "flush", keyspace)
            self._run("nodetool", number, "compact", keyspace)
            said = self._run("nodetool", number, "tablestats", keyspace)
            for table, size in re.findall(r"Table: (\w+)\n.*?Space used \(live\): (\d+)", said, re.S):
                found[table] = found.get(table, 0) + int(size)
        return found

    def largest_partitions(self, keyspace):
        """The largest partition of each table on the first node, in bytes."""
        said = self._run("nodetool", "1", "tablestats", keyspace)
        return {table: int(size) for table, size in re.findall(
            r"Table: (\w+)\n.*?Compacted partition maximum bytes: (\d+)", said, re.S)}


class Front(whowas.Whowas):
    """A server that keeps everything on a ring."""

    def __init__(self, binaries, name, work, ring, keyspace):
        self.ring = ring
        with open(os.path.join(binaries.root, "bench", "config.toml")) as file:
            config = file.read()
        store = (f'[store]\nkind = "cassandra"\ncontact_points = {json.dumps(ring.points)}\n'
                 f'keyspace = "{keyspace}"\nreplication_factor = {ring.replicas}\n')
        config, changed = re.subn(r'\[store\]\nkind = "embedded"\n', store, config)
        if not changed:
            raise SystemExit("bench/config.toml has another store than this was written for")
        path = os.path.join(work, f"{name}.toml")
        with open(path, "w") as file:
            file.write(config)
        super().__init__(binaries, name, work, path)

    def load(self, what, **options):
        """What the generator measured, and the processor time of the nodes for each request of it,
        the warm-up's included."""
        before = self.ring.cpu_s()
        found = super().load(what, **options)
        used = self.ring.cpu_s() - before
        share = options["seconds"] / (options["seconds"] + options.get("warm_up", 1))
        if found.get("requests"):
            found["nodes_cpu_us"] = used * 1e6 * share / found["requests"]
        return found

    def fill_users(self, users, apps=1):
        """With few connections, since nodes that have just started take seconds for a request."""
        self._again("fill-users", {"users": users, "apps": apps, "connections": 2})

    def fill_stays(self, log):
        self._again("fill-stays", dict(log.options, connections=1))

    def _again(self, what, options):
        command = self._load(what, options)
        for _ in range(TRIES):
            done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False)
            if done.returncode == 0:
                return
        raise SystemExit(f"filling {self.name}: {done.stderr}")

    def said(self):
        """How many statements of each kind it has sent."""
        with urllib.request.urlopen(f"http://{self.addr}/metrics") as answer:
            text = answer.read().decode()
        found = {}
        for kind, count in re.findall(
                r'^whowas_cassandra_statements_total\{kind="(\w+)",[^}]*\} (\S+)$', text, re.M):
            found[kind] = found.get(kind, 0) + float(count)
        return found
