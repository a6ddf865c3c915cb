#include "src/worker/http_codec.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <utility>

#include "src/net/loop.hpp"
#include "src/net/user_code.hpp"
#include "src/protocol/sniff.hpp"
#include "src/protocol/websocket_frames.hpp"
#include "src/worker/core.hpp"
#include "src/worker/http_common_lines.hpp"
#include "src/worker/process.hpp"
#include "src/worker/websocket_codec.hpp"

namespace artel {

namespace {

constexpr std::size_t filePiece = 64 * 1024, filePerTurn = 1024 * 1024;
constexpr std::uint32_t stopGrace = 1000;  // an idle keep-alive connection's last chance at a stop

/// Requests that arrive whole, nearly all, are parsed by this one; a connection keeps a parser only in between.
http::Parser scratch;

std::time_t modified(const std::filesystem::path& file, std::error_code& failed) {
  using namespace std::chrono;
  const auto age = std::filesystem::file_time_type::clock::now() - std::filesystem::last_write_time(file, failed);
  return system_clock::to_time_t(system_clock::now() - duration_cast<system_clock::duration>(age));
}

bool hasHeader(const http::Response& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const http::Header& h) { return http::equalNames(h.name, name); });
}

bool offers(const http::Request& request, std::string_view subprotocol) {
  const auto offered = websocket::offeredSubprotocols(request);
  return subprotocol.empty() || std::find(offered.begin(), offered.end(), subprotocol) != offered.end();
}

/// Tells a piece of an answer from another one. Odd.
std::uint32_t markOf(std::string_view piece) noexcept {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(piece)) | 1U;
}
constexpr std::uint32_t severalMissing = 2;  // the mark of no piece

}  // namespace

void answerError(Conn& connection, int status, std::string_view text, bool toHead) {
  connection.write([&](std::string& out) { return http::appendError(status, text, lastAnswer(toHead), out), true; },
                   true);
}

HttpCodec::~HttpCodec() = default;

// ---- requests -------------------------------------------------------------------------------------------------------

/// The parser that has begun this request, or the one of all, set to begin it.
http::Parser& HttpCodec::parser(const Conn& connection) {
  if (parser_) return *parser_;
  scratch.reset(connection.acceptedBy()->http, connection.maxPackageSize);
  return scratch;
}

Input HttpCodec::input(std::span<char> bytes, Connection& connection) {
  Conn& self = Conn::of(connection);
  http::Parser& parser = this->parser(self);
  const auto before = parser.part();
  if (const std::size_t size = parser.parseWhole(bytes); size != 0) return Input::packet(size);
  return notWhole(self, parser, before, bytes);
}

std::size_t HttpCodec::take(std::span<char> bytes, Connection& connection, detail::Taking& taking) {
  Conn& self = Conn::of(connection);
  http::Parser& parser = this->parser(self);
  const auto before = parser.part();
  if (const std::size_t size = parser.parseWhole(bytes); size != 0) {
    taking.delivered = size;
    HttpCodec::deliver(bytes.first(size), connection, taking.handler);
    return size;
  }
  taking.found = notWhole(self, parser, before, bytes);
  return 0;
}

/// More has to come, or it is no request.
Input HttpCodec::notWhole(Conn& connection, http::Parser& parser, http::Parser::Part before, std::span<char> bytes) {
  if (parser.outcome().state == http::Parser::State::invalid)
    return refuse(connection, parser, {bytes.data(), bytes.size()});
  // The header's time begins, or the body's. A new connection has one for its first header and what comes before.
  if (parser.part() != before && !(first_ && before == http::Parser::Part::none)) connection.touch();
  if (parser.takeExpectContinue())
    connection.write([](std::string& out) { return http::appendContinue(out), true; }, true);
  if (!parser_) parser_ = std::make_unique<http::Parser>(parser);
  return Input::needMore();
}

