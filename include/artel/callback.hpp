// The callables that users assign: one pointer wide, any lambda, function, functor or bound member function (row
// 1.16.37), move-only captures too.
//
// A slot points to a counted closure; a call holds a count while it runs. So a callback may replace or clear the very
// slot it is running from: the old closure lives until the call returns. Copying a Callback shares the closure. The
// count is not atomic: callbacks belong to the loop's thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "artel/http.hpp"
#include "artel/websocket.hpp"

namespace artel {

class Connection;
class TcpConnection;
class UdpConnection;
class AsyncUdpConnection;

namespace detail {

/// Identifies a message type at run time. Not const: some linkers fold equal constants into one.
using TypeId = const char*;
template <class T>
struct TypeTag {
  static inline char id = 0;
};
template <class T>
TypeId typeId() noexcept {
  return &TypeTag<std::remove_cvref_t<T>>::id;
}
/// Text is one type, however a handler spells it.
template <class T>
using MessageOf =
    std::conditional_t<std::same_as<std::remove_cvref_t<T>, std::string>, std::string_view, std::remove_cvref_t<T>>;

struct Closure {
  explicit Closure(void (*drop)(Closure*) noexcept) : drop(drop) {}
  std::uint32_t count = 1;
  void (*drop)(Closure*) noexcept;
};

/// Owns one count of a closure.
class ClosureRef {
 public:
  ClosureRef() = default;
  explicit ClosureRef(Closure* made) noexcept : closure_(made) {}
  ClosureRef(const ClosureRef& other) noexcept : closure_(other.closure_) {
    if (closure_) ++closure_->count;
  }
  ClosureRef(ClosureRef&& other) noexcept : closure_(std::exchange(other.closure_, nullptr)) {}
  ClosureRef& operator=(ClosureRef other) noexcept {
    std::swap(closure_, other.closure_);
    return *this;
  }
  ~ClosureRef() {
    if (closure_ && --closure_->count == 0) closure_->drop(closure_);
  }
  Closure* get() const noexcept { return closure_; }

 private:
  Closure* closure_ = nullptr;
};

template <class F>
bool isNull(const F& f) {
  if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F>) return f == nullptr;
  if constexpr (
      requires { static_cast<bool>(f) == false; } && requires { f.target_type(); })
    return !static_cast<bool>(f);
  return false;
}

}  // namespace detail

template <class Signature>
class Callback;

template <class R, class... A>
class Callback<R(A...)> {
 public:
  Callback() = default;
  Callback(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): `slot = nullptr` clears it
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Callback> && std::is_invocable_r_v<R, std::decay_t<F>&, A...>)
      Callback(F&& f) {  // NOLINT(google-explicit-constructor): assigned from lambdas
    if (!detail::isNull<std::decay_t<F>>(f))
      closure_ = detail::ClosureRef(new Holder<std::decay_t<F>>(std::forward<F>(f)));
  }
  explicit operator bool() const noexcept { return closure_.get() != nullptr; }
  /// The same closure, not one that does the same.
  friend bool operator==(const Callback& a, const Callback& b) noexcept { return a.closure_.get() == b.closure_.get(); }
  /// Must not be empty.
  R operator()(A... args) const {
    const detail::ClosureRef running = closure_;
    return static_cast<Callable*>(running.get())->call(running.get(), std::forward<A>(args)...);
  }

 private:
  struct Callable : detail::Closure {
    using Call = R (*)(detail::Closure*, A...);
    Callable(Call call, void (*drop)(detail::Closure*) noexcept) : Closure(drop), call(call) {}
    Call call;
  };
  template <class F>
  struct Holder : Callable {
    template <class G>
    explicit Holder(G&& g)
        : Callable(
              [](detail::Closure* self, A... args) -> R {
                if constexpr (std::is_void_v<R>)
                  static_cast<void>(std::invoke(static_cast<Holder*>(self)->f, std::forward<A>(args)...));
                else
                  return std::invoke(static_cast<Holder*>(self)->f, std::forward<A>(args)...);
              },
              [](detail::Closure* self) noexcept { delete static_cast<Holder*>(self); }),
          f(std::forward<G>(g)) {}
    F f;
  };
  detail::ClosureRef closure_;
};

