"""Curves as SVG, both axes logarithmic if what they show spans more than a factor of thirty."""

import math
import os

from .markdown import SIZED, WORDS

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ["#1b6ca8", "#c8553d", "#5b8e3e", "#8e5ea2", "#d19a2e", "#4a4a4a"]
DASHES = ["", "6 4", "2 3"]


class Axis:
    def __init__(self, values, begin, end):
        low, high = min(values), max(values)
        self.is_log = low > 0 and high / low > 30
        if self.is_log:
            low, high = math.log10(low), math.log10(high)
            low, high = math.floor(low * 3 - 1e-9) / 3, math.ceil(high * 3 + 1e-9) / 3
        else:
            low = min(low, 0)
        self.low, self.high = low, high if high > low else low + 1
        self.begin, self.end = begin, end

    def at(self, value):
        value = math.log10(value) if self.is_log else value
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        if self.is_log:
            first, last = math.floor(self.low), math.ceil(self.high)
            step = max(1, math.ceil((last - first) / 8))
            powers = [10.0 ** power for power in range(first, last + 1, step)]
            if len([tick for tick in powers if self.low <= math.log10(tick) <= self.high]) < 3:
                powers = [tick * part for tick in powers for part in (1, 2, 5)]
            return [tick for tick in powers
                    if self.low - 1e-9 <= math.log10(tick) <= self.high + 1e-9]
        raw = (self.high - self.low) / 5
        unit = 10 ** math.floor(math.log10(raw))
        step = next(unit * part for part in (1, 2, 5, 10) if unit * part >= raw)
        count = int(math.floor(self.high / step + 1e-9))
        return [step * place for place in range(count + 1)]


def _short(value):
    for size, mark in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{mark}"
    return f"{value:g}"


def draw(title, across, up, lines):
    """`lines` are (name, points, colour, dash); points are pairs."""
    xs = Axis([x for _, points, _, _ in lines for x, _ in points], LEFT, WIDTH - RIGHT)
    ys = Axis([y for _, points, _, _ in lines for _, y in points], HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{title}</text>']
    for tick in xs.ticks():
        x = f"{xs.at(tick):.1f}"
        out.append(f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                   f'{_short(tick)}</text>')
    for tick in ys.ticks():
        y = f"{ys.at(tick):.1f}"
        out.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y}" text-anchor="end" dominant-baseline="middle">'
                   f'{_short(tick)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{across}</text>')
    out.append(f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
               f'{up}</text>')
    for place, (name, points, colour, dash) in enumerate(lines):
        path = "L".join(f"{xs.at(x):.1f} {ys.at(y):.1f}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        for x, y in points:
            out.append(f'<circle cx="{xs.at(x):.1f}" cy="{ys.at(y):.1f}" r="3" fill="{colour}"/>')
        y = TOP + 14 + 20 * place
        out.append(f'<path d="M{WIDTH - RIGHT + 14} {y - 4}h24" stroke="{colour}" '
                   f'stroke-width="2"{dashes}/>')
        out.append(f'<text x="{WIDTH - RIGHT + 44}" y="{y}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])


def _curves(curves, keys, across, where=lambda point: True):
    lines = []
    for colour, (who, points) in zip(COLOURS, curves.items()):
        for dash, key in zip(DASHES, keys):
            chosen = [(point[across], point[key]) for point in points if where(point)]
            name = f"{who}, {key.split('_')[0].replace('p999', 'p99.9')}"
            lines.append((name, chosen, colour, dash))
    return [line for line in lines if line[1]]


def write(folder, results):
    """Writes what there are curves for; gives the files' names and titles."""
    curves, drawn = results["curves"], []

    def save(name, title, across, up, lines):
        if lines:
            with open(os.path.join(folder, name), "w") as file:
                file.write(draw(title, across, up, lines))
            drawn.append((name, title))

    if "depth" in curves:
        stays = results["sizes"]["stays"][-1]
        save("results-depth.svg", f"A page of 100 of {stays:,} stays, by its number",
             "page", "µs", _curves(curves["depth"], ["p50_us"], "page"))
    if "size" in curves:
        lines = []
        for dash, page in zip(DASHES, ("first", "middle", "last")):
            for colour, (who, points) in zip(COLOURS, curves["size"].items()):
                chosen = [(point["stays"], point["p50_us"]) for point in points
                          if point["page"] == page]
                lines.append((f"{who}, {page} page", chosen, colour, dash))
        save("results-size.svg", "A page of 100, by the size of the log", "stays", "µs, p50", lines)
    for name, what in (("load", "BatchGetUser of 50"), ("write-load", "RegisterUsers of 20")):
        if name in curves:
            save(f"results-{name}.svg", f"{what}, by requests per second", "requests/s", "µs",
                 _curves(curves[name], ["p50_us", "p99_us", "p999_us"], "rate"))
    for name, points in curves.get("growth", {}).items():
        lines = []
        for what, colour in zip(WORDS, COLOURS):
            chosen = [(point["size"], point["found"][what]["server_cpu_us"]) for point in points
                      if what in point["found"]]
            if chosen:
                lines.append((WORDS[what], chosen, colour, ""))
        save(f"results-growth-{name}.svg", f"What one request computes, by {SIZED[name]}", name,
             "µs of the server's processor", lines)
    return drawn
