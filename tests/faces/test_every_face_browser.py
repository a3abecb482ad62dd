"""Every face in every language, as wide as a phone, a desk and a television; the pictures are kept in build/faces."""

import pytest

from tests import browser as browsers
from tests.faces import every

pytestmark = [pytest.mark.browser, pytest.mark.once]
SIZES = ("390", "720p", "1080p")


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_every_face_is_accessible_fits_and_asks_no_other_host(language, server, chromium):
    _scene, faces = every.made()
    pictures = browsers.BUILD / "faces"
    pictures.mkdir(parents=True, exist_ok=True)
    for face in faces:
        with every.opened(chromium, server.url, face, language) as page:
            asked: list[str] = []
            faults: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("pageerror", lambda error, faults=faults: faults.append(str(error)))
            answer = page.goto(server.url + every.address(face, language))
            assert answer is not None
            assert answer.status == 200, face.name
            assert page.locator("html").get_attribute("lang").lower() == language
            found = browsers.violations(page)
            assert found == [], face.name
            for size in SIZES:
                width, height = browsers.SIZES[size]
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=pictures / f"{face.name.replace(', ', '-')}-{size}-{language}.png")
                assert browsers.wider_than_screen(page) <= 0, (face.name, size)
                if face.name == "overview" and size != "390":
                    table = page.locator(".wide").first
                    assert table.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 0, size
            assert [each for each in asked if not each.startswith(server.url + "/")] == []
            assert faults == [], face.name
