#include <algorithm>
#include <filesystem>
#include <utility>

#include "src/log.hpp"
#include "src/master/control.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {
constexpr auto timeToAsk = 2s, timeToTake = 10s;
constexpr auto acceptPause = 200ms;  ///< without it, a connection that cannot be accepted would keep the master awake
}  // namespace

void ControlClient::say(std::string_view kind, std::string_view line) {
  if (ended_ || gone_) return;
  if (out_.size() - sent_ + line.size() > mostKept) {
    gone_ = true;  // it does not listen
    return;
  }
  if (out_.empty()) limit_ = Clock::now() + timeToTake;
  out_.append(kind).append(line);
  // A line is a line, whatever stands in it.
  std::replace(out_.end() - static_cast<std::ptrdiff_t>(line.size()), out_.end(), '\n', ' ');
  out_ += '\n';
}

void ControlClient::end(int exitCode) {
  say("end ", std::to_string(exitCode));
  ended_ = true;
  more = nullptr;
}

void ControlClient::refuse(const SetupError& error) {
  sayLines("err ", error.text());
  end(static_cast<int>(error.exit()));
}

void ControlClient::sayLines(std::string_view kind, std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    say(kind, text.substr(begin, end - begin));
    begin = end + 1;
  }
}

Result<void> ControlServer::open(const std::string& path) {
  auto listener = platform::openControl(path);
  if (!listener) return listener.error();
  listener_ = *listener;
  path_ = path;
  identity_ = platform::fileIdentity(path);
  return {};
}

void ControlServer::adopt(const std::string& path, const std::string& identity, platform::NativeSocket listener) {
  listener_ = listener;
  path_ = path;
  identity_ = identity;
}

std::shared_ptr<ControlClient> ControlServer::adopt(platform::NativeSocket client) {
  clients_.push_back(std::shared_ptr<ControlClient>(new ControlClient(client)));
  clients_.back()->asked_ = true;
  return clients_.back();
}

void ControlServer::addTo(std::vector<platform::NativeSocket>& readers, std::vector<platform::NativeSocket>& writers) {
  readers_.clear();
  writers_.clear();
  if (listener_ == platform::noSocket) return;
  if (Clock::now() >= acceptAgain_) acceptAgain_ = {};
  // With all places taken, the next one waits in the queue of the kernel; somebody's time will be over.
  readers_.push_back(nullptr);
  const bool accepts = clients_.size() < mostClients && acceptAgain_ == Clock::time_point{};
  readers.push_back(accepts ? listener_ : platform::noSocket);
  for (const auto& client : clients_) {
    readers_.push_back(client);
    readers.push_back(client->socket_);
    if (client->out_.empty()) continue;
    writers_.push_back(client);
    writers.push_back(client->socket_);
  }
}

void ControlServer::turn(const platform::Wakeup& wakeup, std::size_t firstReader, std::size_t firstWriter) {
  for (const std::size_t i : wakeup.readable) {
    if (i < firstReader || i - firstReader >= readers_.size()) continue;
    if (const auto& client = readers_[i - firstReader]) {
      read(client);
      continue;
    }
    while (clients_.size() < mostClients) {
      const auto peer = platform::acceptControl(listener_);
      if (!peer) {
        // Such as no descriptor left: the one who waits stays in the queue, and the listener readable.
        if (peer.error().code != Errc::wouldBlock) acceptAgain_ = Clock::now() + acceptPause;
        break;
      }
      clients_.push_back(std::shared_ptr<ControlClient>(new ControlClient(*peer)));
      clients_.back()->limit_ = Clock::now() + timeToAsk;
    }
  }
  for (const std::size_t i : wakeup.writable) {
    if (i >= firstWriter && i - firstWriter < writers_.size()) write(*writers_[i - firstWriter]);
  }
  const auto now = Clock::now();
  for (const auto& client : clients_) {
    if ((!client->asked_ || !client->out_.empty()) && now >= client->limit_) client->gone_ = true;
  }
  dropGone();
}

/// One buffer in a turn: the master's other work does not wait for one who never ends.
void ControlServer::read(const std::shared_ptr<ControlClient>& client) {
  if (client->gone_) return;
  char buffer[4096];
  const auto got = platform::receiveNow(client->socket_, buffer, sizeof buffer);
  if (got == 0) return;
  if (got < 0) {
    client->gone_ = true;
    return;
  }
  if (client->asked_) return;  // one request a connection; more is noise
  client->in_.append(buffer, static_cast<std::size_t>(got));
  const auto end = client->in_.find('\n');
  if (end == std::string::npos) {
    if (client->in_.size() > ControlClient::longestRequest) client->gone_ = true;
    return;
  }
  client->asked_ = true;
  const auto request = parseControlRequest(std::string_view(client->in_).substr(0, end));
  client->in_.clear();
  if (request) {
    handler_(client, *request);
  } else {
    client->err("this is not a request that this version understands");
    client->end(static_cast<int>(Exit::usage));
  }
  write(*client);
}

void ControlServer::write(ControlClient& client) {
  while (!client.gone_ && client.sent_ < client.out_.size()) {
    const auto sent =
        platform::sendNow(client.socket_, client.out_.data() + client.sent_, client.out_.size() - client.sent_);
    if (sent == 0) return;
    if (sent < 0) {
      client.gone_ = true;
      return;
    }
    client.sent_ += static_cast<std::size_t>(sent);
    client.limit_ = Clock::now() + timeToTake;
  }
  client.out_.clear();
  client.sent_ = 0;
  if (client.ended_)
    client.gone_ = true;
  else if (client.asked_ && client.more && !client.gone_)
    client.more(client);
}

void ControlServer::flush() {
  for (const auto& client : clients_) {
    if (!client->out_.empty()) write(*client);
  }
  dropGone();
}

void ControlServer::dropGone() {
  std::erase_if(clients_, [](const std::shared_ptr<ControlClient>& client) {
    if (!client->gone_) return false;
    platform::closeSocket(std::exchange(client->socket_, platform::noSocket));
    client->ended_ = true;  // whoever still holds it talks to nobody
    client->more = nullptr;
    return true;
  });
}

ControlServer::Clock::time_point ControlServer::nextLimit() const {
  auto next = acceptAgain_ == Clock::time_point{} ? Clock::time_point::max() : acceptAgain_;
  for (const auto& client : clients_) {
    if (!client->asked_ || !client->out_.empty()) next = std::min(next, client->limit_);
  }
  return next;
}

void ControlServer::leaveInChild() {
  path_.clear();
  close();
}

void ControlServer::close() {
  for (const auto& client : clients_) client->gone_ = true;
  dropGone();
  platform::closeSocket(std::exchange(listener_, platform::noSocket));
  if (path_.empty()) return;
  if (platform::fileIdentity(path_) != identity_) return path_.clear();  // another service's by now
  std::error_code ignored;
  std::filesystem::remove(std::filesystem::path(std::u8string(path_.begin(), path_.end())), ignored);
  path_.clear();
}

}  // namespace artel
