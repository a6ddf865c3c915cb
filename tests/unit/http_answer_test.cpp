// The heads of answers, as clients read them.
#include "src/protocol/http_answer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace artel::http {
namespace {

using State = AnswerHead::State;

TEST(HttpAnswer, StatusReasonAndHeaders) {
  const std::string bytes = "HTTP/1.1 101 Switching Protocols\r\nA: 1\r\nb:\t two \r\na: 3\r\nEmpty:\r\n\r\nmore";
  const auto head = readAnswer(bytes);
  ASSERT_EQ(head.state, State::whole);
  EXPECT_EQ(head.answer->status(), 101);
  EXPECT_EQ(head.answer->reason(), "Switching Protocols");
  EXPECT_EQ(head.answer->header("a"), "1, 3");
  EXPECT_EQ(head.answer->header("B"), "two");
  EXPECT_EQ(head.answer->header("empty", "x"), "");
  EXPECT_EQ(head.answer->header("none", "x"), "x");
  EXPECT_EQ(head.answer->header().size(), 4u);
  EXPECT_EQ(head.answer->rawHead().size(), bytes.size() - 4);
  for (std::size_t size = 0; size < bytes.size() - 4; ++size)
    EXPECT_EQ(readAnswer(std::string_view(bytes).substr(0, size)).state, State::needMore) << size;
}

TEST(HttpAnswer, AReasonMayBeMissing) {
  EXPECT_EQ(readAnswer("HTTP/1.0 200\r\n\r\n").answer->status(), 200);
  EXPECT_EQ(readAnswer("HTTP/1.1 204 \r\n\r\n").answer->reason(), "");
}

TEST(HttpAnswer, WhatIsNone) {
  for (const char* bytes :
       {"x", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n", "HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", "HTTP/1.1 200 OK\r\nA: 1\r\n B\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n", "HTTP/1.1 200 OK\nA: 1\r\n\r\n"})
    EXPECT_EQ(readAnswer(bytes).state, State::invalid) << bytes;
}

TEST(HttpAnswer, Limits) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (std::size_t i = 0; i < AnswerHead::mostLines; ++i) many += "A: b\r\n";
  EXPECT_EQ(readAnswer(many + "\r\n").state, State::whole);
  EXPECT_EQ(readAnswer(many + "A: b\r\n\r\n").state, State::invalid);
  const std::string large = "HTTP/1.1 200 OK\r\nA: " + std::string(AnswerHead::largest, 'x');
  EXPECT_EQ(readAnswer(large).state, State::invalid);
}

}  // namespace
}  // namespace artel::http
