"""What people do: as many calls, of such sizes and lengths, as `bench/data` makes."""

import dataclasses
import math
import random

# How busy each hour is, and how much busier the busiest is than the mean: bench/data/src/rhythm.rs.
HOURS = (10, 6, 4, 3, 3, 5, 12, 25, 45, 60, 65, 55, 45, 50, 60, 62, 60, 58, 70, 95, 100, 85, 50, 22)
PEAK = max(HOURS) * len(HOURS) / sum(HOURS)
DAY_S = 86_400
# A join, a publication for most, a leave, and the end of a room now and then.
EVENTS_PER_STAY = 2.9
# The shares of tenants fall as one over their rank.
APPS = 100


@dataclasses.dataclass(frozen=True)
class Site:
    """Who is served. What users ask for is an assumption, and stands here to be changed."""

    users: int
    stays_per_day: int
    kept_days: int = 14
    # Of all users, how many are registered, and how many change something, each day.
    registered_per_day: float = 0.002
    changed_per_day: float = 0.02
    # Requests for 50 users each: one for each join is what a client that shows names does, and one
    # for every second user a day what else there is.
    gets_per_stay: float = 1.0
    gets_per_user: float = 0.5
    # One page of 100 for each so many stays: support, billing and dashboards.
    stays_per_page: float = 200.0

    def per_second(self, per_day):
        """In the busiest hour."""
        return per_day / DAY_S * PEAK


@dataclasses.dataclass(frozen=True)
class Call:
    """A call that begins in the stretch that is simulated."""

    app: int
    room: int
    begin_s: float
    people: int
    length_s: float


def app_shares(apps=APPS):
    """Of the largest first."""
    whole = sum(1 / rank for rank in range(1, apps + 1))
    return [1 / rank / whole for rank in range(1, apps + 1)]


def people(dice):
    """The sizes of bench/data/src/calls.rs."""
    size = dice.randrange(1_000)
    for below, found in ((450, 2), (650, 3), (770, 4), (850, 5), (900, 6)):
        if size < below:
            return found
    if size < 998:
        return 7 + int(33 * dice.random() ** 2)
    return 100 + int(700 * dice.random() ** 2)


def length_s(dice):
    """Half are over after twelve minutes, and one in a hundred lasts two and a half hours."""
    return min(max(720 * math.exp(1.1 * dice.gauss(0, 1)), 30), 8 * 3600)


def calls(site, stretch_s, seed):
    """Those that begin within a stretch of the busiest hour, in no order."""
    dice = random.Random(seed)
    shares = app_shares()
    left = site.per_second(site.stays_per_day) * stretch_s
    found = []
    apps = dice.choices(range(APPS), weights=shares, k=int(left) + 1)
    while left > 0:
        size = people(dice)
        left -= size
        found.append(Call(apps[len(found)], dice.getrandbits(60), dice.random() * stretch_s, size,
                          length_s(dice)))
    return found
