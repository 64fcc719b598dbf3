/** How far a long piece of work has come. `total` is absent while it is not known. */
export interface Progress {
  /** What is being done, for people: `loading weights`. */
  readonly stage: string;
  readonly done: number;
  readonly total?: number;
  /** What is counted: `bytes`, `tokens`, `tensors`. */
  readonly unit: string;
}

export type ProgressListener = (progress: Progress) => void;
