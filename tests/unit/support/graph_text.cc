#include "support/graph_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "support/bytes.h"
#include "whittle/crc32c.h"
#include "whittle/math.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t' || s.front() == '\r')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

// Splits at `separator` outside of brackets and quotes; no pieces for blank text.
std::vector<std::string_view> split_outside(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  if (trim(text).empty()) return out;
  int depth = 0;
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    if (c == separator && depth == 0) {
      out.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  out.push_back(trim(text.substr(start)));
  return out;
}

struct Typed {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape = Shape::unknown();
};

// A node before it is one.
struct Line {
  std::vector<Typed> results;
  std::string op;
  std::vector<std::string> args;      // data inputs, or values of a constant
  std::vector<std::string> controls;
  std::vector<std::pair<std::string, std::string>> attrs;
};

double pseudo_random(uint64_t seed, uint64_t index) {
  uint64_t z = seed * 0x9E3779B97F4A7C15u + index * 0xBF58476D1CE4E5B9u + 0x94D049BB133111EBu;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<double>(z >> 40) / static_cast<double>(1 << 23) - 1.0;
}

class Reader {
 public:
  Reader() {
    model_.meta.registry = std::shared_ptr<const OpRegistry>(&OpRegistry::builtin(), [](const OpRegistry*) {});
  }

  TextModel read(std::string_view text) {
    std::vector<std::string> statements = statements_of(text);
    // Functions first: a call by name needs them.
    std::vector<std::string> main;
    for (size_t i = 0; i < statements.size(); ++i) {
      if (statements[i].compare(0, 9, "function ") == 0) function_header(statements[i]);
    }
    for (size_t i = 0; i < statements.size(); ++i) {
      if (statements[i].compare(0, 9, "function ") != 0) {
        main.push_back(statements[i]);
        continue;
      }
      const std::string header = statements[i];
      std::vector<std::string> body;
      for (++i; i < statements.size() && statements[i] != "}"; ++i) body.push_back(statements[i]);
      function_body(header, body);
    }
    Graph& g = model_.meta.graph;
    Signature signature;
    signature.key = "serving_default";
    signature.method_name = "tensorflow/serving/predict";
    nodes(g, main, [&](std::string_view word, std::string_view rest) { main_statement(word, rest, signature); });
    if (signature.inputs.empty()) {
      for (NodeId id : g.ids()) {
        const Node& n = g.node(id);
        if (n.op == "Placeholder" || n.op == "PlaceholderWithDefault") signature.inputs[n.name] = info({id, 0});
      }
    }
    model_.meta.signatures.push_back(std::move(signature));
    TextModel out;
    out.model = std::move(model_);
    std::vector<MemoryFile> files{{"weights.bin", bytes_}};
    for (const Asset& a : out.model.meta.assets) files.push_back({"assets/" + a.filename, "asset"});
    out.files.reset(new MemoryFiles(MemoryFiles::of(std::move(files))));
    return out;
  }

 private:
  void fail(std::string_view why, std::string_view where) {
    ADD_FAILURE() << "graph text: " << std::string(why) << ": " << std::string(where);
  }

  static std::vector<std::string> statements_of(std::string_view text) {
    std::vector<std::string> out;
    std::string pending;
    int depth = 0;
    for (std::string_view line : split(text, '\n')) {
      const size_t comment = line.find('#');
      if (comment != std::string_view::npos) line = line.substr(0, comment);
      line = trim(line);
      if (line.empty()) continue;
      if (depth == 0 && line.substr(0, 9) == "function ") {
        out.emplace_back(line);
        continue;
      }
      if (depth == 0 && line == "}") {
        out.emplace_back("}");
        continue;
      }
      if (depth == 0 && line[0] == '{' && !out.empty()) {  // attributes on a line of their own
        pending = std::move(out.back());
        out.pop_back();
      }
      for (char c : line) {
        if (c == '(' || c == '[' || c == '{') ++depth;
        if (c == ')' || c == ']' || c == '}') --depth;
      }
      pending += pending.empty() ? std::string(line) : " " + std::string(line);
      if (depth == 0) {
        out.push_back(std::move(pending));
        pending.clear();
      }
    }
    if (!pending.empty()) out.push_back(std::move(pending));
    return out;
  }

  Shape shape_of(std::string_view text) {
    Shape s;
    for (std::string_view d : split_outside(text, ',')) {
      int64_t v = -1;
      if (d != "?" && !parse_int64(d, &v)) fail("bad dimension", d);
      s.dims.push_back(v);
    }
    return s;
  }

  Typed typed(std::string_view text) {
    Typed t;
    const size_t colon = text.rfind(": ");
    if (colon == std::string_view::npos) {
      t.name = std::string(trim(text));
      return t;
    }
    t.name = std::string(trim(text.substr(0, colon)));
    std::string_view type = trim(text.substr(colon + 2));
    const size_t bracket = type.find('[');
    if (bracket != std::string_view::npos) {
      t.shape = shape_of(type.substr(bracket + 1, type.size() - bracket - 2));
      type = type.substr(0, bracket);
    }
    t.dtype = dtype_from_name(type);
    if (t.dtype == DType::kInvalid) fail("unknown dtype", text);
    return t;
  }

  void function_header(std::string_view header) {
    Function f;
    const size_t open = header.find('(');
    f.name = std::string(trim(header.substr(9, open - 9)));
    const size_t close = header.find(')', open);
    for (std::string_view a : split_outside(header.substr(open + 1, close - open - 1), ',')) {
      const Typed t = typed(a);
      f.args.push_back({t.name, t.dtype, {}});
    }
    const size_t ret_open = header.find('(', close), ret_close = header.rfind(')');
    if (ret_open != std::string_view::npos) {
      for (std::string_view r : split_outside(header.substr(ret_open + 1, ret_close - ret_open - 1), ',')) {
        const Typed t = typed(r);
        f.rets.push_back({t.name, t.dtype, {}});
      }
    }
    model_.meta.library.add(std::move(f));
  }

  void function_body(std::string_view header, const std::vector<std::string>& body) {
    const size_t open = header.find('(');
    const std::string name(trim(header.substr(9, open - 9)));
    Result<Function*> got = model_.meta.library.get_mutable(name);
    if (!got.ok()) return fail("no such function", name);
    Function* f = got.value();
    for (size_t k = 0; k < f->args.size(); ++k) {
      AttrMap attrs;
      attrs.set("T", AttrValue::type(f->args[k].dtype));
      attrs.set("index", AttrValue::integer(static_cast<int64_t>(k)));
      f->body.add(f->args[k].name, "_Arg", {}, std::move(attrs));
    }
    size_t next = 0;
    nodes(f->body, body, [&](std::string_view word, std::string_view rest) {
      if (word == "control") {
        for (std::string_view n : split_outside(rest, ',')) {
          f->control_rets.emplace_back(std::string(n), value(f->body, n).node);
        }
        return;
      }
      if (word != "return") return fail("unknown statement", word);
      for (std::string_view r : split_outside(rest, ',')) {
        if (next >= f->rets.size()) return fail("too many returns", name);
        const size_t eq = r.find('=');
        AttrMap attrs;
        attrs.set("T", AttrValue::type(f->rets[next].dtype));
        attrs.set("index", AttrValue::integer(static_cast<int64_t>(next)));
        f->body.add(f->body.unique_name(cat(f->rets[next].name, "_RetVal")), "_Retval",
                    {value(f->body, eq == std::string_view::npos ? r : trim(r.substr(eq + 1)))}, std::move(attrs));
        ++next;
      }
    });
  }

  void main_statement(std::string_view word, std::string_view rest, Signature& signature) {
    Graph& g = model_.meta.graph;
    if (word == "init") {
      for (std::string_view n : split_outside(rest, ',')) model_.meta.init.push_back(value(g, n).node);
    } else if (word == "asset") {
      const size_t colon = rest.find(':');
      Asset a;
      a.tensor = value(g, trim(rest.substr(0, colon)));
      a.filename = std::string(trim(rest.substr(colon + 1)));
      a.file = static_cast<FileId>(1 + model_.meta.assets.size());
      model_.meta.assets.push_back(std::move(a));
    } else if (word == "input" || word == "return") {
      auto& into = word == "input" ? signature.inputs : signature.outputs;
      for (std::string_view r : split_outside(rest, ',')) {
        const size_t eq = r.find('=');
        const std::string key(eq == std::string_view::npos ? r : trim(r.substr(0, eq)));
        into[key] = info(value(g, eq == std::string_view::npos ? r : trim(r.substr(eq + 1))));
      }
    } else {
      fail("unknown statement", word);
    }
  }

  TensorInfo info(OutputId v) {
    TensorInfo t;
    t.tensors.push_back(v);
    t.dtype = base_dtype(value_dtype(model_.meta, model_.meta.graph, v));
    return t;
  }

  // "n", "n:1"; the name of a second result is not a node.
  OutputId value(Graph& g, std::string_view text) {
    OutputId v;
    if (auto it = aliases_.find(std::string(text)); it != aliases_.end()) return it->second;
    const size_t colon = text.rfind(':');
    int64_t slot = 0;
    std::string_view name = text;
    if (colon != std::string_view::npos && parse_int64(text.substr(colon + 1), &slot)) name = text.substr(0, colon);
    v.node = g.find(name);
    v.slot = static_cast<int32_t>(slot);
    if (v.node == kNoNode) {
      fail("unknown node", text);
      v.node = g.add(g.unique_name("missing"), "NoOp");
    }
    return v;
  }

  template <class Other>
  void nodes(Graph& g, const std::vector<std::string>& statements, Other other) {
    aliases_.clear();
    std::vector<Line> lines;
    std::vector<std::pair<std::string, std::string>> others;
    for (const std::string& s : statements) {
      const size_t space = s.find(' ');
      const std::string word = s.substr(0, space);
      if (word == "return" || word == "input" || word == "init" || word == "asset" || word == "control") {
        others.emplace_back(word, std::string(trim(std::string_view(s).substr(space + 1))));
        continue;
      }
      lines.push_back(line(s));
    }
    std::vector<NodeId> ids;
    for (const Line& l : lines) {
      if (g.find(l.results[0].name) != kNoNode) fail("name given twice", l.results[0].name);
      ids.push_back(g.add(l.results[0].name, l.op == "File" || l.op == "Splat" ? "Const" : l.op));
      for (size_t k = 0; k < l.results.size(); ++k) {
        aliases_[l.results[k].name] = {ids.back(), static_cast<int32_t>(k)};
        declared_[{&g, {ids.back(), static_cast<int32_t>(k)}}] = l.results[k].dtype;
      }
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      const Line& l = lines[i];
      if (l.op == "Const" || l.op == "File" || l.op == "Splat") {
        constant(g, ids[i], l);
      } else {
        for (const std::string& a : l.args) g.add_input(ids[i], value(g, a));
      }
      for (const std::string& c : l.controls) g.add_control(ids[i], value(g, c).node);
      attributes(g, ids[i], l);
    }
    for (const auto& [word, rest] : others) other(word, rest);
  }

  Line line(std::string_view s) {
    Line l;
    // The first " = " outside of brackets parts results from op.
    const size_t eq = s.find(" = ");
    if (eq == std::string_view::npos) {
      fail("no ' = '", s);
      l.results.push_back({"broken", DType::kInvalid, {}});
      return l;
    }
    for (std::string_view r : split_outside(s.substr(0, eq), ',')) l.results.push_back(typed(r));
    std::string_view rest = trim(s.substr(eq + 3));
    const size_t open = rest.find('(');
    l.op = std::string(trim(rest.substr(0, open)));
    int depth = 0;
    bool quoted = false;
    size_t close = open;
    for (; close < rest.size(); ++close) {
      if (rest[close] == '"') quoted = !quoted;
      if (quoted) continue;
      if (rest[close] == '(') ++depth;
      if (rest[close] == ')' && --depth == 0) break;
    }
    for (std::string_view a : split_outside(rest.substr(open + 1, close - open - 1), ',')) {
      if (a[0] == '^') l.controls.emplace_back(a.substr(1));
      else l.args.emplace_back(a);
    }
    std::string_view tail = close < rest.size() ? trim(rest.substr(close + 1)) : std::string_view();
    if (!tail.empty()) {
      tail = tail.substr(1, tail.size() - 2);
      for (std::string_view a : split_outside(tail, ',')) {
        const size_t at = a.find('=');
        l.attrs.emplace_back(std::string(trim(a.substr(0, at))), std::string(trim(a.substr(at + 1))));
      }
    }
    return l;
  }

  void put(std::string& out, DType dtype, std::string_view text) {
    const std::string word(text);
    const auto append = [&](const void* p, size_t n) { out.append(static_cast<const char*>(p), n); };
    if (dtype == DType::kFloat) {
      const float v = std::strtof(word.c_str(), nullptr);
      append(&v, 4);
    } else if (dtype == DType::kDouble) {
      const double v = std::strtod(word.c_str(), nullptr);
      append(&v, 8);
    } else if (dtype == DType::kHalf) {
      const uint16_t v = float_to_half(std::strtof(word.c_str(), nullptr));
      append(&v, 2);
    } else if (dtype == DType::kBfloat16) {
      const uint16_t v = float_to_bfloat16(std::strtof(word.c_str(), nullptr));
      append(&v, 2);
    } else if (dtype == DType::kBool) {
      out.push_back(text == "true" ? 1 : 0);
    } else {
      const int64_t v = std::strtoll(word.c_str(), nullptr, 10);
      append(&v, byte_width(dtype));
    }
  }

  void constant(Graph& g, NodeId id, const Line& l) {
    const Typed& t = l.results[0];
    Shape shape = t.shape;
    if (shape.unknown_rank) shape = Shape{};
    TensorRef ref;
    if (t.dtype == DType::kString) {
      std::vector<std::string> strings;
      for (const std::string& a : l.args) strings.push_back(a.substr(1, a.size() - 2));
      ref = TensorRef::owned(Tensor(shape, std::move(strings)));
    } else {
      const uint64_t count = shape.elements().ok() ? shape.elements().value() : 0;
      std::string bytes;
      if (l.args.size() == 1 && l.args[0].compare(0, 5, "seed=") == 0) {
        const uint64_t seed = std::strtoull(l.args[0].c_str() + 5, nullptr, 10);
        for (uint64_t k = 0; k < count; ++k) {
          const double v = pseudo_random(seed, k);
          put(bytes, t.dtype, is_floating(t.dtype) ? cat(v) : cat(static_cast<int64_t>(v * 100)));
        }
      } else if (l.op == "Splat") {
        put(bytes, t.dtype, l.args[0]);
      } else if (l.args.size() == 1) {
        for (uint64_t k = 0; k < count; ++k) put(bytes, t.dtype, l.args[0]);
      } else {
        if (l.args.size() != count) fail("number of values", t.name);
        for (const std::string& a : l.args) put(bytes, t.dtype, a);
      }
      if (l.op == "Splat") {
        ref = TensorRef::splat(t.dtype, shape, vector_of(bytes_of(bytes)));
      } else if (l.op == "File") {
        ref = TensorRef::file(t.dtype, shape, {{{FileId{0}, bytes_.size(), bytes.size()}, 0, 1}},
                              crc32c(bytes_of(bytes)), false);
        bytes_ += bytes;
      } else {
        ref = TensorRef::owned(Tensor(t.dtype, shape, std::move(Buffer::copy_of(bytes_of(bytes))).value()));
      }
    }
    g.mutable_node(id).attrs.set("dtype", AttrValue::type(t.dtype));
    g.mutable_node(id).attrs.set("value", AttrValue::tensor(ref));
  }

  DType dtype_of(const Graph& g, OutputId v) {
    const auto it = declared_.find({&g, v});
    if (it != declared_.end() && it->second != DType::kInvalid) return it->second;
    return base_dtype(value_dtype(model_.meta, g, v));
  }

  void infer(AttrMap& attrs, const std::vector<ArgSpec>& args, const std::vector<DType>& types) {
    size_t at = 0;
    for (size_t a = 0; a < args.size(); ++a) {
      const ArgSpec& arg = args[a];
      size_t count = 1;
      if (!arg.number_attr.empty() || !arg.type_list_attr.empty()) {
        const size_t after = args.size() - a - 1;
        if (!arg.number_attr.empty() && attrs.has(arg.number_attr)) {
          count = static_cast<size_t>(attrs.int_or(arg.number_attr, 1));
        } else {
          count = types.size() >= at + after ? types.size() - at - after : 0;
          if (!arg.number_attr.empty()) attrs.set(arg.number_attr, AttrValue::integer(static_cast<int64_t>(count)));
        }
      }
      if (!arg.type_list_attr.empty() && !attrs.has(arg.type_list_attr)) {
        attrs.set(arg.type_list_attr, AttrValue::types({types.begin() + static_cast<std::ptrdiff_t>(at),
                                                        types.begin() + static_cast<std::ptrdiff_t>(at + count)}));
      }
      if (!arg.type_attr.empty() && !attrs.has(arg.type_attr) && at < types.size() && count > 0 &&
          types[at] != DType::kInvalid) {
        attrs.set(arg.type_attr, AttrValue::type(types[at]));
      }
      at += count;
    }
  }

  void attributes(Graph& g, NodeId id, const Line& l) {
    AttrMap& attrs = g.mutable_node(id).attrs;
    const OpSpec* spec = model_.meta.registry->find(g.node(id).op);
    for (const auto& [name, text] : l.attrs) {
      const AttrSpec* a = spec == nullptr ? nullptr : spec->find_attr(name);
      attrs.set(name, attribute(text, a == nullptr ? std::string_view() : a->type));
    }
    if (g.node(id).op == "Placeholder" || g.node(id).op == "PlaceholderWithDefault") {
      attrs.set("dtype", AttrValue::type(l.results[0].dtype));
      attrs.set("shape", AttrValue::shape(l.results[0].shape));
    }
    if (spec == nullptr) return;
    std::vector<DType> in, out;
    for (OutputId v : g.node(id).inputs()) in.push_back(dtype_of(g, v));
    for (const Typed& t : l.results) out.push_back(t.dtype);
    infer(attrs, spec->inputs, in);
    if (l.results[0].dtype != DType::kInvalid) infer(attrs, spec->outputs, out);
  }

  AttrValue attribute(std::string_view text, std::string_view type) {
    if (text.empty()) return AttrValue();
    if (text[0] == '[') {
      AttrList list;
      for (std::string_view item : split_outside(text.substr(1, text.size() - 2), ',')) {
        const AttrValue v = attribute(item, type.substr(0, 5) == "list(" ? type.substr(5, type.size() - 6) : type);
        switch (v.kind()) {
          case AttrValue::Kind::kString: list.strings.push_back(v.s()); break;
          case AttrValue::Kind::kInt: list.ints.push_back(v.i()); break;
          case AttrValue::Kind::kFloat: list.floats.push_back(v.f()); break;
          case AttrValue::Kind::kBool: list.bools.push_back(v.b()); break;
          case AttrValue::Kind::kType: list.types.push_back(v.type()); break;
          case AttrValue::Kind::kShape: list.shapes.push_back(v.shape()); break;
          case AttrValue::Kind::kFunc: list.funcs.push_back(v.func()); break;
          default: fail("bad list item", item);
        }
      }
      return AttrValue::list(std::move(list));
    }
    if (text[0] == '"') return AttrValue::string(std::string(text.substr(1, text.size() - 2)));
    if (text[0] == '@') return AttrValue::func({std::string(text.substr(1)), {}});
    if (text == "true" || text == "false") return AttrValue::boolean(text == "true");
    if (text.substr(0, 6) == "shape[") return AttrValue::shape(shape_of(text.substr(6, text.size() - 7)));
    if (text == "shape?") return AttrValue::shape(Shape::unknown());
    int64_t i = 0;
    if (type != "float" && parse_int64(text, &i)) return AttrValue::integer(i);
    if ((text[0] >= '0' && text[0] <= '9') || text[0] == '-' || text[0] == '.') {
      return AttrValue::real(std::strtof(std::string(text).c_str(), nullptr));
    }
    const DType d = dtype_from_name(text);
    if (d == DType::kInvalid) fail("unknown attribute value", text);
    return AttrValue::type(d);
  }

  Model model_;
  std::string bytes_;
  std::map<std::string, OutputId> aliases_;
  std::map<std::pair<const Graph*, OutputId>, DType> declared_;
};

}  // namespace

TextModel parse_model(std::string_view text) { return Reader().read(text); }

std::string canonical(std::string_view text) { return print_model(parse_model(text)); }

}  // namespace whittle
