// A connected byte stream, TCP or Unix socket: bytes in through one shared buffer, bytes out corked into one write per
// turn, backpressure, half-close, deferred close. Above it stands TcpConnection, which is a Stream.
//
//   out() ──append──► [buffer] ──flush(): direct send──► kernel          normal case: nothing else is touched
//                         └── what the kernel does not take ──► Rest  "behind": it waits; drained() when done
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "artel/loop.hpp"
#include "platform/compiler.hpp"
#include "platform/platform.hpp"
#include "src/net/loop.hpp"
#include "src/net/polled_socket.hpp"
#include "src/net/statistics.hpp"
#include "src/net/uv_socket.hpp"

namespace artel::net {

class HandshakeQueue;
class TlsSession;
struct TlsStream;

class Stream : public Pollable {
 public:
  /// More than this corked makes a flush before the turn ends.
  static constexpr std::size_t corkLimit = 64 * 1024;

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Where libuv writes, which counts in 32 bits.
  static constexpr std::size_t mostInOneWrite = std::size_t{16} * 1024 * 1024;

  /// Takes over the incoming socket. 0 or a libuv error; after an error the stream must still be closed.
  int open(const Incoming& incoming, bool unixSocket) noexcept;
  void startReading() noexcept;
  void stopReading() noexcept;
  bool reading() const noexcept { return (input_ & readingIn) != 0; }
  /// Reads without being told that there is something, where it is read by ourselves: of a new connection the first
  /// bytes have often come already, and would have to wait for a whole turn. A hello waits for its turn once it is
  /// there.
  void readAtOnce() {
    if (platform::directIo() && !helloWaits()) ready(platform::Poller::readable);
  }
  /// From now on bytes travel encrypted (open() was before). A client's hello goes out at once, a server waits for one;
  /// what is sent until secured() waits in out(), and is neither behind nor quiet.
  void startTls(std::unique_ptr<TlsSession> session);
  /// For how many milliseconds a TLS record has been unfinished, and nothing came before its end. Asked once a second:
  /// `now`, and when data came last, of the loop's clock.
  std::uint32_t recordUnfinishedFor(std::uint32_t now, std::uint32_t lastData) noexcept;
  bool encrypted() const noexcept { return (hindrances_ & encryptedBit) != 0; }
  /// The handshake is not done yet, nor has it failed: reading has to go on.
  bool handshaking() const noexcept { return (hindrances_ & handshakingBit) != 0; }
  /// Null when it is not encrypted, and after closeHandle().
  const TlsSession* tls() const noexcept;

  /// Append here what shall be sent, then call flushLater().
  std::string& out() {
    if (out_ == nullptr) out_ = loop().buffers.take();
    return *out_;
  }
  /// Sends before the turn ends, or at once when much is corked. False when the kernel is behind.
  bool flushLater() noexcept;
  /// Hands what is corked to the kernel. False when the kernel is behind, or the handshake is not done.
  bool flush() noexcept { return rest_ == nullptr && (out_ == nullptr || flushOut()); }
  /// The socket itself, for the platform's calls.
  platform::NativeSocket native() const noexcept { return socket_.native(); }
  bool behind() const noexcept { return rest_ != nullptr; }
  /// Nothing waits to be sent, nor was anything appended.
  bool quiet() const noexcept { return out_ == nullptr && rest_ == nullptr; }
  /// Bytes not yet in the kernel.
  std::size_t queued() const noexcept {
    return (out_ != nullptr ? out_->size() : 0) + (rest_ != nullptr ? socket_.waiting(*rest_) : 0);
  }
  /// Ends our side of the stream after everything queued; out() must not be used any more.
  void shutdownSend() noexcept;
  /// A visit by turnEnds() before this turn is over.
  void visitLater() noexcept;
  /// Forgets what is queued and closes; handleClosed() follows after the visit, then nothing.
  void closeHandle() noexcept;
  bool isOpen() const noexcept { return open_; }
  bool unixSocket() const noexcept { return unix_; }
  std::uint64_t bytesOut() const noexcept { return bytesOut_; }
  /// Of all that was sent, what the peer has taken: acknowledged, where the system tells. Asks the system.
  std::uint64_t bytesTaken() const noexcept;

 protected:
  Stream() noexcept = default;
  virtual ~Stream();

