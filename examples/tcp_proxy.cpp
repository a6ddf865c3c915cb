// A TCP proxy by pipe: what a client sends goes to the target, what that answers comes back, at the pace of the slower,
// half-closes included. A target that refuses ends its client.
// Try: tcp_proxy start -- tcp://example.com:80     then: curl -H 'Host: example.com' http://127.0.0.1:8087/
#include <artel/artel.hpp>
#include <string>

using namespace artel;

int main(int argc, char** argv) {
  Worker proxy("tcp://127.0.0.1:8087");
  proxy.name = "tcp_proxy";
  proxy.onConnect = [](TcpConnection& client) {
    const auto target = Worker::arguments().empty() ? "tcp://127.0.0.1:80" : Worker::arguments()[0];
    const auto upstream = AsyncTcpConnection::to(target);
    upstream->onError = [](TcpConnection&, const Error& error) { log::warn(error.message); };
    client.pipe(*upstream);
    upstream->pipe(client);
    upstream->connect();  // what the client sends until it stands is kept
  };
  return Worker::runAll(argc, argv);
}
