/** What an arithmetic operation gives: unsigned, 32 bits. The divisor is not 0. */
export function calculate(operator: string, left: number, right: number): number {
  switch (operator) {
    case "+":
      return (left + right) >>> 0;
    case "-":
      return (left - right) >>> 0;
    case "*":
      return Math.imul(left, right) >>> 0;
    case "/":
      return Math.floor((left >>> 0) / (right >>> 0));
    case "%":
      return (left >>> 0) % (right >>> 0);
    case "&":
      return (left & right) >>> 0;
    case "|":
      return (left | right) >>> 0;
    case "^":
      return (left ^ right) >>> 0;
    case "<<":
      return right >>> 0 > 31 ? 0 : (left << right) >>> 0;
    default:
      return right >>> 0 > 31 ? 0 : left >>> right;
  }
}
