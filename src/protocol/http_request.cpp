// Request: everything is looked up in the bytes when it is asked for.
#include <algorithm>
#include <memory>
#include <string>

#include "artel/http.hpp"
#include "src/protocol/http_syntax.hpp"

namespace artel::http {

using namespace syntax;

namespace {

// Visits "name=value" pieces of a query; a piece without '=' has an empty value. Empty pieces are no parameters.
template <class Visit>
void eachParameter(std::string_view query, Visit visit) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto piece = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (piece.empty()) continue;
    const auto equals = std::min(piece.find('='), piece.size());
    if (!visit(piece.substr(0, equals), piece.substr(std::min(equals + 1, piece.size())))) return;
  }
}

bool decodesTo(std::string_view raw, std::string_view name) {
  return raw.find_first_of("%+") == std::string_view::npos ? raw == name : percentDecode(raw, true) == name;
}

std::string_view authorityOf(std::string_view target) {
  if (target.empty() || target.front() == '/' || target == "*") return {};
  const auto start = target.find("://") + 3;
  return target.substr(start, target.find_first_of("/?", start) - start);
}

}  // namespace

bool equalNames(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && toLower(a[i]) != toLower(b[i])) return false;
  }
  return true;
}

struct Request::Owned {
  std::string bytes;
  detail::Head head;
  std::vector<detail::Field> fields;
};

std::string_view Request::path() const noexcept {
  return head_->pathSize == 0 ? std::string_view("/") : view(head_->pathStart, head_->pathSize);
}

std::string_view Request::host(bool withoutPort) const noexcept {
  std::string_view host = authorityOf(uri());  // it wins over the header (RFC 9112 section 3.2.2)
  if (host.empty()) {
    for (const auto& field : fields_) {
      if (!equalNames(view(field.name, field.nameSize), "host")) continue;
      host = view(field.value, field.valueSize);
      break;
    }
  }
  if (!withoutPort) return host;
  if (!host.empty() && host.front() == '[') return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

std::string Request::get(std::string_view name, std::string_view fallback) const {
  std::string result(fallback);
  eachParameter(queryString(), [&](std::string_view key, std::string_view value) {
    if (!decodesTo(key, name)) return true;
    result = percentDecode(value, true);
    return false;
  });
  return result;
}

std::vector<std::pair<std::string, std::string>> Request::get() const {
  std::vector<std::pair<std::string, std::string>> all;
  eachParameter(queryString(), [&](std::string_view key, std::string_view value) {
    all.emplace_back(percentDecode(key, true), percentDecode(value, true));
    return true;
  });
  return all;
}

std::string_view Request::header(std::string_view name, std::string_view fallback) const {
  const detail::Field* first = nullptr;
  std::string joined;
  for (const auto& field : fields_) {
    if (!equalNames(view(field.name, field.nameSize), name)) continue;
    if (first == nullptr) {
      first = &field;
      continue;
    }
    if (joined.empty()) joined = view(first->value, first->valueSize);
    joined.append(", ").append(view(field.value, field.valueSize));
  }
  if (first == nullptr) return fallback;
  if (joined.empty()) return view(first->value, first->valueSize);
  // The result must outlive this call: it is kept, once however often it is asked for.
  if (!joined_) joined_ = std::make_shared<std::vector<std::unique_ptr<std::string>>>();
  for (const auto& kept : *joined_) {
    if (*kept == joined) return *kept;
  }
  return *joined_->emplace_back(std::make_unique<std::string>(std::move(joined)));
}

std::vector<std::pair<std::string_view, std::string_view>> Request::header() const {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  all.reserve(fields_.size());
  for (const auto& field : fields_) {
    all.emplace_back(view(field.name, field.nameSize), view(field.value, field.valueSize));
  }
  return all;
}

std::string_view Request::cookie(std::string_view name, std::string_view fallback) const noexcept {
  for (const auto& field : fields_) {
    if (!equalNames(view(field.name, field.nameSize), "cookie")) continue;
    std::string_view rest = view(field.value, field.valueSize);
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      const auto pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      if (trim(pair.substr(0, equals)) == name) return trim(pair.substr(equals + 1));
    }
  }
  return fallback;
}

bool Request::namesWebSocket() const noexcept {
  for (const auto& field : fields_) {
    if (equalNames(view(field.name, field.nameSize), "upgrade") &&
        listHas(view(field.value, field.valueSize), "websocket")) {
      return true;
    }
  }
  return false;
}

Request Request::copy() const {
  auto owned = std::make_shared<Owned>();
  owned->bytes.reserve(head_->headSize + head_->bodySize);
  owned->bytes.append(rawHead()).append(rawBody());
  owned->head = *head_;
  owned->head.body = head_->headSize;
  owned->fields.assign(fields_.begin(), fields_.end());
  Request copied(owned->bytes.data(), owned->head, owned->fields);
  copied.owned_ = std::move(owned);
  return copied;
}

}  // namespace artel::http
