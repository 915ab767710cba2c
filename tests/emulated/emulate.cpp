// The fibres behind kernels/device/emulate.hpp.
#include "kernels/device/emulate.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
/// Keeps on the stack what a function must keep (System V ABI, 3.2.1), stores its end in *from and goes on where `to` was left so.
extern "C" void dubfarm_emulate_switch(void** from, void* to);
asm(R"(
  .text
  .type dubfarm_emulate_switch, @function
dubfarm_emulate_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size dubfarm_emulate_switch, .-dubfarm_emulate_switch
)");
#endif

namespace dubfarm::kernels::cuda::emulate {

thread_local Place here;

namespace {

constexpr std::size_t kStackBytes = std::size_t{256} << 10;
constexpr std::size_t kGuardBytes = 256;
constexpr unsigned char kGuardFill = 0xA5, kUnwritten = 0xFF;  // as floats, NaN
constexpr int kWarpThreads = 32;

/// Where a stack was left. swapcontext() would do everywhere, but it makes a system call, most of what an emulated barrier then costs.
class Context {
 public:
#if defined(__x86_64__)
  /// The next go_to() calls `entry`, which does not return.
  void begin(std::byte* memory, std::size_t size, void (*entry)()) {
    // Aligned as before a call; the six registers that the switch takes from here, `entry` for it to return to, and a return address of none.
    auto* const top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(memory) + size) & ~std::uintptr_t{15});
    std::fill(top - 8, top, nullptr);
    top[-2] = reinterpret_cast<void*>(entry);
    end_ = top - 8;
  }
  void go_to(Context& other) { dubfarm_emulate_switch(&end_, other.end_); }

 private:
  void* end_ = nullptr;
#else
  void begin(std::byte* memory, std::size_t size, void (*entry)()) {
    getcontext(&context_);
    context_.uc_stack.ss_sp = memory;
    context_.uc_stack.ss_size = size;
    context_.uc_link = nullptr;
    makecontext(&context_, entry, 0);
  }
  void go_to(Context& other) { swapcontext(&context_, &other.context_); }

 private:
  ucontext_t context_{};
#endif
};

/// Somewhere to run: the launching thread itself, or a stack of our own.
struct Stack {
  Context context;
  std::unique_ptr<std::byte[]> memory;  // null: the launching thread's
  const void* bottom = nullptr;
  std::size_t size = 0;
  bool rests = false;  // out of threads, to be gone on with
};

