// json_samples.h: arrays written as JSON.
//
//   {"signature_name": "s", "instances": [{"x": [1, 2]}, {"x": [3, 4]}]}   rows; {"b64": "aGk="} is a string
//   {"signature_name": "s", "inputs": {"x": [[1, 2], [3, 4]]}}             columns
//   {"x": [[1, 2], [3, 4]]}                                               by input key
//   [[1, 2], [3, 4]]                                                      the only input, named ""
//
// Whole numbers become int64, others float64; true and false are 1 and 0.
#ifndef WHITTLE_VERIFY_JSON_SAMPLES_H_
#define WHITTLE_VERIFY_JSON_SAMPLES_H_

#include "fit.h"

namespace whittle::verify {

Result<NamedArrays> read_json(std::string_view text, const Signature& signature,
                              Allowance& allowance);

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_JSON_SAMPLES_H_
