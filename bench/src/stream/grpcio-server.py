"""The server of the stream suites that is gRPC of Python, as the prototype had it: sends ready pieces and counts."""
import json
import os
import signal
import sys

import contract
from usage import start_usage

options = json.loads(sys.argv[1])
tls = {name: text.encode() for name, text in options["tls"].items()}
piece = bytes(options["chunkBytes"])


def fetch_pcap(_request, _context):
    sent = 0
    while sent < options["answerBytes"]:
        yield contract.Response(uid="bench", pcap=piece)
        sent += len(piece)


server, port = contract.start_server(fetch_pcap, tls["key"], tls["cert"], tls["ca"], threads=64)
usage = start_usage()


def tell(_signal, _frame):
    print(json.dumps(usage()), flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, tell)
print(json.dumps({"port": port}), flush=True)
server.wait_for_termination()
