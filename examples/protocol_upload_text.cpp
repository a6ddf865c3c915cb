// Files over a text protocol: one line of JSON with "file_name" and "file_data" (base64). The answer is plain text.
// Files go to ./uploads. A real program would use a JSON library.
// Try: protocol_upload_text start
//      then: echo '{"file_name":"a.txt","file_data":"aGVsbG8="}' | nc -q 1 127.0.0.1 5683
#include <artel/artel.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

using namespace artel;

struct LineProtocol {
  using Message = std::string_view;
  std::size_t searched = 0;  // one object serves one connection: where the search for the newline goes on

  Input input(std::string_view bytes, Peer&) {
    const std::size_t size = bytes.find('\n', std::exchange(searched, bytes.size())) + 1;  // npos + 1 is 0
    return size == 0 ? Input::needMore() : (searched = 0, Input::packet(size));
  }
  static std::string_view decode(std::string_view packet, Peer&) { return packet; }
  static void encode(std::string_view text, Peer&, std::string& out) { out.append(text); }
};

std::string_view field(std::string_view json, const std::string& name) {
  const std::size_t key = json.find("\"" + name + "\""), start = json.find('"', json.find(':', key)) + 1;
  return key == std::string_view::npos || start == 0 ? "" : json.substr(start, json.find('"', start) - start);
}

std::string fromBase64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::uint32_t bits = 0, place = 0; const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) continue;  // padding, and the backslash of "\/"
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (place > 0) out.push_back(static_cast<char>(bits >> (6 - 2 * place) & 0xff));
    place = (place + 1) % 4;
  }
  return out;
}

int main(int argc, char** argv) {
  Worker upload("tcp://0.0.0.0:5683");
  upload.protocol = protocol<LineProtocol>();
  upload.onWorkerStart = [](Worker&) { std::filesystem::create_directories("uploads"); };
  upload.onMessage = [](TcpConnection& connection, std::string_view json) {
    std::string name(field(json, "file_name"));
    name.erase(0, name.find_last_of(std::string_view("/\\:\0", 4)) + 1);  // the base name only
    std::ofstream file("uploads/" + name, std::ios::binary);
    file << fromBase64(field(json, "file_data")) << std::flush;
    connection.send(file ? "stored " + name + ", " + std::to_string(file.tellp()) + " bytes\n" : "cannot store that\n");
  };
  return Worker::runAll(argc, argv);
}