namespace detail {

/// Whom a handler's first parameter names.
enum class PeerKind : std::uint8_t { any, tcp, udp, udpClient };

template <class First, class Second>
struct HandlerShape {
  using Message = MessageOf<Second>;
  using Raw = std::remove_cvref_t<First>;
  static constexpr PeerKind kind = std::same_as<Raw, UdpConnection>        ? PeerKind::udp
                                   : std::same_as<Raw, AsyncUdpConnection> ? PeerKind::udpClient
                                   : std::same_as<Raw, Connection>         ? PeerKind::any
                                                                           : PeerKind::tcp;
};

template <class F>
struct ShapeOf {};
template <class R, class A, class B>
struct ShapeOf<R (*)(A, B)> : HandlerShape<A, B> {};
template <class R, class A, class B>
struct ShapeOf<R (*)(A, B) noexcept> : HandlerShape<A, B> {};
template <class C, class R, class A, class B>
struct ShapeOf<R (C::*)(A, B)> : HandlerShape<A, B> {};
template <class C, class R, class A, class B>
struct ShapeOf<R (C::*)(A, B) const> : HandlerShape<A, B> {};
template <class C, class R, class A, class B>
struct ShapeOf<R (C::*)(A, B) noexcept> : HandlerShape<A, B> {};
template <class C, class R, class A, class B>
struct ShapeOf<R (C::*)(A, B) const noexcept> : HandlerShape<A, B> {};

template <class F, class First>
constexpr auto shapeWith() {
  if constexpr (std::is_invocable_v<F&, First&, std::string_view>)
    return HandlerShape<First, std::string_view>{};
  else if constexpr (std::is_invocable_v<F&, First&, std::string>)
    return HandlerShape<First, std::string>{};
  else if constexpr (std::is_invocable_v<F&, First&, const http::Request&>)
    return HandlerShape<First, const http::Request&>{};
  else if constexpr (std::is_invocable_v<F&, First&, const websocket::Message&>)
    return HandlerShape<First, const websocket::Message&>{};
}

/// The message a handler takes: its second parameter where it is written down, else the first it can be called with.
template <class F>
constexpr auto shapeOfHandler() {
  if constexpr (std::is_pointer_v<F>)
    return ShapeOf<F>{};
  else if constexpr (requires { &F::operator(); })
    return ShapeOf<decltype(&F::operator())>{};
  else if constexpr (requires { &F::template operator()<TcpConnection>; })
    return ShapeOf<decltype(&F::template operator()<TcpConnection>)>{};
  else if constexpr (requires { &F::template operator()<TcpConnection&>; })
    return ShapeOf<decltype(&F::template operator()<TcpConnection&>)>{};
  else if constexpr (!std::is_void_v<decltype(shapeWith<F, TcpConnection>())>)
    return shapeWith<F, TcpConnection>();
  else if constexpr (!std::is_void_v<decltype(shapeWith<F, UdpConnection>())>)
    return shapeWith<F, UdpConnection>();
  else
    return shapeWith<F, AsyncUdpConnection>();
}

}  // namespace detail

/// What onMessage holds. The handler's second parameter picks the message: std::string_view or std::string (every
/// protocol whose messages are text), const http::Request&, const websocket::Message&, or a protocol's own Message. Its
/// first is TcpConnection&, UdpConnection&, AsyncUdpConnection&, or Connection& for all. Whether it fits the worker's
/// protocol is checked when the worker starts, or when it is assigned to a connection.
class MessageCallback {
 public:
  MessageCallback() = default;
  MessageCallback(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, MessageCallback>)
      MessageCallback(F&& f) {  // NOLINT(google-explicit-constructor)
    using Shape = decltype(detail::shapeOfHandler<std::decay_t<F>>());
    constexpr bool named = requires { typename Shape::Message; };
    static_assert(named,
                  "onMessage needs a handler with two parameters whose second names the message: std::string_view, "
                  "const artel::http::Request&, const artel::websocket::Message&, or your protocol's own Message");
    if constexpr (named) {
      if (!detail::isNull<std::decay_t<F>>(f))
        closure_ = detail::ClosureRef(new Holder<Shape, std::decay_t<F>>(std::forward<F>(f)));
    }
  }
  explicit operator bool() const noexcept { return closure_.get() != nullptr; }
  friend bool operator==(const MessageCallback& a, const MessageCallback& b) noexcept {
    return a.closure_.get() == b.closure_.get();
  }
  detail::TypeId messageType() const noexcept { return callable()->type; }
  detail::PeerKind peerKind() const noexcept { return callable()->kind; }
  template <class M>
  bool takes() const noexcept {
    return messageType() == detail::typeId<detail::MessageOf<M>>();
  }
  /// For the framework: `message` points to an object of the type that messageType() names. Must not be empty.
  void call(Connection& connection, void* message) const {
    const detail::ClosureRef running = closure_;
    static_cast<Callable*>(running.get())->call(running.get(), connection, message);
  }

 private:
  struct Callable : detail::Closure {
    using Call = void (*)(detail::Closure*, Connection&, void*);
    Callable(detail::TypeId type, detail::PeerKind kind, Call call, void (*drop)(detail::Closure*) noexcept)
        : Closure(drop), kind(kind), type(type), call(call) {}
    detail::PeerKind kind;
    detail::TypeId type;
    Call call;
  };
  template <class Shape, class F>
  struct Holder : Callable {
    using Message = typename Shape::Message;
    using Target = std::conditional_t<
        Shape::kind == detail::PeerKind::udp, UdpConnection,
        std::conditional_t<Shape::kind == detail::PeerKind::udpClient, AsyncUdpConnection,
                           std::conditional_t<Shape::kind == detail::PeerKind::tcp, TcpConnection, Connection>>>;
    template <class G>
    explicit Holder(G&& g)
        : Callable(detail::typeId<Message>(), Shape::kind, &Holder::run,
                   [](detail::Closure* self) noexcept { delete static_cast<Holder*>(self); }),
          f(std::forward<G>(g)) {}
    static void run(detail::Closure* self, Connection& connection, void* message) {
      F& f = static_cast<Holder*>(self)->f;
      auto& target = static_cast<Target&>(connection);
      auto& typed = *static_cast<Message*>(message);
      if constexpr (std::is_invocable_v<F&, Target&, Message&>)
        std::invoke(f, target, typed);
      else
        std::invoke(f, target, std::string(typed));
    }
    F f;
  };
  Callable* callable() const noexcept { return static_cast<Callable*>(closure_.get()); }
  detail::ClosureRef closure_;
};

}  // namespace artel
