"""Cases of the ops that encode and decode: base64, raw bytes, Unicode, quantisation."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, normal, uniform

TEXTS = ["", "a", "Grüße", "日本", "\U0001f600!", b"\xff\x41", b"ab\xe6\x97", b"\xe6\x41", b"\xed\xa0\x80", b"\xf5", b"\xc0\x80", "tab\tnul\x00end"]


def text(*values):
    return np.array([v.encode() if isinstance(v, str) else v for v in values], object)


def base64_cases():
    plain = text("", "a", "ab", "abc", "abcd", b"\xfb\xff\xfe", "Grüße")
    yield Case("EncodeBase64", "without padding", [plain])
    yield Case("EncodeBase64", "padded", [plain.reshape(7, 1)], pad=True)
    yield Case("DecodeBase64", "without padding", [text("", "YQ", "YWI", "YWJj", "YWJjZA", "-__-")])
    yield Case("DecodeBase64", "padded", [text("YQ==", "YWI=", "YWJj").reshape(1, 3)])


def raw_cases():
    eight = text(b"\x00\x01\x02\x03\x04\x05\x06\x07", b"\x80\x81\x82\x83\x84\x85\x86\xc7")
    for dtype in (tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32, tf.int64):
        yield Case("DecodeRaw", dtype.name, [eight], out_type=dtype)
    yield Case("DecodeRaw", "float32", [text(b"\x00\x00\x80\x3f\x00\x00\x20\xc1")], out_type=tf.float32)
    yield Case("DecodeRaw", "half, big endian", [text(b"\x3c\x00\xc0\x00").reshape(1, 1)], out_type=tf.float16, little_endian=False)
    yield Case("DecodeRaw", "complex64, big endian", [text(b"\x3f\x80\x00\x00\x40\x00\x00\x00")], out_type=tf.complex64, little_endian=False)
    yield Case("DecodeRaw", "int16, big endian", [eight], out_type=tf.int16, little_endian=False)
    yield Case("DecodeRaw", "scalar", [np.array(b"abcd", object)], out_type=tf.uint8)
    yield Case("DecodeRaw", "empty strings", [text("", "")], out_type=tf.int32)
    yield Case("DecodeRaw", "no strings", [np.zeros([0], object)], out_type=tf.int32)
    yield Case("DecodePaddedRaw", "cut and filled", [text("", "a", "abcdefgh"), np.int32(4)], out_type=tf.int16)
    yield Case("DecodePaddedRaw", "big endian", [text("ab", "abcd"), np.int32(4)], out_type=tf.int32, little_endian=False)


def unicode_cases():
    for op in ("UnicodeDecode", "UnicodeDecodeWithOffsets"):
        yield Case(op, "replace", [text(*TEXTS)], input_encoding="UTF-8")
        yield Case(op, "ignore", [text(*TEXTS)], input_encoding="UTF-8", errors="ignore")
        yield Case(op, "controls", [text(*TEXTS[-2:]).reshape(2, 1)], input_encoding="UTF-8", replace_control_characters=True, replacement_char=63)
        splits = {"Tsplits": tf.int32} if op == "UnicodeDecode" else {}  # TensorFlow crashes on the other op's
        yield Case(op, "strict", [text(*TEXTS[:5])], input_encoding="UTF-8", errors="strict", **splits)
        yield Case(op, "UTF-16", [text("aü\U0001f600".encode("utf-16-be"), b"\xd8\x00\x00\x41", b"\xdc\x00")], input_encoding="UTF-16-BE")
        yield Case(op, "UTF-32", [text("aü\U0001f600".encode("utf-32-be"))], input_encoding="UTF-32-BE")
        yield Case(op, "Latin-1", [text(b"a\xfc\xff")], input_encoding="ISO-8859-1")
        yield Case(op, "ASCII", [text(b"a\x7f\x80b")], input_encoding="US-ASCII")
    codes = np.int32([65, 252, 0x65e5, 0x1f600, 0xd800, 0x110000, 97, -1])
    for encoding in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):
        yield Case("UnicodeEncode", encoding, [codes, np.int64([0, 2, 2, 5, 8])], output_encoding=encoding)
    surrogates = np.int32([0xd800, 0xdc00, 0xdfff, 0xd801, 65, 0xfffe, 0xfdd0])
    for encoding in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):
        yield Case("UnicodeEncode", "ignore, " + encoding, [codes, np.int32([0, 8])], output_encoding=encoding, errors="ignore")
        yield Case("UnicodeEncode", "surrogates, ignore, " + encoding, [surrogates, np.int32([0, 7])], output_encoding=encoding, errors="ignore")
    yield Case("UnicodeEncode", "surrogates, replace", [surrogates, np.int32([0, 7])], output_encoding="UTF-8")
    yield Case("UnicodeEncode", "replace by ?", [codes, np.int32([0, 8])], output_encoding="UTF-8", replacement_char=63)
    yield Case("UnicodeTranscode", "to UTF-16", [text(*TEXTS)], input_encoding="UTF-8", output_encoding="UTF-16-BE")
    yield Case("UnicodeTranscode", "repair", [text(*TEXTS).reshape(3, 4)], input_encoding="UTF-8", output_encoding="UTF-8")
    yield Case("UnicodeTranscode", "ignore", [text(*TEXTS)], input_encoding="UTF-8", output_encoding="UTF-8", errors="ignore")
    yield Case("UnicodeTranscode", "controls", [text(*TEXTS)], input_encoding="UTF-8", output_encoding="UTF-8", replace_control_characters=True)
    yield Case("UnicodeTranscode", "from Latin-1", [text(b"a\xfc\xff")], input_encoding="LATIN1", output_encoding="UTF-32-BE")


def string_cases():
    words = text("abc", "ABC", "", "ab\nc", "a+c")
    yield Case("RegexFullMatch", "class", [words, np.array(b"[a-z\n]*", object)])
    yield Case("RegexFullMatch", "matrix, alternatives", [words.reshape(5, 1), np.array(b"ab|abc|(?i:ABC)", object)])
    yield Case("UnsortedSegmentJoin", "vector", [text("a", "b", "c", "d"), np.int32([1, 0, 1, 3]), np.int32(4)], separator=":")
    yield Case("UnsortedSegmentJoin", "rows", [text("a", "b", "c", "d", "e", "f").reshape(3, 2), np.int32([1, 1, 0]), np.int32(2)])
    yield Case("UnsortedSegmentJoin", "matrix of segments", [text("a", "b", "c", "d").reshape(2, 2), np.int32([[1, 1], [0, 1]]), np.int32(2)], separator=" ")


def quantized(values, dtype):
    return np.array(values).astype(tf.as_dtype(dtype).as_numpy_dtype)


def quantization_cases():
    rng = generator("QuantizeV2")
    x = np.concatenate([normal(rng, 12), np.float32([0, 0.5, -0.5, 7, -9])])
    for dtype in (tf.qint8, tf.quint8, tf.qint16, tf.quint16):
        for mode in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
            if mode == "MIN_FIRST" and dtype in (tf.qint16, tf.quint16):
                continue
            yield Case("QuantizeV2", "%s %s" % (dtype.name, mode), [x, np.float32(-3.1), np.float32(4.7)], attributes={"T": dtype}, mode=mode)
    yield Case("QuantizeV2", "to even, narrow", [x, np.float32(-3.1), np.float32(2)], attributes={"T": tf.qint8}, mode="SCALED", round_mode="HALF_TO_EVEN",
               narrow_range=True)
    yield Case("QuantizeV2", "a range without 0", [x, np.float32(1), np.float32(2)], attributes={"T": tf.quint8})
    yield Case("QuantizeV2", "a small range", [x, np.float32(0), np.float32(0)], attributes={"T": tf.quint8})
    yield Case("QuantizeV2", "an axis", [normal(rng, 2, 3, 2), np.float32([-1, 0, -4]), np.float32([1, 2, 3])], attributes={"T": tf.qint8, "axis": 1}, mode="SCALED")
    levels = {tf.qint8: [-128, -127, -1, 0, 1, 100, 127], tf.quint8: [0, 1, 127, 128, 254, 255], tf.qint16: [-32768, -5, 0, 32767], tf.quint16: [0, 5, 65535],
              tf.qint32: [-2147483648, -7, 0, 100000, 2000000000]}
    for dtype, values in levels.items():
        for mode in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
            yield Case("Dequantize", "%s %s" % (dtype.name, mode), [quantized(values, dtype), np.float32(-3.1), np.float32(4.7)], mode=mode, tolerance=(1e-6, 1e-6))
    yield Case("Dequantize", "an axis", [quantized([[1, 2], [3, 4]], tf.qint8), np.float32([-1, -2]), np.float32([1, 2])], mode="SCALED", axis=1)
    rng = generator("QuantizeAndDequantizeV2")
    for op in ("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4"):
        x = normal(rng, 3, 5)
        given = [x, np.float32(-2), np.float32(1.3)]
        yield Case(op, "its own range", [x, np.float32(0), np.float32(0)])
        yield Case(op, "a given range", given, range_given=True)
        yield Case(op, "unsigned", [np.abs(x), np.float32(0), np.float32(3)], range_given=True, signed_input=False, num_bits=5)
        yield Case(op, "half up, narrow", given, range_given=True, round_mode="HALF_UP", narrow_range=True, num_bits=4)
        yield Case(op, "an axis", [x, np.zeros(5, np.float32), np.zeros(5, np.float32)], attributes={"axis": 1})
        yield Case(op, "float64", [x.astype(np.float64), np.float64(-2), np.float64(1.3)], range_given=True, num_bits=12)
        yield Case(op, "zeros", [np.zeros(3, np.float32), np.float32(0), np.float32(0)])
    x = uniform(rng, -1, 3, 7)
    yield Case("QuantizeAndDequantizeV3", "a given range", [x, np.float32(-1), np.float32(2), np.int32(6)])
    yield Case("QuantizeAndDequantizeV3", "its own range", [x, np.float32(0), np.float32(0), np.int32(8)], range_given=False, narrow_range=True)


def script_cases():
    yield Case("UnicodeScript", "letters", [np.int32([ord(c) for c in "aÄ1 жλアひ漢ا한\u0301"])])
    yield Case("UnicodeScript", "matrix", [np.int32([[0x41, 0x378], [0x10FFFF, 0xD800]])])
    yield Case("UnicodeScript", "outside", [np.int32([-1, 0x110000, -(2**31), 2**31 - 1])])
    yield Case("UnicodeScript", "scalar", [np.int32(0x5D0)])
    yield Case("UnicodeScript", "many", [np.int32([code + d for code in range(0, 0x20000, 0x7F) for d in (0, 1)])])


def cases():
    yield from base64_cases()
    yield from script_cases()
    yield from raw_cases()
    yield from unicode_cases()
    yield from string_cases()
    yield from quantization_cases()
