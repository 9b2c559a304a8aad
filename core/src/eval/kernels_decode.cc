// Bytes in strings: base64, raw numbers, compressed data, records of text, RIFF audio.
#include <algorithm>

#include "families.h"
#include "whittle/inflate.h"

namespace whittle::eval {
namespace {

constexpr std::string_view kWebSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Result<Tensors> encode_base64(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kString, "input"));
  const bool pad = call.node.attrs.bool_or("pad", false);
  std::vector<std::string> out;
  uint64_t bytes = 0;
  for (const std::string& s : call.in[0].strings()) {
    std::string e;
    bytes += s.size() / 3 * 4 + 40;
    WHITTLE_CHECK(within_budget(bytes, call.ctx));
    for (size_t i = 0; i < s.size(); i += 3) {
      const size_t n = std::min<size_t>(3, s.size() - i);
      uint32_t v = 0;
      for (size_t k = 0; k < 3; ++k) v = v << 8 | (k < n ? static_cast<uint8_t>(s[i + k]) : 0);
      for (size_t k = 0; k < 4; ++k) {
        if (k <= n) e.push_back(kWebSafe[v >> (18 - 6 * k) & 63]);
        else if (pad) e.push_back('=');
      }
    }
    out.push_back(std::move(e));
  }
  return one(Tensor(call.in[0].shape(), std::move(out)));
}

Result<Tensors> decode_base64(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kString, "input"));
  std::vector<std::string> out;
  for (const std::string& s : call.in[0].strings()) {
    std::string d;
    uint32_t v = 0;
    int bits = 0;
    size_t end = s.size();
    while (end > 0 && s.size() - end < 2 && s[end - 1] == '=') --end;
    if (end % 4 == 1) return invalid_argument("base64: the length fits no data");
    for (size_t i = 0; i < end; ++i) {
      const size_t digit = kWebSafe.find(s[i]);
      if (digit == std::string_view::npos) return invalid_argument("base64: invalid character");
      v = v << 6 | static_cast<uint32_t>(digit);
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        d.push_back(static_cast<char>(v >> bits & 255));
      }
    }
    out.push_back(std::move(d));
  }
  return one(Tensor(call.in[0].shape(), std::move(out)));
}

// Every string becomes a row of numbers; all must be equally long.
Result<Tensors> decode_raw(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kString, "bytes"));
  const DType dtype = call.node.attrs.type_or("out_type", DType::kInvalid);
  const uint32_t width = byte_width(dtype);
  if (width == 0) return no_kernel("DecodeRaw of that dtype");
  const auto& strings = call.in[0].strings();
  const size_t size = strings.empty() ? 0 : strings[0].size();
  if (size % width != 0) return invalid_argument(cat(size, " bytes are no multiple of ", width));
  Dims dims = dims_of(call.in[0]);
  dims.push_back(static_cast<int64_t>(size / width));
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, std::move(dims), call.ctx));
  uint8_t* to = t.mutable_bytes();
  const uint32_t swap = call.node.attrs.bool_or("little_endian", true) ? 1 : swap_width(dtype);
  for (const std::string& s : strings) {
    if (s.size() != size) return invalid_argument("strings of different lengths");
    if (size != 0) std::memcpy(to, s.data(), size);
    for (size_t i = 0; swap > 1 && i < size; i += swap) std::reverse(to + i, to + i + swap);
    to += size;
  }
  return one(std::move(t));
}

Result<Tensors> decode_compressed(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kString, "bytes"));
  const std::string_view type = call.node.attrs.string_or("compression_type", "");
  if (type.empty()) return one(call.in[0]);
  if (type != "ZLIB" && type != "GZIP") return invalid_argument("compression_type");
  std::vector<std::string> out;
  uint64_t left = call.ctx.memory_budget();
  for (const std::string& s : call.in[0].strings()) {
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(s.data()), s.size());
    WHITTLE_ASSIGN(std::string plain,
                   inflate(bytes, type == "ZLIB" ? Wrapper::kZlib : Wrapper::kGzip, left));
    left -= plain.size();
    out.push_back(std::move(plain));
  }
  return one(Tensor(call.in[0].shape(), std::move(out)));
}

