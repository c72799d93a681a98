"""The engine of ClickHouse in a process of its own, run by the Python that has `chdb`: reads one
statement a line, as JSON, and prints what came out and how long it took."""

import json
import signal
import sys
import time

from chdb import session

# Whoever started us ends us by this, and nothing of ours is to be kept.
signal.signal(signal.SIGINT, signal.SIG_DFL)
engine = session.Session(sys.argv[1])
for line in sys.stdin:
    statement = json.loads(line)
    began = time.perf_counter()
    try:
        out, fault = str(engine.query(statement, "TabSeparated")), None
    except Exception as error:
        out, fault = "", str(error)
    took_us = (time.perf_counter() - began) * 1e6
    print(json.dumps({"out": out, "us": took_us, "fault": fault}), flush=True)
engine.close()
