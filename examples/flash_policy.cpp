// A fixed answer over TCP: the policy file that Flash asked for, with the NUL that ends it. Flash wanted it on port
// 843, which needs rights; this example takes a free one.
// Try: flash_policy start     then: echo '<policy-file-request/>' | nc 127.0.0.1 8843 | xxd
#include <artel/artel.hpp>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  static constexpr char policy[] =
      "<?xml version=\"1.0\"?><cross-domain-policy><site-control permitted-cross-domain-policies=\"all\"/>"
      "<allow-access-from domain=\"*\" to-ports=\"*\"/></cross-domain-policy>";
  Worker flash("tcp://0.0.0.0:8843");
  flash.name = "flash_policy";
  flash.onMessage = [](TcpConnection& connection, std::string_view) {
    connection.close(std::string_view(policy, sizeof policy));  // sizeof counts the NUL
  };
  return Worker::runAll(argc, argv);
}
