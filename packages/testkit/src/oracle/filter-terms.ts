/** A filter of Stenographer's language as a tree, read by nothing of @stenogrpc/query: that is compared with this. */
export type FilterTree =
  | { readonly kind: "term"; readonly name: string; readonly value: string }
  | { readonly kind: "and" | "or"; readonly left: FilterTree; readonly right: FilterTree };

/**
 * Reads a filter written with single words: `(host 10.0.0.1 or net 10.0.0.0/8) and ip proto 17`. AND and OR have equal
 * precedence and bind to the left, in Stenographer as in tcpdump.
 *
 * @throws Error for anything it does not know
 */
export function readFilter(filter: string): FilterTree {
  const tokens = filter.match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;

  function expression(): FilterTree {
    let left = operand();
    for (let word = tokens[at]; word === "and" || word === "or"; word = tokens[at]) {
      at++;
      left = { kind: word, left, right: operand() };
    }
    return left;
  }

  function operand(): FilterTree {
    const word = tokens[at++];
    switch (word) {
      case "(": {
        const inner = expression();
        if (tokens[at++] !== ")") throw new Error(`") expected in ${filter}`);
        return inner;
      }
      case "tcp":
      case "udp":
      case "icmp":
        return { kind: "term", name: word, value: "" };
      case "ip":
        if (tokens[at++] !== "proto") throw new Error(`ip what? ${filter}`);
        return { kind: "term", name: "ip proto", value: tokens[at++] ?? "" };
      case "host":
      case "net":
      case "port":
      case "vlan":
      case "mpls":
      case "before":
      case "after":
        return { kind: "term", name: word, value: tokens[at++] ?? "" };
      default:
        throw new Error(`${word} is no term that this reader knows: ${filter}`);
    }
  }

  const tree = expression();
  if (at !== tokens.length) throw new Error(`${tokens[at]} is too much: ${filter}`);
  return tree;
}
