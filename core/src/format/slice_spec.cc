#include "slice_spec.h"

#include "whittle/text.h"

namespace whittle::format {
namespace {

bool parse_extent(std::string_view text, SliceExtent* extent) {
  *extent = SliceExtent();
  if (text == "-") return true;
  const std::vector<std::string_view> parts = split(text, ',');
  return parts.size() == 2 && parse_int64(parts[0], &extent->start) &&
         parse_int64(parts[1], &extent->length) && extent->start >= 0 && extent->length > 0;
}

}  // namespace

Result<SliceSpec> parse_slice_spec(std::string_view text) {
  const Error broken = corrupt(cat("the slice '", printable(text), "' is none of a tensor"));
  // Two numbers of 20 characters and a dimension for each axis, at most.
  if (text.size() > 64 * static_cast<size_t>(kMaxRank)) return broken;
  std::vector<std::string_view> words = split(text, ' ');
  if (words.size() < 2 || words.size() > static_cast<size_t>(kMaxRank) + 1) return broken;
  const std::vector<std::string_view> slices = split(words.back(), ':');
  words.pop_back();
  if (slices.size() != words.size()) return broken;
  SliceSpec spec;
  for (size_t d = 0; d < words.size(); ++d) {
    int64_t dim = 0;
    SliceExtent extent;
    if (!parse_int64(words[d], &dim) || dim < 0 || !parse_extent(slices[d], &extent)) return broken;
    if (extent.length >= 0 && (extent.length > dim || extent.start > dim - extent.length)) return broken;
    spec.whole.dims.push_back(dim);
    spec.extents.push_back(extent);
  }
  return spec;
}

}  // namespace whittle::format
