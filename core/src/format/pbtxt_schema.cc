#include "pbtxt_schema.h"

#include "whittle/dtype.h"

namespace whittle::format {
namespace {

// One line a message: NAME field:number KIND … with these kinds, else "=Message":
//   i int  b bool  f float  d double  s string, bytes  t DataType  x skip  p presence  r refuse
constexpr std::string_view kSchema =
    "SavedModel saved_model_schema_version:1i meta_graphs:2=MetaGraph\n"
    "MetaGraph meta_info_def:1=MetaInfo graph_def:2=GraphDef saver_def:3=Saver "
    "collection_def:4=CollectionEntry "
    "signature_def:5=SignatureEntry asset_file_def:6=AssetFile object_graph_def:7=ObjectGraph\n"
    "MetaInfo meta_graph_version:1s stripped_op_list:2=OpList any_info:3=Any tags:4s "
    "tensorflow_version:5s "
    "tensorflow_git_version:6s stripped_default_attrs:7b function_aliases:8x\n"
    "OpList op:1=OpDef\n"
    "OpDef name:1s input_arg:2=ArgDef output_arg:3=ArgDef attr:4=AttrDef summary:5x description:6x "
    "deprecation:8x "
    "is_aggregate:16b is_stateful:17b is_commutative:18b allows_uninitialized_input:19b "
    "control_output:20s "
    "is_distributed_communication:21b\n"
    "ArgDef name:1s description:2x type:3t type_attr:4s number_attr:5s type_list_attr:6s "
    "handle_data:7x is_ref:16b "
    "experimental_full_type:17x\n"
    "AttrDef name:1s type:2s default_value:3=AttrValue description:4x has_minimum:5b minimum:6i "
    "allowed_values:7=AttrValue\n"
    "AttrValue list:1=ListValue s:2s i:3i f:4f b:5b type:6t shape:7=Shape tensor:8=Tensor "
    "placeholder:9s "
    "func:10=NameAttrList\n"
    "ListValue s:2s i:3i f:4f b:5b type:6t shape:7=Shape tensor:8=Tensor func:9=NameAttrList\n"
    "NameAttrList name:1s attr:2=AttrEntry\n"
    "AttrEntry key:1s value:2=AttrValue\n"
    "Shape dim:2=Dim unknown_rank:3b\n"
    "Dim size:1i name:2s\n"
    "Tensor dtype:1t tensor_shape:2=Shape version_number:3i tensor_content:4s float_val:5f "
    "double_val:6d int_val:7i "
    "string_val:8s scomplex_val:9f int64_val:10i bool_val:11b dcomplex_val:12d half_val:13i "
    "resource_handle_val:14r variant_val:15r uint32_val:16i uint64_val:17i float8_val:18s\n"
    "GraphDef node:1=Node library:2=Library version:3i versions:4=Versions debug_info:5x\n"
    "Node name:1s op:2s input:3s device:4s attr:5=AttrEntry experimental_debug_info:6x "
    "experimental_type:7x\n"
    "Versions producer:1i min_consumer:2i bad_consumers:3i\n"
    "Library function:1=Function gradient:2x registered_gradients:3x\n"
    "Function signature:1=OpDef node_def:3=Node ret:4=StringEntry attr:5=AttrEntry "
    "control_ret:6=StringEntry "
    "arg_attr:7=ArgAttrEntry resource_arg_unique_id:8x\n"
    "StringEntry key:1s value:2s\n"
    "ArgAttrEntry key:1i value:2=ArgAttrs\n"
    "ArgAttrs attr:1=AttrEntry\n"
    "Saver filename_tensor_name:1s save_tensor_name:2s restore_op_name:3s max_to_keep:4i "
    "sharded:5b "
    "keep_checkpoint_every_n_hours:6f version:7x\n"
    "CollectionEntry key:1s value:2=Collection\n"
    "Collection node_list:1=StringList bytes_list:2=StringList int64_list:3x float_list:4x "
    "any_list:5=AnyList\n"
    "StringList value:1s\n"
    "AnyList value:1=Any\n"
    "Any type_url:1s value:2s\n"
    "SignatureEntry key:1s value:2=Signature\n"
    "Signature inputs:1=TensorInfoEntry outputs:2=TensorInfoEntry method_name:3s "
    "defaults:4=TensorEntry\n"
    "TensorInfoEntry key:1s value:2=TensorInfo\n"
    "TensorEntry key:1s value:2=Tensor\n"
    "TensorInfo name:1s dtype:2t tensor_shape:3=Shape coo_sparse:4=CooSparse composite_tensor:5r\n"
    "CooSparse values_tensor_name:1s indices_tensor_name:2s dense_shape_tensor_name:3s\n"
    "AssetFile tensor_info:1=TensorInfo filename:2s\n"
    "ObjectGraph nodes:1=Object concrete_functions:2=ConcreteEntry\n"
    "ConcreteEntry key:1s value:2=Concrete\n"
    "Concrete bound_inputs:2i canonicalized_input_signature:3x output_signature:4x\n"
    "Object children:1=Reference slot_variables:3x user_object:4=UserObject asset:5x function:6p "
    "variable:7x "
    "bare_concrete_function:8p constant:9x resource:10x saveable_objects:11x captured_tensor:12x "
    "registered_name:13x "
    "serialized_user_proto:14x dependencies:15x registered_saver:16x\n"
    "Reference node_id:1i local_name:2s\n"
    "UserObject identifier:1s version:2x metadata:3x\n";

constexpr std::string_view kDtypes =
    "INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 "
    "BFLOAT16 QINT16 "
    "QUINT16 UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64 FLOAT8_E5M2 FLOAT8_E4M3FN "
    "FLOAT8_E4M3FNUZ "
    "FLOAT8_E4M3B11FNUZ FLOAT8_E5M2FNUZ INT4 UINT4 INT2 UINT2 FLOAT4_E2M1FN ";

// Cuts the text before the next `separator` off `rest`.
std::string_view take(std::string_view* rest, char separator) {
  const size_t end = rest->find(separator);
  const std::string_view piece = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  return piece;
}

TextKind kind_of(char code) {
  switch (code) {
    case 'i': return TextKind::kInt;
    case 'b': return TextKind::kBool;
    case 'f': return TextKind::kFloat;
    case 'd': return TextKind::kDouble;
    case 's': return TextKind::kString;
    case 't': return TextKind::kDtype;
    case '=': return TextKind::kMessage;
    case 'p': return TextKind::kPresent;
    case 'r': return TextKind::kRefuse;
    default: return TextKind::kSkip;
  }
}

}  // namespace

bool find_text_field(std::string_view message, std::string_view field, TextField* out) {
  std::string_view lines = kSchema;
  while (!lines.empty()) {
    std::string_view line = take(&lines, '\n');
    if (take(&line, ' ') != message) continue;
    while (!line.empty()) {
      std::string_view entry = take(&line, ' ');
      if (take(&entry, ':') != field) continue;
      out->number = 0;
      while (entry[0] >= '0' && entry[0] <= '9') {
        out->number = out->number * 10 + static_cast<uint32_t>(entry[0] - '0');
        entry.remove_prefix(1);
      }
      out->kind = kind_of(entry[0]);
      out->message = entry.substr(1);
      return true;
    }
    return false;
  }
  return false;
}

int64_t text_dtype(std::string_view name) {
  if (name.substr(0, 3) != "DT_") return -1;
  name.remove_prefix(3);
  int64_t offset = 0;
  if (name.size() > 4 && name.substr(name.size() - 4) == "_REF") {
    offset = kRefOffset;
    name.remove_suffix(4);
  }
  std::string_view rest = kDtypes;
  for (int64_t number = 0; !rest.empty(); ++number) {
    if (take(&rest, ' ') == name) return number + offset;
  }
  return -1;
}

}  // namespace whittle::format
