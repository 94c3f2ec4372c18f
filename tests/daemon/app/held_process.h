// The ports of one process among several that share their engines. While it is held, every call
// stands still, and so does every completion: what SIGSTOP does to a process, as the engines see it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "daemon/engines.h"

namespace mesh::test {

class Gate {
 public:
  void hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    std::vector<std::function<void()>> late;
    {
      std::lock_guard lock(mutex_);
      held_ = false;
      late = std::exchange(late_, {});
    }
    opened_.notify_all();
    for (auto& completion : late) completion();
  }
  // Returns once the process is not held.
  void pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    opened_.wait(lock, [this] { return !held_; });
    --inside_;
  }
  // Runs it, now or once the process goes on.
  void complete(std::function<void()> completion) {
    {
      std::lock_guard lock(mutex_);
      if (held_) {
        late_.push_back(std::move(completion));
        return;
      }
    }
    completion();
  }
  // Until so many calls stand still.
  void await_calls(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_, changed_;
  bool held_ = false;
  int inside_ = 0;
  std::vector<std::function<void()>> late_;
};

// Every answer of a call stands still, too: what was asked before the process was held.
template <typename Port>
class Gated : public Port {
 protected:
  Gated(Port& inner, Gate& gate) : inner_(inner), gate_(gate) {}
  template <typename Method, typename... Args>
  auto through(Method method, Args&&... args) {
    gate_.pass();
    auto answer = (inner_.*method)(std::forward<Args>(args)...);
    gate_.pass();
    return answer;
  }
  template <typename Answer>
  std::function<void(Answer)> later(std::function<void(Answer)> done) {
    return [gate = &gate_, done = std::move(done)](Answer answer) {
      auto kept = std::make_shared<Answer>(std::move(answer));
      gate->complete([done, kept] { done(std::move(*kept)); });
    };
  }

  Port& inner_;
  Gate& gate_;
};

}  // namespace mesh::test