/// The answer to bytes that are no request, then the end of the connection.
Input HttpCodec::refuse(Conn& connection, const http::Parser& parser, std::string_view bytes) {
  const auto [state, size, status, reason] = parser.outcome();
  connection.countProtocolError();
  if (first_ && connection.bytesIn() == bytes.size()) {
    // The first bytes of this connection: they may be another protocol.
    Worker& worker = *connection.acceptedBy();
    if (const auto spoken = protocols::sniff(bytes); spoken == protocols::Spoken::tls) {
      worker.core().hint("wrong protocol", protocols::wrongProtocolHint(spoken, worker.listenAddress(),
                                                                        worker.core().fixedProtocol.name()));
    } else {
      worker.core().hint("illegal data",
                         std::string(connection.logName()) + " sent no valid request: " + std::string(reason));
    }
  }
  answerError(connection, status, reason, parser.head().isHead);
  connection.endAfterFlush();
  return Input::skip(bytes.size());
}

void HttpCodec::deliver(std::span<char> packet, Connection& connection, const MessageCallback& handler) {
  Conn& self = Conn::of(connection);
  const std::unique_ptr<http::Parser> kept = std::move(parser_);
  const http::Parser& parsed = kept ? *kept : scratch;
  http::Request request = parsed.request(packet.data());
  http10_ = parsed.head().minor == 0;
  keepAlive_ = parsed.head().keepAlive;
  head_ = parsed.head().isHead;
  first_ = false;
  state_ = State::asked;
  refused_ = Refused::nothing;
  self.countRequest();
  self.holdInput(true);
  struct Handling {  // also when a callback throws
    Handling(HttpCodec& codec, const http::Request& request) { current = {&codec, &request}; }
    ~Handling() { current = {}; }
  } handling(*this, request);
  threw_ = true;
  if (mode_ == Mode::http && !request.wantsWebSocket() && !parsed.head().httpsTarget && handler) [[likely]]
    handler.call(self, &request);
  else
    handleOther(self, request, parsed.head().httpsTarget, handler);
  threw_ = false;
  if (accepted_) becomeWebsocket(self, request);
}

/// An upgrade, or one that is not for onMessage.
void HttpCodec::handleOther(Conn& connection, http::Request& request, bool https, const MessageCallback& handler) {
  const SharedCallbacks& callbacks = connection.callbacks();
  const auto refuse = [&](int status, const char* page) {
    connection.write([&](std::string& out) { return answer(http::Response{status, {}, page}, connection, out); }, true);
  };
  // RFC 9110 section 7.4: what is asked for with https is given with TLS, or to a proxy that is trusted.
  if (https && !connection.encrypted() && !connection.acceptedBy()->core().trusts(connection))
    return refuse(421, "421 Misdirected Request");
  if (mode_ == Mode::websocketOnly) {
    if (request.wantsWebSocket()) return upgrade(connection, request);
    Worker& worker = *connection.acceptedBy();
    connection.countProtocolError();
    worker.core().hint("wrong protocol",
                       protocols::wrongProtocolHint(protocols::Spoken::http, worker.listenAddress(), "websocket"));
    connection.write(
        [&](std::string& out) {
          return protocols::appendWrongProtocolPage("websocket", worker.listenAddress(), lastAnswer(head_), out), true;
        },
        true);
    return answered(connection, true);
  }
  if (request.wantsWebSocket()) {
    if (callbacks.onWebSocketMessage || callbacks.onWebSocketConnect) return upgrade(connection, request);
    Worker& worker = *connection.acceptedBy();
    worker.core().hint("wrong protocol",
                       protocols::wrongProtocolHint(protocols::Spoken::webSocketHello, worker.listenAddress(), "http"));
  }
  if (handler) return handler.call(connection, &request);
  refuse(404, "404 Not Found");
}

// ---- answers --------------------------------------------------------------------------------------------------------

bool HttpCodec::keepsAlive() const noexcept { return keepAlive_ && !WorkerProcess::stopping(); }

http::ReplyContext HttpCodec::context() const {
  CommonLines& common = commonLines.renewed();
  return {http10_, keepsAlive(), head_, common.date(), &common.memo};
}

