// A chat: rooms, names, who is there, the last 50 lines. One http Worker serves page.html on / and WebSocket on /ws.
// Try: chat start     then open http://127.0.0.1:8080/ in two browsers; change the greeting, build, chat reload.
// Over TLS: chat start --listen https://127.0.0.1:8443     with a certificate of its own, in development.pem.
//
// Browsers send text, fields divided by tabs:  join TOKEN ROOM NAME | say NONCE TEXT | typing
// They get JSON: {"t":"hello"|"rooms"|"room"|"line"|"in"|"out"|"typing"|"error", ...}. The nonce comes back with the
// line or the error, so that a page knows what became of each message: after a lost connection it repeats those that
// did not come back, and shows no nonce twice. The token names one page: a page that connects again takes the place of
// its own lost connection.
#include <algorithm>
#include <artel/artel.hpp>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat_page.hpp"

using namespace artel;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view greeting = "Welcome! Say hello.";  // on every page, a moment after a reload
constexpr std::size_t maxName = 24, maxText = 2000, maxRooms = 64, maxPeople = 200, history = 50;
constexpr double messagesPerSecond = 2, burst = 20;

struct Room {
  std::uint64_t last = 0;          // the number of its newest line
  std::vector<std::string> lines;  // the newest ones, as they were sent
  std::vector<ConnectionPtr> people;
};

struct User {
  std::string name, token;
  Room* room = nullptr;
  double allowance = burst;  // messages that may be sent now
  Clock::time_point heard = Clock::now();
};

std::string toJson(std::integral auto number) { return std::to_string(number); }

std::string toJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, static_cast<unsigned char>(c) < ' ' ? ' ' : c);
  }
  return out + '"';
}

/// An array of what is JSON already.
std::string toJson(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
  return '[' + out + ']';
}

/// `form` with each % replaced by the next value.
std::string json(std::string_view form, const auto&... values) {
  std::string out;
  ((out.append(form, 0, form.find('%')) += toJson(values), form.remove_prefix(form.find('%') + 1)), ...);
  return out.append(form);
}

std::int64_t now() { return std::chrono::system_clock::now().time_since_epoch() / 1ms; }

/// Takes the first field off.
std::string_view cut(std::string_view& rest) {
  const auto field = rest.substr(0, rest.find('\t'));
  rest.remove_prefix(std::min(field.size() + 1, rest.size()));
  return field;
}

/// Whether there is something to see, and at most so many characters (WebSocket has made sure that they are UTF-8).
bool fits(std::string_view text, std::size_t most) {
  return text.find_first_not_of(" \n\t\r") != text.npos &&
         std::size_t(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; })) <= most;
}

class Chat {
 public:
  void greet(TcpConnection& connection) {
    connection.send(json(R"({"t":"hello","greeting":%,"worker":%,"pid":%,"artel":%,"build":%,"since":%})", greeting,
                         connection.worker()->id(), Worker::processId(), version(), programId(), since_));
    connection.send(roomList());
  }

  void hear(TcpConnection& from, std::string_view message) {
    auto& user = from.context<User>();
    const std::chrono::duration<double> silent = Clock::now() - std::exchange(user.heard, Clock::now());
    user.allowance = std::min(burst, user.allowance + messagesPerSecond * silent.count()) - 1;
    const auto command = cut(message), first = cut(message);
    if (user.allowance < -5 * burst) return from.close(websocket::Close{1008, "flood"});  // policy violation
    if (user.allowance < 0) return fail(from, first, "Too fast. Take a breath.");
    if (command == "join") return join(from, first, message);
    if (!user.room) return fail(from, first, "Join a room first.");
    if (command == "say") return say(from, first, message);
    if (command == "typing") tell(*user.room, json(R"({"t":"typing","name":%})", user.name), &from);
  }

  void leave(TcpConnection& gone) {
    auto& user = gone.context<User>();
    if (!user.room) return;
    Room& room = *std::exchange(user.room, nullptr);
    std::erase_if(room.people, [&](auto& one) { return one.get() == &gone; });
    tell(room, json(R"({"t":"out","name":%})", user.name));
  }

  void announceRooms() {
    const auto list = roomList();
    if (std::exchange(announced_, list) == list) return;
    for (const auto& [name, room] : rooms_) tell(room, list);
  }

 private:
  static void tell(const Room& room, const std::string& json, const TcpConnection* except = nullptr) {
    for (const auto& one : room.people)
      if (one.get() != except) one->send(json);
  }

  static void fail(TcpConnection& to, std::string_view nonce, std::string_view why) {
    to.send(json(R"({"t":"error","nonce":%,"text":%})", nonce, why));
  }

