#include "src/master/control.hpp"
#include "src/master/fields.hpp"

#include <array>
#include <charconv>
#include <thread>

namespace artel {

namespace {

constexpr std::string_view greeting = "artel/1";

std::string clean(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n' || c == '\t' || c == '\0') c = ' ';
  }
  return line;
}

template <class Number>
std::optional<Number> numberIn(std::string_view text) {
  Number value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> ControlRequest::number(const std::string& key) const {
  const auto at = values.find(key);
  return at == values.end() ? std::nullopt : numberIn<std::int64_t>(at->second);
}

std::string ControlRequest::line() const {
  std::string text = std::string(greeting) + "\t" + command;
  for (const auto& [key, value] : values) text += "\t" + key + (value.empty() ? "" : "=" + clean(value));
  return text + "\n";
}

std::optional<ControlRequest> parseControlRequest(std::string_view line) {
  if (takeField(line) != greeting) return std::nullopt;
  ControlRequest request;
  request.command = takeField(line);
  if (request.command.empty()) return std::nullopt;
  while (!line.empty()) {
    const std::string_view field = takeField(line);
    const auto equals = field.find('=');
    request.values[std::string(field.substr(0, equals))] =
        equals == std::string_view::npos ? "" : std::string(field.substr(equals + 1));
  }
  return request;
}

Result<ControlCall> ControlCall::begin(const std::string& path, const ControlRequest& request,
                                       std::chrono::milliseconds patience) {
  auto connected = platform::connectControl(path);
  if (!connected) return connected.error();
  ControlCall call(*connected);
  const std::string text = request.line();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (std::size_t done = 0; done < text.size();) {  // at once, unless a signal comes between
    const auto sent = platform::sendNow(call.native(), text.data() + done, text.size() - done);
    if (sent < 0 || (sent == 0 && std::chrono::steady_clock::now() >= deadline))
      return Error{Errc::system, "the master does not take a request", static_cast<int>(sent)};
    if (sent == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    done += static_cast<std::size_t>(sent);
  }
  return call;
}

ControlCall::State ControlCall::take(const ControlLine& line) {
  std::array<char, 16 * 1024> buffer;
  const auto got = platform::receiveNow(native(), buffer.data(), buffer.size());
  if (got == 0) return State::waits;
  if (got < 0) return State::cut;
  text_.append(buffer.data(), static_cast<std::size_t>(got));
  std::size_t begin = 0;
  for (auto end = text_.find('\n'); end != std::string::npos; begin = end + 1, end = text_.find('\n', begin)) {
    const std::string_view whole = std::string_view(text_).substr(begin, end - begin);
    const std::string_view kind = whole.substr(0, 3), rest = whole.size() > 4 ? whole.substr(4) : "";
    if (kind == "end") {
      code_ = numberIn<int>(rest).value_or(static_cast<int>(Exit::internal));
      return State::ended;
    }
    line(kind, rest);
  }
  text_.erase(0, begin);
  return State::waits;
}

Result<std::optional<int>> askMaster(const std::string& path, const ControlRequest& request, const ControlLine& line,
                                     std::chrono::milliseconds patience) {
  auto call = ControlCall::begin(path, request, patience);
  if (!call) return call.error();
  for (;;) {
    if (!platform::awaitReadable(call->native(), patience)) return std::optional<int>();
    const auto state = call->take(line);
    if (state == ControlCall::State::ended) return std::optional<int>(call->code());
    if (state == ControlCall::State::cut) return std::optional<int>();
  }
}

}  // namespace artel
