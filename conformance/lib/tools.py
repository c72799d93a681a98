"""Installs what a suite needs, once: a step runs again only if the files that it reads changed."""

import hashlib
import os
import pathlib
import subprocess


class NotInstalled(Exception):
    """A command that installs or builds a client failed; the text ends with what it printed."""


def once(stamp, inputs, *commands, cwd, needs=()):
    """Runs the commands in `cwd` unless `stamp` says that they ran for the same inputs.

    `needs` are files that the commands leave behind; if one is missing they run again.
    """
    stamp = pathlib.Path(stamp)
    seen = hashlib.sha256(repr(commands).encode())
    for path in sorted(map(pathlib.Path, inputs)):
        seen.update(path.name.encode() + path.read_bytes())
    done = stamp.exists() and stamp.read_text() == seen.hexdigest()
    if done and all(pathlib.Path(path).exists() for path in needs):
        return
    stamp.parent.mkdir(parents=True, exist_ok=True)
    for command in commands:
        run(command, cwd)
    stamp.write_text(seen.hexdigest())


def run(command, cwd):
    """Runs one command quietly; raises `NotInstalled` if it fails."""
    command = [str(part) for part in command]
    print("+", " ".join(command), flush=True)
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    except OSError as missing:
        raise NotInstalled(f"{command[0]}: {missing}") from missing
    if done.returncode != 0:
        raise NotInstalled(
            f"{command[0]} ended with status {done.returncode}:\n{done.stdout[-4000:]}")


def try_all(installs):
    """Runs each of the functions by name; answers the names of those that failed, and why."""
    failed = {}
    for name, install in installs.items():
        try:
            install()
        except NotInstalled as why:
            print(f"{name} is not installed: {why}", flush=True)
            failed[name] = f"{name} is not installed, see above"
    return failed


def client_environment(home):
    """The environment of a client: an empty home, no cloud's keys, no proxy before loopback."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("VOLC", "WHOWAS_")) and not name.lower().endswith("_proxy")}
    return kept | {"HOME": str(home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
