#!/usr/bin/env python3
"""Asks a server what its document says that can be asked, and much that it says cannot."""

import base64
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

import volcengine  # noqa: E402
from server import Server  # noqa: E402
from verdicts import Verdicts  # noqa: E402

APP, PASSWORD = 4111, "password-of-the-hooks"
KEY = ("AKLTconformance0001", "c2VjcmV0LWZvci1jb25mb3JtYW5jZS0wMDAx==")
TOKEN = "token-of-the-conformance-suite"
CONFIG = f"""
limits = "off"

[[apps]]
id = {APP}
name = "conformance"
event_token = "{TOKEN}"
access_keys = [{{ id = "{KEY[0]}", secret = "{KEY[1]}" }}]
[apps.sources]
janus = {{ user = "janus", password = "{PASSWORD}" }}
"""
DOCUMENT = "/v1/openapi.json"
# It never ends by itself, and the tester reads each answer to its end: it is asked here.
STREAM = "/v1/apps/{app}/stream"
STREAM_BEGINS_WITHIN_S = 30
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def populate(server):
    """A user and letters, so that there is something to find."""
    users = {"AppId": APP, "Users": [{"UserId": 7, "NickName": "Ann", "Tags": ["vip", "beta"]}]}
    payload = json.dumps(users).encode()
    asked = {"Action": "RegisterUsers", "Version": "2020-12-01"}
    path, headers = volcengine.signed(server.address, KEY, "POST", asked, payload)
    status, text = server.send("POST", path, payload, headers)
    assert status == 200 and not json.loads(text)["Result"]["FailedInfos"], text
    login = base64.b64encode(f"janus:{PASSWORD}".encode()).decode()
    for number in range(3):
        letter = json.dumps([{"type": 64, "timestamp": f"never {number}"}]).encode()
        status, text = server.send(
            "POST", f"/hooks/janus/{APP}", letter,
            {"Authorization": f"Basic {login}", "Content-Type": "application/json"})
        assert status == 200, f"{status} {text}"
    letters = json.loads(server.get("/v1/dead-letters", {"Authorization": f"Bearer {TOKEN}"})[1])
    assert letters["total"] == 3, letters


def operations(server):
    """Those that the document has, but for the document's own and the stream."""
    status, text = server.get(DOCUMENT)
    assert status == 200, f"{status} {text}"
    paths = json.loads(text)["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items()
            if path not in (DOCUMENT, STREAM)
            for method in item if method in METHODS}


def ask(server, examples, seed, report):
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"), "--config-file",
        HERE / "schemathesis.toml", "run", f"http://{server.address}{DOCUMENT}",
        "--header", f"Authorization: Bearer {TOKEN}", "--checks", "all", "--continue-on-failure",
        "--exclude-path", STREAM,
        "--max-examples", examples, "--seed", seed, "--generation-database", "none",
        "--report", "junit", "--report-junit-path", report]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL,
                       env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")},
                       check=False)
    return {case.get("name"): [found.text or found.get("message") for found in case
                               if found.tag in ("failure", "error")]
            for case in xml.etree.ElementTree.parse(report).iter("testcase")}


def ask_stream(server):
    """What is wrong with the beginning of a stream, and with who is refused one."""
    wrong = []
    item = json.loads(server.get(DOCUMENT)[1])["paths"][STREAM]
    for method, token, status, kind in (
            ("GET", TOKEN, 200, "text/event-stream"), ("GET", "wrong", 401, "application/json"),
            ("POST", TOKEN, 405, "application/json")):
        connection = http.client.HTTPConnection(server.address, timeout=STREAM_BEGINS_WITHIN_S)
        connection.request(method, STREAM.replace("{app}", str(APP)),
                           headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        came = answer.status, answer.headers["Content-Type"]
        if came != (status, kind):
            wrong.append(f"{method} with {token}: expected {(status, kind)}, got {came}")
        told = item["get"]["responses"].get(str(answer.status), {})
        if status == 200 and (kind not in told["content"] or not answer.readline()):
            wrong.append("the document has another type, or nothing was said")
        if status == 405 and answer.headers["Allow"] != ", ".join(
                it.upper() for it in item if it in METHODS):
            wrong.append(f"{method}: Allow is {answer.headers['Allow']}")
        connection.close()
    return wrong


def main():
    examples, seed = sys.argv[1:]
    verdicts = Verdicts("native", [])
    with tempfile.TemporaryDirectory() as folder, Server(CONFIG) as server:
        populate(server)
        wanted = operations(server)
        found = ask(server, examples, seed, pathlib.Path(folder) / "report.xml")
        for name in sorted(wanted - set(found)):
            verdicts.count(name, ["it was not asked"])
        for name, complaints in found.items():
            verdicts.count(name, [line for text in complaints for line in text.splitlines()])
        verdicts.count(f"GET {STREAM}", ask_stream(server))
    verdicts.count("the server", server.complaints((TOKEN, KEY[1], PASSWORD)))
    return verdicts.close()


if __name__ == "__main__":
    sys.exit(main())
