// examples.h: serialized tf.Examples for inputs that go into ParseExample, ParseExampleV2 or ParseSingleExample.
#ifndef WHITTLE_VERIFY_EXAMPLES_H_
#define WHITTLE_VERIFY_EXAMPLES_H_

#include <optional>
#include <string>
#include <vector>

#include "random.h"
#include "whittle/model.h"

namespace whittle::verify {

struct ExampleFeature {
  std::string key;
  DType dtype = DType::kFloat;  // float, int64 or string
  uint64_t count = 1;           // values
};

struct ExampleSpec {
  std::vector<ExampleFeature> features;
};

// The features that the first parser behind `input` asks for; none when it leads to no parser.
std::optional<ExampleSpec> find_example_parser(const MetaGraph& meta, OutputId input);

// Near-normal floats, integers below `ids`, one-letter words.
std::string make_example(const ExampleSpec& spec, int64_t ids, Random& random);

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_EXAMPLES_H_
