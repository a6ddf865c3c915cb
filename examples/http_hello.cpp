// "hello world" over HTTP. The header X-Worker names the process that answered: its number in the Worker and its pid.
// The answer is made once per process, so a request allocates nothing.
// Try: http_hello start --count 4     then, a few times: curl -i http://127.0.0.1:8081/
#include <artel/artel.hpp>
#include <string>

using namespace artel;

int main(int argc, char** argv) {
  Worker web("http://127.0.0.1:8081");
  web.name = "http_hello";
  http::Response hello{.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "hello world"};
  web.onWorkerStart = [&](Worker& self) {
    hello.header("X-Worker", std::to_string(self.id()) + "/" + std::to_string(Worker::processId()));
  };
  web.onMessage = [&](TcpConnection& connection, const http::Request&) { connection.send(hello); };
  return Worker::runAll(argc, argv);
}
