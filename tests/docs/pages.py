"""What a page of Markdown shows: its blocks, the commands in its sentences, and how what a command prints is compared with what the page shows."""
import re

# What differs from run to run, and from reader to reader. Both sides are read in this way.
VARIES = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "<time>"),
    (r"\b\d\d:\d\d:\d\d\b", "<time>"),
    (r"\bjust now\b|\bin( \d+ (s|min|h|d)){1,2}\b|\b(\d+ (s|min|h|d) ){1,2}ago\b", "<when>"),
    (r"\bwh_[\w-]+", "<webhook>"),
    (r"\b\d+-[0-9a-f]{12}\b", "<question>"),
    (r"\b[0-9a-f]{12,64}\b", "<hash>"),
    (r"(?<![\w/-])[A-Za-z0-9_-]{43}(?![\w/-])", "<token>"),
    (r"\b\d+(\.\d+)?/s\b", "<rate>"),
    (r"\b\d+(\.\d+)? (ms|s)\b", "<span>"),
    (r"\b(127\.0\.0\.1|localhost):\d+", "<address>"),
    (r"membridge \d+\.\d+\.\d+", "membridge <version>"),
    (r"PostgreSQL \d+[^,]*,", "PostgreSQL <version>,"),
]
# How a line begins that a reader would type.
COMMAND = re.compile(r"\s*(\$ )?(sudo |[A-Z_]+=\S+ )*(membridge|docker|buildah|kubectl|helm|apt|cmake|ctest|systemctl|deploy/\w+|tests/\S*run)\b")


class Block:
    """`of`: the language; `file`: where the reader puts it, by a comment above it; `section`: the heading it stands under."""

    def __init__(self, line, of, section, file):
        self.line, self.of, self.section, self.file, self.lines = line, of, section, file, []

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    def needs(self):
        """What a machine must have for this block, by its first line: root, docker, …; nothing when every machine has it."""
        said = re.match(r"# needs (.+)", self.lines[0]) if self.lines else None
        return said[1] if said else None

    def dialogues(self):
        """Of a terminal: (line, command, lines that it prints)."""
        found = []
        for number, line in enumerate(self.lines, self.line + 1):
            if found and not found[-1][2] and found[-1][1].endswith("\\"):
                found[-1][1] = found[-1][1][:-1] + line.lstrip("> ")
            elif line.startswith("$ "):
                found.append([number, line[2:], []])
            elif found:
                found[-1][2].append(line.rstrip())
        return found


def blocks(page):
    """Fenced blocks in order; those in a list lose its margin. And the lines of commands that stand in no block a test would run."""
    found, astray, section, inside, file, margin = [], [], "", None, None, 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if inside is None and line.startswith("## "):
            section = line
        fence = re.match(r"( *)```(.*)", line)
        if fence and inside is None:
            margin = len(fence[1])
            inside = Block(number, fence[2].strip(), section, file)
        elif fence:
            found.append(inside)
            inside = None
        elif inside is not None:
            inside.lines.append(line[min(margin, len(line) - len(line.lstrip(" "))):])
            if inside.of not in ("console", "sh") and COMMAND.match(line) and not line.startswith("#"):
                astray.append(number)
        elif re.match(r" {4,}", line) and COMMAND.match(line):
            astray.append(number)
        if line.strip():
            file = (re.fullmatch(r"\s*<!-- file: (\S+) -->", line) or [None, None])[1]
    return found, astray


def commands(page):
    """Commands in sentences, between backquotes, as (line, words)."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        if fenced:
            continue
        for code in re.findall(r"`(membridge [^`]+)`", line):
            if not re.search(r"[…|<>]|COMMAND", code):
                yield number, code


def alike(lines):
    text = "\n".join(line.rstrip() for line in lines).strip("\n")
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return re.sub(r" {2,}", "  ", text)


def prints(expected, printed):
    """Whether what was printed is what the page shows. An ellipsis stands for anything, one in a line of its own for any number of lines."""
    pattern = re.escape(alike(expected)).replace("\n…\n", r"\n(?:.*\n)??").replace("…", ".*")
    return re.fullmatch(pattern, alike(printed.splitlines()), re.S) is not None
