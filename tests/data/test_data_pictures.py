"""One picture, whatever its format."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dazoo.data import read_picture
from dazoo.errors import PictureError


RED = (250, 10, 20)


def _bytes(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _centre(array: np.ndarray) -> tuple[int, ...]:
    return tuple(int(v) for v in array[array.shape[0] // 2, array.shape[1] // 2])


def test_squashed_to_a_square_of_uint8_rgb(tmp_path):
    Image.new("RGB", (40, 30), RED).save(tmp_path / "x.png")
    array = read_picture(tmp_path / "x.png", size=16)
    assert array.shape == (16, 16, 3) and array.dtype == np.uint8 and (array == RED).all()
    assert read_picture(str(tmp_path / "x.png")).shape == (30, 40, 3)
    assert read_picture(Image.new("RGB", (40, 30), RED), size=16).shape == (16, 16, 3)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "YCbCr", "HSV"])
def test_colour_modes(mode):
    array = read_picture(Image.new("RGB", (9, 9), RED).convert(mode, palette=Image.Palette.ADAPTIVE), size=9)
    assert np.abs(np.array(_centre(array)) - RED).max() <= 12, mode


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "CMYK", "RGBA", "RGB"])
def test_grey_is_one_channel_when_asked(mode):
    array = read_picture(Image.new("L", (9, 9), 255).convert(mode), channels=1)
    assert array.shape == (9, 9, 1) and (array == 255).all()


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert _centre(read_picture(_bytes(clear))) == (255, 255, 255)
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    assert np.abs(np.array(_centre(read_picture(_bytes(half)))) - (255, 127, 127)).max() <= 1
    palette = Image.new("P", (8, 8), 3)
    palette.putpalette([10] * 768)
    assert _centre(read_picture(_bytes(palette, transparency=3))) == (255, 255, 255)
    assert _centre(read_picture(_bytes(palette))) == (10, 10, 10)


def test_sixteen_bits_and_floats_are_scaled():
    values = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    array = read_picture(_bytes(Image.fromarray(values)), channels=1)[..., 0]
    assert np.abs(array - values / 257).max() <= 0.51
    for top, full in ((1.0, 1), (255.0, 255), (60000.0, 65535)):
        ramp = np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8)
        array = read_picture(_bytes(Image.fromarray(ramp), "TIFF"), channels=1)[..., 0]
        assert np.abs(array - ramp * 255 / full).max() <= 0.51, top
    with pytest.raises(PictureError, match="samples run from"):
        read_picture(_bytes(Image.fromarray(np.full((4, 4), -3, np.float32)), "TIFF"))
    with pytest.raises(PictureError, match="samples run from"):
        read_picture(_bytes(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"))


def test_the_camera_orientation_is_applied():
    picture = Image.new("RGB", (30, 10))
    picture.paste(RED, (0, 0, 10, 10))  # red on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: the left comes to the top
    array = read_picture(_bytes(picture, "JPEG", exif=exif, quality=95))
    assert array.shape == (30, 10, 3)
    assert array[3, 5, 0] > 200 and array[26, 5, 0] < 40


def test_a_large_jpeg_is_read_at_a_fraction_and_looks_the_same():
    coarse = np.random.default_rng(0).integers(0, 256, (32, 40)).astype(np.uint8)
    data = _bytes(Image.fromarray(coarse).resize((640, 512), Image.Resampling.NEAREST), "JPEG", quality=95)
    small = read_picture(data, size=64, channels=1)[..., 0].astype(int)
    exact = np.asarray(Image.open(io.BytesIO(data)).resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(small - exact).mean() <= 3


def test_a_box_is_cut_out_and_clipped():
    picture = Image.new("RGB", (20, 20))
    picture.paste(RED, (10, 10, 20, 20))
    assert (read_picture(picture, box=(10, 10, 40, 40)) == RED).all()
    with pytest.raises(PictureError, match="no pixel"):
        read_picture(picture, box=(30, 30, 40, 40))


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), (0, 0, 255))]
    array = read_picture(_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert np.abs(np.array(_centre(array)) - RED).max() <= 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "PPM", "TIFF", "WEBP", "BMP"])
def test_truncated_files_are_named(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"cut.{kind.lower()}"
    data = _bytes(Image.fromarray(noise), kind)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match=f"cut.{kind.lower()}"):
        read_picture(path, size=16)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_what_is_no_picture_is_named(tmp_path, content):
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(PictureError, match=r"odd\.png"):
        read_picture(tmp_path / "odd.png")


def test_a_missing_file_a_folder_and_a_bomb(tmp_path, monkeypatch):
    with pytest.raises(PictureError, match="no such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path)
    Image.new("RGB", (100, 100)).save(tmp_path / "big.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(PictureError, match="too large"):
        read_picture(tmp_path / "big.png")
