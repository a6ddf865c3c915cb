// The text protocol, and a connection that changes its handler: first comes the password, then the talk.
// Try: text_server start     then: nc 127.0.0.1 5678     The password is: sesame
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker text("text://0.0.0.0:5678");
  text.name = "text_server";
  text.onConnect = [](TcpConnection& connection) { connection.send("password?"); };
  text.onMessage = [](TcpConnection& connection, std::string_view line) {
    if (line != "sesame") return connection.close("wrong, goodbye");
    connection.send("welcome");
    // From now on this connection, and no other, talks to another handler.
    connection.onMessage = [](TcpConnection& known, std::string_view said) {
      if (said == "quit") return known.close("goodbye");
      known.send("you said " + std::string(said));
    };
  };
  return Worker::runAll(argc, argv);
}
