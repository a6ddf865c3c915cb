// PROXY headers, versions 1 and 2: how one is cut makes no difference, what is read says again what was written, and
// the client's bytes begin right behind it.
#include "src/protocol/proxy_header.hpp"

#include <string>

#include "fuzz/reference/syntax.hpp"
#include "fuzz/support.hpp"

using namespace artel;
using protocols::ProxyHeader;

namespace {

std::string outcome(std::string_view stream, const fuzz::Cuts& cuts) {
  fuzz::Arrived arrived(stream);
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    const auto bytes = arrived.bytes();
    const auto header = protocols::readProxyHeader({bytes.data(), bytes.size()});
    if (header.state == ProxyHeader::State::needMore) {
      fuzz::check(bytes.size() < ProxyHeader::largest, "more is wanted than a header may have");
      continue;
    }
    if (header.state == ProxyHeader::State::invalid) return "invalid: " + std::string(header.why);
    fuzz::check(header.size <= bytes.size() && header.size <= ProxyHeader::largest,
                "a header larger than what is there");
    fuzz::check(header.address.empty() || header.address.size() == 4 || header.address.size() == 16,
                "an address of another size");
    return std::to_string(header.size) + " " + header.address + " " + std::to_string(header.port);
  }
  return "more";
}

/// The same once more for version 1 over IPv4, by taking it apart at its spaces.
void compareText(std::string_view stream) {
  const auto end = stream.find("\r\n");
  if (stream.substr(0, 11) != "PROXY TCP4 " || end == std::string_view::npos || end > 105) return;
  std::vector<std::string_view> words;
  for (std::string_view rest = stream.substr(0, end);;) {
    const auto space = rest.find(' ');
    words.push_back(rest.substr(0, space));
    if (space == std::string_view::npos) break;
    rest.remove_prefix(space + 1);
  }
  bool legal = words.size() == 6 && fuzz::reference::ipv4(words[2]) && fuzz::reference::ipv4(words[3]);
  for (std::size_t i = 4; legal && i < 6; ++i)
    legal = fuzz::reference::port(words[i]) && !words[i].empty() && (words[i].size() == 1 || words[i][0] != '0');
  const auto header = protocols::readProxyHeader(stream);
  fuzz::check(legal == (header.state == ProxyHeader::State::whole), "a PROXY line is judged differently");
  if (!legal) return;
  std::string text;
  for (const char byte : header.address)
    text += (text.empty() ? "" : ".") + std::to_string(static_cast<unsigned char>(byte));
  fuzz::same(words[2], text, "another address than was written");
  fuzz::same(words[4], std::to_string(header.port), "another port than was written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream = fuzz::Input(data, size).rest();
  fuzz::sameForEveryChopping(stream, [&](const fuzz::Cuts& cuts) { return outcome(stream, cuts); });
  compareText(stream);
  return 0;
}
