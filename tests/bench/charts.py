"""Bars as SVG that can be read on light and on dark pages."""
import html, pathlib

STYLE = (
    "<style>text{font:13px sans-serif;fill:#1f2328}.ours{fill:#0969da}.theirs{fill:#8c959f}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#4493f8}.theirs{fill:#7d8590}}</style>"
)


def bars(title, rows):
    """`rows`: name and rate. Lengths are to scale."""
    most, height = max(rate for _, rate in rows), 34 + 26 * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" role="img" aria-label="{html.escape(title)}">',
        STYLE,
    ]
    parts.append(f'<text x="0" y="16" font-weight="bold">{html.escape(title)}</text>')
    for number, (name, rate) in enumerate(rows):
        y, width = 30 + 26 * number, max(1, 420 * rate / most)
        parts.append(f'<text x="180" y="{y + 13}" text-anchor="end">{html.escape(name)}</text>')
        parts.append(
            f'<rect class="{"ours" if name == "membridge" else "theirs"}" x="190" y="{y}" width="{width:.0f}" height="18"/>'
        )
        parts.append(f'<text x="{196 + width:.0f}" y="{y + 13}">{rate:,.0f}</text>')
    return "\n".join(parts + ["</svg>\n"])


def write(rows, folder):
    """A file for each group of rows as tests/bench/run has them; returns their titles and names."""
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    written = []
    for group in dict.fromkeys(row[0] for row in rows):
        title = f"{group}, a second"
        file = "".join(letter if letter.isalnum() else "-" for letter in group).replace("--", "-") + ".svg"
        (pathlib.Path(folder) / file).write_text(bars(title, [(row[1], row[2]) for row in rows if row[0] == group]))
        written.append((title, file))
    return written
