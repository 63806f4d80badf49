"""Cases of control flow, lists, variables, tables. What needs functions or handles is a module of IR text, whose results come from
the same program written for TensorFlow."""

import re

import numpy as np
import tensorflow as tf

from op_cases import Case

R = tf.raw_ops


# --- modules


def const(name, value):
    return "%%%s = Const() {value = %s} : %s" % (name, value, value[: value.index("(")])


def function(name, inputs, lines, outputs):
    """Inputs are {name: type}, outputs are values."""
    text = "function @%s {\n" % name
    for input_name, type_text in inputs.items():
        text += '  input "%s" = %%%s\n' % (input_name, input_name)
    for input_name, type_text in inputs.items():
        dtype, shape = re.fullmatch(r"(\w+)(?:<.*>)?(\[.*\])", type_text).groups()
        text += "  %%%s = Placeholder() {dtype = %s, shape = shape%s} : %s\n" % (input_name, dtype, shape, type_text)
    for line in lines:
        text += "  %s\n" % line
    for index, output in enumerate(outputs):
        text += '  output "%d" = %s\n' % (index, output)
    return text + "}\n"


def main(inputs, lines, outputs):
    return function("main", inputs, lines, outputs)


# --- control flow

BRANCHES = function("double", {"x": "float32[?]"}, ["%sum = AddV2(%x, %x) : float32[?]"], ["%sum"]) + function(
    "negate", {"x": "float32[?]"}, ["%minus = Neg(%x) : float32[?]"], ["%minus"])
X = np.float32([1.5, -2.0])


def branch_cases(op):
    attributes = "{then_branch = @double, else_branch = @negate, Tout = [float32]}"
    module = BRANCHES + main({"c": "bool[]", "x": "float32[2]"}, ["%%y = %s(%%c, %%x) %s : float32[2]" % (op, attributes)], ["%y"])
    for value in (True, False):
        yield Case(op, str(value).lower(), [np.bool_(value), X], module=module, using=lambda c, x: tf.cond(c, lambda: x + x, lambda: -x))


def case_cases(op):
    attributes = "{branches = [@double, @negate, @double], Tout = [float32]}"
    module = BRANCHES + main({"i": "int32[]", "x": "float32[2]"}, ["%%y = %s(%%i, %%x) %s : float32[2]" % (op, attributes)], ["%y"])
    for index in (0, 1, 2, 7, -1):
        yield Case(op, "branch %d" % index, [np.int32(index), X], module=module,
                   using=lambda i, x: tf.switch_case(tf.constant(i), [lambda: x + x, lambda: -x, lambda: x + x]))


def while_cases(op):
    state = {"i": "int32[]", "n": "int32[]", "x": "float32[?]", "list": "variant[]"}
    cond = function("cond", state, ["%less = Less(%i, %n) : bool[]"], ["%less"])
    body = function("body", state, [
        const("one", "int32[](1)"), "%next = AddV2(%i, %one) : int32[]", "%sum = AddV2(%x, %x) : float32[?]",
        "%pushed = TensorListPushBack(%list, %x) : variant[]"], ["%next", "%n", "%sum", "%pushed"])
    module = cond + body + main({"n": "int32[]", "x": "float32[2]"}, [
        const("zero", "int32[](0)"), const("shape", "int32[1](2)"),
        "%empty = EmptyTensorList(%shape, %zero) {element_dtype = float32} : variant<float32[2]>[]",
        "%%loop = %s(%%zero, %%n, %%x, %%empty) {cond = @cond, body = @body} : int32[], int32[], float32[2], variant<float32[2]>[]" % op,
        "%all = TensorListStack(%loop:3, %shape) {element_dtype = float32} : float32[?,2]"], ["%loop", "%loop:2", "%all"])

    def using(n, x):
        rounds, total, pushed = 0, x, []
        while rounds < n:
            pushed.append(total)
            total = total + total
            rounds += 1
        return np.int32(rounds), total, np.reshape(np.float32(pushed), (-1, 2))

    for rounds in (0, 1, 5):
        yield Case(op, "%d rounds" % rounds, [np.int32(rounds), X], module=module, using=using)


def call_cases(op):
    module = BRANCHES + main({"x": "float32[2]"}, ["%%y = %s(%%x) {f = @double, Tout = [float32]} : float32[2]" % op], ["%y"])
    yield Case(op, "double", [X], module=module, using=lambda x: tf.constant(x) + x)


