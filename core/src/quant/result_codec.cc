// Results of jobs as bytes.
#include "packer.h"
#include "whittle/job.h"

namespace whittle {
namespace {

using quant::Packer;
using quant::Unpacker;

constexpr uint32_t kScanMagic = 0x31535457;    // "WTS1"
constexpr uint32_t kEncodeMagic = 0x31455457;  // "WTE1"

}  // namespace

std::vector<uint8_t> serialize(const ScanResult& r) {
  Packer out;
  out.put(kScanMagic);
  out.put(r.crc32c);
  out.put(r.hash.lo);
  out.put(r.hash.hi);
  out.put(static_cast<uint8_t>((r.all_equal ? 1 : 0) | (r.finite ? 2 : 0)));
  out.put_list(r.first);
  out.put(r.min);
  out.put(r.max);
  out.put_list(r.absmax);
  return out.done();
}

Result<ScanResult> parse_scan_result(std::span<const uint8_t> blob) {
  Unpacker in(blob);
  if (in.get<uint32_t>() != kScanMagic) return corrupt("this is not the result of a scan");
  ScanResult r;
  r.crc32c = in.get<uint32_t>();
  r.hash.lo = in.get<uint64_t>();
  r.hash.hi = in.get<uint64_t>();
  const uint8_t flags = in.get<uint8_t>();
  r.all_equal = (flags & 1) != 0;
  r.finite = (flags & 2) != 0;
  r.first = in.get_list<uint8_t>();
  r.min = in.get<double>();
  r.max = in.get<double>();
  r.absmax = in.get_list<float>();
  if (!in.complete() || flags > 3 || r.first.size() > 16)
    return corrupt("the result of a scan is cut off");
  return r;
}

std::vector<uint8_t> serialize(const EncodeResult& r) {
  Packer out;
  out.put(kEncodeMagic);
  out.put(r.bytes);
  out.put(r.signal);
  out.put(r.noise);
  out.put(r.max_error);
  return out.done();
}

Result<EncodeResult> parse_encode_result(std::span<const uint8_t> blob) {
  Unpacker in(blob);
  if (in.get<uint32_t>() != kEncodeMagic) return corrupt("this is not the result of an encoding");
  EncodeResult r;
  r.bytes = in.get<uint64_t>();
  r.signal = in.get<double>();
  r.noise = in.get<double>();
  r.max_error = in.get<double>();
  if (!in.complete()) return corrupt("the result of an encoding is cut off");
  return r;
}

Result<bool> parse_compare_result(std::span<const uint8_t> blob) {
  if (blob.size() != 1 || blob[0] > 1) return corrupt("this is not the result of a comparison");
  return blob[0] == 1;
}

}  // namespace whittle
