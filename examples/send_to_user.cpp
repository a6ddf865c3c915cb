// Send to one client: a client's first line is its user id; then "uid:message" goes to that user, "all:message" to all.
// Try: send_to_user start     then, in two terminals: nc 127.0.0.1 5685
//      and type "tom" in one; "ann", then "tom:hello" in the other.
#include <artel/artel.hpp>
#include <map>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker post("text://0.0.0.0:5685");
  post.name = "send_to_user";
  post.onlyOneProcess = "the table of users lives in one process";

  std::map<std::string, ConnectionPtr, std::less<>> users;
  post.onMessage = [&](TcpConnection& from, std::string_view line) {
    auto& uid = from.context<std::string>();
    if (uid.empty()) {
      if (line.empty() || line == "all" || users.contains(line)) return from.close("this user id cannot be had");
      users.emplace(uid = line, from.share());
      from.send("login success, your uid is " + uid);
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return static_cast<void>(from.send("type uid:message or all:message"));
    const std::string message = uid + ": " + std::string(line.substr(colon + 1));
    if (line.substr(0, colon) == "all") {
      for (auto& [name, connection] : users) connection->send(message);
    } else if (const auto to = users.find(line.substr(0, colon)); to != users.end()) {
      to->second->send(message);
    } else {
      from.send("there is no such user");
    }
  };
  post.onClose = [&](TcpConnection& gone) { users.erase(gone.context<std::string>()); };
  return Worker::runAll(argc, argv);
}
