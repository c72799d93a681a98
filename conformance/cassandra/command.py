"""Runs `ring` as a contributor does, in a folder of its own."""

import contextlib
import glob
import os
import pathlib
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
WITHIN_S = 240


def check_each(checks, subject, verdicts):
    """Makes each of these checks of `subject`; one that fails does not keep the others from it."""
    for check in checks:
        name = check.__name__.replace("_", " ")
        began = time.monotonic()
        try:
            complaints = check(subject)
        except Exception as why:
            complaints = [f"{type(why).__name__}: {why}"]
        if not complaints:
            print(f"ok   {name}, {time.monotonic() - began:.1f} s", flush=True)
        verdicts.count(name, complaints)


class Ring:
    """Runs the commands, in a folder of its own."""

    def __init__(self, folder):
        self.work = pathlib.Path(folder) / "work"

    def run(self, *words, **environment):
        return subprocess.run([HERE / "ring", *map(str, words)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=WITHIN_S, check=False,
                              env=os.environ | {"CASSANDRA_WORK": str(self.work)} | environment)

    def do(self, *words):
        """Runs one that has to succeed; the last line that it printed."""
        done = self.run(*words)
        assert done.returncode == 0, f"ring {words} ended with {done.returncode}: {done.stderr}"
        return (done.stdout.splitlines() or [""])[-1]

    def refusal(self, *words, **environment):
        """Runs one that has to fail; what it said."""
        done = self.run(*words, **environment)
        assert done.returncode == 1, f"ring {words} ended with {done.returncode}: {done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def processes(self):
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = pathlib.Path(path).read_bytes().decode(errors="replace").split("\0")
                if any(str(self.work) in word for word in words) and "java" in words[0]:
                    found.append(int(path.split("/")[2]))
        return found


def equal(got, wanted, what):
    return [] if got == wanted else [f"{what}: {got!r}, not {wanted!r}"]
