"""The preprocessor run: what comes out, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import PreprocessError
from harness.frontend.preprocess import Preprocessed, preprocess

SOURCE = "xen/arch/arm/mmu/p2m.c"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    write(root, "xen/include/xen/config.h", "#include <xen/kconfig.h>\n")
    write(root, "xen/include/xen/kconfig.h", "#include <generated/autoconf.h>\n")
    write(root, "xen/arch/arm/include/asm/page.h", "#define PAGE_SHIFT 12\n")
    write(root, SOURCE, "#include <asm/page.h>\nint shift = PAGE_SHIFT;\n")
    return root


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(root: Path, **options: object) -> Preprocessed:
    generated = root.parent / "generated"
    generated.mkdir(exist_ok=True)
    return preprocess(root, [SOURCE], generated=generated, **options)  # type: ignore[arg-type]


def refusal(root: Path) -> str:
    with pytest.raises(PreprocessError) as caught:
        run(root)
    return str(caught.value)


def test_names_are_relative_to_the_tree(tree: Path) -> None:
    result = run(tree)
    assert f'# 2 "{SOURCE}"' in result.text or f'# 1 "{SOURCE}" 1' in result.text
    assert str(tree) not in result.text
    assert "int shift = 12;" in result.text
    assert "xen/arch/arm/include/asm/page.h" in result.files
    assert not any(name.startswith(("/", "<")) for name in result.files)


def test_result_does_not_depend_on_where_the_tree_lies(
    tree: Path, tmp_path: Path
) -> None:
    write(tree, SOURCE, "const char *file = __FILE__;\n")
    first = run(tree)
    moved = tmp_path / "elsewhere" / "moved"
    moved.parent.mkdir()
    tree.rename(moved)
    second = run(moved)
    assert first == second
    assert '"arch/arm/mmu/p2m.c"' in first.text


def test_host_compiler_leaves_no_trace(tree: Path) -> None:
    write(
        tree,
        SOURCE,
        "#if defined(__x86_64__) || defined(__clang__) || !defined(__aarch64__)\n"
        "#error host\n#endif\n"
        "#if __SIZEOF_LONG__ != 8 || !defined(__CHAR_UNSIGNED__) || __GNUC__ != 12\n"
        "#error abi\n#endif\n"
        "#ifndef CONFIG_ARM64_WORKAROUND_REPEAT_TLBI\n#error config\n#endif\n",
    )
    run(tree)


def test_environment_of_the_user_has_no_say(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "evil", "asm/page.h", "#define PAGE_SHIFT 99\n")
    monkeypatch.setenv("CPATH", str(tmp_path / "evil"))
    assert "int shift = 12;" in run(tree).text


def test_probes_become_enumerators(tree: Path) -> None:
    text = run(tree, probes=("PAGE_SHIFT", "NOT_THERE")).text
    assert "__harness_PAGE_SHIFT = (12)" in text
    assert "NOT_THERE" not in text


def test_probe_must_be_a_name(tree: Path) -> None:
    with pytest.raises(PreprocessError, match="not a macro name"):
        run(tree, probes=("X\n#include </etc/passwd>",))


def test_generic_wrappers_are_made(tree: Path) -> None:
    write(tree, "xen/arch/arm/include/asm/Makefile", "generic-y += paging.h\n")
    write(tree, "xen/include/asm-generic/paging.h", "int generic_paging;\n")
    write(tree, SOURCE, "#include <asm/paging.h>\n#include <asm/asm-offsets.h>\n")
    assert "int generic_paging;" in run(tree).text


def test_error_has_its_place(tree: Path) -> None:
    write(tree, SOURCE, "int a;\n#include <asm/gone.h>\n")
    assert refusal(tree).startswith(f"{SOURCE}:2: asm/gone.h: No such file")


def test_missing_file_is_reported(tree: Path) -> None:
    (tree / SOURCE).unlink()
    assert refusal(tree) == f"no file '{SOURCE}' in the tree"


@pytest.mark.parametrize("form", ["absolute", "relative", "link", "line"])
def test_foreign_file_is_refused(tree: Path, tmp_path: Path, form: str) -> None:
    secret = write(tmp_path, "secret.h", "int secret_content;\n")
    if form == "absolute":
        text = f'int a;\n#include "{secret}"\n'
    elif form == "relative":
        text = 'int a;\n#include "../../../../../secret.h"\n'
    elif form == "line":
        # The source cannot hide where it takes its text from.
        text = f'int a;\n#include "{secret}"\n#line 1 "{SOURCE}"\n'
    else:
        (tree / "xen/include/xen/link.h").symlink_to(secret)
        text = "int a;\n#include <xen/link.h>\n"
    write(tree, SOURCE, text)
    message = refusal(tree)
    assert message.startswith(f"{SOURCE}:2: included file")
    assert "lies outside the source tree" in message
    assert "secret_content" not in message


def test_error_inside_a_foreign_file_does_not_quote_it(
    tree: Path, tmp_path: Path
) -> None:
    secret = write(tmp_path, "secret.h", "#error the secret content\n")
    write(tree, SOURCE, f'#include "{secret}"\n')
    message = refusal(tree)
    assert "lies outside the source tree" in message
    assert "content" not in message


def test_tree_of_links_needs_its_root(tree: Path, tmp_path: Path) -> None:
    view = tmp_path / "view"
    for path in tree.rglob("*.[ch]"):
        link = view / path.relative_to(tree)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    assert "lies outside the source tree" in refusal(view)
    result = run(view, roots=(tree,))
    assert result == run(tree)


def test_embed_is_refused(tree: Path) -> None:
    write(tree, SOURCE, "#if 0\n# /**/ embed </etc/hostname>\n#endif\n")
    assert refusal(tree) == f"{SOURCE}:2: #embed is not supported"


def test_include_that_never_ends_is_refused(tree: Path) -> None:
    write(tree, SOURCE, f'#include "{tree / SOURCE}"\n')
    assert "#include nested" in refusal(tree)


def test_output_without_bound_is_refused(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.frontend.preprocess._SECONDS", 2)
    doubling = "\n".join(f"#define A{n} A{n - 1} A{n - 1}" for n in range(1, 40))
    write(tree, SOURCE, f"#define A0 int x;\n{doubling}\nA39\n")
    message = refusal(tree)
    assert "did not finish" in message or "failed" in message


def test_include_that_blocks_is_refused(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.frontend.preprocess._SECONDS", 1)
    os.mkfifo(tree / "xen/include/xen/pipe.h")
    write(tree, SOURCE, "#include <xen/pipe.h>\n")
    assert refusal(tree) == "the preprocessor did not finish within 1 s"


def test_compiler_that_is_none_is_reported(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler --flag")
    assert "is CC a C compiler?" in refusal(tree)
