"""The tables that people read."""

import statistics


def number(value):
    """Three digits that matter, thousands apart."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _spread(side):
    return f"{number(side['median'])} ({number(side['lowest'])} to {number(side['highest'])})"


def _target(pair):
    if pair["at_least"] is not None:
        return f"≥ {number(pair['at_least'])}"
    if pair["at_most"] is not None:
        return f"≤ {number(pair['at_most'])}"
    return ""


def _verdict(pair):
    return {None: "", True: "reached", False: "**not reached**"}[pair["is_reached"]]


UNITS = {"requests_per_s": "requests/s", "p50_us": "µs", "p99_us": "µs",
         "events_per_s": "events/s", "ready_ms": "ms", "mib": "MiB", "mb": "MB"}


def _figures(results):
    lines = ["| work | unit | this | against | that | ratio | target | |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for pair in results["pairs"]:
        left = pair["sides"][pair["left"]]
        right = pair["sides"].get(pair["right"])
        ratio = "" if pair["ratio"] is None else f"{number(pair['ratio'])} ×"
        lines.append(f"| {pair['what']} | {UNITS.get(pair['unit'], pair['unit'])} | "
                     f"{_spread(left)} | {pair['against'] or ''} | "
                     f"{_spread(right) if right else ''} | {ratio} | {_target(pair)} | "
                     f"{_verdict(pair)} |")
    return lines


def _latencies(results):
    lines = ["| work | who | p50 µs | p99 µs | p99.9 µs |", "| --- | --- | --- | --- | --- |"]
    for pair in results["pairs"]:
        for who, side in pair["sides"].items():
            runs = [run for run in side["runs"] if "p99_us" in run]
            if pair["unit"] == "requests_per_s" and runs:
                run = sorted(runs, key=lambda run: run["p99_us"])[len(runs) // 2]
                lines.append(f"| {pair['what']} | {who} | {number(run.get('p50_us'))} | "
                             f"{number(run['p99_us'])} | {number(run.get('p999_us'))} |")
    return lines if len(lines) > 2 else []


PEERS = {"whowas", "postgres", "redis", "bare"}


def _computed(results):
    """Who used the processor: what the generator uses is not the server's, and shares its cores."""
    lines = ["| work | who | server, µs | generator, µs | generator's share | "
             "requests per second of the server's processor time |",
             "| --- | --- | --- | --- | --- | --- |"]
    seen = set()
    for pair in results["pairs"]:
        for who, side in pair["sides"].items():
            runs = [run for run in side["runs"] if run.get("server_cpu_us")]
            if not runs or (pair["what"], who) in seen or who not in PEERS:
                continue
            seen.add((pair["what"], who))
            server, ours = [statistics.median(run[name] for run in runs)
                            for name in ("server_cpu_us", "generator_cpu_us")]
            lines.append(f"| {pair['what']} | {who} | {number(server)} | {number(ours)} | "
                         f"{ours / (server + ours):.0%} | {number(1e6 / server)} |")
    return lines if len(lines) > 2 else []


WORDS = {"get": "BatchGetUser of 50", "register": "RegisterUsers of 20",
         "event": "event, in batches of 100", "page": "page of 100"}
SIZED = {"cores": "cores", "users": "users", "stays": "stays", "apps": "apps",
         "rooms": "rooms on at once, of four people", "people": "people in each of 64 rooms"}


def _growth(results):
    lines = ["| " + " | ".join(["", "", *WORDS.values()]) + " |", "| --- " * 6 + "|"]
    for name, points in results["curves"]["growth"].items():
        for point in points:
            cells = []
            for what in WORDS:
                run = point["found"].get(what)
                cells.append("" if run is None else f"{number(run['server_cpu_us'])} µs, "
                             f"{number(run['requests_per_s'])}/s")
            lines.append(f"| {SIZED[name]} | {point['size']:,} | " + " | ".join(cells) + " |")
    return lines


def _profile(results):
    found = results["facts"]["profile"]
    lines = ["| µs of the server's processor | " + " | ".join(
                 WORDS[name].replace("event,", "a batch of events,").replace("in batches of", "of")
                 for name in found) + " |", "| --- " * (len(found) + 1) + "|"]
    parts = {part: sum(one["parts"].get(part, 0) for one in found.values())
             for one in found.values() for part in one["parts"]}
    for part in sorted(parts, key=lambda part: -parts[part]):
        cells = [number(one["parts"].get(part, 0) * one["server_cpu_us"]) for one in found.values()]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    in_all = [number(one["server_cpu_us"]) for one in found.values()]
    return lines + ["| in all | " + " | ".join(in_all) + " |"]


def _limits(results):
    lines = ["| what | takes |", "| --- | --- |"]
    for found in results["facts"]["limits"].values():
        lines.append(f"| {found['what']} | {number(found['value'])} {found['unit']} |")
    return lines


