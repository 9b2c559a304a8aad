#include "whittle/op_registry.h"

#include <gtest/gtest.h>

#include <cmath>

namespace whittle {
namespace {

const OpSpec& op(std::string_view name) {
  const OpSpec* spec = OpRegistry::builtin().find(name);
  static const OpSpec none;
  EXPECT_NE(spec, nullptr) << name;
  return spec == nullptr ? none : *spec;
}

AttrMap attrs_of(std::initializer_list<Attr> items) {
  AttrMap attrs;
  for (const Attr& a : items) attrs.set(a.name, a.value);
  return attrs;
}

int port(std::string_view name, const AttrMap& attrs, std::string_view arg, int index = 0) {
  Result<int> flat = flat_port(op(name), attrs, arg, index);
  return flat.ok() ? *flat : -1;
}

std::string named(std::string_view name, const AttrMap& attrs, int flat) {
  Result<std::pair<std::string_view, int>> out = named_port(op(name), attrs, flat);
  if (!out.ok()) return "";
  return std::string(out->first) + ":" + std::to_string(out->second);
}

const AttrMap kNone;

TEST(OpRegistry, KnowsTheOpsThatMatter) {
  EXPECT_GT(OpRegistry::builtin().specs().size(), 400u);
  for (const char* name : {"Const",
                           "Placeholder",
                           "VarHandleOp",
                           "VariableV2",
                           "ReadVariableOp",
                           "RestoreV2",
                           "If",
                           "Case",
                           "While",
                           "StatelessWhile",
                           "Switch",
                           "RefSwitch",
                           "Merge",
                           "Enter",
                           "Exit",
                           "NextIteration",
                           "LoopCond",
                           "PartitionedCall",
                           "StatefulPartitionedCall",
                           "HashTableV2",
                           "LookupTableImportV2",
                           "ResourceApplyAdam",
                           "ResourceScatterUpdate",
                           "AssignVariableOp",
                           "TensorListReserve",
                           "TensorArrayV3",
                           "ParseExampleV2",
                           "DecodeJpeg",
                           "SparseSegmentSum",
                           "_Arg",
                           "_Retval",
                           "Assert",
                           "CheckNumerics",
                           "_FusedConv2D",
                           "_FusedMatMul"}) {
    EXPECT_NE(OpRegistry::builtin().find(name), nullptr) << name;
  }
}

TEST(OpRegistry, DoesNotKnowOpsOutsideOfIt) {
  for (const char* name : {"", "ZeroOut", "matmul", "MatMul ", "XlaLaunch", "TPUExecute"}) {
    EXPECT_EQ(OpRegistry::builtin().find(name), nullptr) << name;
  }
}

TEST(OpRegistry, IsSortedAndRefersOnlyToAttributesItHas) {
  std::string_view last;
  for (const OpSpec& spec : OpRegistry::builtin().specs()) {
    EXPECT_LT(last, spec.name);
    last = spec.name;
    // The rules that hold for what a model brings along hold for the table.
    OpSpec copy = spec;
    copy.name = "CopyOfAnOp";
    OpRegistry overlay;
    Status added = overlay.add(copy);
    EXPECT_TRUE(added.ok()) << spec.name << ": " << added.error().to_string();
  }
}

TEST(OpRegistry, TellsFlags) {
  EXPECT_TRUE(op("VarHandleOp").is_stateful);
  EXPECT_TRUE(op("RandomUniform").is_stateful);
  EXPECT_TRUE(op("While").is_stateful);
  EXPECT_FALSE(op("StatelessWhile").is_stateful);
  EXPECT_FALSE(op("MatMul").is_stateful);
  EXPECT_TRUE(op("Mul").is_commutative);
  EXPECT_FALSE(op("Sub").is_commutative);
  ASSERT_EQ(op("VariableV2").outputs.size(), 1u);
  EXPECT_TRUE(op("VariableV2").outputs[0].is_ref);
  EXPECT_TRUE(op("Assign").inputs[0].is_ref);
  EXPECT_FALSE(op("Assign").inputs[1].is_ref);
}

TEST(OpRegistry, TellsSinceWhenOpsAndAttributesExist) {
  EXPECT_EQ(op("MatMul").since, 0);
  EXPECT_EQ(op("ParseExampleV2").since, 1);
  EXPECT_EQ(op("BatchMatMulV3").since, 2);
  EXPECT_EQ(op("SegmentMaxV2").since, 3);
  EXPECT_EQ(op("TopKV2").find_attr("sorted")->since, 0);
  EXPECT_EQ(op("TopKV2").find_attr("index_type")->since, 3);
  EXPECT_EQ(op("Dequantize").find_attr("axis")->since, 1);
  EXPECT_EQ(op("ParseExampleV2").find_attr("Tdense")->since, 1);
  // 1.15 has this attribute but insists on seeing it.
  const AttrSpec* splits = op("RaggedTensorToVariant").find_attr("Tsplits");
  EXPECT_EQ(splits->since, 0);
  EXPECT_EQ(splits->default_since, 1);
}

TEST(OpRegistry, MapsProducersToOpLists) {
  EXPECT_EQ(op_list_of_producer(0), 0);
  EXPECT_EQ(op_list_of_producer(-1), 0);
  EXPECT_EQ(op_list_of_producer(440), 0);
  EXPECT_EQ(op_list_of_producer(561), 1);
  EXPECT_EQ(op_list_of_producer(1395), 2);
  EXPECT_EQ(op_list_of_producer(2473), 2);
  EXPECT_EQ(op_list_of_producer(INT32_MAX), 3);
}

TEST(OpPorts, AreThoseOfTensorFlow) {
  const AttrMap split =
      attrs_of({{"num_split", AttrValue::integer(3)}, {"T", AttrValue::type(DType::kFloat)}});
  EXPECT_EQ(port("Split", split, "output", 2), 2);
  EXPECT_EQ(port("Split", split, "output", 3), -1);
  EXPECT_EQ(port("Split", split, "output", -1), -1);
  EXPECT_EQ(named("Split", split, 2), "output:2");

  EXPECT_EQ(port("Unique", kNone, "y"), 0);
  EXPECT_EQ(port("Unique", kNone, "idx"), 1);
  EXPECT_EQ(port("Unique", kNone, "idx", 1), -1);
  EXPECT_EQ(port("Unique", kNone, "count"), -1);
  EXPECT_EQ(named("Unique", kNone, 1), "idx:0");
  EXPECT_EQ(named("Unique", kNone, 2), "");
  EXPECT_EQ(named("Unique", kNone, -1), "");

  EXPECT_EQ(port("FusedBatchNormV3", kNone, "y"), 0);
  EXPECT_EQ(port("FusedBatchNormV3", kNone, "batch_variance"), 2);
  EXPECT_EQ(port("FusedBatchNormV3", kNone, "reserve_space_3"), 5);
  EXPECT_EQ(named("FusedBatchNormV3", kNone, 4), "reserve_space_2:0");

  const AttrMap loop = attrs_of({{"T", AttrValue::types({DType::kInt32, DType::kFloat})}});
  EXPECT_EQ(port("While", loop, "output", 1), 1);
  EXPECT_EQ(port("While", loop, "output", 2), -1);
  EXPECT_EQ(port("IdentityN", loop, "output", 0), 0);
  EXPECT_EQ(named("IdentityN", loop, 1), "output:1");

  EXPECT_EQ(port("TensorListConcatV2", kNone, "tensor"), 0);
  EXPECT_EQ(port("TensorListConcatV2", kNone, "lengths"), 1);
  EXPECT_EQ(port("ReadVariableOp", kNone, "value"), 0);
  EXPECT_EQ(port("Add", kNone, "z"), 0);
  EXPECT_EQ(port("MatMul", kNone, "product"), 0);

  // Lists before single outputs, and lists of length zero.
  const AttrMap parse =
      attrs_of({{"num_sparse", AttrValue::integer(2)},
                {"sparse_types", AttrValue::types({DType::kInt64, DType::kString})},
                {"Tdense", AttrValue::types({DType::kFloat})},
                {"ragged_value_types", AttrValue::types({})},
                {"ragged_split_types", AttrValue::types({})}});
  EXPECT_EQ(port("ParseExampleV2", parse, "sparse_indices", 1), 1);
  EXPECT_EQ(port("ParseExampleV2", parse, "sparse_values", 0), 2);
  EXPECT_EQ(port("ParseExampleV2", parse, "sparse_shapes", 1), 5);
  EXPECT_EQ(port("ParseExampleV2", parse, "dense_values", 0), 6);
  EXPECT_EQ(port("ParseExampleV2", parse, "ragged_values", 0), -1);
}

TEST(OpPorts, InverseHoldsForEveryOpOfTheTable) {
  for (const OpSpec& spec : OpRegistry::builtin().specs()) {
    AttrMap attrs;
    for (const AttrSpec& attr : spec.attrs) {
      if (attr.type == "int") attrs.set(attr.name, AttrValue::integer(3));
      if (attr.type == "type") attrs.set(attr.name, AttrValue::type(DType::kFloat));
      if (attr.type == "list(type)")
        attrs.set(attr.name, AttrValue::types({DType::kHalf, DType::kBool}));
    }
    Result<std::vector<DType>> types = output_dtypes(spec, attrs);
    ASSERT_TRUE(types.ok()) << spec.name << ": " << types.error().to_string();
    ASSERT_TRUE(input_dtypes(spec, attrs).ok()) << spec.name;
    const int count = static_cast<int>(types->size());
    EXPECT_EQ(*output_count(spec, attrs), count) << spec.name;
    for (int p = 0; p < count; ++p) {
      Result<std::pair<std::string_view, int>> out = named_port(spec, attrs, p);
      ASSERT_TRUE(out.ok()) << spec.name;
      Result<int> back = flat_port(spec, attrs, out->first, out->second);
      ASSERT_TRUE(back.ok()) << spec.name;
      EXPECT_EQ(*back, p) << spec.name;
    }
    EXPECT_FALSE(named_port(spec, attrs, count).ok()) << spec.name;
  }
}

TEST(OpPorts, NeedNoDtypes) {
  const AttrMap placeholder =
      attrs_of({{"num_split", AttrValue::integer(2)}, {"T", AttrValue::placeholder("T")}});
  EXPECT_EQ(port("Split", placeholder, "output", 1), 1);
  EXPECT_FALSE(output_dtypes(op("Split"), placeholder).ok());
}

TEST(OpDtypes, ComeFromAttributesAndDefaults) {
  AttrMap attrs = attrs_of({{"T", AttrValue::type(DType::kHalf)}});
  EXPECT_EQ(*output_dtypes(op("Unique"), attrs), (std::vector<DType>{DType::kHalf, DType::kInt32}));
  attrs.set("out_idx", AttrValue::type(DType::kInt64));
  EXPECT_EQ(*output_dtypes(op("Unique"), attrs), (std::vector<DType>{DType::kHalf, DType::kInt64}));
  EXPECT_EQ(*output_dtypes(op("RFFT"), kNone), (std::vector<DType>{DType::kComplex64}));
  EXPECT_EQ(*output_dtypes(op("Dequantize"), attrs_of({{"T", AttrValue::type(DType::kQuint8)}})),
            (std::vector<DType>{DType::kFloat}));
  EXPECT_EQ(
      *input_dtypes(op("ResourceGather"), attrs_of({{"Tindices", AttrValue::type(DType::kInt32)}})),
      (std::vector<DType>{DType::kResource, DType::kInt32}));
  EXPECT_EQ(*output_dtypes(op("VariableV2"), attrs_of({{"dtype", AttrValue::type(DType::kFloat)}})),
            (std::vector<DType>{ref_dtype(DType::kFloat)}));
  EXPECT_EQ(*output_dtypes(op("NoOp"), kNone), std::vector<DType>{});
}

TEST(OpDtypes, RefuseWhatDoesNotFit) {
  const auto code = [](std::string_view name, const AttrMap& attrs) {
    Result<std::vector<DType>> types = output_dtypes(op(name), attrs);
    return types.ok() ? Code::kInternal : types.error().code;
  };
  const AttrValue type = AttrValue::type(DType::kFloat);
  const auto split = [&](AttrValue n) {
    return attrs_of({{"T", type}, {"num_split", std::move(n)}});
  };
  EXPECT_EQ(code("Split", split(AttrValue::integer(-1))), Code::kInvalidArgument);
  EXPECT_EQ(code("Split", split(AttrValue::integer(INT64_MIN))), Code::kInvalidArgument);
  EXPECT_EQ(code("Split", split(AttrValue::integer(kMaxPorts + 1))), Code::kInvalidArgument);
  EXPECT_EQ(code("Split", split(AttrValue::integer(INT64_MAX))), Code::kInvalidArgument);
  EXPECT_EQ(code("Split", split(AttrValue::string("3"))), Code::kInvalidArgument);
  EXPECT_EQ(code("Split", split(AttrValue::placeholder("N"))), Code::kInvalidArgument);
  EXPECT_EQ(code("Split", split(AttrValue())), Code::kInvalidArgument);
  EXPECT_EQ(code("Split", kNone), Code::kInvalidArgument);
  EXPECT_EQ(output_dtypes(op("Split"), split(AttrValue::integer(kMaxPorts)))->size(),
            static_cast<size_t>(kMaxPorts));
  EXPECT_EQ(code("IdentityN", attrs_of({{"T", type}})), Code::kInvalidArgument);
  EXPECT_EQ(code("IdentityN", attrs_of({{"T", AttrValue::ints({1, 2})}})), Code::kInvalidArgument);
  EXPECT_EQ(code("IdentityN", attrs_of({{"T", AttrValue::types({DType::kInvalid})}})),
            Code::kInvalidArgument);
  EXPECT_EQ(code("Relu", attrs_of({{"T", AttrValue::type(DType::kInvalid)}})),
            Code::kInvalidArgument);
  // Each list fits, all of them together do not.
  const AttrMap many = attrs_of({{"num_sparse", AttrValue::integer(kMaxPorts)},
                                 {"sparse_types", AttrValue::types({})},
                                 {"Tdense", AttrValue::types({})},
                                 {"ragged_value_types", AttrValue::types({})},
                                 {"ragged_split_types", AttrValue::types({})}});
  EXPECT_EQ(code("ParseExampleV2", many), Code::kInvalidArgument);
}

TEST(OpDefaults, AreValuesOfTheirType) {
  const auto value = [](std::string_view name, std::string_view attr) {
    const AttrSpec* spec = op(name).find_attr(attr);
    return spec == nullptr ? AttrValue() : default_of(*spec);
  };
  EXPECT_EQ(value("MatMul", "transpose_a"), AttrValue::boolean(false));
  EXPECT_EQ(value("Conv2D", "use_cudnn_on_gpu"), AttrValue::boolean(true));
  EXPECT_EQ(value("Conv2D", "data_format"), AttrValue::string("NHWC"));
  EXPECT_EQ(value("Conv2D", "dilations"), AttrValue::ints({1, 1, 1, 1}));
  EXPECT_EQ(value("Conv2D", "explicit_paddings"), AttrValue::ints({}));
  EXPECT_EQ(value("Conv2D", "strides").kind(), AttrValue::Kind::kNone);
  EXPECT_EQ(value("DecodeCSV", "field_delim"), AttrValue::string(","));
  EXPECT_EQ(value("PrintV2", "end"), AttrValue::string("\n"));
  EXPECT_EQ(value("StringFormat", "template"), AttrValue::string("%s"));
  EXPECT_EQ(value("FusedBatchNorm", "epsilon"), AttrValue::real(1e-4f));
  EXPECT_EQ(value("LeakyRelu", "T"), AttrValue::type(DType::kFloat));
  EXPECT_EQ(value("While", "parallel_iterations"), AttrValue::integer(10));
  EXPECT_EQ(value("Placeholder", "shape"), AttrValue::shape(Shape::unknown()));
  EXPECT_EQ(value("Print", "first_n"), AttrValue::integer(-1));
  for (const OpSpec& spec : OpRegistry::builtin().specs()) {
    for (const AttrSpec& attr : spec.attrs) {
      EXPECT_EQ(default_of(attr).kind() != AttrValue::Kind::kNone, attr.has_default)
          << spec.name << ' ' << attr.name;
      EXPECT_EQ(is_default_attr(spec, attr.name, default_of(attr)), attr.has_default)
          << spec.name << ' ' << attr.name;
    }
  }
}

TEST(OpDefaults, AreToldFromOtherValues) {
  EXPECT_TRUE(is_default_attr(op("MatMul"), "transpose_a", AttrValue::boolean(false)));
  EXPECT_FALSE(is_default_attr(op("MatMul"), "transpose_a", AttrValue::boolean(true)));
  EXPECT_FALSE(is_default_attr(op("MatMul"), "transpose_a", AttrValue::integer(0)));
  EXPECT_FALSE(is_default_attr(op("MatMul"), "T", AttrValue::type(DType::kFloat)));
  EXPECT_FALSE(is_default_attr(op("MatMul"), "_grad_a", AttrValue::boolean(false)));
  EXPECT_TRUE(is_default_attr(op("Conv2D"), "explicit_paddings", AttrValue::list({})));
  EXPECT_FALSE(is_default_attr(op("Conv2D"), "dilations", AttrValue::list({})));
  EXPECT_FALSE(is_default_attr(op("FusedBatchNorm"), "epsilon",
                               AttrValue::real(std::nextafter(1e-4f, 1.f))));
  EXPECT_TRUE(
      is_default_attr(op("AudioSpectrogram"), "magnitude_squared", AttrValue::boolean(false)));
}

OpSpec zero_out() {
  OpSpec spec;
  spec.name = "ZeroOut";
  AttrSpec type;
  type.name = "T";
  type.type = "type";
  type.has_default = true;
  type.default_value = std::make_shared<AttrValue>(AttrValue::type(DType::kInt32));
  spec.attrs = {type};
  ArgSpec in, out;
  in.name = "to_zero";
  out.name = "zeroed";
  in.type_attr = out.type_attr = "T";
  spec.inputs = {in};
  spec.outputs = {out};
  return spec;
}

TEST(OpOverlay, AddsToTheTable) {
  OpRegistry overlay;
  {
    std::string name = "ZeroOut that is too long for the small buffer of a string";
    OpSpec spec = zero_out();
    spec.name = name;
    ASSERT_TRUE(overlay.add(spec).ok());
    name.assign(name.size(), 'x');  // text is copied
  }
  const OpSpec* found = overlay.find("ZeroOut that is too long for the small buffer of a string");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*output_dtypes(*found, kNone), (std::vector<DType>{DType::kInt32}));
  EXPECT_EQ(*flat_port(*found, kNone, "zeroed", 0), 0);
  EXPECT_TRUE(is_default_attr(*found, "T", AttrValue::type(DType::kInt32)));
  EXPECT_EQ(overlay.find("MatMul"), OpRegistry::builtin().find("MatMul"));
  EXPECT_EQ(overlay.find("ZeroOut"), nullptr);
}

TEST(OpOverlay, NeverChangesWhatIsKnown) {
  OpRegistry overlay;
  OpSpec spec = zero_out();
  spec.name = "MatMul";
  EXPECT_TRUE(overlay.add(spec).ok());
  EXPECT_EQ(overlay.find("MatMul"), OpRegistry::builtin().find("MatMul"));
  EXPECT_TRUE(overlay.add(zero_out()).ok());
  OpSpec again = zero_out();
  again.is_stateful = true;
  EXPECT_TRUE(overlay.add(again).ok());
  EXPECT_FALSE(overlay.find("ZeroOut")->is_stateful);
  EXPECT_EQ(overlay.specs().size(), 1u);
}

TEST(OpOverlay, RefusesBrokenDescriptions) {
  const auto code = [](void (*breaks)(OpSpec&)) {
    OpRegistry overlay;
    OpSpec spec = zero_out();
    breaks(spec);
    Status added = overlay.add(spec);
    EXPECT_TRUE(overlay.specs().empty());
    return added.ok() ? Code::kInternal : added.error().code;
  };
  EXPECT_EQ(code([](OpSpec& s) { s.name = ""; }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.attrs.push_back(s.attrs[0]); }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.outputs.push_back(s.outputs[0]); }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.outputs[0].name = ""; }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.outputs[0].type_attr = "U"; }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.outputs[0].type_attr = ""; }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.outputs[0].fixed_type = DType::kFloat; }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.outputs[0].number_attr = "T"; }), Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) {
              s.inputs[0].type_attr = "";
              s.inputs[0].type_list_attr = "T";
            }),
            Code::kCorrupt);
  EXPECT_EQ(code([](OpSpec& s) { s.outputs.resize(kMaxOpArgs + 1, s.outputs[0]); }), Code::kLimit);
}

}  // namespace
}  // namespace whittle
