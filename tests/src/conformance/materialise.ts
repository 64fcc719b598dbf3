import { bytesOf, type Device, rowElementsOf, type Tensor } from "@whittle/core";
import { type TensorPlan } from "./case.js";

/** Elements before and after the columns of a strided tensor; odd, so that rows lose their alignment. */
const [left, right] = [3, 2];

/** Puts a planned tensor on a device: a dense one, or a view of a larger one whose other elements are all ones (NaN as floats). */
export function materialise(device: Device, { dtype, shape, bytes, layout }: TensorPlan): Tensor {
  if (layout === "dense") return device.tensorFromBytes(bytes, shape, dtype);
  const size = bytesOf(dtype);
  const rows = shape[0]!;
  if (layout === "rows") {
    const rowBytes = rowElementsOf(shape) * size;
    const wide = new Uint8Array(bytes.length + 3 * rowBytes).fill(0xff);
    wide.set(bytes, 2 * rowBytes);
    return device.tensorFromBytes(wide, [rows + 3, ...shape.slice(1)], dtype).rows(2, 2 + rows);
  }
  const columns = rowElementsOf(shape);
  const width = left + columns + right;
  const wide = new Uint8Array(rows * width * size).fill(0xff);
  for (let row = 0; row < rows; row++) {
    wide.set(bytes.subarray(row * columns * size, (row + 1) * columns * size), (row * width + left) * size);
  }
  return device
    .tensorFromBytes(wide, [rows, width], dtype)
    .columns(left, left + columns)
    .reshape(shape);
}
