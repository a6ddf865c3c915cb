// Listen addresses: understood, or refused with a text that says why; and what is understood reads back the same.
#include <string>

#include "artel/error.hpp"
#include "fuzz/support.hpp"
#include "src/worker/listen_address.hpp"

using namespace artel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).rest();
  ListenAddress address;
  try {
    address = parseListenAddress(text);
  } catch (const SetupError& error) {
    fuzz::check(error.exit() == Exit::configuration, "a wrong address is no configuration error");
    fuzz::check(error.text().find("E06") != std::string::npos, "a refusal without its id");
    return 0;
  }
  if (address.none()) {
    fuzz::check(text.empty(), "no address was made of: " + std::string(text));
    return 0;
  }
  for (const char c : address.scheme) {
    fuzz::check((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'), "a scheme of other characters");
  }
  fuzz::check(!address.host.empty(), "an address without a host");
  fuzz::check((address.scheme == "unix") == (address.kind == platform::SocketKind::unixStream),
              "another kind of socket");
  fuzz::check(address.scheme != "unix" || address.host[0] == '/', "a relative path");
  const ListenAddress again = parseListenAddress(address.text());
  fuzz::same(address.text(), again.text(), "an address reads back as another one");
  fuzz::check(again.scheme == address.scheme && again.host == address.host && again.port == address.port &&
                  again.kind == address.kind,
              "an address reads back as another one: " + address.text());
  return 0;
}
