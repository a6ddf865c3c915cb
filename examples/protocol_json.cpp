// A protocol of your own, by scheme: four bytes with the length of the whole packet (most significant first), then
// JSON. Once registered, "json://" works like a built-in one, in --listen too.
// Try: protocol_json start     then: printf '\0\0\0\020{"hi":"tom"}' | nc -q 1 127.0.0.1 5681 | xxd
#include <artel/artel.hpp>
#include <cstddef>
#include <string>
#include <string_view>

using namespace artel;

struct JsonProtocol {
  using Message = std::string_view;
  static constexpr std::size_t head = 4;

  static Input input(std::string_view bytes, Peer&) {
    if (bytes.size() < head) return Input::needMore();
    std::size_t size = 0;
    for (const char c : bytes.substr(0, head)) size = size << 8 | static_cast<unsigned char>(c);
    return size < head ? Input::invalid("the length is less than its own four bytes") : Input::packet(size);
  }
  static std::string_view decode(std::string_view packet, Peer&) { return packet.substr(head); }
  static void encode(std::string_view json, Peer&, std::string& out) {
    const std::size_t size = head + json.size();
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(size >> shift & 0xff));
    out.append(json);
  }
};

int main(int argc, char** argv) {
  registerProtocol("json", protocol<JsonProtocol>());
  Worker json("json://0.0.0.0:5681");
  json.onMessage = [](TcpConnection& connection, std::string_view document) {
    connection.send("{\"code\":0,\"received\":" + std::string(document) + "}");
  };
  return Worker::runAll(argc, argv);
}
