// What a protocol is: three functions that turn bytes into messages and back (manual 1.7.2).
//
//   struct LineProtocol {
//     using Message = std::string_view;                       // what onMessage gets
//     Input input(std::string_view bytes, Peer&);             // how long is the first packet?
//     std::string_view decode(std::string_view packet, Peer&);
//     void encode(std::string_view message, Peer&, std::string& out);   // append to out
//   };
//
// One protocol object serves one connection, so its members are that connection's state; a class without members is
// shared by all. A protocol meets the other end only as a Peer: it can be tested and fuzzed without a socket.
// Use it by object, `worker.protocol = protocol<LineProtocol>()`, or by scheme:
// `registerProtocol("line", protocol<LineProtocol>())` makes `Worker("line://0.0.0.0:2000")` use it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace artel {

/// What became of bytes handed to send (the manual's true, null and false; row 1.9.3.1).
enum class SendStatus : std::uint8_t {
  sent,     ///< accepted; in the kernel's hands by the end of this turn of the loop at the latest
  queued,   ///< accepted; the kernel is behind and takes it when the peer has read more
  dropped,  ///< not accepted: the connection is closing or closed, its buffer is full, or the message does not fit
};

/// The other end as far as a protocol may care: enough to answer a ping or to hang up.
class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = default;
  Peer& operator=(const Peer&) = default;
  virtual ~Peer() = default;
  /// Bytes as they are, around the protocol.
  virtual SendStatus sendRaw(std::string_view bytes) = 0;
  /// Sends what is buffered, then ends the connection.
  virtual void close() = 0;
  /// True once close() was called, by whomever.
  virtual bool closing() const noexcept = 0;
  /// The largest packet that input() may announce (TcpConnection::maxPackageSize).
  virtual std::size_t packageLimit() const noexcept = 0;
};

/// What the bytes received so far amount to.
struct Input {
  enum class Kind : std::uint8_t { needMore, packet, skip, invalid };
  Kind kind = Kind::needMore;
  std::size_t size = 0;
  std::string_view reason;  ///< of invalid: static text for the log

  /// The length of the first packet cannot be known yet.
  static Input needMore() { return {}; }
  /// The first n bytes are one packet; n may exceed what has arrived: input is asked again only after it is complete.
  static Input packet(std::size_t n) { return {Kind::packet, n, {}}; }
  /// Drop the first n bytes, which carry no message for the user (a handshake, a ping): one at least, and no more than
  /// have arrived, else the connection is destroyed.
  static Input skip(std::size_t n) { return {Kind::skip, n, {}}; }
  /// The bytes are illegal: the connection is destroyed, the reason logged. `why` must be static text.
  static Input invalid(std::string_view why = "illegal data") { return {Kind::invalid, 0, why}; }
  /// A packet, legal, and all of it among the first `available` bytes.
  bool isPacketIn(std::size_t available, std::size_t limit = static_cast<std::size_t>(-1)) const noexcept {
    return kind == Kind::packet && size - 1 < available && size <= limit;
  }
};

/// What a class must have to be a protocol. `encode` may be overloaded for further types that send() shall take;
/// `onConnect(Peer&)` and `onClose(Peer&)` are called, if they are there, when the connection begins and when it has
/// ended: the second never without the first, so neither of a protocol that a connection is given later.
template <class P>
concept ProtocolClass = requires(P p, std::string_view bytes, Peer& peer) {
  typename P::Message;
  { p.input(bytes, peer) } -> std::same_as<Input>;
  { p.decode(bytes, peer) } -> std::convertible_to<typename P::Message>;
};

namespace detail {
class Codec;
/// Makes the codec of one connection. Shared by all Protocol values of one kind; never changes after it was made.
class CodecFactory {
 public:
  CodecFactory() = default;
  CodecFactory(const CodecFactory&) = delete;
  CodecFactory& operator=(const CodecFactory&) = delete;
  virtual ~CodecFactory() = default;
  /// A new codec, or one that all connections share (then `owned` is false).
  struct Made {
    Codec* codec = nullptr;
    bool owned = false;
  };
  virtual Made make() const = 0;
};
}  // namespace detail

/// A protocol as a value: what Worker::protocol and TcpConnection::protocol hold. Cheap to copy.
/// Made from a scheme name (looked up when the worker listens, or when it is assigned to a connection), or by
/// protocol<P>(). The empty value means: raw bytes, as they arrive.
class Protocol {
 public:
  Protocol() = default;
  Protocol(const char* scheme) : name_(scheme) {}             // NOLINT(google-explicit-constructor)
  Protocol(std::string scheme) : name_(std::move(scheme)) {}  // NOLINT(google-explicit-constructor)
  Protocol(std::string name, std::shared_ptr<const detail::CodecFactory> factory)
      : name_(std::move(name)), factory_(std::move(factory)) {}
  /// The scheme, or the name given by registerProtocol; "tcp" for raw bytes.
  const std::string& name() const noexcept { return name_; }
  const std::shared_ptr<const detail::CodecFactory>& factory() const noexcept { return factory_; }

 private:
  std::string name_ = "tcp";
  std::shared_ptr<const detail::CodecFactory> factory_;
};

/// Makes `scheme` usable in listen addresses. A registration under a built-in name ("text") takes its place, as a
/// user's own protocol class does in Workerman. Call it before Worker::runAll. Throws SetupError when the name is not a
/// letter followed by letters and digits, or says what protocols travel over ("tcp", "unix", "ssl", "wss", ...).
void registerProtocol(std::string scheme, const Protocol& protocol);

/// The schemes that can be used now, sorted.
std::vector<std::string> protocolNames();

}  // namespace artel