/// Leaves `from` where it stands, or for good, and goes on in `to`.
void switch_stack(Stack& from, Stack& to, [[maybe_unused]] bool for_good = false) {
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;  // the sanitizer's own frames of a stack; freed only if it is left for good
  __sanitizer_start_switch_fiber(for_good ? nullptr : &fake, to.bottom, to.size);
#endif
  from.context.go_to(to.context);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

enum class State { unstarted, running, at_barrier, at_shuffle, done };

struct Thread {
  State state = State::unstarted;
  Stack* stack = nullptr;  // while it waits
  int line = 0;            // where it waits
  std::uint64_t put = 0;   // into a shuffle
  int from = 0;            // whose value it wants
  std::uint64_t got = 0;
};

struct SharedArray {
  const char* name;
  int line;
  std::size_t size_bytes;
  std::unique_ptr<unsigned char[]> memory;  // guard, contents, guard
  [[nodiscard]] unsigned char* contents() const { return memory.get() + kGuardBytes; }
  [[nodiscard]] unsigned char* behind() const { return contents() + size_bytes; }
};

/// Runs one launch at a time; each host thread has its own.
class Machine {
 public:
  void seed(std::uint64_t value) { random_.seed(value); }

  void launch(const char* kernel, long long grid_x, long long grid_y, int threads, void (*body)(const void*), const void* context) {
    if (busy_) throw Fault(std::string(kernel) + ": launched from within a kernel");
    if (threads < 1 || threads > 1024) throw Fault(std::string(kernel) + ": " + std::to_string(threads) + " threads in a block; 1 to 1024 are possible");
    if (grid_x < 0 || grid_y < 0 || grid_x > 2147483647 || grid_y > 65535)
      throw Fault(std::string(kernel) + ": a grid of " + std::to_string(grid_x) + " x " + std::to_string(grid_y) + " blocks; 2147483647 x 65535 are possible");
    kernel_ = kernel, threads_count_ = threads, body_ = body, context_ = context;
    busy_ = true;
    std::vector<long long> order(static_cast<std::size_t>(grid_x * grid_y));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<long long>(i);
    std::shuffle(order.begin(), order.end(), random_);
    std::string fault;
    for (const long long block : order) {
      here = {0, static_cast<int>(block % grid_x), static_cast<int>(block / grid_x), static_cast<int>(grid_x)};
      fault = run_block();
      if (!fault.empty()) break;
    }
    busy_ = false;
    if (!fault.empty()) throw Fault(std::string(kernel) + ", block " + std::to_string(here.block_x) + ", " + std::to_string(here.block_y) + ": " + fault);
  }

  void* shared(const char* name, int line, std::size_t size_bytes) {
    for (const SharedArray& array : arrays_)
      if (array.line == line && std::strcmp(array.name, name) == 0) return array.contents();
    SharedArray& array = arrays_.emplace_back();
    array = {name, line, size_bytes, std::make_unique_for_overwrite<unsigned char[]>(size_bytes + 2 * kGuardBytes)};
    std::memset(array.memory.get(), kGuardFill, kGuardBytes);
    std::memset(array.contents(), kUnwritten, size_bytes);
    std::memset(array.behind(), kGuardFill, kGuardBytes);
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(array.behind(), kGuardBytes);
    __asan_poison_memory_region(array.memory.get(), kGuardBytes);
#endif
    return array.contents();
  }

  void wait(State state, int line) {
    Thread& self = threads_[static_cast<std::size_t>(here.thread)];
    self.state = state, self.line = line, self.stack = current_;
    switch_stack(*current_, home_);
  }
  std::uint64_t exchange(std::uint64_t bits, int from, int line) {
    Thread& self = threads_[static_cast<std::size_t>(here.thread)];
    self.put = bits, self.from = from;
    wait(State::at_shuffle, line);
    return threads_[static_cast<std::size_t>(here.thread)].got;
  }

 private:
  std::string run_block() {
    threads_.assign(static_cast<std::size_t>(threads_count_), Thread{});
    free_.clear();
    for (const auto& stack : stacks_) free_.push_back(stack.get());
    clear_shared();
    unstarted_.resize(threads_.size());
    for (std::size_t i = 0; i < unstarted_.size(); ++i) unstarted_[i] = static_cast<int>(i);
    std::shuffle(unstarted_.begin(), unstarted_.end(), random_);
    while (!unstarted_.empty()) {  // a fibre runs thread after thread until one waits
      current_ = take_stack();
      switch_stack(home_, *current_);
    }
    std::vector<int> ready;
    for (;;) {
      ready.clear();
      std::string fault = release(ready);
      if (!fault.empty()) return fault;
      if (ready.empty()) break;
      std::shuffle(ready.begin(), ready.end(), random_);
      for (const int t : ready) {
        Thread& thread = threads_[static_cast<std::size_t>(t)];
        here.thread = t;
        thread.state = State::running;
        current_ = thread.stack;
        switch_stack(home_, *current_);
      }
    }
    return check_guards();
  }

  /// Which waiting threads may go on: whole warps out of a shuffle first, then the block out of a barrier.
  std::string release(std::vector<int>& ready) {
    const int count = threads_count_;
    for (int first = 0; first < count; first += kWarpThreads) {
      const int last = std::min(count, first + kWarpThreads);
      int waiting = 0, line = 0;
      for (int t = first; t < last; ++t)
        if (at(t).state == State::at_shuffle) ++waiting, line = at(t).line;
      if (waiting == 0) continue;
      if (waiting != kWarpThreads) return "line " + std::to_string(line) + ": " + std::to_string(waiting) + " of the 32 threads of a warp meet in a shuffle or at a warp_barrier()";
      for (int t = first; t < last; ++t) {
        if (at(t).line != line) return "the threads of a warp wait in the shuffles, or at the warp_barrier()s, of lines " + std::to_string(line) + " and " + std::to_string(at(t).line);
        at(t).got = at(first + at(t).from % kWarpThreads).put;
        ready.push_back(t);
      }
    }
    if (!ready.empty()) return {};
    int line = 0, waiting = 0;
    for (int t = 0; t < count; ++t) {
      if (at(t).state != State::at_barrier) continue;
      if (waiting++ > 0 && at(t).line != line) return "threads wait at the barriers of lines " + std::to_string(line) + " and " + std::to_string(at(t).line);
      line = at(t).line;
      ready.push_back(t);
    }
    if (waiting != 0 && waiting != count)
      return "line " + std::to_string(line) + ": " + std::to_string(waiting) + " of " + std::to_string(count) + " threads wait at a barrier, the others have ended";
    return {};
  }

  std::string check_guards() {
    for (const SharedArray& array : arrays_) {
#if defined(__SANITIZE_ADDRESS__)
      __asan_unpoison_memory_region(array.memory.get(), array.size_bytes + 2 * kGuardBytes);
#endif
      const auto is_fill = [](unsigned char byte) { return byte == kGuardFill; };
      if (!std::all_of(array.memory.get(), array.contents(), is_fill)) return std::string("wrote before the shared array ") + array.name;
      if (!std::all_of(array.behind(), array.behind() + kGuardBytes, is_fill)) return std::string("wrote past the shared array ") + array.name;
    }
    return {};
  }
  void clear_shared() {
#if defined(__SANITIZE_ADDRESS__)
    for (const SharedArray& array : arrays_) __asan_unpoison_memory_region(array.memory.get(), array.size_bytes + 2 * kGuardBytes);
#endif
    arrays_.clear();
  }

  Thread& at(int t) { return threads_[static_cast<std::size_t>(t)]; }

  Stack* take_stack() {
    if (!free_.empty()) {
      Stack* stack = free_.back();
      free_.pop_back();
      if (!stack->rests) start(*stack);  // a fault left it in the middle of a kernel
      return stack;
    }
    Stack& stack = *stacks_.emplace_back(std::make_unique<Stack>());
    stack.memory = std::make_unique_for_overwrite<std::byte[]>(kStackBytes);
    stack.bottom = stack.memory.get(), stack.size = kStackBytes;
    start(stack);
    return &stack;
  }
  void start(Stack& stack) { stack.context.begin(stack.memory.get(), kStackBytes, &Machine::enter); }
  static void enter();  // of this thread's machine
  /// On a fibre: starts threads until none is left, rests until there are more, ends with the machine.
  void run_threads() {
    Stack* const own = current_;
    for (;;) {
      while (!unstarted_.empty()) {
        here.thread = unstarted_.back();
        unstarted_.pop_back();
        const int mine = here.thread;
        at(mine).state = State::running;
        body_(context_);
        at(mine).state = State::done;
      }
      own->rests = !ends_;
      switch_stack(*own, home_, ends_);
      own->rests = false;
    }
  }

 public:
  Machine() {
  }
  ~Machine() {
    clear_shared();
    ends_ = true, unstarted_.clear();
    for (const auto& stack : stacks_)
      if (stack->rests) switch_stack(home_, *(current_ = stack.get()));
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

 private:
  std::mt19937_64 random_{20261121};
  const char* kernel_ = "";
  int threads_count_ = 0;
  void (*body_)(const void*) = nullptr;
  const void* context_ = nullptr;
  bool busy_ = false, ends_ = false;
  std::vector<Thread> threads_;
  std::vector<int> unstarted_;
  std::vector<SharedArray> arrays_;
  std::vector<std::unique_ptr<Stack>> stacks_;
  std::vector<Stack*> free_;
  Stack home_;
  Stack* current_ = nullptr;
};

Machine& machine() {
  static thread_local Machine instance;
  return instance;
}

void Machine::enter() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &machine().home_.bottom, &machine().home_.size);
#endif
  machine().run_threads();
}

}  // namespace

void set_seed(std::uint64_t seed) { machine().seed(seed); }
void launch_body(const char* kernel, long long grid_x, long long grid_y, int threads, void (*body)(const void*), const void* context) {
  machine().launch(kernel, grid_x, grid_y, threads, body, context);
}
void* shared(const char* name, int line, std::size_t size_bytes) { return machine().shared(name, line, size_bytes); }
std::uint64_t exchange(std::uint64_t bits, int from, int line) { return machine().exchange(bits, from, line); }
void wait_at(int line) { machine().wait(State::at_barrier, line); }

}  // namespace dubfarm::kernels::cuda::emulate
