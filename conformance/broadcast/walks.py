"""Broadcasts to some thousand users, whose server is killed in the middle of the walk."""

import collections
import random
import threading
import time

import ask

# Who is registered, in all shapes: ids that follow one another, ids that are scattered, and those
# that only ZEGOCLOUD's users may have.
FOLLOWING, SCATTERED, NAMED = 2_500, 2_500, 200
STEADY = "steady"
STRUCK_WITHIN_S = 60
DONE_WITHIN_S = 60
# How long the receiver takes over a delivery, and how late the server may be killed after one.
TAKES_S = 0.01
LATE_S = 0.03


class People:
    """Who is registered; every other number has the tag."""

    def __init__(self, seed):
        chance = random.Random(seed)
        scattered = {chance.randrange(2**40, 2**63) for _ in range(SCATTERED)}
        self.numbers = [*range(1, FOLLOWING + 1), *sorted(scattered)]
        self.steady = self.numbers[::2]
        self.names = [f"named-{n}" for n in range(NAMED)]

    def register(self, address):
        steady = set(self.steady)
        ask.register(address, {it: [STEADY] if it in steady else [] for it in self.numbers})
        for some in ask.chunks(self.names, 100):
            ask.zego(address, "UserRegister", {"UserInfo": [{"UserId": name} for name in some]})


class Jobs:
    """The broadcasts that were acknowledged, and whom each has to reach."""

    def __init__(self, server, people):
        self.server = server
        self.people = people
        self.wanted = {}
        self.done = set()
        # Whom the one was to reach of which nobody knows whether it was accepted.
        self.unsure = None

    def begin(self, count, also=()):
        """Has some broadcasts accepted, of all kinds; `also` are further users with the tag."""
        numbers = {str(it) for it in self.people.numbers}
        steady = {str(it) for it in [*self.people.steady, *also]}
        wish = {"Sender": 1, "MsgType": 1, "Content": "hello", "MsgTTL": 3_600}
        kinds = [
            (ask.volc, "UserBroadcast", wish | {"Tags": [STEADY]}, steady),
            (ask.volc, "UserBroadcast", wish, numbers),
            (ask.zego, "SendMessageToAllUsers", {
                "FromUserId": "named-0", "MessageType": 1, "MessageBody": {"Message": "hello"}},
             numbers | set(self.people.names)),
        ]
        for send, action, body, wanted in kinds[:count]:
            self.unsure = wanted
            send(self.server.address, action, body)
            self.accepted(wanted)

    def accepted(self, wanted):
        # Ids are given in order, and nobody else asks for any.
        self.wanted[len(self.wanted) + 1] = wanted
        self.unsure = None

    def settle(self):
        """Behind a kill: whether what was under way was accepted."""
        if self.unsure is not None:
            kept = ask.native(self.server.address, "broadcasts", after=len(self.wanted))
            if kept["broadcasts"]:
                self.accepted(self.unsure)
        self.unsure = None

    def shown(self, job):
        return ask.native(self.server.address, f"broadcasts/{job}")

    def open(self):
        """Those that are not done."""
        open_ones = [job for job in self.wanted if job not in self.done
                     and self.shown(job)["state"] != "done"]
        self.done = set(self.wanted) - set(open_ones)
        return open_ones


class Striker:
    """Kills the server at a moment that is chosen anew for each of its lives."""

    def __init__(self, server, receiver, chance):
        self.server, self.chance = server, chance
        self.struck = threading.Event()
        self.lock = threading.Lock()
        self.plan = None
        self.life = 0
        receiver.before, receiver.after = self.before, self.after

    def arm(self):
        moment = self.chance.choice(["before", "after", "later"])
        self.plan = [self.chance.randint(1, 5), moment, self.chance.random() * LATE_S]

    def before(self, _):
        """A delivery has come; tells whether it is answered."""
        life = self.life
        time.sleep(self.chance.random() * TAKES_S)
        with self.lock:
            if self.plan is not None:
                self.plan[0] -= 1
                if self.plan[0] == 0 and self.plan[1] == "before":
                    self.strike()
            # Whoever is dead hears no answer.
            return life == self.life and not self.struck.is_set()

    def after(self, _):
        """It was answered."""
        with self.lock:
            if self.plan is None or self.plan[0] > 0 or self.plan[1] == "before":
                return
            late_s = self.plan[2] if self.plan[1] == "later" else 0
        time.sleep(late_s)
        with self.lock:
            if self.plan is not None:
                self.strike()

    def strike(self):
        self.plan = None
        self.server.process.kill()
        self.struck.set()

    def revive(self):
        self.server.kill()
        self.life += 1
        self.struck.clear()
        self.server.start()


def run(server, receiver, jobs, kills, chance):
    """Kills the server so often in the middle of walks, and starts it anew."""
    striker = Striker(server, receiver, chance)
    for number in range(kills):
        if not jobs.open():
            jobs.begin(3)
        if number % 10 == 9:
            # Right behind the acknowledgement, whatever the walks have come to.
            jobs.begin(3)
            striker.strike()
        else:
            striker.arm()
            wait(striker, jobs)
        striker.revive()
        jobs.settle()
    finish(jobs)


def wait(striker, jobs):
    """Until the server is dead. What is left may be less than it was to deliver."""
    deadline = time.monotonic() + STRUCK_WITHIN_S
    while not striker.struck.wait(0.2):
        if time.monotonic() > deadline:
            raise ask.Wrong("nothing is delivered any more")
        try:
            if not jobs.open():
                jobs.begin(1)
        except ask.Gone:
            # It has just been killed.
            if not striker.struck.wait(STRUCK_WITHIN_S):
                raise


def finish(jobs):
    """Lets all that is under way come to its end."""
    deadline = time.monotonic() + DONE_WITHIN_S
    while jobs.open():
        if time.monotonic() > deadline:
            raise ask.Wrong(f"not done: {[jobs.shown(job) for job in jobs.open()]}")
        time.sleep(0.05)


class Books:
    """What deliveries come to, compared with what they should."""

    def __init__(self, receiver, jobs):
        self.missed, self.strangers, self.twice, self.miscounted = [], [], [], []
        came = [it.data for it in receiver.deliveries]
        self.deliveries = len(came)
        self.changed = set()
        first = {}
        for delivery in receiver.deliveries:
            if first.setdefault(delivery.id, delivery.body) != delivery.body:
                self.changed.add(delivery.id)
        self.repeats = self.deliveries - len(first)
        for job, wanted in jobs.wanted.items():
            taken = {it.id: data["userIds"] for it, data in zip(receiver.deliveries, came)
                     if data["broadcastId"] == job and it.is_taken}
            reached = [user for users in taken.values() for user in users]
            self.missed += [f"{user} by {job}" for user in wanted.difference(reached)]
            self.strangers += [f"{user} by {job}" for user in set(reached) - wanted]
            self.twice += [f"{user} by {job}" for user, count
                           in collections.Counter(reached).items() if count > 1]
            counted = jobs.shown(job)["users"]
            if counted != len(wanted):
                self.miscounted.append(f"{job} counts {counted} users of {len(wanted)}")
        self.users = sum(len(data["userIds"]) for data in came)
