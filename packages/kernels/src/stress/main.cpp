// Stresses the queue and the workers from several devices at once, for the thread sanitizer: overlapping loops, failures, poison, reads,
// writes in and outside of the command stream, memory given back in queue order, and devices closed with a full queue.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../runtime/commands.h"
#include "../runtime/executor.h"
#include "../runtime/isa.h"

namespace {

using namespace whittle;

std::atomic<int> failures{0};

void expect(bool condition, const char* what) {
  if (condition) return;
  std::printf("failed: %s\n", what);
  failures++;
}

// y = 2x, in parallel; fails where x begins with a negative number, throws from a worker where it begins with NaN.
bool twice(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  if (x.row<float>(0)[0] < 0) return call.fail("x begins with %g", static_cast<double>(x.row<float>(0)[0]));
  call.workers.parallelFor(x.rows(), 1, [&](int64_t begin, int64_t end) {
    if (x.row<float>(0)[0] != x.row<float>(0)[0]) throw std::runtime_error("NaN");
    for (int64_t row = begin; row < end; row++) {
      for (int64_t i = 0; i < x.columns(); i++) y.row<float>(row)[i] = 2 * x.row<float>(row)[i];
    }
  });
  return true;
}

// So that threads that wait have something to ask for.
Upcoming beginning(const Call& call) {
  Upcoming upcoming;
  upcoming.add(call[0]);
  return upcoming;
}

const KernelRegistration registration{"stress.twice", Isa::baseline, twice, beginning};

constexpr int64_t rows = 16, columns = 64;
constexpr size_t bytes = rows * columns * sizeof(float);

// A device as JavaScript drives it.
class Driver {
 public:
  explicit Driver(int32_t threads) : executor_(bestIsa(), threads, [this] { finished(); }) {
    const std::vector<std::string> ops = executor_.ops();
    kernel_ = static_cast<double>(std::find(ops.begin(), ops.end(), "stress.twice") - ops.begin());
  }

  float* allocate() { return static_cast<float*>(executor_.allocate(bytes)); }

  void twice(const float* x, float* y) {
    push({double(Opcode::run), kernel_, 1, 1, 0, 0});
    for (const float* tensor : {x, static_cast<const float*>(y)}) push({address(tensor), 0, 2, columns, rows, columns, 1, 1});
  }

  void write(float* x, float value) {
    push({double(Opcode::write), address(x), bytes});
    std::vector<float> values(rows * columns, value);
    const size_t at = words_.size();
    words_.resize(at + bytes / 8);
    std::memcpy(words_.data() + at, values.data(), bytes);
  }

  void writeOutside(float* x, float value) {
    flush();
    const std::vector<float> values(rows * columns, value);
    executor_.submitWrite(x, values.data(), bytes);
  }

  void release(float* x) { push({double(Opcode::release), address(x), bytes}); }

  // A program of two ops, x → y → z; `replay` puts another tensor in the place of x.
  void program(const float* x, float* y, float* z) {
    push({double(Opcode::programBegin), 1, 0});
    twice(x, y);
    twice(y, z);
    push({double(Opcode::programPlace), 0, 0, 0, 0});
    push({double(Opcode::programEnd), 0, 0});
  }

  void replay(const float* x) { push({double(Opcode::replay), 1, 1, address(x)}); }

  void forget() { push({double(Opcode::forget), 1, 0}); }

  void failNext() { push({double(Opcode::fail), kernel_, 0}); }

  // Waits for the queue; the failure behind x, or null and its first element in `value`.
  std::shared_ptr<const Failure> read(const float* x, float& value) {
    std::vector<float> content(rows * columns);
    push({double(Opcode::read), 0, address(x), rows, columns * 4, columns * 4, address(content.data())});
    flush();
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !reads_.empty(); });
    const FinishedRead read = reads_.back();
    reads_.clear();
    value = content.back();
    return read.failure;
  }

  void flush() {
    executor_.submit(words_.data(), words_.size());
    words_.clear();
  }

 private:
  static double address(const void* pointer) { return static_cast<double>(reinterpret_cast<uintptr_t>(pointer)); }
  void push(std::initializer_list<double> words) { words_.insert(words_.end(), words); }

  void finished() {
    std::lock_guard lock(mutex_);
    for (FinishedRead& read : executor_.takeFinished()) reads_.push_back(std::move(read));
    arrived_.notify_one();
  }

  std::vector<double> words_;
  double kernel_ = 0;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<FinishedRead> reads_;
  Executor executor_;
};

void round(int32_t threads, int number) {
  Driver driver(threads);
  float* x = driver.allocate();
  float* y = driver.allocate();
  float* z = driver.allocate();
  float* w = driver.allocate();
  float value = 0;
  for (int step = 0; step < 30; step++) {
    const auto expected = static_cast<float>(number + step);
    if (step % 3 == 0) {
      driver.writeOutside(x, expected);
    } else {
      driver.write(x, expected);
    }
    driver.twice(x, y);
    driver.twice(y, z);
    if (step % 5 == 0) driver.flush();
    expect(!driver.read(z, value) && value == 4 * expected, "a chain of two ops");

    driver.write(x, step % 2 ? -1.0f : std::numeric_limits<float>::quiet_NaN());
    driver.twice(x, y);
    driver.twice(y, z);
    const auto failure = driver.read(z, value);
    expect(failure && failure->op == "stress.twice", "the failure reaches what is derived");
    driver.write(x, 1);
    driver.failNext();
    driver.twice(x, y);
    driver.twice(x, z);
    expect(driver.read(y, value) != nullptr, "a call made to fail");
    expect(!driver.read(z, value) && value == 2, "only that call");
    driver.program(x, y, z);
    if (step % 4 == 0) driver.flush();
    driver.write(w, expected);
    driver.failNext();
    driver.replay(w);
    expect(driver.read(z, value) != nullptr, "a call of a program made to fail");
    driver.replay(w);
    driver.writeOutside(w, -2);
    expect(!driver.read(z, value) && value == 4 * expected, "a program over another tensor");
    driver.forget();
    driver.release(y);
    y = driver.allocate();
  }
  // Closed with a full queue.
  for (int i = 0; i < 200; i++) driver.twice(x, z);
  driver.flush();
}

}  // namespace

int main() {
  std::vector<std::thread> devices;
  for (int device = 0; device < 4; device++) {
    devices.emplace_back([device] {
      for (int number = 0; number < 10; number++) round(1 + device, number);
    });
  }
  for (std::thread& device : devices) device.join();
  std::printf("stress: %d failures\n", failures.load());
  return failures.load() == 0 ? 0 : 1;
}
