// SimpleChat of the manual: everybody gets a number, and hears what everybody says.
// Try: simple_chat start     then, in two or three terminals: nc 127.0.0.1 2347
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

struct User {
  int uid = 0;
};

int main(int argc, char** argv) {
  Worker chat("text://0.0.0.0:2347");
  chat.name = "simple_chat";
  chat.onlyOneProcess = "connections() are those of one process, so two processes would be two chats";

  const auto tellAll = [&](const std::string& line) {
    for (auto& [id, connection] : chat.connections()) connection->send(line);
  };
  chat.onConnect = [lastUid = 0](TcpConnection& connection) mutable { connection.context<User>().uid = ++lastUid; };
  chat.onMessage = [&](TcpConnection& from, std::string_view text) {
    tellAll("user[" + std::to_string(from.context<User>().uid) + "] said: " + std::string(text));
  };
  chat.onClose = [&](TcpConnection& gone) { tellAll("user[" + std::to_string(gone.context<User>().uid) + "] logout"); };
  return Worker::runAll(argc, argv);
}
