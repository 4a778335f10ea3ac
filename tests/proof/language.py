"""The auditor's own reading of the mapping language: what an expression means for one memory. It shares no code with the bridge."""

import re

MISSING = object()


def _split(text, mark):
    """Splits outside of quotes and brackets."""
    parts, depth, quoted, part = [], 0, False, ""
    for c in text:
        if c == "'":
            quoted = not quoted
        elif not quoted and c in "([":
            depth += 1
        elif not quoted and c in ")]":
            depth -= 1
        if c == mark and not quoted and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += c
    return [p.strip() for p in parts + [part]]


def _phone(value, country):
    digits = re.sub(r"[^0-9+]", "", str(value))
    if digits.startswith("+"):
        return digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    return country + digits[1:] if digits.startswith("0") else MISSING


def _email(value):
    text = str(value).strip().lower()
    return text if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) else MISSING


def _capture(value, pattern):
    # RE2 writes (?i:…) as Python does.
    found = re.search(pattern, value)
    return found.group(1) if found else MISSING


FUNCTIONS = {
    "trim": lambda value: value.strip() or MISSING,
    "lower": lambda value: value.lower(),
    "capture": _capture,
    "replace": lambda value, pattern, by: re.sub(pattern, by, value),
    "truncate": lambda value, length=None: value[: int(length)] if length else value,
    "email": _email,
    "phone": _phone,
    "has": lambda value, *labels: any(label in value for label in labels),
    "first": lambda value: value[0] if value else MISSING,
}


class Names:
    """What `$name.path` means for one memory."""

    def __init__(self, maps, variables, **values):
        self.maps, self.values = maps, dict(values, vars=variables)

    def with_values(self, **more):
        names = Names(self.maps, self.values["vars"])
        names.values = dict(self.values, **more)
        return names

    def path(self, text):
        value = self.values
        for step in text.split("."):
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
            if value is None or value is MISSING:
                return MISSING
        return value

    def operand(self, text):
        if text.startswith("'"):
            return text[1:-1].replace("''", "'")
        return int(text) if re.fullmatch(r"-?\d+", text) else self.path(text.lstrip("$"))

    def value(self, expression):
        if not isinstance(expression, str) or not expression.startswith("$"):
            return MISSING if expression is None else expression
        operand, *calls = _split(expression[1:], "|")
        value = self.operand(operand)
        for call in calls:
            name, arguments = re.fullmatch(r"(\w+)(?:\((.*)\))?", call, re.S).groups()
            if name == "has":
                value = (
                    False if value is MISSING else FUNCTIONS[name](value, *map(self.operand, _split(arguments, ",")))
                )
            elif value is MISSING:
                continue
            elif name == "map":
                value = self.maps[arguments].get(value, MISSING)
            else:
                value = FUNCTIONS[name](value, *(map(self.operand, _split(arguments, ",")) if arguments else ()))
        return value

    def holds(self, condition):
        if condition is None:
            return True
        return all(
            self.value(c) not in (MISSING, None, False)
            for c in (condition if isinstance(condition, list) else [condition])
        )
