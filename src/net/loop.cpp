#include "src/net/loop.hpp"

#include <atomic>
#include <cassert>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "src/net/resolver.hpp"
#include "src/net/statistics.hpp"
#include "src/net/stream.hpp"
#include "src/net/timer.hpp"
#include "src/net/user_code.hpp"

namespace artel {

namespace net {

/// A descriptor that the user watches.
struct Watch {
  uv_poll_t handle;
  Loop::Descriptor descriptor;
  Callback<void(Loop::Descriptor)> readable, writable;
};

struct SignalWatch {
  uv_signal_t handle;
  Callback<void(int)> framework, user;
};

namespace {

/// So many sockets are served before timers and the rest get their turn.
constexpr std::size_t readyAtOnce = 512;
/// And so many between two looks at the listeners.
constexpr std::size_t servedBetweenDoors = 64;

void check(int status, const char* what) {
  if (status != 0) throw std::system_error(-status, std::generic_category(), what);
}

void arm(Watch& watch) {
  const int events = (watch.readable ? UV_READABLE | UV_DISCONNECT : 0) | (watch.writable ? UV_WRITABLE : 0);
  if (events == 0) {
    uv_poll_stop(&watch.handle);
    return;
  }
  check(uv_poll_start(&watch.handle, events,
                      [](uv_poll_t* handle, int status, int ready) {
                        auto* self = static_cast<Watch*>(handle->data);
                        const Loop::Descriptor descriptor = self->descriptor;
                        auto find = [&]() -> Watch* {  // the first callback may have removed the watch
                          auto at = loop().watches.find(descriptor);
                          return at == loop().watches.end() ? nullptr : at->second.get();
                        };
                        activity.enter(Running::descriptor);
                        if (status < 0 || (ready & (UV_READABLE | UV_DISCONNECT)) != 0) {
                          if (Watch* watch = find(); watch == self && watch->readable)
                            userCode(nullptr, [&] { watch->readable(descriptor); });
                        }
                        if (status < 0 || (ready & UV_WRITABLE) != 0) {
                          if (Watch* watch = find(); watch == self && watch->writable)
                            userCode(nullptr, [&] { watch->writable(descriptor); });
                        }
                      }),
        "watching a descriptor");
}

Watch& watchOf(Loop::Impl& impl, Loop::Descriptor descriptor) {
  auto& slot = impl.watches[descriptor];
  if (!slot) {
    auto made = std::make_unique<Watch>();
    made->descriptor = descriptor;
    if (const int status = uv_poll_init_socket(&impl.uv, &made->handle, static_cast<uv_os_sock_t>(descriptor));
        status != 0) {
      impl.watches.erase(descriptor);
      check(status, "watching a descriptor");
    }
    made->handle.data = made.get();
    slot = std::move(made);
  }
  return *slot;
}

bool drop(Loop::Impl& impl, Loop::Descriptor descriptor, Callback<void(Loop::Descriptor)> Watch::*direction) {
  const auto at = impl.watches.find(descriptor);
  if (at == impl.watches.end() || !((*at->second).*direction)) return false;
  (*at->second).*direction = nullptr;
  if (at->second->readable || at->second->writable)
    arm(*at->second);
  else {
    Watch* gone = at->second.release();
    impl.watches.erase(at);
    closeAndDelete(gone);
  }
  return true;
}

}  // namespace

namespace {
/// Between the threads that post and the end of the loop. Neither this nor a Loop is ever destroyed: a thread may come
/// too late, even after main.
std::mutex& postGate() {
  static auto& gate = *new std::mutex;
  return gate;
}
Loop::Impl* postsTo = nullptr;  // under the gate; null: what is posted is dropped
std::atomic<std::thread::id> loopThread{};
}  // namespace

Loop& createLoop() {
  assert(processLoop == nullptr);
  static auto& theLoop = *new Loop(nullptr);  // there is one at a time
  auto made = std::make_unique<Loop::Impl>();
  loopThread = std::this_thread::get_id();
  const std::lock_guard lock(postGate());
  postsTo = made.get();
  theLoop.owned() = std::move(made);
  processLoop = &theLoop;
  processLoopImpl = &processLoop->impl();
  return *processLoop;
}

void destroyLoop() noexcept {
  {
    const std::lock_guard lock(postGate());
    postsTo = nullptr;
  }
  delete processLoopImpl;  // what is in it may still ask for the loop
  static_cast<void>(processLoop->owned().release());
  processLoop = nullptr;
  processLoopImpl = nullptr;
  loopThread = std::thread::id();
}

}  // namespace net

Loop::Impl::Impl() : receiveBuffer(new char[receiveBufferSize]) {
  net::check(uv_loop_init(&uv), "making an event loop");
  uv.data = this;
  uv_prepare_init(&uv, &prepare_);
  uv_check_init(&uv, &check_);
  uv_timer_init(&uv, &tickTimer_);
  net::check(
      uv_async_init(&uv, &async_, [](uv_async_t* handle) { static_cast<Impl*>(handle->loop->data)->runPosted(); }),
      "making an event loop");
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto* impl = static_cast<Impl*>(handle->loop->data);
    impl->endTurn();
    if (platform::directIo()) return;
    if (impl->handshakes.waiting()) impl->wake();
    uv_update_time(&impl->uv);
    net::activity.turnEnds(impl->now());
  });
  uv_check_start(&check_, [](uv_check_t* handle) {
    auto* impl = static_cast<Impl*>(handle->loop->data);
    if (!platform::directIo()) impl->handshakes.serve();
    impl->endTurn();
  });
  if (!platform::directIo()) return;
  auto opened = platform::Poller::open();
  if (!opened) throw std::runtime_error("making an event loop: " + opened.error().message);
  poller = std::move(*opened);
  if (auto apart = platform::Poller::open()) doors = std::move(*apart);  // not without it is anything lost but time
  net::check(poller.watch(uv_backend_fd(&uv), this, 0, platform::Poller::readable), "making an event loop");
  ready_.resize(net::readyAtOnce);
}

