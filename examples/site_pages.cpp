// One of three programs of a site: its pages, over HTTP. The page shows what site_clock pushes.
// Try: artel-run ./site_pages ./site_clock ./site_stock     then open http://127.0.0.1:8090/
// Each of them is one listener, so the same line serves the site on Windows and on Linux.
#include <artel/artel.hpp>

using namespace artel;

namespace {
constexpr const char* page = R"(<!doctype html><meta charset="utf-8"><title>A site of three programs</title>
<h1>A site of three programs</h1><p>The clock's program says: <b id="time">nothing yet</b></p><script>
const clock = new WebSocket(`ws://${location.hostname}:8091/`);
clock.onmessage = (message) => { document.getElementById("time").textContent = message.data; };
clock.onclose = () => setTimeout(() => location.reload(), 2000);
</script>)";
}

int main(int argc, char** argv) {
  Worker pages("http://127.0.0.1:8090");
  pages.name = "pages";
  pages.count = 4;  // on Windows one, with a warning
  pages.onMessage = [](TcpConnection& connection, const http::Request&) {
    connection.send(
        http::Response{.status = 200, .headers = {{"Content-Type", "text/html; charset=utf-8"}}, .body = page});
  };
  return Worker::runAll(argc, argv);
}
