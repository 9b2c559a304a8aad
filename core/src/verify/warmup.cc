#include <algorithm>

#include "fit.h"
#include "whittle/crc32c.h"
#include "whittle/samples.h"
#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle {
namespace {

using verify::Allowance;

// Numbers of fields, from tensorflow_serving/apis/{prediction_log,predict,model}.proto.
constexpr uint32_t kPredictLog = 6, kRequest = 1, kModelSpec = 1, kInputs = 2, kSignatureName = 3,
                   kKey = 1, kValue = 2;

using Bytes = std::span<const uint8_t>;

Error broken() { return invalid_argument("a record is no log of predictions"); }

// The last field `number` of a message; empty when it is absent.
Result<Bytes> find_field(Bytes message, uint32_t number) {
  Bytes out;
  WireField f;
  for (WireReader fields(message);;) {
    const Result<bool> more = fields.next(&f);
    if (!more.ok()) return broken();
    if (!*more) return out;
    if (f.is(number, WireType::kBytes)) out = f.bytes;
  }
}

std::string text_of(Bytes bytes) { return std::string(bytes.begin(), bytes.end()); }

struct Request {
  std::string signature = "serving_default";
  std::map<std::string, Tensor> inputs;
};

Result<Request> read_request(Bytes message, const TensorDecoder& decode, Allowance& allowance) {
  Request out;
  WireField f;
  for (WireReader fields(message);;) {
    const Result<bool> more = fields.next(&f);
    if (!more.ok()) return broken();
    if (!*more) return out;
    if (f.is(kModelSpec, WireType::kBytes)) {
      WHITTLE_ASSIGN(const Bytes name, find_field(f.bytes, kSignatureName));
      if (!name.empty()) out.signature = text_of(name);
    }
    if (!f.is(kInputs, WireType::kBytes)) continue;
    WHITTLE_ASSIGN(const Bytes key, find_field(f.bytes, kKey));
    WHITTLE_ASSIGN(const Bytes value, find_field(f.bytes, kValue));
    const std::string name = text_of(key);
    Result<Tensor> tensor = decode({reinterpret_cast<const char*>(value.data()), value.size()});
    if (!tensor.ok())
      return invalid_argument(tensor.error().message).in(cat("input ", printable(name)));
    WHITTLE_CHECK(
        allowance.take(tensor->byte_size() +
                       (tensor->is_string() ? tensor->elements() * verify::kStringCost : 0)));
    out.inputs[name] = std::move(tensor).value();
  }
}

uint64_t little(Bytes bytes, size_t n) {
  uint64_t v = 0;
  while (n-- > 0) v = v << 8 | bytes[n];
  return v;
}

// The next record: length, its checksum, bytes, their checksum.
Result<Bytes> next_record(Bytes* rest) {
  if (rest->size() < 16) return invalid_argument("it ends within a record");
  const uint64_t size = little(*rest, 8);
  if (crc32c_mask(crc32c(rest->first(8))) != little(rest->subspan(8), 4))
    return invalid_argument("the length of a record does not fit its checksum");
  if (size > rest->size() - 16) return invalid_argument("it ends within a record");
  const Bytes record = rest->subspan(12, static_cast<size_t>(size));
  if (crc32c_mask(crc32c(record)) != little(rest->subspan(12 + record.size()), 4))
    return invalid_argument("a record does not fit its checksum");
  *rest = rest->subspan(16 + record.size());
  return record;
}

Result<std::map<std::string, SampleSet>> read_all(Bytes rest, const TensorDecoder& decode) {
  std::map<std::string, SampleSet> out;
  Allowance allowance;
  while (!rest.empty()) {
    WHITTLE_ASSIGN(const Bytes record, next_record(&rest));
    WHITTLE_ASSIGN(const Bytes log, find_field(record, kPredictLog));
    WHITTLE_ASSIGN(const Bytes request, find_field(log, kRequest));
    if (request.empty()) continue;
    WHITTLE_ASSIGN(Request r, read_request(request, decode, allowance));
    SampleSet& set = out[r.signature];
    set.source = "warm-up requests";
    if (set.probes.size() < kMostSamples) set.probes.push_back(std::move(r.inputs));
  }
  return out;
}

}  // namespace

Result<std::map<std::string, SampleSet>> read_warmup(std::string_view bytes,
                                                     const TensorDecoder& decode) {
  auto out = read_all(verify::bytes_of(bytes), decode);
  if (!out.ok()) return out.take_error().in("tf_serving_warmup_requests");
  return out;
}

}  // namespace whittle
