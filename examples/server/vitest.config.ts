import { sharedTests } from "../../vitest.shared.js";

export default sharedTests;
