"""People who come and go: each of their doings is given as an order and written down as the truth."""

import asyncio
import itertools
import json

from truth import Device, Stay

NETWORKS = {"wifi": ("wifi", None), "4g": ("cell", "lte"), "5g": ("cell", "nr"),
            "unknown": (None, None)}


def attributes(device):
    """How a client tells of itself: JSON for `opaque_id`."""
    connection, subtype = NETWORKS[device.access]
    told = {"os.name": device.os, "device.model.name": device.device,
            "rtc.sdk.version": device.sdk, "network.connection.type": connection,
            "network.connection.subtype": subtype, "user.mail": "PRIVATE"}
    return json.dumps({key: value for key, value in told.items() if value})


class Truth:
    """The stays that have to come out."""

    def __init__(self):
        self.stays = []

    def stay(self, person, room, call):
        """That of the person in this call of the room, which begins if they had none."""
        key = (person.app, str(room), str(person.user), call)
        for stay in self.stays:
            if (stay.app, stay.room, stay.user, stay.call) == key:
                return stay
        self.stays.append(Stay(person.app, str(room), str(person.user), person.name, call))
        return self.stays[-1]

    def ended(self, app, rooms):
        """The server stopped without a word: everybody's end is the last that was heard of a room."""
        for room in map(str, rooms):
            here = [stay for stay in self.stays if (stay.app, stay.room) == (app, room)]
            heard = [moment for stay in here for span in stay.spans
                     for moment in (span.joined, span.left, stay.heard) if moment]
            for stay in here:
                if not stay.spans[-1].left:
                    stay.left(max(heard))

    def stopped(self, app, rooms, moment):
        """The server said that it stops: everybody who was there ends then."""
        for stay in self.stays:
            if (stay.app, stay.room) in {(app, str(room)) for room in rooms}:
                if not stay.spans[-1].left:
                    stay.left(moment)


class Person:
    """A client with a session of its own, in one process of clients."""

    numbers = itertools.count(1)

    def __init__(self, truth, clients, app, janus, name, user):
        self.truth = truth
        self.name = name
        self.clients = clients
        self.app = app
        self.janus = janus
        self.user = user
        self.session = None
        self.stays = {}
        self.handles = 0
        # A marker of what is nowhere to be found afterwards.
        self.display = "PRIVATE"

    async def call(self, by="http"):
        """Opens the session. `by` is `http` or `websocket`."""
        self.session = f"session {next(self.numbers)} of {self.name}"
        url = self.janus.http if by == "http" else self.janus.websocket
        await self.clients.do("session", name=self.session, url=url)
        return self

    async def attach(self, opaque_id=None):
        self.handles += 1
        handle = f"handle {self.handles} in {self.session}"
        await self.clients.do("attach", handle=handle, session=self.session, opaque_id=opaque_id)
        return handle

    async def join(self, room, call, device=None, opaque_id=None, publish=(), at_once=False):
        """Joins by a new handle, which it answers; `at_once` publishes by the same request."""
        if device:
            opaque_id = attributes(device)
        handle = await self.attach(opaque_id)
        body = {"request": "joinandconfigure" if at_once else "join", "ptype": "publisher",
                "room": room, "id": self.user, "display": self.display,
                "metadata": {"os.name": "PRIVATE"}, "token": "PRIVATE"}
        if at_once:
            done = await self.clients.do("publish", handle=handle, kinds=publish, body=body)
        else:
            done = await self.clients.do("ask", handle=handle, body=body)
        stay = self.stays[handle] = self.truth.stay(self, room, call)
        stay.joined((done["from"], done["to"]))
        if device or not stay.spans[1:]:
            stay.device = device or Device()
        stay.published |= at_once
        if publish and not at_once:
            await self.publish(handle, publish)
        return handle

    async def publish(self, handle, kinds):
        done = await self.clients.do("publish", handle=handle, kinds=kinds,
                                     body={"request": "configure"})
        self.stays[handle].published = True
        self.stays[handle].heard = (done["from"], done["to"])

    async def ask(self, handle, **body):
        return await self.clients.do("ask", handle=handle, body=body)

    async def leave(self, handle, how="leave"):
        """`leave` asks for it; `detach` drops the handle, `destroy` the whole session."""
        if how == "leave":
            done = await self.ask(handle, request="leave")
        elif how == "detach":
            done = await self.clients.do("detach", handle=handle)
        else:
            done = await self.clients.do("end", session=self.session)
        self.left(handle, (done["from"], done["to"]))

    async def drop(self, handle):
        """Detaches a handle that is in no room any more: nothing may come of it."""
        await self.clients.do("detach", handle=handle)

    async def hang_up(self, handle):
        """Ends the media, and stays in the room."""
        await self.clients.do("hang_up", handle=handle)

    def left(self, handle, moment):
        self.stays.pop(handle).left(moment)


async def all_of(*doings):
    """At once; the first that fails ends the rest."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(doing) for doing in doings]
    return [task.result() for task in tasks]
