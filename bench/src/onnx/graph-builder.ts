import { type Extent } from "./external-data.js";
import { attributeTypes, type DataType, dataTypes, encodeModel, EXTERNAL } from "./schema.js";

/** A size, or the name of one that is known only when the graph runs. */
export type Dimension = number | string;

export interface Node {
  readonly op: string;
  /** Names of values; "" for an optional one that is not there. */
  readonly inputs: readonly string[];
  /** Default: ONNX's own; `com.microsoft` has those that onnxruntime adds. */
  readonly domain?: "com.microsoft";
  readonly ints?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
}

const versions = { "": 21, "com.microsoft": 1 };
const irVersion = 10;

/** Puts an ONNX model together: values are known by their names. */
export class GraphBuilder {
  private readonly nodes: object[] = [];
  private readonly initializers: object[] = [];
  private readonly inputs: object[] = [];
  private readonly outputs: object[] = [];

  input(name: string, type: DataType, shape: readonly Dimension[]): string {
    this.inputs.push(valueOf(name, type, shape));
    return name;
  }

  output(name: string, type: DataType, shape: readonly Dimension[]): void {
    this.outputs.push(valueOf(name, type, shape));
  }

  initializer(name: string, type: DataType, dims: readonly number[], extent: Extent): string {
    this.initializers.push({
      name,
      data_type: dataTypes[type],
      dims,
      data_location: EXTERNAL,
      external_data: Object.entries(extent).map(([key, value]) => ({ key, value: String(value) })),
    });
    return name;
  }

  /** Adds a node whose first output is called `output`; gives that name. */
  node(output: string, node: Node): string {
    return this.nodeOf([output], node);
  }

  /** Adds a node with several outputs, "" for one that is not asked for; gives the first one's name. */
  nodeOf(outputs: readonly string[], { op, inputs, domain, ints = {}, floats = {} }: Node): string {
    this.nodes.push({
      name: outputs[0],
      op_type: op,
      input: inputs,
      output: outputs,
      ...(domain && { domain }),
      attribute: [
        ...Object.entries(ints).map(([name, i]) => ({ name, i, type: attributeTypes.int })),
        ...Object.entries(floats).map(([name, f]) => ({ name, f, type: attributeTypes.float })),
      ],
    });
    return outputs[0]!;
  }

  /** The bytes of the model's file. */
  encode(): Uint8Array {
    return encodeModel({
      ir_version: irVersion,
      producer_name: "whittle-bench",
      opset_import: Object.entries(versions).map(([domain, version]) => ({ domain, version })),
      graph: {
        name: "llama",
        node: this.nodes,
        initializer: this.initializers,
        input: this.inputs,
        output: this.outputs,
      },
    });
  }
}

function valueOf(name: string, type: DataType, shape: readonly Dimension[]): object {
  const dim = shape.map((size) => (typeof size === "number" ? { dim_value: size } : { dim_param: size }));
  return { name, type: { tensor_type: { elem_type: dataTypes[type], shape: { dim } } } };
}
