"""The loads of the table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    key: str
    title: str
    kind: str  # what the server is: see servers.KINDS
    mode: str  # of artel-load
    options: dict
    unit: str = "message"


ALL = [
    Workload("http", "HTTP hello, 64 keep-alive connections", "http", "http", {}, "request"),
    Workload("http-p16", "HTTP hello, 16 pipelined", "http", "http", {"pipeline": 16}, "request"),
    Workload("http-urls", "HTTP hello, 4,000 distinct targets", "http", "http", {"urls": 4000}, "request"),
    Workload("text", "text line echo, 64 B", "text", "text", {"size": 64}),
    Workload("text-p16", "text line echo, 16 pipelined", "text", "text", {"size": 64, "pipeline": 16}),
    Workload("ws", "WebSocket echo, 20 B", "websocket", "websocket", {"size": 20}),
    Workload("ws-p16", "WebSocket echo, 16 pipelined", "websocket", "websocket", {"size": 20, "pipeline": 16}),
    Workload("ws-1000", "WebSocket echo, 20 B, 1,000 connections", "websocket", "websocket", {"size": 20, "connections": 1000}),
    Workload("ws-16k", "WebSocket echo, 16 KiB", "websocket", "websocket", {"size": 16384}),
    Workload("connect", "connect, GET, close", "http", "connect", {}, "connection"),
    Workload("broadcast", "broadcast to 1,000", "broadcast", "broadcast", {"size": 20, "connections": 1000}, "delivery"),
    Workload("broadcast-16", "broadcast to 1,000, 16 in flight", "broadcast", "broadcast",
             {"size": 20, "connections": 1000, "pipeline": 16}, "delivery"),
    Workload("tls-http", "HTTPS hello, 64 keep-alive connections", "https", "http", {"tls": "full"}, "request"),
    Workload("tls-ecdsa", "TLS connect, handshake (ECDSA P-256), GET, close", "https", "connect", {"tls": "full"}, "connection"),
    Workload("tls-rsa", "TLS connect, handshake (RSA-2048), GET, close", "https-rsa", "connect", {"tls": "full"}, "connection"),
    Workload("tls-resumed", "TLS connect, resumed handshake, GET, close", "https", "connect", {"tls": "resumed"}, "connection"),
]  # fmt: skip

BY_KEY = {workload.key: workload for workload in ALL}
