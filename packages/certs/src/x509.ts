// @peculiar/x509 registers its algorithms with tsyringe, which refuses to load before a Reflect metadata polyfill. This
// is the one place that imports either, so that the order holds.
import "reflect-metadata";

export * from "@peculiar/x509";
