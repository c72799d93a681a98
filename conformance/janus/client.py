"""WebRTC clients of a Janus server, as many as one process is asked for.

It reads orders from standard input, one JSON object a line, and carries out several at a time. Each
is answered by a line with its `order` and either `from` and `to` (when it was begun and done, in Unix
seconds) and `data`, or `fault`. Lines with `event` tell what Janus told a client by itself.
"""

import asyncio
import itertools
import json
import os
import sys
import time

import aiohttp
import av
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack

ANSWERED_WITHIN_S = 15
KEPT_ALIVE_EVERY_S = 1
PLUGIN = "janus.plugin.videoroom"


class SmallPicture(VideoStreamTrack):
    """A picture that costs next to nothing to encode."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        await asyncio.sleep(0.2)
        frame = av.VideoFrame(width=64, height=48)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = pts, time_base
        return frame


class Refused(Exception):
    """Janus said no; the text begins with its error code."""


class Session:
    """A session with Janus, by HTTP with long polls or by a WebSocket."""

    numbers = itertools.count(1)

    def __init__(self, http, url, told):
        self.http = http
        self.url = url
        # Asked with the handle and the event whenever Janus tells something by itself.
        self.told = told
        self.waiting = {}
        self.socket = None
        self.id = None
        self.tasks = []

    async def open(self):
        if self.url.startswith("ws"):
            self.socket = await self.http.ws_connect(self.url, protocols=["janus-protocol"])
            self.tasks.append(asyncio.create_task(self.listen()))
        self.id = (await self.ask({"janus": "create"}))["data"]["id"]
        if not self.socket:
            self.tasks.append(asyncio.create_task(self.poll()))
        self.tasks.append(asyncio.create_task(self.keep_alive()))

    async def listen(self):
        async for message in self.socket:
            self.take(json.loads(message.data))

    async def poll(self):
        while True:
            async with self.http.get(f"{self.url}/{self.id}", params={"maxev": 10}) as answer:
                messages = json.loads(await answer.text())
            for message in messages if isinstance(messages, list) else [messages]:
                self.take(message)

    async def keep_alive(self):
        while True:
            await asyncio.sleep(KEPT_ALIVE_EVERY_S)
            await self.send({"janus": "keepalive"})

    def take(self, message):
        if message.get("janus") == "ack":
            return
        waiting = self.waiting.pop(message.get("transaction"), None)
        if waiting:
            waiting.set_result(message)
        elif "sender" in message:
            self.told(message["sender"], message)

    async def send(self, message):
        message = {"transaction": f"t{next(self.numbers)}", **message}
        if self.id:
            message["session_id"] = self.id
        if self.socket:
            return await self.socket.send_json(message)
        parts = [self.url, self.id, message.get("handle_id")]
        path = "/".join(str(part) for part in parts if part)
        async with self.http.post(path, json=message) as answer:
            self.take(json.loads(await answer.text()))

    async def ask(self, message):
        transaction = f"t{next(self.numbers)}"
        waiting = self.waiting[transaction] = asyncio.get_running_loop().create_future()
        await self.send({"transaction": transaction, **message})
        answer = await asyncio.wait_for(waiting, ANSWERED_WITHIN_S)
        fault = answer.get("error") or {}
        data = answer.get("plugindata", {}).get("data", {})
        if fault or "error_code" in data:
            raise Refused(f"{fault.get('code', data.get('error_code'))} "
                          f"{fault.get('reason', data.get('error'))}")
        return answer

    def close(self):
        for task in self.tasks:
            task.cancel()


class Clients:
    """Everybody in this process: sessions and handles by the names that the orders give them."""

    def __init__(self, http):
        self.http = http
        self.sessions = {}
        self.handles = {}
        self.connections = {}

    def told(self, session_name):
        def tell(handle_id, message):
            names = [name for name, (session, id) in self.handles.items()
                     if id == handle_id and session is self.sessions.get(session_name)]
            data = message.get("plugindata", {}).get("data", {"janus": message["janus"]})
            say({"event": data, "handle": names[0] if names else None, "at": time.time()})
        return tell

    async def session(self, name, url):
        self.sessions[name] = Session(self.http, url, self.told(name))
        await self.sessions[name].open()

    async def attach(self, handle, session, opaque_id=None):
        message = {"janus": "attach", "plugin": PLUGIN}
        if opaque_id is not None:
            message["opaque_id"] = opaque_id
        session = self.sessions[session]
        self.handles[handle] = (session, (await session.ask(message))["data"]["id"])

    async def message(self, handle, body, jsep=None):
        session, id = self.handles[handle]
        message = {"janus": "message", "handle_id": id, "body": body}
        return await session.ask(message | ({"jsep": jsep} if jsep else {}))

    async def ask(self, handle, body):
        return (await self.message(handle, body))["plugindata"]["data"]

    async def publish(self, handle, kinds, body):
        """`body` may also join the room by the same request. Returns once media flows."""
        connection = self.connections[handle] = RTCPeerConnection()
        tracks = {"audio": AudioStreamTrack, "video": SmallPicture}
        for kind in kinds:
            connection.addTransceiver(tracks[kind](), direction="sendonly")
        await connection.setLocalDescription(await connection.createOffer())
        offer = {"type": "offer", "sdp": connection.localDescription.sdp}
        answer = await self.message(handle, body, offer)
        await connection.setRemoteDescription(RTCSessionDescription(**{
            key: answer["jsep"][key] for key in ("sdp", "type")}))
        await until_connected(connection)

    async def watch(self, handle, room, feed):
        """Subscribes to somebody: one who watches is nobody in the room."""
        answer = await self.message(handle, {
            "request": "join", "ptype": "subscriber", "room": room, "streams": [{"feed": feed}]})
        connection = self.connections[handle] = RTCPeerConnection()
        await connection.setRemoteDescription(RTCSessionDescription(**{
            key: answer["jsep"][key] for key in ("sdp", "type")}))
        await connection.setLocalDescription(await connection.createAnswer())
        description = {"type": "answer", "sdp": connection.localDescription.sdp}
        await self.message(handle, {"request": "start"}, description)
        await until_connected(connection)

    async def hang_up(self, handle):
        await self.connections.pop(handle).close()

    async def detach(self, handle):
        session, id = self.handles.pop(handle)
        await session.ask({"janus": "detach", "handle_id": id})

    async def end(self, session):
        session = self.sessions.pop(session)
        await session.ask({"janus": "destroy"})
        session.close()


async def until_connected(connection):
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        while connection.connectionState != "connected":
            if connection.connectionState in ("failed", "closed"):
                raise Refused(f"the connection is {connection.connectionState}")
            await asyncio.sleep(0.02)


def say(line):
    print(json.dumps(line), flush=True)


async def carry_out(clients, order):
    number = order.pop("order")
    begun = time.time()
    try:
        data = await getattr(clients, order.pop("do"))(**order)
        say({"order": number, "from": begun, "to": time.time(), "data": data})
    except Exception as fault:  # Whatever it is, the driver has to hear of it.
        say({"order": number, "fault": str(fault) or repr(fault)})


async def main():
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    # Long polls stay open for half a minute, and each session has one.
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        clients = Clients(http)
        under_way = set()
        while line := await orders.readline():
            task = asyncio.create_task(carry_out(clients, json.loads(line)))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    # Without a word of farewell to anybody.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
