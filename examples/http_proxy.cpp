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
    if (head.size() > 16 * 1024) return client.close("HTTP/1.1 431 Too Large\r\n\r\n");
    const auto end = head.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const auto space = head.find(' '), last = head.find(' ', space + 1);
    if (head.compare(0, 8, "CONNECT ") != 0 || last > head.find("\r\n"))
      return client.close("HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\n\r\n");
    AsyncTcpConnectionPtr target;
    try {
      target = AsyncTcpConnection::to("tcp://" + head.substr(space + 1, last - space - 1));
    } catch (const SetupError&) {
      return client.close("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    }
    if (head.size() > end + 4) target->send(head.substr(end + 4));
    client.onMessage = nullptr;
    client.pauseRecv();  // until the tunnel stands
    const auto asked = client.weak();
    target->onConnect = [asked](TcpConnection& c) {
      const auto from = asked.lock();
      if (!from || from->closing()) return c.close();
      from->send("HTTP/1.1 200 Connection established\r\n\r\n");
      from->pipe(c);
      c.pipe(*from);
      c.onError = nullptr;  // from here on the bytes are the tunnel's
      from->resumeRecv();
    };
    target->onError = [asked](TcpConnection&, const Error& error) {
      if (const auto from = asked.lock())
        from->close("HTTP/1.1 502 Bad Gateway\r\nContent-Length: " + std::to_string(error.message.size()) + "\r\n\r\n" +
                    error.message);
    };
    target->connect();
  };
  return Worker::runAll(argc, argv);
}
