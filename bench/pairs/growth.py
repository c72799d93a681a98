"""How cost grows with cores, users, stays, apps and rooms: whowas alone, in small folders, one of them
larger from point to point and everything else as it was. What is told is the server's processor time
for one request, which depends least on what else the machine does, and how many there were."""

import os
import shutil

from peers import holdings, process, whowas

SECONDS, WARM_UP = 0.7, 0.2
BATCH = 100
USERS, STAYS = 100_000, 50_000
SIZES = {"cores": (1, 2), "users": (10_000, 100_000, 1_000_000),
         "stays": (10_000, 100_000, 400_000), "apps": (1, 10, 100),
         "rooms": (100, 1_000, 10_000), "people": (4, 40, 400)}
# In the full form one point more.
LARGER = {"users": 3_000_000, "stays": 1_500_000, "apps": 1_000, "rooms": 100_000}
# Of each second that is measured: more than can be done.
EVENTS_PER_S, REQUESTS_PER_S = 150_000, 30_000
PAGE_WINDOW_S = 6 * 3600


class Folder:
    """A server of its own, and what is measured of it."""

    def __init__(self, bench, config=None, apps=1):
        self.bench, self.apps, self.users = bench, apps, 0
        self.server = whowas.Whowas(bench.binaries, "growth", bench.work, config)
        shutil.rmtree(self.server.folder, ignore_errors=True)
        self.server.start()

    def fill(self, users, stays):
        """`users` in all apps together; `stays` in the first."""
        if users > self.users:
            self.server.fill_users(users // self.apps, self.apps)
            self.users = users
        if stays:
            self.server.fill_stays(holdings.Log(stays, users, self.bench.until,
                                                seed=self.bench.seed()))

    def load(self, what, **options):
        return self.server.load(what, seconds=SECONDS, warm_up=WARM_UP, **options)

    def measure(self):
        """A request of each kind."""
        in_all, bench, apps = SECONDS + WARM_UP, self.bench, self.apps
        found = {"get": self.load("batch-get", users=self.users // apps, apps=apps)}
        requests = int(in_all * REQUESTS_PER_S)
        found["register"] = self.load("register", first=bench.ids(requests * 20), apps=apps,
                                      requests=requests)
        stays = int(in_all * EVENTS_PER_S / 2.5)
        live = holdings.Log(stays, self.users, bench.until, bench.until - PAGE_WINDOW_S,
                            seed=bench.seed())
        found["event"] = _each_event(self.load("ingest", batch=BATCH, apps=apps, **live.options))
        end = holdings.midnight(bench.until) - 2 * holdings.DAY_S
        begin = end - PAGE_WINDOW_S
        total = self.server.ask(f"{begin}:{end}:1")["Total"]
        if total:
            page = f"{begin}:{end}:{1 + max(total // 100 - 1, 0) // 2}"
            found["page"] = self.load("list", connections=8, page=page)
        return found

    def end(self):
        self.server.stop()
        shutil.rmtree(self.server.folder)


def _each_event(found):
    each = {name: found[name] / BATCH for name in ("server_cpu_us", "generator_cpu_us")}
    return dict(found, requests_per_s=found["events_per_s"], **each)


def growth(bench):
    ways = {"cores": _cores, "users": _users, "stays": _stays, "apps": _apps,
            "rooms": lambda bench, sizes: _crowd(bench, "rooms", sizes, people=4),
            "people": lambda bench, sizes: _crowd(bench, "people", sizes, rooms=64)}
    curves = bench.curves.setdefault("growth", {})
    for name, way in ways.items():
        sizes = SIZES[name] + ((LARGER[name],) if bench.is_full and name in LARGER else ())
        curves[name] = []
        for size, found in way(bench, sizes):
            curves[name].append({"size": size, "found": found})
            process.say(f"  {size:,} {name}: " + ", ".join(
                f"{what} {run['server_cpu_us']:.3g} µs, {run['requests_per_s']:.0f}/s"
                for what, run in found.items()))


def _cores(bench, sizes):
    """With one, the generator has the other; with all, it shares them."""
    if len(os.sched_getaffinity(0)) < max(sizes):
        return
    for cores in sizes:
        folder = Folder(bench)
        folder.fill(USERS, STAYS)
        if cores == 1:
            folder.server.stop()
            folder.server.cores, folder.server.load_cores = "0", "1"
            folder.server.start()
        yield cores, folder.measure()
        folder.end()


def _users(bench, sizes):
    folder = Folder(bench)
    folder.fill(1_000, STAYS)
    for users in sizes:
        folder.fill(users, 0)
        yield users, folder.measure()
    folder.end()


def _stays(bench, sizes):
    folder, before = Folder(bench), 0
    for stays in sizes:
        folder.fill(USERS, stays - before)
        before = stays
        yield stays, folder.measure()
    folder.end()


def _apps(bench, sizes):
    for apps in sizes:
        folder = Folder(bench, _config(bench, apps), apps)
        folder.fill(USERS, STAYS)
        yield apps, folder.measure()
        folder.end()


def _config(bench, apps):
    """Apps that differ in their ids and tokens."""
    lines = ['listen = "127.0.0.1:0"', 'limits = "off"']
    for place in range(apps):
        token = "bench-hook-secret" + (f"-{place}" if place else "")
        rtc_id = f"661e{place:020x}" if place else "661e0000000000000000543c"
        lines += ["[[apps]]", f"id = {4111 + place}", f'rtc_id = "{rtc_id}"',
                  f'name = "bench-{place}"', f'event_token = "{token}"',
                  'access_keys = [{ id = "AKLTbench", secret = "bench-secret" }]']
    path = os.path.join(bench.work, "apps.toml")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _crowd(bench, name, sizes, **other):
    """Events of so many rooms at once, or of rooms of so many people."""
    count = int((SECONDS + WARM_UP) * EVENTS_PER_S)
    for size in sizes:
        folder = Folder(bench)
        found = folder.load("events", sender="native", batch=BATCH, events=count,
                            **{name: size}, **other)
        yield size, {"event": _each_event(found)}
        folder.end()
