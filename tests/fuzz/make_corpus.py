#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of all fuzz targets from the tests' own data: make_corpus.py (in any folder).

Files named seed-* are made here; all others were found by the fuzzers and stay.
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
TESTS, ROOT = HERE.parent, HERE.parent.parent


def put(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data)


def part(data):
    """A part of an input: its length in two bytes, then its bytes (fuzz.hpp, Parts)."""
    return struct.pack("<H", len(data)) + data


def npy(shape, values, dtype="<f8", fortran=False, version=1):
    text = f"{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    code = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "u1": "B", "f2": "e", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H",
            "b1": "?"}[dtype[1:]]
    order = "<" if dtype[0] in "|=" else dtype[0]
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + struct.pack(f"{order}{len(values)}{code}", *values)


def topologies():
    valid = json.loads((TESTS / "topology/valid.json").read_text())
    put("topology", "valid", json.dumps(valid).encode())
    for name in ("cycle", "nan", "repeated_key", "tied_windows_differ", "truncated", "fractions_sum"):
        put("topology", name, (TESTS / f"topology/malformed/{name}.json").read_bytes())
    image = {"sst_topology": 1, "nodes": [
        {"name": "x", "op": "input"},
        {"name": "c", "op": "conv", "inputs": ["x"], "weight_std": 1.4, "window": [3, 3], "padding": "circular"},
        {"name": "n", "op": "layer_norm", "inputs": ["c"]},
        {"name": "a", "op": "relu", "inputs": ["n"]},
        {"name": "p", "op": "avg_pool", "inputs": ["a"], "window": [2, 2], "strides": [1, 2], "padding": "same"},
        {"name": "g", "op": "global_avg_pool", "inputs": ["p"]},
        {"name": "y", "op": "dense", "inputs": ["g"], "weight_std": 1}], "output": "y"}
    put("topology", "image", json.dumps(image).encode())
    put("topology", "activation", json.dumps({"sst_topology": 1, "nodes": [
        {"name": "x", "op": "input"}, {"name": "h", "op": "dense", "inputs": ["x"], "weight_std": 1.2},
        {"name": "a", "op": "erf", "inputs": ["h"]}], "output": "a"}).encode())


def tables():
    plain = b"a,b,c\n1,2,3\n-4.5e-3,+5,6\n"
    put("csv", "plain", b"\0\0" + plain)
    put("csv", "mark-in-name", b"\0\0\xef\xbb\xbf\xef\xbb\xbfa,b\n1,2\n")
    put("csv", "no-header", b"\0\0" + b"1,2\r\n3,4\r\n\r\n")
    put("csv", "quoted", b"\x05\0" + b'\xef\xbb\xbf"\xef\xbb\xbfa ""b""",c\n"x\ny",1\nx,2\nz,3\nz,4\n')
    for name in ("palmer_penguins", "auto_mpg"):
        lines = (ROOT / f"examples/data/{name}.csv").read_bytes().split(b"\n")[:9]
        put("csv", name, b"\x1e\0" + b"\n".join(lines) + b"\n")
    for name, text in {"semicolons": "a;b;;\n1,5;2;;\n;;;\n", "blanks": "1 2\t3\n4 5  6\n", "bars": "a|b\n1|x\n2|x\n",
                       "classes": "5.1,3.5,x\n4.9,3,x\n7,3.2,y\n", "counts": "0,1,2,3\n0.1,0.2,1,2\n0.3,0.1,1,4\n",
                       "cr": "a,b\r1,2\r3,4\r", "missing": "a,y\n-,1\n-999,2\n<NA>,3\n"}.items():
        put("csv", name, b"\x1e\x80" + text.encode())
    put("csv", "utf16", b"\0\0" + "a\tb\n1\t2\n".encode("utf-16"))
    put("csv", "latin1", b"\x1e\x40" + "a,\u00b0C\n1,2\n3,5\n".encode("latin-1"))


def arrays():
    put("npy", "matrix", npy("(3, 2)", [1.5, -2, 3, 4, 5, 6]))
    put("npy", "fortran", npy("(2, 2)", [1, 2, 3, 4], ">f4", True))
    put("npy", "vector", npy("(3,)", [1, 2, 3], "<i8", version=2))
    put("npy", "number", npy("()", [7], ">i4", version=3))
    put("npy", "bytes", npy("(2, 2, 2)", list(range(8)), "|u1"))
    for dtype in ("<f2", ">i2", "|i1", "=u8", "<u4", "<u2", "|b1"):
        put("npy", dtype[1:], npy("(2, 2)", [1, 0, 1, 1], dtype))
    put("npy", "python2", npy("(2L, 1L)", [1, 2]))
    put("npy", "infinite", npy("(2,)", [float("inf"), float("nan")]))
    put("npy", "empty", npy("(0, 9223372036854775807)", []))