// RFC 4180 fields of one line; quotes inside of quoted fields are doubled.
Result<std::vector<std::string>> csv_fields(const std::string& line, char delimiter, bool quotes) {
  std::vector<std::string> fields;
  size_t at = 0;
  const size_t end = line.size();
  for (;;) {
    std::string field;
    if (quotes && at < end && line[at] == '"') {
      ++at;
      for (;;) {
        if (at >= end) return invalid_argument("csv: a quoted field has no end");
        if (line[at] != '"') {
          field.push_back(line[at++]);
        } else if (at + 1 < end && line[at + 1] == '"') {
          field.push_back('"');
          at += 2;
        } else {
          ++at;
          break;
        }
      }
      if (at < end && line[at] != delimiter) return invalid_argument("csv: text after a quoted field");
    } else {
      while (at < end && line[at] != delimiter) {
        if (quotes && (line[at] == '"' || line[at] == '\n' || line[at] == '\r')) {
          return invalid_argument("csv: an unquoted field with quotes or line breaks");
        }
        field.push_back(line[at++]);
      }
    }
    fields.push_back(std::move(field));
    if (at >= end) return fields;
    ++at;
  }
}

Result<Tensors> decode_csv(KernelCall& call) {
  WHITTLE_CHECK(need_at_least(call, 2));
  WHITTLE_CHECK(need_dtype(call.in[0], DType::kString, "records"));
  const AttrMap& attrs = call.node.attrs;
  const std::string_view delimiter = attrs.string_or("field_delim", ",");
  if (delimiter.size() != 1) return invalid_argument("field_delim must be one character");
  const bool quotes = attrs.bool_or("use_quote_delim", true);
  const std::string na(attrs.string_or("na_value", ""));
  const std::vector<int64_t>& chosen = ints_attr(call.node, "select_cols");
  const size_t columns = call.in.size() - 1;
  const Dims dims = dims_of(call.in[0]);
  const auto& records = call.in[0].strings();
  // Fields as strings first, columns by StringToNumber afterwards.
  std::vector<std::vector<std::string>> table(columns);
  std::vector<std::vector<bool>> missing(columns);
  for (const std::string& record : records) {
    WHITTLE_ASSIGN(const std::vector<std::string> fields, csv_fields(record, delimiter[0], quotes));
    if (chosen.empty() ? fields.size() != columns
                       : chosen.size() != columns || chosen.back() >= static_cast<int64_t>(fields.size())) {
      return invalid_argument(cat("a record of ", fields.size(), " fields for ", columns, " columns"));
    }
    for (size_t c = 0; c < columns; ++c) {
      const int64_t at = chosen.empty() ? static_cast<int64_t>(c) : chosen[c];
      if (at < 0) return invalid_argument("negative column");
      const std::string& field = fields[static_cast<size_t>(at)];
      table[c].push_back(field);
      missing[c].push_back(field.empty() || field == na);
    }
  }
  Tensors out;
  for (size_t c = 0; c < columns; ++c) {
    const Tensor& fallback = call.in[c + 1];
    if (fallback.elements() > 1) return invalid_argument("a default of several values");
    Mover column;
    if (fallback.is_string()) {
      std::vector<std::string> values;
      for (size_t r = 0; r < records.size(); ++r) {
        if (missing[c][r] && fallback.elements() == 0) return invalid_argument("a required field is missing");
        values.push_back(missing[c][r] ? fallback.strings()[0] : table[c][r]);
      }
      out.push_back(Tensor(Shape(dims), std::move(values)));
      continue;
    }
    WHITTLE_ASSIGN(column, Mover::make(fallback.dtype(), dims, call.ctx));
    Graph scratch;
    AttrMap type;
    type.set("out_type", AttrValue::type(fallback.dtype()));
    const NodeId id = scratch.add("field", "StringToNumber", {}, std::move(type));
    for (size_t r = 0; r < records.size(); ++r) {
      if (missing[c][r]) {
        if (fallback.elements() == 0) return invalid_argument("a required field is missing");
        column.copy(r, fallback, 0, 1);
        continue;
      }
      Tensor text[1] = {Tensor(Shape{}, std::vector<std::string>{table[c][r]})};
      WHITTLE_ASSIGN(Tensors number, run_kernel(*find_kernel("StringToNumber"), scratch.node(id), text,
                                                call.ctx));
      column.copy(r, number[0], 0, 1);
    }
    WHITTLE_ASSIGN(Tensor t, column.take());
    out.push_back(std::move(t));
  }
  return out;
}