bool HttpCodec::encode(detail::TypeId type, const void* message, Connection& connection, std::string& out) {
  Conn& self = Conn::of(connection);
  if (type == detail::typeId<std::string_view>()) {
    const auto text = *static_cast<const std::string_view*>(message);
    if (accepted_ || mode_ == Mode::websocketOnly) return encodeEarly(text, self.websocketType, self, out);
    if (state_ != State::asked) return false;
    const auto how = context();
    http::appendText(text, how, out);
    answered(self, !how.keepAlive);
    return true;
  }
  if (type == detail::typeId<http::Response>()) {
    if (state_ != State::asked || accepted_) return false;
    return answer(*static_cast<const http::Response*>(message), self, out) ||
           mayNotSend(
               Refused::answer,
               "its status is not between 200 and 999, or a header or cookie has a character that may not be sent");
  }
  if (type == detail::typeId<http::Chunk>()) {
    if (state_ != State::streaming || file_) return noAnswer();
    return addPiece(static_cast<const http::Chunk*>(message)->data, self, out);
  }
  if (type == detail::typeId<websocket::Message>() && (accepted_ || mode_ == Mode::websocketOnly)) {
    const auto& typed = *static_cast<const websocket::Message*>(message);
    return encodeEarly(typed.payload, typed.type, self, out);
  }
  if (type == detail::typeId<websocket::Close>() && accepted_ && !closeSent_) {
    const auto& close = *static_cast<const websocket::Close*>(message);
    return websocket::appendClose(out, close.code, close.reason), closeSent_ = true;
  }
  return noAnswer();
}

/// From the callback that has the request it was meant as its answer; from elsewhere, who knows.
bool HttpCodec::noAnswer() noexcept {
  if (!handling() || state_ != State::asked || accepted_) return false;
  return mayNotSend(Refused::answer, "its type is no answer to a request");
}

bool HttpCodec::answer(const http::Response& response, Conn& connection, std::string& out) {
  if (!response.file.empty()) return answerFile(response, connection, out);
  http::ReplyMemo& memo = commonLines.renewed().memo;
  if (keepsAlive() && !head_ && memo.append(response, out)) [[likely]]
    return answered(connection, false), true;
  return answerAnew(response, connection, out);
}

/// One that the memo does not have, or that may not be copied from it.
bool HttpCodec::answerAnew(const http::Response& response, Conn& connection, std::string& out) {
  const auto written = http::appendResponse(response, context(), std::nullopt, out);
  if (written == http::Written::refused) return false;
  const bool close = written == http::Written::close;
  if (!response.chunked) return answered(connection, close), true;
  bodyless_ = head_ || !http::bodyAllowed(response.status);
  missing_ = 0;
  state_ = State::streaming;
  if (close) keepAlive_ = false;
  return true;
}

/// A piece that was dropped may be sent again. Whatever else follows it would make an answer that looks whole and has a
/// hole: the connection ends, and the client sees that the answer does not.
bool HttpCodec::addPiece(std::string_view piece, Conn& connection, std::string& out) {
  if (missing_ != 0 && (piece.empty() || markOf(piece) != missing_)) {
    connection.complain("answer cut off",
                        "an answer is cut off: a piece of it was dropped at maxSendBufferSize, and another one was "
                        "sent; send the same again, from onBufferDrain");
    connection.endAfterFlush();
    return false;
  }
  missing_ = 0;
  const auto how = context();
  if (!bodyless_) http::appendChunk(piece, how, out);
  if (piece.empty()) answered(connection, !how.keepAlive || (http10_ && !bodyless_));
  return true;
}

void HttpCodec::mayMiss(std::string_view piece) noexcept {
  if (state_ != State::streaming || file_ || bodyless_) return;
  const std::uint32_t mark = markOf(piece);
  missing_ = missing_ == 0 || missing_ == mark ? mark : severalMissing;
}

