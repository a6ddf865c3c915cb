// docs/windows.md says what the programs say: its table is made here, from the capabilities and the refusals. With
// ARTEL_WRITE_DOCS set the page is written instead of compared.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>

#include "artel/artel.hpp"
#include "src/master/plan.hpp"

namespace artel {
namespace {

/// Those of platform/win32, for other systems; `why` in a table would be in every line of it.
constexpr Capabilities likeWindows{"windows", false, false, false, false, false, false, false, "WHY"};

std::string line(const std::string& typed, const std::string& said) { return "| `" + typed + "` | " + said + " |\n"; }

std::string withoutWhy(std::string text) {
  if (const auto at = text.find(" WHY"); at != std::string::npos) text.erase(at, 4);
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

Command start(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"chat", "start"};
  words.insert(words.end(), more.begin(), more.end());
  return parseCommandLine(words, likeWindows);
}

std::string warned(const std::string& typed, const std::function<void(Worker&)>& set) {
  Worker web("http://0.0.0.0:8080");
  web.name = "web";
  set(web);
  const Plan plan = resolve({&web}, start(), likeWindows);
  Worker::pidFile.clear();
  Worker::stdoutFile.clear();
  Worker::daemonize = false;
  EXPECT_EQ(plan.warnings.size(), 1u) << typed;
  return line(typed, "warning: " + withoutWhy(plan.warnings.empty() ? "" : plan.warnings.front()));
}

std::string refused(const std::string& typed, const std::function<void()>& what) {
  try {
    what();
  } catch (const SetupError& error) {
    const std::string code = std::to_string(static_cast<int>(error.exit()));
    return line(typed, "E0" + code + ": " + error.what() +
                           (error.hints().empty() ? "" : "; try " + error.hints().back().second));
  }
  ADD_FAILURE() << typed << " is not refused";
  return "";
}

std::string table() {
  std::string text = "| You write | It says |\n| --- | --- |\n";
  text += warned("web.count = 4", [](Worker& web) { web.count = 4; });
  text += warned("web.reusePort = true", [](Worker& web) { web.reusePort = true; });
  text += warned("web.user = \"www\"", [](Worker& web) { web.user = "www"; });
  text += warned("web.group = \"www\"", [](Worker& web) { web.group = "www"; });
  text += warned("web.reloadable = false", [](Worker& web) { web.reloadable = false; });
  text += warned("web.onWorkerReload = ...", [](Worker& web) { web.onWorkerReload = [](Worker&) {}; });
  text += warned("web.maxRequests = 1000", [](Worker& web) { web.maxRequests = 1000; });
  text += warned("Worker::pidFile = \"chat.pid\"", [](Worker&) { Worker::pidFile = "chat.pid"; });
  text += warned("Worker::stdoutFile = \"chat.out\"", [](Worker&) { Worker::stdoutFile = "chat.out"; });
  text += warned("Worker::daemonize = true", [](Worker&) { Worker::daemonize = true; });
  for (const CommandRow& row : commandTable()) {
    if (row.everywhere) continue;
    const std::string typed = "chat " + std::string(row.name);
    text += refused(typed, [&] { parseCommandLine({"chat", std::string(row.name)}, likeWindows); });
  }
  text += refused("chat start -d", [] { start({"-d"}); });
  text += refused("Worker web(...), line(...);", [] {
    Worker web("http://0.0.0.0:8080"), text("text://0.0.0.0:8081");
    web.name = "web";
    text.name = "line";
    resolve({&web, &text}, start(), likeWindows);
  });
  return text;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(WindowsPage, SaysWhatTheProgramsSay) {
  const std::string path = std::string(ARTEL_SOURCE_DIR) + "/docs/windows.md";
  const std::string page = read(path), begin = "<!-- said -->\n", end = "<!-- /said -->";
  const auto from = page.find(begin), to = page.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const auto at = from + begin.size();
  if (std::getenv("ARTEL_WRITE_DOCS") != nullptr) {
    std::ofstream(path, std::ios::binary) << page.substr(0, at) + table() + page.substr(to);
  } else {
    EXPECT_EQ(page.substr(at, to - at), table())
        << "write it: ARTEL_WRITE_DOCS=1 unit_tests --gtest_filter=WindowsPage.*";
  }
}

TEST(WindowsPage, TheInventedWindowsIsTheRealOne) {
  if (capabilities().platform != "windows") GTEST_SKIP() << "asked on Windows";
  const Capabilities& real = capabilities();
  const auto flags = [](const Capabilities& can) {
    return std::vector<bool>{can.workerProcesses, can.manyListeners,   can.daemonize,  can.dropPrivileges,
                             can.reusePort,       can.controlCommands, can.unixSockets};
  };
  EXPECT_EQ(flags(real), flags(likeWindows));
  EXPECT_NE(read(std::string(ARTEL_SOURCE_DIR) + "/docs/windows.md").find("> " + std::string(real.whyLimited) + "\n"),
            std::string::npos);
}

}  // namespace
}  // namespace artel
