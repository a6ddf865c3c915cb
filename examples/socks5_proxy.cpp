// A SOCKS5 proxy (RFC 1928) without passwords. It serves all who can reach it: keep it on an address of your own.
// Try: socks5_proxy start     then: curl -x socks5h://127.0.0.1:1080 http://example.com/
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

std::string answer(char code) { return {5, code, 0, 1, 0, 0, 0, 0, 0, 0}; }
std::size_t byteAt(const std::string& b, std::size_t at) { return static_cast<unsigned char>(b[at]); }

/// Of a whole request, "tcp://1.2.3.4:80", else nothing; what follows it stays in `b`.
std::string takeTarget(std::string& b) {
  const bool name = b[3] == 3, six = b[3] == 4;
  const std::size_t at = name ? 5 : 4, port = at + (name ? byteAt(b, 4) : six ? 16 : 4);
  if (b.size() < port + 2) return {};
  std::string host = b.substr(at, name ? port - at : 0);
  for (std::size_t i = at; !name && i < port; i += six ? 2 : 1)
    host += (i == at ? "" : six ? ":" : ".") + (six ? toHex(b.substr(i, 2)) : std::to_string(byteAt(b, i)));
  host = (six ? "[" + host + "]:" : host + ":") + std::to_string(byteAt(b, port) << 8 | byteAt(b, port + 1));
  b.erase(0, port + 2);
  return "tcp://" + host;
}

void request(TcpConnection& client, std::string_view bytes) try {
  std::string& in = client.context<std::string>().append(bytes);
  if (in.size() < 5) return;
  if (in[0] != 5 || in[1] != 1 || in[3] < 1 || in[3] == 2 || in[3] > 4) return client.close(answer(in[1] != 1 ? 7 : 8));
  const std::string to = takeTarget(in);
  if (to.empty()) return;
  const auto target = AsyncTcpConnection::to(to);
  target->onConnect = [from = client.share()](TcpConnection&) { from->send(answer(0)); };
  target->onError = [c = client.share()](TcpConnection&, const Error& e) {  // later ones are the tunnel's
    if (e.code == Errc::connectFail) c->close(answer(e.message.find("connection refused") < e.message.size() ? 5 : 4));
  };
  target->send(in);  // the client need not wait for our answer
  client.pipe(*target);
  target->pipe(client);
  target->connect();
} catch (const SetupError&) {
  client.close(answer(1));  // a name that is none
}

void greet(TcpConnection& client, std::string_view bytes) {
  std::string& in = client.context<std::string>().append(bytes);
  if (in[0] != 5) return client.destroy();
  if (in.size() < 2 || in.size() < 2 + byteAt(in, 1)) return;
  if (in.find('\0', 2) >= 2 + byteAt(in, 1)) return client.close("\5\xff");  // it insists on a password
  in.erase(0, 2 + byteAt(in, 1));
  client.send(std::string_view("\5\0", 2));
  client.onMessage = request;
  request(client, "");
}

int main(int argc, char** argv) {
  Worker proxy("tcp://127.0.0.1:1080");
  proxy.name = "socks5_proxy";
  proxy.onMessage = greet;
  return Worker::runAll(argc, argv);
}
