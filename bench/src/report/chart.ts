import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

const { document } = parseHTML("<html></html>");
const widths = { wide: 700, narrow: 340 };

/** Draws a picture twice, for wide and for narrow screens; the page's style shows one of them. */
export function chart(draw: (width: number) => Plot.PlotOptions): string {
  return Object.entries(widths)
    .map(([name, width]) => {
      const svg = Plot.plot({
        ...draw(width),
        width,
        document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
      }) as unknown as {
        outerHTML: string;
      };
      // What is on the axes is said in the text beside the picture.
      return `<div class="${name}">${svg.outerHTML}</div>`;
    })
    .join("\n");
}
