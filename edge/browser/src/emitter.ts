/** Calls what throws in a way that neither stops the caller nor hides the error: the environment reports it. */
export function shielded(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Listeners by the name of what they listen to. */
export class Emitter<E extends { [K in keyof E]: (...args: never[]) => void }> {
  private readonly listeners = new Map<keyof E, Set<E[keyof E]>>();

  /** Adds a listener; returns a function that removes it. */
  on<K extends keyof E>(name: K, listener: E[K]): () => void {
    let set = this.listeners.get(name);
    if (set === undefined) this.listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => set.delete(listener);
  }

  /** Whether anybody listens. */
  has(name: keyof E): boolean {
    return (this.listeners.get(name)?.size ?? 0) > 0;
  }

  /** Calls all listeners; returns whether there were any. An error that one throws is reported and stops no other. */
  emit<K extends keyof E>(name: K, ...args: Parameters<E[K]>): boolean {
    const set = this.listeners.get(name);
    if (set === undefined || set.size === 0) return false;
    for (const listener of [...set]) shielded(() => listener(...args));
    return true;
  }
}
