// Files over a binary protocol: four bytes with the length of the whole packet, one byte with the length of the name,
// the name, the file. The answer is plain text, without a frame. Files go to ./uploads.
// Try: protocol_upload start     then: printf '\0\0\0\017\005a.txthello' | nc -q 1 127.0.0.1 5682
#include <artel/artel.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

using namespace artel;

struct Upload {
  std::string name;
  std::string_view data;  // lies in the receive buffer: valid until onMessage returns
};

struct UploadProtocol {
  using Message = Upload;

  static Input input(std::string_view bytes, Peer&) {
    if (bytes.size() < 5) return Input::needMore();
    std::size_t size = 0;
    for (const char c : bytes.substr(0, 4)) size = size << 8 | static_cast<unsigned char>(c);
    const std::size_t least = 5 + static_cast<unsigned char>(bytes[4]);
    return size < least ? Input::invalid("the length is less than that of the name") : Input::packet(size);
  }
  static Upload decode(std::string_view packet, Peer&) {
    const std::size_t nameSize = static_cast<unsigned char>(packet[4]);
    return {std::string(packet.substr(5, nameSize)), packet.substr(5 + nameSize)};
  }
  static void encode(std::string_view text, Peer&, std::string& out) { out.append(text); }
};

int main(int argc, char** argv) {
  Worker server("tcp://0.0.0.0:5682");
  server.protocol = protocol<UploadProtocol>();
  server.onWorkerStart = [](Worker&) { std::filesystem::create_directories("uploads"); };
  server.onMessage = [](TcpConnection& connection, Upload& upload) {
    // The base name only: the peer has no say in which folder the file lands.
    upload.name.erase(0, upload.name.find_last_of(std::string_view("/\\:\0", 4)) + 1);
    std::ofstream file("uploads/" + upload.name, std::ios::binary);
    file << upload.data << std::flush;
    const std::string stored = "stored " + upload.name + ", " + std::to_string(upload.data.size()) + " bytes\n";
    connection.send(file ? stored : "cannot store that\n");
  };
  return Worker::runAll(argc, argv);
}
