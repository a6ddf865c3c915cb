// The manual's first example: an HTTP service in four processes.
// Try: simple_http start     then open http://127.0.0.1:2345/ in a browser.
#include <artel/artel.hpp>

using namespace artel;

int main(int argc, char** argv) {
  Worker web("http://0.0.0.0:2345");
  web.count = 4;
  web.onMessage = [](TcpConnection& connection, const http::Request&) { connection.send("hello world"); };
  return Worker::runAll(argc, argv);
}
