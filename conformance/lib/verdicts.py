"""What a suite found: told on standard output, and kept as one section of `conformance/results.md`."""

import os
import pathlib
import re

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "results.md"
HEAD = """# Conformance: real clients against the binary

Written by the suites in this folder, one section each; what a suite checks stands in its README.
A dot means that the client cannot ask this, or does not need to.
"""


class Verdicts:
    """One verdict for each (row, client); rows keep the order in which they first appear."""

    def __init__(self, suite, clients):
        self.suite = suite
        self.clients = clients
        self.rows = {}
        self.failed = 0
        self.passed = 0

    def add(self, client, row, complaints):
        """`complaints` is empty for a pass; otherwise each is a line that says what was wrong."""
        self.rows.setdefault(row, {})[client] = not complaints
        self.count(f"{client}: {' / '.join(row)}", complaints)

    def count(self, what, complaints):
        """A verdict that is about no client, and so has no place in the table."""
        if complaints:
            self.failed += 1
            print(f"FAIL {what}")
            for complaint in complaints:
                print(f"     {complaint}", flush=True)
        else:
            self.passed += 1

    def write(self, columns, versions):
        """Puts the table of this suite into `results.md`, in place of the last one.

        Those are the results of the store that is used when nothing else is asked for.
        """
        if os.environ.get("WHOWAS_STORE_KIND"):
            return
        lines = ["| " + " | ".join([*columns, *self.clients]) + " |",
                 "|" + " --- |" * (len(columns) + len(self.clients))]
        for row, by_client in self.rows.items():
            words = {True: "pass", False: "**fail**", None: "·"}
            lines.append("| " + " | ".join(
                [*row, *(words[by_client.get(client)] for client in self.clients)]) + " |")
        write_section(self.suite, "\n".join([versions, "", *lines]))

    def close(self):
        """Prints the closing line; the status that the suite ends with."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def write_section(suite, text):
    """Puts the section `## suite` into `results.md`; sections are in the order of their names."""
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    sections = dict(re.findall(r"^## (.+?)\n\n(.*?)(?=^## |\Z)", old, re.S | re.M))
    sections[suite] = text
    parts = [HEAD, *(f"## {name}\n\n{sections[name].strip()}\n" for name in sorted(sections))]
    RESULTS.write_text("\n".join(parts), encoding="utf-8")