bool HttpCodec::answerFile(const http::Response& response, Conn& connection, std::string& out) {
  std::error_code failed;
  auto body = std::make_unique<FileBody>();
  std::uint64_t size = 0;
  if (std::filesystem::is_regular_file(response.file, failed)) {
    errno = 0;
    body->file.open(response.file, std::ios::binary);
    if (!body->file.is_open() && (errno == EMFILE || errno == ENFILE)) {
      connection.complain("no file can be opened", "a file was not sent: too many open files; 503");
      return answer(http::Response{503, {}, "503 Service Unavailable"}, connection, out);
    }
    size = std::filesystem::file_size(response.file, failed);
  }
  if (!body->file.is_open() || failed) return answer(http::Response{404, {}, "404 Not Found"}, connection, out);
  http::Response head{response.status, response.headers};
  const auto name = response.file.filename().u8string();
  if (!hasHeader(head, "Content-Type"))
    head.header("Content-Type", http::contentTypeOf({reinterpret_cast<const char*>(name.data()), name.size()}));
  // Not later than the answer (RFC 9110 section 8.8.2.1).
  const std::time_t time = std::min(modified(response.file, failed), commonLines.renewed().time());
  if (!failed && !hasHeader(head, "Last-Modified")) head.header("Last-Modified", http::httpDate(time));
  const auto written = http::appendResponse(head, context(), size, out);
  if (written == http::Written::refused) return false;
  const bool close = written == http::Written::close;
  if (head_ || size == 0 || !http::bodyAllowed(head.status)) return answered(connection, close), true;
  body->left = size;
  file_ = std::move(body);
  state_ = State::streaming;
  if (close) keepAlive_ = false;
  net::loop().defer([weak = connection.weak_from_this()] {
    const auto alive = weak.lock();
    if (alive && alive->builtin() != nullptr) alive->builtin()->drained(*alive);
  });
  return true;
}

/// As much as the kernel takes, but no more than a share of this turn.
void HttpCodec::feedFile(Conn& connection) {
  for (std::size_t fed = 0; file_ && file_->left > 0 && !connection.behind();) {
    if (fed >= filePerTurn) {
      net::loop().post([weak = connection.weak_from_this()] {
        const auto alive = weak.lock();
        if (alive && alive->builtin() != nullptr) alive->builtin()->drained(*alive);
      });
      return;
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(filePiece, file_->left));
    bool whole = false;
    const SendStatus status = connection.write(
        [&](std::string& out) {
          const std::size_t before = out.size();
          out.resize(before + size);
          whole = file_->file.read(out.data() + before, static_cast<std::streamsize>(size)).gcount() ==
                  static_cast<std::streamsize>(size);
          return whole;
        },
        true);
    if (status == SendStatus::dropped && connection.status() != TcpConnection::Status::established) return;
    if (!whole) return connection.finish();  // the file shrank: the promised length cannot be kept
    fed += size;
    file_->left -= size;
    connection.flush();
  }
  if (!file_ || file_->left > 0) return;
  file_.reset();
  answered(connection, !keepAlive_ || WorkerProcess::stopping());
}

void HttpCodec::drained(Conn& connection) {
  if (file_) feedFile(connection);
}

void HttpCodec::answered(Conn& connection, bool close) {
  state_ = State::idle;
  connection.touch();
  if (close) return connection.endAfterFlush();
  connection.holdInput(false);
}

void HttpCodec::callbackFailed(Conn& connection) {
  if (state_ == State::streaming) return connection.finish();
  if (state_ != State::asked) return;
  if (accepted_) {  // the 101 is on its way
    if (!closeSent_) sendClose(connection, websocket::closeCode::internalError);
    return connection.endAfterFlush();
  }
  answerError(connection, 500, "Internal Server Error", head_);
  answered(connection, true);
}

/// onException goes on, but nobody will answer this request any more, or end an answer that has begun.
void HttpCodec::handlerThrew(Conn& connection) {
  if (!threw_) return;
  threw_ = false;
  if (state_ == State::asked) return callbackFailed(connection);
  if (state_ == State::streaming && !file_) connection.endAfterFlush();  // without a last piece: it is not whole
}

bool HttpCodec::mayNotSend(Refused what, std::string_view why) noexcept {
  refused_ = what;
  reason = why;
  return false;
}

std::string_view HttpCodec::whyRefused(const Conn& connection) noexcept {
  const std::string_view why = std::exchange(reason, {});
  return why.empty() ? BuiltinCodec::whyRefused(connection) : why;
}

