// Percent-encoding, query strings, cookies and served paths: any bytes, compared with slow ways of doing the same.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "artel/http.hpp"
#include "fuzz/reference/syntax.hpp"
#include "fuzz/support.hpp"

using namespace artel;
using namespace fuzz::reference;

namespace {

std::string decoded(std::string_view text, bool plus) {
  std::string out;
  while (!text.empty()) {
    const bool escape = text.size() >= 3 && text[0] == '%' && hexDigit(text[1]) && hexDigit(text[2]);
    if (escape) {
      out += static_cast<char>(std::stoi(std::string(text.substr(1, 2)), nullptr, 16));
    } else {
      out += plus && text[0] == '+' ? ' ' : text[0];
    }
    text.remove_prefix(escape ? 3 : 1);
  }
  return out;
}

void checkEncoding(std::string_view text) {
  for (const bool plus : {false, true}) {
    fuzz::same(decoded(text, plus), http::percentDecode(text, plus), "percent-decoded differently");
  }
  const std::string encoded = http::percentEncode(text);
  fuzz::same(text, http::percentDecode(encoded), "what was encoded decodes to something else");
  for (const char c : encoded) fuzz::check(tchar(c), "an encoded text holds a character that needs encoding");
}

// Of a request whose query, and whose one Cookie line, is that text.
void checkQuery(std::string_view text) {
  const std::string bytes = "cookie" + std::string(text);
  const auto size = static_cast<std::uint32_t>(text.size());
  const std::vector<http::detail::Field> fields{{0, 6, 6, size}};
  http::detail::Head head;
  head.queryStart = 6;
  head.querySize = size;
  const http::Request request(bytes.data(), head, fields);

  std::vector<std::pair<std::string, std::string>> parameters;
  for (std::size_t start = 0, i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '&') continue;
    const auto piece = text.substr(start, i - start);
    start = i + 1;
    if (piece.empty()) continue;
    const auto equals = piece.find('=');
    const auto value = equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
    parameters.emplace_back(decoded(piece.substr(0, equals), true), decoded(value, true));
  }
  const auto found = request.get();
  fuzz::check(found == parameters, "other query parameters");
  for (const auto& [name, value] : parameters) {
    const auto first = std::find_if(found.begin(), found.end(), [&n = name](const auto& p) { return p.first == n; });
    fuzz::same(first->second, request.get(name, "none"), "a parameter is not the first of its name");
  }
  for (std::string_view rest = text; !rest.empty();) {
    const auto pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view value = request.cookie(trimmed(pair.substr(0, equals)), "none");
    fuzz::check(text.find(value) != std::string_view::npos && value.find(';') == std::string_view::npos,
                "a cookie's value that was not sent");
    if (pair.data() == text.data())
      fuzz::same(trimmed(pair.substr(equals + 1)), value, "the first cookie is another one");
  }
  fuzz::same(text, request.header("Cookie"), "another header value");
}

// Whatever the URL says, the path stays below the root, and every name on it means one file on every system.
void checkPath(std::string_view url) {
  const std::filesystem::path root = "root";
  const auto path = http::safePath(root, url);
  if (!path) return;
  auto part = path->begin();
  fuzz::check(part != path->end() && *part == root, "a path that does not begin with its root");
  for (++part; part != path->end(); ++part) {
    const std::u8string name = part->u8string();
    const std::string_view text(reinterpret_cast<const char*>(name.data()), name.size());
    fuzz::check(!text.empty() && text != "." && text != "..", "a path that leaves its root");
    fuzz::check(text.find_first_of(std::string_view("\\/:\0", 4)) == std::string_view::npos, "a name that is a path");
    fuzz::check(text.back() != '.' && text.back() != ' ', "a name that Windows shortens");
    const std::string stem = lower(text.substr(0, text.find('.')));
    for (const char* device : {"con", "nul", "aux", "prn", "com1", "lpt9"}) {
      fuzz::check(stem != device, "a name that Windows opens as a device");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).rest();
  checkEncoding(text);
  checkQuery(text);
  checkPath(text);
  return 0;
}
