// Variables: resource handles, and the reference variables of v1 graphs.
#include "families.h"
#include "state_objects.h"

namespace whittle::eval {

std::string resource_name(const Node& node, std::string_view kind) {
  std::string_view shared = node.attrs.string_or("shared_name", "");
  if (shared.empty()) shared = node.name;
  return cat(kind, "/", node.attrs.string_or("container", ""), "/", shared);
}

void set_variable(State& state, const std::string& name, Tensor value) {
  auto v = std::make_shared<VariableObject>();
  v->dtype = value.dtype();
  v->name = name;
  v->value = std::move(value);
  state.resources[cat("variable//", name)] = std::move(v);
}

const TensorRef* unloaded_variable(const Value& v) {
  if (v.object == nullptr || v.object->kind() != Object::Kind::kVariable) return nullptr;
  const auto* variable = static_cast<const VariableObject*>(v.object.get());
  const bool assigned = variable->value.dtype() != DType::kInvalid;
  return variable->is_ref && !assigned && !variable->stored.empty() ? &variable->stored : nullptr;
}

Result<Tensor> tensor_of(Value& v) {
  if (v.object == nullptr) return std::move(v.tensor);
  if (v.object->kind() == Object::Kind::kVariable) {
    const auto* variable = static_cast<const VariableObject*>(v.object.get());
    if (variable->is_ref) {
      if (variable->value.dtype() == DType::kInvalid) {
        return invalid_argument(cat("variable ", printable(variable->name), " has no value"));
      }
      return variable->value;
    }
  }
  return no_kernel("the op takes no handles");
}

namespace {

Status variable_handle(StateCall& call) {
  const bool is_ref = call.node.op != "VarHandleOp";
  std::shared_ptr<Object>& slot = call.state.resources[resource_name(call.node, "variable")];
  if (slot == nullptr) {
    auto v = std::make_shared<VariableObject>();
    v->dtype = call.node.attrs.type_or("dtype", DType::kInvalid);
    v->name = call.node.name;
    if (call.state.stored_variable) {
      WHITTLE_ASSIGN(v->stored, call.state.stored_variable(call.node, call.ctx));
    }
    slot = std::move(v);
  }
  if (slot->kind() != Object::Kind::kVariable) return invalid_argument("the name is no variable's");
  if (is_ref) static_cast<VariableObject*>(slot.get())->is_ref = true;
  call.out.push_back(Value::of(slot));
  return {};
}

Result<Tensor> read(const VariableObject& v, StateCall& call) {
  if (v.value.dtype() == DType::kInvalid) {
    if (!v.stored.empty()) return call.state.load(v.stored, call.ctx);
    return invalid_argument(cat("variable ", printable(v.name), " has no value"));
  }
  return v.value;
}

Status read_variable(StateCall& call) {
  WHITTLE_ASSIGN(VariableObject* v, object_input<VariableObject>(call, 0));
  WHITTLE_ASSIGN(Tensor t, read(*v, call));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

// Assign and its kin: the handle again for reference variables, nothing for resources.
void put_result(StateCall& call) {
  if (call.node.op.find("VariableOp") == std::string::npos) call.out.push_back(call.in[0]);
}

Status assign(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(VariableObject* v, object_input<VariableObject>(call, 0));
  WHITTLE_ASSIGN(Tensor t, tensor_of(call.in[1]));
  v->dtype = t.dtype();
  v->value = std::move(t);
  call.state.written = true;
  put_result(call);
  return {};
}

Status assign_changed(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(VariableObject* v, object_input<VariableObject>(call, 0));
  WHITTLE_ASSIGN(Tensor old, read(*v, call));
  WHITTLE_ASSIGN(Tensor change, tensor_of(call.in[1]));
  Tensor both[2] = {std::move(old), std::move(change)};
  const bool add = call.node.op.compare(0, 9, "AssignAdd") == 0;
  WHITTLE_ASSIGN(Tensors t, run_kernel(*find_kernel(add ? "AddV2" : "Sub"), call.node, both, call.ctx));
  v->value = std::move(t[0]);
  call.state.written = true;
  put_result(call);
  return {};
}

Status is_initialized(StateCall& call) {
  WHITTLE_ASSIGN(VariableObject* v, object_input<VariableObject>(call, 0));
  WHITTLE_ASSIGN(Tensor t, make_tensor(DType::kBool, {}, call.ctx));
  t.mutable_bytes()[0] = v->value.dtype() != DType::kInvalid || !v->stored.empty();
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

// Reading ops that are a plain op on the variable's value.
Status on_value(StateCall& call, std::string_view op, std::vector<Tensor> more) {
  WHITTLE_ASSIGN(VariableObject* v, object_input<VariableObject>(call, 0));
  WHITTLE_ASSIGN(Tensor value, read(*v, call));
  std::vector<Tensor> inputs;
  inputs.push_back(std::move(value));
  for (Tensor& t : more) inputs.push_back(std::move(t));
  WHITTLE_ASSIGN(Tensors out, run_kernel(*find_kernel(op), call.node, inputs, call.ctx));
  call.out.push_back(Value::of(std::move(out[0])));
  return {};
}

Status resource_gather(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  // The axis is the first one behind the batch.
  const int64_t batch = call.node.attrs.int_or("batch_dims", 0);
  WHITTLE_ASSIGN(Tensor axis, int_tensor(DType::kInt64, {}, {batch}, call.ctx));
  return on_value(call, "GatherV2", {call.in[1].tensor, std::move(axis)});
}

Status resource_gather_nd(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  return on_value(call, "GatherNd", {call.in[1].tensor});
}

Status variable_shape(StateCall& call) { return on_value(call, "Shape", {}); }

Status nothing(StateCall&) { return {}; }

constexpr KernelInfo row(std::string_view op, Status (*run)(StateCall&), std::string_view attrs = "",
                         DTypeSet types = kMovable) {
  return {.op = op, .dtypes = types, .attrs = attrs, .cost = Cost::kView, .run_state = run};
}
constexpr std::string_view kHandle = "container,shared_name,dtype,shape";

constexpr KernelInfo kRows[] = {
    row("Assign", assign),
    row("AssignAdd", assign_changed, "", kNumbers),
    row("AssignAddVariableOp", assign_changed, "", kNumbers),
    row("AssignSub", assign_changed, "", kNumbers),
    row("AssignSubVariableOp", assign_changed, "", kNumbers),
    row("AssignVariableOp", assign),
    row("DestroyResourceOp", nothing),
    row("DisableCopyOnRead", nothing),
    row("IsVariableInitialized", is_initialized),
    row("ReadVariableOp", read_variable),
    row("ResourceGather", resource_gather, "batch_dims"),
    row("ResourceGatherNd", resource_gather_nd),
    row("VarHandleOp", variable_handle, kHandle),
    row("VarIsInitializedOp", is_initialized),
    row("Variable", variable_handle, kHandle),
    row("VariableShape", variable_shape, "out_type"),
    row("VariableV2", variable_handle, kHandle),
};

}  // namespace

Rows variable_kernels() { return kRows; }

}  // namespace whittle::eval
