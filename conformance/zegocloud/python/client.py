"""Signs and sends each request of the plan as ZEGOCLOUD documents it, with Python's own library."""

import hashlib
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


def sign(app_id, nonce, server_secret, timestamp):
    return hashlib.md5((app_id + nonce + server_secret + timestamp).encode()).hexdigest()


def ask(step):
    nonce = step["nonce"] or secrets.token_bytes(8).hex()
    timestamp = step["timestamp"] or str(int(time.time()) + int(step["clock_offset"]))
    signature = sign(step["app_id"], nonce, step["server_secret"], timestamp)
    if step["send"] == "no":
        return {"signature": signature}
    public = {
        "AppId": step["app_id"],
        "SignatureNonce": nonce,
        "Timestamp": timestamp,
        "Signature": signature,
        "SignatureVersion": step["signature_version"],
    }
    public.pop(step["omit"], None)
    query = "Action=" + step["action"] + "&" + urllib.parse.urlencode(public)
    if step["extra"]:
        query += "&" + step["extra"]
    url = step["base"] + "?" + query
    if step["method"] == "POST":
        request = urllib.request.Request(url, data=step["body"].encode(),
                                         headers={"Content-Type": step["content_type"]})
    else:
        request = urllib.request.Request(url, method=step["method"])
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            status, body = reply.status, reply.read()
    except urllib.error.HTTPError as refused:
        status, body = refused.code, refused.read()
    return {"signature": signature, "status": status, "body": body.decode()}


with open(sys.argv[1], encoding="utf-8") as plan:
    for line in plan:
        fields = dict(urllib.parse.parse_qsl(line.strip(), keep_blank_values=True))
        try:
            answer = ask(fields)
        except Exception as broken:  # Told to the runner, which judges.
            answer = {"broken": repr(broken)}
        print(urllib.parse.urlencode(answer), flush=True)
