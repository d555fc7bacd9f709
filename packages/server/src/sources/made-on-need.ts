/** Something that is made when it is first needed, and kept; after a failure the next who needs it has it made anew. */
export class MadeOnNeed<T> {
  readonly #make: () => Promise<T>;
  #made: Promise<T> | undefined;

  constructor(make: () => Promise<T>) {
    this.#make = make;
  }

  /** @throws what making it throws */
  get(): Promise<T> {
    if (this.#made !== undefined) return this.#made;
    const made = this.#make();
    this.#made = made;
    made.catch(() => {
      this.#made = undefined;
    });
    return made;
  }

  /** What was made; undefined: nobody needed it, or it could not be made. */
  async ifMade(): Promise<T | undefined> {
    return this.#made?.catch(() => undefined);
  }
}
