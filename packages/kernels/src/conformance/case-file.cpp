#include "case-file.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace whittle::conformance {

namespace {

constexpr double caseMagic = 20261126;

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": cannot be opened");
    data_.assign(std::istreambuf_iterator<char>(file), {});
  }

  bool done() const { return at_ == data_.size(); }

  double number() {
    double value;
    std::memcpy(&value, take(8), 8);
    return value;
  }

  int count(double limit) {
    const double value = number();
    if (!(value >= 0 && value <= limit)) throw std::runtime_error(path_ + ": a count is " + std::to_string(value));
    return static_cast<int>(value);
  }

  std::vector<uint8_t> bytes() {
    const auto size = static_cast<size_t>(count(1e9));
    const char* from = take((size + 7) / 8 * 8);
    return {from, from + size};
  }

  std::vector<double> numbers(int64_t count) {
    std::vector<double> values(static_cast<size_t>(count));
    for (double& value : values) value = number();
    return values;
  }

 private:
  const char* take(size_t bytes) {
    if (data_.size() - at_ < bytes) throw std::runtime_error(path_ + ": ends in the middle of a case");
    const char* from = data_.data() + at_;
    at_ += bytes;
    return from;
  }

  const std::string path_;
  std::vector<char> data_;
  size_t at_ = 0;
};

CaseTensor readType(Reader& reader) {
  CaseTensor tensor;
  const double dtype = reader.number();
  if (dtype < 0) return tensor;
  tensor.present = true;
  tensor.type.dtype = static_cast<DType>(static_cast<int32_t>(dtype));
  tensor.type.rank = reader.count(4);
  for (int i = 0; i < tensor.type.rank; i++) tensor.type.dims[i] = reader.count(1e9);
  tensor.type.rowStride = reader.count(1e9);
  return tensor;
}

Expectation readExpectation(Reader& reader, const Tensor& type) {
  const int64_t count = isBlock(type.dtype) ? bytesOf(type.dtype, elementsOf(type)) : elementsOf(type);
  Expectation expectation;
  expectation.values = reader.numbers(count);
  expectation.limits = reader.numbers(count);
  return expectation;
}

Case readCase(Reader& reader) {
  Case item;
  const std::vector<uint8_t> op = reader.bytes();
  item.op.assign(op.begin(), op.end());
  item.fails = reader.count(1) == 1;
  item.inputs = reader.count(16);
  const int outputs = reader.count(16);
  item.attributes = reader.numbers(reader.count(64));
  for (int i = 0; i < item.inputs; i++) {
    CaseTensor tensor = readType(reader);
    if (tensor.present) {
      tensor.bytes = reader.bytes();
      if (reader.count(1) == 1) tensor.expected = readExpectation(reader, tensor.type);
    }
    item.tensors.push_back(std::move(tensor));
  }
  for (int i = 0; i < outputs; i++) {
    CaseTensor tensor = readType(reader);
    tensor.expected = readExpectation(reader, tensor.type);
    item.tensors.push_back(std::move(tensor));
  }
  return item;
}

}  // namespace

std::vector<Case> readCases(const std::string& path) {
  Reader reader(path);
  std::vector<Case> cases;
  while (!reader.done()) {
    if (reader.number() != caseMagic) throw std::runtime_error(path + ": is no case file");
    cases.push_back(readCase(reader));
  }
  return cases;
}

int64_t elementsOf(const Tensor& tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor.rank; i++) count *= tensor.dims[i];
  return count;
}

}  // namespace whittle::conformance
