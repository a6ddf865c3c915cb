// An HTTP proxy for tunnels: CONNECT host:port, answered by 200, then bytes go both ways. It serves everybody who can
// reach it: keep it on an address of your own.
// Try: http_proxy start     then: curl -p -x http://127.0.0.1:8118 http://example.com/
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker proxy("tcp://127.0.0.1:8118");
  proxy.name = "http_proxy";
  proxy.onMessage = [](TcpConnection& client, std::string_view bytes) {
    std::string& head = client.context<std::string>();
    head += bytes;
    if (head.size() > 16 * 1024) return client.close("HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n");
    const auto end = head.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const auto space = head.find(' '), last = head.find(' ', space + 1);
    if (head.compare(0, 8, "CONNECT ") != 0 || last > head.find("\r\n"))
      return client.close("HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\n\r\n");
    const std::string to = head.substr(space + 1, last - space - 1);
    AsyncTcpConnectionPtr target;
    try {
      // No path, no user; the port must be there, and may be what follows an IPv6 address in brackets.
      if (to.find_first_of("/?#@") == std::string::npos && to.find(':', to.find(']') + 1) != std::string::npos)
        target = AsyncTcpConnection::to("tcp://" + to);
    } catch (const SetupError&) {
    }
    if (!target) return client.close("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    target->onConnect = [from = client.share()](TcpConnection&) {
      from->send("HTTP/1.1 200 Connection established\r\n\r\n");
    };
    target->onError = [from = client.share()](TcpConnection&, const Error& error) {
      if (error.code != Errc::connectFail) return;  // the bytes are the tunnel's
      const std::string size = std::to_string(error.message.size());
      from->close("HTTP/1.1 502 Bad Gateway\r\nContent-Length: " + size + "\r\n\r\n" + error.message);
    };
    target->send(head.substr(end + 4));  // what the client said without waiting for our answer
    client.pipe(*target);
    target->pipe(client);
    target->connect();
  };
  return Worker::runAll(argc, argv);
}
