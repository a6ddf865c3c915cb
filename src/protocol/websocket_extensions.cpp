#include "src/protocol/websocket_extensions.hpp"

#include <utility>

#include "src/protocol/http_syntax.hpp"

namespace artel::websocket {

using namespace http::syntax;

namespace {

// extension-list = 1#extension; extension = token *( ";" param ); param = token [ "=" ( token / quoted-string ) ]
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) { skipSpace(); }

  bool atEnd() const { return rest_.empty(); }

  /// Takes `c` and the white space after it, if it is next.
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    skipSpace();
    return true;
  }

  /// Empty when there is none.
  std::string_view takeToken() {
    std::size_t size = 0;
    while (size < rest_.size() && is(token, rest_[size])) ++size;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    skipSpace();
    return taken;
  }

  /// A token, quoted or not: what stands in quotes must be one, too, once unescaped.
  std::optional<std::string> takeValue() {
    std::string value;
    if (rest_.empty() || rest_.front() != '"') {
      value = takeToken();
    } else {
      rest_.remove_prefix(1);
      while (!rest_.empty() && rest_.front() != '"') {
        if (rest_.front() == '\\') rest_.remove_prefix(1);
        if (rest_.empty()) return std::nullopt;
        value += rest_.front();
        rest_.remove_prefix(1);
      }
      if (!take('"')) return std::nullopt;
    }
    if (!isToken(value)) return std::nullopt;
    return value;
  }

 private:
  void skipSpace() {
    while (!rest_.empty() && isOws(rest_.front())) rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

bool readExtension(Scanner& scanner, std::vector<Extension>& list) {
  Extension extension{scanner.takeToken(), {}};
  if (extension.name.empty()) return false;
  while (scanner.take(';')) {
    Extension::Parameter parameter{scanner.takeToken(), {}};
    if (parameter.name.empty()) return false;
    if (scanner.take('=') && !(parameter.value = scanner.takeValue())) return false;
    extension.parameters.push_back(std::move(parameter));
  }
  list.push_back(std::move(extension));
  return true;
}

}  // namespace

std::optional<std::vector<Extension>> readExtensions(std::string_view header) {
  std::vector<Extension> list;
  Scanner scanner(header);
  for (;;) {
    while (scanner.take(',')) {  // RFC 9110 section 5.6.1: empty elements are to be read over
    }
    if (scanner.atEnd()) return list;
    if (!readExtension(scanner, list)) return std::nullopt;
    if (!scanner.atEnd() && !scanner.take(',')) return std::nullopt;
  }
}

}  // namespace artel::websocket
