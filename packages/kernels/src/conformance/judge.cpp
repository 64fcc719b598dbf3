#include "judge.h"

#include <cmath>
#include <cstdio>
#include <cstring>

namespace whittle::conformance {

namespace {

float halfToFloat(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  return sign * (exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24) : std::ldexp(1024.0f + fraction, exponent - 25));
}

double elementAt(const uint8_t* data, DType dtype, int64_t index) {
  const auto load = [&](auto value) {
    std::memcpy(&value, data + index * static_cast<int64_t>(sizeof value), sizeof value);
    return value;
  };
  switch (dtype) {
    case DType::f32:
      return load(float{});
    case DType::f16:
      return halfToFloat(load(uint16_t{}));
    case DType::bf16: {
      const uint32_t bits = static_cast<uint32_t>(load(uint16_t{})) << 16;
      float value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    case DType::i32:
      return load(int32_t{});
    case DType::i8:
      return load(int8_t{});
    case DType::u8:
      return load(uint8_t{});
    case DType::q8_0:
    case DType::q4_0:
    case DType::q4_K:
    case DType::q6_K:
      break;  // judged by their bytes
  }
  return NAN;
}

bool within(double value, double expected, double limit) {
  if (std::isnan(expected)) return std::isnan(value) || std::isinf(limit);
  return value == expected || std::abs(value - expected) <= limit || (std::isinf(limit) && !std::isnan(limit));
}

// The first byte of blocks that is another one; empty if none is.
std::string judgeBlocks(const Tensor& tensor, const Expectation& expected, const char* what, int index) {
  const int64_t rowBytes = bytesOf(tensor.dtype, tensor.columns());
  for (int64_t i = 0; i < static_cast<int64_t>(expected.values.size()); i++) {
    const int64_t row = i / rowBytes, at = bytesOf(tensor.dtype, row * tensor.rowStride) + i % rowBytes;
    const int value = static_cast<const uint8_t*>(tensor.data)[at], wanted = static_cast<int>(expected.values[static_cast<size_t>(i)]);
    if (value == wanted) continue;
    return std::string(what) + " " + std::to_string(index) + ", byte " + std::to_string(i) + ": " + std::to_string(value) + " instead of " +
           std::to_string(wanted);
  }
  return {};
}

// The first element that is off by more than it may; empty if none is.
std::string judgeTensor(const Tensor& tensor, const Expectation& expected, const char* what, int index) {
  if (isBlock(tensor.dtype)) return judgeBlocks(tensor, expected, what, index);
  const int64_t columns = tensor.rank == 0 ? 1 : tensor.columns();
  for (int64_t i = 0; i < elementsOf(tensor); i++) {
    const double value = elementAt(static_cast<const uint8_t*>(tensor.data), tensor.dtype, i / columns * tensor.rowStride + i % columns);
    const auto at = static_cast<size_t>(i);
    if (within(value, expected.values[at], expected.limits[at])) continue;
    char text[200];
    std::snprintf(text, sizeof text, "%s %d, element %lld: %.9g instead of %.9g, off by more than %.3g", what, index,
                  static_cast<long long>(i), value, expected.values[at], expected.limits[at]);
    return text;
  }
  return {};
}

}  // namespace

size_t spanOf(const Tensor& type) {
  if (elementsOf(type) == 0) return 0;
  return static_cast<size_t>(bytesOf(type.dtype, (type.rows() - 1) * type.rowStride + type.columns()));
}

Outcome judge(const Case& item, const std::vector<Tensor>& tensors) {
  Outcome outcome;
  for (size_t i = 0; i < tensors.size(); i++) {
    const CaseTensor& tensor = item.tensors[i];
    const bool output = i >= static_cast<size_t>(item.inputs);
    const auto* data = static_cast<const uint8_t*>(tensors[i].data);
    if (!tensor.expected) {
      if (tensor.present && spanOf(tensor.type) > 0 && std::memcmp(data, tensor.bytes.data(), spanOf(tensor.type)) != 0) {
        return {"input " + std::to_string(i) + " was written to", {}};
      }
      continue;
    }
    outcome.content.insert(outcome.content.end(), data, data + spanOf(tensor.type));
    const int index = static_cast<int>(output ? i - static_cast<size_t>(item.inputs) : i);
    outcome.complaint = judgeTensor(tensors[i], *tensor.expected, output ? "output" : "mutated input", index);
    if (!outcome.complaint.empty()) break;
  }
  return outcome;
}

}  // namespace whittle::conformance
