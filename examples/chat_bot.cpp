// A bot in the chat: it joins a room over WebSocket, rolls a die for whoever asks, and comes back after any end.
// Try: chat start     then: chat_bot start     and say "!dice" in the page.
// Over TLS: chat start --listen https://127.0.0.1:8443
//           chat_bot start -- wss://127.0.0.1:8443/ws development.pem
#include <artel/artel.hpp>
#include <chrono>
#include <random>
#include <string>
#include <string_view>

using namespace artel;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  Worker task;  // no listener: a process that only dials out
  task.name = "chat_bot";
  AsyncTcpConnectionPtr chat;

  task.onWorkerStart = [&](Worker&) {
    const auto& words = Worker::arguments();
    ClientOptions options;
    if (words.size() > 1) options.ssl.caFile = words[1];
    chat = AsyncTcpConnection::to(words.empty() ? "ws://127.0.0.1:8080/ws" : words[0], options);
    chat->onWebSocketConnect = [](TcpConnection& c, const http::Answer&) { c.send("join\tbot\tlobby\tBot"); };
    chat->onMessage = [](TcpConnection& c, std::string_view said) {
      if (said.find(R"("t":"line")") == said.npos || said.find(R"("text":"!dice")") == said.npos) return;
      static std::random_device dice;
      c.send("say\t\tYou rolled " + std::to_string(std::uniform_int_distribution(1, 6)(dice)) + ".");
    };
    chat->onError = [](TcpConnection&, const Error& error) { log::warn(error.message); };
    chat->onClose = [](TcpConnection& c) { c.dialled()->reconnect(1s); };
    chat->connect();
  };
  return Worker::runAll(argc, argv);
}
