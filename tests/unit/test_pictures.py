import base64
import io
import sys

import nbformat
import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "workflow"))
import pictures


def png(pixels) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).convert("RGBA").save(data, "PNG")
    return data.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


GREY = np.repeat(np.random.default_rng(0).integers(0, 256, (64, 64, 1)), 3, axis=2).astype("uint8")
COLOUR = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8")


@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_picture_keeps_its_pixels_in_fewer_bytes(pixels):
    packed = pictures.lighter(png(pixels))
    assert len(packed) < len(png(pixels))
    assert (pixels_of(packed) == pixels).all()
    assert Image.open(io.BytesIO(packed)).mode == ("P" if pixels is GREY else "RGB")


def test_a_notebook_is_packed_once_and_keeps_all_else(tmp_path):
    data = {"image/png": base64.b64encode(png(GREY)).decode(), "text/plain": "<Figure>"}
    cell = nbformat.v4.new_code_cell("draw()", outputs=[nbformat.v4.new_output("display_data", data)])
    path = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell("text")]), path)
    before = nbformat.read(path, 4)
    pictures.pack(path)
    once = path.read_bytes()
    after = nbformat.read(path, 4)
    image = after.cells[0].outputs[0].data.pop("image/png")
    before.cells[0].outputs[0].data.pop("image/png")
    assert after == before
    assert (pixels_of(base64.b64decode(image)) == GREY).all()
    pictures.pack(path)
    assert path.read_bytes() == once


def test_a_figure_is_packed_once(tmp_path):
    path = tmp_path / "figure.png"
    path.write_bytes(png(GREY))
    pictures.pack(path)
    once = path.read_bytes()
    assert len(once) < len(png(GREY)) and (pixels_of(once) == GREY).all()
    pictures.pack(path)
    assert path.read_bytes() == once
