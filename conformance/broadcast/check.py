#!/usr/bin/env python3
"""Kills a server in the middle of broadcasts and of changes, and looks what became of them."""

import datetime
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

import ask  # noqa: E402
import changes  # noqa: E402
import standardwebhooks  # noqa: E402
import walks  # noqa: E402
from receiver import SECRET, Receiver  # noqa: E402
from server import Server  # noqa: E402
from verdicts import Verdicts, write_section  # noqa: E402

# Fewer are for CI, and their figures say little.
KILLS_OF_RESULTS = 100
COMPLAINTS_MAX = 10


def verify(body, headers):
    """The convention's own library; raises if it does not like the delivery."""
    standardwebhooks.Webhook(SECRET).verify(body, headers)


def alters(receiver):
    """The library does see what is altered: without that, nothing above would say anything."""
    body = receiver.deliveries[0].body
    now = datetime.datetime.now(datetime.timezone.utc)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
               "webhook-signature":
                   standardwebhooks.Webhook(SECRET).sign("msg_1", now, body.decode())}
    verify(body, headers)
    try:
        verify(body.replace(b"broadcast", b"Broadcast", 1), headers)
    except standardwebhooks.WebhookVerificationError:
        return []
    return ["an altered delivery verifies"]


def judge(verdicts, books, receiver):
    some = slice(COMPLAINTS_MAX)
    verdicts.count("nobody is missed", books.missed[some])
    verdicts.count("nobody is reached who is not meant", books.strangers[some])
    verdicts.count("whoever is reached again is reached by the same id", books.twice[some])
    verdicts.count("a repeat is the same to the byte", sorted(books.changed)[some])
    verdicts.count("each broadcast counts its users", books.miscounted[some])
    verdicts.count("every delivery verifies", receiver.complaints[some])


def kill_in_walks(verdicts, kills, chance):
    with Receiver(verify) as receiver, Server(ask.config(receiver.url)) as server:
        people = walks.People(chance.random())
        people.register(server.address)
        jobs = walks.Jobs(server, people)
        walks.run(server, receiver, jobs, kills, chance)
        books = walks.Books(receiver, jobs)
        verdicts.count("what is altered does not verify", alters(receiver))
        judge(verdicts, books, receiver)
        # Otherwise no kill would have fallen into a delivery.
        verdicts.count("something was delivered again", [] if books.repeats else ["nothing was"])
    verdicts.count("the server stops cleanly", server.complaints(ask.SECRETS))
    return len(jobs.wanted), books


def kill_in_changes(verdicts, kills, chance):
    with Receiver(verify) as receiver, Server(ask.config(receiver.url)) as server:
        people = walks.People(chance.random())
        people.register(server.address)
        stage = changes.Stage(server, people, chance.random())
        stage.register()
        jobs = walks.Jobs(server, people)
        changes.run(stage, jobs, kills, chance)
        books = walks.Books(receiver, jobs)
        some = slice(COMPLAINTS_MAX)
        verdicts.count("what was acknowledged is there, and nothing by half", stage.lost[some])
        verdicts.count("the index of tags says what users have", stage.unindexed[some])
        verdicts.count("every change is accepted", stage.complaints()[some])
        judge(verdicts, books, receiver)
    verdicts.count("the server stops cleanly", server.complaints(ask.SECRETS))
    return sum(worker.acknowledged for worker in stage.workers), len(jobs.wanted), books


def main():
    kills, seed = int(sys.argv[1]), sys.argv[2]
    chance = random.Random(seed)
    verdicts = Verdicts("broadcast", [])
    count, walked = kill_in_walks(verdicts, kills, chance)
    changed, also, beside = kill_in_changes(verdicts, -(-kills // 2), chance)
    rows = [
        ("killed with `kill -9`", kills, -(-kills // 2)),
        ("broadcasts", count, also),
        ("changes of tags and users that were acknowledged", "·", changed),
        ("users in all deliveries", walked.users, beside.users),
        ("users missed", len(walked.missed), len(beside.missed)),
        ("deliveries", walked.deliveries, beside.deliveries),
        ("of which came again, with the same id", walked.repeats, beside.repeats),
        ("users who came under two ids", len(walked.twice), len(beside.twice)),
    ]
    table = ["| | in the middle of walks | while tags change |", "| --- | --- | --- |",
             *(f"| {what} | {a} | {b} |" for what, a, b in rows)]
    print("\n".join(table), flush=True)
    if kills >= KILLS_OF_RESULTS:
        told = "Of a server on the embedded store that is killed: `conformance/broadcast/run`."
        write_section("broadcast", "\n".join([told, "", *table]))
    return verdicts.close()


if __name__ == "__main__":
    sys.exit(main())
