import { type Answering } from "./use-answer.js";

/** Keys of a form with one text: Ctrl/⌘ + Enter sends it (plain Enter too, where a text is a line of a talk), Escape stops the answer. */
export function submitKeys({ stop }: Answering, plainEnter = false) {
  return (event: KeyboardEvent): void => {
    if (event.key === "Escape") stop();
    if (event.key !== "Enter" || event.isComposing) return;
    const asked = event.ctrlKey || event.metaKey || (plainEnter && !event.shiftKey);
    if (!asked) return;
    event.preventDefault();
    (event.currentTarget as HTMLElement).closest("form")?.requestSubmit();
  };
}
