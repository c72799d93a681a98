"""Who comes, what they do, and what the log has to say about it afterwards; README.md tells it.

Runs in namespaces of its own, which `run` makes; its one argument is a folder for everything.
"""

import asyncio
import gzip
import json
import pathlib
import sys
import time

from people import Truth, all_of
from servers import SESSION_TIMEOUT_NOTICED_S, Stuck
from stage import NUMBERS, ROOM_SECRET, TEXTS, Stage, until
from truth import Device

LOBBY, HALL, CROWD, SECOND_CROWD = 1001, 77, 88, 89
# Another number as soon as somebody takes it for a float.
BIG = 2**53 + 1
# Janus takes none that is larger.
LARGEST = 2**63 - 1
# 300 bytes, which Janus takes, and the log does not.
TOO_LONG = "课" * 100
LESSON, SAME_NAME = "课堂 (2) \"a\\b\" 👩‍👩‍👧", "1001"
CROWD_SIZE = 12

PHONE = Device("ios", "iPhone 11", "3.30.101", "wifi")
TABLET = Device("android", "Pixel Tablet", "3.58.2", "5g")
LAPTOP = Device("windows", "ThinkPad X1", "3.57.0", "4g")
BROWSER = Device("web", "Firefox 140", "4.66.2", "unknown")
RACK = Device("linux", "rack 4", "1.0.0", "unknown")

# Longer than the tolerance: what is told of the wrong moment must be seen.
A_WHILE_S = 2.5


async def lobby(stage, owner, owners):
    """Coming and going of all kinds in one room, of which alice sees everything."""
    alice, bob, carol, wanda, dan, erin, frank, robot = await all_of(
        stage.person("alice", 11).call(), stage.person("bob", 22).call("websocket"),
        stage.person("carol", 33, stage.carols).call(),
        stage.person("wanda", 34, stage.wandas).call("websocket"),
        stage.person("dan", 44).call(), stage.person("erin", 55).call(),
        stage.person("frank", LARGEST).call(), stage.person("robot", 99).call())
    seen = await alice.join(LOBBY, "lobby", PHONE, publish=["audio", "video"])
    at_bob, at_big, at_carol, at_wanda, at_dan, at_erin, at_frank, _ = await all_of(
        bob.join(LOBBY, "lobby", BROWSER, publish=["audio"], at_once=True),
        bob.join(BIG, "big", TABLET),
        carol.join(LOBBY, "lobby", LAPTOP, publish=["audio"]),
        wanda.join(LOBBY, "lobby", opaque_id="a plain word"),
        dan.join(LOBBY, "lobby", LAPTOP, publish=["audio"]),
        erin.join(LOBBY, "lobby"),
        frank.join(LARGEST, "largest", PHONE, publish=["audio"]),
        robot.join(BIG, "big", RACK))
    await watcher_and_double(stage, alice)
    await asyncio.sleep(A_WHILE_S)
    await all_of(frank.hang_up(at_frank), bob.ask(at_bob, request="unpublish"))
    await all_of(
        die(stage, carol, at_carol, alice, seen, SESSION_TIMEOUT_NOTICED_S),
        # A broken WebSocket is noticed at once.
        die(stage, wanda, at_wanda, alice, seen, 2),
        bob.leave(at_bob), erin.leave(at_erin), kick(dan, at_dan, owner, owners),
        come_back(bob, at_bob, dan, at_dan))
    return bob, at_big


async def come_back(bob, bobs_old, dan, dans_old):
    """Both come by new handles; dropping the old ones later must not take them away."""
    await asyncio.sleep(A_WHILE_S)
    await bob.join(LOBBY, "lobby", TABLET)
    at_dan = await dan.join(LOBBY, "lobby")
    await all_of(bob.drop(bobs_old), dan.drop(dans_old))
    await asyncio.sleep(A_WHILE_S)
    await dan.leave(at_dan, "destroy")