def control_cases():
    for op in ("If", "StatelessIf"):
        yield from branch_cases(op)
    for op in ("Case", "StatelessCase"):
        yield from case_cases(op)
    for op in ("While", "StatelessWhile"):
        yield from while_cases(op)
    for op in ("PartitionedCall", "StatefulPartitionedCall"):
        yield from call_cases(op)


# --- tensor lists

ROWS = np.float32([[1, 2], [3, 4], [5, 6]])
LIST = ["%list = TensorListFromTensor(%x, %shape) : variant<float32[2]>[]"]
STACK = "%%all = TensorListStack(%s, %%shape) {element_dtype = float32} : float32[?,2]"
SHAPE = const("shape", "int32[1](2)")


def stacked(handle, shape=(2,)):
    return R.TensorListStack(input_handle=handle, element_shape=list(shape), element_dtype=tf.float32)


def list_of(x, shape=(2,)):
    return R.TensorListFromTensor(tensor=x, element_shape=list(shape))


def list_case(op, label, inputs, types, lines, outputs, using, **more):
    return Case(op, label, inputs, module=main(types, lines, outputs), using=using, **more)


def tensor_list_cases():
    x = {"x": "float32[3,2]"}
    yield list_case("TensorListFromTensor", "rows", [ROWS], x, [SHAPE] + LIST + [STACK % "%list"], ["%all"], lambda t: stacked(list_of(t)))
    yield list_case("TensorListStack", "rows", [ROWS], x, [SHAPE] + LIST + [STACK % "%list"], ["%all"], lambda t: stacked(list_of(t)))
    yield list_case(
        "TensorListReserve", "unset elements are zeros", [ROWS[0]], {"x": "float32[2]"},
        [SHAPE, const("n", "int32[](3)"), const("zero", "int32[](0)"), const("one", "int32[](1)"), const("unknown", "int32[](-1)"),
         "%list = TensorListReserve(%unknown, %n) {element_dtype = float32} : variant[]", "%set = TensorListSetItem(%list, %one, %x) : variant[]",
         STACK % "%set", "%first = TensorListGetItem(%set, %zero, %unknown) {element_dtype = float32} : float32[...]"],
        ["%all", "%first"],
        lambda t: (lambda h: (stacked(h), R.TensorListGetItem(input_handle=h, index=0, element_shape=-1, element_dtype=tf.float32)))(
            R.TensorListSetItem(input_handle=R.TensorListReserve(element_shape=-1, num_elements=3, element_dtype=tf.float32), index=1, item=t)))
    yield list_case(
        "EmptyTensorList", "empty", [ROWS], x, [SHAPE, const("n", "int32[](4)"),
        "%list = EmptyTensorList(%shape, %n) {element_dtype = float32} : variant<float32[2]>[]", STACK % "%list"], ["%all"],
        lambda t: stacked(R.EmptyTensorList(element_shape=[2], max_num_elements=4, element_dtype=tf.float32)))
    for index in (0, 2):
        yield list_case(
            "TensorListGetItem", "index %d" % index, [ROWS, np.int32(index)], {"x": "float32[3,2]", "i": "int32[]"},
            [SHAPE] + LIST + ["%item = TensorListGetItem(%list, %i, %shape) {element_dtype = float32} : float32[2]"], ["%item"],
            lambda t, i: R.TensorListGetItem(input_handle=list_of(t), index=i, element_shape=[2], element_dtype=tf.float32))
    yield list_case(
        "TensorListSetItem", "the old list stays as it was", [ROWS, np.float32([9, 8])], {"x": "float32[3,2]", "y": "float32[2]"},
        [SHAPE, const("one", "int32[](1)")] + LIST + ["%set = TensorListSetItem(%list, %one, %y) : variant[]", STACK % "%set",
         "%old = TensorListStack(%list, %shape) {element_dtype = float32} : float32[?,2]"], ["%all", "%old"],
        lambda t, y: (lambda h: (stacked(R.TensorListSetItem(input_handle=h, index=1, item=y)), stacked(h)))(list_of(t)))
    yield list_case(
        "TensorListPushBack", "one more", [ROWS, np.float32([9, 8])], {"x": "float32[3,2]", "y": "float32[2]"},
        [SHAPE] + LIST + ["%more = TensorListPushBack(%list, %y) : variant[]", STACK % "%more",
         "%old = TensorListStack(%list, %shape) {element_dtype = float32} : float32[?,2]"], ["%all", "%old"],
        lambda t, y: (lambda h: (stacked(R.TensorListPushBack(input_handle=h, tensor=y)), stacked(h)))(list_of(t)))
    yield list_case(
        "TensorListPopBack", "the last", [ROWS], x, [SHAPE] + LIST + ["%less = TensorListPopBack(%list, %shape) {element_dtype = float32} : variant[], float32[2]",
         STACK % "%less"], ["%all", "%less:1"],
        lambda t: (lambda p: (stacked(p[0]), p[1]))(R.TensorListPopBack(input_handle=list_of(t), element_shape=[2], element_dtype=tf.float32)))
    yield list_case("TensorListLength", "three", [ROWS], x, [SHAPE] + LIST + ["%n = TensorListLength(%list) : int32[]"], ["%n"],
                    lambda t: R.TensorListLength(input_handle=list_of(t)))
    for size in (1, 5):
        yield list_case(
            "TensorListResize", "to %d" % size, [ROWS, np.int32(size)], {"x": "float32[3,2]", "n": "int32[]"},
            [SHAPE] + LIST + ["%resized = TensorListResize(%list, %n) : variant[]", STACK % "%resized"], ["%all"],
            lambda t, n: stacked(R.TensorListResize(input_handle=list_of(t), size=n)))
    yield list_case(
        "TensorListGather", "some, one twice", [ROWS, np.int32([2, 0, 2])], {"x": "float32[3,2]", "i": "int32[3]"},
        [SHAPE] + LIST + ["%some = TensorListGather(%list, %i, %shape) {element_dtype = float32} : float32[3,2]"], ["%some"],
        lambda t, i: R.TensorListGather(input_handle=list_of(t), indices=i, element_shape=[2], element_dtype=tf.float32))
    indices = {"x": "float32[3,2]", "i": "int32[3]"}
    yield list_case("TensorListScatter", "with a gap", [ROWS, np.int32([4, 0, 1])], indices,
                    [SHAPE, "%list = TensorListScatter(%x, %i, %shape) : variant[]", STACK % "%list"], ["%all"],
                    lambda t, i: stacked(R.TensorListScatter(tensor=t, indices=i, element_shape=[2])))
    for size in (-1, 6):
        yield list_case(
            "TensorListScatterV2", "size %d" % size, [ROWS, np.int32([4, 0, 1]), np.int32(size)], {**indices, "n": "int32[]"},
            [SHAPE, "%list = TensorListScatterV2(%x, %i, %shape, %n) : variant[]", STACK % "%list"], ["%all"],
            lambda t, i, n: stacked(R.TensorListScatterV2(tensor=t, indices=i, element_shape=[2], num_elements=n)))
    yield list_case(
        "TensorListScatterIntoExistingList", "grows", [ROWS, np.int32([1, 3, 0])], indices,
        [SHAPE] + LIST + ["%more = TensorListScatterIntoExistingList(%list, %x, %i) : variant[]", STACK % "%more"], ["%all"],
        lambda t, i: stacked(R.TensorListScatterIntoExistingList(input_handle=list_of(t), tensor=t, indices=i)))
    long = np.arange(10, dtype=np.float32).reshape(5, 2)
    split = ["%shape = Const() {value = int32[2](-1 2)} : int32[2]", "%list = TensorListSplit(%x, %shape, %lengths) : variant[]"]
    split_types = {"x": "float32[5,2]", "lengths": "int64[3]"}
    lengths = np.int64([2, 0, 3])

    def split_list(t, n):
        return R.TensorListSplit(tensor=t, element_shape=[-1, 2], lengths=n)

    yield list_case(
        "TensorListSplit", "pieces", [long, lengths], split_types,
        split + [const("two", "int32[](2)"), "%item = TensorListGetItem(%list, %two, %shape) {element_dtype = float32} : float32[?,2]"], ["%item"],
        lambda t, n: R.TensorListGetItem(input_handle=split_list(t, n), index=2, element_shape=[-1, 2], element_dtype=tf.float32))
    yield list_case(
        "TensorListConcat", "pieces", [long, lengths], split_types,
        split + ["%all = TensorListConcat(%list) {element_dtype = float32, element_shape = shape[?,2]} : float32[?,2], int64[?]"], ["%all", "%all:1"],
        lambda t, n: R.TensorListConcat(input_handle=split_list(t, n), element_dtype=tf.float32, element_shape=[None, 2]))
    yield list_case(
        "TensorListConcatV2", "pieces, one unset", [long, lengths], split_types,
        split + [const("four", "int32[](4)"), const("leading", "int64[4](7 7 7 2)"), "%longer = TensorListResize(%list, %four) : variant[]",
                 "%all = TensorListConcatV2(%longer, %shape, %leading) {element_dtype = float32} : float32[?,2], int64[?]"], ["%all", "%all:1"],
        lambda t, n: R.TensorListConcatV2(input_handle=R.TensorListResize(input_handle=split_list(t, n), size=4), element_shape=[-1, 2],
                                          leading_dims=np.int64([7, 7, 7, 2]), element_dtype=tf.float32))
    yield list_case("TensorListElementShape", "partly known", [long, lengths], split_types,
                    split + ["%s = TensorListElementShape(%list) {shape_type = int64} : int64[?]"], ["%s"],
                    lambda t, n: R.TensorListElementShape(input_handle=split_list(t, n), shape_type=tf.int64))


