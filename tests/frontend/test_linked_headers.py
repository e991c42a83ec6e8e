"""Headers below xen/include/asm-arm, which a build reaches by a link."""

from __future__ import annotations

from pathlib import Path

from harness.frontend.preprocess import Preprocessed, preprocess

SOURCE = "xen/arch/arm/p2m.c"
HEADER = "xen/include/asm-arm/page.h"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(tmp_path: Path, *, built: bool = False) -> Preprocessed:
    root = tmp_path / "tree"
    write(root, "xen/include/xen/config.h", "#include <asm/config.h>\n")
    write(root, "xen/include/asm-arm/config.h", "#define SHIFT 12\n")
    write(root, HEADER, "#include <asm/arm64/page.h>\n")
    write(root, "xen/include/asm-arm/arm64/page.h", "#define BITS (SHIFT - 3)\n")
    write(root, SOURCE, "#include <asm/page.h>\nint bits = BITS;\n")
    if built:
        (root / "xen/include/asm").symlink_to("asm-arm")
    return preprocess(root, [SOURCE], generated=tmp_path / "generated")


def test_headers_are_found_without_the_link(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert "int bits = (12 - 3);" in result.text
    assert HEADER in result.files


def test_a_link_in_a_built_tree_gives_no_second_name(tmp_path: Path) -> None:
    result = run(tmp_path, built=True)
    assert HEADER in result.files
    assert not any(name.startswith("xen/include/asm/") for name in result.files)
