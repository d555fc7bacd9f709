import type { FilterDialect } from "@stenogrpc/query";
import type { OpenedClient } from "../ask/open-client.js";
import type { RetrievalOptions } from "../options/retrieval-options.js";
import type { Window } from "../text/parse-window.js";
import type { RequestRow } from "./read-requests.js";

/** One row of a batch, and how it is to be fetched. */
export interface RowTask {
  readonly row: RequestRow;
  readonly window: Window;
  /** Asks the row's server. */
  readonly opened: OpenedClient;
  /** The batch's folder. */
  readonly folder: string;
  /** Name of the row's capture in it. */
  readonly file: string;
  /** The command line's, where the row does not say otherwise. */
  readonly options: RetrievalOptions;
  /** The language that its filter is read in. */
  readonly dialect: FilterDialect;
  /** What the answer depends on besides filter and window. */
  readonly asked: string;
}