# --- tensor arrays: TensorFlow runs them in graphs only


def in_graph(build):
    def using(*arrays):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            return session.run(list(build(*[tf.constant(array) for array in arrays])))
    return using


def new_array(size, **attributes):
    return R.TensorArrayV3(size=size, dtype=tf.float32, **attributes)


NEW_ARRAY = "%array = TensorArrayV3(%n) {dtype = float32, element_shape = shape[2], clear_after_read = false} : resource<float32[2]>[2], float32[]"
INDICES = const("indices", "int32[3](0 1 2)")
FILL_ARRAY = [const("n", "int32[](3)"), INDICES, NEW_ARRAY, "%filled = TensorArrayScatterV3(%array, %indices, %x, %array:1) : float32[]"]


def filled_array(x):
    handle, flow = new_array(3, element_shape=[2], clear_after_read=False)
    return handle, R.TensorArrayScatterV3(handle=handle, indices=[0, 1, 2], value=x, flow_in=flow)


def gathered(handle, flow, indices=(0, 1, 2)):
    return R.TensorArrayGatherV3(handle=handle, indices=list(indices), flow_in=flow, dtype=tf.float32, element_shape=[2])


def tensor_array_cases():
    x = {"x": "float32[3,2]"}
    gather = "%%all = TensorArrayGatherV3(%%array, %%indices, %s) {dtype = float32, element_shape = shape[2]} : float32[3,2]"

    def gather_all(t):
        return [gathered(*filled_array(t))]

    for op in ("TensorArrayScatterV3", "TensorArrayGatherV3"):
        yield list_case(op, "all", [ROWS], x, FILL_ARRAY + [gather % "%filled"], ["%all"], in_graph(gather_all))

    def write(t):
        handle, flow = new_array(1, element_shape=[2], dynamic_size=True)
        flow = R.TensorArrayWriteV3(handle=handle, index=2, value=t, flow_in=flow)
        size = R.TensorArraySizeV3(handle=handle, flow_in=flow)
        with tf.control_dependencies([size]):
            return [size, gathered(handle, flow)]

    write_lines = [
        const("n", "int32[](1)"), const("two", "int32[](2)"), INDICES,
        "%array = TensorArrayV3(%n) {dtype = float32, element_shape = shape[2], dynamic_size = true} : resource<float32[2]>[2], float32[]",
        "%flow = TensorArrayWriteV3(%array, %two, %x, %array:1) : float32[]", "%size = TensorArraySizeV3(%array, %flow) : int32[]",
        "%all = TensorArrayGatherV3(%array, %indices, %flow) {dtype = float32, element_shape = shape[2]} ^(%size) : float32[3,2]"]
    for op in ("TensorArrayV3", "TensorArrayWriteV3", "TensorArraySizeV3"):
        yield list_case(op, "grows, unwritten elements are zeros", [ROWS[0]], {"x": "float32[2]"}, write_lines, ["%size", "%all"], in_graph(write))

    def read(t):
        handle, flow = filled_array(t)
        return [R.TensorArrayReadV3(handle=handle, index=1, flow_in=flow, dtype=tf.float32)]

    yield list_case("TensorArrayReadV3", "row 1", [ROWS], x,
                    FILL_ARRAY + [const("one", "int32[](1)"), "%row = TensorArrayReadV3(%array, %one, %filled) {dtype = float32} : float32[2]"], ["%row"],
                    in_graph(read))

    def split(t, lengths):
        handle, flow = new_array(3)
        flow = R.TensorArraySplitV3(handle=handle, value=t, lengths=lengths, flow_in=flow)
        return list(R.TensorArrayConcatV3(handle=handle, flow_in=flow, dtype=tf.float32))

    long = np.arange(10, dtype=np.float32).reshape(5, 2)
    split_lines = [const("n", "int32[](3)"), "%array = TensorArrayV3(%n) {dtype = float32} : resource<float32[...]>[2], float32[]",
                   "%flow = TensorArraySplitV3(%array, %x, %lengths, %array:1) : float32[]",
                   "%all = TensorArrayConcatV3(%array, %flow) {dtype = float32} : float32[...], int64[?]"]
    for op in ("TensorArraySplitV3", "TensorArrayConcatV3"):
        yield list_case(op, "pieces", [long, np.int64([2, 0, 3])], {"x": "float32[5,2]", "lengths": "int64[3]"}, split_lines, ["%all", "%all:1"],
                        in_graph(split))

    yield list_case("TensorArrayCloseV3", "after the last use", [ROWS], x,
                    FILL_ARRAY + [gather % "%filled", "%close = TensorArrayCloseV3(%array) ^(%all)", "%after = Identity(%all) ^(%close) : float32[3,2]"],
                    ["%after"], in_graph(gather_all))


