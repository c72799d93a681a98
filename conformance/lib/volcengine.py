"""Signs and sends one request as a Volcengine client does, for what a suite must put in beforehand.

The suites prove the server with the vendor's own SDKs; this is only the hand that fills it.
"""

import datetime
import hashlib
import hmac
import json
import sys
import urllib.parse


def call(server, access_key, secret_key, action, body, version="2020-12-01"):
    """POSTs one action as JSON; ends the program if it is refused, else answers `Result`."""
    asked = {"Action": action, "Version": version}
    return _send(server, (access_key, secret_key), "POST", asked, json.dumps(body).encode())


def ask(server, access_key, secret_key, action, parameters, version="2023-11-01"):
    """GETs one action; ends the program if it is refused, else answers `Result`."""
    asked = {"Action": action, "Version": version, **parameters}
    return _send(server, (access_key, secret_key), "GET", asked, b"")


def _send(server, key, method, asked, payload):
    path, headers = signed(server.address, key, method, asked, payload)
    status, text = server.send(method, path, payload or None, headers)
    if status != 200:
        sys.exit(f"{asked['Action']} answered {status} {text}")
    return json.loads(text)["Result"]


def signed(address, key, method, asked, payload):
    """The path and the headers of a request, for whoever sends it in a way of their own."""
    access_key, secret_key = key
    query = urllib.parse.urlencode(sorted(asked.items()), quote_via=urllib.parse.quote, safe="-_.~")
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/cn-north-1/rtc/request"
    headers = {
        "content-type": "application/json",
        "host": address,
        "x-content-sha256": hashlib.sha256(payload).hexdigest(),
        "x-date": now,
    }
    canonical = "\n".join([
        method, "/", query, *(f"{name}:{value}" for name, value in headers.items()), "",
        ";".join(headers), headers["x-content-sha256"]])
    to_sign = "\n".join(["HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = secret_key.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (f"HMAC-SHA256 Credential={access_key}/{scope}, "
                                f"SignedHeaders={';'.join(list(headers))}, Signature={signature}")
    return f"/?{query}", headers
