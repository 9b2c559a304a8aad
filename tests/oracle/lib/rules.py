"""The rewrites of `float`, for docs/rewrites.md: one row a rule, by the cause under which reports book it."""
import collections

Rule = collections.namedtuple("Rule", "cause transform rewrite source condition gain")

RULES = [
    Rule("branches that are never taken", "prune_branches", "Switch/Merge, If, Case with a constant predicate: the branch; While that never turns: its inputs",
         "7, 8", "the predicate is a constant, a default nobody feeds, or fixed by `input`; nothing named would be dead", "the other branch and its control flow"),
    Rule("Identity and other nodes that compute nothing", "remove_identities", "Identity, IdentityN, StopGradient, Snapshot: their input", "2, 3, 14, 16",
         "not named from outside; with v1 control flow only without control edges", "1 node"),
    Rule("reshapes to the shape that is there", "simplify_movement", "Reshape, Squeeze, ExpandDims of a value that has, or had, that shape: the value", "22",
         "all sizes surely equal: numbers or the same symbol", "the node and what computed its sizes"),
    Rule("reshapes of reshapes", "simplify_movement", "Reshape(Reshape(x), s): Reshape(x, s)", "22", "nothing else reads the inner one", "1 node"),
    Rule("sizes computed for a reshape", "simplify_movement", "Reshape(x, Pack(Shape(x)[0], 784)): Reshape(x, [-1, 784])", "not in Grappler",
         "one size is not a number, all others are above 0, nothing behind them has effects", "Shape, StridedSlice, Pack and their constants"),
    Rule("shapes that are the same", "simplify_movement", "Shape(x), Shape(y): one of them", "18, 44", "all sizes surely equal", "1 node"),
    Rule("transposes that cancel", "simplify_movement", "Transpose(Transpose(x)): one or none; none for the identity", "23, 34", "constant permutations", "1 or 2 nodes and constants"),
    Rule("casts that lose nothing", "simplify_movement", "Cast(Cast(x)): one or none; none to the same dtype", "35", "the first keeps every value; no cast of constants (codes)", "1 or 2 nodes"),
    Rule("slices, pads and tiles of everything", "simplify_movement", "Slice, StridedSlice, Pad, Tile, BroadcastTo, EnsureShape, reductions over no axis: their input", "24, 25",
         "constant arguments, static sizes", "the node and its constants"),
    Rule("concatenations of concatenations", "simplify_movement", "ConcatV2(ConcatV2(a, b), c): ConcatV2(a, b, c)", "29", "the same axis, nothing else reads the inner one", "1 node"),
    Rule("splits that are joined again", "simplify_movement", "ConcatV2(Split(x)), Pack(Unpack(x)), Unpack(Pack(…)), Pack(…)[k]: the value", "24, 43", "all pieces, in order, on the same axis", "both nodes"),
    Rule("squeezes after reductions", "simplify_movement", "Squeeze(Mean(x, keep_dims)): Mean(x)", "not in Grappler", "the squeezed axes are the reduced ones", "1 node"),
    Rule("unique ids of sparse lookups", "simplify_movement", "SparseSegmentSum(GatherV2(t, Unique(i)), Unique(i):1, s): SparseSegmentSum(t, i, s)", "Grappler's embedding lookups",
         "`float` only: tables that become codes keep the lookup of single rows", "Unique, GatherV2, axis"),
    Rule("arithmetic with 0 or 1", "simplify_arithmetic", "x + 0, x - 0, x * 1, x / 1, x ^ 1, BiasAdd(x, 0), and true, or false: x", "21",
         "the constant surely does not enlarge x", "the node and its constant"),
    Rule("operations done twice", "simplify_arithmetic", "-(-x), !!x: x; Relu(Relu(x)), Abs(Abs(x)), Relu6(Relu(x)): one", "34, 38", "nobody feeds the inner value", "1 or 2 nodes"),
    Rule("negations before sums", "simplify_arithmetic", "a + (-b), a + (0 - b): a - b; a - (-b): a + b", "36", "nothing else reads the negation", "1 node"),
    Rule("constants added or multiplied in turn", "simplify_arithmetic", "(x + c1) + c2, (x * c1) * c2, with - and / too: one constant", "27",
         "float32; no cancelling, no product outside 1e-30 … 1e30, no larger constant", "1 node, 1 constant"),
    Rule("squares of differences", "simplify_arithmetic", "Square(a - b), (a - b) * (a - b): SquaredDifference(a, b)", "39", "nothing else reads the difference", "1 node"),
    Rule("sums of sums", "simplify_arithmetic", "(a + b) + c: AddN(a, b, c)", "32", "all shapes surely equal", "1 node a term"),
    Rule("transposes before products", "simplify_arithmetic", "MatMul(Transpose(x), y): MatMul(x, y) with transpose_a", "41", "swaps the last two axes", "1 node, 1 constant"),
    Rule("pads before convolutions", "simplify_arithmetic", "Conv2D(Pad(x), VALID): Conv2D(x, SAME)", "51", "SAME pads exactly so", "1 node, 1 constant"),
    Rule("duplicate nodes and constants", "merge_duplicate_nodes", "equal nodes and constants: one", "44, 60", "not stateful; inputs of commutative ops in any order", "1 node each"),
    Rule("constants whose elements are all equal", "half_weights, int8_weights", "a constant stores one element", "58", "", "all bytes but one element's"),
]
