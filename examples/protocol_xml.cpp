// A protocol of your own, by object: ten decimal digits with the length of the whole packet, then XML.
// Try: protocol_xml start     then: printf '0000000022<hi>tom</hi>' | nc -q 1 127.0.0.1 5680
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

struct XmlProtocol {
  using Message = std::string_view;
  static constexpr std::size_t head = 10;

  static Input input(std::string_view bytes, Peer&) {
    if (bytes.size() < head) return Input::needMore();
    std::size_t size = 0;
    for (const char c : bytes.substr(0, head)) {
      if (c < '0' || c > '9') return Input::invalid("the length is not ten digits");
      size = size * 10 + static_cast<std::size_t>(c - '0');
    }
    return size < head ? Input::invalid("the length is less than its own ten digits") : Input::packet(size);
  }
  static std::string_view decode(std::string_view packet, Peer&) { return packet.substr(head); }
  static void encode(std::string_view xml, Peer&, std::string& out) {
    const std::string size = std::to_string(head + xml.size());
    out.append(head - size.size(), '0').append(size).append(xml);
  }
};

int main(int argc, char** argv) {
  Worker xml("tcp://0.0.0.0:5680");
  xml.protocol = protocol<XmlProtocol>();
  xml.onMessage = [](TcpConnection& connection, std::string_view document) {
    connection.send("<received><size>" + std::to_string(document.size()) + "</size></received>");
  };
  return Worker::runAll(argc, argv);
}
