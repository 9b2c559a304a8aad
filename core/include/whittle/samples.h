// samples.h: inputs for the verifier from files that lie beside a model.
//
//   .npz    arrays by the keys of the inputs; a single array serves a single input whatever its name, and
//           arrays of other names (labels) are passed over
//   .npy    the only input, or the input that the file is named after
//   .json   {"instances": [...]} or {"inputs": ...} as TensorFlow Serving takes them, {"b64": "..."} for
//           bytes; an object {input key: nested arrays}; a bare nested array for the only input
//   .png    grey, RGB, RGBA or palette, at most 8 bits, not interlaced: the only input of rank 4, else of
//           rank 3. Brought to the channels of the input (1, 3, 4), and, where the signature fixes height
//           and width, to that size: bilinear with half-pixel centers. Integers get 0 to 255, floats 0 to
//           1: a model that wants [-1, 1] or [0, 255] needs its pixels in an .npy or .npz. A string
//           input gets the file as it is.
//
// Splitting   of an array for an input [?,224,224,3]:
//               [N,224,224,3]   N probes of batch 1; a fixed first dimension k takes k rows a probe,
//                               and rows that do not fill a probe are left out
//               [224,224,3]     one probe
//               [N,1,224,224,3] N probes
//             A float vector [?] that is the only input is one probe: a waveform, not a batch.
//             At most kMostSamples probes are kept. Several files add probes. An input with one probe
//             gets it in every one; otherwise all inputs must have equally many.
// Numbers     become the input's dtype: float64 to float32, int64 to int32, 3.0 to 3. A fraction or a
//             value out of range for an integer is refused. Either byte order, either array order.
// Errors      invalid_argument, in "samples PATH"; unsupported for what a format allows and this does not
//             (pickled objects, interlaced images); limit above kMostSampleBytes.
// Memory      nothing is allocated by a header's word alone: the bytes for it must be there.
#ifndef WHITTLE_SAMPLES_H_
#define WHITTLE_SAMPLES_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "whittle/model.h"
#include "whittle/verify.h"

namespace whittle {

constexpr uint64_t kMostSamples = 64;
constexpr uint64_t kMostSampleBytes = 256'000'000;  // decoded, of one call

struct SampleFile {
  std::string path;
  std::string bytes;
};

Result<SampleSet> read_samples(const std::vector<SampleFile>& files, const Signature& signature);

// A serialized TensorProto as a tensor.
using TensorDecoder = std::function<Result<Tensor>(std::string_view tensor_proto)>;

// assets.extra/tf_serving_warmup_requests: TFRecords of tensorflow.serving.PredictionLog. Each PredictRequest is
// a probe of its signature; logs of other kinds are passed over. By signature key.
Result<std::map<std::string, SampleSet>> read_warmup(std::string_view bytes,
                                                     const TensorDecoder& decode);

}  // namespace whittle

#endif  // WHITTLE_SAMPLES_H_