  /// Bytes have come. They may be changed in place, and are valid until this returns.
  virtual void received(std::span<char> bytes) = 0;
  /// The peer has ended its side.
  virtual void ended() = 0;
  /// Reading or writing failed; never called from within a call of ours. `sending`: bytes were lost.
  virtual void failed(int uvError, bool sending) = 0;
  /// Cipher bytes that were read before startTls().
  void receivedCipher(std::string bytes) { readMoved(bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())); }
  /// Everything is in the kernel after it had been behind.
  virtual void drained() = 0;
  /// The visit asked for by visitLater(); what was corked has been sent.
  virtual void turnEnds() = 0;
  virtual void handleClosed() = 0;
  /// The handshake is done. What had waited for it is sent after this; then drained(), if the kernel took it.
  virtual void secured() {}
  /// The handshake, or what came after it, was not as it must be: nothing more can be received, and nothing sent but
  /// what the session had to say about it. To be closed. `plain`: what came instead of TLS; then, and only then, the
  /// stream is no longer encrypted and may be answered.
  virtual void notSecure(const std::string& /*why*/, std::span<char> /*plain*/) {}
  /// These bytes go to the kernel now; only while watchSending().
  virtual void sending(std::string_view /*bytes*/) noexcept {}
  void watchSending(bool on) noexcept {
    hindrances_ = static_cast<std::uint8_t>(on ? hindrances_ | watched : hindrances_ & ~watched);
  }

 private:
  friend struct artel::Loop::Impl;  // the visits, handleClosed
  friend class UvSocket;
  friend class HandshakeQueue;
  using Socket = std::conditional_t<platform::directIo(), PolledSocket, UvSocket>;
  void ready(std::uint8_t events) override;
  void readDone(char* bytes, std::ptrdiff_t size) {
    if (size > 0) return received({bytes, static_cast<std::size_t>(size)});
    readEnded(size);
  }
  /// Bytes that libuv has read.
  void moved(char* bytes, std::ptrdiff_t size) {
    if ((input_ & cipherIn) != 0) return readMoved(bytes, size);
    readDone(bytes, size);
  }
  ARTEL_COLD void readEnded(std::ptrdiff_t status);
  ARTEL_COLD void sendMore();
  void restWritten(int status);
  void restDone(int status);
  void dropRest() noexcept;
  bool flushOut() noexcept;
  bool flushNow() noexcept;
  ARTEL_COLD bool flushRarely() noexcept;
  ARTEL_COLD bool flushRest(std::ptrdiff_t taken) noexcept;
  bool keepRest(std::string* data, std::ptrdiff_t taken) noexcept;
  // tls_stream.cpp
  void readReady();
  void readMoved(char* bytes, std::ptrdiff_t size);
  bool helloWaits() const noexcept;
  void waitForTurn(std::string_view held);
  void handshakeTurn();
  void readCipher(char* bytes, std::ptrdiff_t size);
  void shookHands();
  void brokeOff(std::span<char> bytes);
  void sendSaid(std::string& said) noexcept;
  bool sendCipher(std::string* cipher) noexcept;
  bool flushCipher() noexcept;
  bool cipherDrained() noexcept;
  void endCipher() noexcept;
  void endTls() noexcept;
  void sent(std::size_t bytes) noexcept {
    bytesOut_ += bytes;
    activity.sent(bytes);
  }
  /// The same of bytes on their way through the kernel, which say nothing of those of the application when encrypted.
  void handedOver(std::size_t bytes) noexcept {
    if (!encrypted()) sent(bytes);
  }
  void dropOut() noexcept;

  Socket socket_;
  std::string* out_ = nullptr;
  Socket::Rest* rest_ = nullptr;
  Stream* nextVisit_ = nullptr;
  TlsStream* tls_ = nullptr;
  std::uint64_t bytesOut_ = 0;
  void fail(int uvError) noexcept {
    error_ = static_cast<std::int16_t>(uvError);
    hindrances_ |= unable;
  }
  std::int16_t error_ = 0;
  // Each byte here is 10,000 of them in a process that holds so many connections.
  bool visiting_ : 1 = false, open_ : 1 = false, unix_ : 1 = false;
  bool corked_ = false;
  /// Where what is readable goes, in one byte: nearly always it is `readingIn` and nothing else.
  enum Route : std::uint8_t { readingIn = 1, cipherIn = 2 };
  std::uint8_t input_ = 0;
  /// What keeps a flush from the short way, in one byte: each one is checked against it.
  enum Hindrance : std::uint8_t {
    unable = 1,  // to send: not open, or an error came and is still to be told
    watched = 2,
    encryptedBit = 4,
    handshakingBit = 8
  };
  std::uint8_t hindrances_ = unable;
  std::uint8_t pins_ = 0;

 protected:
  /// While set, flushLater() waits for the one who set it (the parse of this stream's own input) instead of the turn's
  /// end.
  bool& corked() noexcept { return corked_; }
  /// In between out() stays where it is: nothing is flushed.
  void pin() noexcept { ++pins_; }
  void unpin() noexcept { --pins_; }
};

}  // namespace artel::net
