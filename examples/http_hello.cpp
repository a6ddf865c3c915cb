// "hello world" over HTTP; /worker says which process answers: its number in the Worker and its pid.
// The answers are made once per process, so a request allocates nothing.
// Try: http_hello start --count 4     then, a few times: curl http://127.0.0.1:8081/worker
#include <artel/artel.hpp>
#include <string>

using namespace artel;

int main(int argc, char** argv) {
  Worker web("http://127.0.0.1:8081");
  web.name = "http_hello";
  http::Response hello{.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "hello world"};
  http::Response process = hello;
  web.onWorkerStart = [&](Worker& self) {
    process.body = std::to_string(self.id()) + "/" + std::to_string(Worker::processId()) + "\n";
  };
  web.onMessage = [&](TcpConnection& connection, const http::Request& request) {
    connection.send(request.uri() == "/worker" ? process : hello);
  };
  return Worker::runAll(argc, argv);
}
