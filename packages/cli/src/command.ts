import { type Command } from "commander";
import { type Terminal } from "./terminal.js";

/** Adds one command, with its options and what it does, to the program. */
export type AddCommand = (program: Command, terminal: Terminal) => void;
