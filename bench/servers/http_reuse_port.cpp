// "hello world" over HTTP, with a listening socket for each process.
#include <artel/artel.hpp>

using namespace artel;

int main(int argc, char** argv) {
  Worker web("http://127.0.0.1:8091");
  web.name = "http_reuse_port";
  web.reusePort = true;
  web.onMessage = [](TcpConnection& connection, const http::Request&) { connection.send("hello world"); };
  return Worker::runAll(argc, argv);
}
