// Answers any method and path with 200 and the request's own body, of the type the client gave it.
// Try: http_echo start     then: curl -d 'some text' http://127.0.0.1:8082/any/path
#include <artel/artel.hpp>
#include <string>

using namespace artel;

int main(int argc, char** argv) {
  Worker web("http://127.0.0.1:8082");
  web.name = "http_echo";
  web.onMessage = [](TcpConnection& connection, const http::Request& request) {
    const std::string type(request.header("Content-Type", "application/octet-stream"));
    connection.send(http::Response{.headers = {{"Content-Type", type}}, .body = std::string(request.rawBody())});
  };
  return Worker::runAll(argc, argv);
}
