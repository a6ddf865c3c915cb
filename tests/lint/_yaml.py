"""As much YAML as our workflows use: block and flow mappings and lists, plain and quoted words, comments. Every value
is a str; anything else (anchors, multi-line texts, tabs) is an error, so that what is read here is what a forge reads."""

import re

_PLAIN_END = re.compile(r"[,\[\]{}]|: |:$| #|$")


class Fault(Exception):
    def __init__(self, line, text):
        super().__init__(f"line {line}: {text}")
        self.line, self.text = line, text


def _strip_comment(text):
    quote = None
    for i, c in enumerate(text):
        if quote:
            quote = None if c == quote else quote
        elif c in "\"'" and (i == 0 or text[i - 1] in " [{,:"):
            quote = c
        elif c == "#" and (i == 0 or text[i - 1] == " "):
            return text[:i].rstrip()
    return text.rstrip()


class _Flow:
    """One line's value: [a, b], {a: b}, "text", 'text' or plain."""

    def __init__(self, text, line):
        self.text, self.at, self.line = text, 0, line

    def fault(self, what):
        raise Fault(self.line, f"{what} at: {self.text[self.at:][:40]}")

    def blanks(self):
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    def take(self, char):
        self.blanks()
        if self.text[self.at : self.at + 1] != char:
            return False
        self.at += 1
        return True

    def scalar(self, inside):
        self.blanks()
        quote = self.text[self.at : self.at + 1]
        if quote and quote in "\"'":
            end = self.text.find(quote, self.at + 1)
            if end < 0:
                self.fault("a quote is not closed")
            value = self.text[self.at + 1 : end]
            if "\\" in value and quote == '"':
                self.fault("escapes are not for here")
            self.at = end + 1
            return value
        if quote and quote in "&*!|>%@`":
            self.fault("not for here")
        end = _PLAIN_END.search(self.text, self.at).start() if inside else len(self.text)
        value = self.text[self.at : end].strip()
        self.at = end
        return value

    def value(self, inside=False):
        if self.take("["):
            items = []
            while not self.take("]"):
                items.append(self.value(True))
                if not self.take(","):
                    if self.take("]"):
                        return items
                    self.fault("no , or ]")
            return items
        if self.take("{"):
            members = {}
            while not self.take("}"):
                key = self.scalar(True)
                if not self.take(":"):
                    self.fault("no : after a name")
                members[key] = self.value(True)
                if not self.take(","):
                    if self.take("}"):
                        return members
                    self.fault("no , or }")
            return members
        return self.scalar(inside)

    def whole(self):
        value = self.value()
        self.blanks()
        if self.at != len(self.text):
            self.fault("something follows")
        return value


def parse(text):
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        if "\t" in raw:
            raise Fault(number, "a tab")
        line = _strip_comment(raw)
        if line.strip():
            lines.append((number, len(line) - len(line.lstrip()), line.strip()))
    value, rest = _block(lines, 0)
    if rest != len(lines):
        raise Fault(lines[rest][0], "indented in another way than what is above")
    return value


def _block(lines, at):
    indent = lines[at][1]
    is_list = lines[at][2].startswith("- ")
    result = [] if is_list else {}
    while at < len(lines) and lines[at][1] == indent:
        number, _, text = lines[at]
        if text.startswith("- ") != is_list:
            raise Fault(number, "a list and names in one place")
        if is_list:
            item = text[2:].lstrip()
            lines[at] = (number, indent + len(text) - len(item), item)
            if re.match(r"[\w.-]+:( |$)", item):
                value, at = _block(lines, at)
            else:
                value, at = _Flow(item, number).whole(), at + 1
            result.append(value)
            continue
        match = re.match(r"([\w.-]+):(?: +(.*))?$", text)
        if not match:
            raise Fault(number, f"no name and colon: {text[:40]}")
        if match[1] in result:
            raise Fault(number, f"{match[1]} twice")
        at += 1
        if match[2]:
            result[match[1]] = _Flow(match[2], number).whole()
        elif at < len(lines) and lines[at][1] > indent:
            result[match[1]], at = _block(lines, at)
        else:
            result[match[1]] = ""
    return result, at
