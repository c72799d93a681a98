"""As much of CQL's native protocol, version 4, as readiness needs: log in, ask, read rows of bytes.

A real driver would hide which node it asked, and would have to be installed before a node can start.
"""

import dataclasses
import socket
import ssl
import struct
import typing

PORT = 9042
# One answer of a node that is well; one that is not is asked again.
ANSWERS_WITHIN_S = 3

VERSION = 4
ERROR, STARTUP, READY, AUTHENTICATE, QUERY, RESULT = 0x00, 0x01, 0x02, 0x03, 0x07, 0x08
AUTH_RESPONSE, AUTH_SUCCESS = 0x0F, 0x10
ROWS = 2
CONSISTENCY_ONE = 1
WITHOUT_METADATA = 0x02
UNAVAILABLE = 0x1000


class Refused(Exception):
    """The node answered with an error."""

    def __init__(self, code, message):
        super().__init__(f"{message} (error 0x{code:04x})")
        self.code = code


@dataclasses.dataclass(frozen=True)
class Tls:
    """`identity` is a file with a certificate and its key, in PEM, for a node that asks for one."""

    identity: typing.Optional[str]

    def wrap(self, plain):
        believing = ssl.create_default_context()
        believing.check_hostname = False
        believing.verify_mode = ssl.CERT_NONE
        if self.identity:
            believing.load_cert_chain(self.identity)
        return believing.wrap_socket(plain)


class Connection:
    """`with Connection(address, port, tls) as node: node.rows("SELECT ...")`

    Logs in as the user that Cassandra makes at its first start, if it is asked who it is. With
    `tls` it does so encrypted and believes any certificate. Raises `OSError` or `Refused`.
    """

    def __init__(self, address, port=PORT, tls=None):
        self.socket = socket.create_connection((address, port), timeout=ANSWERS_WITHIN_S)
        try:
            if tls:
                self.socket = tls.wrap(self.socket)
            self.log_in()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def log_in(self):
        options = struct.pack(">H", 1) + text("CQL_VERSION") + text("3.0.0")
        kind, _ = self.ask(STARTUP, options)
        if kind == AUTHENTICATE:
            token = b"\0cassandra\0cassandra"
            kind, _ = self.ask(AUTH_RESPONSE, struct.pack(">i", len(token)) + token)
        if kind not in (READY, AUTH_SUCCESS):
            raise OSError(f"the node answered STARTUP with 0x{kind:02x}")

    def rows(self, query):
        """The rows of an answer that fits into one page: tuples of bytes, None where there is no
        value. A statement that changes something has none."""
        query = query.encode()
        body = struct.pack(">i", len(query)) + query
        kind, answer = self.ask(QUERY, body + struct.pack(">HB", CONSISTENCY_ONE, WITHOUT_METADATA))
        if kind != RESULT:
            raise OSError(f"the node answered a query with 0x{kind:02x}")
        if struct.unpack_from(">i", answer)[0] != ROWS:
            return []
        _, _, columns, count = struct.unpack_from(">iiii", answer)
        at, found = 16, []
        for _ in range(count):
            row = []
            for _ in range(columns):
                (length,) = struct.unpack_from(">i", answer, at)
                at += 4
                row.append(None if length < 0 else answer[at:at + length])
                at += max(length, 0)
            found.append(tuple(row))
        return found

    def ask(self, kind, body):
        self.socket.sendall(struct.pack(">BBhBi", VERSION, 0, 0, kind, len(body)) + body)
        _, _, _, kind, length = struct.unpack(">BBhBi", self.read(9))
        answer = self.read(length)
        if kind == ERROR:
            code, size = struct.unpack_from(">iH", answer)
            raise Refused(code, answer[6:6 + size].decode(errors="replace"))
        return kind, answer

    def read(self, length):
        found = b""
        while len(found) < length:
            part = self.socket.recv(length - len(found))
            if not part:
                raise OSError("the node closed the connection")
            found += part
        return found


def text(value):
    return struct.pack(">H", len(value)) + value.encode()
