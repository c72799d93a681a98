"""Where the server's processor time goes: `perf` beside each kind of work, functions taken together by
what they are for. The release binary as it is: what the compiler put into its caller counts there."""

import os
import re
import shutil
import subprocess

from peers import holdings, process, whowas

SECONDS = 4.0
USERS, STAYS = 200_000, 100_000
# The first that fits a function's name, or the kernel's if it begins so, is its part.
PARTS = [
    ("kernel: network", r"^k:.*(tcp|sock|skb|ip_|inet|net_|netif|loopback|epoll|sendto|recv|dst_|nf_)"),
    ("kernel: files and pages", r"^k:.*(page|folio|fault|ext4|xas|filemap|blk|bio_|virtio|nvme|sync|"
                                r"dirty|vfs|pwrite|writev|fdget|clear_user|tlb|pte|mm_)"),
    ("kernel: threads", r"^k:.*(futex|sched|wake|switch|hrtimer|rcu|spin|idle|timer|ktime|enqueue|"
                        r"dequeue|pick_|update_)"),
    ("kernel: the rest", r"^k:"),
    ("SHA-256 and HMAC", r"sha2|sha256|hmac|digest_blocks"),
    ("CRC-32", r"crc32"),
    ("LMDB", r"mdb_|heed"),
    ("copying and comparing bytes", r"memcpy|memmove|memcmp|memset|bcmp|memchr"),
    ("allocating", r"malloc|free|realloc|calloc|alloc"),
    ("HTTP", r"hyper|http|httparse"),
    ("JSON and text", r"json|serde|fmt|from_utf8|str::|jiff|strftime|itoa|percent"),
    ("reading rows", r"postcard|record"),
    ("the log", r"embedded.*log|domain.*log|fold|settle"),
    ("the store", r"stores|embedded"),
    ("the rest of ours", r"domain|dialects|whowas|sources"),
    ("runtime", r"tokio|mio|parking|sync|task"),
    ("clock", r"clock_gettime|vdso|Instant"),
    ("the rest", r""),
]


def profile(bench):
    perf = process.install("perf", "linux-perf")
    if perf is None:
        process.say("perf is missing and nothing is told: apt-get install linux-perf")
        return
    server = whowas.Whowas(bench.binaries, "profile", bench.work)
    shutil.rmtree(server.folder, ignore_errors=True)
    server.start()
    server.fill_users(USERS)
    server.fill_stays(holdings.Log(STAYS, USERS, bench.until, seed=1,
                                   lesson=holdings.lesson_at(bench.until)))
    live = holdings.Log(int(SECONDS * 60_000), USERS, bench.until, bench.until - 6 * 3600,
                        seed=bench.seed())
    end = holdings.midnight(bench.until) - 2 * holdings.DAY_S
    works = {
        "get": ("batch-get", {"users": USERS}),
        "register": ("register", {"first": bench.ids(3_000_000), "requests": 150_000}),
        "event": ("ingest", dict(live.options, batch=100)),
        "page": ("list", {"page": f"{end - 6 * 3600}:{end}:5"}),
    }
    found = bench.facts["profile"] = {}
    for name, (what, options) in works.items():
        found[name] = _of(bench, perf, server, what, options)
        process.say(f"  {name}: " + ", ".join(f"{part} {share:.0%}" for part, share in
                                              list(found[name]["parts"].items())[:6]))
    server.stop()
    shutil.rmtree(server.folder)


def _of(bench, perf, server, what, options):
    data = os.path.join(bench.work, "perf.data")
    end = server.background(what, seconds=SECONDS, warm_up=0.5, **options)
    process.run([perf, "record", "-q", "-F", "2000", "-p", str(server.process.pid), "-o", data, "--",
                 "sleep", str(SECONDS - 0.5)])
    run = end()
    out = subprocess.run([perf, "report", "-i", data, "--stdio", "-q", "--percent-limit", "0",
                          "--sort", "dso,sym", "-F", "overhead,dso,sym"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    os.unlink(data)
    parts = {}
    for line in out.splitlines():
        fit = re.match(r"\s*([\d.]+)%\s+(\S+)\s+\[(.)\]\s+(.*)", line)
        if fit:
            share, dso, kind, symbol = fit.groups()
            text = f"k:{symbol}" if kind == "k" else f"{dso} {symbol}"
            part = next(part for part, pattern in PARTS if re.search(pattern, text))
            parts[part] = parts.get(part, 0.0) + float(share) / 100
    return {"server_cpu_us": run["server_cpu_us"],
            "parts": dict(sorted(parts.items(), key=lambda it: -it[1]))}
