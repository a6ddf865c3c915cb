// How a connection ends: closed by us or by the peer, stopped with the process, or given up because it takes too long.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "artel/log.hpp"
#include "src/net/loop.hpp"
#include "src/net/statistics.hpp"
#include "src/net/user_code.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "src/worker/dial.hpp"

namespace artel {

namespace {
/// sendTimeout of a closing connection, at most: nobody waits for its answers any more.
constexpr std::chrono::milliseconds closingTimeout{30'000};
/// A pipe of which one half has ended, and nothing passes the other.
constexpr std::chrono::milliseconds halfOpenTimeout{600'000};
constexpr std::int64_t largestRecord = std::int64_t{16} * 1024;  // RFC 8446 section 5.1

/// Ticks may come before what they are compared with, when something happened in the same turn.
std::int64_t elapsed(Conn::Clock now, Conn::Clock since) noexcept { return static_cast<std::int32_t>(now - since); }

/// minRate; more than any line carries counts as so much, also when a time is multiplied with it.
std::int64_t rateOf(const Worker& worker) noexcept {
  constexpr std::size_t most = std::size_t{1} << 30;
  return static_cast<std::int64_t>(std::min(worker.minRate, most));
}
}  // namespace

void Conn::closeWithMessage(detail::TypeId type, const void* message) {
  if (status_ < Status::established) return finish();
  if (status_ != Status::established) return;
  if (auto* codec = builtin(); codec != nullptr) codec->lastMessage();
  if (codec_ != nullptr) {
    write([&](std::string& out) { return codec_->encode(type, message, *this, out); }, true);
  } else if (type == detail::typeId<std::string_view>()) {
    write([&](std::string& out) { return out.append(*static_cast<const std::string_view*>(message)), true; }, true);
  }
  beginClose(true);
}

void Conn::endAfterFlush() { beginClose(false); }

void Conn::beginClose(bool goodbye) {
  if (status_ < Status::established) return finish();
  if (status_ != Status::established) return;
  if (goodbye) {
    auto* codec = builtin();
    if (codec != nullptr && codec->closesLater()) return;
    if (codec != nullptr) codec->sayGoodbye(*this);
    if (status_ != Status::established) return;
  }
  setStatus(Status::closing);
  stalledSince_ = clock();
  if (!corked()) dropIn();
  visitLater();
}

/// Flushed? Then our side ends. The peer has ended, too? Then all does.
void Conn::goOnClosing() {
  if (status_ != Status::closing || queued() > 0) return;
  if (peerEnded_) {
    if (encrypted()) shutdownSend();  // the end of the stream alone is no end to TLS
    return finish();
  }
  setStatus(Status::ending);
  stalledSince_ = clock();
  shutdownSend();
  startReading();
}

void Conn::finish() {
  if (gone_) return;
  gone_ = true;
  if (dialled_) {
    if (status_ == Status::initial) dial().again = false;  // it waited for that
    dialEnds();
  }
  setStatus(Status::closed);
  letGoOfSocket();
  if (net::processLoop != nullptr) visitLater();  // one that never connected may outlive the loop
}

void Conn::letGoOfSocket() {
  if (!isOpen()) return;
  letGo_ = false;
  net::loop().closing.push_back(shared_from_this());
  closeHandle();
}

void Conn::handleClosed() {
  letGo_ = true;
  // libuv lets go of what was closed last first.
  auto& closing = net::loop().closing;
  const auto at = std::find_if(closing.rbegin(), closing.rend(), [this](const auto& one) { return one.get() == this; });
  const std::shared_ptr<void> last = std::move(*at);
  *at = std::move(closing.back());
  closing.pop_back();
}

void Conn::turnEnds() {
  const auto keep = shared_from_this();
  if ((events_ & eventParse) != 0) {
    events_ &= static_cast<std::uint8_t>(~eventParse);
    if (status_ == Status::established) {
      net::activity.enter(net::Running::message, id_);
      parseBuffered();
      if (in_ == nullptr && peerEnded_ && !halfOpen_ && !has(barHeld | barPaused)) beginClose(false);
    }
  }
  raiseEvents();
  // What mayDeliver() leaves is the beginning of a message that never ends.
  if (halfOpen_ && peerEnded_ && !endPassed_ && status_ == Status::established && (in_ == nullptr || mayDeliver()))
    passEnd();
  if (has(barSendEnded) && !shut_ && queued() == 0 && !has(barEnd | barConnecting)) {
    shut_ = true;
    shutdownSend();
  }
  goOnClosing();
  if (!gone_ || endTold_) return;
  endTold_ = true;
  if (unbegun_) {  // nobody has heard of it
    dropIn();
    return leaveTable();
  }
  net::activity.enter(net::Running::close, id_);
  net::userCode(this, [&] {
    if (callbacks_->onClose) callbacks_->onClose(*this);
  });
  net::userCode(this, [&] {
    if (codec_ != nullptr && (begun_ || builtin_)) codec_->onClose(*this);
  });
  // A source that has nothing more to say, or waits for this one to drain, would wait for ever.
  if (const auto source = callbacks_->pipedFrom.lock(); source && (source->peerEnded_ || source->paused()))
    source->beginClose(false);
  dropIn();
  if (dialled_) return closedDialled();
  // A callback may hold its own connection: nothing calls it any more, so that circle is cut.
  static const CallbacksRef none(new SharedCallbacks);
  callbacks_ = none;
  leaveTable();
}

void Conn::leaveTable() {
  if (Worker* worker = std::exchange(worker_, nullptr); worker != nullptr) worker->core().connectionGone(*this);
}

// ---- time -----------------------------------------------------------------------------------------------------------

void Conn::tick(Clock now, std::uint32_t linger) {
  if (status_ == Status::ending) {
    if (now - stalledSince_ >= linger) finish();
    return;
  }
  if (handshaking() && !dialled_) return tickHandshake(now);  // of a dialled one connectTimeout counts
  if (status_ == Status::closing) {
    if (handshaking()) {  // what is queued waits for that, and there may be no connectTimeout
      if (elapsed(now, stalledSince_) >= closingTimeout.count()) finish();
      return;
    }
    // Not flushed yet: a slow reader may take its time, one that takes nothing may not.
    if (sendStalled(now, sendLimit())) giveUpSending();
    return;
  }
  if (worker_ == nullptr) return;
  const auto over = [&](std::chrono::milliseconds limit, Clock since) {
    return limit.count() > 0 && now - since >= static_cast<std::uint64_t>(limit.count());
  };
  if (unbegun_ && over(worker_->headerTimeout, messageSince_)) {
    countProtocolError();
    worker_->core().hint("proxyProtocol", std::string(logName()) + " sent no PROXY header in time (headerTimeout)");
    return finish();
  }
  if (status_ != Status::established) return;
  if (sendStalled(now, sendLimit())) return giveUpSending();
  if (over(dialled_ ? dial().options.idleTimeout : worker_->idleTimeout, lastReceived_) &&
      !(builtin_ && builtin()->answers(*this)))
    return beginClose(true);
  if (endPassed_ && halfIsStill(now)) return beginClose(false);
  if (encrypted() && recordStalls(now)) {
    log::debug(std::string(logName()) + " closed: the rest of a TLS record does not come (bodyTimeout, minRate)");
    return finish();
  }
  if (auto* codec = builtin()) return codec->tick(*this, now);
  if (in_ == nullptr || codec_ == nullptr || !mayDeliver()) return;
  if (packetSize_ == 0 ? over(worker_->headerTimeout, messageSince_) : messageStalled(now)) {
    log::debug(std::string(logName()) +
               " closed: a message was begun and comes too slowly (headerTimeout, bodyTimeout)");
    finish();
  }
}

/// Also of one that is closing: what waits for the handshake waits no longer than that.
void Conn::tickHandshake(Clock now) {
  const auto given = worker_ != nullptr ? worker_->handshakeTimeout : closingTimeout;
  const auto limit = given.count() > 0 || status_ == Status::established ? given : closingTimeout;
  if (limit.count() <= 0 || elapsed(now, messageSince_) < limit.count()) return;
  if (worker_ != nullptr) {
    countProtocolError();
    worker_->core().hint("TLS too slow", std::string(logName()) + " " + worker_->listenAddress() +
                                             ": closed, its TLS handshake was not done in time (handshakeTimeout)");
  }
  finish();
}

bool Conn::tooSlow(Clock now, Clock since, std::size_t bytes) const noexcept {
  const std::int64_t limit = worker_->bodyTimeout.count(), rate = rateOf(*worker_);
  if (limit <= 0) return false;
  const std::int64_t lasted = elapsed(now, since), silent = std::min(lasted, elapsed(now, lastReceived_));
  if (silent >= limit) return true;
  // Nothing is added to a limit: it may be the largest number there is.
  return rate > 0 && lasted >= limit && lasted - limit >= static_cast<std::int64_t>(bytes) * 1000 / rate;
}

/// A record is at most 16 KiB: it has bodyTimeout, and the time that so much takes at minRate.
bool Conn::recordStalls(Clock now) noexcept {
  const std::int64_t limit = worker_->bodyTimeout.count(), rate = rateOf(*worker_);
  if (limit <= 0) return false;
  return recordUnfinishedFor(now, lastReceived_) - limit >= (rate > 0 ? largestRecord * 1000 / rate : 0);
}

/// The peer has ended, and what it is piped with says nothing any more: it may not be there, and nobody would notice.
bool Conn::halfIsStill(Clock now) const noexcept {
  // One that is behind has sendTimeout, and the one it keeps from being read says nothing for that reason.
  const auto still = [now](const Conn& one) {
    return !one.behind() && !one.paused() && elapsed(now, one.lastReceived_) >= halfOpenTimeout.count() &&
           elapsed(now, one.messageSince_) >= halfOpenTimeout.count();
  };
  const auto other = callbacks_->pipedTo.lock();
  return still(*this) && (!other || still(*other));
}

/// How long the peer may take nothing: sendTimeout, which may be none; less than for ever when all was said.
std::chrono::milliseconds Conn::sendLimit() const noexcept {
  const auto limit = worker_ != nullptr ? worker_->sendTimeout : closingTimeout;
  if (status_ == Status::established && !(builtin_ && builtin()->goodbyeSaid())) return limit;
  return limit.count() > 0 ? std::min(limit, closingTimeout) : closingTimeout;
}

/// Each `minRate * timeout` bytes that the peer takes buy it another `timeout`: so neither one that takes nothing nor
/// one that takes a byte now and then holds what is queued for it. Asks the system only while something is queued.
bool Conn::sendStalled(Clock now, std::chrono::milliseconds timeout) noexcept {
  if (timeout.count() <= 0 || !behind()) {
    if (takenBefore_ != notBehind) takenBefore_ = notBehind;
    return false;
  }
  std::int64_t limit = timeout.count();
  const auto rate = static_cast<std::uint64_t>(worker_ != nullptr ? rateOf(*worker_) : 0);  // 0: any byte will do
  // Where a write is seen only when all of it is done, it gets the time that all of it may take.
  if (!platform::directIo()) limit += static_cast<std::int64_t>(queued() * 1000 / std::max<std::uint64_t>(rate, 1));
  const std::uint64_t taken = bytesTaken(),
                      due = std::max<std::uint64_t>(rate * static_cast<std::uint64_t>(timeout.count()) / 1000, 1);
  if (takenBefore_ == notBehind || taken - takenBefore_ >= due) {
    takenBefore_ = taken;
    stalledSince_ = now;
  }
  return elapsed(now, stalledSince_) >= limit;
}

void Conn::giveUpSending() {
  if (worker_ != nullptr) {
    ++worker_->core().sendFails;
    worker_->core().hint("sendTimeout",
                         std::string(logName()) +
                             " takes nothing, or next to nothing, of what is sent to it: the connection ends, what "
                             "waited is lost (sendTimeout, minRate)");
  }
  raise(eventStalled);
  finish();
}

void Conn::stop(bool graceful) {
  if (status_ < Status::established) return finish();
  if (status_ != Status::established) return;
  if (auto* codec = builtin(); codec != nullptr && codec->stopping(*this, graceful)) return;
  if (graceful && builtin() == nullptr) return;  // it stays until it ends by itself, or the deadline
  net::activity.enter(net::Running::drain, id_);
  if (callbacks_->onDrain) net::userCode(this, [&] { callbacks_->onDrain(*this); });
  beginClose(true);
}

}  // namespace artel
