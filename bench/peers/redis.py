"""Redis: `MGET` by its own load generator. Kept in memory only, which is the fastest it can be."""

import os
import socket

from . import process


class Redis:
    def __init__(self, work):
        self.server = process.install("redis-server", "redis-server")
        self.work = work
        self.process = None

    def is_there(self):
        return self.server is not None

    def version(self):
        return process.run([self.server, "--version"]).split(" sha=")[0]

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        log = os.path.join(self.work, "redis.log")
        folder = os.path.join(self.work, "redis")
        os.makedirs(folder, exist_ok=True)
        command = [self.server, "--bind", "127.0.0.1", "--port", self.port, "--dir", folder,
                   "--save", "", "--appendonly", "no"]
        self.process = process.start(command, log)
        process.wait_for("redis-server", self.process, log, self._answers)
        return self

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", int(self.port)), 1) as stream:
                stream.sendall(b"PING\r\n")
                return stream.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def fill(self, binaries, users):
        process.pipe([binaries.data, "users-resp", "--users", str(users)],
                     ["redis-cli", "-p", self.port, "--pipe"])
        self.users = users

    def mget(self, each, connections, requests):
        keys = ["__rand_int__"] * each
        ours, theirs = process.children_cpu_s(), process.cpu_s(self.process.pid)
        out = process.run(["redis-benchmark", "-p", self.port, "-c", str(connections), "-n",
                           str(requests), "-r", str(self.users), "--csv", "MGET"] + keys)
        # "test","rps","avg_latency_ms","min","p50","p95","p99","max"; the command may hold no quote.
        fields = [field.strip('"') for field in out.strip().splitlines()[-1].split(",")][-7:]
        rps, _, _, p50, _, p99, _ = map(float, fields)
        ours = process.children_cpu_s() - ours
        theirs = process.cpu_s(self.process.pid) - theirs
        return {"requests_per_s": rps, "p50_us": p50 * 1000, "p99_us": p99 * 1000,
                "generator_cpu_us": 1e6 * ours / requests, "server_cpu_us": 1e6 * theirs / requests}

    def stop(self):
        process.stop(self.process)
