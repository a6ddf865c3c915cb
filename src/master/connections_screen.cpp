#include "src/master/connections_screen.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "src/master/fields.hpp"
#include "src/master/human.hpp"
#include "src/master/json.hpp"
#include "src/master/text_table.hpp"

namespace artel {

namespace {

template <class Number>
bool read(std::string_view text, Number& into) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failed == std::errc() && end == text.data() + text.size();
}

std::string stateOf(const ConnectionRow& row) {
  return row.paused && row.status == "ESTABLISHED" ? "PAUSED" : row.status;
}

/// Every column of the manual, and IDLE, AGE and TLS.
const std::vector<TableColumn> connectionColumns{
    {"PID", true, 0},           {"WORKER", false, 30, 1}, {"CID", true, 0},       {"TRANS", false, 110},
    {"PROTOCOL", false, 80, 1}, {"IPV4", true, 120},      {"IPV6", true, 120},    {"RECV-Q", true, 100},
    {"SEND-Q", true, 80},       {"BYTES-R", true, 100},   {"BYTES-W", true, 100}, {"STATUS", false, 40},
    {"IDLE", true, 120},        {"AGE", true, 140},       {"TLS", false, 140},    {"LOCAL", false, 110, 2},
    {"FOREIGN", false, 0}};

TableRow cellsOf(const ConnectionsReport::Row& one) {
  const ConnectionRow& row = one.row;
  const bool quiet = row.status == "ESTABLISHED" && !row.paused;
  return {{std::to_string(one.pid)},
          {cutTo(row.worker, 14)},
          {std::to_string(row.id)},
          {row.transport},
          {cutTo(row.protocol, 15)},
          {row.ipv4 ? "1" : "0"},
          {row.ipv6 ? "1" : "0"},
          {human::bytes(row.receiveQueue)},
          {human::bytes(row.sendQueue)},
          {human::bytes(row.bytesRead)},
          {human::bytes(row.bytesWritten)},
          {stateOf(row), quiet ? Paint::green : Paint::yellow},
          {human::age(row.idle)},
          {human::age(row.age)},
          {row.tls.empty() ? "-" : row.tls},
          {row.local.empty() ? "-" : row.local},
          {row.remote.empty() ? "-" : row.remote}};
}

std::string notice(const std::string& text, int width, bool colour) {
  std::string lines = broken(text, width);
  lines.pop_back();
  return painted(lines, Paint::yellow, colour) + "\n";
}

constexpr std::array<ConnectionsSort, 6> sorts{{{"sendq", "SEND-Q"},
                                                {"recvq", "RECV-Q"},
                                                {"in", "BYTES-R"},
                                                {"out", "BYTES-W"},
                                                {"idle", "IDLE"},
                                                {"age", "AGE"}}};

std::uint64_t valueOf(const ConnectionRow& row, std::string_view column) {
  if (column == "sendq") return row.sendQueue;
  if (column == "recvq") return row.receiveQueue;
  if (column == "in") return row.bytesRead;
  if (column == "out") return row.bytesWritten;
  if (column == "age") return static_cast<std::uint64_t>(row.age.count());
  return static_cast<std::uint64_t>(row.idle.count());
}

}  // namespace

std::span<const ConnectionsSort> connectionsSorts() noexcept { return sorts; }

bool sortsBy(std::string_view column) noexcept {
  return std::any_of(sorts.begin(), sorts.end(), [&](const ConnectionsSort& sort) { return sort.name == column; });
}

void ConnectionsReport::take(std::string_view line) {
  const std::string_view kind = takeField(line);
  if (kind == "all") {
    read(line, all);
    return;
  }
  platform::Pid pid = 0;
  if (!read(takeField(line), pid)) return;
  if (kind == "row") {
    if (auto row = parseRow(line)) rows.push_back({pid, std::move(*row)});
  } else if (kind == "missing") {
    const std::string_view worker = takeField(line);
    missing.push_back({pid, std::string(worker), std::string(line)});
  }
}

void ConnectionsReport::sort(std::string_view column) {
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (sortsBy(column) && valueOf(a.row, column) != valueOf(b.row, column))
      return valueOf(a.row, column) > valueOf(b.row, column);
    return std::tie(a.row.worker, a.pid, a.row.id) < std::tie(b.row.worker, b.pid, b.row.id);
  });
}

std::string connectionsScreen(const ConnectionsReport& report, const platform::Terminal& terminal, bool hints) {
  const int width = terminal.isTerminal ? std::max(terminal.width, 20) : 0;
  std::vector<TableRow> rows;
  for (const auto& one : report.rows) rows.push_back(cellsOf(one));
  std::string text = textTable(connectionColumns, rows, width, terminal.colour);
  std::vector<std::string> footer{human::count(report.rows.size()) + " of " + human::count(report.all) + " shown."};
  if (hints)
    footer.insert(footer.end(), {"--worker NAME", "--pid N", "--remote CIDR", "--status S", "--sort sendq",
                                 "--limit N|all", "--json"});
  text += "\n" + wrapped(footer, width);
  for (const auto& one : report.missing)
    text +=
        notice("! " + one.worker + "/" + std::to_string(one.pid) + " is missing: " + one.why, width, terminal.colour);
  return text;
}

std::string connectionsJson(const ConnectionsReport& report, std::string_view app) {
  JsonWriter json;
  json.object().key("schema").number(1).key("app").text(app).key("all").number(report.all);
  json.key("connections").array();
  for (const auto& [pid, row] : report.rows) {
    json.object().key("pid").number(pid).key("worker").text(row.worker).key("id").number(row.id);
    json.key("transport").text(row.transport).key("protocol").text(row.protocol);
    json.key("ipv4").boolean(row.ipv4).key("ipv6").boolean(row.ipv6);
    json.key("recv_q").number(row.receiveQueue).key("send_q").number(row.sendQueue);
    json.key("bytes_read").number(row.bytesRead).key("bytes_written").number(row.bytesWritten);
    json.key("status").text(row.status).key("paused").boolean(row.paused);
    json.key("idle_ms").number(row.idle.count()).key("age_s").number(row.age.count());
    json.key("tls").textOrNull(row.tls);
    json.key("local").text(row.local).key("remote").text(row.remote).end();
  }
  json.end().key("missing").array();
  for (const auto& one : report.missing)
    json.object().key("pid").number(one.pid).key("worker").text(one.worker).key("why").text(one.why).end();
  json.end().end();
  return json.out() + "\n";
}

}  // namespace artel
