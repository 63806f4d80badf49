"""Cases of strings: one by one, taken apart and joined."""

import numpy as np
import tensorflow as tf

from op_cases import Case

WORDS = ["", "a", "Hello", "x" * 17, "Straße ÀÉ", "y" * 40, "z" * 70, "w" * 200, b"\x00\xff", " \t b c\n"]


def text(*values):
    return np.array([v.encode() if isinstance(v, str) else v for v in values], dtype=object)


def string_cases():
    words = text(*WORDS)
    for op in ("StringLower", "StringUpper"):
        yield Case(op, "bytes", [words], encoding="")
        yield Case(op, "utf-8", [text("Straße ÀÉÎ ŸŽ ǅ", "ΟΔΟΣ Σ ΑΣ. ΣΑ'Σ", "ИЖЙ ѣ Ա", "ﬁ ŉ İı", "Ⓐⅷ 𐐀𐐨", b"a\xff\xc3", "ꭰ Ა ა")], encoding="utf-8")
    yield Case("StringStrip", "blanks", [text(" a b\t\n", "\x0bq\x0c\x1c", "", "  ", " x ")])
    for unit in ("BYTE", "UTF8_CHAR"):
        yield Case("StringLength", unit, [text("", "aé", "日本", b"\xff\xfe\xc3", b"a\x80\x80")], unit=unit)
        yield Case("Substr", unit, [text("hello", "日本語x", "éa"), np.int32([1, -3, 2]), np.int32([2, 2, 5])], unit=unit)
    yield Case("Substr", "at the end", [text("hello", "hello"), np.int64([5, -5]), np.int64([2, 50])])
    yield Case("Substr", "broadcast", [text("thirteen", "fourteen").reshape(2, 1), np.int32([1, 2, 3]), np.int32([1, 2, 0])])
    yield Case("StringJoin", "two shapes", [[text("a", "b"), np.array(b"x", object), text("c", "")]], separator="-")
    yield Case("StringJoin", "no separator", [[text("a", "b"), text("é", "")]])
    for dtype in (np.float32, np.float64, np.float16):
        numbers = np.array([1.5, 1e4, -2.25, np.nan, np.inf, 0.1, 1e-5], dtype)
        yield Case("AsString", "%s plain" % np.dtype(dtype).name, [numbers])
        yield Case("AsString", "%s precision" % np.dtype(dtype).name, [numbers], precision=2, width=10, fill="0")
        yield Case("AsString", "%s scientific" % np.dtype(dtype).name, [numbers], scientific=True, width=15, fill="-")
        yield Case("AsString", "%s shortest" % np.dtype(dtype).name, [numbers], shortest=True)
    for dtype in (np.int8, np.int32, np.int64):
        yield Case("AsString", np.dtype(dtype).name, [np.array([0, -7, 100], dtype)])
        yield Case("AsString", "%s wide" % np.dtype(dtype).name, [np.array([0, -7, 100], dtype)], width=5, fill="0")
    yield Case("AsString", "uint64", [np.array([0, 2**64 - 1], np.uint64)])
    yield Case("AsString", "bool", [np.array([True, False])])
    yield Case("AsString", "complex64", [np.complex64([1 + 2j, -0.5j])])
    reals = text("12", " 12 ", "+12", "-3", "0x10", "1e3", "inf", "Infinity", "nan", "1.5", "1e400", "-1e400", "1e-400", ".5", "5.", "0x1p3", "\t7\n")
    for dtype in (tf.float32, tf.float64):
        yield Case("StringToNumber", dtype.name, [reals], out_type=dtype)
    for dtype in (tf.int32, tf.int64):
        yield Case("StringToNumber", dtype.name, [text("12", " 12 ", "+12", "-3", "\t7\n", "007", str(dtype.min))], out_type=dtype)
    yield Case("StringToHashBucketFast", "words", [words], num_buckets=2**62)
    yield Case("StringToHashBucketFast", "few buckets", [words], num_buckets=7)
    yield Case("StringToHashBucket", "words", [words], num_buckets=2**62)
    yield Case("StringToHashBucketStrong", "words", [words], num_buckets=2**62, key=[1, -2])
    phrases = text("abcab", "xx", "", "日本ab", b"\xff\xc3\xa9a")
    for label, pattern, rewrite in (("groups", "a(b)", r"[\1\0]"), ("a group that is not there", "a(b)", r"\2"), ("empty matches", "b*", "-"),
                                    ("any character", ".", "-"), ("class", "[^a-z]+", "")):
        yield Case("StaticRegexReplace", label, [phrases], pattern=pattern, rewrite=rewrite)
    yield Case("StaticRegexReplace", "first only", [phrases], pattern="a", rewrite="Z", replace_global=False)
    yield Case("RegexReplace", "groups", [phrases, np.array(b"a(b)", object), np.array(rb"\1", object)])
    yield Case("StaticRegexFullMatch", "some", [text("abc", "ab", "", "abcd")], pattern="a.c")


