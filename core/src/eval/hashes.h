// hashes.h: the string hashes of TensorFlow's feature columns; part of what models mean.
#ifndef WHITTLE_EVAL_HASHES_H_
#define WHITTLE_EVAL_HASHES_H_

#include <cstdint>
#include <string_view>

namespace whittle::eval {

uint64_t fingerprint64(std::string_view s);            // FarmHash Fingerprint64: StringToHashBucketFast
uint64_t hash64(std::string_view s);                   // StringToHashBucket
uint64_t sip_hash(std::string_view s, uint64_t key0, uint64_t key1);  // StringToHashBucketStrong

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_HASHES_H_