def images():
    pixels = struct.pack(">4B3I", 0, 0, 8, 3, 3, 2, 2) + bytes(range(12))
    labels = struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([7, 0, 2])
    put("idx", "plain", b"\xff" + part(pixels) + part(labels))
    put("idx", "limit", b"\x02" + part(pixels) + part(labels))
    put("idx", "huge", b"\xff" + part(pixels[:4] + b"\xff" * 12 + pixels[16:]) + part(labels))
    # The members of gzip as the standard writes them, with stored blocks: the same bytes on every machine.
    import zlib

    def gzip(data):
        stored = b"\x01" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data
        return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + stored + struct.pack("<II", zlib.crc32(data), len(data))

    put("idx", "gzip", b"\xff" + part(gzip(pixels)) + part(gzip(labels)))
    put("idx", "gzip-torn", b"\xff" + part(gzip(pixels)[:-6]) + part(gzip(labels)))
    put("cifar", "ten", b"\x05\xff" + part(bytes([3, 1, 2, 250])) + part(bytes([9, 9])))
    put("cifar", "hundred", b"\x04\x01" + part(bytes([19, 99, 5])))
    put("cifar", "coarse", b"\x06\xff" + part(bytes([4, 60, 7, 8])))
    put("cifar", "class-too-large", b"\x05\xff" + part(bytes([10, 1])))
    put("cifar", "whole", b"\x01\xff" + part(bytes([1]) + bytes(i % 251 for i in range(3072))))


def models():
    topology = json.dumps({"sst_topology": 1, "name": "n", "nodes": [
        {"name": "x", "op": "input"}, {"name": "h", "op": "dense", "inputs": ["x"], "weight_std": 1.5},
        {"name": "a", "op": "relu", "inputs": ["h"]},
        {"name": "y", "op": "dense", "inputs": ["a"], "weight_std": 1}], "output": "y"}).encode()
    settings = {"sst_model": 1, "kernel": "ntk", "precision": "double",
                "ridge": {"scale": "relative", "value": 0.1}, "lambda": 0.2, "targets": ["t"], "classes": [],
                "inverse_temperature": 0, "input_scaling": None, "target_scaling": None, "encoding": None}
    full = settings | {"kernel": "nngp", "precision": "float", "ridge": {"scale": "absolute", "value": 1},
                       "classes": ["no"], "inverse_temperature": 2.5,
                       "input_scaling": {"shift": [1, 2], "scale": [1, 0.5]},
                       "target_scaling": {"shift": [0], "scale": [2]},
                       "encoding": {"missing": "mean", "text": "onehot", "constant": "drop", "duplicate": "error",
                                    "target": "t", "target_index": 2, "columns": [
                                        {"name": "a", "kind": "number", "categories": [], "means": [1], "why": ""},
                                        {"name": "b", "kind": "categories", "categories": ["u"], "means": [0.5],
                                         "why": ""},
                                        {"name": "t", "kind": "left_out", "categories": [], "means": [],
                                         "why": "the target"}]}}
    x, column = npy("(2, 2)", [1, 2, 3, 5]), npy("(2, 1)", [0.5, -1])
    factor = npy("(2, 2)", [1, 0.5, 0, 2], fortran=True)
    columns = full["encoding"]["columns"]
    no_category = [columns[0], columns[0] | {"name": "c"}, columns[2], columns[1] | {"categories": [], "means": []}]
    target_kept = [columns[2], columns[1] | {"name": ""}, columns[0] | {"name": ""}]
    strange = [full | {"encoding": full["encoding"] | {"columns": kept}} for kept in (no_category, target_kept)]
    for name, first, chosen, last in (("no-category", 1, strange[0] | {"input_scaling": None}, b""),
                                      ("target-kept", 1, strange[1], b""),
                                      ("device", 1, settings | {"files": {"/dev/zero": {}}}, b""),
                                      ("ntk", 1, settings, b""), ("full", 1, full, factor),
                                      ("unsealed", 0, settings | {"files": {}}, b""),
                                      ("later", 1, settings | {"sst_model": 2}, b"")):
        put("model", name, bytes([first]) + part(json.dumps(chosen).encode()) + part(topology) + part(x) +
            part(column) + part(column) + part(last))


def stores():
    def tile(*values):
        return part(struct.pack(f"<{len(values)}d", *values))

    # choice, rows + 1, (columns + 1,) tile + 1
    names = part(b"data") + part(b"{}")
    put("store", "new", bytes([0, 5, 3]) + names + part(b""))
    put("store", "symmetric", bytes([3, 5, 3]) + names + part(b"") + tile(1, 2, 3, 4) + tile(5, 6, 7, 8))
    put("store", "general", bytes([15, 4, 6, 3]) + names + part(b"") + tile(1, 2) + part(b"") + tile(-1))
    put("store", "torn", bytes([1, 4, 3]) + names + part(b"") + part(b"sst tile torn"))
    header = b"sst_tile_store: 1\nversion: 0.0.0\nrows: 3\n"
    put("store", "other-version", bytes([0, 4, 3]) + names + part(header))
    put("store", "no-rows", bytes([1, 1, 3]) + names + part(b""))


for make in (topologies, tables, arrays, images, models, stores):
    make()
