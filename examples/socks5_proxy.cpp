// A SOCKS5 proxy (RFC 1928), without passwords: greeting, CONNECT to an address or a name, then bytes go both ways. It
// serves everybody who can reach it: keep it on an address of your own.
// Try: socks5_proxy start     then: curl -x socks5h://127.0.0.1:1080 http://example.com/
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

struct Session {
  std::string in;
  bool greeted = false;
};

std::string answer(char code) { return {5, code, 0, 1, 0, 0, 0, 0, 0, 0}; }
unsigned byteAt(const std::string& b, std::size_t at) { return static_cast<unsigned char>(b[at]); }

/// Takes a request from the beginning: "tcp://1.2.3.4:80", or nothing yet; kinds: 1 IPv4, 3 a name, 4 IPv6.
std::string takeTarget(std::string& b) {
  if (b.size() < 5) return {};
  const std::size_t size = b[3] == 1 ? 4 : b[3] == 4 ? 16 : byteAt(b, 4), at = b[3] == 3 ? 5 : 4;
  if (b.size() < at + size + 2) return {};
  std::string host = b.substr(at, b[3] == 3 ? size : 0);
  for (std::size_t i = 0; b[3] == 1 && i < 4; ++i) host += (i > 0 ? "." : "") + std::to_string(byteAt(b, at + i));
  for (std::size_t i = 0; b[3] == 4 && i < 16; i += 2) host += (i > 0 ? ":" : "") + toHex(b.substr(at + i, 2));
  if (b[3] == 4) host = "[" + host + "]";
  const unsigned port = byteAt(b, at + size) << 8 | byteAt(b, at + size + 1);
  b.erase(0, at + size + 2);
  return "tcp://" + host + ":" + std::to_string(port);
}

int main(int argc, char** argv) {
  Worker proxy("tcp://127.0.0.1:1080");
  proxy.name = "socks5_proxy";
  proxy.onMessage = [](TcpConnection& client, std::string_view bytes) {
    auto& [in, greeted] = client.context<Session>();
    in += bytes;
    if (in[0] != 5) return client.destroy();
    if (!greeted) {
      if (in.size() < 2 || in.size() < 2 + byteAt(in, 1)) return;
      in.erase(0, 2 + byteAt(in, 1));
      client.send(std::string_view("\5\0", 2));
      greeted = true;
    }
    const bool connect = in.size() > 1 && in[1] == 1;
    const std::string to = takeTarget(in);
    if (to.empty()) return;
    if (!connect) return client.close(answer(7));
    AsyncTcpConnectionPtr target;
    try {
      target = AsyncTcpConnection::to(to);
    } catch (const SetupError&) {
      return client.close(answer(8));
    }
    if (!in.empty()) target->send(in);  // sent without waiting for our answer
    client.pauseRecv();
    target->onConnect = [asked = client.weak()](TcpConnection& c) {
      const auto from = asked.lock();
      if (!from || from->closing()) return c.close();
      from->send(answer(0));
      from->pipe(c);
      c.pipe(*from);
      c.onError = nullptr;  // from here on the bytes are the tunnel's
      from->resumeRecv();
    };
    target->onError = [asked = client.weak()](TcpConnection&, const Error&) {
      if (const auto from = asked.lock()) from->close(answer(5));
    };
    target->connect();
  };
  return Worker::runAll(argc, argv);
}