# --- variables


def variable_module(lines, outputs, types=None, value="float32[3,2](1.0 2.0 3.0 4.0 5.0 6.0)"):
    dtype, shape = re.match(r"(\w+)(\[[^\]]*\])", value).groups()
    handle = '%%h = VarHandleOp() {dtype = %s, shape = shape%s, shared_name = "v"} : resource<%s%s>[]' % (dtype, shape, dtype, shape)
    return 'module {\n  variable "v" %s%s = %s\n}\n' % (dtype, shape, value) + main(types or {}, [handle] + lines, outputs)


READ = "%now = ReadVariableOp(%h) {dtype = float32} : float32[3,2]"


def variable_cases():
    read_after = "%after = ReadVariableOp(%h) {dtype = float32} ^(%change) : float32[3,2]"
    for op in ("VarHandleOp", "ReadVariableOp"):
        yield Case(op, "value", [], module=variable_module([READ], ["%now"]), using=lambda: tf.Variable(ROWS).read_value())
    for op, method in (("AssignVariableOp", "assign"), ("AssignAddVariableOp", "assign_add"), ("AssignSubVariableOp", "assign_sub")):
        yield Case(op, "before and after", [ROWS * 10], module=variable_module(
            [READ, "%%change = %s(%%h, %%x) ^(%%now)" % op, read_after], ["%now", "%after"], {"x": "float32[3,2]"}),
            using=lambda x, method=method: (ROWS, getattr(tf.Variable(ROWS), method)(x).numpy()))
    yield Case("VarIsInitializedOp", "with a value", [], module=variable_module(["%is = VarIsInitializedOp(%h) : bool[]"], ["%is"]),
               using=lambda: R.VarIsInitializedOp(resource=tf.Variable(ROWS).handle))
    yield Case("DisableCopyOnRead", "does nothing", [], module=variable_module(
        ["%change = DisableCopyOnRead(%h)", read_after], ["%after"]), using=lambda: tf.Variable(ROWS).read_value())
    cube = np.arange(18, dtype=np.float32).reshape(3, 3, 2)
    value = "float32[3,3,2](%s)" % " ".join(str(v) for v in cube.reshape(-1))
    yield Case("ResourceGather", "rows", [np.int32([[1, 0], [1, 2]])], module=variable_module(
        ["%rows = ResourceGather(%h, %i) {dtype = float32} : float32[2,2,3,2]", const("b", "int32[3,1](2 0 1)"),
         "%batch = ResourceGather(%h, %b) {dtype = float32, batch_dims = 1} : float32[3,1,2]"], ["%rows", "%batch"], {"i": "int32[2,2]"}, value),
        using=lambda i: (tf.gather(tf.constant(cube), i), tf.gather(tf.constant(cube), [[2], [0], [1]], batch_dims=1)))
    yield Case("ResourceGatherNd", "elements", [np.int64([[1, 2], [0, 0]])], module=variable_module(
        ["%rows = ResourceGatherNd(%h, %i) {dtype = float32} : float32[2,2]"], ["%rows"], {"i": "int64[2,2]"}, value),
        using=lambda i: tf.gather_nd(tf.constant(cube), i))


