"""Asks a server that may be killed at any moment, and knows its own people."""

import hashlib
import http.client
import json
import pathlib
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import volcengine  # noqa: E402
from receiver import SECRET  # noqa: E402

APP = 4111
KEY = ("AKLTconformance0001", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAx==")
SERVER_SECRET = "9193cc662a4c0ec135ec71fb57194b38"
TOKEN = "token-of-the-conformance-suite"
SECRETS = (KEY[1], SERVER_SECRET, TOKEN, SECRET)
ANSWER_WITHIN_S = 30


def config(url):
    return f"""
limits = "off"
allow_private_broadcast_urls = true

[[apps]]
id = {APP}
name = "conformance"
server_secret = "{SERVER_SECRET}"
api_token = "{TOKEN}"
broadcast_url = "{url}"
broadcast_secret = "{SECRET}"
access_keys = [{{ id = "{KEY[0]}", secret = "{KEY[1]}" }}]
"""


class Gone(Exception):
    """There was no answer: what was asked may have been done or not."""


class Wrong(Exception):
    """There was an answer, and not the one that there should be."""


def volc(address, action, body):
    """The Result of an action of Volcengine's."""
    payload = json.dumps({"AppId": APP, **body}).encode()
    asked = {"Action": action, "Version": "2020-12-01"}
    path, headers = volcengine.signed(address, KEY, "POST", asked, payload)
    status, text = send(address, "POST", path, payload, headers)
    if status != 200:
        raise Wrong(f"{action} answered {status} {text}")
    return json.loads(text)["Result"]


def zego(address, action, body):
    """The answer to an action of ZEGOCLOUD's."""
    now = str(int(time.time()))
    signature = hashlib.md5(f"{APP}nonce{SERVER_SECRET}{now}".encode()).hexdigest()
    query = urllib.parse.urlencode({
        "Action": action, "AppId": APP, "SignatureNonce": "nonce", "Timestamp": now,
        "Signature": signature, "SignatureVersion": "2.0"})
    headers = {"Content-Type": "application/json"}
    status, text = send(address, "POST", f"/?{query}", json.dumps(body).encode(), headers)
    answer = json.loads(text)
    if status != 200 or answer["Code"]:
        raise Wrong(f"{action} answered {status} {text}")
    return answer


def native(address, path, **asked):
    """The answer of the native API."""
    query = "?" + urllib.parse.urlencode(asked) if asked else ""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    status, text = send(address, "GET", f"/v1/apps/{APP}/{path}{query}", None, headers)
    if status != 200:
        raise Wrong(f"{path}{query} answered {status} {text}")
    return json.loads(text)


def send(address, method, path, body, headers):
    connection = http.client.HTTPConnection(address, timeout=ANSWER_WITHIN_S)
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as gone:
        raise Gone(repr(gone)) from gone
    finally:
        connection.close()


def chunks(items, length):
    return [items[i:i + length] for i in range(0, len(items), length)]


def register(address, users):
    """Registers a map of ids to tags."""
    for some in chunks(list(users.items()), 20):
        asked = [{"UserId": user, "Tags": tags} for user, tags in some]
        failed = volc(address, "RegisterUsers", {"Users": asked})["FailedInfos"]
        if failed:
            raise Wrong(f"RegisterUsers answered {failed}")
