#!/usr/bin/python3
"""A server that behaves as the prototype of 2019 did, faults included.

It runs a command that leaves a pcap file, whatever its exit code, and sends the file in pieces of chunk_size until
max_size has been counted off: pieces after the end of the file are empty, a piece ends anywhere in a record, and a file
that is not there is no error. Prints "listening PORT", then each request as a line of JSON.

    grpcio_server.py --ca F --cert F --key F (--file PCAP | --command COMMAND)

In COMMAND, {output} is the file to write, {query} the filter.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import contract

parser = argparse.ArgumentParser()
parser.add_argument("--ca", required=True)
parser.add_argument("--cert", required=True)
parser.add_argument("--key", required=True)
parser.add_argument("--file")
parser.add_argument("--command")
parser.add_argument("--port", type=int, default=0)
options = parser.parse_args()


def capture(request):
    if options.file is not None:
        return options.file
    output = os.path.join(tempfile.gettempdir(), "grpcio-server-%d-%s.pcap" % (os.getpid(), os.path.basename(request.request.uid)))
    words = [word.format(output=output, query=request.bpf) for word in options.command.split()]
    subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return output


def pieces(path, chunk_size, max_size):
    try:
        file = open(path, "rb")
    except OSError:
        return
    with file:
        counted = 0
        while counted < max_size:
            wanted = min(chunk_size, max_size - counted)
            if wanted <= 0:
                return
            yield file.read(wanted)
            counted += wanted


def fetch_pcap(request, _context):
    delivery = request.request
    print(json.dumps({
        "uid": delivery.uid, "chunk_size": delivery.chunk_size, "max_size": delivery.max_size, "path": request.path,
        "epoch_start": request.epoch_start, "epoch_end": request.epoch_end, "bpf": request.bpf,
    }), flush=True)
    path = capture(request)
    try:
        for piece in pieces(path, delivery.chunk_size, delivery.max_size):
            yield contract.Response(uid=delivery.uid, pcap=piece)
    finally:
        if options.file is None and os.path.exists(path):
            os.unlink(path)


key, certificate, authority = (contract.read(path) for path in (options.key, options.cert, options.ca))
server, port = contract.start_server(fetch_pcap, key, certificate, authority, options.port)
if port == 0:
    sys.exit("could not listen")
print("listening", port, flush=True)
server.wait_for_termination()
