"""Answers for libpcap: which records of capture files each filter selects. The library that tcpdump is linked with.

Reads one JSON object a line, {"filter": text, "file": path}, and answers each with one line: {"error": text}, or
{"packets": [numbers from 0], "plain": the same without libpcap's optimizer}; packets is null where only the optimizer refuses.
"""
import ctypes
import json
import sys

pcap = ctypes.CDLL("libpcap.so.0.8")


class Header(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("usec", ctypes.c_long), ("caplen", ctypes.c_uint32), ("len", ctypes.c_uint32)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.c_void_p)]


pcap.pcap_open_offline.restype = ctypes.c_void_p
pcap.pcap_geterr.restype = ctypes.c_char_p
pcap.pcap_geterr.argtypes = [ctypes.c_void_p]
pcap.pcap_compile.argtypes = [ctypes.c_void_p, ctypes.POINTER(Program), ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32]
pcap.pcap_offline_filter.argtypes = [ctypes.POINTER(Program), ctypes.POINTER(Header), ctypes.c_char_p]
pcap.pcap_next_ex.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.POINTER(Header)), ctypes.POINTER(ctypes.c_void_p)]
pcap.pcap_freecode.argtypes = [ctypes.POINTER(Program)]
opened = {}


def capture(path):
    if path not in opened:
        error = ctypes.create_string_buffer(256)
        handle = pcap.pcap_open_offline(path.encode(), error)
        if not handle:
            raise SystemExit(error.value.decode())
        packets = []
        header, data = ctypes.POINTER(Header)(), ctypes.c_void_p()
        while pcap.pcap_next_ex(handle, ctypes.byref(header), ctypes.byref(data)) == 1:
            record = header.contents
            copy = Header(record.sec, record.usec, record.caplen, record.len)
            packets.append((copy, ctypes.string_at(data, record.caplen)))
        opened[path] = (handle, packets)
    return opened[path]


def select(handle, packets, text, optimize):
    program = Program()
    if pcap.pcap_compile(handle, ctypes.byref(program), text, optimize, 0) != 0:
        return None, pcap.pcap_geterr(handle).decode(errors="replace")
    chosen = [i for i, (header, data) in enumerate(packets) if pcap.pcap_offline_filter(ctypes.byref(program), ctypes.byref(header), data)]
    pcap.pcap_freecode(ctypes.byref(program))
    return chosen, None


for line in sys.stdin:
    request = json.loads(line)
    handle, packets = capture(request["file"])
    text = request["filter"].encode()
    plain, error = select(handle, packets, text, 0)
    chosen, problem = select(handle, packets, text, 1)
    if problem == "expression rejects all packets":
        chosen, problem = [], None
    answer = {"error": error} if error else {"packets": chosen, "plain": plain}
    print(json.dumps(answer), flush=True)
