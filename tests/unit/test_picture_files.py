"""Picture files of the kinds that people have, under folders as people have them."""

import os
import shutil
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from ganprune_utils.data import picture_files
from ganprune_utils.errors import DataError


def save(path, pixels=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        pixels = np.random.default_rng(len(path.name)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def test_the_digest_changes_with_every_change_and_only_with_one(tmp_path):
    folder = tmp_path / "pictures"
    for name in ("a/0.png", "a/1.png", "b/0.png"):
        save(folder / name)
    digests = [picture_files.digest(folder)]
    shutil.copytree(folder, tmp_path / "copy")
    os.utime(folder / "a/0.png", (0, 0))
    (folder / "a/._0.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_bytes(b"no picture")
    assert picture_files.digest(folder) == picture_files.digest(tmp_path / "copy") == digests[0]
    pixels = np.asarray(Image.open(folder / "a/0.png")).copy()
    pixels[0, 0, 0] ^= 1
    save(folder / "a/0.png", pixels)
    digests.append(picture_files.digest(folder))
    save(folder / "a/2.png")
    digests.append(picture_files.digest(folder))
    (folder / "a/2.png").rename(folder / "b/2.png")
    digests.append(picture_files.digest(folder))
    (folder / "b/2.png").unlink()
    (folder / "b/0.png").unlink()
    digests.append(picture_files.digest(folder))
    assert len(set(digests)) == 5


def test_a_folder_that_is_not_there_has_no_digest(tmp_path):
    with pytest.raises(DataError, match=r"folder .*missing: cannot be read \(No such file or directory\)"):
        picture_files.digest(tmp_path / "missing")


def test_hidden_files_links_and_leftovers_are_found_out(tmp_path):
    folder = tmp_path / "pictures"
    wanted = [save(folder / name) for name in ("a/0.png", "a/1.JPG", "b/deep/er/2.tiff")]
    for name in ("a/._0.png", "a/.ipynb_checkpoints/0.png", "__MACOSX/a/0.png", "b/@eaDir/0.jpg"):
        save(tmp_path / "x.png").rename(folder / "x.png")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "x.png").rename(folder / name)
    for name in ("Thumbs.db", ".DS_Store", "a/labels.csv"):
        (folder / name).write_bytes(b"")
    os.mkfifo(folder / "a/pipe.png")
    save(tmp_path / "elsewhere/c/3.png")
    (folder / "c").symlink_to(tmp_path / "elsewhere/c")
    (folder / "a/4.png").symlink_to(tmp_path / "elsewhere/c/3.png")
    (folder / "a/round").symlink_to(folder)
    found = picture_files.find(folder)
    assert found.paths == sorted([*wanted, folder / "c/3.png", folder / "a/4.png"])
    assert found.notes() == ["9 left out, hidden or no pictures: .DS_Store, Thumbs.db, __MACOSX and 6 more"]


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path, monkeypatch):
    save(tmp_path / "a/0.png")
    original = os.scandir

    def scandir(path):
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"folder .*/a: cannot be read \(Permission denied\)$"):
        picture_files.find(tmp_path)


def one(path, size=None):
    """The pixels of a file, and the notes on it."""
    found = picture_files.Found(path.parent, [path])
    return picture_files.read(found, "folder", size)[0], found.notes()