/// onError has had its chance to send something else. Nobody waits for ever, and nobody gets in.
void HttpCodec::afterRefusal(Conn& connection) {
  const Refused why = refused_;
  refused_ = Refused::nothing;
  if (why == Refused::nothing || state_ != State::asked || accepted_) return;
  if (why != Refused::subprotocol) return callbackFailed(connection);
  answerError(connection, 400, "No Subprotocol Of This Server Was Offered", head_);
  answered(connection, true);
}

bool HttpCodec::exempt(detail::TypeId type, const void* message) noexcept {
  if (accepted_ || mode_ == Mode::websocketOnly) return false;
  if (type != detail::typeId<http::Chunk>()) return state_ == State::asked;
  const std::string_view piece = static_cast<const http::Chunk*>(message)->data;
  if (!piece.empty()) mayMiss(piece);
  return piece.empty();
}

/// The rest of a file goes out first; its end closes.
bool HttpCodec::closesLater() {
  if (!file_) return false;
  keepAlive_ = false;
  return true;
}

bool HttpCodec::delivers(detail::TypeId type) const noexcept {
  if (mode_ == Mode::http && !accepted_) return type == detail::typeId<http::Request>();
  return type == detail::typeId<std::string_view>() || type == detail::typeId<websocket::Message>();
}

// ---- time -----------------------------------------------------------------------------------------------------------

void HttpCodec::tick(Conn& connection, std::uint32_t now) {
  const Worker& worker = *connection.acceptedBy();
  const auto over = [&](std::chrono::milliseconds limit) {
    return limit.count() > 0 && now - connection.messageSince() >= static_cast<std::uint64_t>(limit.count());
  };
  if (state_ != State::idle) return;
  const http::Parser::Part part = parser_ ? parser_->part() : http::Parser::Part::none;
  const bool begun = connection.messageBegun() && (!parser_ || part != http::Parser::Part::none);
  if (WorkerProcess::stopping() && !begun && now - connection.messageSince() >= stopGrace)
    return connection.endAfterFlush();
  const bool inBody = part == http::Parser::Part::body;
  if (begun && connection.awaitsPeer() && (inBody ? connection.messageStalled(now) : over(worker.headerTimeout))) {
    answerError(connection, 408, "Request Timeout", parser_ && parser_->head().isHead);
    return connection.endAfterFlush();
  }
  if (!begun && takesAnswer(connection) && !WorkerProcess::stopping()) return connection.touch();  // it is not idle
  if (!begun && over(first_ ? worker.headerTimeout : worker.keepAliveTimeout)) connection.endAfterFlush();
}

/// And has sendTimeout for that; where it is off, it is idle after all.
bool HttpCodec::takesAnswer(const Conn& connection) noexcept {
  return connection.behind() && connection.acceptedBy()->sendTimeout.count() > 0;
}

/// One that has ended its side may be gone, which nobody else would notice.
bool HttpCodec::answers(const Conn& connection) const noexcept {
  return state_ == State::idle ? takesAnswer(connection) : !connection.peerEnded();
}

bool HttpCodec::stopping(Conn& connection, bool) {
  if (state_ == State::idle && mode_ == Mode::http) connection.touch();
  return mode_ == Mode::http || state_ != State::idle;
}

// ---- WebSocket ------------------------------------------------------------------------------------------------------

void HttpCodec::refuseUpgrade(Conn& connection, const websocket::Check& check) {
  connection.write([&](std::string& out) { return websocket::appendRefusal(check, lastAnswer(head_), out), true; },
                   true);
  answered(connection, true);
}

void HttpCodec::upgrade(Conn& connection, const http::Request& request) {
  if (const auto check = websocket::checkHandshake(request); check.status != 101)
    return refuseUpgrade(connection, check);
  if (const auto decide = connection.callbacks().onWebSocketConnect) decide(connection, request);
  // Who tried to refuse, or to accept otherwise, and was not understood, has not agreed to this.
  const bool undecided = state_ == State::asked && !accepted_ && refused_ == Refused::nothing;
  if (undecided && connection.status() == TcpConnection::Status::established) accept(connection, {}, {});
}

