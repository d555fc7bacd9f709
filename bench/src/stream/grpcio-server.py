"""The server of the stream suites that is gRPC of Python, as the prototype had it: sends ready pieces and counts."""
import json
import os
import signal
import sys
import threading

import contract
from usage import UsageMeter

options = json.loads(sys.argv[1])
tls = {name: text.encode() for name, text in options["tls"].items()}
piece = bytes(options["chunkBytes"])
usage = UsageMeter()
lock = threading.Lock()
answers = 0


def next_answer_bytes():
    """As server.ts has it."""
    global answers
    with lock:
        answers += 1
        if options["warmUpBytes"] == 0:
            return options["answerBytes"]
        if answers == 2:
            usage.restart()
        return options["warmUpBytes" if answers == 1 else "answerBytes"]


def fetch_pcap(_request, _context):
    sent = 0
    answer_bytes = next_answer_bytes()
    while sent < answer_bytes:
        yield contract.Response(uid="bench", pcap=piece)
        sent += len(piece)


server, port = contract.start_server(fetch_pcap, tls["key"], tls["cert"], tls["ca"], threads=64)


def tell(_signal, _frame):
    print(json.dumps(usage.read()), flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, tell)
print(json.dumps({"port": port}), flush=True)
server.wait_for_termination()
