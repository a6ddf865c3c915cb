#include "src/master/start_screen.hpp"

#include <openssl/crypto.h>

#include "artel/version.hpp"
#include "src/master/human.hpp"
#include "src/master/text_table.hpp"
#include "src/net/libuv_version.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

/// Narrow terminals lose what the reader knows best: who he is, and how bytes travel.
const std::vector<TableColumn> startColumns{{"WORKER", false, 0, 1}, {"LISTEN", false, 0, 2}, {"TRANSPORT", false, 70},
                                            {"COUNT", true},         {"USER", false, 60},     {"STATE"}};

std::string userText(const Worker& worker) {
  const std::string user = worker.user.empty() ? platform::userName() : worker.user;
  return worker.group.empty() ? user : user + ":" + worker.group;
}

std::string table(const Plan& plan, const platform::Terminal& terminal) {
  std::vector<TableColumn> shown = startColumns;
  std::vector<TableRow> rows;
  for (const PlannedWorker& one : plan.workers) {
    const ListenAddress& address = one.worker->core().address;
    rows.push_back({{one.worker->name, Paint::plain},
                    {address.none() ? "-" : address.text(), Paint::plain},
                    {address.none() ? "-" : one.worker->transport, Paint::plain},
                    {std::to_string(one.count), Paint::plain},
                    {userText(*one.worker), Paint::plain},
                    {"ready", Paint::green}});
  }
  if (!plan.cluster) {  // one process, of whoever started it
    constexpr std::size_t user = 4;
    shown.erase(shown.begin() + user);
    for (TableRow& row : rows) row.erase(row.begin() + user);
  }
  return textTable(shown, rows, terminal.width, terminal.colour);
}

/// The scheme that a client types.
std::string clientScheme(const ListenAddress& address, const std::string& transport) {
  const bool secure = transport == "ssl";
  if (address.scheme == "websocket") return secure ? "wss" : "ws";
  return secure && address.scheme == "http" ? "https" : address.scheme;
}

std::string bracketed(const std::string& ip) { return ip.find(':') == std::string::npos ? ip : "[" + ip + "]"; }

std::string processes(const Plan& plan) {
  return human::counted(static_cast<std::uint64_t>(plan.processes()), "process", "processes");
}

std::string background(const Plan& plan, std::chrono::milliseconds took, platform::Pid master, int width) {
  return broken(plan.name + ": started in the background, master " + std::to_string(master) + ", " + processes(plan) +
                    " ready in " + std::to_string(took.count()) + " ms",
                width);
}

}  // namespace

Surroundings Surroundings::here() {
  return {{"artel " + std::string(version()), std::string("libuv ") + net::libuvVersion(),
           std::string("OpenSSL ") + OpenSSL_version(OPENSSL_VERSION_STRING), platform::systemName(),
           std::to_string(platform::usableCpus()) + " CPUs"},
          platform::currentPid(),
          platform::localAddresses()};
}

std::string versionLine(const std::vector<std::string>& versions, int width) {
  return wrapped(versions, width, " \u00b7 ");
}

Reach reachOf(const Worker& worker, const std::vector<std::string>& localAddresses) {
  const ListenAddress& address = const_cast<Worker&>(worker).core().address;
  Reach reach;
  if (address.none()) return reach;
  if (address.kind == platform::SocketKind::unixStream) return {{address.text()}, true};
  const auto url = [&](const std::string& host) {
    return clientScheme(address, worker.transport) + "://" + bracketed(host) + ":" + std::to_string(address.port);
  };
  const std::string& host = address.host;
  if (host != "0.0.0.0" && host != "::") {
    reach.onlyThisMachine = host.rfind("127.", 0) == 0 || host == "::1" || host == "localhost";
    reach.urls = {url(host)};
    return reach;
  }
  reach.urls.push_back(url("127.0.0.1"));
  for (const std::string& ip : localAddresses) {
    if (host == "0.0.0.0" && ip.find(':') != std::string::npos) continue;
    if (ip.rfind("fe80:", 0) == 0) continue;  // needs a zone: nobody types it
    reach.urls.push_back(url(ip));
  }
  return reach;
}

std::string Reach::note(const std::string& url) const {
  if (onlyThisMachine) return "only this machine: ";
  return url.find("://127.0.0.1:") != std::string::npos ? "this machine:   " : "other machines: ";
}

std::string startScreen(const Plan& plan, const platform::Terminal& terminal, std::chrono::milliseconds took,
                        const Surroundings& surroundings) {
  if (plan.quiet) return "";
  if (!terminal.isTerminal) {
    std::string lines;
    for (const PlannedWorker& one : plan.workers) {
      const ListenAddress& address = one.worker->core().address;
      lines += address.none() ? "running " + one.worker->name + "\n" : "listening " + address.text() + "\n";
    }
    if (plan.background) lines += background(plan, took, surroundings.pid, 0);
    return lines;
  }
  const int width = terminal.width;
  if (plan.background) {
    std::string text = background(plan, took, surroundings.pid, width);
    for (const PlannedWorker& one : plan.workers)
      for (const std::string& url : reachOf(*one.worker, surroundings.addresses).urls) text += "  " + url + "\n";
    return text + broken("  " + plan.program + " status" + plan.pidFileOption + ", " + plan.program + " stop" +
                             plan.pidFileOption + "; log " + plan.logFile,
                         width, "  ");
  }
  std::string text = versionLine(surroundings.versions, width);
  std::vector<std::string> words{plan.program, (plan.cluster ? "master " : "pid ") + std::to_string(surroundings.pid),
                                 "foreground"};
  if (!plan.cluster)
    words.emplace_back(capabilities().platform == "windows"
                           ? "(Windows: one process, one listener; close the window to stop)"
                           : "(one process)");
  text += wrapped(words, width, "   ") + "\n";
  text += table(plan, terminal) + "\nReady in " + std::to_string(took.count()) + " ms, " + processes(plan) +
          ". Ctrl+C stops.\n";
  for (const PlannedWorker& one : plan.workers) {
    const Reach reach = reachOf(*one.worker, surroundings.addresses);
    for (const std::string& url : reach.urls) text += reach.note(url) + url + "\n";
  }
  return text;
}

}  // namespace artel
