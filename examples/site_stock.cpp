// One of three programs of a site: what is in stock, for other programs, a line each way ("take pen" or "put pen"). The
// numbers live in this one process; that is why they have a program of their own. See site_pages.
// Try: printf 'put pen\ntake pen\ntake pen\n' | nc -q 1 127.0.0.1 8092
#include <algorithm>
#include <artel/artel.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  std::map<std::string, int, std::less<>> stock;
  Worker worker("text://127.0.0.1:8092");
  worker.name = "stock";
  worker.onlyOneProcess = "the stock is counted in one process";
  worker.onMessage = [&](TcpConnection& program, std::string_view line) {
    const auto space = std::min(line.find(' '), line.size());
    const std::string thing(line.substr(std::min(space + 1, line.size())));
    if (line.substr(0, space) == "put")
      program.send(thing + " " + std::to_string(++stock[thing]));
    else if (line.substr(0, space) == "take" && stock[thing] > 0)
      program.send(thing + " " + std::to_string(--stock[thing]));
    else
      program.send("no " + thing);
  };
  return Worker::runAll(argc, argv);
}
