// The encrypted side of a Stream.
//
//   socket ─► readCipher ─► session ─► plain bytes in the second shared buffer ─► received()
//   out() ─► flushCipher ─► session ─► socket; what the kernel does not take is cipher bytes in Rest
//
// While the handshake lasts what is in out() waits there. What the session itself has to say (its part of the
// handshake, alerts) goes out at once, or waits in TlsStream::waiting: when the kernel is behind, and for as long as a
// first request is being answered.
#include "src/net/tls_stream.hpp"

#include <algorithm>
#include <utility>

#include "src/net/loop.hpp"
#include "src/net/stream.hpp"

namespace artel::net {

namespace {
/// A peer that makes a session talk (key updates, refused renegotiations) and does not listen.
constexpr std::size_t mostWaiting = std::size_t{64} * 1024;
/// A hello is smaller.
constexpr std::size_t mostHeld = std::size_t{16} * 1024;
}  // namespace

void HandshakeQueue::remove(Stream& stream) noexcept {
  const auto at = std::find(queue_.begin(), queue_.end(), &stream);
  if (at != queue_.end()) queue_.erase(at);
}

void HandshakeQueue::serve() {
  for (bool first = true; !queue_.empty() && (first || spent_ < budget); first = false) {
    Stream& next = *queue_.front();
    queue_.pop_front();
    next.handshakeTurn();
  }
  spent_ = 0;
}

void Stream::startTls(std::unique_ptr<TlsSession> session) {
  tls_ = new TlsStream(std::move(session));
  hindrances_ |= encryptedBit | handshakingBit;
  input_ |= cipherIn;
  TlsSession& made = *tls_->session;
  std::string& said = loop().cipherOut;
  made.start(said);
  sendSaid(said);
}

const TlsSession* Stream::tls() const noexcept { return tls_ != nullptr ? tls_->session.get() : nullptr; }

void Stream::endTls() noexcept {
  if (tls_->queued) loop().handshakes.remove(*this);
  delete std::exchange(tls_, nullptr);
}

/// Readable, and not plain.
void Stream::readReady() {
  if (tls_->queued) return socket_.stopReading(*this);  // told again: it waits longer than a turn
  if (helloWaits()) return waitForTurn({});             // its hello stays in the kernel
  char* const buffer = loop().receiveBuffer.get();
  readCipher(buffer, platform::receiveNow(socket_.native(), buffer, Loop::Impl::receiveBufferSize));
}

/// The same where it has been read already: by libuv, or with what came before TLS.
void Stream::readMoved(char* bytes, std::ptrdiff_t size) {
  if (tls_ == nullptr) return;
  if (size > 0 && static_cast<std::size_t>(size) <= mostHeld && helloWaits())
    return waitForTurn({bytes, static_cast<std::size_t>(size)});
  readCipher(bytes, size);
}

bool Stream::helloWaits() const noexcept {
  return handshaking() && tls_->session->isServer() && !tls_->session->begun() && !loop().handshakes.free();
}

void Stream::waitForTurn(std::string_view held) {
  if (!held.empty()) socket_.stopReading(*this);
  tls_->held = held;
  tls_->queued = true;
  loop().handshakes.add(*this);
}

void Stream::handshakeTurn() {
  tls_->queued = false;
  if (std::string held = std::exchange(tls_->held, {}); !held.empty()) {
    readCipher(held.data(), static_cast<std::ptrdiff_t>(held.size()));
  } else {
    char* const buffer = loop().receiveBuffer.get();
    readCipher(buffer, platform::receiveNow(socket_.native(), buffer, Loop::Impl::receiveBufferSize));
  }
  if (!reading() || !open_) return;
  if (const int status = socket_.startReading(*this); status != 0) {
    fail(status);
    visitLater();
  }
}

void Stream::readCipher(char* bytes, std::ptrdiff_t size) {
  if (size <= 0) {
    if (size < 0 && handshaking()) {  // it will not be done any more
      hindrances_ &= static_cast<std::uint8_t>(~handshakingBit);
      dropOut();
    }
    return readEnded(size);
  }
  TlsSession& session = *tls_->session;
  const auto before = session.state();
  if (before != TlsSession::State::handshaking && before != TlsSession::State::open) return;  // thrown away
  const std::span<char> plain = loop().plainBuffer();
  std::string& said = loop().cipherOut;
  const std::uint64_t began = before == TlsSession::State::handshaking ? uv_hrtime() : 0;
  const std::size_t got = session.read({bytes, static_cast<std::size_t>(size)}, plain, said);
  if (began != 0) loop().handshakes.spend(uv_hrtime() - began);
  // Behind its part of the handshake a client often asks for something at once: the ticket and the answer go together.
  const bool waits = got > 0 && !said.empty() && session.state() == TlsSession::State::open;
  if (waits)
    tls_->waiting += std::exchange(said, {});
  else
    sendSaid(said);
  if (before == TlsSession::State::handshaking && session.state() != TlsSession::State::handshaking) {
    hindrances_ &= static_cast<std::uint8_t>(~handshakingBit);
    if (session.state() != TlsSession::State::broken) {
      shookHands();
      if (!open_) return;
    }
  }
  const auto state = session.state();  // what follows may end the session
  if (got > 0) received(plain.first(got));
  if (waits && open_ && tls_ != nullptr && !tls_->waiting.empty()) sendSaid(said);
  if (!open_ || state == TlsSession::State::open || state == TlsSession::State::handshaking) return;
  if (state == TlsSession::State::peerEnded) {
    stopReading();
    return ended();
  }
  brokeOff({bytes, static_cast<std::size_t>(size)});
}

/// What waited for this may go.
void Stream::shookHands() {
  const bool waited = out_ != nullptr && !out_->empty();
  secured();
  if (!open_ || !waited || !flush() || !open_) return;
  if ((hindrances_ & unable) == 0) drained();
}

void Stream::brokeOff(std::span<char> bytes) {
  dropOut();
  TlsSession& session = *tls_->session;
  const std::string why = session.error();
  if (!session.spokePlain()) return notSecure(why, {});
  // It does not speak TLS: so nor do we, should there be something to answer.
  endTls();
  hindrances_ &= static_cast<std::uint8_t>(~(encryptedBit | handshakingBit));
  input_ &= static_cast<std::uint8_t>(~cipherIn);
  notSecure(why, bytes);
}

std::uint32_t Stream::recordUnfinishedFor(std::uint32_t now, std::uint32_t lastData) noexcept {
  if (tls_ == nullptr || handshaking() || !reading() || !tls_->session->unfinished()) {
    if (tls_ != nullptr) tls_->unfinished.reset();
    return 0;
  }
  auto& unfinished = tls_->unfinished;
  if (!unfinished || unfinished->lastData != lastData) unfinished = {now, lastData};
  return now - unfinished->since;
}

/// What the session has said by itself.
void Stream::sendSaid(std::string& said) noexcept {
  if (said.empty() && tls_->waiting.empty()) return;
  if (rest_ != nullptr || (hindrances_ & unable) != 0) {
    tls_->waiting += said;
    said.clear();
    if (tls_->waiting.size() <= mostWaiting || (hindrances_ & unable) != 0) return;
    fail(UV_ECONNRESET);
    return visitLater();
  }
  std::string* cipher = loop().buffers.take();
  cipher->append(std::exchange(tls_->waiting, {})).append(said);
  said.clear();
  sendCipher(cipher);
}

bool Stream::sendCipher(std::string* cipher) noexcept {
  const std::ptrdiff_t taken = socket_.send(cipher->data(), cipher->size());
  if (taken != static_cast<std::ptrdiff_t>(cipher->size())) return keepRest(cipher, taken);
  loop().buffers.give(cipher);
  return true;
}

/// out_ is not empty, and the handshake is done.
bool Stream::flushCipher() noexcept {
  std::string* cipher = loop().buffers.take();
  cipher->append(std::exchange(tls_->waiting, {}));
  if (!tls_->session->write(*out_, *cipher)) {
    loop().buffers.give(cipher);
    dropOut();
    fail(UV_EPROTO);  // what was to be sent is lost: told at the turn's end, as for a socket
    visitLater();
    return true;
  }
  sent(out_->size());
  loop().buffers.give(std::exchange(out_, nullptr));
  return sendCipher(cipher);
}

/// The kernel has taken all of what it was behind with. False: it is behind again.
bool Stream::cipherDrained() noexcept {
  if (tls_ == nullptr) return true;
  sendSaid(loop().cipherOut);
  flush();
  if (rest_ != nullptr) return false;
  if (std::exchange(tls_->endsLater, false) && (hindrances_ & unable) == 0) socket_.shutdownSend();
  return true;
}

void Stream::endCipher() noexcept {
  if (tls_ == nullptr) return socket_.shutdownSend();
  std::string& said = loop().cipherOut;
  tls_->session->end(said);
  sendSaid(said);
  if (rest_ != nullptr)
    tls_->endsLater = true;
  else if ((hindrances_ & unable) == 0)
    socket_.shutdownSend();
}

}  // namespace artel::net
