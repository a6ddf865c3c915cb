#include "src/net/stream.hpp"

#include <algorithm>
#include <utility>

#include "src/net/loop.hpp"
#include "src/net/tls_stream.hpp"

namespace artel::net {

Stream::~Stream() {
  if (visiting_ && processLoop != nullptr) loop().forget(*this);  // a user's share() may outlive the loop
  dropOut();
  delete tls_;
}

int Stream::open(const Incoming& incoming, bool unixSocket) noexcept {
  unix_ = unixSocket;
  open_ = true;
  hindrances_ &= static_cast<std::uint8_t>(~(encryptedBit | handshakingBit));  // of a connection before this one
  input_ = 0;
  const int status = socket_.open(*this, incoming);
  hindrances_ = static_cast<std::uint8_t>(status != 0 ? hindrances_ | unable : hindrances_ & ~unable);
  return status;
}

void Stream::ready(std::uint8_t events) {
  if ((events & platform::Poller::readable) != 0) {
    if (input_ == readingIn) {
      char* const buffer = loop().receiveBuffer.get();
      readDone(buffer, platform::receiveNow(socket_.native(), buffer, Loop::Impl::receiveBufferSize));
    } else if (input_ == (readingIn | cipherIn)) {
      readReady();
    }
  }
  if ((events & platform::Poller::writable) != 0 && rest_ != nullptr) sendMore();
}

void Stream::startReading() noexcept {
  if (reading() || !open_) return;
  input_ |= readingIn;
  if (tls_ != nullptr && tls_->queued) return;  // when it had its turn
  if (const int status = socket_.startReading(*this); status != 0) {
    fail(status);
    visitLater();
  }
}

void Stream::readEnded(std::ptrdiff_t status) {
  if (status == 0) return;  // would block
  stopReading();
  if (status == platform::endOfStream)
    ended();
  else
    failed(static_cast<int>(status), behind());
}

void Stream::stopReading() noexcept {
  if (!reading()) return;
  input_ &= static_cast<std::uint8_t>(~readingIn);
  socket_.stopReading(*this);
}

void Stream::dropOut() noexcept {
  if (out_ == nullptr || pins_ != 0) return;
  loop().buffers.give(out_);
  out_ = nullptr;
}

std::uint64_t Stream::bytesTaken() const noexcept {
  std::uint64_t sent = bytesOut_;
  // Of cipher bytes those that wait are more than those of the application behind them: enough to see it get on.
  std::uint64_t waiting = rest_ != nullptr && encrypted() ? socket_.waiting(*rest_) : 0;
  if (rest_ != nullptr && !encrypted()) sent += rest_->size() - socket_.waiting(*rest_);
  // A local socket counts its queue in memory, not in bytes.
  if (open_ && !unixSocket()) waiting += platform::unacknowledged(native());
  return sent - std::min(sent, waiting);
}

bool Stream::flushLater() noexcept {
  if (rest_ != nullptr) return false;
  if (out_ != nullptr && out_->size() >= corkLimit) return flush();
  if (!corked_) visitLater();
  return true;
}

inline bool Stream::flushNow() noexcept {
  const std::ptrdiff_t taken = socket_.send(out_->data(), out_->size());
  if (taken != static_cast<std::ptrdiff_t>(out_->size())) return flushRest(taken);
  sent(out_->size());
  loop().buffers.give(std::exchange(out_, nullptr));
  return true;
}

bool Stream::flushOut() noexcept {
  if (pins_ != 0 || hindrances_ != 0 || out_->empty()) return flushRarely();
  return flushNow();
}

bool Stream::flushRarely() noexcept {
  if (pins_ == 0 && (hindrances_ & unable) == 0 && !out_->empty()) {
    if (handshaking()) return false;
    if ((hindrances_ & watched) != 0) sending(*out_);
    return encrypted() ? flushCipher() : flushNow();
  }
  dropOut();  // not what is pinned: the one who appends flushes when it is done
  return true;
}

/// The kernel took only `taken`, or it is an error.
bool Stream::flushRest(std::ptrdiff_t taken) noexcept { return keepRest(std::exchange(out_, nullptr), taken); }

bool Stream::keepRest(std::string* data, std::ptrdiff_t taken) noexcept {
  if (taken >= 0) {
    handedOver(static_cast<std::size_t>(taken));
    // Without memory for this there is none for anything: the process ends, its master starts another.
    rest_ = new Socket::Rest{data, static_cast<std::size_t>(taken)};  // NOLINT(bugprone-unhandled-exception-at-new)
    rest_->place = loop().behind.size();
    loop().behind.push_back(this);
    taken = socket_.sendRest(*this, *rest_);
    if (taken == 0) return false;
    dropRest();
  } else {
    loop().buffers.give(data);
  }
  fail(static_cast<int>(taken));  // told at the turn's end: this may run inside a user's call
  dropOut();
  visitLater();
  return true;
}

/// The kernel takes more of the rest.
void Stream::sendMore() {
  const std::ptrdiff_t taken = socket_.send(rest_->data->data() + rest_->offset, rest_->size());
  if (taken < 0) return restDone(static_cast<int>(taken));
  rest_->offset += static_cast<std::size_t>(taken);
  handedOver(static_cast<std::size_t>(taken));
  if (rest_->size() == 0) restDone(0);
}

/// libuv has written as much of the rest as it was given.
void Stream::restWritten(int status) {
  if (status == 0 && open_ && rest_->size() > mostInOneWrite) {
    rest_->offset += mostInOneWrite;
    handedOver(mostInOneWrite);
    status = socket_.sendRest(*this, *rest_);
    if (status == 0) return;
  }
  restDone(status);
}

void Stream::restDone(int status) {
  if (status == 0) handedOver(rest_->size());
  dropRest();
  if (!open_) return;  // cancelled by closeHandle
  if (status != 0) {
    dropOut();
    return failed(status, true);
  }
  encrypted() ? static_cast<void>(cipherDrained()) : static_cast<void>(flush());
  if (rest_ != nullptr) return;
  socket_.restSent(*this);
  if ((hindrances_ & unable) == 0) drained();
}

void Stream::dropRest() noexcept {
  auto& behind = loop().behind;
  behind[rest_->place] = behind.back();
  behind[rest_->place]->rest_->place = rest_->place;
  behind.pop_back();
  loop().buffers.give(rest_->data);
  delete rest_;
  rest_ = nullptr;
}

void Stream::shutdownSend() noexcept {
  if ((hindrances_ & unable) != 0) return;
  encrypted() ? endCipher() : socket_.shutdownSend();
}

void Stream::visitLater() noexcept { loop().visitAtTurnEnd(*this); }

void Stream::closeHandle() noexcept {
  dropOut();
  if (!open_) return;
  open_ = false;
  hindrances_ |= unable;
  hindrances_ &= static_cast<std::uint8_t>(~handshakingBit);  // no hello is waited for any more
  input_ &= static_cast<std::uint8_t>(~readingIn);
  if (tls_ != nullptr) endTls();
  socket_.close(*this);
  if (!platform::directIo()) return;  // libuv gives the rest back, and says when it has let go
  if (rest_ != nullptr) dropRest();
  loop().letGoLater(*this);
}

}  // namespace artel::net

std::uint64_t artel::Loop::Impl::sendQueue() const noexcept {
  std::uint64_t bytes = 0;
  for (const net::Stream* stream : behind) {
    if (stream->isOpen()) bytes += stream->queued();  // what libuv still has of a closed one is not sent
  }
  return bytes;
}
