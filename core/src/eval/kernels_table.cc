// Lookup tables: filled by init nodes from tensors or vocabulary files, or written while running.
#include <algorithm>

#include "families.h"
#include "state_objects.h"

namespace whittle::eval {
namespace {

constexpr size_t kMaxEntries = size_t{1} << 26;

Status create(StateCall& call) {
  const std::string_view op = call.node.op;
  std::shared_ptr<Object> fresh;
  std::shared_ptr<Object>& slot = op.compare(0, 9, "Anonymous") == 0
                                      ? fresh
                                      : call.state.resources[resource_name(call.node, "table")];
  if (slot == nullptr) {
    auto table = std::make_shared<TableObject>();
    table->key_dtype = call.node.attrs.type_or("key_dtype", DType::kInvalid);
    table->value_dtype = call.node.attrs.type_or("value_dtype", DType::kInvalid);
    table->is_mutable = op.find("Mutable") != std::string_view::npos;
    const AttrValue* shape = call.node.attrs.find("value_shape");
    if (shape != nullptr && shape->kind() == AttrValue::Kind::kShape) {
      if (!shape->shape().fully_defined()) return no_kernel("tables of values of unknown shape");
      table->value_dims = shape->shape().dims;
    }
    if (op.find("Dense") != std::string_view::npos && !call.in.empty()) {
      table->key_dims = dims_of(call.in[0].tensor);  // of empty_key
    }
    slot = std::move(table);
  }
  call.out.push_back(Value::of(slot));
  return {};
}

// Element `i` of `unit` elements each, as the bytes that identify it.
std::string piece(const Tensor& t, uint64_t i, uint64_t unit) {
  if (t.is_string()) {
    if (unit == 1) return t.strings()[i];
    std::string joined;
    for (uint64_t k = 0; k < unit; ++k) {
      const std::string& s = t.strings()[i * unit + k];
      joined += cat(s.size(), ":") + s;
    }
    return joined;
  }
  const size_t bytes = static_cast<size_t>(unit * byte_width(t.dtype()));
  return std::string(reinterpret_cast<const char*>(t.bytes().data()) + i * bytes, bytes);
}

// Keys [n…, key dims], values [n…, value dims].
Status insert(TableObject& table, const Tensor& keys, const Tensor& values, bool replace) {
  if (keys.dtype() != table.key_dtype || values.dtype() != table.value_dtype) {
    return invalid_argument("keys or values of another dtype than the table's");
  }
  const uint64_t key_unit = product(table.key_dims, 0, table.key_dims.size());
  const uint64_t value_unit = product(table.value_dims, 0, table.value_dims.size());
  if (key_unit == 0 || (values.is_string() && value_unit != 1)) {
    return no_kernel("tables of such keys or values");
  }
  const uint64_t n = keys.elements() / key_unit;
  if (keys.elements() % key_unit != 0 || values.elements() != n * value_unit) {
    return invalid_argument("keys and values differ in number");
  }
  if (table.keys.size() + n > kMaxEntries) return over_limit("too many entries in a table");
  for (uint64_t i = 0; i < n; ++i) {
    std::string key = piece(keys, i, key_unit);
    std::string value = value_unit == 0 ? std::string() : piece(values, i, value_unit);
    const auto [at, is_new] = table.places.try_emplace(key, table.keys.size());
    if (is_new) {
      table.keys.push_back(std::move(key));
      table.values.push_back(std::move(value));
    } else if (replace) {
      table.values[at->second] = std::move(value);
    } else if (table.values[at->second] != value) {
      return invalid_argument("a key of the table is given twice with different values");
    }
  }
  table.initialized = true;
  return {};
}

Status initialize(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  if (table->initialized && !table->is_mutable) return {};
  return insert(*table, call.in[1].tensor, call.in[2].tensor, false);
}

Status import_table(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  call.state.written = true;
  table->keys.clear();
  table->values.clear();
  table->places.clear();
  return insert(*table, call.in[1].tensor, call.in[2].tensor, true);
}

Status insert_entries(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  call.state.written = true;
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  return insert(*table, call.in[1].tensor, call.in[2].tensor, true);
}

Status remove_entries(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  call.state.written = true;
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  const uint64_t unit = std::max<uint64_t>(product(table->key_dims, 0, table->key_dims.size()), 1);
  for (uint64_t i = 0; i < call.in[1].tensor.elements() / unit; ++i) {
    const auto at = table->places.find(piece(call.in[1].tensor, i, unit));
    if (at == table->places.end()) continue;
    // The last entry moves into the gap.
    const size_t gap = at->second, last = table->keys.size() - 1;
    table->places.erase(at);
    if (gap != last) {
      table->keys[gap] = std::move(table->keys[last]);
      table->values[gap] = std::move(table->values[last]);
      table->places[table->keys[gap]] = gap;
    }
    table->keys.pop_back();
    table->values.pop_back();
  }
  return {};
}

// A tensor of `dims` from pieces of bytes.
Result<Tensor> assemble(DType dtype, Dims dims, const std::vector<const std::string*>& pieces,
                        Context& ctx) {
  if (dtype == DType::kString) {
    std::vector<std::string> strings;
    uint64_t bytes = 0;
    for (const std::string* p : pieces) {
      bytes += p->size() + sizeof(std::string);
      WHITTLE_CHECK(within_budget(bytes, ctx));
      strings.push_back(*p);
    }
    return Tensor(Shape(std::move(dims)), std::move(strings));
  }
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, std::move(dims), ctx));
  uint8_t* to = t.mutable_bytes();
  for (const std::string* p : pieces) {
    if (!p->empty()) std::memcpy(to, p->data(), p->size());
    to += p->size();
  }
  return t;
}