# --- tables


def table_module(lines, outputs, types=None, op="HashTableV2", keys="string", values="int64", init=None):
    handle = '%%h = %s() {shared_name = "t", key_dtype = %s, value_dtype = %s} : resource[]' % (op, keys, values)
    text = ""
    if init:
        text = "module {\n%s  initializer @init\n}\n" % ('  asset "words.txt" "%s"\n' % init[1] if init[1] else "")
        text += "function @init {\n  %s\n%s  control_output %%fill\n}\n" % (handle, "".join("  %s\n" % line for line in init[0]))
    return text + main(types or {}, [handle] + lines, outputs)


def filled_table(keys, values, default):
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)


KEYS, VALUES = ["a", "b", "c"], np.int64([10, 20, 30])
KEY_LINES = [const("keys", 'string[3]("a" "b" "c")'), const("values", "int64[3](10 20 30)")]
FIND = [const("missing", "int64[](-1)"), "%found = LookupTableFindV2(%h, %x, %missing) : int64[2,2]"]
QUERY = np.array([["c", "x"], ["", "a"]])


def table_cases():
    query = {"x": "string[2,2]"}

    def find(x):
        return filled_table(KEYS, VALUES, -1).lookup(tf.constant(x))

    for op, fill in (("LookupTableFindV2", "LookupTableImportV2"), ("LookupTableImportV2", "LookupTableImportV2"), ("InitializeTableV2", "InitializeTableV2"),
                     ("HashTableV2", "InitializeTableV2")):
        init = (KEY_LINES + ["%%fill = %s(%%h, %%keys, %%values)" % fill], None)
        yield Case(op, "some missing", [QUERY], module=table_module(FIND, ["%found"], query, init=init), using=find)
    init = (KEY_LINES + ["%fill = InitializeTableV2(%h, %keys, %values)"], None)
    yield Case("HashTable", "some missing", [QUERY], module=table_module(FIND, ["%found"], query, op="HashTable", init=init), using=find)
    yield Case("LookupTableSizeV2", "three", [], module=table_module(["%n = LookupTableSizeV2(%h) : int64[]"], ["%n"], init=init),
               using=lambda: filled_table(KEYS, VALUES, -1).size())
    yield Case("LookupTableExportV2", "three", [], module=table_module(
        ["%all = LookupTableExportV2(%h) {Tkeys = string, Tvalues = int64} : string[?], int64[?]"], ["%all", "%all:1"], init=init),
        using=lambda: (np.array(KEYS), VALUES))  # TensorFlow's order is that of its hash map

    def text_table(attributes):
        fill = ["%name = Const() {value = string[](\"words.txt\")} : string[]", "%%fill = InitializeTableFromTextFileV2(%%h, %%name) {%s}" % attributes]
        return fill, r"c 7 x\x0d\na -8 y\n\"b 9 z"

    def find_in_file(x):
        import os
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "words.txt")
            with open(path, "wb") as file:
                file.write(b'c 7 x\r\na -8 y\n"b 9 z')
            initializer = tf.lookup.TextFileInitializer(path, tf.string, 0, tf.int64, 1, delimiter=" ")
            return tf.lookup.StaticHashTable(initializer, -1).lookup(tf.constant(x))

    yield Case("InitializeTableFromTextFileV2", "columns", [QUERY], using=find_in_file,
               module=table_module(FIND, ["%found"], query, init=text_table('key_index = 0, value_index = 1, delimiter = " "')))

    def mutable(x):
        table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        table.insert(tf.constant(KEYS), tf.constant(VALUES))
        table.insert(tf.constant(["a", "d"]), tf.constant([11, 40], tf.int64))
        table.remove(tf.constant(["b", "zz"]))
        return table.lookup(tf.constant(x)), table.size()

    lines = KEY_LINES + [
        "%one = LookupTableImportV2(%h, %keys, %values)", const("k", 'string[2]("a" "d")'), const("v", "int64[2](11 40)"),
        "%two = LookupTableInsertV2(%h, %k, %v) ^(%one)", const("gone", 'string[2]("b" "zz")'), "%three = LookupTableRemoveV2(%h, %gone) ^(%two)",
        const("missing", "int64[](-1)"), "%found = LookupTableFindV2(%h, %x, %missing) ^(%three) : int64[5]", "%n = LookupTableSizeV2(%h) ^(%three) : int64[]"]
    for op in ("MutableHashTableV2", "LookupTableInsertV2", "LookupTableRemoveV2"):
        yield Case(op, "import, insert, remove", [np.array(["a", "b", "c", "d", "zz"])], using=mutable,
                   module=table_module(lines, ["%found", "%n"], {"x": "string[5]"}, op="MutableHashTableV2"))

def cases():
    yield from control_cases()
    yield from tensor_list_cases()
    yield from tensor_array_cases()
    yield from variable_cases()
    yield from table_cases()