async def watcher_and_double(stage, alice):
    """Two who are not there: one only watches, one is refused because bob is there already."""
    watcher, double = await all_of(stage.person("watcher", 111).call(),
                                   stage.person("double", 22).call())
    handle = await watcher.attach('{"os.name":"ios"}')
    await watcher.clients.do("watch", handle=handle, room=LOBBY, feed=alice.user)
    handle = await double.attach('{"os.name":"ios"}')
    done = await double.clients.tell("ask", handle=handle, body={
        "request": "join", "ptype": "publisher", "room": LOBBY, "id": 22})
    refused = done.get("fault", "").startswith("436 ")
    stage.report.that("Janus refuses a second join of an id that is in the room",
                      "" if refused else f"got {done}")


async def kick(person, handle, owner, owners):
    done = await owner.ask(owners, request="kick", room=LOBBY, id=person.user, secret=ROOM_SECRET)
    person.left(handle, (done["from"], done["to"]))


async def die(stage, person, handle, alice, seen, within_s):
    """Kills the process; they leave when Janus notices, of which it tells alice too."""
    killed, _ = person.clients.kill()
    heard = await alice.clients.hear(seen, within_s + 5, leaving=person.user)
    in_time = heard and heard - killed <= within_s
    stage.report.that(f"Janus notices within {within_s} s that {person.name} is gone",
                      "" if in_time else f"killed {killed}, heard {heard}")
    person.left(handle, (heard or time.time(),) * 2)


async def hall(stage, owner, owners):
    """A room that is destroyed with people inside; then one of the same number."""
    gina, hank = await all_of(stage.person("gina", 201).call(),
                              stage.person("hank", 202).call("websocket"))
    old, at_hank = await all_of(gina.join(HALL, "hall 1", TABLET, publish=["audio"]),
                                hank.join(HALL, "hall 1", BROWSER))
    await asyncio.sleep(A_WHILE_S)
    done = await owner.ask(owners, request="destroy", room=HALL, secret=ROOM_SECRET)
    for person, handle in ((gina, old), (hank, at_hank)):
        person.left(handle, (done["from"], done["to"]))
    await asyncio.sleep(A_WHILE_S)
    await stage.open_room(owner, owners, HALL)
    at_gina = await gina.join(HALL, "hall 2", PHONE)
    await gina.drop(old)
    await asyncio.sleep(A_WHILE_S)
    await gina.leave(at_gina, "detach")


async def crowd(stage):
    """Many at once, in and out, by every way to leave."""
    people = [stage.person(f"guest {n}", 300 + n) for n in range(CROWD_SIZE)]
    await all_of(*(person.call(("http", "websocket")[n % 2]) for n, person in enumerate(people)))
    handles = await all_of(*(person.join(CROWD, "crowd", PHONE, publish=["audio"] * (n % 4 == 0))
                             for n, person in enumerate(people)))
    await asyncio.sleep(A_WHILE_S)
    ways = ("leave", "detach", "destroy")
    await all_of(*(person.leave(handle, ways[n % 3])
                   for n, (person, handle) in enumerate(zip(people, handles))))


async def whowas_dies(stage, bob, at_big):
    """Killed twice while people come and go: Janus sends again what was not answered."""
    people = [stage.person(f"late guest {n}", 400 + n) for n in range(6)]
    ivan, *_ = await all_of(stage.person("ivan", 77).call(), *(person.call() for person in people))
    host = await stage.person("host", 499).call()
    await host.join(SECOND_CROWD, "second crowd", LAPTOP)

    async def pass_by(number, person):
        await asyncio.sleep(number * 0.3)
        handle = await person.join(SECOND_CROWD, "second crowd", PHONE)
        await asyncio.sleep(A_WHILE_S)
        await person.leave(handle)

    async def die_twice():
        for _ in range(2):
            await asyncio.sleep(0.7)
            stage.whowas.kill()
            await asyncio.sleep(1)
            await stage.revive_whowas()

    async def ivan_and_bob():
        await asyncio.sleep(1)
        _, at_ivan = await all_of(bob.leave(at_big),
                                  ivan.join(LOBBY, "lobby", BROWSER, publish=["audio"]))
        await asyncio.sleep(A_WHILE_S)
        await ivan.leave(at_ivan)

    await all_of(die_twice(), ivan_and_bob(),
                 *(pass_by(number, person) for number, person in enumerate(people)))
    stage.report.that("Janus had to send again",
                      "" if "Retransmitting" in stage.numbers.log() else "it did not")
    await stage.compare("whowas was killed twice, and started again")


