"""What the machine can do at best: the parts that a request is made of, each alone."""

from peers import process


def limits(bench):
    out = process.run([bench.binaries.load, "limits", "--folder", bench.work])
    found = {}
    for line in out.splitlines():
        name, value, unit, what = line.split("\t")
        found[name] = {"value": float(value), "unit": unit, "what": what}
    bench.facts["limits"] = found
    process.say(", ".join(f"{name} {it['value']:.3g} {it['unit']}" for name, it in found.items()))
