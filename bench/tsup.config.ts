import { program } from "../tsup.shared.js";

/** Each file right below src is one benchmark, `npm run bench -- <its name>`. */
export default { ...program, entry: ["src/*.ts", "!src/*.test.ts"], splitting: false };
