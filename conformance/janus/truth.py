"""What was done, and whether an answer of ListUserInfo agrees with it."""

import dataclasses
import datetime

TOLERANCE_S = 2
EAST_8 = datetime.timedelta(hours=8)


@dataclasses.dataclass(frozen=True)
class Device:
    """What ListUserInfo shows of a client."""

    os: str = "unknown"
    device: str = ""
    sdk: str = ""
    access: str = "unknown"


@dataclasses.dataclass
class Span:
    """One connection: each end is when it was begun and done, in Unix seconds; no leave if it is on."""

    joined: tuple
    left: tuple | None = None


@dataclasses.dataclass
class Stay:
    """One row that has to come out. `call` is a name of ours: rows that share it share a CallId."""

    app: str
    room: str
    user: str
    # What we call them.
    name: str
    call: str
    device: Device = Device()
    published: bool = False
    # When its client was last heard of between join and leave, if the log knows of it.
    heard: tuple | None = None
    spans: list = dataclasses.field(default_factory=list)

    def joined(self, joined):
        self.spans.append(Span(joined))

    def left(self, left):
        self.spans[-1].left = left

    def __str__(self):
        return f"{self.name} in {self.call}"


class Report:
    """A line for each check, and how many there were."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def that(self, what, *complaints):
        """`complaints` are what is wrong; empty ones are none."""
        wrong = [complaint for complaint in complaints if complaint]
        print(f"{'FAIL' if wrong else 'ok  '} {what}", flush=True)
        for complaint in wrong:
            print(f"       {complaint}", flush=True)
        self.passed += not wrong
        self.failed += bool(wrong)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def same(what, got, wanted):
    return "" if got == wanted else f"{what}: got {got!r}, want {wanted!r}"


def checks(stays, rows, asked_unix_s):
    """All checks of one answer: pairs of what is checked, and the complaints."""
    found = []
    calls = {}
    wanted = {}
    for stay in stays:
        wanted.setdefault((stay.app, stay.room, stay.user), []).append(stay)
    told = {}
    for row in rows:
        told.setdefault((row["App"], row["RoomId"], row["UserId"]), []).append(row)
    for key, here in wanted.items():
        rows_here = sorted(told.get(key, []), key=lambda row: row["CreatedAt"])
        if len(rows_here) != len(here):
            found.append((f"{here[0]}: as many rows as calls",
                          [f"got {[shown(row) for row in rows_here]}, want {len(here)}"]))
            continue
        for stay, row in zip(here, rows_here):
            found.append((told_of(stay), faults(stay, row, asked_unix_s)))
            calls.setdefault((stay.app, stay.room, stay.call), set()).add(row["CallId"])
    others = [shown(row) for key in told.keys() - wanted.keys() for row in told[key]]
    found.append((f"nobody else is among the {len(rows)} rows", others))
    ids = [id for these in calls.values() for id in these]
    found.append((f"{len(calls)} calls, each with a CallId of its own", [
        f"{call}: {these}" for call, these in calls.items() if len(these) > 1
    ] + ([f"one CallId for two calls: {sorted(ids)}"] if len(set(ids)) < len(ids) else [])))
    return found


def told_of(stay):
    """What a row has to say, in words."""
    times = "once" if len(stay.spans) == 1 else f"{len(stay.spans)} times"
    ends = "still there" if stay.spans[-1].left is None else "gone"
    published = "published" if stay.published else "did not publish"
    device = " ".join(filter(None, dataclasses.astuple(stay.device)))
    return f"{stay}: came {times}, {ends}, {published}, {device}"


def faults(stay, row, asked_unix_s):
    """What is wrong with one row; empty texts are nothing."""
    there = stay.spans[-1].left is None
    device = Device(row["OS"], row["DeviceType"], row["SdkVersion"], row["Access"])
    return [
        *record_faults(stay, row),
        near("CreatedAt", row["CreatedAt"], stay.spans[0].joined),
        same("LeaveAt", row["LeaveAt"], "") if there
        else near("LeaveAt", row["LeaveAt"], stay.spans[-1].left),
        same("Finished", row["Finished"], not there),
        duration_fault(row, asked_unix_s),
        same("Pub", row["Pub"], stay.published),
        same("OS, DeviceType, SdkVersion, Access", device, stay.device),
    ]


def record_faults(stay, row):
    wanted = []
    for span in stay.spans:
        wanted.append(("join_room", span.joined))
        if span.left:
            wanted.append(("leave_room", span.left))
    if len(row["Record"]) != len(wanted):
        return [f"got {shown(row)}, want {[kind for kind, _ in wanted]}"]
    return [fault for number, (entry, (kind, moment)) in enumerate(zip(row["Record"], wanted))
            for fault in (same(f"Record[{number}].Type", entry["Type"], kind),
                          near(f"Record[{number}].Time", entry["Time"], moment))]


def near(what, text, moment):
    """Whether a time of the answer lies within the moment, with tolerance."""
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        return f"{what}: {text!r} is no time"
    if at.utcoffset() != EAST_8 or at.microsecond:
        return f"{what}: {text!r} is not in whole seconds of +08:00"
    begun, done = moment
    if begun - TOLERANCE_S <= at.timestamp() <= done + TOLERANCE_S:
        return ""
    return f"{what}: got {clock(at.timestamp())}, want {clock(begun)} to {clock(done)}"


def clock(unix_s):
    return datetime.datetime.fromtimestamp(unix_s, datetime.timezone.utc).strftime("%H:%M:%S.%f")


def duration_fault(row, asked_unix_s):
    """Duration has to be what Record adds up to; the times are compared elsewhere."""
    times = [datetime.datetime.fromisoformat(entry["Time"]).timestamp() for entry in row["Record"]]
    is_open = len(times) % 2 == 1
    if is_open:
        times.append(asked_unix_s)
    total = sum(left - joined for joined, left in zip(times[::2], times[1::2]))
    # Whoever is still there was so for as long as it took to answer, too.
    if abs(row["Duration"] - total) <= (TOLERANCE_S if is_open else 0):
        return ""
    return f"Duration: got {row['Duration']}, want {total}, as in {shown(row)}"


def shown(row):
    passages = ", ".join(f"{entry['Type'][:5]} {entry['Time'][11:19]}" for entry in row["Record"])
    return f"{row['UserId']} in {row['RoomId']} of {row['App']} {row['CallId']}: {passages}"
