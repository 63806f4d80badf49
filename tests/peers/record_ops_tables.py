"""Cases of tables whose values are rows, of tables without a name, of tables as TensorFlow 1 spells them; and of stateless random numbers that came late."""

import numpy as np
import tensorflow as tf

from op_cases import Case, generator, normal
from record_ops_structure import KEY_LINES, KEYS, QUERY, VALUES, const, filled_table, main, table_module


def find(x):
    return filled_table(KEYS, VALUES, -1).lookup(tf.constant(x))


def version_one():
    """TensorFlow 1's names; what they compute is recorded from their successors, for their handles are references."""
    query, init = {"x": "string[2,2]"}, None
    lines = [const("missing", "int64[](-1)"), "%found = LookupTableFind(%h, %x, %missing) : int64[2,2]"]
    for op, fill in (("InitializeTable", "InitializeTable"), ("LookupTableImport", "LookupTableImport"), ("LookupTableFind", "InitializeTable")):
        init = (KEY_LINES + ["%%fill = %s(%%h, %%keys, %%values)" % fill], None)
        yield Case(op, "some missing", [QUERY], module=table_module(lines, ["%found"], query, op="HashTable", init=init), using=find)
    yield Case("LookupTableSize", "three", [], module=table_module(["%n = LookupTableSize(%h) : int64[]"], ["%n"], op="HashTable", init=init),
               using=lambda: filled_table(KEYS, VALUES, -1).size())
    lines = KEY_LINES + ["%one = LookupTableImport(%h, %keys, %values)", const("missing", "int64[](-1)"),
                         "%found = LookupTableFind(%h, %x, %missing) ^(%one) : int64[2,2]"]
    yield Case("MutableHashTable", "some missing", [QUERY], module=table_module(lines, ["%found"], query, op="MutableHashTable"), using=find)


def anonymous():
    query = {"x": "string[2,2]"}
    for op in ("AnonymousHashTable", "AnonymousMutableHashTable"):
        lines = ["%%h = %s() {key_dtype = string, value_dtype = int64} : resource[]" % op] + KEY_LINES + [
            "%one = LookupTableImportV2(%h, %keys, %values)", const("missing", "int64[](-1)"), "%found = LookupTableFindV2(%h, %x, %missing) ^(%one) : int64[2,2]"]
        yield Case(op, "some missing", [QUERY], module=main(query, lines, ["%found"]), using=find)


def rows():
    def find_rows(x):
        table = tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, [0.0, -1.0])
        table.insert(tf.constant(["a", "b"]), tf.constant([[1.0, 2.0], [3.0, 4.0]]))
        return table.lookup(tf.constant(x)), table.size()

    def find_dense(x):
        table = tf.lookup.experimental.DenseHashTable(tf.string, tf.float32, [0.0, -1.0], "", "-")
        table.insert(tf.constant(["a", "b"]), tf.constant([[1.0, 2.0], [3.0, 4.0]]))
        return table.lookup(tf.constant(x)), table.size()

    shared = '{shared_name = "t", %svalue_dtype = float32, value_shape = shape[2]} : resource[]'
    makers = {
        "MutableHashTableOfTensorsV2": ["%h = MutableHashTableOfTensorsV2() " + shared % "key_dtype = string, "],
        "AnonymousMutableHashTableOfTensors": ["%h = AnonymousMutableHashTableOfTensors() {key_dtype = string, value_dtype = float32, value_shape = shape[2]} : resource[]"],
        "MutableDenseHashTableV2": [const("empty", 'string[]("")'), const("deleted", 'string[]("-")'), "%h = MutableDenseHashTableV2(%empty, %deleted) " + shared % ""],
    }
    for op, lines in makers.items():
        lines = lines + [const("keys", 'string[2]("a" "b")'), const("values", "float32[2,2](1.0 2.0 3.0 4.0)"), "%one = LookupTableInsertV2(%h, %keys, %values)",
                         const("missing", "float32[2](0.0 -1.0)"), "%found = LookupTableFindV2(%h, %x, %missing) ^(%one) : float32[3,2]",
                         "%n = LookupTableSizeV2(%h) ^(%one) : int64[]"]
        yield Case(op, "rows", [np.array(["b", "zz", "a"])], using=find_dense if "Dense" in op else find_rows,
                   module=main({"x": "string[3]"}, lines, ["%found", "%n"]))


def random_numbers():
    rng = generator("StatelessMultinomial")
    for seed in ([1, 2], [-5, 2**40]):
        yield Case("StatelessMultinomial", "one row, seed %d" % seed[0], [normal(rng, 1, 5), np.int32(9), np.int64(seed)])
    yield Case("StatelessMultinomial", "rows, int32", [normal(rng, 3, 4), np.int32(5), np.int32([3, 4])], output_dtype=tf.int32)
    for seed in ([1, 2], [-5, 7]):
        yield Case("StatelessRandomGetKeyCounterAlg", "seed %d" % seed[0], [np.int64(seed)])


def cases():
    yield from version_one()
    yield from anonymous()
    yield from rows()
    yield from random_numbers()
