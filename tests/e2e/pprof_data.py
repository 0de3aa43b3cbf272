"""Reads a gzipped profile.proto as its description says, apart from the code under test."""

import gzip


def fields(data):
    """(number, value) of each field of a message; value: an int or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            if at + size > len(data):
                raise ValueError("field beyond the end of its message")
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")


def packed(data):
    return [value for _, value in fields(b"".join(b"\x08" + one for one in split(data)))]


def split(data):
    begin = 0
    for at, byte in enumerate(data):
        if byte < 0x80:
            yield data[begin:at + 1]
            begin = at + 1


def numbers(message, *wanted):
    found = dict((number, value) for number, value in fields(message) if isinstance(value, int))
    return [found.get(number, 0) for number in wanted]


class Profile:
    """strings, types, mappings {id: ...}, and samples as (stack, values, labels): the stack as
    (function, file, line) from the innermost out, inlined ones too."""

    def __init__(self, path):
        with gzip.open(path) as file:
            parts = list(fields(file.read()))
        self.strings = [value.decode("utf-8") for number, value in parts if number == 6]
        self.types = [[self.strings[i] for i in numbers(value, 1, 2)]
                      for number, value in parts if number == 1]
        self.comments = [self.strings[value] for number, value in parts if number == 13]
        self.default_type = self.strings[dict(p for p in parts if p[0] == 14)[14]]
        self.time_ns, self.duration_ns = (dict(p for p in parts if p[0] == n).get(n, 0)
                                          for n in (9, 10))
        # Of each file: are functions, files, lines and inlined functions known?
        self.known = {self.strings[numbers(value, 5)[0]]: tuple(numbers(value, 7, 8, 9, 10))
                      for number, value in parts if number == 3}
        self.mappings, self.functions, self.locations = {}, {}, {}
        for number, value in parts:
            if number == 3:
                key, file, build_id = numbers(value, 1, 5, 6)
                self.mappings[key] = (self.strings[file], self.strings[build_id])
            elif number == 5:
                key, name, file = numbers(value, 1, 2, 4)
                self.functions[key] = (self.strings[name], self.strings[file])
        for number, value in parts:
            if number == 4:
                key, mapping, address = numbers(value, 1, 2, 3)
                lines = [numbers(line, 1, 2) for n, line in fields(value) if n == 4]
                if key in self.locations:
                    raise ValueError(f"location {key} twice")
                self.locations[key] = (self.mappings.get(mapping), address,
                                       [(*self.functions[f], line) for f, line in lines])
        self.samples = [self.sample(value) for number, value in parts if number == 2]

    def sample(self, message):
        stack, values, labels = [], [], {}
        for number, value in fields(message):
            if number == 1:
                stack = [line for key in packed(value) for line in self.locations[key][2]]
            elif number == 2:
                values = packed(value)
            elif number == 3:
                key, text, amount = numbers(value, 1, 2, 3)
                labels[self.strings[key]] = self.strings[text] if text else amount
        if len(values) != len(self.types):
            raise ValueError("a sample needs a value of each type")
        return stack, values, labels
