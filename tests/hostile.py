"""Logs whose prompts, answers, ids, categories and file names try to run, reorder, overflow and escape."""

import json
from pathlib import Path

MARKUP = (
    "<script>window.__pwned = 1</script>",
    '"><img src=x onerror="window.__pwned = 2">',
    "<svg/onload=window.__pwned=3>",
    "[click](javascript:window.__pwned=4) <javascript:window.__pwned=4>",
    "![seen](https://example.invalid/pixel.png) https://example.invalid www.example.invalid @all #1",
    "**bold** _it_ `code` ~~gone~~ | cell | $x$ \\ # head\n\n- item\n> quote\n***",
    "</title></textarea></style></details></li></ul><!-- --> ]]> &lt; &#0; {{ 7*7 }} {% raw %}",
    "[bold red]loud[/bold red] [link=https://example.invalid]x[/link] :smile:",
    "\u202eesrever\u202c \u2066iso\u2069 \u200f\u200b\ufeff\u2028\u2029\u00ad\U000e0041",
    "\x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b31m \x08\x7f",
    "nul \x00 cr \r lf \n crlf \r\n tab \t vertical \x0b feed \x0c",
    "w" * 100_000,
    "../../../etc/passwd",
    "..\\..\\CON",
    "%s %n ${PATH} $(id) `id` ; rm -rf .",
)
SECRET = "answer-that-stays-in-its-file"
REFUSES = "I'm sorry, but I can't help with that."


def write_logs(folder: Path, *, answers: bool = True) -> tuple[Path, Path]:
    """Two files of 15 × 14 questions: the second answers what the first refuses, in every hostile category.

    With hostile answers too, many cannot be judged; without, the loss is plain and every category fails.
    """
    rows: dict[str, list[dict[str, str]]] = {"a": [], "b": []}
    for place in range(14 * len(MARKUP)):
        text = MARKUP[place % len(MARKUP)]
        asked = {"id": f"{place} {text}", "prompt": f"{place} {text}", "category": text, "family": f"{place} {text}"}
        lost, said = place % 14 < 11, text if answers else ""
        rows["a"].append({**asked, "answer": f"{REFUSES}\n{said}\n{SECRET}"})
        rows["b"].append({**asked, "answer": f"Here it is, as you asked: {SECRET}. {said}" if lost else REFUSES})
    rows["b"].append({"id": f"alone {MARKUP[0]}\x1b", "prompt": "alone", "category": "", "answer": REFUSES})
    files = []
    for name, lines in rows.items():
        path = folder / f"{name}<img src=x onerror=alert(1)>\x1b[31m\u202e\n`{name}`.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
        files.append(path)
    return files[0], files[1]
