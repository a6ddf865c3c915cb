// Addresses to listen at and to connect to: understood, or refused with a text that says why; and what is understood
// reads back the same.
#include <optional>
#include <string>

#include "artel/error.hpp"
#include "fuzz/support.hpp"
#include "src/worker/listen_address.hpp"

using namespace artel;

namespace {

template <class Read>
auto understood(Read read, std::string_view text) -> std::optional<decltype(read(text))> {
  try {
    return read(text);
  } catch (const SetupError& error) {
    fuzz::check(error.exit() == Exit::configuration, "a wrong address is no configuration error");
    fuzz::check(error.text().find("E06") != std::string::npos, "a refusal without its id");
    return std::nullopt;
  }
}

void checkParts(const ListenAddress& address) {
  for (const char c : address.scheme) {
    fuzz::check((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'), "a scheme of other characters");
  }
  fuzz::check(!address.host.empty(), "an address without a host");
  fuzz::check((address.scheme == "unix") == (address.kind == platform::SocketKind::unixStream),
              "another kind of socket");
  fuzz::check(address.scheme != "unix" || address.host[0] == '/', "a relative path");
}

void checkSame(const ListenAddress& address, const ListenAddress& again) {
  fuzz::same(address.text(), again.text(), "an address reads back as another one");
  fuzz::check(again.scheme == address.scheme && again.host == address.host && again.port == address.port &&
                  again.kind == address.kind,
              "an address reads back as another one: " + address.text());
}

void listened(std::string_view text) {
  const auto address = understood(parseListenAddress, text);
  if (!address) return;
  if (address->none()) return fuzz::check(text.empty(), "no address was made of: " + std::string(text));
  checkParts(*address);
  checkSame(*address, parseListenAddress(address->text()));
}

void dialled(std::string_view text) {
  const auto remote = understood(parseRemoteAddress, text);
  if (!remote) return;
  checkParts(*remote);
  fuzz::check(remote->uri.starts_with("/") && remote->uri.find('#') == std::string::npos, "no path: " + remote->uri);
  const bool unixSocket = remote->scheme == "unix";
  fuzz::check(remote->portGiven || (remote->port == 0 && !unixSocket), "a port that nobody gave");
  std::string place = remote->place();
  if (!remote->portGiven) place.resize(place.rfind(':'));
  if (remote->host[0] != '/') place += remote->uri;
  const RemoteAddress again = parseRemoteAddress(remote->scheme + "://" + place);
  checkSame(*remote, again);
  fuzz::check(again.portGiven == remote->portGiven, "a port comes or goes when an address is read back");
  fuzz::same(remote->uri, again.uri, "an address reads back with another path");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).rest();
  listened(text);
  dialled(text);
  return 0;
}