async def leave_is_lost(stage):
    """Janus gives up: the leave is never told, and the next join of that id shows it."""
    judy = await stage.person("judy", 78).call()
    handle = await judy.join(LOBBY, "lobby", BROWSER)
    await asyncio.sleep(A_WHILE_S)
    await asyncio.to_thread(stage.numbers.tweak, max_retransmissions=0)
    stage.whowas.kill()
    await judy.leave(handle)
    lost = await until(lambda: "event lost" in stage.numbers.log(), 5)
    stage.report.that("Janus drops an event that it may not send again", "" if lost else "it did not")
    await asyncio.sleep(A_WHILE_S)
    await stage.revive_whowas()
    await asyncio.to_thread(stage.numbers.tweak, max_retransmissions=10)
    handle = await judy.join(LOBBY, "lobby", LAPTOP)
    # Nobody knows better than that she had left when she came again.
    before, again = judy.stays[handle].spans
    before.left = again.joined
    await asyncio.sleep(A_WHILE_S)
    await judy.leave(handle)


async def stranger(stage):
    """A Janus with a wrong password tells of mallory."""
    before = stage.counted("unauthentic")
    await stage.stranger.start()
    await stage.open_rooms(stage.stranger, LOBBY)
    # Nothing of this is the truth.
    mallory = await stage.person("mallory", 666, janus=stage.stranger, truth=Truth()).call()
    await mallory.join(LOBBY, "nowhere", PHONE)
    # Started, its room, her join: one or more posts, of which none is sent again.
    await stage.stranger.stop()
    refused = stage.counted("unauthentic") - before
    stage.report.that("a wrong password: refused, and counted", "" if refused else "not counted")
    stage.report.that("Janus takes the 401 for a success",
                      "it sent again" if "Retransmitting" in stage.stranger.log() else "")


async def texts(stage):
    """Ids that are text, in rooms of odd names, of which one is too long for the log."""
    await stage.open_rooms(stage.texts, LESSON, SAME_NAME, TOO_LONG)
    # Not the truth, since no row can tell it. A dead letter keeps names, but no tokens.
    otto = await stage.person("otto", "otto", janus=stage.texts, truth=Truth()).call()
    otto.display = "Otto"
    await otto.join(TOO_LONG, "nowhere")
    zoe, uuid, same = await all_of(
        stage.person("zoe", "Zoë/1 \"语\"", janus=stage.texts).call("websocket"),
        stage.person("uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", janus=stage.texts).call(),
        stage.person("alice's namesake", "11", janus=stage.texts).call())
    _, at_uuid, at_same, _ = await all_of(
        zoe.join(LESSON, "lesson", TABLET, publish=["audio"]), uuid.join(LESSON, "lesson", BROWSER),
        same.join(SAME_NAME, "other lobby"), same.join(LESSON, "lesson", PHONE))
    await asyncio.sleep(A_WHILE_S)
    await all_of(uuid.leave(at_uuid), same.leave(at_same))
    answers = {post["answer"] for post in stage.relay.posts}
    stage.report.that("what Janus posts is answered 200", "" if answers == {"HTTP/1.1 200 OK"}
                      else f"got {answers}")
    return zoe


async def answers_are_lost(stage):
    """What is stored and not known to be: sent again, it counts once."""
    nora = await stage.person("nora", "nora", janus=stage.texts).call()
    await asyncio.sleep(0.5)
    before, seen = stage.counted("duplicate"), len(stage.relay.posts)
    stage.relay.loses = 2
    handle = await nora.join(LESSON, "lesson", LAPTOP)
    again = lambda: [post for post in stage.relay.posts[seen:] if tells(post, "joined")]
    sent = await until(lambda: len(again()) >= 3, 10)
    stage.relay.loses = 0
    stage.report.that("Janus sends again, byte for byte, what was stored but not answered",
                      "" if sent else f"got {[post['answer'] for post in again()]}",
                      "" if len({post["body"] for post in again()}) == 1 else "the bodies differ")
    await asyncio.sleep(A_WHILE_S)
    await nora.leave(handle)
    known = stage.counted("duplicate") - before
    stage.report.that("whowas knows it again", "" if known >= 2 else f"{known} duplicates counted")


