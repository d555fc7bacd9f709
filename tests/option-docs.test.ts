import { dirname, join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

/** What an editor shows of our options: by the compiler, of the sources that the packages' types are made of. */
const root = join(import.meta.dirname, "..");
const entries = {
  "@stenogrpc/client": "packages/client/src/index.ts",
  "@stenogrpc/client/node": "packages/client/src/node/index.ts",
  "@stenogrpc/server": "packages/server/src/index.ts",
  "@stenogrpc/server/testing": "packages/server/src/testing/index.ts",
};
const ours = ["options", "pcap", "query", "certs", "stenographer-files"];
const program = ts.createProgram(
  Object.values(entries).map((entry) => join(root, entry)),
  {
    strict: true,
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts", "lib.dom.asynciterable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    skipLibCheck: true,
    declaration: true,
    outDir: join(root, "out"),
    rootDir: root,
    // No test needs a build.
    paths: Object.fromEntries(
      ours.map((name) => [`@stenogrpc/${name}`, [join(root, "packages", name, "src/index.ts")]]),
    ),
  },
);
const checker = program.getTypeChecker();

/** The types that an entry exports as options. */
function optionTypes(entry: string): [name: string, type: ts.Type][] {
  const source = program.getSourceFile(join(root, entry));
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${entry} is no module`);
  return checker
    .getExportsOfModule(module)
    .filter(({ name }) => name.endsWith("Options") || name === "RefusedCertificates")
    .map((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return [symbol.name, checker.getDeclaredTypeOfSymbol(target)];
    });
}

/** Every property of a type and of the objects in it, as far as the types are ours, and whether it has documentation. */
function* properties(
  name: string,
  type: ts.Type,
  above: readonly ts.Type[] = [],
): Generator<[string, boolean]> {
  if (above.includes(type)) return;
  if (type.isUnion()) {
    for (const member of type.types) yield* properties(name, member, [...above, type]);
    return;
  }
  const element = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
  if (element && checker.isArrayType(type)) return yield* properties(`${name}[]`, element, [...above, type]);
  if (
    !(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) ||
    type.getCallSignatures().length > 0
  )
    return;
  for (const property of type.getProperties()) {
    const declarations = property.declarations ?? [];
    if (!declarations.every((at) => isOurs(at.getSourceFile().fileName))) continue;
    const path = `${name}.${property.name}`;
    yield [path, property.getDocumentationComment(checker).length > 0];
    yield* properties(path, checker.getTypeOfSymbol(property), [...above, type]);
  }
}

function isOurs(file: string): boolean {
  return file.startsWith(join(root, "packages")) && !file.includes("node_modules");
}

describe.each(Object.entries(entries))("the options of %s", (_, entry) => {
  const all = optionTypes(entry).flatMap(([name, type]) => [...properties(name, type)]);

  it("have documentation, each of them", () => {
    expect(all.length).toBeGreaterThan(5);
    expect(all.filter(([, isDocumented]) => !isDocumented).map(([path]) => path)).toEqual([]);
  });
});

it("walks into objects, lists and unions", () => {
  const all = optionTypes(entries["@stenogrpc/server"]).flatMap(([name, type]) => [
    ...properties(name, type),
  ]);
  expect(all.map(([path]) => path)).toEqual(
    expect.arrayContaining([
      "ServerOptions.limits.queue.timeoutMs",
      "ServerOptions.limits.connections",
      "SensorOptions.access[].dns",
      "AuditOptions.keep",
    ]),
  );
});

it("has none of zod's types in those of the client for every platform", () => {
  const seen = new Set<string>();
  const foreign = new Set<string>();
  const walk = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    let declaration: string | undefined;
    const keep = (name: string, text: string): void => {
      if (name.endsWith(".d.ts")) declaration = text;
    };
    program.emit(program.getSourceFile(file), keep, undefined, true);
    expect(declaration, file).toBeDefined();
    for (const { fileName } of ts.preProcessFile(declaration ?? "").importedFiles) {
      if (fileName.startsWith(".")) walk(join(dirname(file), fileName.replace(/\.js$/, ".ts")));
      else foreign.add(fileName);
    }
  };
  walk(join(root, entries["@stenogrpc/client"]));
  expect(foreign).not.toContain("zod");
  expect(foreign).toContain("@stenogrpc/pcap");
});
