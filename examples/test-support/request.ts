import { once } from "node:events";
import { connect } from "node:http2";
import { Agent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";

/** A request to a service under test. */
export interface Ask {
  readonly port: number;
  readonly path: string;
  /** PEM: whom to trust, and, if at all, who is asking. */
  readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string };
  /** Sent as JSON with POST. Without: GET. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request over HTTP/1.1 and a connection of its own. */
export async function askHttp1({ port, path, tls, body }: Ask): Promise<Answer> {
  const request = httpsRequest({
    host: "127.0.0.1",
    port,
    path,
    ...tls,
    agent: new Agent({ keepAlive: false }),
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "content-type": "application/json" },
  });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(request, "response");
  return { status: response.statusCode, body: await text(response) };
}

/** One request over HTTP/2 and a connection of its own. */
export async function askHttp2({ port, path, tls, body }: Ask): Promise<Answer> {
  const session = connect(`https://127.0.0.1:${port}`, tls);
  try {
    const stream = session.request({
      ":path": path,
      ":method": body === undefined ? "GET" : "POST",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    });
    stream.end(body === undefined ? undefined : JSON.stringify(body));
    const [headers] = await once(stream, "response");
    return { status: headers[":status"], body: await text(stream) };
  } finally {
    session.destroy();
  }
}
