"""What a run has done so far, kept in its folder: whoever was interrupted goes on from there."""

import json
import os
import threading
import time

# Data of 13.5 days, of which nothing may become 14 days old before the last figure is taken.
HOURS_MAX = 9


class State:
    """`found` is what results are made of; `filled` names what is there already, and `told` how many
    events of a log that is being told were acknowledged."""

    def __init__(self, folder, sizes, is_resumed):
        self.path = os.path.join(folder, "state.json")
        self.lock = threading.RLock()
        self.saved = 0.0
        if is_resumed:
            with open(self.path) as file:
                self.kept = json.load(file)
            if self.kept["sizes"] != sizes["data"]:
                raise SystemExit(f"{folder} was filled for {self.kept['sizes']}")
            if time.time() - self.kept["until"] > HOURS_MAX * 3600:
                raise SystemExit(f"{folder} was begun more than {HOURS_MAX} hours ago: what is in it "
                                 "becomes too old while it is measured; remove it")
        else:
            # A minute ago, so that nothing lies in the future.
            self.kept = {"sizes": sizes["data"], "until": int(time.time()) - 60, "filled": {},
                         "told": {}, "done": [], "took_s": 0, "numbers": 10**9, "seeds": 10**6,
                         "found": {"pairs": {}, "curves": {}, "facts": {}, "disk": {},
                                   "versions": {}}}
            self.save()

    def __getitem__(self, name):
        return self.kept[name]

    def save(self):
        with self.lock:
            new = self.path + ".new"
            with open(new, "w") as file:
                json.dump(self.kept, file, default=str)
            os.replace(new, self.path)
            self.saved = time.monotonic()

    def is_filled(self, what):
        return what in self.kept["filled"]

    def note_filled(self, what):
        with self.lock:
            self.kept["filled"][what] = True
            self.save()

    def note_told(self, what, events):
        """Every few seconds is enough: what was told twice is a duplicate, and counts once."""
        self.kept["told"][what] = events
        if time.monotonic() - self.saved > 5:
            self.save()

    def note_done(self, name, took_s):
        with self.lock:
            if name not in self.kept["done"]:
                self.kept["done"].append(name)
            self.kept["took_s"] += round(took_s)
            self.save()
