import { program } from "../tsup.shared.js";

/** Each file right below src is one benchmark, `npm run bench -- <its name>`; `compare` starts programs of its own. */
export default { ...program, entry: ["src/*.ts", "src/compare/*-process.ts"], splitting: false };