def _retention(results):
    found = results["facts"]["retention"]
    each = {name: number(found[name] / found["stays"])
            for name in ("told_bytes", "gone_bytes", "again_bytes")}
    new = (found["again_bytes"] - found["gone_bytes"]) / found["told_bytes"]
    return [f"A log of {found['stays']:,} stays took {each['told_bytes']} bytes for each of them. It "
            f"became too old, and but for {found['left']:,} stays that nobody had ended all of it was "
            f"removed in {found['gone_in_s']} s. The folder took {each['gone_bytes']} bytes then, since "
            "the file keeps its free pages. As many new stays were told, and the folder took "
            f"{each['again_bytes']}: {1 - new:.0%} of what they need came from the pages that the old "
            "ones gave back."]


def _rates(results, name):
    curves = results["curves"][name]
    lines = ["| who | of its peak | requests/s | p50 µs | p99 µs | p99.9 µs | generator late, p99 µs |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for who, points in curves.items():
        for point in points:
            lines.append(f"| {who} | {point['share']:.0%} | {number(point['rate'])} | "
                         f"{number(point['p50_us'])} | {number(point['p99_us'])} | "
                         f"{number(point['p999_us'])} | {number(point.get('late_p99_us'))} |")
    return lines


def _sizes(results):
    lines = ["| on the disk | bytes each | in all, MiB | filled in s |",
             "| --- | --- | --- | --- |"]
    for what, disk in results["disk"].items():
        lines.append(f"| {what} | {number(disk['each'])} | {number(disk['bytes'] / 2**20)} | "
                     f"{number(disk['filled_in_s'])} |")
    for what, each in results["facts"].get("written", {}).items():
        for who, size in each.items():
            lines.append(f"| {who}: {what} | {number(size)} | | |")
    return lines


def _machine(results):
    machine, sizes = results["machine"], results["sizes"]
    stays = " and ".join(f"{stays:,}" for stays in sizes["stays"])
    lines = [f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
             f"Linux {machine['kernel']}, {machine['file_system']}, 4 KiB made durable in "
             f"{machine['sync_of_4_kib_us']} µs; load before the run {machine['load_before']}.",
             "", f"{sizes['users']:,} users; {stays} stays over 13.5 days; each turn "
             f"{sizes['seconds']} s after {sizes['warm_up']} s of warm-up; medians of {sizes['rounds']} "
             "rounds taken in turn, lowest and highest in brackets."]
    versions = "; ".join(f"{name}: {text}" for name, text in results["versions"].items())
    return lines + ["", f"Versions: {versions}."]


def _postgres(results):
    ways = results["facts"].get("postgres_ways_ms")
    if not ways:
        return []
    way = results["facts"]["postgres_way"]
    lines = ["## How PostgreSQL was asked for pages", "",
             f"Three ways to write it, with the indexes that each needs; `{way}` took least for "
             "first, middle and last pages of all windows together and is what stands above.", "",
             "| way | ms in all | plans |", "| --- | --- | --- |"]
    for name, found in ways.items():
        plans = "<br>".join(plan.replace("|", "and") for plan in found["plans"])
        lines.append(f"| {name} | {number(found['ms'])} | {plans} |")
    return lines


def render(results, pictures):
    form = "bench/run --full" if results["is_full"] else "bench/run --short"
    lines = [f"# Results of `{form}`, {results['at'][:10]}", "",
             f"Written by the run, which took {results['took_s']} s after the build; how it is measured stands in "
             "[README.md](README.md).", ""]
    lines += _machine(results) + ["", "## Figures", ""] + _figures(results)
    latencies = _latencies(results)
    if latencies:
        lines += ["", "## Latencies at full speed", "",
                  "64 connections, the next request as soon as the last is answered.", ""]
        lines += latencies
    computed = _computed(results)
    if computed:
        lines += ["", "## Who computes", "", "Processor time for one request, or for a batch of "
                  "events: of the server, and of the generator on the same cores.", ""] + computed
    for name, what in (("load", "BatchGetUser"), ("write-load", "RegisterUsers")):
        if name in results["curves"]:
            lines += ["", f"## {what} at fixed rates", "",
                      "Poisson arrivals; latency counts from when a request was due.", ""]
            lines += _rates(results, name)
    if "growth" in results["curves"]:
        lines += ["", "## How cost grows", "", "The server's processor time for each, and how many "
                  "there were in a second; one thing grows, the rest stays as it is.", ""]
        lines += _growth(results)
    if "profile" in results["facts"]:
        lines += ["", "## Where the processor time goes", ""] + _profile(results)
    if "limits" in results["facts"]:
        lines += ["", "## What the machine can do at best", "", "Each alone, on one core, in a loop; "
                  "the middle of several stretches.", ""] + _limits(results)
    if results["disk"] or results["facts"].get("written"):
        lines += ["", "## Bytes", ""] + _sizes(results)
    if "retention" in results["facts"]:
        lines += ["", "## What retention gives back", ""] + _retention(results)
    ways = _postgres(results)
    lines += [""] + ways if ways else []
    for name, title in pictures:
        lines += ["", f"![{title}]({name})"]
    return "\n".join(lines) + "\n"
