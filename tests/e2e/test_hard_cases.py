"""docs/hard-cases.md names tests that exist, and has a test or a reason in every row."""

import ast
import os
import re

from watched import HARD, ROOT, equal, main, run

TABLE = os.path.join(ROOT, "docs/hard-cases.md")
NAMED = re.compile(r"`((?:unit|screens|e2e|fuzz)/\w+(?:: [^`]+)?)`")


def titles_in_python(path):
    """What the runner prints for the tests of a file: first line of the docstring, else the name."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    titles = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            marked = any(isinstance(d, ast.Name) and d.id == "test" for d in node.decorator_list)
            if marked or node.name.startswith("test_"):
                titles[node.name] = (not marked and ast.get_docstring(node)) or node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) \
                and node.targets[0].id.startswith("test_") and isinstance(node.value, ast.Call):
            titles[node.targets[0].id] = node.value.args[0].value  # the title comes first
    return {title.splitlines()[0].rstrip(".") for title in titles.values()}


def titles_in_c(path):
    with open(path, encoding="utf-8") as file:
        return set(re.findall(r"(?:cmocka_unit_test\w*|TEST)\((\w+)", file.read()))


def exists(name):
    where, _, title = name.partition(": ")
    for suffix, titles in ((".py", titles_in_python), (".c", titles_in_c)):
        path = os.path.join(ROOT, "tests", where + suffix)
        if os.path.exists(path):
            return not title or title in titles(path)
    return False


def rows():
    with open(TABLE, encoding="utf-8") as file:
        lines = [line for line in file if line.startswith("| ") and not line.startswith("| case ")]
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in lines]


def test_named_tests_exist():
    """every test that the table names is there under that name"""
    names = [name for row in rows() for name in NAMED.findall(row[-1])]
    assert len(names) > 100, f"only {len(names)} tests are named"
    equal([name for name in names if not exists(name)], [], "tests that do not exist")
    assert not exists("e2e/test_sacred: no such test") and not exists("unit/test_nothing: x")


def test_every_row():
    """every row has its case, what we do, and a test or the reason why there is none"""
    found = rows()
    assert len(found) > 70, f"only {len(found)} rows"
    for row in found:
        equal(len(row), 3, f"cells of {row}")
        assert NAMED.search(row[2]) or row[2].startswith("No test: "), f"neither test nor reason: {row}"


def test_every_hard_program():
    """no case of the program of hard cases is forgotten by the tests"""
    used = ""
    for name in os.listdir(os.path.join(ROOT, "tests/e2e")):
        if name.endswith(".py") and name != "test_hard_cases.py":
            with open(os.path.join(ROOT, "tests/e2e", name), encoding="utf-8") as file:
                used += file.read()
    cases = run([HARD, "list"]).stdout.decode().split()
    equal([case for case in cases if f'"{case}"' not in used], [], "cases that nobody runs")


if __name__ == "__main__":
    main(globals())
