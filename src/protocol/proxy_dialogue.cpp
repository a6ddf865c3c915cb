#include "src/protocol/proxy_dialogue.hpp"

#include <utility>

#include "src/protocol/http_answer.hpp"
#include "src/protocol/http_syntax.hpp"

namespace artel::protocols {

namespace {

using Step = ProxyDialogue::Step;
using Kind = Step::Kind;

Step failed(std::string why) { return {Kind::failed, 0, std::move(why)}; }

class HttpConnect final : public ProxyDialogue {
 public:
  HttpConnect(TunnelTo to, std::string authorization) : to_(std::move(to)), authorization_(std::move(authorization)) {}

  Step hello() override {
    const bool six = to_.host.find(':') != std::string::npos;
    const std::string authority = (six ? "[" + to_.host + "]" : to_.host) + ":" + std::to_string(to_.port);
    if (!http::syntax::isAuthority(authority)) return failed("\"" + to_.host + "\" is no host that HTTP could name");
    if (!http::syntax::isFieldValue(authorization_)) return failed("proxyAuthorization has a control character in it");
    std::string say = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    if (!authorization_.empty()) say += "Proxy-Authorization: " + authorization_ + "\r\n";
    return {Kind::goOn, 0, say + "\r\n"};
  }

  Step heard(std::string_view bytes) override {
    const auto head = http::readAnswer(bytes);
    if (head.state == http::AnswerHead::State::needMore) return {};
    if (head.state == http::AnswerHead::State::invalid) return failed("Proxy CONNECT failed: " + std::string(head.why));
    const http::Answer& answer = *head.answer;
    if (answer.status() < 200) {
      interim_ += answer.rawHead().size();
      if (interim_ > http::AnswerHead::largest)
        return failed("Proxy CONNECT failed: too many answers before the answer");
      return {Kind::goOn, answer.rawHead().size(), {}};
    }
    // After a 2xx all that follows the header block is the tunnel's, whatever lengths it speaks of.
    if (answer.status() < 300) return {Kind::tunnel, answer.rawHead().size(), {}};
    return failed("Proxy CONNECT failed: " + std::to_string(answer.status()) +
                  (answer.reason().empty() ? "" : " " + http::shown(answer.reason())));
  }

 private:
  TunnelTo to_;
  std::string authorization_;
  std::size_t interim_ = 0;  // bytes of answers before the answer
};

constexpr char version = 5, noPassword = 0, userAndPassword = 2, connectCommand = 1;

std::string_view socksReason(unsigned char reply) {
  constexpr std::string_view reasons[] = {"general SOCKS server failure", "connection not allowed by its rules",
                                          "network unreachable",          "host unreachable",
                                          "connection refused",           "TTL expired",
                                          "command not supported",        "address type not supported"};
  return reply >= 1 && reply <= std::size(reasons) ? reasons[reply - 1] : "an unknown failure";
}

class Socks5 final : public ProxyDialogue {
 public:
  Socks5(TunnelTo to, std::string user, std::string password)
      : to_(std::move(to)), user_(std::move(user)), password_(std::move(password)) {}

  Step hello() override {
    if (to_.host.size() > 255 || user_.size() > 255 || password_.size() > 255)
      return failed("SOCKS5 knows no host, user or password of more than 255 bytes");
    if (user_.empty()) return {Kind::goOn, 0, {version, 1, noPassword}};
    return {Kind::goOn, 0, {version, 2, noPassword, userAndPassword}};
  }

  Step heard(std::string_view bytes) override {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    const char expected = state_ == State::password ? 1 : version;
    if (!bytes.empty() && bytes[0] != expected)
      return failed(state_ == State::password ? "SOCKS5 authentication failed" : "that is no SOCKS5 proxy");
    if (bytes.size() < 2) return {};
    switch (state_) {
      case State::method:
        if (bytes[1] == noPassword) return {Kind::goOn, 2, request()};
        if (bytes[1] != userAndPassword || user_.empty())
          return failed("SOCKS5 authentication method negotiation failed");
        state_ = State::password;
        return {Kind::goOn, 2,
                "\1" + std::string(1, static_cast<char>(user_.size())) + user_ +
                    std::string(1, static_cast<char>(password_.size())) + password_};
      case State::password:
        if (bytes[1] != 0) return failed("SOCKS5 authentication failed");
        return {Kind::goOn, 2, request()};
      case State::answer:
        break;
    }
    if (bytes[1] != 0) return failed("SOCKS5 connect failed: " + std::string(socksReason(byte(1))));
    if (bytes.size() < 5) return {};
    std::size_t size = 0;
    if (bytes[3] == 1) size = 4 + 4 + 2;
    if (bytes[3] == 4) size = 4 + 16 + 2;
    if (bytes[3] == 3) size = 4 + 1 + std::size_t{byte(4)} + 2;
    if (size == 0 || bytes[2] != 0) return failed("SOCKS5 connect failed: its answer is none");
    if (bytes.size() < size) return {};
    return {Kind::tunnel, size, {}};
  }

 private:
  enum class State : std::uint8_t { method, password, answer };

  std::string request() {
    state_ = State::answer;
    std::string say{version, connectCommand, 0};
    if (!to_.number.empty())
      say.append(1, to_.number.size() == 4 ? '\1' : '\4').append(to_.number);
    else
      say.append(1, '\3').append(1, static_cast<char>(to_.host.size())).append(to_.host);
    say += static_cast<char>(to_.port >> 8);
    say += static_cast<char>(to_.port & 0xff);
    return say;
  }

  TunnelTo to_;
  std::string user_, password_;
  State state_ = State::method;
};

}  // namespace

std::unique_ptr<ProxyDialogue> httpConnect(TunnelTo to, std::string authorization) {
  return std::make_unique<HttpConnect>(std::move(to), std::move(authorization));
}

std::unique_ptr<ProxyDialogue> socks5(TunnelTo to, std::string user, std::string password) {
  return std::make_unique<Socks5>(std::move(to), std::move(user), std::move(password));
}

}  // namespace artel::protocols
