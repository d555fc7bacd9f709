#!/usr/bin/python3
"""A client as the prototype of 2019 had it: gRPC of Python, the original contract, mutual TLS.

Writes what comes to OUTPUT/UID.pcap and prints one line of JSON: how it ended, and what came.
"""
import argparse
import json
import os
import sys

import grpc

import contract

parser = argparse.ArgumentParser()
parser.add_argument("--server", required=True, help="HOST:PORT")
parser.add_argument("--ca", required=True)
parser.add_argument("--cert", required=True)
parser.add_argument("--key", required=True)
parser.add_argument("--uid", default="1")
parser.add_argument("--from", dest="start", type=int, required=True, help="epoch seconds")
parser.add_argument("--to", dest="end", type=int, required=True, help="epoch seconds, included")
parser.add_argument("--bpf", default="")
parser.add_argument("--path", default="/tmp/")
parser.add_argument("--chunk-size", type=int, default=1000)
parser.add_argument("--max-size", type=int, default=5_000_000)
parser.add_argument("--output", default=".")
options = parser.parse_args()

credentials = grpc.ssl_channel_credentials(
    root_certificates=contract.read(options.ca),
    private_key=contract.read(options.key),
    certificate_chain=contract.read(options.cert),
)
request = contract.StenoRequest(
    request=contract.Request(uid=options.uid, chunk_size=options.chunk_size, max_size=options.max_size),
    path=options.path,
    epoch_start=options.start,
    epoch_end=options.end,
    bpf=options.bpf,
)
outcome = {"code": "OK", "messages": 0, "empty": 0, "bytes": 0, "uids": []}
with grpc.secure_channel(options.server, credentials) as channel:
    fetch = channel.unary_stream(
        contract.METHOD,
        request_serializer=contract.StenoRequest.SerializeToString,
        response_deserializer=contract.Response.FromString,
    )
    try:
        # The name as it comes from the command line: this is a client's own machine, and a test's.
        with open(os.path.join(options.output, os.path.basename(options.uid) + ".pcap"), "wb") as file:
            for response in fetch(request, timeout=60):
                outcome["messages"] += 1
                outcome["empty"] += response.pcap == b""
                outcome["bytes"] += len(response.pcap)
                if response.uid not in outcome["uids"]:
                    outcome["uids"].append(response.uid)
                file.write(response.pcap)
    except grpc.RpcError as error:
        outcome["code"], outcome["details"] = error.code().name, error.details()
print(json.dumps(outcome))
sys.exit(0 if outcome["code"] == "OK" else 1)
