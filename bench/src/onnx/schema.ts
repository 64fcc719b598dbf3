import protobuf from "protobufjs/light.js";

/** Numbers of `TensorProto.DataType`. */
export const dataTypes = { float: 1, uint8: 2, int32: 6, int64: 7 } as const;
export type DataType = keyof typeof dataTypes;

/** Numbers of `AttributeProto.AttributeType`. */
export const attributeTypes = { float: 1, int: 2 } as const;

/** `TensorProto.DataLocation`: the elements are in a file that `external_data` names. */
export const EXTERNAL = 1;

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: "repeated", type, id });

/** The messages and fields of ONNX that a graph with its weights outside takes. Source: `onnx/onnx.proto`. */
const messages = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        ir_version: one("int64", 1),
        producer_name: one("string", 2),
        graph: one("GraphProto", 7),
        opset_import: many("OperatorSetIdProto", 8),
      },
    },
    OperatorSetIdProto: { fields: { domain: one("string", 1), version: one("int64", 2) } },
    GraphProto: {
      fields: {
        node: many("NodeProto", 1),
        name: one("string", 2),
        initializer: many("TensorProto", 5),
        input: many("ValueInfoProto", 11),
        output: many("ValueInfoProto", 12),
      },
    },
    NodeProto: {
      fields: {
        input: many("string", 1),
        output: many("string", 2),
        name: one("string", 3),
        op_type: one("string", 4),
        attribute: many("AttributeProto", 5),
        domain: one("string", 7),
      },
    },
    AttributeProto: {
      fields: { name: one("string", 1), f: one("float", 2), i: one("int64", 3), type: one("int32", 20) },
    },
    TensorProto: {
      fields: {
        dims: many("int64", 1),
        data_type: one("int32", 2),
        name: one("string", 8),
        external_data: many("StringStringEntryProto", 13),
        data_location: one("int32", 14),
      },
    },
    StringStringEntryProto: { fields: { key: one("string", 1), value: one("string", 2) } },
    ValueInfoProto: { fields: { name: one("string", 1), type: one("TypeProto", 2) } },
    TypeProto: { fields: { tensor_type: one("TensorTypeProto", 1) } },
    TensorTypeProto: { fields: { elem_type: one("int32", 1), shape: one("TensorShapeProto", 2) } },
    TensorShapeProto: { fields: { dim: many("DimensionProto", 1) } },
    DimensionProto: { fields: { dim_value: one("int64", 1), dim_param: one("string", 2) } },
  },
});

/** The bytes of a `ModelProto`. */
export function encodeModel(model: object): Uint8Array {
  return messages.lookupType("ModelProto").encode(model).finish();
}
