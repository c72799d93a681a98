"""whowas itself, and the load generator that talks to it and to the bare server."""

import json
import os
import re
import signal
import subprocess
import urllib.request

from . import process


class Binaries:
    """The release binaries, built if they are older than the tree."""

    def __init__(self, root):
        self.root = root
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(root, "target"))
        self.target = target
        command = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "whowas-load",
                   "-p", "whowas-data"]
        if "WHOWAS_BIN" not in os.environ:
            command += ["-p", "whowas"]
        process.say("building")
        process.run(command, cwd=root)
        release = os.path.join(target, "release")
        self.whowas = os.environ.get("WHOWAS_BIN", os.path.join(release, "whowas"))
        self.load = os.path.join(release, "whowas-load")
        self.data = os.path.join(release, "whowas-data")


def values(line):
    """`name=value name=value` as numbers."""
    found = {}
    for name, value in re.findall(r"(\w+)=(\S+)", line):
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found


def _on(cores):
    return ["taskset", "-c", cores] if cores else []


class Server:
    """Something that says `listening on http://ADDR`, and load against it."""

    def __init__(self, binaries, name, command, work):
        self.binaries, self.name, self.command = binaries, name, command
        self.log = os.path.join(work, f"{name}.log")
        self.process = self.addr = None
        # The cores of the server and of its load, as `taskset` names them; everything if none.
        self.cores = self.load_cores = None

    def start(self):
        self.process = process.start(_on(self.cores) + self.command, self.log)
        self.addr = process.wait_for(self.name, self.process, self.log, self._listening)
        return self

    def _listening(self):
        with open(self.log, errors="replace") as file:
            found = re.search(r"listening on http://([0-9.]+:[0-9]+)", file.read())
        return found and found.group(1)

    def stop(self, how=signal.SIGTERM):
        process.stop(self.process, how)

    def _load(self, what, options):
        command = _on(self.load_cores) + [self.binaries.load, what, "--addr", self.addr,
                                          "--pid", str(self.process.pid)]
        for name, value in options.items():
            option = "--" + name.replace("_", "-")
            for one in value if isinstance(value, list) else [value]:
                command += [option] if one is True else [option, str(one)]
        return command

    def load(self, what, **options):
        """Runs the load generator, and gives what it measured."""
        out = process.run(self._load(what, options))
        found = values(out)
        if found.get("errors"):
            raise SystemExit(f"{what} against {self.name}:\n{out}")
        return found

    def background(self, what, **options):
        """Begins load that goes on; gives a function that waits for its end."""
        running = subprocess.Popen(self._load(what, options), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.started.append(running)
        for line in running.stderr:
            if line.startswith("sending"):
                break
        else:
            raise SystemExit(f"{what} did not begin: {running.stdout.read()}")

        def end():
            out, errors = running.communicate()
            process.started.remove(running)
            found = values(out)
            if running.returncode != 0 or found.get("errors"):
                raise SystemExit(f"{what} against {self.name}:\n{out}{errors}")
            return found
        return end


class Whowas(Server):
    """The program as anybody would run it: limits off, the rest as it comes."""

    def __init__(self, binaries, name, work, config=None):
        self.folder = os.path.join(work, name)
        config = config or os.path.join(binaries.root, "bench", "config.toml")
        command = [binaries.whowas, "serve", "--config", config, "--data", self.folder]
        super().__init__(binaries, name, command, work)

    def fill_users(self, users, apps=1):
        process.run(self._load("fill-users", {"users": users, "apps": apps}))

    def fill_stays(self, log, skip=0, told=None):
        """Few connections: what a media server tells comes nearly in order. `told` is called with
        the number of events that are known to be there."""
        command = self._load("fill-stays", dict(log.options, connections=8, skip=skip))
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
            others = []
            for line in running.stderr:
                found = re.match(r"told (\d+)$", line)
                if found and told:
                    told(int(found.group(1)))
                if not found:
                    others.append(line)
        if running.returncode != 0:
            raise SystemExit(f"filling {self.name}: {''.join(others)}")

    def ask(self, page, **of):
        """One answer of ListUserInfo."""
        return json.loads(process.run(self._load("ask", dict(of, page=page))))["Result"]

    def metric(self, name):
        """A number of /metrics that has no labels."""
        with urllib.request.urlopen(f"http://{self.addr}/metrics") as answer:
            found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.M)
        return found and float(found.group(1))


def bare(binaries, answer_bytes, work):
    """A hyper server that reads the request and answers with as many bytes."""
    command = [binaries.load, "serve-fixed", "--bytes", str(int(answer_bytes))]
    return Server(binaries, "bare", command, work)


def version(binaries):
    return process.run([binaries.whowas, "--version"]).strip()