RAMP = np.tile(np.linspace(0, 65535, 64), (32, 1)).astype(np.uint16)
GREY = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm", ".jp2"])
@pytest.mark.parametrize("values", [RAMP, np.full_like(RAMP, 300)], ids=["ramp", "dark"])
def test_16_bits_are_scaled_to_8(tmp_path, suffix, values):
    Image.fromarray(values).save(tmp_path / f"x{suffix}")
    assert np.array_equal(one(tmp_path / f"x{suffix}")[0], values // 257)


@pytest.mark.parametrize("kind, words", [(np.int32, "integers of 32 bits"), (np.float32, "floats")])
def test_values_without_a_range_are_one_line(tmp_path, kind, words):
    save(tmp_path / "x.tif", RAMP.astype(kind))
    words = f"folder: x.tif is no readable picture ({words} have no defined range: save it with 8 or 16 bits)"
    with pytest.raises(DataError) as error:
        one(tmp_path / "x.tif")
    assert str(error.value) == words


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "I;16"])
def test_what_is_transparent_is_white(tmp_path, mode):
    """A black drawing on a black ground that is transparent."""
    drawing = np.zeros((32, 32), dtype=bool)
    drawing[4:20, 8:24] = True
    options = {}
    if mode in ("RGBA", "LA"):
        alpha = Image.fromarray(np.where(drawing, 255, 0).astype(np.uint8))
        picture = Image.new(mode[:-1], (32, 32))
        picture.putalpha(alpha)
    else:  # value 7 is transparent
        kind = np.uint16 if mode == "I;16" else np.uint8
        picture, options = Image.fromarray(np.where(drawing, 0, 7).astype(kind)), {"transparency": 7}
    if mode == "P":
        picture = Image.fromarray(np.asarray(picture))
        picture.putpalette([0] * 3 * 8)
    picture.save(tmp_path / "x.png", **options)
    assert Image.open(tmp_path / "x.png").mode == mode
    pixels = one(tmp_path / "x.png")[0]
    assert pixels.ndim == (2 if mode in ("LA", "L", "I;16") else 3)
    assert (pixels[drawing] == 0).all() and (pixels[~drawing] == 255).all()


def test_half_transparent_is_half_white(tmp_path):
    Image.new("RGBA", (32, 32), (100, 0, 200, 128)).save(tmp_path / "x.png")
    assert one(tmp_path / "x.png")[0][0, 0].tolist() == pytest.approx([177, 127, 227], abs=1)


def test_opaque_alpha_changes_no_pixel(tmp_path):
    Image.fromarray(COLOUR).convert("RGBA").save(tmp_path / "x.png")
    assert np.array_equal(one(tmp_path / "x.png")[0], COLOUR)


def test_palettes_cmyk_and_bits_are_the_colours_that_a_viewer_shows(tmp_path):
    few = COLOUR // 128 * 255
    Image.fromarray(few).quantize(8).save(tmp_path / "p.png")
    assert np.array_equal(one(tmp_path / "p.png")[0], few)
    Image.fromarray(few).convert("CMYK").save(tmp_path / "c.tif")
    assert np.array_equal(one(tmp_path / "c.tif")[0], few)
    Image.fromarray(few).resize((64, 64)).convert("CMYK").save(tmp_path / "c.jpg", quality=100, subsampling=0)
    shown = np.asarray(Image.fromarray(few).resize((64, 64))).astype(int)
    assert np.abs(one(tmp_path / "c.jpg")[0] - shown).mean() < 10
    Image.fromarray(GREY).convert("1").save(tmp_path / "b.png")
    assert set(np.unique(one(tmp_path / "b.png")[0])) == {0, 255}


def with_orientation(path, pixels, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR, RAMP], ids=["grey", "colour", "16 bits"])
def test_pictures_are_turned_as_their_exif_data_say(tmp_path, suffix, pixels):
    with_orientation(tmp_path / f"x{suffix}", pixels, 6)  # a quarter clockwise
    in_8_bits = pixels // 257 if pixels is RAMP else pixels
    assert np.array_equal(one(tmp_path / f"x{suffix}")[0], np.rot90(in_8_bits, -1))