async def silence(stage):
    """Nothing can be stored, so the connection is closed without an answer; Janus sends again."""
    max_ = await stage.person("max", "max", janus=stage.texts).call()
    await asyncio.sleep(0.5)
    ballast = stage.fill_disk()
    seen = len(stage.relay.posts)
    await max_.join(LESSON, "lesson", LAPTOP)
    again = lambda: [post for post in stage.relay.posts[seen:] if tells(post, "joined")]
    tried = await until(lambda: len(again()) >= 3, 10)
    stage.report.that("a full disk: the connection is closed without an answer, and Janus tries again",
                      "" if tried else f"got {len(again())} posts of the join",
                      *(f"answered {post['answer']!r}" for post in again() if post["answer"]))
    ballast.unlink()
    stored = await until(lambda: again() and again()[-1]["answer"] == "HTTP/1.1 200 OK", 15)
    stage.report.that("what was not answered is sent again, byte for byte, until it is",
                      "" if stored else f"got {[post['answer'] for post in again()]}",
                      "" if len({post["body"] for post in again()}) == 1 else "the bodies differ")


def tells(post, event, of=None):
    """Whether a post is this event of the VideoRoom, about this person if one is named."""
    told = json.loads(gzip.decompress(post["body"]))
    data = told["event"].get("data") if isinstance(told["event"], dict) else None
    is_it = isinstance(data, dict) and data.get("event") == event
    return is_it and of in (None, data.get("id"))


async def servers_end(stage, zoe):
    """One Janus is killed and comes again, and nobody knows when anybody left; one is stopped in
    order and says so, and may tell the leaves of those whose WebSockets it closes."""
    kim = await stage.person("kim", 79).call()
    await kim.leave(await kim.join(LOBBY, "lobby", PHONE))
    await stage.compare("before the servers end")
    # Time enough to tell the last that was heard from the end itself.
    await asyncio.sleep(A_WHILE_S)
    stage.numbers.kill()
    begun = time.time()
    status = await stage.texts.stop()
    stage.report.that("Janus stops in order", "" if status == 0 else f"status {status}")
    at_zoe, = zoe.stays
    stage.truth.ended(NUMBERS, [LOBBY, BIG, LARGEST, SECOND_CROWD])
    stopped = (begun, time.time())
    # Somebody of whom a leave is told has left at the same time.
    stage.truth.stopped(TEXTS, [LESSON], stopped)
    await stage.numbers.start()
    await stage.open_rooms(stage.numbers, LOBBY)
    alice = await stage.person("alice", 11).call()
    await alice.join(LOBBY, "lobby again", LAPTOP, publish=["audio"])
    await stage.compare("after the servers' ends")
    stage.report.that("the only dead letter is otto's join of a room whose name is too long",
                      *stage.letter_faults("joined", "`event.data.room` cannot be used"))


async def play(stage):
    await stage.start()
    owner, owners = await stage.open_rooms(
        stage.numbers, LOBBY, HALL, CROWD, SECOND_CROWD, BIG, LARGEST)
    (bob, at_big), zoe, *_ = await all_of(
        lobby(stage, owner, owners), texts(stage), hall(stage, owner, owners), crowd(stage))
    await stage.compare("everybody was here")
    await whowas_dies(stage, bob, at_big)
    await leave_is_lost(stage)
    await answers_are_lost(stage)
    await silence(stage)
    await stranger(stage)
    await servers_end(stage, zoe)


def main():
    stage = Stage(pathlib.Path(sys.argv[1]))
    with stage.whowas:
        try:
            asyncio.run(play(stage))
        except* Stuck as stuck:
            stage.report.that("the session is played to its end", *map(str, stuck.exceptions))
    stage.look_back()
    return stage.report.close()


if __name__ == "__main__":
    sys.exit(main())
