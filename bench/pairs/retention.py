"""What retention gives back: whowas alone, with a log that becomes too old as a whole."""

import os
import shutil
import time

from peers import holdings, process, whowas

SHORT, FULL = 50_000, 200_000
# Of the log that goes, before now; and of the one that comes after it.
OLD_S = 3 * holdings.DAY_S
NEW_S = 20 * 3600
WAIT_S_MAX = 1_800
# After this long without a change nothing more will go.
STILL_S = 12


def retention(bench):
    stays = FULL if bench.is_full else SHORT
    now = int(time.time()) - 60
    old = holdings.Log(stays, bench.users, now - OLD_S, now - OLD_S - 10 * holdings.DAY_S, seed=1)
    new = holdings.Log(stays, bench.users, now, now - NEW_S, seed=2)
    server = whowas.Whowas(bench.binaries, "retention", bench.work)
    shutil.rmtree(server.folder, ignore_errors=True)
    found = {"stays": stays}
    server.start()
    before = process.folder_bytes(server.folder)
    server.fill_stays(old)
    found["told_bytes"] = process.folder_bytes(server.folder) - before
    server.stop()
    # What is kept for two weeks is kept for one day from now on.
    os.environ["WHOWAS_RETENTION_DAYS"] = "1"
    try:
        server.start()
    finally:
        del os.environ["WHOWAS_RETENTION_DAYS"]
    found["left"], found["gone_in_s"] = _wait_until_gone(server)
    found["gone_bytes"] = process.folder_bytes(server.folder) - before
    server.fill_stays(new)
    found["again_bytes"] = process.folder_bytes(server.folder) - before
    server.stop()
    shutil.rmtree(server.folder)
    bench.facts["retention"] = found
    process.say(f"retention of {stays:,} stays: " + ", ".join(
        f"{name} {size / stays:.0f}" for name, size in found.items() if name.endswith("_bytes"))
        + f" bytes per stay, gone in {found['gone_in_s']} s")


def _wait_until_gone(server):
    """How long it took until as many stays as at the end were left: those of calls that nobody ended
    are kept."""
    began = at = time.monotonic()
    left = None
    while time.monotonic() - began < WAIT_S_MAX:
        time.sleep(0.5)
        now = server.metric("whowas_log_stays")
        if now != left:
            left, at = now, time.monotonic()
        # It is counted every five seconds.
        elif time.monotonic() - at > STILL_S:
            return int(left), round(at - began)
    raise SystemExit(f"after {WAIT_S_MAX} s there are still stays that are too old")
