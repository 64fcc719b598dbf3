/** Token ids in one growing array, whose beginning can be looked at without a copy. */
export class TokenList {
  length: number;
  private ids: Int32Array;

  constructor(ids: ArrayLike<number>) {
    this.ids = Int32Array.from(ids);
    this.length = ids.length;
  }

  push(id: number): void {
    if (this.length === this.ids.length) {
      const longer = new Int32Array(2 * this.length + 16);
      longer.set(this.ids);
      this.ids = longer;
    }
    this.ids[this.length++] = id;
  }

  at(index: number): number {
    return this.ids[index]!;
  }

  /** The first `count` of them, a view that is good until the next `push`. */
  first(count = this.length): Int32Array {
    return this.ids.subarray(0, count);
  }
}
