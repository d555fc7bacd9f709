interface Listeners {
  readonly all: Set<() => void>;
  readonly notify: () => void;
}

const listenersOf = new WeakMap<AbortSignal, Listeners>();

/**
 * Has `listener` called when the signal aborts, until the function given back is called.
 *
 * All listeners of a signal share one event listener: a caller may well run a hundred retrievals under one signal, and Node
 * warns of a leak from the eleventh on.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = listenersOf.get(signal) ?? startListening(signal);
  // A function of our own, so that the same listener may be there twice.
  const entry = () => listener();
  listeners.all.add(entry);
  return () => {
    listeners.all.delete(entry);
    if (listeners.all.size > 0 || listenersOf.get(signal) !== listeners) return;
    signal.removeEventListener("abort", listeners.notify);
    listenersOf.delete(signal);
  };
}

function startListening(signal: AbortSignal): Listeners {
  const all = new Set<() => void>();
  const notify = () => {
    for (const listener of [...all]) listener();
  };
  const listeners = { all, notify };
  listenersOf.set(signal, listeners);
  signal.addEventListener("abort", notify);
  return listeners;
}
