import { strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import { durationMs, flag, text, whole } from "./values.js";

/** What the file of the commands that ask a server can say. The first six keys are the original's. */
export const clientSettings = strictOptions({
  /** Certificate authority that signs the servers' certificates. */
  root_certificate: text("the path of the certificate authority's certificate (PEM)"),
  /** This client's private key. */
  private_key: text("the path of this client's private key (PEM)"),
  /** This client's certificate, with its chain. */
  certificate_chain: text("the path of this client's certificate (PEM)"),
  /** Keys of the original's server: one file may serve both. Accepted, unused. */
  port: whole(0, 65_535).optional(),
  workers: whole(1).optional(),
  sleep: z.number({ error: "must be a number" }).optional(),
  /** Server to ask where the command line names none. */
  server: text("HOST:PORT of the server").optional(),
  /** Name that the server's certificate must bear, where that is not the host. */
  server_name: text("the name in the server's certificate").optional(),
  /** The server is the original Python one, which sends no summary. */
  original_server: flag.optional(),
  /** The longest one retrieval may take. */
  timeout: durationMs.optional(),
});
