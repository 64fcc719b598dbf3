export { from, inCase, sizes, elements, values, type Draw, type DrawContext } from "./draws.js";
export { drawCase, type Case, type CaseOptions, type Spec } from "./case.js";
export { expectedOf, type Expected } from "./expected.js";
export { complaints, type Candidate, type Judge, type RunOptions } from "./run.js";
export { Random } from "./random.js";
