// What is sent, and what must come back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bench/linux/options.hpp"

namespace bench {

/// One request and its whole answer. For HTTP the answer is empty: its header differs from server to server.
struct Exchange {
  std::string request;
  std::string answer;
};

/// How far into an answer a connection has read.
struct Reading {
  std::size_t offset = 0;  // of an answer that is known byte by byte
  std::string rest;        // of an HTTP answer that is not complete
};

class Protocol {
 public:
  explicit Protocol(const Options& options);

  const Exchange& exchange() const { return exchange_; }
  const Exchange& bigExchange() const { return big_; }

  /// `pipeline` requests in one piece; the next of several when there are more targets than one.
  const std::string& nextBatch() { return batches_[batch_++ % batches_.size()]; }

  /// Empty when the protocol has no handshake.
  const std::string& handshake() const { return handshake_; }
  /// The size of the complete and correct answer to the handshake at the start of `bytes`; 0: not complete; -1: wrong.
  static std::ptrdiff_t handshakeAnswer(std::string_view bytes);

  /// The number of whole correct answers that end in `bytes`; -1 when one is wrong.
  int read(Reading& reading, const Exchange& expected, std::string_view bytes);

 private:
  int readHttp(Reading& reading, std::string_view bytes);
  std::ptrdiff_t httpAnswer(std::string_view bytes);

  bool http_ = false;
  Exchange exchange_, big_;
  std::vector<std::string> batches_;
  std::size_t batch_ = 0;
  std::string handshake_;
  std::string body_;
  bool bodyKnown_ = false;
  std::size_t usualHead_ = 0;  // the header's length in the answer before: nearly always that of the next
};

}  // namespace bench