uint32_t little32(const std::string& s, size_t at) {
  uint32_t v;
  std::memcpy(&v, s.data() + at, 4);
  return v;
}

// 16-bit PCM in a RIFF file: samples / 32768 as [samples, channels], and the rate.
Result<Tensors> decode_wav(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  WHITTLE_ASSIGN(const std::string wav, scalar_string(call.in[0], "contents"));
  if (wav.size() < 12 || wav.compare(0, 4, "RIFF") != 0 || wav.compare(8, 4, "WAVE") != 0) {
    return invalid_argument("no RIFF WAVE file");
  }
  int64_t channels = 0, rate = 0;
  size_t data = 0, data_size = 0;
  for (size_t at = 12; at + 8 <= wav.size();) {
    const std::string_view id(wav.data() + at, 4);
    const uint64_t size = little32(wav, at + 4);
    const size_t body = at + 8;
    if (id == "fmt ") {
      if (size < 16 || body + 16 > wav.size()) return invalid_argument("wav: broken format chunk");
      const uint32_t format = little32(wav, body);
      if ((format & 0xffff) != 1) return invalid_argument("wav: not PCM");
      channels = format >> 16;
      rate = little32(wav, body + 4);
      if (little32(wav, body + 12) >> 16 != 16) return invalid_argument("wav: not 16 bits a sample");
    } else if (id == "data" && data == 0) {
      data = body;
      data_size = static_cast<size_t>(size);
    }
    if (size > wav.size() - body) {
      // TensorFlow refuses data that is cut off.
      return invalid_argument("wav: a chunk ends after the file");
    }
    at = body + static_cast<size_t>(size);
  }
  if (channels == 0 || data == 0) return invalid_argument("wav: no format or no data");
  const int64_t samples = static_cast<int64_t>(data_size) / 2 / channels;
  int64_t want = call.node.attrs.int_or("desired_samples", -1),
          want_channels = call.node.attrs.int_or("desired_channels", -1);
  if (want < 0) want = samples;
  if (want_channels < 0) want_channels = channels;
  WHITTLE_ASSIGN(Tensor audio, make_tensor(DType::kFloat, {want, want_channels}, call.ctx));
  auto out = audio.mutable_values<float>();
  for (int64_t i = 0; i < std::min(want, samples); ++i) {
    for (int64_t c = 0; c < want_channels; ++c) {
      // Channels that are not there repeat the first.
      const int64_t from = i * channels + (c < channels ? c : 0);
      int16_t v;
      std::memcpy(&v, wav.data() + data + static_cast<size_t>(from) * 2, 2);
      out[static_cast<size_t>(i * want_channels + c)] = static_cast<float>(v) / 32768.0f;
    }
  }
  WHITTLE_ASSIGN(Tensor sample_rate, int_tensor(DType::kInt32, {}, {rate}, call.ctx));
  Tensors result = one(std::move(audio));
  result.push_back(std::move(sample_rate));
  return result;
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "") {
  return {.op = op, .dtypes = kStringOnly, .attrs = attrs, .cost = Cost::kElement, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("DecodeBase64", decode_base64),
    row("DecodeCSV", decode_csv, "field_delim,use_quote_delim,na_value,select_cols"),
    row("DecodeCompressed", decode_compressed, "compression_type"),
    row("DecodeRaw", decode_raw, "out_type,little_endian"),
    row("DecodeWav", decode_wav, "desired_channels,desired_samples"),
    row("EncodeBase64", encode_base64, "pad"),
};

}  // namespace

Rows decode_kernels() { return kRows; }

}  // namespace whittle::eval
