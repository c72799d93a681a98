"""Asks every case of the plan through one SDK and prints one JSON line for each."""

import json
import sys
import traceback


class Refused(Exception):
    """What the SDK lets its caller see of a refusal."""

    def __init__(self, body, status=None):
        error = json.loads(body)["ResponseMetadata"]["Error"]
        super().__init__(error.get("Code"))
        self.seen = {"code": error.get("Code"), "code_n": error.get("CodeN"),
                     "message": error.get("Message")}
        if status is not None:
            self.seen["status"] = status


def run(client, ask):
    """`ask(host, step)` answers the decoded envelope or raises `Refused`."""
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    for step in plan["steps"]:
        line = {"client": client, "action": step["action"], "case": step["case"]}
        try:
            envelope = ask(plan["host"], step)
            line["metadata"] = envelope.get("ResponseMetadata")
            line["answer"] = envelope.get("Result")
        except Refused as refused:
            line["refusal"] = refused.seen
        except Exception:  # Whatever the SDK throws is a finding, not the end of the run.
            line["broken"] = traceback.format_exc(limit=-3)
        print(json.dumps(line, ensure_ascii=False), flush=True)
