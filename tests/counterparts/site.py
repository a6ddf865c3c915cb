"""The site of three programs: its pages, its clock, its stock."""
import re

import _artel_program as artel


class Site(artel.Case):
    def test_pages(self):
        with artel.Wire(self.program("site_pages", listen="http://127.0.0.1:0").port()) as wire:
            wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertIn("A site of three programs", wire.all().decode())

    def test_clock(self):
        with artel.Wire(self.program("site_clock", listen="websocket://127.0.0.1:0").port()) as wire:
            wire.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
            wire.until(b"\r\n\r\n")
            self.assertTrue(re.search(rb"\d{10} s since 1970$", wire.until(b"since 1970")))

    def test_stock(self):
        with artel.Wire(self.program("site_stock", listen="text://127.0.0.1:0").port()) as wire:
            wire.send("put pen\ntake pen\ntake pen\nlook\n")
            self.assertEqual([wire.line() for _ in range(4)], ["pen 1", "pen 0", "no pen", "no "])


if __name__ == "__main__":
    artel.run()