bool HttpCodec::accept(Conn& connection, std::string_view subprotocol, const http::Headers& headers) {
  if (!handling() || state_ != State::asked || accepted_ || connection.status() != TcpConnection::Status::established)
    return false;
  if (const auto check = websocket::checkHandshake(*current.request); check.status != 101)
    return refuseUpgrade(connection, check), false;
  const std::string extension = answerToExtensions(connection);
  connection.write(
      [&](std::string& out) {
        accepted_ = websocket::appendAccept(*current.request, subprotocol, headers, out, extension);
        if (accepted_) return true;
        if (!offers(*current.request, subprotocol))
          return mayNotSend(Refused::subprotocol, "the client did not offer this subprotocol");
        return mayNotSend(Refused::answer,
                          "a header has a character that may not be sent, or is one that the handshake writes itself");
      },
      true);
  return accepted_;
}

/// permessage-deflate, or empty. Contexts are kept while the process has room for them.
std::string HttpCodec::answerToExtensions(const Conn& connection) {
  deflate_ = Deflate::none;
  if (!connection.acceptedBy()->websocketDeflate) return {};
  const auto offers = current.request->header("Sec-WebSocket-Extensions");
  auto agreed = websocket::chooseDeflate(offers, true);
  if (!agreed) return {};
  deflate_ = Deflate::keepsContexts;
  const std::size_t cost = websocket::Compression::cost(websocket::Role::server, *agreed);
  if (cost > 0 && websocket::Compression::kept() + cost > Worker::deflateMemory) {
    deflate_ = Deflate::borrowsContexts;
    agreed = websocket::chooseDeflate(offers, false);
  }
  return websocket::deflateAnswer(*agreed);
}

void HttpCodec::sendClose(Conn& connection, std::uint16_t code) {
  connection.write([&](std::string& out) { return websocket::appendClose(out, code, {}), true; }, true);
  closeSent_ = true;
}

/// close() between the acceptance and the callback's return.
void HttpCodec::sayGoodbye(Conn& connection) {
  afterRefusal(connection);
  if (accepted_ && !closeSent_)
    sendClose(connection, WorkerProcess::stopping() ? websocket::closeCode::goingAway : websocket::closeCode::normal);
}

/// The 101 is on its way and the callback has returned: from here on this connection speaks frames.
void HttpCodec::becomeWebsocket(Conn& connection, const http::Request& request) {
  if (connection.status() != TcpConnection::Status::established) return;  // the callback has closed it
  const bool wasFull = full(connection);
  const auto early = std::move(early_);
  std::unique_ptr<websocket::Compression> compression;
  if (deflate_ != Deflate::none) {
    const auto agreed =
        websocket::chooseDeflate(request.header("Sec-WebSocket-Extensions"), deflate_ == Deflate::keepsContexts);
    compression = std::make_unique<websocket::Compression>(websocket::Role::server, *agreed);
  }
  // This object lives until the turn ends.
  auto* const codec = new WebsocketCodec(std::move(compression));
  if (closeSent_) codec->closeWasSent();
  connection.switchCodec(codec, true);
  connection.holdInput(false);
  if (const auto connected = connection.callbacks().onWebSocketConnected)
    net::userCode(&connection, [&] { connected(connection, request); });
  if (early)
    connection.write(
        [&](std::string& out) {
          return connection.builtin() == codec && !codec->goodbyeSaid() && (out.append(*early), true);
        },
        true);
  if (wasFull) connection.keptNoMore();
  if (WorkerProcess::endsNow()) connection.stop(false);  // the others have been told already
}

/// Before the handshake messages wait; between the acceptance and the callback's return they follow the 101 directly.
bool HttpCodec::encodeEarly(std::string_view payload, websocket::Type type, Conn& connection, std::string& out) {
  if (accepted_) return !closeSent_ && (websocket::appendFrame(out, type, payload), true);
  if (!early_) early_ = std::make_unique<std::string>();
  if (full(connection)) return false;
  websocket::appendFrame(*early_, type, payload);
  if (full(connection)) connection.keptEnough();
  return true;
}

bool HttpCodec::full(const Conn& connection) const noexcept {
  return missing_ != 0 || (early_ && early_->size() >= connection.maxSendBufferSize);
}

}  // namespace artel
