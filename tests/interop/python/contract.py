"""The contract of 2019, as messages made at run time: no generated code, nothing of the original's.

    rpc FetchPcap(StenoRequest) returns (stream Response), service stenographer.Stenographer
    StenoRequest  request = 1 (Request)  path = 2 (string)  epoch_start = 3, epoch_end = 4 (int32)  bpf = 5 (string)
    Request       uid = 1 (string)  chunk_size = 2, max_size = 3 (int32)
    Response      uid = 1 (string)  pcap = 2 (bytes)
"""
import concurrent.futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

METHOD = "/stenographer.Stenographer/FetchPcap"
SERVICE, RPC = "stenographer.Stenographer", "FetchPcap"

_Field = descriptor_pb2.FieldDescriptorProto
_FIELDS = {
    "Request": [("uid", _Field.TYPE_STRING), ("chunk_size", _Field.TYPE_INT32), ("max_size", _Field.TYPE_INT32)],
    "StenoRequest": [
        ("request", "Request"),
        ("path", _Field.TYPE_STRING),
        ("epoch_start", _Field.TYPE_INT32),
        ("epoch_end", _Field.TYPE_INT32),
        ("bpf", _Field.TYPE_STRING),
    ],
    "Response": [("uid", _Field.TYPE_STRING), ("pcap", _Field.TYPE_BYTES)],
}


def _file():
    file = descriptor_pb2.FileDescriptorProto(name="original.proto", package="stenographer", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field_name, kind) in enumerate(fields, start=1):
            field = message.field.add(name=field_name, number=number, label=_Field.LABEL_OPTIONAL)
            if isinstance(kind, str):
                field.type, field.type_name = _Field.TYPE_MESSAGE, ".stenographer." + kind
            else:
                field.type = kind
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())


def _message(name):
    descriptor = _pool.FindMessageTypeByName("stenographer." + name)
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_pool).GetPrototype(descriptor)


Request, StenoRequest, Response = _message("Request"), _message("StenoRequest"), _message("Response")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def start_server(fetch_pcap, key, certificate, authority, port=0, threads=10):
    """Starts a server that answers FetchPcap over mutual TLS; what is given is the server and its port, 0 if it could not listen."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=threads))
    handler = grpc.unary_stream_rpc_method_handler(
        fetch_pcap,
        request_deserializer=StenoRequest.FromString,
        response_serializer=Response.SerializeToString,
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {RPC: handler})])
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=authority, require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:%d" % port, credentials)
    server.start()
    return server, port
