// The numbers of the whole service for a monitoring system, and whether it serves (manual 1.14.2 is the screen for
// people). For workers that speak http:
//
//   web.onMessage = [](TcpConnection& connection, const http::Request& request) {
//     if (http::serveHealth(connection, request) || http::serveMetrics(connection, request)) return;
//     connection.send("hello");
//   };
//
// Whoever reaches the address reads them. Where that is the world, ask first who it is (getRemoteIp, a header), or put
// both lines into a Worker of their own on 127.0.0.1.
#pragma once

#include <string_view>

#include "artel/connection.hpp"
#include "artel/http.hpp"

namespace artel::http {

/// Answers a GET or HEAD of `path` with the numbers of all processes of this service, in the text format of Prometheus;
/// docs/operations.md has their names. True when it was one: it is answered as soon as the master process has told the
/// numbers, which takes a turn of the loop or two and holds up nothing; with 503 when it does not within two seconds.
bool serveMetrics(TcpConnection& connection, const Request& request, std::string_view path = "/metrics");

/// Answers a GET or HEAD of `path`: 200 "serving", or 503 "stopping" once the service is being stopped. A reload does
/// not change it. True when it was one.
bool serveHealth(TcpConnection& connection, const Request& request, std::string_view path = "/health");

}  // namespace artel::http
