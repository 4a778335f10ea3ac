"""Writes the generated parts of docs/proof.md: what stands between `<!-- NAME: … -->` and `<!-- end -->`."""

import re


def replace(path, name, lines):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin = re.search(rf"<!-- {name}:[^\n]*-->\n", text)
    if not begin:
        raise LookupError(f"{path} has no part {name}")
    end = text.index("<!-- end -->", begin.end())
    with open(path, "w", encoding="utf-8") as file:
        file.write(text[: begin.end()] + "\n" + "\n".join(lines) + "\n\n" + text[end:])
