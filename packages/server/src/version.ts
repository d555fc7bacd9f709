/** Version of all @stenogrpc packages, which are released together. A test holds it against package.json. */
export const version = "0.1.0";

/** What the server says it is. */
export const serverVersion = `stenogrpc/${version}`;
