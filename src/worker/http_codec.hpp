// HTTP at work on a connection: requests in, answers out in order, and the door to WebSocket.
//
//   idle ──request complete──► asked ──send(Response)──► idle        (or closed, when the request or we say so)
//                                 └──send(chunked) ──► streaming ──last chunk──► idle
//                                 └──upgrade accepted ──► WebsocketCodec takes over
// While asked or streaming no further request is parsed: answers cannot overtake each other.
#pragma once

#include <fstream>
#include <memory>
#include <string>

#include "src/protocol/http_parser.hpp"
#include "src/protocol/http_response.hpp"
#include "src/protocol/websocket_handshake.hpp"
#include "src/worker/conn.hpp"

namespace artel {

/// A page of one line, after which the connection shall end. To HEAD its header only.
void answerError(Conn& connection, int status, std::string_view text, bool toHead);

class HttpCodec final : public BuiltinCodec {
 public:
  enum class Mode : std::uint8_t { http, websocketOnly };
  explicit HttpCodec(Mode mode) noexcept : mode_(mode) {}
  ~HttpCodec() override;

  Input input(std::span<char> bytes, Connection& connection) override;
  void deliver(std::span<char> packet, Connection& connection, const MessageCallback& handler) override;
  std::size_t take(std::span<char> bytes, Connection& connection, detail::Taking& taking) override;
  bool encode(detail::TypeId type, const void* message, Connection& connection, std::string& out) override;
  bool delivers(detail::TypeId type) const noexcept override;
  void tick(Conn& connection, std::uint32_t now) override;
  bool stopping(Conn& connection, bool graceful) override;
  void callbackFailed(Conn& connection) override;
  void drained(Conn& connection) override;
  void lastMessage() override { keepAlive_ = false; }
  void sayGoodbye(Conn& connection) override;
  void handlerThrew(Conn& connection) override;
  bool exempt(detail::TypeId type, const void* message) noexcept override;
  bool full(const Conn& connection) const noexcept override;
  bool answers(const Conn& connection) const noexcept override;
  bool owes() const noexcept override { return state_ != State::idle; }
  bool closesLater() override;
  std::string_view whyRefused(const Conn& connection) noexcept override;
  void afterRefusal(Conn& connection) override;

  /// Answers the upgrade request that is being handled with 101.
  bool accept(Conn& connection, std::string_view subprotocol, const http::Headers& headers);
  /// A request is in the hands of a callback now.
  bool handling() const noexcept { return current.codec == this; }

 private:
  static bool takesAnswer(const Conn& connection) noexcept;
  enum class State : std::uint8_t { idle, asked, streaming };
  /// A body that is read as the client takes it.
  struct FileBody {
    std::ifstream file;
    std::uint64_t left = 0;
  };
  enum class Deflate : std::uint8_t { none, keepsContexts, borrowsContexts };
  /// What was tried for this request, and may not be sent as it is.
  enum class Refused : std::uint8_t { nothing, answer, subprotocol };

  http::Parser& parser(const Conn& connection);
  ARTEL_COLD Input notWhole(Conn& connection, http::Parser& parser, http::Parser::Part before, std::span<char> bytes);
  ARTEL_COLD void handleOther(Conn& connection, http::Request& request, bool https, const MessageCallback& handler);
  void upgrade(Conn& connection, const http::Request& request);
  void refuseUpgrade(Conn& connection, const websocket::Check& check);
  std::string answerToExtensions(const Conn& connection);
  bool mayNotSend(Refused what, std::string_view why) noexcept;
  bool noAnswer() noexcept;
  void becomeWebsocket(Conn& connection, const http::Request& request);
  void sendClose(Conn& connection, std::uint16_t code);
  bool encodeEarly(std::string_view payload, websocket::Type type, Conn& connection, std::string& out);
  Input refuse(Conn& connection, const http::Parser& parser, std::string_view bytes);
  bool answer(const http::Response& response, Conn& connection, std::string& out);
  bool answerAnew(const http::Response& response, Conn& connection, std::string& out);
  bool answerFile(const http::Response& response, Conn& connection, std::string& out);
  bool addPiece(std::string_view piece, Conn& connection, std::string& out);
  void feedFile(Conn& connection);
  void mayMiss(std::string_view piece) noexcept;
  void answered(Conn& connection, bool close);
  bool keepsAlive() const noexcept;
  http::ReplyContext context() const;

  /// The request that a callback handles now: there is never more than one.
  struct Current {
    HttpCodec* codec;
    const http::Request* request;
  };
  static inline Current current{};
  /// Of what was refused just now, until whyRefused().
  static inline std::string_view reason{};

  std::unique_ptr<http::Parser> parser_;  // only while a request is incomplete
  std::unique_ptr<std::string> early_;    // messages sent before the WebSocket handshake
  std::unique_ptr<FileBody> file_;
  std::uint32_t missing_ = 0;  // of a streamed answer: the mark of a piece that was, or may be, dropped; 0: none
  Mode mode_;
  State state_ = State::idle;
  Deflate deflate_ : 4 = Deflate::none;  // as answered, until the WebSocket codec takes over
  Refused refused_ : 4 = Refused::nothing;
  bool http10_ : 1 = false, keepAlive_ : 1 = true, head_ : 1 = false, bodyless_ : 1 = false, first_ : 1 = true;
  bool accepted_ : 1 = false, threw_ : 1 = false;
  bool closeSent_ : 1 = false;  // a Close, behind the 101
};

}  // namespace artel
