"""The server of the stream suites that is gRPC of Python, as the prototype had it: sends ready pieces and counts."""
import concurrent.futures
import json
import os
import signal
import sys

import contract
import grpc
from usage import start_usage

options = json.loads(sys.argv[1])
tls = {name: text.encode() for name, text in options["tls"].items()}
piece = bytes(options["chunkBytes"])


def fetch_pcap(_request, _context):
    sent = 0
    while sent < options["answerBytes"]:
        yield contract.Response(uid="bench", pcap=piece)
        sent += len(piece)


server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=64))
server.add_generic_rpc_handlers([
    grpc.method_handlers_generic_handler(contract.SERVICE, {
        contract.RPC: grpc.unary_stream_rpc_method_handler(
            fetch_pcap,
            request_deserializer=contract.StenoRequest.FromString,
            response_serializer=contract.Response.SerializeToString,
        ),
    }),
])
credentials = grpc.ssl_server_credentials(
    [(tls["key"], tls["cert"])], root_certificates=tls["ca"], require_client_auth=True
)
port = server.add_secure_port("127.0.0.1:0", credentials)
server.start()
usage = start_usage()


def tell(_signal, _frame):
    print(json.dumps(usage()), flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, tell)
print(json.dumps({"port": port}), flush=True)
server.wait_for_termination()
