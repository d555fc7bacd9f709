import { loadPackageDefinition, type ServiceDefinition } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";

/** The service as grpc-js has it: a client of it, with its definition. */
interface Contract {
  new (...args: unknown[]): { FetchPcap(request: object): AsyncIterable<{ pcap?: Buffer }> };
  readonly service: ServiceDefinition;
}

/** Makes the contract for grpc-js from the .proto file. */
export async function grpcJsContract(): Promise<Contract> {
  const proto = new URL("../../../proto/stenographer.proto", import.meta.url).pathname;
  const definition = await load(proto, {
    keepCase: true,
    includeDirs: [new URL("../../../proto", import.meta.url).pathname],
  });
  // The definition is made at run time, so its types are not known here.
  const { stenographer } = loadPackageDefinition(definition) as unknown as {
    stenographer: { Stenographer: Contract };
  };
  return stenographer.Stenographer;
}