Status find(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  const Tensor &keys = call.in[1].tensor, &fallback = call.in[2].tensor;
  if (!table->initialized && !table->is_mutable) {
    return invalid_argument("the table has not been initialized");
  }
  if (keys.dtype() != table->key_dtype || fallback.dtype() != table->value_dtype) {
    return invalid_argument("keys or default of another dtype than the table's");
  }
  const size_t key_rank = table->key_dims.size();
  if (dims_of(keys).size() < key_rank ||
      !std::equal(table->key_dims.begin(), table->key_dims.end(),
                  dims_of(keys).end() - static_cast<int64_t>(key_rank))) {
    return invalid_argument("keys do not have the table's shape");
  }
  const uint64_t unit = product(table->key_dims, 0, key_rank);
  const uint64_t value_unit = product(table->value_dims, 0, table->value_dims.size());
  if (unit == 0) return no_kernel("tables of empty keys");
  const uint64_t n = keys.elements() / unit;
  // One default for all keys, or one each.
  const bool one_each = fallback.elements() != value_unit && fallback.elements() == n * value_unit;
  if (!one_each && fallback.elements() != value_unit) {
    return invalid_argument("the default does not fit the table's values");
  }
  std::vector<std::string> defaults;
  for (uint64_t i = 0; i < (one_each ? n : 1); ++i) {
    defaults.push_back(value_unit == 0 ? std::string() : piece(fallback, i, value_unit));
  }
  std::vector<const std::string*> found;
  for (uint64_t i = 0; i < n; ++i) {
    const auto at = table->places.find(piece(keys, i, unit));
    found.push_back(at == table->places.end() ? &defaults[one_each ? i : 0]
                                              : &table->values[at->second]);
  }
  Dims dims(dims_of(keys).begin(), dims_of(keys).end() - static_cast<int64_t>(key_rank));
  dims.insert(dims.end(), table->value_dims.begin(), table->value_dims.end());
  WHITTLE_ASSIGN(Tensor t, assemble(table->value_dtype, std::move(dims), found, call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status size(StateCall& call) {
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  WHITTLE_ASSIGN(Tensor t, int_tensor(DType::kInt64, {}, {static_cast<int64_t>(table->keys.size())},
                                      call.ctx));
  call.out.push_back(Value::of(std::move(t)));
  return {};
}

Status export_table(StateCall& call) {
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  for (const bool keys : {true, false}) {
    std::vector<const std::string*> pieces;
    for (const std::string& s : keys ? table->keys : table->values) pieces.push_back(&s);
    Dims dims{static_cast<int64_t>(pieces.size())};
    const Dims& inner = keys ? table->key_dims : table->value_dims;
    dims.insert(dims.end(), inner.begin(), inner.end());
    WHITTLE_ASSIGN(Tensor t, assemble(keys ? table->key_dtype : table->value_dtype, std::move(dims),
                                      pieces, call.ctx));
    call.out.push_back(Value::of(std::move(t)));
  }
  return {};
}

// One line of a vocabulary file as a key or value: -1 is the line number, -2 the line, else a column.
Result<std::string> field(std::string_view line, int64_t line_number, int64_t index, char delimiter,
                          DType dtype) {
  std::string_view text = line;
  if (index >= 0) {
    const std::vector<std::string_view> columns = split(line, delimiter);
    if (static_cast<size_t>(index) >= columns.size()) {
      return invalid_argument(cat("line ", line_number + 1, " has no column ", index));
    }
    text = columns[static_cast<size_t>(index)];
  }
  if (index == -1 || dtype != DType::kString) {
    int64_t number = line_number;
    if (index != -1) {
      if (dtype == DType::kFloat || dtype == DType::kDouble) {
        return no_kernel("tables of numbers with fractions from files");
      }
      if (!parse_int64(text, &number)) {
        return invalid_argument(cat("line ", line_number + 1, " is no integer"));
      }
    }
    if (dtype == DType::kInt32) {
      const int32_t narrow_number = static_cast<int32_t>(number);
      return std::string(reinterpret_cast<const char*>(&narrow_number), 4);
    }
    if (dtype != DType::kInt64) return no_kernel("line numbers of that dtype");
    return std::string(reinterpret_cast<const char*>(&number), 8);
  }
  return std::string(text);
}

Status initialize_from_file(StateCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(TableObject* table, object_input<TableObject>(call, 0));
  if (table->initialized) return {};
  if (!call.state.read_file) return no_kernel("tables from files, which cannot be read here");
  WHITTLE_ASSIGN(const std::string path, scalar_string(call.in[1].tensor, "filename"));
  WHITTLE_ASSIGN(const std::string text, call.state.read_file(path, call.ctx));
  const AttrMap& attrs = call.node.attrs;
  const int64_t key_index = attrs.int_or("key_index", -2), value_index = attrs.int_or("value_index", -1);
  const int64_t vocab = attrs.int_or("vocab_size", -1), offset = attrs.int_or("offset", 0);
  const std::string_view delimiter = attrs.string_or("delimiter", "\t");
  if (delimiter.size() != 1) return invalid_argument("delimiter must be one character");
  int64_t number = 0;
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    if (end == std::string::npos) end = text.size();
    std::string_view line(text.data() + start, end - start);
    start = end + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const int64_t entry = number++ - offset;
    if (entry < 0) continue;
    if (vocab >= 0 && entry >= vocab) break;
    WHITTLE_ASSIGN(std::string key, field(line, entry, key_index, delimiter[0], table->key_dtype));
    WHITTLE_ASSIGN(std::string value,
                   field(line, entry, value_index, delimiter[0], table->value_dtype));
    const auto [at, is_new] = table->places.try_emplace(key, table->keys.size());
    if (!is_new) {
      if (table->values[at->second] == value) continue;
      return invalid_argument(cat("key '", printable(key), "' stands twice in ", printable(path)));
    }
    table->keys.push_back(std::move(key));
    table->values.push_back(std::move(value));
    if (table->keys.size() > kMaxEntries) return over_limit("too many entries in a table");
  }
  table->initialized = true;
  return {};
}

constexpr KernelInfo row(std::string_view op, Status (*run)(StateCall&), std::string_view attrs = "") {
  return {.op = op, .dtypes = kMovable, .attrs = attrs, .cost = Cost::kMove, .run_state = run};
}
constexpr std::string_view kCreate = "container,shared_name,key_dtype,value_dtype";
constexpr std::string_view kFile = "key_index,value_index,vocab_size,delimiter,offset";

constexpr KernelInfo kRows[] = {
    row("AnonymousHashTable", create, "key_dtype,value_dtype"),
    row("AnonymousMutableHashTable", create, "key_dtype,value_dtype"),
    row("HashTable", create, kCreate),
    row("HashTableV2", create, kCreate),
    row("InitializeTable", initialize),
    row("InitializeTableFromTextFile", initialize_from_file, kFile),
    row("InitializeTableFromTextFileV2", initialize_from_file, kFile),
    row("InitializeTableV2", initialize),
    row("LookupTableExport", export_table),
    row("LookupTableExportV2", export_table),
    row("LookupTableFind", find),
    row("LookupTableFindV2", find),
    row("LookupTableImport", import_table),
    row("LookupTableImportV2", import_table),
    row("LookupTableInsert", insert_entries),
    row("LookupTableInsertV2", insert_entries),
    row("LookupTableRemoveV2", remove_entries),
    row("LookupTableSize", size),
    row("LookupTableSizeV2", size),
    row("MutableDenseHashTable", create, kCreate),
    row("MutableDenseHashTableV2", create, kCreate),
    row("MutableHashTable", create, kCreate),
    row("MutableHashTableOfTensors", create, kCreate),
    row("MutableHashTableOfTensorsV2", create, kCreate),
    row("MutableHashTableV2", create, kCreate),
};

}  // namespace

Rows table_kernels() { return kRows; }

}  // namespace whittle::eval
