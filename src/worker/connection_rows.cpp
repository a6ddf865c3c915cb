#include "src/worker/connection_rows.hpp"

#include <uv.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace artel {

namespace {

void append(std::string& line, std::string_view text) {
  if (!line.empty()) line += '\t';
  const std::size_t begin = line.size();
  line += text.empty() ? std::string_view("-") : text;
  for (std::size_t i = begin; i < line.size(); ++i) {
    if (static_cast<unsigned char>(line[i]) < 0x20 || line[i] == 0x7f) line[i] = '?';
  }
}

void append(std::string& line, std::uint64_t number) { append(line, std::string_view(std::to_string(number))); }

/// Takes field after field; once one is missing or wrong, all that follow are.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  Fields& text(std::string& into) {
    const std::string_view field = next();
    into = field == "-" ? "" : std::string(field);
    return *this;
  }
  template <class Number>
  Fields& number(Number& into) {
    const std::string_view field = next();
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (failed != std::errc() || end != field.data() + field.size()) wrong_ = true;
    into = static_cast<Number>(value);
    return *this;
  }
  bool good() const noexcept { return !wrong_; }

 private:
  std::string_view next() {
    if (done_) wrong_ = true;
    const auto tab = rest_.find('\t');
    const std::string_view field = rest_.substr(0, tab);
    done_ = tab == std::string_view::npos;
    rest_.remove_prefix(done_ ? rest_.size() : tab + 1);
    if (field.empty()) wrong_ = true;
    return field;
  }
  std::string_view rest_;
  bool done_ = false, wrong_ = false;
};

/// 4 or 6, or 0 when it is no address.
int parseAddress(std::string_view text, std::array<unsigned char, 16>& bytes) {
  const std::string word(text);
  if (uv_inet_pton(AF_INET, word.c_str(), bytes.data()) == 0) return 4;
  return uv_inet_pton(AF_INET6, word.c_str(), bytes.data()) == 0 ? 6 : 0;
}

}  // namespace

std::string encodeRow(const ConnectionRow& row) {
  std::string line;
  append(line, row.worker);
  append(line, row.id);
  append(line, row.transport);
  append(line, row.protocol);
  append(line, std::uint64_t{(row.ipv4 ? 1U : 0U) | (row.ipv6 ? 2U : 0U) | (row.paused ? 4U : 0U)});
  append(line, row.receiveQueue);
  append(line, row.sendQueue);
  append(line, row.bytesRead);
  append(line, row.bytesWritten);
  append(line, row.status);
  append(line, static_cast<std::uint64_t>(std::max<std::int64_t>(row.idle.count(), 0)));
  append(line, row.local);
  append(line, row.remote);
  append(line, row.tls);
  append(line, static_cast<std::uint64_t>(std::max<std::int64_t>(row.age.count(), 0)));
  return line;
}

std::optional<ConnectionRow> parseRow(std::string_view line) {
  ConnectionRow row;
  std::uint64_t flags = 0, idle = 0, age = 0;
  Fields fields(line);
  fields.text(row.worker).number(row.id).text(row.transport).text(row.protocol).number(flags);
  fields.number(row.receiveQueue).number(row.sendQueue).number(row.bytesRead).number(row.bytesWritten);
  fields.text(row.status).number(idle).text(row.local).text(row.remote);
  if (!fields.good()) return std::nullopt;
  fields.text(row.tls).number(age);  // a process of an earlier build does not say them
  row.ipv4 = (flags & 1) != 0;
  row.ipv6 = (flags & 2) != 0;
  row.paused = (flags & 4) != 0;
  row.idle = std::chrono::milliseconds(std::min<std::uint64_t>(idle, std::uint64_t{1} << 40));
  row.age = std::chrono::seconds(std::min<std::uint64_t>(age, std::uint64_t{1} << 32));
  return row;
}

std::optional<PeerFilter> PeerFilter::parse(std::string_view text) {
  PeerFilter filter;
  filter.text_ = text;
  const auto slash = text.find('/');
  filter.family_ = parseAddress(text.substr(0, slash), filter.network_);
  filter.bits_ = filter.family_ == 4 ? 32 : 128;
  if (slash == std::string_view::npos) return filter;
  const std::string_view bits = text.substr(slash + 1);
  int value = -1;
  const auto [end, failed] = std::from_chars(bits.data(), bits.data() + bits.size(), value);
  if (failed != std::errc() || end != bits.data() + bits.size() || filter.family_ == 0 || value < 0 ||
      value > filter.bits_)
    return std::nullopt;
  filter.bits_ = value;
  return filter;
}

bool PeerFilter::matches(std::string_view ip, std::string_view address) const {
  if (text_.empty()) return true;
  if (family_ == 0) return address.substr(0, text_.size()) == text_;
  std::array<unsigned char, 16> bytes{};
  if (parseAddress(ip, bytes) != family_) return false;
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (std::memcmp(bytes.data(), network_.data(), whole) != 0) return false;
  const unsigned mask = (0xFF00U >> (bits_ % 8)) & 0xFFU;
  return bits_ % 8 == 0 || (bytes[whole] & mask) == (network_[whole] & mask);
}

std::string PageRequest::encode() const {
  std::string line;
  append(line, query);
  append(line, worker);
  append(line, after);
  append(line, rows);
  append(line, status);
  append(line, peer);
  append(line, workerName);
  return line;
}

std::optional<PageRequest> PageRequest::parse(std::string_view text) {
  PageRequest request;
  Fields fields(text);
  fields.number(request.query).number(request.worker).number(request.after).number(request.rows);
  fields.text(request.status).text(request.peer).text(request.workerName);
  if (!fields.good()) return std::nullopt;
  request.rows = std::clamp<std::uint64_t>(request.rows, 1, mostRows);
  return request;
}

std::string Page::encode() const {
  std::string text;
  append(text, query);
  append(text, worker);
  append(text, after);
  append(text, std::uint64_t{last ? 1U : 0U});
  for (const std::string& row : rows) text += "\n" + row;
  return text;
}

std::optional<Page> Page::parse(std::string_view text) {
  Page page;
  const auto end = text.find('\n');
  Fields fields(text.substr(0, end));
  fields.number(page.query).number(page.worker).number(page.after).number(page.last);
  if (!fields.good()) return std::nullopt;
  if (end == std::string_view::npos) return page;
  for (std::string_view rest = text.substr(end + 1);;) {
    const auto next = rest.find('\n');
    page.rows.emplace_back(rest.substr(0, next));
    if (next == std::string_view::npos) return page;
    rest.remove_prefix(next + 1);
  }
}

}  // namespace artel