Loop::Impl::~Impl() {
  resolver_.reset();  // no thread posts from here on
  for (auto& [id, timer] : timers) net::closeAndDelete(timer.release());
  timers.clear();
  for (auto& [descriptor, watch] : watches) net::closeAndDelete(watch.release());
  watches.clear();
  for (auto& [number, signal] : signals) net::closeAndDelete(signal.release());
  signals.clear();
  for (uv_handle_t* handle : {reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
                              reinterpret_cast<uv_handle_t*>(&async_), reinterpret_cast<uv_handle_t*>(&tickTimer_)})
    uv_close(handle, nullptr);
  while (!deferred_.empty() || !gone_.empty()) {  // a user's object may end more when it goes
    const auto now = std::exchange(deferred_, {});
    letGo();
  }
  uv_run(&uv, UV_RUN_DEFAULT);
  [[maybe_unused]] const int open = uv_loop_close(&uv);
  assert(open == 0 && "a handle was left open");
}

void Loop::Impl::run() {
  stopped_ = false;
  while (!stopped_) turn(true);
}

void Loop::Impl::stop() noexcept {
  stopped_ = true;
  if (!platform::directIo()) uv_stop(&uv);
}

void Loop::Impl::turn(bool wait) {
  if (platform::directIo())
    turnOfOurs(wait);
  else
    uv_run(&uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void Loop::Impl::turnOfOurs(bool wait) {
  bool pending = true;
  for (int round = 0; round < 64 && pending; ++round) {  // what is let go of may send and close, too
    endTurn();
    letGo();
    pending = first_ != nullptr || !deferred_.empty();
  }
  uv_update_time(&uv);
  net::activity.turnEnds(now());
  const int timeout = wait && !stopped_ && !pending && !handshakes.waiting() ? uv_backend_timeout(&uv) : 0;
  const std::size_t count = poller.wait(ready_, timeout);
  uv_update_time(&uv);
  const std::span ready(ready_.data(), count);
  const bool forLibuv = serve(ready);
  handshakes.serve();
  endTurn();
  // Zero: a timer is due, or libuv has to tell the system what it waits for from now on.
  if (!forLibuv && uv_backend_timeout(&uv) != 0) return;
  net::activity.enter(net::Running::native);
  uv_run(&uv, UV_RUN_NOWAIT);
}

/// True when libuv's own descriptor is among them.
bool Loop::Impl::serve(std::span<const platform::Poller::Ready> ready) {
  bool forLibuv = false;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    if (i != 0 && i % net::servedBetweenDoors == 0) lookAtDoors();
    if (ready[i].who == this)
      forLibuv = true;
    else
      static_cast<net::Pollable*>(ready[i].who)->ready(ready[i].events);
  }
  return forLibuv;
}

void Loop::Impl::lookAtDoors() {
  std::array<platform::Poller::Ready, 8> waiting{};
  const std::size_t count = doors.wait(waiting, 0);
  for (const auto& [who, events] : std::span(waiting.data(), count)) static_cast<net::Pollable*>(who)->ready(events);
}

/// What was closed and has had its visit: nothing of it is ready any more.
void Loop::Impl::letGo() {
  while (!gone_.empty()) {  // the last one first, as it is found in `closing`
    net::Stream& stream = *gone_.back();
    gone_.pop_back();
    stream.handleClosed();
  }
}

std::span<char> Loop::Impl::plainBuffer() {
  constexpr std::size_t size = receiveBufferSize + net::TlsSession::plainRoom;
  if (!plainBuffer_) plainBuffer_.reset(new char[size]);
  return {plainBuffer_.get(), size};
}

void Loop::Impl::defer(Callback<void()> f) { deferred_.push_back(std::move(f)); }

void Loop::Impl::visitAtTurnEnd(net::Stream& stream) noexcept {
  if (stream.visiting_) return;
  stream.visiting_ = true;
  stream.nextVisit_ = nullptr;
  if (last_ != nullptr)
    last_->nextVisit_ = &stream;
  else
    first_ = &stream;
  last_ = &stream;
}

void Loop::Impl::forget(net::Stream& stream) noexcept {
  if (!stream.visiting_) return;
  net::Stream* before = nullptr;
  for (net::Stream* at = first_; at != &stream; at = at->nextVisit_) before = at;
  (before != nullptr ? before->nextVisit_ : first_) = stream.nextVisit_;
  if (last_ == &stream) last_ = before;
  stream.visiting_ = false;
}

void Loop::Impl::endTurn() {
  // Work done here may ask for more. A bound keeps two connections that close each other's successors from starving the
  // loop; what is left then is done in the next turn.
  for (int round = 0; round < 64 && (first_ != nullptr || !deferred_.empty()); ++round) {
    net::Stream* stop = last_;
    while (first_ != nullptr) {
      net::Stream& stream = *first_;
      const bool end = &stream == stop;
      first_ = stream.nextVisit_;
      if (first_ == nullptr) last_ = nullptr;
      stream.visiting_ = false;
      stream.flush();
      if (const int error = std::exchange(stream.error_, 0); error != 0) {
        stream.failed(error, true);
        stream.visitLater();
      } else {
        stream.turnEnds();
      }
      if (end) break;
    }
    const auto now = std::exchange(deferred_, {});
    for (const auto& f : now) net::userCode(nullptr, [&] { f(); });
  }
  if (first_ != nullptr || !deferred_.empty()) wake();
}

void Loop::Impl::setTick(std::function<void()> f, std::uint64_t milliseconds) {
  if (!f) {
    uv_timer_stop(&tickTimer_);  // the function stays: it may be the one that runs
    return;
  }
  tick_ = std::make_shared<std::function<void()>>(std::move(f));
  const auto fire = [](uv_timer_t* handle) {
    const auto tick = static_cast<Impl*>(handle->loop->data)->tick_;
    (*tick)();
  };
  uv_timer_start(&tickTimer_, fire, milliseconds, milliseconds);
}

void Loop::Impl::post(Callback<void()> f) {
  const std::lock_guard lock(net::postGate());
  if (net::postsTo == this) push(std::move(f));
}

void Loop::Impl::push(Callback<void()>&& f) {
  posted_.push_back(std::move(f));
  wake();
}

net::Resolver& Loop::Impl::resolver() {
  if (!resolver_) resolver_ = std::make_unique<net::Resolver>();
  return *resolver_;
}

void Loop::Impl::runPosted() {
  std::vector<Callback<void()>> now;
  {
    const std::lock_guard lock(net::postGate());
    now.swap(posted_);
  }
  for (const auto& f : now) {
    net::activity.enter(net::Running::posted);
    net::userCode(nullptr, [&] { f(); });
  }
}

Loop::Loop(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Loop::~Loop() = default;

void Loop::onReadable(Descriptor descriptor, Callback<void(Descriptor)> callback) {
  if (!callback) return static_cast<void>(offReadable(descriptor));
  net::Watch& watch = net::watchOf(*impl_, descriptor);
  watch.readable = std::move(callback);
  net::arm(watch);
}
void Loop::onWritable(Descriptor descriptor, Callback<void(Descriptor)> callback) {
  if (!callback) return static_cast<void>(offWritable(descriptor));
  net::Watch& watch = net::watchOf(*impl_, descriptor);
  watch.writable = std::move(callback);
  net::arm(watch);
}
bool Loop::offReadable(Descriptor descriptor) { return net::drop(*impl_, descriptor, &net::Watch::readable); }
bool Loop::offWritable(Descriptor descriptor) { return net::drop(*impl_, descriptor, &net::Watch::writable); }

void Loop::Impl::watchSignal(int number, bool ours, Callback<void(int)> callback) {
  auto at = signals.find(number);
  if (at == signals.end()) {
    if (!callback) return;
    auto made = std::make_unique<net::SignalWatch>();
    net::check(uv_signal_init(&uv, &made->handle), "watching a signal");
    made->handle.data = made.get();
    const auto fire = [](uv_signal_t* handle, int came) {
      const auto* watch = static_cast<net::SignalWatch*>(handle->data);
      const auto framework = watch->framework, user = watch->user;
      net::activity.enter(net::Running::signal);
      if (user) net::userCode(nullptr, [&] { user(came); });
      if (framework) net::userCode(nullptr, [&] { framework(came); });
    };
    if (const int status = uv_signal_start(&made->handle, fire, number); status != 0) {
      net::closeAndDelete(made.release());
      net::check(status, "watching a signal");
    }
    at = signals.emplace(number, std::move(made)).first;
  }
  (ours ? at->second->framework : at->second->user) = std::move(callback);
  if (at->second->framework || at->second->user) return;
  net::closeAndDelete(at->second.release());
  signals.erase(at);
}

void Loop::onSignal(int signal, Callback<void(int)> callback) {
  impl_->watchSignal(signal, false, std::move(callback));
}

bool Loop::offSignal(int signal) {
  const auto at = impl_->signals.find(signal);
  if (at == impl_->signals.end() || !at->second->user) return false;
  impl_->watchSignal(signal, false, nullptr);
  return true;
}

Timer::Id Loop::delay(double seconds, Callback<void()> callback) { return Timer::delay(seconds, std::move(callback)); }
Timer::Id Loop::repeat(double seconds, Callback<void()> callback) { return Timer::add(seconds, std::move(callback)); }
void Loop::post(Callback<void()> f) {
  const std::lock_guard lock(net::postGate());
  if (net::postsTo != nullptr) net::postsTo->push(std::move(f));
}
bool Loop::here() const noexcept {
  return std::this_thread::get_id() == net::loopThread.load(std::memory_order_relaxed);
}
void* Loop::native() noexcept { return &impl_->uv; }

}  // namespace artel
