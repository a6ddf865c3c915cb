// Push from other programs: browsers speak WebSocket here, and say who they are in their first message. Other programs
// speak text on an inner port: a line "uid message" pushes the message to that user and is answered by "ok" or "fail".
// Try: push_from_outside start     then: python3 -m websockets ws://127.0.0.1:5687/   (and type tom)
//      and, from a shell: echo 'tom hello' | nc -q 1 127.0.0.1 5688       The inner address can be given: -- ADDRESS
#include <artel/artel.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker users("websocket://0.0.0.0:5687");
  users.name = "push_from_outside";
  users.onlyOneProcess = "the table of users lives in one process";

  std::map<std::string, ConnectionPtr, std::less<>> online;
  std::unique_ptr<Worker> inner;  // made in the worker process: it shares its loop and its data
  users.onWorkerStart = [&](Worker&) {
    inner = std::make_unique<Worker>(Worker::arguments().empty() ? "text://127.0.0.1:5688" : Worker::arguments()[0]);
    inner->onMessage = [&](TcpConnection& program, std::string_view line) {
      const std::size_t space = std::min(line.find(' '), line.size());
      const auto to = online.find(line.substr(0, space));
      const auto text = line.substr(std::min(space + 1, line.size()));
      const bool pushed = to != online.end() && to->second->send(text) != SendStatus::dropped;
      program.send(pushed ? "ok" : "fail");
    };
    inner->listen();
    log::info("pushes are taken on " + inner->listenAddress());
  };
  users.onMessage = [&](TcpConnection& user, std::string_view uid) {
    if (!user.context<std::string>().empty()) return;
    if (online.emplace(uid, user.share()).second) user.context<std::string>() = uid;
  };
  users.onClose = [&](TcpConnection& user) { online.erase(user.context<std::string>()); };
  return Worker::runAll(argc, argv);
}