  void join(TcpConnection& from, std::string_view token, std::string_view name) {
    const auto roomName = cut(name);
    if (!fits(token, 64)) return fail(from, "", "A page must say which one it is.");
    if (!fits(roomName, maxName) || !fits(name, maxName)) return fail(from, "", "Names have 1 to 24 characters.");
    leave(from);
    if (rooms_.size() >= maxRooms) std::erase_if(rooms_, [](auto& entry) { return entry.second.people.empty(); });
    if (rooms_.size() >= maxRooms && !rooms_.contains(roomName)) return fail(from, "", "There are too many rooms.");
    Room& room = rooms_[std::string(roomName)];
    for (const auto people = room.people; const auto& one : people)  // what this page lost, but we have not noticed yet
      if (one->context<User>().token == token) leave(*one), one->destroy();
    if (room.people.size() >= maxPeople) return fail(from, "", "This room is full.");

    auto& user = from.context<User>();
    user.name = name;
    const auto taken = [&](auto& one) { return one->template context<User>().name == user.name; };
    for (int n = 2; std::ranges::any_of(room.people, taken); ++n)
      user.name = std::string(name) + ' ' + std::to_string(n);
    tell(room, json(R"({"t":"in","name":%})", user.name));
    room.people.push_back(from.share());
    user.token = token, user.room = &room;
    std::vector<std::string> people;
    for (const auto& one : room.people) people.push_back(toJson(one->context<User>().name));
    from.send(json(R"({"t":"room","room":%,"you":%,"people":%,"lines":%})", roomName, user.name, people, room.lines));
  }

  void say(TcpConnection& from, std::string_view nonce, std::string_view text) {
    if (!fits(text, maxText)) return fail(from, nonce, "A message has 1 to 2000 characters.");
    const auto& user = from.context<User>();
    auto& [last, lines, people] = *user.room;
    lines.push_back(json(R"({"t":"line","id":%,"at":%,"name":%,"nonce":%,"text":%})", ++last, now(), user.name,
                         nonce.substr(0, 64), text));
    tell(*user.room, lines.back());
    if (lines.size() > history) lines.erase(lines.begin());
  }

  std::string roomList() const {
    std::vector<std::string> list;
    for (const auto& [name, room] : rooms_)
      list.push_back(json(R"({"name":%,"people":%,"last":%})", name, room.people.size(), room.last));
    return json(R"({"t":"rooms","rooms":%})", list);
  }

  std::map<std::string, Room, std::less<>> rooms_;
  std::string announced_;
  std::int64_t since_ = now();
};

int main(int argc, char** argv) {
  Worker web("http://127.0.0.1:8080");
  web.name = "chat";
  web.onlyOneProcess = "rooms live in one process until Channel exists";
  // A reload starts the new process before the old one stops (ReloadOrder::replacementFirst, the default), though rooms
  // then exist twice for some milliseconds. The old one hears nobody any more from the turn on in which it closes every
  // connection, so a line is in one of the two: told to all in the old one, or repeated by its page and told, also to
  // who comes later, in the new one. predecessorFirst would keep everybody waiting for the slowest page's goodbye.
  web.maxConnections = 1000;
  web.pingInterval = 30s;
  web.ssl.development = true;  // in earnest: web.ssl.localCert and localPk, see docs/tls.md
  TcpConnection::defaultMaxPackageSize = 64 * 1024;

  Chat chat;
  const http::Response missing{404}, index{.headers = {{"Cache-Control", "no-cache"}}, .body = page};
  // The id is read from the program's file: now, while nobody waits for it.
  web.onWorkerStart = [&](Worker&) { programId(), Timer::add(500ms, [&] { chat.announceRooms(); }); };
  web.onMessage = [&](auto& who, const http::Request& what) { who.send(what.path() == "/" ? index : missing); };
  web.onWebSocketConnect = [](TcpConnection& connection, const http::Request& request) {
    const auto origin = request.header("Origin");  // of a browser: the page that wants to talk must be ours
    const bool ours = origin.empty() || origin.substr(origin.find("//") + 2) == request.host();
    if (request.path() != "/ws" || !ours) connection.send(http::Response{403});
  };
  web.onWebSocketConnected = [&](TcpConnection& connection, const http::Request&) { chat.greet(connection); };
  web.onWebSocketMessage = [&](TcpConnection& from, std::string_view message) { chat.hear(from, message); };
  web.onBufferFull = [](TcpConnection& slow) { slow.destroy(); };  // it missed lines: let it come back for the last 50
  web.onClose = [&](TcpConnection& gone) { chat.leave(gone); };
  return Worker::runAll(argc, argv);
}
