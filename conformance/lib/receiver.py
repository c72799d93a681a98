"""A receiver of broadcasts: takes each delivery, writes it down, and answers 200.

What a suite wants to happen around an answer it does in `before` and `after`.
"""

import dataclasses
import http.server
import json
import threading

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclasses.dataclass
class Delivery:
    """What came, and whether the answer that it is taken was sent."""

    id: str
    body: bytes
    is_taken: bool = False

    @property
    def data(self):
        return json.loads(self.body)["data"]


class Receiver:
    """`with Receiver() as receiver:`; `receiver.url` is for the config.

    `verify(body, headers)` raises if a delivery is not signed as it should be. `before(delivery)`
    tells whether the delivery is answered at all, `after(delivery)` is told that it was.
    """

    def __init__(self, verify=None):
        self.verify = verify or (lambda body, headers: None)
        self.before = lambda delivery: True
        self.after = lambda delivery: None
        self.deliveries = []
        self.complaints = []
        self.came = threading.Condition()

    def __enter__(self):
        receiver = self

        class Conversation(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    # Whoever sent it was killed before the end: nothing was delivered.
                    self.close_connection = True
                    return
                receiver.take(self, body)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """Whoever is killed hangs up in the middle of anything."""

        self.listener = Listener(("127.0.0.1", 0), Conversation)
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}/broadcasts"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def take(self, conversation, body):
        headers = dict(conversation.headers.items())
        delivery = Delivery(conversation.headers["webhook-id"], body)
        try:
            self.verify(body, headers)
        except Exception as wrong:  # Whatever a library thinks of it.
            self.complaints.append(f"{delivery.id} does not verify: {wrong!r}")
        with self.came:
            self.deliveries.append(delivery)
            self.came.notify_all()
        if not self.before(delivery):
            conversation.close_connection = True
            return
        # What is answered was taken, though the answer may be lost.
        delivery.is_taken = True
        conversation.send_response(200)
        conversation.send_header("Content-Length", "0")
        conversation.end_headers()
        conversation.wfile.flush()
        self.after(delivery)

    def find(self, is_wanted, within_s):
        """The first delivery that is wanted, or None if there is none in time."""
        def found():
            return next((it for it in self.deliveries if is_wanted(it)), None)

        with self.came:
            self.came.wait_for(found, within_s)
            return found()

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()
