// What the harnesses share: the entry that libFuzzer calls, one input cut in every way, and failing with a reason.
//
// A harness defines LLVMFuzzerTestOneInput. It returns for every input that is handled rightly, also for illegal ones,
// and calls fail() when something that must always hold does not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artel/protocol.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace artel::fuzz {

/// Text that can be read on a terminal: "\x00" for what cannot.
inline std::string shown(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || (byte >= 0x20 && byte < 0x7f && c != '\\')) {
      out += c;
    } else {
      out.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
  }
  return out;
}

[[noreturn]] inline void fail(std::string_view what, std::string_view expected = {}, std::string_view actual = {}) {
  std::fprintf(stderr, "\nwrong: %s\n", shown(what).c_str());
  if (expected.data() != nullptr || actual.data() != nullptr) {
    std::fprintf(stderr, "-- expected:\n%s\n-- but was:\n%s\n", shown(expected).c_str(), shown(actual).c_str());
  }
  std::fflush(stderr);
  std::abort();
}

inline void check(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

inline void same(std::string_view expected, std::string_view actual, std::string_view what) {
  if (expected != actual) fail(what, expected, actual);
}

/// The input, eaten from the front. An input that is too short reads as zeros.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : left_(size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size)) {}
  bool empty() const noexcept { return left_.empty(); }
  std::uint8_t byte() noexcept {
    const auto taken = bytes(1);
    return taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken.front());
  }
  std::string_view bytes(std::size_t most) noexcept {
    const auto taken = left_.substr(0, most);
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() noexcept { return bytes(left_.size()); }

 private:
  std::string_view left_;
};

/// Where a stream is cut: how many bytes have come after each read. Ascending; the last is all of them.
using Cuts = std::vector<std::size_t>;

/// Up to this size an input is cut in two at every place unless a harness says less: longer than a handshake.
inline constexpr std::size_t cutEverywhere = 512;

/// Places to cut that follow from the bytes alone: a found input fails again.
class Places {
 public:
  explicit Places(std::string_view bytes) {
    for (const char c : bytes) state_ = (state_ ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  std::size_t below(std::size_t limit) {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<std::size_t>(state_ >> 8) % limit;
  }

 private:
  std::uint32_t state_ = 2166136261U;
};

inline Cuts byteByByte(std::size_t size) {
  Cuts cuts;
  for (std::size_t i = 1; i <= size; ++i) cuts.push_back(i);
  return cuts;
}

inline Cuts inPieces(std::size_t pieces, std::size_t size, Places& places) {
  Cuts cuts(1, size);
  while (cuts.size() < pieces) cuts.push_back(places.below(size));
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

/// Calls visit(cuts) for byte by byte, for every cut in two of a short input and for some cuts in two of a long one,
/// and for some into several pieces.
template <class Visit>
void eachChopping(std::string_view bytes, Visit visit, std::size_t everywhere = cutEverywhere) {
  const std::size_t size = bytes.size();
  if (size < 2) return;
  Places places(bytes);
  if (size <= 2 * everywhere) visit(byteByByte(size));
  if (size <= everywhere) {
    for (std::size_t i = 1; i < size; ++i) visit(Cuts{i, size});
  } else {
    for (int i = 0; i < 8; ++i) visit(Cuts{places.below(size), size});
  }
  for (const std::size_t pieces : {3u, 7u, 20u}) visit(inPieces(pieces, size, places));
}

/// Six of these at most, for a harness to which each costs much: byte by byte where the input is short, one into
/// several pieces, and cuts in two, each in a stretch of its own.
template <class Visit>
void someChoppings(std::string_view bytes, Visit visit) {
  const std::size_t size = bytes.size();
  if (size < 2) return;
  Places places(bytes);
  const bool isShort = size <= 192;
  if (isShort) visit(byteByByte(size));
  constexpr std::size_t several[] = {3, 7, 20};
  visit(inPieces(several[places.below(3)], size, places));
  const std::size_t stretches = isShort ? 4 : 5;
  std::size_t last = 0;
  for (std::size_t i = 0; i < stretches; ++i) {
    const std::size_t cut = 1 + (i * (size - 1) + places.below(size - 1)) / stretches;
    if (cut != last) visit(Cuts{cut, size});
    last = cut;
  }
}

/// Bytes as a connection hands them to a protocol: what was not consumed and what has come since, in a buffer that
/// moves at every read and is exactly as large as its contents, so that a sanitizer sees every byte read beyond.
class Arrived {
 public:
  explicit Arrived(std::string_view stream) : stream_(stream) {}
  void until(std::size_t cut) {
    std::vector<char> moved;
    moved.reserve(buffer_.size() + cut - came_);
    moved.assign(buffer_.begin(), buffer_.end());
    moved.insert(moved.end(), stream_.begin() + static_cast<std::ptrdiff_t>(came_),
                 stream_.begin() + static_cast<std::ptrdiff_t>(cut));
    buffer_.swap(moved);
    came_ = cut;
  }
  void drop(std::size_t size) {
    buffer_ = std::vector<char>(buffer_.begin() + static_cast<std::ptrdiff_t>(size), buffer_.end());
  }
  std::span<char> bytes() noexcept { return buffer_; }
  std::string_view view() const noexcept { return {buffer_.data(), buffer_.size()}; }

 private:
  std::string_view stream_;
  std::vector<char> buffer_;
  std::size_t came_ = 0;
};

/// run(cuts) gives one text; it must not depend on how the stream was cut. Returns the text.
template <class Run>
std::string sameForEveryChopping(std::string_view bytes, Run run, std::size_t everywhere = cutEverywhere) {
  const std::string whole = run(Cuts{bytes.size()});
  const auto compare = [&](const Cuts& cuts) {
    const std::string chopped = run(cuts);
    if (chopped == whole) return;
    std::string what = "the result depends on where the input is cut:";
    for (const std::size_t cut : cuts) what += " " + std::to_string(cut);
    fail(what, whole, chopped);
  };
  eachChopping(bytes, compare, everywhere);
  return whole;
}

/// The other end, for protocols that never answer.
class SilentPeer final : public Peer {
 public:
  explicit SilentPeer(std::size_t limit) : limit_(limit) {}
  SendStatus sendRaw(std::string_view) override { return SendStatus::sent; }
  void close() override {}
  bool closing() const noexcept override { return false; }
  std::size_t packageLimit() const noexcept override { return limit_; }

 private:
  std::size_t limit_;
};

}  // namespace artel::fuzz
