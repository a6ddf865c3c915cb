// Whole connections: a worker whose handlers answer, pause, close, destroy, throw and pipe as the input says, and
// clients that send, stall, end and vanish as it says. First byte: the protocol; second: limits, compression. Then
// either what one client sends (the answers must not depend on how it is chopped), or a script, see Script::step.
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "artel/artel.hpp"
#include "fuzz/kernel.hpp"
#include "fuzz/stage.hpp"
#include "src/protocol/websocket_deflate.hpp"

using namespace artel;

namespace {

constexpr std::size_t bigAnswer = 40'000;

std::string addressOf(char protocol) {
  switch (protocol) {
    case 'f':
      return "frame://127.0.0.1:0";
    case 'r':
      return "tcp://127.0.0.1:0";
    case 'h':
    case 'x':
      return "http://127.0.0.1:0";
    case 'w':
    case 'W':
      return "websocket://127.0.0.1:0";
    default:
      return "text://127.0.0.1:0";
  }
}

// The second byte's highest bit: messages may be compressed.
bool deflates(std::uint8_t settings) { return (settings & 128) != 0; }

std::string helloOf(std::uint8_t settings) {
  return std::string(
             "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n") +
         (deflates(settings) ? "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" : "\r\n");
}

std::string bodyOf(const http::Request& request) {
  return std::string(request.method()).append(" ").append(request.uri()).append(" ").append(request.rawBody());
}

// ---- what one client gets must not depend on how its bytes are cut --------------------------------------------------

// Without what may differ: the time, and "100 Continue", which is sent only when the client waits.
std::string comparable(std::string bytes) {
  constexpr std::string_view date = "\r\nDate: ", goOn = "HTTP/1.1 100 Continue\r\n\r\n";
  for (auto at = bytes.find(date); at != std::string::npos; at = bytes.find(date, at + 1)) {
    const auto end = std::min(bytes.find("\r\n", at + 2), bytes.size());
    bytes.erase(at, end - at);
  }
  for (auto at = bytes.find(goOn); at != std::string::npos; at = bytes.find(goOn)) bytes.erase(at, goOn.size());
  return bytes;
}

/// `takes`: what the kernel takes at once of what the server sends.
std::string talk(char protocol, std::uint8_t settings, std::string_view stream, const fuzz::Cuts& cuts,
                 std::size_t takes) {
  fuzz::kernel.takes = takes;
  Worker worker(addressOf(protocol));
  worker.websocketDeflate = deflates(settings);
  std::string events;
  const bool raw = protocol == 'r';
  if (protocol == 'h' || protocol == 'x') {
    worker.onMessage = [&](TcpConnection& connection, const http::Request& request) {
      events += "request " + bodyOf(request) + "\n";
      connection.send(bodyOf(request));
    };
    if (protocol == 'x') worker.onWebSocketMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  } else {
    worker.onMessage = [&](TcpConnection& connection, std::string_view text) {
      events.append(text).append(raw ? "" : "|");
      connection.send(text);
    };
  }
  worker.onClose = [&](TcpConnection&) { events += "\nclosed"; };
  // An illegal packet destroys the connection at once: how many answers were on their way then is a matter of time.
  bool answersCount = protocol == 'h' || protocol == 'x' || protocol == 'w' || protocol == 'W';
  std::string received;
  {
    fuzz::Stage stage(worker);
    fuzz::Client& client = stage.connect(0);
    const auto send = [&](std::string_view bytes) {
      for (int i = 0; i < 100 && !bytes.empty(); ++i) {
        bytes = client.send(bytes);
        stage.turns(1);
      }
      stage.turns(1);
    };
    // Until the kernel has taken all.
    const auto settle = [&] {
      for (std::size_t before = SIZE_MAX; before != client.received.size();) {
        before = client.received.size();
        stage.turns(6);
      }
    };
    if (protocol == 'W') send(helloOf(settings));
    std::size_t sent = 0;
    for (const std::size_t cut : cuts) {
      send(stream.substr(sent, cut - sent));
      sent = cut;
    }
    settle();
    answersCount = answersCount || !client.ended;
    client.shutdown();
    settle();
    fuzz::check(client.ended, "the connection did not end after its client had");
    if (answersCount) received = comparable(client.received);
  }
  return events + "\n" + received;
}

void compare(char protocol, std::uint8_t settings, std::string_view stream) {
  const std::string whole = talk(protocol, settings, stream, {stream.size()}, SIZE_MAX);
  constexpr std::size_t takes[] = {SIZE_MAX, 1000, 100, 13};
  fuzz::Places places(stream);
  // Not all of them: a connection costs a hundred times what a parser does.
  fuzz::someChoppings(stream, [&](const fuzz::Cuts& cuts) {
    fuzz::same(whole, talk(protocol, settings, stream, cuts, takes[places.below(std::size(takes))]),
               "what a client gets depends on how its bytes are cut, or taken");
  });
}

// ---- anything at any time -------------------------------------------------------------------------------------------

class Script {
 public:
  Script(char protocol, std::uint8_t settings)
      : protocol_(protocol),
        worker_(addressOf(protocol)),
        hello_(helloOf(settings)),
        kernelBuffer_((settings & 4) != 0 ? 4096 : 0) {
    const bool small = (settings & 1) != 0;
    worker_.websocketDeflate = deflates(settings);
    if ((settings & 8) != 0) worker_.maxConnections = 2;
    if ((settings & 16) != 0) worker_.pingInterval = std::chrono::seconds(2);
    if ((settings & 32) != 0) worker_.idleTimeout = std::chrono::seconds(5);
    worker_.onConnect = [this, small, settings](TcpConnection& c) {
      const Entered entered(*this);
      if (small) c.maxSendBufferSize = 2000;
      if ((settings & 2) != 0) c.maxPackageSize = 64;
      fuzz::check(!std::exchange(lives_[c.id()], true), "one connection began twice");
    };
    worker_.onClose = [this](TcpConnection& c) {
      const Entered entered(*this);
      fuzz::check(std::exchange(lives_[c.id()], false), "onClose without onConnect, or twice");
      fuzz::check(c.send("late") == SendStatus::dropped, "a closed connection has taken a message");
      if (!actions_.empty() && actions_.back() == '!') act(c, "closed");
    };
    worker_.onError = [this](TcpConnection& c, const Error&) { const Entered entered(*this, c); };
    worker_.onBufferFull = [this](TcpConnection& c) { const Entered entered(*this, c); };
    worker_.onBufferDrain = [this](TcpConnection& c) { const Entered entered(*this, c); };
    worker_.onDrain = [this](TcpConnection& c) {
      const Entered entered(*this, c);
      c.send("bye");
    };
    if (protocol == 'h' || protocol == 'x') {
      worker_.onMessage = [this](TcpConnection& c, const http::Request& request) {
        const Entered entered(*this, c);
        act(c, bodyOf(request));
      };
    } else {
      worker_.onMessage = [this](TcpConnection& c, std::string_view text) { message(c, text); };
    }
    if (protocol == 'x') {
      worker_.onWebSocketMessage = [this](TcpConnection& c, std::string_view text) { message(c, text); };
    }
    worker_.onWebSocketConnect = [this](TcpConnection& c, const http::Request&) {
      const Entered entered(*this, c);
      if (!actions_.empty()) act(c, "hello");
    };
    worker_.onWebSocketConnected = [this](TcpConnection& c, const http::Request&) {
      const Entered entered(*this, c);
      fuzz::check(c.getStatus() == TcpConnection::Status::established, "a connection that ends was connected");
      if (!actions_.empty()) act(c, "welcome");
    };
    worker_.onWebSocketPing = [this](TcpConnection& c, std::string_view) { const Entered entered(*this, c); };
    worker_.onWebSocketClose = [this](TcpConnection& c, const websocket::Close&) { const Entered entered(*this, c); };
    Worker::onException = [this](const std::exception_ptr&, Connection*) { return std::exchange(goOn_, true); };
    stage_ = std::make_unique<fuzz::Stage>(worker_);
    connect();
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() { Worker::onException = nullptr; }

  void step(char op, fuzz::Input& input) {
    fuzz::Client& client = *stage_->clients[current_];
    switch (op) {
      case 's': {  // sends what stands before the next '|'
        std::string bytes;
        while (!input.empty()) {
          const char c = static_cast<char>(input.byte());
          if (c == '|') break;
          bytes += c;
        }
        client.send(bytes);
        break;
      }
      case 'H':
        client.send(hello_);
        break;
      case 't':
        stage_->turns(1);
        break;
      case 'e':
        client.shutdown();
        break;
      case 'x':
        client.close();
        break;
      case 'o':
        client.read(false);
        break;
      case 'O':
        client.read(true);
        break;
      case 'a':
        if (stage_->clients.size() < 4) connect();
        break;
      case 'n':
        current_ = (current_ + 1) % stage_->clients.size();
        break;
      case 'm':  // what the handler shall do with a message to come
        actions_ += static_cast<char>(input.byte());
        break;
      case 'k':
        stage_->tickAfter((input.byte() & 15) * 3000u);
        break;
      case 'g': {  // what the kernel takes at once; 255: what it likes
        const std::uint8_t most = input.byte();
        fuzz::kernel.takes = most == 255 ? SIZE_MAX : most;
        break;
      }
      case 'G':
        fuzz::kernel.fails = true;
        break;
      case 'Z':
        stage_->process().stop(0, (input.byte() & 1) != 0);
        break;
      default:
        try {
          if (TcpConnection* server = pick()) poke(op, *server);
        } catch (const std::invalid_argument&) {
          // A handler, or a protocol, that does not fit: the caller learns it.
        }
    }
    checkBounds();
  }

  void end() {
    fuzz::kernel = {};
    stage_->turns(3);
    if (!raw_) {
      for (const auto& client : stage_->clients) checkFrames(client->received);
    }
    if (keepLonger_) {
      stage_.reset();
      kept_.clear();
    } else {
      kept_.clear();
      stage_.reset();
    }
    for (const auto& [id, alive] : lives_) {
      fuzz::check(!alive || piped_.count(id) != 0, "a connection has ended without onClose");
    }
    fuzz::check(worker_.connections().empty(), "a connection is left");
  }

 private:
  // No callback is called from within another one, and none after its connection has ended.
  struct Entered {
    explicit Entered(Script& script) : script_(script) {
      fuzz::check(!std::exchange(script.inside_, true), "a callback was called from within another one");
    }
    Entered(Script& script, TcpConnection& c) : Entered(script) {
      fuzz::check(script.lives_[c.id()], "a callback after onClose, or before onConnect");
    }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;
    ~Entered() { script_.inside_ = false; }
    Script& script_;
  };

  void connect() {
    stage_->connect(kernelBuffer_);
    current_ = stage_->clients.size() - 1;
    if (protocol_ == 'W') {
      stage_->clients.back()->send(hello_);
      stage_->turns(1);
    }
  }

  void message(TcpConnection& c, std::string_view text) {
    const Entered entered(*this, c);
    act(c, text);
  }

  // From the server's side, outside of any callback: what timers and other connections do.
  TcpConnection* pick() {
    std::size_t i = 0;
    for (auto& [id, connection] : worker_.connections()) {
      if (i++ == current_) return connection.get();
    }
    return nullptr;
  }

  // What a callback does with its connection.
  void act(TcpConnection& c, std::string_view text) {
    char action = '=';
    if (!actions_.empty()) {
      action = actions_.front();
      actions_.erase(0, 1);
    }
    if (action == '!') action = 'i';
    if (action == 't') throw std::runtime_error("a callback that throws");
    if (action == 'T') {
      goOn_ = false;
      throw std::runtime_error("a callback that throws");
    }
    if (action == '0') return;  // no answer
    poke(action, c, text);
  }

  void poke(char op, TcpConnection& c, std::string_view text = "poke") {
    switch (op) {
      case 'b':
        c.send(std::string(bigAnswer, 'x'));
        break;
      case 'w':
        raw_ = true;
        c.sendRaw(std::string(3000, 'r'));
        break;
      case 'c':
        c.close();
        break;
      case 'C':
        c.close(text);
        break;
      case 'd':
        c.destroy();
        break;
      case 'p':
        c.pauseRecv();
        break;
      case 'r':
        for (auto& [id, connection] : worker_.connections()) connection->resumeRecv();
        break;
      case 'P':
        for (auto& [id, connection] : worker_.connections()) {
          if (connection.get() == &c || protocol_ == 'h' || protocol_ == 'x') continue;
          c.pipe(*connection);
          piped_.insert(c.id());
        }
        break;
      case 'S':
        kept_.push_back(c.share());
        break;
      case 'U':
        kept_.clear();
        break;
      case 'K':
        keepLonger_ = true;
        break;
      case 'l':
        c.flush();
        break;
      case 'i':
        for (auto& [id, connection] : worker_.connections()) connection->send(text);
        break;
      case 'D':
        for (auto& [id, connection] : worker_.connections()) connection->destroy();
        break;
      case 'h':
        c.send(http::Response{.headers = {{"X", "y"}}, .body = std::string(text), .chunked = true});
        break;
      case 'u':
        c.send(http::Chunk{text});
        break;
      case 'v':
        c.send(http::Chunk::last());
        break;
      case 'f':
        c.send(http::Response{404, {{"Bad\r\n", "x"}}, "y"});
        break;
      case 'y':
        if (c.acceptWebSocket() && !actions_.empty()) act(c, "accepted");
        break;
      case 'j':
        c.send(websocket::Message{text, websocket::Type::binary});
        break;
      case 'J':
        c.close(websocket::Close{1001, text});
        break;
      case 'q':
        c.onMessage = [this](TcpConnection& other, std::string_view said) { message(other, said); };
        break;
      case 'Q':
        raw_ = true;
        if (protocol_ != 'h' && protocol_ != 'x') c.protocol = protocol_ == 'f' ? "text" : "frame";
        break;
      default:
        c.send(text);
    }
  }

  /// docs/limits.md: the limit, the message that crossed it, and what is corked.
  void checkBounds() {
    for (auto& [id, c] : worker_.connections()) {
      fuzz::check(c->getSendBufferQueueSize() <= c->maxSendBufferSize + 2 * bigAnswer + 65536, "an unbounded buffer");
    }
  }

  /// After a 101 come frames as servers send them, and none after a Close (RFC 6455 section 5.5.1).
  static void checkFrames(std::string_view bytes) {
    const auto head = bytes.find("\r\n\r\n");
    if (!bytes.starts_with("HTTP/1.1 101 ") || head == std::string_view::npos) return;
    bytes.remove_prefix(head + 4);
    bool closed = false;
    while (bytes.size() >= 2) {
      const auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(bytes[at])}; };
      const std::size_t code = byte(0) & 15;
      fuzz::check(!closed, "something follows a Close");
      fuzz::check(code <= 2 || (code >= 8 && code <= 10), "a frame of no kind");
      fuzz::check((byte(0) & 0x30) == 0 && (byte(1) & 0x80) == 0, "a frame that no server may send");
      std::size_t size = byte(1), header = 2;
      const std::size_t wide = size == 126 ? 2 : size == 127 ? 8 : 0;
      if (bytes.size() < header + wide) return;
      for (size = wide == 0 ? size : 0; header < 2 + wide; ++header) size = size << 8 | byte(header);
      closed = code == 8;
      if (bytes.size() - header < size) return;
      bytes.remove_prefix(header + size);
    }
    fuzz::check(!closed || bytes.empty(), "something follows a Close");
  }

  const char protocol_;
  Worker worker_;
  const std::string hello_;
  const int kernelBuffer_;
  std::map<std::uint64_t, bool> lives_;
  std::set<std::uint64_t> piped_;  // pipe() takes their onClose
  std::string actions_;
  std::vector<ConnectionPtr> kept_;
  std::size_t current_ = 0;
  bool inside_ = false, goOn_ = true, keepLonger_ = false;
  bool raw_ = false;  // what a client gets is not what its protocol writes
  std::unique_ptr<fuzz::Stage> stage_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::setLevel(log::Level::off);
  fuzz::Input input(data, std::min<std::size_t>(size, 4096));
  const char protocol = static_cast<char>(input.byte());
  const std::uint8_t settings = input.byte();
  fuzz::kernel = {};
  Worker::deflateMemory = (settings & 1) != 0 ? 0 : std::size_t{64} * 1024 * 1024;  // 0: no context is kept
  if ((settings & 64) != 0) {
    compare(protocol, settings, input.rest());
  } else {
    Script script(protocol, settings);
    while (!input.empty()) script.step(static_cast<char>(input.byte()), input);
    script.end();
  }
  fuzz::check(websocket::Compression::kept() == 0, "memory of a connection that has ended is still counted");
  return 0;
}
