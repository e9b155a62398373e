import random

import pytest


def written_pdf(pages, trailer=b""):
    """Return a PDF whose pages have one line of text each, or none."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, text in enumerate(pages):
        content = b"BT /F1 12 Tf 50 700 Td (%s) Tj ET" % text if text else b""
        resources = b"<< /Font << /F1 3 0 R >> >>"
        objects.append(b"<< /Type /Page /Parent 2 0 R /Resources %s /Contents %d 0 R >>" % (resources, 5 + 2 * i))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer\n<< /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n"
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return data + head + table + end % (len(objects) + 1, trailer, len(data))


def damaged_copies(data, n=200):
    """Yield n copies that are truncated or have deleted, repeated, inserted or changed bytes; the seeds are fixed."""
    for seed in range(n):
        draw = random.Random(seed)
        copy = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            at, end = sorted(draw.randrange(len(copy) + 1) for _ in range(2))
            kind = draw.randrange(5)
            if kind == 0:
                del copy[at:]
            elif kind == 1:
                del copy[at:end]
            elif kind == 2:
                copy[at:at] = copy[at:end] * draw.randint(1, 3)
            elif kind == 3:
                copy[at:at] = draw.choice([b"{" * 500, b"\\u-1 ", b"\\bin99999999 ", b"<b " * 300, b"\0", b"9" * 40])
            else:
                for _ in range(draw.randint(1, 20)):
                    if copy:
                        copy[draw.randrange(len(copy))] = draw.randrange(256)
        yield bytes(copy)


@pytest.fixture(scope="session")
def pdf_of():
    return written_pdf


@pytest.fixture(scope="session")
def damaged():
    return damaged_copies
