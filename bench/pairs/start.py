"""Starting and resting."""

import os
import shutil
import signal
import statistics

from peers import process, whowas


def _start(bench, command):
    return whowas.values(process.run([bench.binaries.load, "start", "--"] + command))


def _drop_caches():
    """Whether the kernel let us forget what it has of files."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        return True
    except OSError:
        return False


def start(bench):
    main = bench.log(bench.stays[-1])
    command = main.command
    empty, runs = [], {}
    for number in range(bench.rounds):
        folder = os.path.join(bench.work, f"empty-{number}")
        empty.append(_start(bench, command[:-1] + [folder]))
        shutil.rmtree(folder)
    runs["empty"] = empty
    main.stop()
    runs["full"] = [_start(bench, command) for _ in range(bench.rounds)]
    killed = []
    for _ in range(bench.rounds):
        main.start()
        # A kill in the middle of writing: the load that loses its server is no error here.
        end = main.background("register", first=bench.ids(60_000 * 20), seconds=2,
                              warm_up=0, requests=60_000)
        main.stop(signal.SIGKILL)
        try:
            end()
        except SystemExit:
            pass
        killed.append(_start(bench, command))
    runs["killed"] = killed
    if bench.is_full and _drop_caches():
        runs["cold"] = []
        for _ in range(bench.rounds):
            _drop_caches()
            runs["cold"].append(_start(bench, command))
    main.start()
    size = f"{bench.users:,} users, {bench.stays[-1]:,} stays"
    for name, what, most in (("empty", "cold start, empty: ready, ms", 50),
                             ("full", f"start with {size}: ready, ms", 1000),
                             ("killed", "the same after kill -9 while writing: ready, ms", 1000),
                             ("cold", "the same, nothing of it in memory: ready, ms", 1000)):
        if name in runs:
            bench.alone(f"start-{name}", what, runs[name], "ready_ms", at_most=most)
    bench.alone("memory", "memory at rest, empty, MiB",
                [{"mib": run["memory_kib"] / 1024} for run in empty], "mib", at_most=20)
    size = os.stat(bench.binaries.whowas).st_size
    bench.alone("binary", "binary, MB", [{"mb": size / 1e6}], "mb", at_most=20)
    middle = statistics.median(run["memory_kib"] for run in runs["full"])
    bench.facts["memory_kib_at_rest_with_everything"] = middle