def test_an_orientation_counts_where_other_exif_data_are_damaged(tmp_path):
    entries = struct.pack("<HHHII", 2, 0x0112, 3, 1, 6) + struct.pack("<HHII", 0x010F, 12, 1, 38)  # a maker's name in
    data = b"Exif\0\0II*\0\x08\0\0\0" + entries + bytes(4) + struct.pack("<d", 1.5)  # floating point
    Image.fromarray(COLOUR).save(tmp_path / "x.png", exif=data)
    with Image.open(tmp_path / "x.png") as picture, pytest.raises(AttributeError):
        ImageOps.exif_transpose(picture)
    pixels, notes = one(tmp_path / "x.png")
    assert np.array_equal(pixels, np.rot90(COLOUR, -1)) and notes == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_that_of_pillow(tmp_path, orientation):
    with_orientation(tmp_path / "x.png", COLOUR[:, :20], orientation)
    with Image.open(tmp_path / "x.png") as picture:
        assert np.array_equal(one(tmp_path / "x.png")[0], np.asarray(ImageOps.exif_transpose(picture)))


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp"])
def test_of_several_frames_the_first_is_taken_and_that_is_said(tmp_path, suffix):
    frames = [Image.new("L", (32, 32), value) for value in (20, 200)]
    frames[0].save(tmp_path / f"x{suffix}", save_all=True, append_images=frames[1:])
    pixels, notes = one(tmp_path / f"x{suffix}")
    assert abs(pixels.astype(int) - 20).max() <= 1
    assert notes == [f"1 of several frames, of which the first is taken: x{suffix}"]


def test_names_that_cannot_be_printed_are_one_line(tmp_path):
    save(tmp_path / "x.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.png"))
    found = picture_files.find(tmp_path)
    assert found.names(found.paths) == "??.png" and len(picture_files.digest(tmp_path)) == 64


def test_damaged_exif_data_are_said_and_no_more(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "x.png", exif=b"Exif\0\0garbage!garbage!")
    pixels, notes = one(tmp_path / "x.png")
    assert np.array_equal(pixels, COLOUR)
    assert notes == ["1 with damaged EXIF data, taken as they lie: x.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".gif", ".bmp", ".ppm", ".jp2"])
def test_damaged_files_are_one_line(tmp_path, suffix):
    whole = save(tmp_path / f"x{suffix}", COLOUR).read_bytes()
    random = np.random.default_rng(0)
    for cut in (0, 1, 10, len(whole) // 2):
        (tmp_path / f"x{suffix}").write_bytes(whole[:cut])
        with pytest.raises(DataError, match=f"^folder: x{suffix} is no readable picture [(].+[)]$"):
            one(tmp_path / f"x{suffix}")
    for _ in range(30):  # bits that flipped: a picture, or one line
        data = np.frombuffer(whole, np.uint8).copy()
        data[random.integers(0, min(len(data), 200), 4)] = random.integers(0, 256, 4)
        (tmp_path / f"x{suffix}").write_bytes(data.tobytes())
        try:
            assert one(tmp_path / f"x{suffix}", 32)[0].shape[:2] == (32, 32)
        except DataError as error:
            assert "\n" not in str(error)


def test_all_files_that_cannot_be_read_are_named_at_once(tmp_path):
    for name in ("a/0.png", "a/1.png", "a/2.png"):
        save(tmp_path / name)
    (tmp_path / "a/0.png").write_bytes(b"")
    (tmp_path / "a/3.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(DataError, match=r"^folder: a/0.png is no .*[)]; in all 2 of 4: a/0.png, a/3.png$"):
        picture_files.read(picture_files.find(tmp_path), "folder")


def test_the_central_square_is_scaled_and_one_of_the_size_untouched(tmp_path):
    wide = np.zeros((32, 96, 3), dtype=np.uint8)
    wide[:, 32:64] = COLOUR
    assert np.array_equal(one(save(tmp_path / "x.png", wide), 32)[0], COLOUR)
    assert one(save(tmp_path / "x.png", wide), 16)[0].shape == (16, 16, 3)


def test_pictures_that_show_nothing_are_said():
    found = picture_files.Found(picture_files.Path("f"), [picture_files.Path(f"f/{i}.png") for i in range(5)])
    plain = [GREY, *(np.full_like(GREY, i) for i in range(4))]
    said = ["4 of A of one colour, or nearly: 1.png, 2.png, 3.png and 1 more"]
    assert picture_files.doubts(found, plain, " of A") == said
    assert picture_files.doubts(found, [GREY] * 5) == []
    said = ["all values lie between 0 and 15 of 255: were the files saved in another range?"]
    assert picture_files.doubts(found, [GREY // 16] * 5) == said
