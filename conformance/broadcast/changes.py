"""Tags that change while the server is killed, and a model that knows what was acknowledged.

Each worker has users of its own. What was under way when the server was killed may have been done
or not, but not in part: the next life shows which.
"""

import random
import threading
import time

import ask
import walks

WORKERS, USERS = 4, 60
TAGS = ["a", "a:1", "a:2", "b", "签 (x)", "c*"]
# After how many acknowledgements a server is killed at most, and how late after the last of them.
LIFE_MAX, LATE_S = 60, 0.02
STRUCK_WITHIN_S = 60
# Expressions, and what each means of somebody's tags.
EXPRESSIONS = {
    "a AND NOT b": lambda tags: "a" in tags and "b" not in tags,
    '"签 (x)" OR "c*"': lambda tags: "签 (x)" in tags or "c*" in tags,
    "a:*": lambda tags: any(tag.startswith("a:") for tag in tags),
    f"{walks.STEADY} AND NOT (a OR a:1)":
        lambda tags: walks.STEADY in tags and not {"a", "a:1"} & set(tags),
}


class Worker:
    """Changes its users; `known` is what was acknowledged, a list of tags for whoever is there."""

    def __init__(self, first, seed):
        self.chance = random.Random(seed)
        # Some follow one another, some are scattered.
        self.users = [first + n for n in range(USERS // 2)]
        self.users += [self.chance.randrange(2**40, 2**62) for _ in range(USERS // 2)]
        # Half of them keep a tag all the while, and are reached by every broadcast to it.
        self.steady = self.users[::2]
        self.loose = self.users[1::2]
        self.known = {user: [walks.STEADY] for user in self.steady}
        # What those were to be whom the last request was about, of which nobody heard.
        self.unsure = None
        self.acknowledged = 0
        self.complaints = []

    def work(self, address, told):
        """Until nobody answers; tells of each acknowledgement."""
        while True:
            action, body, after = self.wish()
            self.unsure = after
            try:
                failed = ask.volc(address, action, body)["FailedInfos"]
            except ask.Gone:
                return
            except ask.Wrong as wrong:
                self.complaints.append(str(wrong))
                return
            if failed:
                self.complaints.append(f"{action} {body} answered {failed}")
            self.take(after)
            self.acknowledged += 1
            told.release()

    def wish(self):
        """A request, and what those whom it is about are when it is done; None is nobody."""
        chance = self.chance
        gone = [user for user in self.loose if user not in self.known]
        leaving = [user for user in self.loose if user in self.known]
        tags = chance.sample(TAGS, chance.randint(1, 3))
        kind = chance.random()
        if kind < 0.15 and gone:
            some = chance.sample(gone, min(len(gone), 10))
            users = [{"UserId": user, "Tags": tags} for user in some]
            return "RegisterUsers", {"Users": users}, {user: tags for user in some}
        if kind < 0.25 and leaving:
            some = chance.sample(leaving, min(len(leaving), 5))
            return "UnRegisterUsers", {"UserIds": some}, {user: None for user in some}
        some = chance.sample(list(self.known), chance.randint(1, 20))
        if kind < 0.4:
            tags = [*tags, *([walks.STEADY] if some[0] in self.steady else [])]
            users = [{"UserId": some[0], "Tags": tags}]
            return "BatchUpdateUser", {"Users": users}, {some[0]: tags}
        adds = kind < 0.7
        after = {user: [*old, *(tag for tag in tags if tag not in old)] if adds
                 else [tag for tag in old if tag not in tags]
                 for user, old in ((user, self.known[user]) for user in some)}
        body = {"UserIds": some, "Tags": tags, "Op": 0 if adds else 1}
        return "BatchUpdateUserTags", body, after

    def take(self, after):
        for user, tags in after.items():
            if tags is None:
                self.known.pop(user, None)
            else:
                self.known[user] = tags
        self.unsure = None

    def settle(self, seen):
        """Compares what is there with what was acknowledged; tells what is wrong."""
        if self.unsure is not None:
            if all(seen.get(user) == tags for user, tags in self.unsure.items()):
                self.take(self.unsure)
            self.unsure = None
        wrong = [f"{user} has {seen.get(user)}, and should have {self.known.get(user)}"
                 for user in self.users if seen.get(user) != self.known.get(user)]
        # What it is stays known, so that each mistake is told once.
        self.known = {user: seen[user] for user in self.users if user in seen}
        return wrong


class Stage:
    """The workers, and everybody who is there."""

    def __init__(self, server, people, seed):
        self.server = server
        self.people = people
        self.workers = [Worker(1_000_000 * (n + 1), f"{seed} {n}") for n in range(WORKERS)]
        self.steady = [user for worker in self.workers for user in worker.steady]
        self.lost, self.unindexed = [], []

    def register(self):
        for worker in self.workers:
            ask.register(self.server.address, worker.known)

    def live(self, count, late_s):
        """All work, until the server is killed after so many acknowledgements."""
        told = threading.Semaphore(0)
        threads = [threading.Thread(target=worker.work, args=(self.server.address, told))
                   for worker in self.workers]
        for thread in threads:
            thread.start()
        for _ in range(count):
            if not told.acquire(timeout=STRUCK_WITHIN_S):
                raise ask.Wrong(f"nothing is acknowledged: {self.complaints()}")
        time.sleep(late_s)
        self.server.kill()
        for thread in threads:
            thread.join()

    def complaints(self):
        return [it for worker in self.workers for it in worker.complaints]

    def check(self):
        """After a kill: who is there, with which tags, and what the index says."""
        seen = self.seen([user for worker in self.workers for user in worker.users])
        for worker in self.workers:
            self.lost += worker.settle(seen)
        everybody = dict(seen)
        everybody |= {user: [walks.STEADY] for user in self.people.steady}
        tests = {quoted(tag): lambda tags, tag=tag: tag in tags for tag in [*TAGS, walks.STEADY]}
        for expression, is_meant in (tests | EXPRESSIONS).items():
            wanted = sorted(str(user) for user, tags in everybody.items() if is_meant(tags))
            self.compare(f"tags={expression}", sorted(self.found(expression)), wanted)
            count = ask.native(self.server.address, "users/count", tags=expression)["count"]
            self.compare(f"count of {expression}", count, len(wanted))
        told = ask.native(self.server.address, "tags", limit=1000)["tags"]
        counts = {tag: sum(tag in tags for tags in everybody.values())
                  for tag in [*TAGS, walks.STEADY]}
        self.compare("tags", {it["tag"]: it["users"] for it in told},
                     {tag: count for tag, count in counts.items() if count})

    def compare(self, what, found, wanted):
        if found != wanted:
            self.unindexed.append(f"{what} tells {found}, and the users {wanted}")

    def seen(self, users):
        """What the directory itself has of them."""
        found = {}
        for some in ask.chunks(users, 50):
            answer = ask.volc(self.server.address, "BatchGetUser", {"UserIds": some})
            found |= {it["UserId"]: it.get("Tags") or [] for it in answer["Users"]}
        return found

    def found(self, expression):
        """What the index of tags finds, page by page."""
        ids, asked = [], {"tags": expression, "limit": 500}
        while True:
            page = ask.native(self.server.address, "users", **asked)
            ids += [user["id"] for user in page["users"]]
            if page["next"] is None:
                return ids
            asked["cursor"] = page["next"]


def quoted(tag):
    return '"' + tag.replace("\\", "\\\\").replace('"', '\\"') + '"'


def run(stage, jobs, kills, chance):
    """Kills the server so often while tags change and a broadcast goes to those who keep one."""
    for _ in range(kills):
        if not jobs.open():
            jobs.begin(1, also=stage.steady)
        stage.live(chance.randint(1, LIFE_MAX), chance.random() * LATE_S)
        stage.server.start()
        stage.check()
    walks.finish(jobs)