def split_join_cases():
    lines = text("a b  c", "", " d ", "a,b;c", "x y ")
    yield Case("StringSplit", "skip empty", [lines, np.array(b" ", object)])
    yield Case("StringSplit", "keep empty", [lines, np.array(b" ", object)], skip_empty=False)
    yield Case("StringSplit", "several delimiters", [lines, np.array(b",;", object)])
    yield Case("StringSplit", "bytes", [text("abc", "", "é"), np.array(b"", object)])
    yield Case("StringSplitV2", "blanks", [lines, np.array(b"", object)])
    for count in (-1, 0, 1, 2):
        yield Case("StringSplitV2", "blanks, at most %d" % count, [text("a b  c ", " d \t e  f ", "g ", ""), np.array(b"", object)], maxsplit=count)
        yield Case("StringSplitV2", "separator, at most %d" % count, [text("a<>b<>c", "<><>", "", "x"), np.array(b"<>", object)], maxsplit=count)
    matrix = text("a", "b", "c", "d", "e", "f").reshape(2, 3)
    for axes in ([0], [1], [0, 1], [1, 0], [], [-1]):
        yield Case("ReduceJoin", "axes %s" % axes, [matrix, np.int32(axes)], separator="-")
    yield Case("ReduceJoin", "keep_dims", [matrix, np.int32(1)], keep_dims=True)
    yield Case("ReduceJoin", "nothing to join", [np.zeros((2, 0), object), np.int32([1])])
    for pad_width in (-1, 0, 1, 2):
        for preserve in (False, True):
            yield Case("StringNGrams", "pad_width %d%s" % (pad_width, ", short ones stay" if preserve else ""),
                       [text(*"abcde"), np.int64([0, 3, 4, 4, 5])], separator="|", ngram_widths=[2, 3], left_pad="L", right_pad="R", pad_width=pad_width,
                       preserve_short_sequences=preserve)


def format_cases():
    floats = [1.5, 1e4, -2.25, np.nan, -np.inf, 0.1, 1e-5, 1 / 3, 123456789, 1e20, -0.0, 16777216]
    for dtype in (tf.float32, tf.float64, tf.float16, tf.bfloat16):
        with np.errstate(over="ignore"):
            yield Case("StringFormat", dtype.name, [[np.array(floats).astype(dtype.as_numpy_dtype)]], summarize=-1)
    cube = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    for count in (-1, 0, 1, 2):
        yield Case("StringFormat", "cube, %d at the ends" % count, [[cube]], summarize=count)
    yield Case("StringFormat", "three at the ends", [[np.arange(10, dtype=np.int64)]])
    yield Case("StringFormat", "as many as at the ends", [[np.arange(6, dtype=np.uint8)]])
    yield Case("StringFormat", "strings", [[text("a\n\"\t\x00b", "", b"\xff\xc3\xa9\r'x\x7f\\")]])
    yield Case("StringFormat", "several", [[np.array(-7, np.int8), np.array([True, False]), np.array(b"it's", object)]], attributes={"template": "x: {}, y: {}{}.", "placeholder": "{}"})
    yield Case("StringFormat", "no tensors", [[]], attributes={"template": "nothing"})
    yield Case("StringFormat", "no elements", [[np.zeros((0, 2), np.float32), np.zeros((2, 0), np.float32)]], attributes={"template": "%s%s"})
    yield Case("StringFormat", "complex", [[np.complex64([1j, 2, 3, 4])]])


def cases():
    yield from format_cases()
    yield from string_cases()
    yield from split_join_cases()
