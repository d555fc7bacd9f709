"""The client of the stream suites that is gRPC of Python: prints what it measured, as client.ts does."""
import json
import sys
import threading
import time

import contract
import grpc
from usage import UsageMeter

options = json.loads(sys.argv[1])
tls = {name: text.encode() for name, text in options["tls"].items()}
credentials = grpc.ssl_channel_credentials(tls["ca"], tls["key"], tls["cert"])
request = contract.StenoRequest(
    request=contract.Request(chunk_size=options["chunkBytes"]),
    epoch_start=1_700_000_000,
    epoch_end=1_700_000_000,
)
lock = threading.Lock()
seen = {"bytes": 0, "firstMs": 0}


def read(fetch):
    for response in fetch(request):
        with lock:
            if seen["bytes"] == 0:
                seen["firstMs"] = (time.monotonic() - started) * 1000
            seen["bytes"] += len(response.pcap)


usage = UsageMeter()
started = time.monotonic()
limits = [("grpc.max_receive_message_length", -1)]
with grpc.secure_channel(f"localhost:{options['port']}", credentials, options=limits) as channel:
    fetch = channel.unary_stream(
        contract.METHOD,
        request_serializer=contract.StenoRequest.SerializeToString,
        response_deserializer=contract.Response.FromString,
    )
    warm_up = {"warmUpBytes": 0, "warmUpMs": 0}
    if options["warmUp"]:
        read(fetch)
        warm_up = {"warmUpBytes": seen["bytes"], "warmUpMs": (time.monotonic() - started) * 1000}
        usage.restart()
        started = time.monotonic()
    threads = [threading.Thread(target=read, args=(fetch,)) for _ in range(options["streams"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ms = (time.monotonic() - started) * 1000
seen["bytes"] -= warm_up["warmUpBytes"]
print(json.dumps({**seen, "ms": ms, **warm_up, **usage.read()}), flush=True)
