/** Where the server writes its log: pino's shape, so a pino instance (or Fastify's `app.log`) fits as it is. */
export interface Logger {
  /** Takes what helps to follow the server's work. */
  debug(fields: object, message?: string): void;
  /** Takes a line for each request, and for what the server does by itself. */
  info(fields: object, message?: string): void;
  /** Takes what somebody should look at. */
  warn(fields: object, message?: string): void;
  /** Takes what failed. */
  error(fields: object, message?: string): void;
}

const nothing = (): void => {};

/** A logger that writes nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
